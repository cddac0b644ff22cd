"""Brute force for the functions of the catalogue: plain loops over rows, written apart from their SQL.

Each takes ``seen``, which gives all rows of a table that are visible as of the date (a list without a time: whole;
values that are written later than their row: missing until they are known), one customer, and the date.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from custintel.functions.function_registry import find_function

if TYPE_CHECKING:
    from datetime import date

Row = dict[str, Any]
LEFT = ("voluntary", "port_out")
Seen = Callable[[str], list[Row]]


def day(value: Any) -> date:
    return value.date() if hasattr(value, "date") else value


def of(customer: str, rows: list[Row]) -> list[Row]:
    return [row for row in rows if row["customer_id"] == customer]


def arrears(seen: Seen, customer: str, as_of: date) -> Row:
    bills, money = [], [p for p in of(customer, seen("payments")) if p["status"] == "ok"]
    for bill in of(customer, seen("bills")):
        payments = [p for p in money if p["bill_id"] == bill["bill_id"]]
        billed = max(bill["amount"], 0.0)
        paid = sum(p["amount"] for p in payments)
        due = bill["due_date"]
        late = 0 if due is None else (as_of - day(due)).days
        bills.append({"billed": billed, "paid": min(paid, billed), "left": max(billed - paid, 0.0), "late": late})
        bills[-1]["due"] = due is not None and late >= 0
    overdue = [b for b in bills if b["late"] > 0 and b["left"] > 0.005]
    due = [b for b in bills if b["due"]]
    billed = sum(b["billed"] for b in due)
    return {
        "open_amount": sum(b["left"] for b in bills) if bills else None,
        "overdue_amount": sum(b["left"] for b in overdue) if bills else None,
        "overdue_bills": len(overdue) if bills else None,
        "days_past_due": max((b["late"] for b in overdue), default=0) if bills else None,
        "paid_share": sum(b["paid"] for b in due) / billed if billed else None,
    }


def age(row: Row, as_of: date, key: str = "event_time") -> int:
    return (as_of - day(row[key])).days


def used(seen: Seen, as_of: date, days: int = 90) -> list[Row]:
    return [row for row in seen("usage") if age(row, as_of) < days]


def grouped(rows: list[Row], *keys: str) -> dict[Any, list[Row]]:
    found: dict[Any, list[Row]] = {}
    for row in rows:
        key = tuple(row[k] for k in keys)
        if None not in key:
            found.setdefault(key[0] if len(keys) == 1 else key, []).append(row)
    return found


def ratio(a: float, b: float) -> float | None:
    return a / b if b else None


def cosine(pairs: list[tuple[float, float]]) -> float | None:
    lengths = math.sqrt(sum(a * a for a, _ in pairs)) * math.sqrt(sum(b * b for _, b in pairs))
    return ratio(sum(a * b for a, b in pairs), lengths)


def holder(seen: Seen, number: str, on: date) -> str | None:
    """The line that held a number on a day: the latest activated, equal days by name."""
    lines = [
        (day(c["activation_date"]), c["customer_id"])
        for c in seen("customers")
        if c["msisdn"] == number and day(c["activation_date"]) <= on
    ]
    return max(lines)[1] if lines else None


def left_lines(seen: Seen) -> dict[str, list[Row]]:
    return grouped([t for t in seen("terminations") if t["cause"] in ("voluntary", "port_out")], "customer_id")


def lines_met(seen: Seen, customer: str, as_of: date) -> list[tuple[str, int]]:
    """Lines of ours behind the customer's contacts, with the number of calls and texts."""
    found = []
    for number, rows in grouped(of(customer, used(seen, as_of)), "other_party").items():
        line = holder(seen, number, max(day(r["event_time"]) for r in rows))
        if line is not None and line != customer:
            found.append((line, len(rows)))
    return found


def ties(seen: Seen, customer: str, as_of: date) -> Row:
    gone = left_lines(seen)
    met = [(gone[line], n) for line, n in lines_met(seen, customer, as_of) if line in gone]
    ages = [min(age(t, as_of) for t in rows) for rows, _ in met]
    ports = [[t for t in rows if t["cause"] == "port_out"] for rows, _ in met]
    operators = Counter(
        max(t["destination_operator"] for t in rows if t["destination_operator"] is not None)
        for rows in ports
        if any(t["destination_operator"] is not None for t in rows)
    )
    return {
        "left_contacts": len(met),
        "left_lately": sum(a < 30 for a in ages),
        "left_close": sum(n >= 10 for _, n in met),
        "left_events": sum(n for _, n in met),
        "days_since_left": min(ages, default=None),
        "ported_contacts": sum(bool(rows) for rows in ports),
        "ported_to": min(operators, key=lambda o: (-operators[o], o)) if operators else None,
    }


def fraud_ties(seen: Seen, customer: str, as_of: date) -> Row:
    cases = grouped([c for c in seen("cases") if c["kind"] != "arrears"], "customer_id")
    met = [(cases[line], n) for line, n in lines_met(seen, customer, as_of) if line in cases]
    return {
        "fraud_contacts": len(met),
        "fraud_events": sum(n for _, n in met),
        "days_since_fraud": min((age(c, as_of) for rows, _ in met for c in rows), default=None),
    }


def circle(seen: Seen, customer: str, as_of: date) -> Row:
    contacts = grouped(of(customer, used(seen, as_of)), "other_party")
    if not contacts:
        return dict.fromkeys(find_function("circle").columns)
    order = sorted(contacts, key=lambda c: (-len(contacts[c]), min(age(r, as_of) for r in contacts[c]), c))
    lately = {c: sum(age(r, as_of) < 30 for r in rows) for c, rows in contacts.items()}
    total, reached, needed = sum(map(len, contacts.values())), 0, 0
    while reached < math.ceil(0.8 * total):
        reached, needed = reached + len(contacts[order[needed]]), needed + 1
    moved, operators = [], {}
    for name, rows in contacts.items():
        inside = [day(r["event_time"]) for r in rows if r["destination"] == "on_net"]
        outside = [day(r["event_time"]) for r in rows if r["destination"] == "off_net"]
        moved += [name] if inside and outside and max(inside) < min(outside) else []
        theirs = [r["other_operator"] for r in rows if r["destination"] == "off_net" and r["other_operator"]]
        if theirs:
            operators.setdefault(max(theirs), []).append(name)
    events = {o: sum(len(contacts[c]) for c in names) for o, names in operators.items()}
    main = min(operators, key=lambda o: (-events[o], o)) if operators else None
    late = sum(lately[c] for c in operators[main]) if main else 0
    return {
        "pareto_share": needed / len(contacts),
        "circle_likeness": cosine([(lately[c], len(rows) - lately[c]) for c, rows in contacts.items()]),
        "close_silent": sum(lately[c] == 0 for c in order[:5]),
        "closest_silence": min(age(r, as_of) for r in contacts[order[0]]),
        "moved_contacts": len(moved),
        "moved_events": sum(len(contacts[c]) for c in moved),
        "main_competitor": main,
        "main_competitor_contacts": len(operators[main]) if main else None,
        "main_competitor_growth": late / 30 - (events[main] - late) / 60 if main else None,
    }


def tie_weights(seen: Seen, as_of: date) -> dict[str, dict[str, int]]:
    """Ties of every line: other line -> weight and last day."""
    found: dict[str, dict[str, int]] = {}
    for line, rows in grouped(used(seen, as_of), "customer_id").items():
        for number, theirs in grouped(rows, "other_party").items():
            last = max(day(r["event_time"]) for r in theirs)
            other = holder(seen, number, last)
            if other not in (None, line) and len({r["direction"] for r in theirs}) == 2:
                for a, b in ((line, other), (other, line)):
                    n, before = found.setdefault(a, {}).get(b, (0, last))
                    found[a][b] = (max(n, len(theirs)), max(before, last))
    return found


def community(seen: Seen, customer: str, as_of: date) -> Row:
    web, gone = tie_weights(seen, as_of), left_lines(seen)
    label = {
        line: (-sum(n for n, _ in mine.values()), -max(n for n, _ in mine.values()),
               sum((as_of - last).days for _, last in mine.values()), -len(mine), line)
        for line, mine in web.items()
    }  # fmt: skip
    for _ in range(4):
        label = {line: next_label(line, web, label) for line in web}
    if customer not in web:
        return dict.fromkeys(find_function("community").columns)
    mine = web[customer]
    second = {far for near in mine for far in web[near]} - {customer} - set(mine)
    group = [line for line in web if label[line] == label[customer]]
    closed = sum(b in web[a] for a in mine for b in mine if a < b)
    weight = sum(n for n, _ in mine.values())
    return {
        "ties": len(mine),
        "tie_weight": weight,
        "silent_ties": sum((as_of - last).days >= 30 for _, last in mine.values()),
        "ties_of_ties": len(second),
        "left_ties_of_ties": sum(line in gone for line in second),
        "closed_share": ratio(closed, len(mine) * (len(mine) - 1) / 2),
        "community_size": len(group),
        "community_left": sum(line in gone for line in group) / len(group),
        "community_inside": sum(n for o, (n, _) in mine.items() if label[o] == label[customer]) / weight,
    }


def next_label(line: str, web: dict[str, dict[str, Any]], label: dict[str, Any]) -> Any:
    weights = Counter({label[line]: max(n for n, _ in web[line].values())})
    for other, (n, _) in web[line].items():
        weights[label[other]] += n
    return min(weights, key=lambda name: (-weights[name], name))


def kilometres(a: tuple[float, float], b: tuple[float, float]) -> float:
    """By the angle between two points of the unit sphere, unlike the haversine of the builder."""
    points = []
    for lat, lon in (a, b):
        lat, lon = math.radians(lat), math.radians(lon)
        points.append((math.cos(lat) * math.cos(lon), math.cos(lat) * math.sin(lon), math.sin(lat)))
    (ax, ay, az), (bx, by, bz) = points
    cross = math.hypot(ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx)
    return 6371.0 * math.atan2(cross, ax * bx + ay * by + az * bz)


def night_home(cells: dict[str, list[Row]], inside: Callable[[Row], bool]) -> str | None:
    nights = {c: sum(bool(r["is_night"]) and inside(r) for r in rows) for c, rows in cells.items()}
    order = sorted(cells, key=lambda c: (-nights[c], -len(cells[c]), c))
    return order[0] if order and nights[order[0]] else None


def places(seen: Seen, customer: str, as_of: date) -> Row:
    cells = grouped(of(customer, used(seen, as_of)), "cell_id")
    if not cells:
        return dict.fromkeys(find_function("places").columns)
    listed = {c["cell_id"]: c for c in seen("cells")}
    at = {
        name: (c["latitude"], c["longitude"])
        for name, c in listed.items()
        if c["latitude"] is not None and c["longitude"] is not None
    }
    placed = {c: len(rows) for c, rows in cells.items() if c in at}
    home = night_home(cells, lambda r: True)
    lately = night_home(cells, lambda r: age(r, as_of) < 30)
    before = night_home(cells, lambda r: age(r, as_of) >= 30)
    total, n = sum(map(len, cells.values())), sum(placed.values())
    late = {c: sum(age(r, as_of) < 30 for r in rows) for c, rows in cells.items()}
    weeks = [[sum(age(r, as_of) // 7 == w for r in rows) for rows in cells.values()] for w in range(5)]
    alike = [cosine(list(zip(weeks[w], weeks[w + 1], strict=True))) for w in range(4)]
    alike = [a for a in alike if a is not None]
    middle = tuple(sum(placed[c] * at[c][i] for c in placed) / n for i in (0, 1)) if n else None
    away = {c: kilometres(at[home], at[c]) for c in placed} if home in at else {}
    frequent, reached = 0, 0
    for rows in sorted(cells.values(), key=len, reverse=True):
        frequent, reached = frequent + (reached < 0.8 * total), reached + len(rows)
    radius = math.sqrt(sum(k * kilometres(middle, at[c]) ** 2 for c, k in placed.items()) / n) if n else None
    return {
        "home_share": None if home is None else len(cells[home]) / total,
        "home_share_lately": None if home is None else ratio(late[home], sum(late.values())),
        "home_moved_km": kilometres(at[before], at[lately]) if before in at and lately in at else None,
        "home_kind": listed[home]["kind"] if home in listed else None,
        "home_region": listed[home]["region"] if home in listed else None,
        "home_distance": sum(placed[c] * d for c, d in away.items()) / n if away else None,
        "farthest": max(away.values(), default=None),
        "radius": 0.0 if radius is not None and radius < 1e-3 else radius,
        "frequent_cells": frequent,
        "week_likeness": sum(alike) / len(alike) if alike else None,
    }


def mean(pairs: list[tuple[float, float]]) -> float | None:
    known = [(weight, value) for weight, value in pairs if value is not None]
    return ratio(sum(w * v for w, v in known), sum(w for w, _ in known))


def experience(seen: Seen, customer: str, as_of: date) -> Row:
    cells = grouped(of(customer, used(seen, as_of)), "cell_id")
    measured = grouped([k for k in seen("cell_kpis") if age(k, as_of) < 90], "cell_id")
    met = {c: rows for c, rows in cells.items() if c in measured}
    if not met:
        return dict.fromkeys(find_function("experience").columns)

    def figure(cell: str | None, name: str, days: int, total: bool = False) -> float | None:
        rows = [k[name] for k in measured.get(cell, ()) if age(k, as_of) < days and k[name] is not None]
        return None if not rows else sum(rows) if total else sum(rows) / len(rows)

    def weighted(name: str, days: int, total: bool = False) -> float | None:
        return mean([(len(rows), figure(c, name, days, total)) for c, rows in met.items()])

    home = night_home(cells, lambda r: True)
    outages = [age(k, as_of) for k in measured.get(home, ()) if k["outage_hours"] and k["outage_hours"] >= 1]
    worst = [figure(c, "drop_rate", 90) for c in met]
    return {
        **{f"drop_rate_{d}": weighted("drop_rate", d) for d in (30, 90)},
        **{f"load_{d}": weighted("busy_hour_load", d) for d in (30, 90)},
        **{f"throughput_{d}": weighted("throughput_mbps", d) for d in (30, 90)},
        **{f"outage_hours_{d}": weighted("outage_hours", d, total=True) for d in (30, 90)},
        "worst_drop_rate": max((w for w in worst if w is not None), default=None),
        "home_drop_rate": figure(home, "drop_rate", 90),
        "home_throughput": figure(home, "throughput_mbps", 90),
        "home_outage_hours_30": figure(home, "outage_hours", 30, total=True),
        "home_outage_hours_90": figure(home, "outage_hours", 90, total=True),
        "home_outage_days": len(outages) if home in measured else None,
        "days_since_home_outage": min(outages, default=None),
    }


def destinations(seen: Seen, customer: str, as_of: date) -> Row:
    rows = [r for r in of(customer, used(seen, as_of)) if r["destination"] in ("international", "premium")]
    rows = [r for r in rows if r["other_party"] is not None]
    if not rows:
        return dict.fromkeys(find_function("destinations").columns)
    known = []
    for row in rows:
        fits = [n for n in seen("numbering") if row["other_party"].startswith(n["prefix"])]
        found = max(fits, key=lambda n: len(n["prefix"]), default={"country": None, "risk": None})
        known.append({**row, "country": found["country"], "risk": found["risk"]})
    abroad = {r["other_party"] for r in rows if r["destination"] == "international"}
    countries = grouped([r for r in known if r["other_party"] in abroad], "country")
    first = {c: max(age(r, as_of) for r in theirs) for c, theirs in countries.items()}
    counts = {c: len(theirs) for c, theirs in countries.items()}
    total = sum(counts.values())
    sent = [r for r in known if r["direction"] == "out" and r["risk"] is not None]
    week = [r for r in sent if age(r, as_of) < 7]
    risky = [r for r in sent if r["risk"] >= 0.5]
    return {
        "countries": len(countries),
        "new_countries": sum(a < 30 for a in first.values()),
        "top_country": min(counts, key=lambda c: (-counts[c], c)) if counts else None,
        "top_country_share": max(counts.values()) / total if counts else None,
        "country_entropy": -sum(n / total * math.log(n / total) for n in counts.values()) if counts else None,
        "risk_mean": mean([(1, r["risk"]) for r in sent]),
        "risk_max_7": max((r["risk"] for r in week), default=None),
        "risky_calls_7": sum(age(r, as_of) < 7 for r in risky),
        "risky_minutes_7": sum((r["duration_s"] or 0) / 60 for r in risky if age(r, as_of) < 7),
        "risky_minutes_90": sum((r["duration_s"] or 0) / 60 for r in risky),
    }


def present_device(devices: dict[str, list[Row]]) -> str:
    def place(device: str) -> tuple[Any, ...]:
        times = [r["event_time"] for r in devices[device]]
        return max(times), len(times), -min(times).toordinal()

    best = max(map(place, devices))
    return min(d for d in devices if place(d) == best)


def imei(seen: Seen, customer: str, as_of: date) -> Row:
    devices = grouped(of(customer, used(seen, as_of)), "device_id")
    if not devices:
        return dict.fromkeys(find_function("imei").columns)
    users = {d: {r["customer_id"] for r in rows} for d, rows in grouped(used(seen, as_of), "device_id").items()}
    present = present_device(devices)
    days = max(age(r, as_of) for r in devices[present])
    return {
        "device_days": days,
        "device_share": len(devices[present]) / sum(map(len, devices.values())),
        "device_changed": int(days < 30 and len(devices) > 1),
        "device_lines": len(users[present]),
        "shared_devices": sum(len(users[d]) > 1 for d in devices),
        "most_lines": max(len(users[d]) for d in devices),
    }


def handset(seen: Seen, customer: str, as_of: date) -> Row:
    devices = grouped(of(customer, used(seen, as_of)), "device_id")
    listed = {d["device_id"]: d for d in seen("devices")}
    model = listed.get(present_device(devices)) if devices else None
    return {name: model[name] if model else None for name in find_function("handset").columns}


def included_use(rows: list[Row], as_of: date, back: int) -> list[float]:
    """Minutes, texts and GB that count against an allowance, in one 30-day month: 0 is the last one."""
    mine = [r for r in rows if 30 * back <= age(r, as_of) < 30 * (back + 1) and not r["roaming_country"]]
    out = [
        r for r in mine if r["direction"] == "out" and r["destination"] not in ("international", "premium", "service")
    ]
    return [
        sum((r["duration_s"] or 0) / 60 for r in out if r["service"] == "voice"),
        sum(r["service"] == "sms" for r in out),
        sum(r["data_mb"] or 0 for r in mine if r["service"] == "data") / 1000,
    ]


def plan_fit(seen: Seen, customer: str, as_of: date) -> Row:
    nothing: Row = dict.fromkeys(find_function("plan_fit").columns)
    plans = {p["plan_id"]: p for p in seen("plans")}
    rows, mine = of(customer, used(seen, as_of)), of(customer, seen("subscriptions"))
    now = max(mine, key=lambda s: (day(s["start_date"]), s["plan_id"]), default=None)
    if now is None or now["plan_id"] not in plans:
        return nothing
    kind = plans[now["plan_id"]]["billing_type"]
    days = max((as_of - day(s["start_date"])).days for s in mine) + 1
    months = [included_use(rows, as_of, back) for back in range(min(max(days // 30, 1), 3))]
    if days < 30:
        months = [[amount * 30 / max(days, 1) for amount in months[0]]]

    def beyond(plan: Row) -> float:
        free = (plan["included_minutes"] or 0, plan["included_sms"] or 0, (plan["included_data_mb"] or 0) / 1000)
        prices = (plan["price_per_minute"] or 0, plan["price_per_sms"] or 0, plan["price_per_gb"] or 0)
        costs = [sum(max(u - f, 0) * p for u, f, p in zip(use, free, prices, strict=True)) for use in months]
        return sum(costs) / len(costs)

    fit = [p for p in plans.values() if p["billing_type"] == kind and None not in (kind, p["monthly_fee"])]
    costs = {p["plan_id"]: p["monthly_fee"] + beyond(p) for p in fit}
    if not costs:
        return nothing
    present = costs.get(now["plan_id"])
    order = sorted(costs, key=lambda p: (costs[p], p != now["plan_id"], p))
    return {
        "plan_cost": present,
        "cheapest_cost": costs[order[0]],
        "cheapest_plan": order[0],
        "plan_gap": None if present is None else present - costs[order[0]],
        "cheaper_plans": None if present is None else sum(c < present - 0.005 for c in costs.values()),
        "beyond_cost": None if present is None else beyond(plans[now["plan_id"]]),
    }


def household(seen: Seen, customer: str, as_of: date) -> Row:
    lines = {c["customer_id"]: c for c in seen("customers")}
    if customer not in lines:
        return dict.fromkeys(find_function("household").columns)
    ends = {t["customer_id"] for t in seen("terminations") if t["cause"] in (*LEFT, "involuntary", "death")}
    left = {t["customer_id"] for t in seen("terminations") if t["cause"] in LEFT and age(t, as_of) < 180}

    def group(key: str) -> list[str] | None:
        name = lines[customer][key]
        return None if name is None else [c for c, line in lines.items() if line[key] == name]

    house, account = group("household_id"), group("account_id")
    served = [lines[c] for c in house or () if c not in ends]
    tenures = [age(line, as_of, "activation_date") for line in served]
    return {
        "household_lines": None if house is None else len(served),
        "household_left": None if house is None else len(left & set(house) - {customer}),
        "household_new": None if house is None else sum(t < 90 for t in tenures),
        "household_oldest": max(tenures, default=None),
        "household_prepaid": None if house is None else sum(line["billing_type"] == "prepaid" for line in served),
        "account_lines": None if account is None else sum(c not in ends for c in account),
        "account_left": None if account is None else len(left & set(account) - {customer}),
    }


def debtors(seen: Seen, customer: str, as_of: date) -> Row:
    lines = {c["customer_id"]: c for c in seen("customers")}
    if customer not in lines:
        return dict.fromkeys(find_function("debtors").columns)
    ended = {t["customer_id"] for t in seen("terminations") if t["cause"] == "involuntary"} & set(lines) - {customer}

    def group(key: str) -> int | None:
        name = lines[customer][key]
        return None if name is None else sum(lines[c][key] == name for c in ended)

    users = grouped(used(seen, as_of, 180), "device_id").values()
    shared = [{r["customer_id"] for r in rows} for rows in users]
    return {
        "household_debtors": group("household_id"),
        "account_debtors": group("account_id"),
        "device_debtors": len({c for lines in shared if customer in lines for c in lines & ended}),
    }


def unsolved(seen: Seen, customer: str, as_of: date) -> Row:
    rows = [r for r in of(customer, seen("care")) if age(r, as_of) < 180]
    if not rows:
        return dict.fromkeys(find_function("unsolved").columns)
    ages = [age(r, as_of) for r in rows if r["resolved_time"] is None]
    pauses = []
    for topic, theirs in grouped(rows, "topic").items():
        moments = sorted(r["event_time"] for r in theirs)
        pauses += [(topic, (b - a).total_seconds()) for a, b in itertools.pairwise(moments)]
    again = [(topic, p) for topic, p in pauses if p <= 30 * 86_400]
    return {
        "open_cases": len(ages),
        "oldest_open_days": max(ages, default=None),
        "open_days": sum(ages),
        "repeats_7": sum(p <= 7 * 86_400 for _, p in again),
        "repeats_30": len(again),
        "repeated_topics": len({topic for topic, _ in again}),
    }


ORACLES: dict[str, Callable[[Seen, str, date], Row]] = {
    "arrears": arrears,
    "circle": circle,
    "community": community,
    "destinations": destinations,
    "experience": experience,
    "fraud_ties": fraud_ties,
    "handset": handset,
    "debtors": debtors,
    "household": household,
    "imei": imei,
    "places": places,
    "plan_fit": plan_fit,
    "ties": ties,
    "unsolved": unsolved,
}

"""Outcomes of alarms: read, joined to the alarms, kept in the log as evidence of the rules, and counted.

The log holds no table of customers. One event a rule and call keeps, by month of the alarm and tier, a text with one
letter an alarm (f fraud, a arrears, n not a case, ? not known yet; a capital where no other firing rule raised an
alarm on the customer that month) and eight digits of a hash by which an alarm is known again: recorded twice, it counts
once.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import pandas as pd

from custintel.dates import read_time_column
from custintel.errors import DataError, Problem, raise_problems, rows_at
from custintel.identifiers import identifier_text
from custintel.metrics.confidence_intervals import wilson
from custintel.rules.rule_states import utc_time

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from custintel.rules._rule_base import RuleBase


OUTCOMES = ("fraud", "arrears", "not", "unknown")
"""What can become of an alarm; *fraud* and *arrears* confirm it."""

_LETTERS = dict(zip(OUTCOMES, "fan?", strict=True))
_NAMES = {letter: name for name, letter in _LETTERS.items()}
_KEY_LENGTH = 8
_DATES = ("as_of", "time")
_SPANS = ("month", "tier", "rule")
_COLUMNS = ("rule", "version", "month", "tier", "outcome", "confirmed", "unique", "recorded", "seq", "alarm")


def record_outcomes(
    base: RuleBase, alarms: pd.DataFrame, outcomes: pd.DataFrame, *, by: str, at: str | datetime | None = None
) -> pd.DataFrame:
    """Keep what became of alarms as evidence of the rules that raised them.

    A customer counts once a month for a rule, however often it alarmed, so that outcomes are those of different cases.
    Alarms without an outcome are kept as not known yet and closed by a later call. What is closed stays as it is:
    the same tables can be given again.

    Parameters, result and errors: `RuleMonitor.record_outcomes`.

    Examples
    --------
    >>> from custintel.rules import RuleBase
    >>> base = RuleBase()
    >>> rule = base.propose("burst", "minutes > 30", by="an analyst", loss=200)
    >>> base.shadow("burst", by="an analyst", reason="three cases")
    >>> X = pd.DataFrame({"minutes": [40, 50, 60]}, index=pd.Index(["a", "b", "c"], name="customer_id"))
    >>> known = pd.DataFrame({"customer_id": ["a", "b"], "outcome": ["fraud", "not"]})
    >>> new = record_outcomes(base, base.alarms(X, None, "shadow"), known, by="fraud desk")
    >>> new[["rule", "alarms", "confirmed", "false", "unknown"]]
        rule  alarms  confirmed  false  unknown
    0  burst       3          1      1        1
    """
    when = utc_time(at)
    found = _join_outcomes(_with_dates(alarms, "alarms", ("rule", "version", "tier")), _check_outcomes(outcomes))
    found["month"] = found["date"].dt.strftime("%Y-%m").fillna(when.strftime("%Y-%m"))
    _check_rules(base, found)
    found["unique"] = _caught_alone(found, set(base.in_state()))
    once = _one_per_month(found)
    news = {str(id_): _only_new(base, str(id_), rows) for id_, rows in once.groupby("id", sort=False)}
    news = {id_: rows for id_, rows in news.items() if len(rows)}
    for id_, rows in news.items():
        base.add_evidence(id_, {"outcomes": _pack_outcomes(rows)}, by=by, at=at)
    counts = [_new_counts(base, id_, rows) for id_, rows in news.items()]
    return pd.DataFrame(counts, columns=["rule", "version", "alarms", "confirmed", "false", "unknown"])


def recorded_outcomes(base: RuleBase, rule: str) -> pd.DataFrame:
    """All alarms of a rule that were recorded, in the order in which their outcomes came in.

    Parameters, result and errors: `RuleMonitor.recorded_outcomes`.
    """
    rows = list(_unpack_outcomes(base, rule))
    frame = pd.DataFrame(rows, columns=list(_COLUMNS))
    # an alarm that was open and is closed now stands where it was closed
    frame = frame.drop_duplicates(["rule", "version", "alarm"], keep="last").reset_index(drop=True)
    return frame.astype({"confirmed": "Int64", "unique": bool})


def rule_performance(base: RuleBase, by: str = "month", z: float = 1.96) -> pd.DataFrame:
    """How rules did: alarms, how many were confirmed, precision with Wilson's interval, money.

    Parameters, result and errors: `RuleMonitor.performance`.
    """
    if by not in _SPANS:
        raise_problems([Problem("rule_performance", "cannot be told by this", str(by), ", ".join(_SPANS))])
    keys = ["rule", "version"] + ([] if by == "rule" else [by])
    parts = [recorded_outcomes(base, id_) for id_ in base.entries]
    parts = [part for part in parts if len(part)]
    names = [*keys, *_counts(pd.DataFrame(columns=list(_COLUMNS))), "precision", "low", "high"]
    names += ["saved_loss", "net_benefit"]
    if not parts:
        return pd.DataFrame(columns=names)
    groups = pd.concat(parts).groupby(keys, sort=True)
    rows = [{**dict(zip(keys, key, strict=True)), **_performance(base, rows, z)} for key, rows in groups]
    return pd.DataFrame(rows, columns=names)


def _performance(base: RuleBase, rows: pd.DataFrame, z: float) -> dict[str, Any]:
    counts = _counts(rows)
    rule = base.entries[f"{rows['rule'].iloc[0]}@{rows['version'].iloc[0]}"].rule
    closed = counts["confirmed"] + counts["false"]
    low, high = wilson(counts["confirmed"], closed, z)
    saved = counts["confirmed"] * rule.loss
    return {
        **counts,
        "precision": counts["confirmed"] / closed if closed else float("nan"),
        "low": low,
        "high": high,
        "saved_loss": saved,
        "net_benefit": saved - closed * rule.review_cost,
    }


def _counts(rows: pd.DataFrame) -> dict[str, int]:
    confirmed = rows["confirmed"] == 1
    return {
        "alarms": len(rows),
        "confirmed": int(confirmed.sum()),
        "false": int((rows["confirmed"] == 0).sum()),
        "unknown": int(rows["confirmed"].isna().sum()),
        "unique": int((confirmed & rows["unique"].astype(bool)).sum()),
    }


def last_state_change(base: RuleBase, rule_id: str) -> Mapping[str, Any]:
    """The event by which a version of a rule came into its present state."""
    events = (e for e in base.log.events if e["event"] in ("added", "moved") and e["rule"] == rule_id)
    return list(events)[-1]


def _with_dates(table: pd.DataFrame, what: str, needed: tuple[str, ...]) -> pd.DataFrame:
    """Plain columns customer_id, date (missing where none) and those needed."""
    frame = table.reset_index() if any(name is not None for name in table.index.names) else table.copy()
    absent = [name for name in ("customer_id", *needed) if name not in frame]
    if absent:
        raise DataError(
            f"the {what} have no {', '.join(absent)}\n  given: {', '.join(map(str, frame.columns))}\n"
            f"  hint: customer_id in the index or a column; and {', '.join(needed)}"
        )
    named = next((name for name in _DATES if name in frame), None)
    dates = pd.Series(pd.NaT, frame.index) if named is None else _times(frame[named], what)
    out = frame[["customer_id", *needed]].reset_index(drop=True)
    out["date"] = pd.to_datetime(dates.reset_index(drop=True), utc=True).astype("datetime64[us, UTC]")
    return out.assign(customer_id=identifier_text(out["customer_id"]), exact=named == "as_of")


def _times(column: pd.Series, what: str) -> pd.Series:
    """Times with a zone as they are, others as local ones; texts in ISO form."""
    zoned = isinstance(column.dtype, pd.DatetimeTZDtype)
    return column if zoned else read_time_column(column, f"the {what}: {column.name}")


def _check_outcomes(outcomes: pd.DataFrame) -> pd.DataFrame:
    found = _with_dates(outcomes, "outcomes", ("outcome",))
    found["outcome"] = found["outcome"].where(found["outcome"].notna(), "unknown")
    odd = ~found["outcome"].isin(OUTCOMES)
    if odd.any():
        raise_problems([Problem("outcomes", "unknown outcome", rows_at(odd), ", ".join(OUTCOMES))])
    return found[found["outcome"] != "unknown"]


def _join_outcomes(alarms: pd.DataFrame, outcomes: pd.DataFrame) -> pd.DataFrame:
    """Alarms with their outcome, *unknown* where there is none."""
    keys = ["customer_id", "date"] if outcomes["date"].notna().any() else ["customer_id"]
    if len(keys) == 2 and alarms["date"].isna().any():
        raise DataError("outcomes have a date, alarms have none\n  hint: alarms of X with as_of in its index")
    given = outcomes.drop_duplicates([*keys, "outcome"])
    if given.duplicated(keys).any():
        count = given.loc[given.duplicated(keys), "customer_id"].nunique()
        raise DataError(f"outcomes contradict each other\n  given: two at one time for {count} customer(s)")
    if len(keys) == 2 and not outcomes["exact"].any():
        return _next_outcome(alarms, given)
    found = alarms.merge(given[[*keys, "outcome"]], on=keys, how="left")
    return found.assign(outcome=found["outcome"].fillna("unknown"))


def _next_outcome(alarms: pd.DataFrame, given: pd.DataFrame) -> pd.DataFrame:
    """Each alarm with the customer's first outcome at or after it."""
    found = pd.merge_asof(
        alarms.sort_values("date", kind="stable"),
        given[["customer_id", "date", "outcome"]].sort_values("date", kind="stable"),
        on="date", by="customer_id", direction="forward",
    )  # fmt: skip
    return found.assign(outcome=found["outcome"].fillna("unknown"))


def _check_rules(base: RuleBase, found: pd.DataFrame) -> None:
    found["id"] = found["rule"].astype(str) + "@" + found["version"].astype(str)
    strange = sorted(set(found["id"]) - set(base.entries))
    if strange:
        raise DataError(f"alarms of rules that are not in the base\n  given: {', '.join(strange[:5])}")


def _caught_alone(found: pd.DataFrame, firing: set[str]) -> pd.Series:
    """Whether no other firing rule raised an alarm on the customer in that month."""
    pairs = found[["customer_id", "month", "id"]].drop_duplicates()
    pairs = pairs.assign(fires=pairs["id"].isin(firing))
    total = pairs.groupby(["customer_id", "month"])["fires"].transform("sum")
    alone = pairs.assign(unique=(total - pairs["fires"]) == 0).drop(columns="fires")
    return found.merge(alone, on=["customer_id", "month", "id"], how="left")["unique"].set_axis(found.index)


def _one_per_month(found: pd.DataFrame) -> pd.DataFrame:
    """One alarm a rule, customer and month: a closed one before an open one, a match before a resemblance."""
    ranked = found.assign(open=found["outcome"] == "unknown", near=found["tier"] != "match", place=range(len(found)))
    ranked = ranked.sort_values(["open", "near", "date", "place"], kind="stable")
    ranked = ranked.drop_duplicates(["id", "customer_id", "month"]).sort_values(["date", "place"], kind="stable")
    keys = [_alarm_key(row.customer_id, row.month) for row in ranked[["customer_id", "month"]].itertuples()]
    return ranked.assign(alarm=keys)


def _alarm_key(customer: object, month: object) -> str:
    return hashlib.sha256(f"{customer}|{month}".encode()).hexdigest()[:_KEY_LENGTH]


def _only_new(base: RuleBase, id_: str, rows: pd.DataFrame) -> pd.DataFrame:
    """Without alarms that are closed already, and without those that are open and still are."""
    known = recorded_outcomes(base, id_)
    closed = set(known.loc[known["confirmed"].notna(), "alarm"])
    still = set(known["alarm"])
    news = ~rows["alarm"].isin(closed) & ~(rows["alarm"].isin(still) & rows["open"])
    return rows[news]


def _pack_outcomes(rows: pd.DataFrame) -> dict[str, dict[str, dict[str, str]]]:
    """Month -> tier -> letters and keys."""
    out: dict[str, dict[str, dict[str, str]]] = {}
    for (month, tier), part in rows.groupby(["month", "tier"], sort=True):
        letters = [
            _LETTERS[outcome].upper() if unique else _LETTERS[outcome]
            for outcome, unique in zip(part["outcome"], part["unique"], strict=True)
        ]
        out.setdefault(str(month), {})[str(tier)] = {"found": "".join(letters), "alarms": "".join(part["alarm"])}
    return out


def _unpack_outcomes(base: RuleBase, rule: str) -> Iterator[tuple[Any, ...]]:
    for event in base.log.events:
        name, _, version = str(event.get("rule", "")).partition("@")
        if event["event"] != "noted" or rule not in (name, event["rule"]):
            continue
        for month, tiers in event["evidence"].get("outcomes", {}).items():
            for tier, kept in tiers.items():
                for k, letter in enumerate(kept["found"]):
                    outcome = _NAMES[letter.lower()]
                    alarm = kept["alarms"][_KEY_LENGTH * k : _KEY_LENGTH * (k + 1)]
                    confirmed = None if outcome == "unknown" else int(outcome != "not")
                    yield (
                        name,
                        version,
                        month,
                        tier,
                        outcome,
                        confirmed,
                        letter.isupper(),
                        event["time"],
                        event["seq"],
                        alarm,
                    )


def _new_counts(base: RuleBase, id_: str, rows: pd.DataFrame) -> dict[str, Any]:
    rule = base.entries[id_].rule
    count = rows["outcome"].value_counts()
    confirmed = int(count.get("fraud", 0) + count.get("arrears", 0))
    return {
        "rule": rule.name, "version": rule.version, "alarms": len(rows), "confirmed": confirmed,
        "false": int(count.get("not", 0)), "unknown": int(count.get("unknown", 0)),
    }  # fmt: skip


_CONFIRMED = ("fraud", "arrears", "abuse", "confirmed", "true", "yes", "1", "1.0")
_REFUTED = ("not", "legitimate", "refuted", "false", "no", "0", "0.0")
_OPEN = ("unknown", "open", "", "nan", "none", "nat", "<na>")
_TIMES = ("time", "closed", "event_time", "as_of", "month")


def parse_outcomes(outcomes: pd.Series) -> pd.Series:
    """Read what analysts wrote: True for confirmed, False for refuted, missing for what is not known.

    >>> parse_outcomes(pd.Series(["fraud", "not", "unknown", True])).tolist()
    [True, False, None, True]
    """
    words = outcomes.astype(str).str.strip().str.lower()
    unread = sorted(set(words) - {*_CONFIRMED, *_REFUTED, *_OPEN})
    if unread:
        raise DataError(
            f"an outcome that cannot be read\n  given: {rows_at(words.isin(unread))}\n"
            f"  allowed: {', '.join(_CONFIRMED[:4])}; {', '.join(_REFUTED[:3])}; unknown"
        )
    confirmed = [True if word in _CONFIRMED else False if word in _REFUTED else None for word in words]
    return pd.Series(confirmed, outcomes.index, dtype=object)


def closed_alarms(outcomes: pd.DataFrame, alarms: pd.DataFrame, base: RuleBase) -> pd.DataFrame:
    """Alarms whose outcome is known: rule, customer_id, tier, time, confirmed; one row each.

    Parameters
    ----------
    outcomes : DataFrame
        ``outcome``, and ``rule`` (name or name@version) or ``customer_id`` or both; ``time`` where known. Without
        ``rule`` an outcome is that of all alarms on the customer.
    alarms : DataFrame
        The alarms, one row each.
    base : RuleBase
        Where the rules are looked up.
    """
    given = _read_outcome_table(outcomes)
    if "rule" not in given:
        pairs = flatten_index(alarms)[["customer_id", "rule", "tier"]].drop_duplicates(["customer_id", "rule"])
        given = given.drop(columns=["tier"], errors="ignore").merge(pairs, on="customer_id")
    given = given[given["confirmed"].notna()].copy()
    names = {id_: entry.rule.name for id_, entry in base.entries.items()}
    given["rule"] = given["rule"].astype(str).map(lambda words: names.get(words, words.split("@")[0]))
    given["confirmed"] = given["confirmed"].astype(bool)
    return given.reindex(columns=["rule", "customer_id", "tier", "time", "confirmed"])


def _read_outcome_table(outcomes: pd.DataFrame) -> pd.DataFrame:
    frame = flatten_index(outcomes)
    if "customer_id" not in frame and "alarm" in frame:  # a mark of customer and month where ids are not kept
        frame = frame.assign(customer_id=identifier_text(frame["alarm"]))
    if "outcome" not in frame or not {"rule", "customer_id"} & set(frame.columns):
        raise DataError(
            f"these are no outcomes of alarms\n  given: {', '.join(map(str, frame.columns))}\n"
            "  allowed: outcome, with rule or customer_id, and time"
        )
    frame = frame.assign(confirmed=parse_outcomes(frame["outcome"]))
    time = next((frame[name] for name in _TIMES if name in frame), pd.Series(None, frame.index, dtype=object))
    return frame.assign(time=_utc_without_zone(time))


def customer_outcomes(outcomes: pd.DataFrame) -> dict[str, bool]:
    """Of each customer with an outcome: whether any was confirmed."""
    given = _read_outcome_table(outcomes)
    if "customer_id" not in given:
        return {}
    known = given[given["confirmed"].notna()]
    return {str(name): bool(any(confirmed)) for name, confirmed in known.groupby("customer_id")["confirmed"]}


def flatten_index(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with customers (and dates) as columns, customers as texts."""
    levels = [name for name in frame.index.names if name]
    plain = frame.reset_index([name for name in levels if name not in frame.columns]) if levels else frame
    return plain.assign(customer_id=identifier_text(plain["customer_id"])) if "customer_id" in plain else plain


def _utc_without_zone(time: Any) -> pd.Series:
    """UTC without its mark, so that times of all sources can be compared."""
    naive: pd.Series = pd.to_datetime(time, utc=True, format="ISO8601").dt.tz_localize(None)
    return naive

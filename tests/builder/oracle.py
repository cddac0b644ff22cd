"""The brute-force oracle: features by plain loops over rows, written apart from the builder.

It reads the catalogue's expressions with an evaluator of its own (values and None, three-valued logic), picks the
rows of each customer, date and window one by one, and aggregates them with Python's own sums.
"""

from __future__ import annotations

import math
import statistics
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pandas as pd
from oracle_functions import ORACLES
from sqlglot import exp

from custintel.contracts.own_contracts import known_tables
from custintel.expressions.parse import parse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from custintel.catalogue import Catalogue
    from custintel.catalogue.feature_family import Family

Row = dict[str, Any]


# --- values -------------------------------------------------------------------------------------------------------


def plain(value: Any) -> Any:
    """A Python value; None for anything missing."""
    if value is None or (not isinstance(value, (list, dict)) and pd.isna(value)):
        return None
    if isinstance(value, pd.Timestamp):
        return value.to_pydatetime()
    return value.item() if hasattr(value, "item") else value


def day_of(value: Any) -> date | None:
    if value is None:
        return None
    return value.date() if isinstance(value, datetime) else value


def comparable(a: Any, b: Any) -> tuple[Any, Any]:
    if isinstance(a, datetime) != isinstance(b, datetime) and isinstance(a, date) and isinstance(b, date):
        return tuple(v if isinstance(v, datetime) else datetime(v.year, v.month, v.day) for v in (a, b))
    return a, b


def evaluate(node: exp.Expression, row: Row, rows: list[Row] | None = None) -> Any:  # noqa: C901, one branch a node
    """The value of an expression for one row, with aggregates over `rows` (and their time under '_time')."""
    if isinstance(node, (exp.Sum, exp.Avg, exp.Min, exp.Max, exp.Median, exp.Stddev, exp.Count, exp.First, exp.Last)):
        return aggregate(node, row, rows or [])
    again: Callable[[exp.Expression], Any] = lambda inner: evaluate(inner, row, rows)  # noqa: E731
    if isinstance(node, exp.Paren):
        return again(node.this)
    if isinstance(node, exp.Column):
        return row[node.name]
    if isinstance(node, exp.Literal):
        return node.this if node.is_string else float(node.this)
    if isinstance(node, exp.Boolean):
        return bool(node.this)
    if isinstance(node, exp.Null):
        return None
    if isinstance(node, exp.Cast):
        return date.fromisoformat(node.this.this)
    if isinstance(node, exp.Case):
        for branch in node.args["ifs"]:
            if again(branch.this) is True:
                return again(branch.args["true"])
        return again(node.args["default"]) if node.args.get("default") else None
    if isinstance(node, exp.And):
        sides = [again(node.this), again(node.expression)]
        return False if False in sides else None if None in sides else True
    if isinstance(node, exp.Or):
        sides = [again(node.this), again(node.expression)]
        return True if True in sides else None if None in sides else False
    if isinstance(node, exp.Not):
        value = again(node.this)
        return None if value is None else not value
    if isinstance(node, exp.Is):
        return again(node.this) is None
    if isinstance(node, exp.In):
        value = again(node.this)
        return None if value is None else value in [again(e) for e in node.expressions]
    if isinstance(node, exp.Between):
        value, low, high = again(node.this), again(node.args["low"]), again(node.args["high"])
        return None if None in (value, low, high) else low <= value <= high
    if isinstance(node, exp.Coalesce):
        return next((v for v in map(again, [node.this, *node.expressions]) if v is not None), None)
    if isinstance(node, (exp.Least, exp.Greatest)):
        known = [v for v in map(again, [node.this, *node.expressions]) if v is not None]
        return (min(known) if isinstance(node, exp.Least) else max(known)) if known else None
    if isinstance(node, exp.Nullif):
        a, b = again(node.this), again(node.expression)
        return None if a == b else a
    if isinstance(node, exp.Anonymous):
        return named(str(node.this).lower(), [again(e) for e in node.expressions])
    if isinstance(node, exp.Binary):
        return binary(node, again(node.this), again(node.expression))
    return unary(node, again(node.this))


def binary(node: exp.Expression, a: Any, b: Any) -> Any:
    if a is None or b is None:
        return None
    a, b = comparable(a, b)
    if isinstance(node, exp.Div):
        return float(a) / float(b) if b else None
    calculations: dict[type, Callable[[Any, Any], Any]] = {
        exp.Add: lambda x, y: x + y,
        exp.Sub: lambda x, y: x - y,
        exp.Mul: lambda x, y: x * y,
        exp.EQ: lambda x, y: x == y,
        exp.NEQ: lambda x, y: x != y,
        exp.GT: lambda x, y: x > y,
        exp.GTE: lambda x, y: x >= y,
        exp.LT: lambda x, y: x < y,
        exp.LTE: lambda x, y: x <= y,
    }
    return calculations[type(node)](a, b)


def named(name: str, values: list[Any]) -> Any:
    if None in values:
        return None
    if name == "days_between":
        return float((day_of(values[1]) - day_of(values[0])).days)
    if name == "seconds_between":
        start, end = comparable(values[0], comparable(values[1], datetime.min)[0])
        return (end - comparable(start, datetime.min)[0]).total_seconds()
    return kilometres(*map(float, values))


def kilometres(first_lat: float, first_lon: float, last_lat: float, last_lon: float) -> float:
    """Great circles by vectors, another way than the haversine of the library."""
    a, b = (
        (math.cos(lat) * math.cos(lon), math.cos(lat) * math.sin(lon), math.sin(lat))
        for lat, lon in (map(math.radians, (first_lat, first_lon)), map(math.radians, (last_lat, last_lon)))
    )
    return 2 * 6371 * math.asin(min(1.0, math.dist(a, b) / 2))


def unary(node: exp.Expression, value: Any) -> Any:
    if value is None:
        return None
    if isinstance(node, exp.Ln):
        return math.log(value) if value > 0 else None
    if isinstance(node, exp.Sqrt):
        return math.sqrt(value) if value >= 0 else None
    calculations: dict[type, Callable[[Any], Any]] = {
        exp.Abs: abs,
        exp.Floor: math.floor,
        exp.Neg: lambda v: -v,
        exp.Year: lambda v: v.year,
        exp.Month: lambda v: v.month,
    }
    return calculations[type(node)](value)


def aggregate(node: exp.Expression, outer: Row, rows: list[Row]) -> Any:  # noqa: C901, one branch a function
    if isinstance(node, exp.Count) and isinstance(node.this, exp.Star):
        return float(len(rows))
    distinct = isinstance(node.this, exp.Distinct)
    inner = node.this.expressions[0] if distinct else node.this
    known = []
    for row in rows:
        value = evaluate(inner, {**row, "as_of": outer["as_of"]})
        if value is not None:
            known.append((row.get("_time"), value))
    values = [value for _, value in known]
    if isinstance(node, exp.Count):
        return float(len(set(values)) if distinct else len(values))
    if not values:
        return None
    if isinstance(node, (exp.First, exp.Last)):
        return (min(known) if isinstance(node, exp.First) else max(known))[1]
    if isinstance(node, exp.Median):
        return statistics.median(map(float, values))
    if isinstance(node, exp.Stddev):
        return statistics.stdev(map(float, values)) if len(values) > 1 else None
    if isinstance(node, exp.Sum):
        return math.fsum(values)
    if isinstance(node, exp.Avg):
        return math.fsum(values) / len(values)
    return min(values) if isinstance(node, exp.Min) else max(values)


def is_known(moment: Any, day: date, late: bool) -> bool:
    return not late or (moment is not None and day_of(moment) <= day)


# --- rows ---------------------------------------------------------------------------------------------------------


class Oracle:
    """Features of a catalogue for tables given as data frames."""

    def __init__(self, catalogue: Catalogue, tables: dict[str, pd.DataFrame]) -> None:
        self.catalogue = catalogue
        self.kept: dict[tuple[str, date], list[Row]] = {}
        self.tables = {
            name: [{k: plain(v) for k, v in row.items()} for row in frame.to_dict("records")]
            for name, frame in tables.items()
        }

    def rows(self, family: Family) -> list[Row]:
        """Rows of the family's source with joined columns, the moment and the day they count for."""
        contract = known_tables()[family.source]
        time = family.time or contract.event_time
        found = []
        for row in self.tables[family.source]:
            if row[time] is None:
                continue
            moments = [row[time], row[contract.event_time], row.get(contract.arrival_time)]
            joined = self.joined(family, row, day_of(row[time]))
            if joined is None:
                continue
            moments += [moment for name, moment in joined.items() if name.startswith("_seen ")]
            seen = max(day_of(m) for m in moments if m is not None)
            arrived = row.get(contract.arrival_time) or row[time]
            found.append(
                {**joined, **row, "_time": row[time], "_day": day_of(row[time]), "_seen": seen, "_arrived": arrived}
            )
        return found

    def joined(self, family: Family, row: Row, day: date) -> Row | None:
        """The columns of joined tables; None where a partner of the same day is asked for and there is none."""
        found: Row = {}
        for table, column in family.join.items():
            key, *dated = known_tables()[table].key
            match = [r for r in self.tables[table] if r[key] == row[column]]
            if dated:
                match = [r for r in match if day_of(r["event_time"]) == day]
                if not match:
                    return None
                found[f"_seen {table}"] = match[0]["arrival_time"]
            names = self.tables[table][0].keys()
            found = {**(match[0] if match else dict.fromkeys(names)), **found}
        return found

    def features(self, customers: Iterable[str], dates: Iterable[date]) -> pd.DataFrame:
        """One row a date and customer."""
        sources = {family.name: self.rows(family) for family in self.catalogue.families if family.kind != "function"}
        answers = {}
        for day in dates:
            for customer in customers:
                mine = {n: [r for r in rows if r["customer_id"] == customer] for n, rows in sources.items()}
                given = {f.name: self.given(f, customer, day) for f in self.catalogue.families if f.kind == "function"}
                answers[pd.Timestamp(day), customer] = self.answer(mine, given, day)
        frame = pd.DataFrame.from_dict(answers, orient="index")
        frame.index = pd.MultiIndex.from_tuples(list(answers), names=["as_of", "customer_id"])
        return frame

    def given(self, family: Family, customer: str, day: date) -> Row:
        """The columns of a function, from the rows that are visible."""
        return ORACLES[family.function](lambda table: self.seen(table, day), customer, day)

    def seen(self, table: str, day: date) -> list[Row]:
        """The rows of a table that are visible as of a day, with what is known of them."""
        contract = known_tables()[table]
        times = [name for name in (contract.event_time, contract.arrival_time) if name]
        late = {name: c.known_at for name, c in contract.columns.items() if c.known_at}
        if (table, day) not in self.kept:
            self.kept[table, day] = [
                {k: v if is_known(row.get(late.get(k)), day, k in late) else None for k, v in row.items()}
                for row in self.tables[table]
                if all(day_of(row[time]) <= day for time in times if row[time] is not None)
            ]
        return self.kept[table, day]

    def answer(self, mine: dict[str, list[Row]], given: dict[str, Row], day: date) -> Row:
        """All columns of one customer and date."""
        families = {family.name: family for family in self.catalogue.families}
        found: Row = {}
        for entry in self.catalogue.entries():
            if entry.kind == "derived":
                value = evaluate(parse(entry.expression).tree, {**found, "as_of": day})
            elif entry.kind == "function":
                value = evaluate(parse(entry.expression).tree, {**given[entry.family], "as_of": day})
            else:
                family = families[entry.family]
                seen = [r for r in mine[family.name] if r["_day"] <= day and r["_seen"] <= day]
                value = self.base(family, entry, seen, day)
            value = entry.missing if value is None else value
            found[entry.column] = float(value) if isinstance(value, (bool, int, float)) else value
        return found

    def base(self, family: Family, entry: Any, seen: list[Row], day: date) -> Any:
        tree = parse(entry.expression).tree
        if family.kind == "latest":
            return evaluate(tree, {**self.in_force(family, seen), "as_of": day})
        if family.previous:
            seen = self.paired(family, [r for r in seen if r["_day"] > day - timedelta(days=family.longest)])
        inside = [r for r in seen if r["_day"] > day - timedelta(days=entry.window)]
        if entry.slice in family.slices:
            condition = family.slices[entry.slice].tree
            inside = [r for r in inside if evaluate(condition, {**r, "as_of": day}) is True]
        if family.kind == "gathered":
            inside = self.gathered(family, inside, day)
        return evaluate(tree, {"as_of": day}, inside)

    def paired(self, family: Family, rows: list[Row]) -> list[Row]:
        """Each row with the columns of the one before it; equal times are settled by all values that are read."""
        expressions = [*family.slices.values(), *family.gather.values()]
        if not family.gather:
            expressions += [feature.expression for feature in family.features]
        read = {name.removeprefix("previous_") for e in expressions for name in e.columns}
        first = ["_time", *family.previous]
        order = [*first, *sorted(read - set(first))]
        before: dict[Any, Row] = {}
        found = []
        for row in sorted(rows, key=lambda r: [(r[name] is None, r[name]) for name in order if name in r]):
            key = row[family.per] if family.per else ""
            if key is not None:
                last = before.get(key, {})
                found.append({**row, **{f"previous_{name}": last.get(name) for name in family.previous}})
                before[key] = row
        return found

    def gathered(self, family: Family, rows: list[Row], day: date) -> list[Row]:
        groups: dict[Any, list[Row]] = {}
        for row in rows:
            if row[family.per] is not None:
                groups.setdefault(row[family.per], []).append(row)
        return [
            {name: evaluate(e.tree, {"as_of": day}, group) for name, e in family.gather.items()}
            for group in groups.values()
        ]

    def in_force(self, family: Family, seen: list[Row]) -> Row:
        if seen:
            return max(seen, key=lambda r: (str(r["_time"]), str(r["_arrived"])))
        names = {c for feature in family.features for c in feature.expression.columns}
        return dict.fromkeys(names)

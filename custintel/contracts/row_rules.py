"""The rules of one table, as SQL text: how its columns are read, and which rule a row breaks first. Nothing is run."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from custintel.contracts._mapping_expressions import UNREADABLE
from custintel.contracts._read_columns import Reading, reading, row_condition
from custintel.contracts.column_mapping import EVERY_COLUMN, ColumnSource, TableMapping
from custintel.contracts.quality_report import BrokenRule
from custintel.contracts.table_contracts import ColumnContract, TableContract
from custintel.engines.engine import literal, quoted

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime


# a known Monday; day arithmetic means the same on every engine, `isodow` and `dayofweek` do not
_MONDAY = "date '1990-01-01'"
_FIRST_TIME = "1990-01-01"
_FIRST_DATE = "1950-01-01"
_INSTANT = "TIMESTAMP WITH TIME ZONE"
DERIVED = ("event_date", "visible_date", "weekday", "hour", "is_weekend", "is_night")
DUPLICATE = 0
"""Number of the rule that an exact duplicate breaks."""
LEFT_OUT = 1
"""Number of the rule that a row breaks of which the mapping says that it is none; no row set aside has a lower one."""
_ROW_CONDITION = "_row_condition"


@dataclass(frozen=True)
class Source:
    """One part of a raw table: a relation for FROM, its columns, how they map, and a name for people.

    `zone` is the one in which instants are read when the mapping names none; nobody may have said it, then it is UTC.
    `orders` are the columns of dates that were found to write the day or the month first, `without_time_of_day` those
    that write no time of day, and `offsets` counts the times that name their offset in a part without a zone.
    """

    relation: str
    columns: Mapping[str, str]
    mapping: TableMapping
    label: str
    zone: str | None = None
    orders: Mapping[str, str] = field(default_factory=dict)
    without_time_of_day: frozenset[str] = frozenset()
    offsets: Mapping[str, int] = field(default_factory=dict)


def derived_columns(contract: TableContract, names: Collection[str]) -> dict[str, str]:
    """Calendar columns made once, by arithmetic that all engines share, from the columns at hand.

    Examples
    --------
    >>> from custintel.contracts.table_contracts import TABLES
    >>> derived_columns(TABLES["bills"], ["event_time"])
    {'event_date': 'cast("event_time" as date)', 'visible_date': 'cast("event_time" as date)'}
    """
    if contract.event_time not in names:
        return {}
    event = quoted(str(contract.event_time))
    day = f"cast({event} as date)"
    arrival = quoted(contract.arrival_time) if contract.arrival_time in names and contract.arrival_time else None
    visible = f"greatest({day}, coalesce(cast({arrival} as date), {day}))" if arrival else day
    columns = {"event_date": day, "visible_date": visible}
    if contract.name != "usage":
        return columns
    weekday, hour = f"mod(date_diff('day', {_MONDAY}, {day}), 7) + 1", f"extract(hour from {event})"
    columns |= {"weekday": f"cast({weekday} as tinyint)", "hour": f"cast({hour} as tinyint)"}
    return columns | {"is_weekend": f"{weekday} >= 6", "is_night": f"({hour} >= 22 or {hour} < 6)"}


_LEFT_OUT_RULES = (
    (f"{_ROW_CONDITION} = 'no'", "left out by the mapping", "rows"),
    (f"{_ROW_CONDITION} = {literal(UNREADABLE)}", "unreadable", "rows"),
)


class Rules:
    """The rules of one table."""

    def __init__(self, contract: TableContract, sources: Sequence[Source], latest: datetime) -> None:
        self.contract, self.sources, self.latest = contract, sources, latest
        self.broken_rules: list[BrokenRule] = [
            BrokenRule("exact duplicate", ""),
            BrokenRule("left out by the mapping", "rows"),
        ]

    @property
    def key(self) -> tuple[str, ...]:
        """The columns that tell rows apart: those of the contract, or of the mapping where the contract has none."""
        return () if self._key == (EVERY_COLUMN,) else self._key

    @property
    def orders(self) -> dict[str, str]:
        """Columns of dates whose texts were found to write the day or the month first."""
        return {column: order for source in self.sources for column, order in source.orders.items()}

    @property
    def offsets(self) -> dict[str, int]:
        """Columns with times that name their offset where nobody names the zone: how many."""
        counts: Counter[str] = Counter()
        for source in self.sources:
            counts.update(source.offsets)
        return dict(counts)

    @property
    def _key(self) -> tuple[str, ...]:
        return self.contract.key or next((s.mapping.key for s in self.sources if s.mapping.key), ())

    @property
    def identified(self) -> str:
        """SQL: whether a row has a key, so that one equal to it is the same record; else it may be another event."""
        if self._key == (EVERY_COLUMN,) or self.contract.key:
            return "true"
        return " or ".join(f"{quoted(name)} is not null" for name in self._key) or "false"

    def code(self, reason: str, column: str) -> int:
        """The number of a rule; the same rule always has the same number."""
        broken = BrokenRule(reason, column)
        if broken not in self.broken_rules:
            self.broken_rules.append(broken)
        return self.broken_rules.index(broken)

    def part(self, number: int, carried: Mapping[str, str] | None = None) -> dict[str, str]:
        """Names and SQL of the columns of one part as it leaves `part_sql`."""
        source = self.sources[number]
        readings = self._readings(source)
        columns = {
            name: quoted(name) for name in [*(r.contract.name for r in readings), *_extras(self.contract, source)]
        }
        columns |= derived_columns(self.contract, {r.contract.name for r in readings})
        columns |= {"_broken_rule": self._first_broken_rule(source, readings), "_part": f"cast({number} as utinyint)"}
        return columns | {name: name for name in carried or ()}

    def part_sql(self, number: int, columns: Mapping[str, str], carried: Mapping[str, str] | None = None) -> str:
        """SQL of one part: what is given, what it says, which rule it breaks; `carried` columns pass untouched."""
        source = self.sources[number]
        readings = self._readings(source)
        extras, beside = _extras(self.contract, source), carried or {}
        given = [f"{r.given} as {quoted(f'_given_{i}')}" for i, r in enumerate(readings)]
        typed = [f"{r.typed} as {quoted(r.contract.name)}" for r in readings]
        kept = [quoted(f"_given_{i}") for i, r in enumerate(readings) if not r.certain]
        raw = [
            *given,
            *(_naive(source, name) for name in extras),
            *(f"{sql} as {name}" for name, sql in beside.items()),
        ]
        if source.mapping.rows is not None:
            raw.append(f"{row_condition(source.mapping.rows, source.columns)} as {_ROW_CONDITION}")
            kept.append(_ROW_CONDITION)
        inner = f"select {', '.join(raw)} from {source.relation}"
        middle = f"select {', '.join([*typed, *kept, *map(quoted, extras), *beside])} from ({inner}) as given"
        named = [f"{sql} as {name if name in beside else quoted(name)}" for name, sql in columns.items()]
        return f"select {', '.join(named)} from ({middle}) as typed"

    def _readings(self, source: Source) -> list[Reading]:
        """How each column present in this part is read, in the order of the contract."""
        found = found_columns(self.contract, source)
        found = {name: _zoned(origin, source) for name, origin in found.items()}
        contracts = [self._column(name, origin) for name, origin in found.items()]
        return [
            reading(c, origin, source.columns, f"_given_{i}")
            for i, (c, origin) in enumerate(zip(contracts, found.values(), strict=True))
        ]

    def _column(self, name: str, origin: ColumnSource) -> ColumnContract:
        """The contract of a column; a mapped column beyond the contract is an optional one of the type asked for."""
        contract = self.contract.columns.get(name) or ColumnContract(name, origin.type or "string")
        return replace(contract, required=True) if origin.blank == "set_aside" else contract

    def _first_broken_rule(self, source: Source, readings: Sequence[Reading]) -> str:
        """The number of the first rule that the row breaks, or NULL."""
        rules = [] if source.mapping.rows is None else list(_LEFT_OUT_RULES)
        rules += [rule for r in readings for rule in self._column_rules(r)]
        rules += self._time_rules({r.contract.name for r in readings})
        cases = " ".join(f"when {test} then {self.code(reason, column)}" for test, reason, column in rules)
        return f"cast(case {cases} end as utinyint)" if cases else "cast(null as utinyint)"

    def _column_rules(self, r: Reading) -> list[tuple[str, str, str]]:
        """Rules of one column: (SQL test that is true for a bad row, reason, column)."""
        c, name, given = r.contract, quoted(r.contract.name), r.given_name
        rules = []
        if c.required:
            where = "" if c.needed_when is None else f" and ({c.needed_when})"
            rules.append((f"{name if r.certain else given} is null{where}", "missing value", c.name))
        if not r.certain and (c.type != "string" or c.values or r.typed != r.given_name):
            rules.append((f"{name} is null and {given} is not null", r.lost, c.name))
        if c.min is not None:
            rules.append((f"{name} < {c.min!r}", "below minimum", c.name))
        if c.max is not None:
            rules.append((f"{name} > {c.max!r}", "above maximum", c.name))
        return rules

    def _time_rules(self, names: set[str]) -> list[tuple[str, str, str]]:
        """Rules of event and arrival time: no epoch dates, no future, nothing known before it happened."""
        event, arrival, ahead = self.contract.event_time, self.contract.arrival_time, self.contract.ahead_days
        rules = []
        for column in (event, arrival):
            if column in names and column is not None:
                rules += _bounds(self.contract.columns[column], self.latest + timedelta(days=ahead))
        if event in names and arrival in names:
            late = f"{quoted(str(event))} > {quoted(str(arrival))} + interval {ahead} day"
            rules.append((late, "happened after it arrived", str(event)))
        return rules


def found_columns(contract: TableContract, source: Source) -> dict[str, ColumnSource]:
    """The columns of the contract (and mapped ones beyond it) that this part has, and where they come from."""
    own = {name.strip().lower(): name for name in source.columns}
    found: dict[str, ColumnSource] = {}
    for name in [*contract.columns, *(c for c in source.mapping.columns if c not in contract.columns)]:
        origin = source.mapping.columns.get(name)
        if origin is not None:
            found[name] = origin
        elif name in own:
            found[name] = ColumnSource(column=own[name])
    return found


def _zoned(origin: ColumnSource, source: Source) -> ColumnSource:
    """An instant without a zone of its own is read in that of its source."""
    is_instant = source.columns.get(origin.column or "") == _INSTANT
    return replace(origin, zone=source.zone) if is_instant and origin.zone is None else origin


def _extras(contract: TableContract, source: Source) -> list[str]:
    """Columns beyond the contract, kept as they are; derived ones are made anew."""
    used = {origin.column for origin in found_columns(contract, source).values()}
    taken = {*contract.columns, *source.mapping.columns, *DERIVED, "_broken_rule", "_part"}
    return [c for c in source.columns if c not in used and c.strip().lower() not in taken]


def _naive(source: Source, column: str) -> str:
    """A column as it is; an instant as the clock showed it, because clean tables hold no time zones."""
    if source.columns[column] == _INSTANT:
        return f"timezone({literal(source.zone or 'UTC')}, {quoted(column)}) as {quoted(column)}"
    return quoted(column)


def free_name(column: str) -> str:
    """A name for an original column that does not clash with ours."""
    return f"{column}_" if column.lower() in ("reason", "broken_column", "source", "source_row") else column


def _bounds(column: ColumnContract, last: datetime) -> list[tuple[str, str, str]]:
    """A time before the network existed, an epoch standing for nothing, or a time still to come."""
    name = quoted(column.name)
    if column.type == "date":
        epoch = f"{name} < date '{_FIRST_DATE}' or {name} = date '1970-01-01'"
        return [(epoch, "too early", column.name), (f"{name} > date '{last:%Y-%m-%d}'", "in the future", column.name)]
    early = f"{name} < timestamp '{_FIRST_TIME}'"
    return [
        (early, "too early", column.name),
        (f"{name} > timestamp '{last:%Y-%m-%d %H:%M:%S}'", "in the future", column.name),
    ]

"""The resolution of times: a column whose times are all at midnight holds days, and has no hour to speak of.

Events of `_MANY` tables come at all hours: where nearly all are at midnight, the few others are slips among days.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from custintel.contracts._rules import found_columns
from custintel.engines import quoted

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from custintel.contracts._mapping import ColumnSource
    from custintel.contracts._rules import Rules, Source
    from custintel.engines import Engine

__all__ = ["NEEDS_HOUR", "days_only"]

NEEDS_HOUR = ("hour", "is_night")
"""Calendar columns that a table of days does not have."""
_HANDFUL = 10  # fewer rows may all be at midnight by chance, or because somebody made them up
_NEARLY_ALL = 0.95  # of the events of a table of many are at midnight: no network has such nights
_MANY = ("usage", "recharges")
_CLOCK = ("%H", "%I", "%M", "%S", "%f", "%g", "%n", "%c", "%X", "%T", "%R", "%s")


def days_only(engine: Engine, relation: str, rules: Rules, columns: Iterable[str]) -> dict[str, int]:
    """Columns of times that hold days, in at least one part of the table, and how many of these have a time of day.

    Parameters
    ----------
    engine : Engine
        Where the clean table is.
    relation : str
        The clean table or a query of it, with the column `_part`.
    rules : Rules
        The rules of the table.
    columns : iterable of str
        Columns of the clean table.
    """
    names = [name for name in columns if _is_time(rules, name)]
    if not names:
        return {}
    counts = [f"count({q}), {_clocks(q)}" for q in map(quoted, names)]
    rows = engine.rows(f"select _part, {', '.join(counts)} from {relation} as t group by _part")
    found: Counter[str] = Counter()
    for row in rows:
        found.update(_days_of(rules, names, row))
    return {name: found[name] for name in names if name in found}


def _clocks(column: str) -> str:
    """SQL: how many times are not midnight."""
    return f"sum(case when cast(cast({column} as date) as timestamp) <> {column} then 1 else 0 end)"


def _is_time(rules: Rules, name: str) -> bool:
    contract = rules.contract.columns.get(name)
    if contract is not None:
        return contract.type == "timestamp"
    return any(name in s.mapping.columns and s.mapping.columns[name].type == "timestamp" for s in rules.sources)


def _days_of(rules: Rules, names: Sequence[str], row: Sequence[object]) -> dict[str, int]:
    """The columns that hold days in one part, and their times with a time of day, from its counts."""
    source = rules.sources[int(str(row[0]))]
    counts = {name: (int(str(row[1 + 2 * i] or 0)), int(str(row[2 + 2 * i] or 0))) for i, name in enumerate(names)}
    found = {}
    for name, both in counts.items():
        said = source.mapping.resolution if name == str(rules.contract.event_time) else None
        if said == "day" or (said is None and both[0] and _holds_days(rules, source, name, both)):
            found[name] = both[1]
    return found


def _holds_days(rules: Rules, source: Source, name: str, counts: tuple[int, int]) -> bool:
    """By the counts of given times and of those with a time of day, or by how the column is written."""
    given, clocks = counts
    if given < _HANDFUL:
        return not clocks and _is_written_as_day(rules, source, name)
    is_event_of_many = rules.contract.name in _MANY and name == rules.contract.event_time
    return clocks <= (1 - _NEARLY_ALL) * given if is_event_of_many else not clocks


def _is_written_as_day(rules: Rules, source: Source, name: str) -> bool:
    """Whether the raw column is one of days by its type or by what the mapping says."""
    origin: ColumnSource | None = found_columns(rules.contract, source).get(name)
    if origin is None or origin.column is None:
        return False
    if origin.format and name not in source.orders:
        return not any(sign in form for form in origin.format for sign in _CLOCK)
    is_date = source.columns.get(origin.column) == "DATE"
    return is_date or (origin.epoch is not None and origin.unit == "d") or name in source.short

"""What is asked of one family: columns that can be computed here, and why others cannot."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from custintel.builder._function import function_reason
from custintel.builder._sources import is_dated
from custintel.builder._time_of_day import hour_reason, is_hourless
from custintel.catalogue import ALL
from custintel.expressions import parse

if TYPE_CHECKING:
    from collections.abc import Iterable

    from custintel.builder._sources import Sources
    from custintel.catalogue import Entry, Family, Feature
    from custintel.expressions import Expression

__all__ = ["Ask", "answerable", "asks_of"]


@dataclass(frozen=True)
class Ask:
    """One column asked of a family: a feature in a slice and a window."""

    column: str
    feature: Feature
    slice: str
    window: int
    condition: Expression | None


def asks_of(family: Family, entries: Iterable[Entry]) -> list[Ask]:
    """The asks behind a family's entries."""
    features = {feature.name: feature for feature in family.features}
    return [_ask(family, features[e.feature], e) for e in entries if e.family == family.name and e.kind != "derived"]


def _ask(family: Family, feature: Feature, entry: Entry) -> Ask:
    name = entry.slice or ALL
    return Ask(entry.column, feature, name, entry.window or 0, family.slices.get(name))


def answerable(
    families: Iterable[Family], entries: Iterable[Entry], sources: Sources
) -> tuple[tuple[Entry, ...], dict[str, str]]:
    """The entries that the tables at hand can answer, and the reason for each that they cannot."""
    homes = {family.name: family for family in families}
    kept: dict[str, Entry] = {}
    skipped: dict[str, str] = {}
    for entry in entries:
        reason = _reason(entry, homes[entry.family], sources, kept)
        if reason:
            skipped[entry.column] = reason
        else:
            kept[entry.column] = entry
    return tuple(kept.values()), skipped


def _reason(entry: Entry, family: Family, sources: Sources, kept: dict[str, Entry]) -> str:
    if entry.kind == "derived":
        absent = sorted(parse(entry.expression).columns - set(kept) - {"as_of"})
        return f"reads {', '.join(absent)}, which is left out" if absent else ""
    if family.kind == "function":
        return function_reason(entry, family, sources)
    if family.source not in sources:
        return f"no table {family.source}"
    undated = [table for table in family.join if table not in sources and is_dated(table)]
    if undated:
        return f"no table {', '.join(undated)}"
    absent = sorted(_columns_read(entry, family) - sources.columns(family))
    absent += [c for c in _keys(family, sources) if c not in sources[family.source].columns]
    absent = [c for c in dict.fromkeys(absent) if not is_hourless(sources, family.source, c)]
    return f"no column {', '.join(absent)} in {_tables(family)}" if absent else hour_reason(entry, family, sources)


def _columns_read(entry: Entry, family: Family) -> set[str]:
    found = next(set(f.expression.columns) for f in family.features if f.name == entry.feature)
    if family.kind == "gathered":
        found = {c for name in found for c in family.gather[name].columns}
    condition = family.slices.get(entry.slice or ALL)
    found = found | (set(condition.columns) if condition else set())
    return set(family.plain(found))


def _keys(family: Family, sources: Sources) -> list[str]:
    joined = [column for table, column in family.join.items() if table in sources]
    return [sources.time(family), *joined, *([family.per] if family.per else [])]


def _tables(family: Family) -> str:
    return " or ".join((family.source, *family.join))

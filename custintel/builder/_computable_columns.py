"""The columns requested of one family: those that the tables at hand can answer, and why others cannot be had."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from custintel.builder._function_features import function_obstacle, missing_inputs
from custintel.builder._unavailable_columns import UnavailableColumn, describe_missing, hour_obstacle, is_hourless
from custintel.catalogue.feature_family import ALL
from custintel.contracts.own_contracts import known_tables
from custintel.expressions.parse import parse

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from custintel.builder.source_tables import Sources
    from custintel.catalogue.feature_family import Entry, Family, Feature
    from custintel.expressions.expression import Expression


@dataclass(frozen=True)
class FeatureRequest:
    """One column requested of a family: a feature in a slice and a window."""

    column: str
    feature: Feature
    slice: str
    window: int
    condition: Expression | None


def requests_of(family: Family, entries: Iterable[Entry]) -> list[FeatureRequest]:
    """The requests behind a family's entries."""
    features = {feature.name: feature for feature in family.features}
    return [
        _request(family, features[e.feature], e) for e in entries if e.family == family.name and e.kind != "derived"
    ]


def _request(family: Family, feature: Feature, entry: Entry) -> FeatureRequest:
    name = entry.slice or ALL
    return FeatureRequest(entry.column, feature, name, entry.window or 0, family.slices.get(name))


def computable_entries(
    families: Iterable[Family], entries: Iterable[Entry], sources: Sources
) -> tuple[tuple[Entry, ...], dict[str, UnavailableColumn]]:
    """The entries that the tables at hand can answer, and the reason for each that they cannot."""
    homes = {family.name: family for family in families}
    kept: dict[str, Entry] = {}
    skipped: dict[str, UnavailableColumn] = {}
    for entry in entries:
        family = homes[entry.family]
        if entry.kind == "derived":
            found = _derived_unavailable(entry, kept, skipped)
        elif family.kind == "function":
            needs = missing_inputs(entry, family, sources)
            found = _unavailable(entry, describe_missing(needs) or function_obstacle(entry, family, sources), needs)
        else:
            found = _unavailable(entry, *_absent(entry, family, sources))
        if found is None:
            kept[entry.column] = entry
        else:
            skipped[entry.column] = found
    return tuple(kept.values()), skipped


def _unavailable(entry: Entry, why: str, needs: Iterable[str] = ()) -> UnavailableColumn | None:
    return UnavailableColumn(entry.family, why, tuple(needs), entry.topic) if why else None


def _derived_unavailable(
    entry: Entry, kept: Mapping[str, Entry], skipped: Mapping[str, UnavailableColumn]
) -> UnavailableColumn | None:
    """A derived column cannot be had when one that it reads cannot; it needs what that one needs."""
    absent = sorted(parse(entry.expression).columns - set(kept) - {"as_of"})
    needs = dict.fromkeys(need for column in absent if column in skipped for need in skipped[column].needs)
    return _unavailable(entry, f"reads {', '.join(absent)}, which is left out" if absent else "", needs)


def _absent(entry: Entry, family: Family, sources: Sources) -> tuple[str, list[str]]:
    """What a column of rows lacks: in words, and the tables and columns by name."""
    tables = [] if family.source in sources else [family.source]
    tables += [table for table in family.join if table not in sources and sources.is_daily(table)]
    if tables:
        return f"no table {', '.join(tables)}", tables
    absent = sorted(_columns_read(entry, family) - sources.columns(family))
    absent += [c for c in _keys(family, sources) if c not in sources[family.source].columns]
    names = [c for c in dict.fromkeys(absent) if not is_hourless(sources, family.source, c)]
    needs = list(dict.fromkeys(_home(name, family, sources) for name in names))
    if names:
        return f"no column {', '.join(names)} in {_tables(family)}", needs
    return hour_obstacle(entry, family, sources), []


def _home(column: str, family: Family, sources: Sources) -> str:
    """Where a column that is not there would be: a table that is not there either, or a column of one that is."""
    known = known_tables()
    homes = [t for t in (family.source, *family.join) if t in known and column in known[t].columns]
    absent = [table for table in homes if table not in sources]
    return absent[0] if absent else f"{(homes or [family.source])[0]}.{column}"


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

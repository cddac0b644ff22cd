"""From families to final columns: slices, windows, and derived features in an order in which they can be computed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from custintel.catalogue.feature_family import ALL, Entry, Family, Feature, SliceWords, column_name
from custintel.errors import close_hint
from custintel.expressions.whitelist import AS_OF

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from custintel.catalogue._feature_grammar import Reader
    from custintel.catalogue.feature_family import How


_RESERVED = ("customer_id", AS_OF)


def expand(families: Iterable[Family], reader: Reader) -> tuple[Entry, ...]:
    """All final columns; base columns first, then derived ones, each after what it reads."""
    families = list(families)
    base = [entry for family in families for entry in _base_entries(family)]
    derived = _Derived(base, families)
    entries = base + derived.entries(reader)
    _check_names(entries, reader)
    return tuple(entries)


def _base_entries(family: Family) -> Iterator[Entry]:
    for feature in family.features:
        if family.kind in ("latest", "function"):
            yield _entry(family, feature, None, None)
            continue
        for slice_ in feature.slices:
            for window in feature.windows:
                yield _entry(family, feature, slice_, window)


def _entry(family: Family, feature: Feature, slice_: str | None, window: int | None) -> Entry:
    words = family.slice_words.get(slice_ or ALL, SliceWords())
    shown = None if feature.own_windows and len(feature.windows) == 1 else window
    return Entry(
        column=column_name(feature.name, slice_, window),
        family=family.name,
        feature=feature.name,
        window=window,
        slice=slice_,
        kind=family.kind,
        unit=feature.unit,
        missing=feature.missing,
        about=_in_english(feature.about, words.about, shown),
        about_zh=_in_chinese(feature.about_zh, words.about_zh, shown),
        sensitivity=feature.sensitivity,
        expression=feature.expression.text,
        where=feature.where,
        how=_how(family, feature),
        topic=family.topic,
        reason=feature.reason or family.reason,
    )


def _how(family: Family, feature: Feature) -> How:
    if family.kind == "function":
        return "function"
    if family.kind == "latest":
        return "row"
    aggregates = feature.expression.aggregates
    if family.previous or (family.kind == "window" and any(a.function == "median" for a in aggregates)):
        return "apart"
    return "distinct" if any(a.distinct for a in aggregates) else "parts"


def _in_english(about: str, slice_: str, window: int | None) -> str:
    phrase = f"{about} {slice_}".strip()
    if window is None:
        return phrase
    return f"{phrase}, last {f'{window} days' if window > 1 else 'day'}"


def _in_chinese(about: str, slice_: str, window: int | None) -> str:
    before = "" if window is None else f"近{window}天"
    return f"{before}{slice_}{about}"


@dataclass(frozen=True)
class _Wanted:
    """One derived column before its names are resolved."""

    family: Family
    feature: Feature
    window: int | None
    names: Mapping[str, str]

    @property
    def column(self) -> str:
        return column_name(self.feature.name, None, self.window)


class _Derived:
    """Resolves the names in derived features and puts the columns in order."""

    def __init__(self, base: Iterable[Entry], families: Iterable[Family]) -> None:
        self.base = {entry.column for entry in base}
        self.features = [(family, feature) for family in families for feature in family.derived]
        self.windows = {id(feature): feature.windows for _, feature in self.features}
        self.columns = set(self.base)
        self._settle()

    def _settle(self) -> None:
        """Find which derived columns exist: a name may refer to a derived feature of any family, in any order."""
        everything = {f.name for _, f in self.features}
        everything |= {column_name(f.name, None, w) for _, f in self.features for w in f.windows}
        guess, previous = self.base | everything, set[str]()
        while guess != previous:
            previous = guess
            guess = self.base | {c for _, f in self.features for c in self._columns_of(f, previous)}
        self.columns = guess

    def _columns_of(self, feature: Feature, known: set[str]) -> Iterator[str]:
        for window in self._windows_of(feature, known):
            yield column_name(feature.name, None, window)

    def _windows_of(self, feature: Feature, known: set[str]) -> list[int | None]:
        loose = [name for name in feature.expression.columns if name not in known or name == feature.name]
        if not loose:
            return [None]
        return [w for w in feature.windows if all(column_name(name, None, w) in known for name in loose)]

    def entries(self, reader: Reader) -> list[Entry]:
        """Derived columns in order; unknown names and cycles are noted."""
        wanted = {w.column: w for family, feature in self.features for w in self._resolve(family, feature, reader)}
        return [_derived_entry(w) for w in _in_order(wanted, reader)]

    def _resolve(self, family: Family, feature: Feature, reader: Reader) -> Iterator[_Wanted]:
        windows = self._windows_of(feature, self.columns)
        if feature.expression.aggregates:
            hint = "derived features work on finished columns: no aggregates"
            reader.wrong(
                feature.where, f"an aggregate in derived feature {feature.name}", feature.expression.text, hint=hint
            )
        elif not windows or (feature.own_windows and windows != [None] and len(windows) < len(feature.windows)):
            self._unknown(feature, reader)
        else:
            for window in windows:
                yield _Wanted(family, feature, window, self._names(feature, window))

    def _names(self, feature: Feature, window: int | None) -> dict[str, str]:
        columns = feature.expression.columns
        return {n: n if n in self.columns and n != feature.name else column_name(n, None, window) for n in columns}

    def _unknown(self, feature: Feature, reader: Reader) -> None:
        for name in sorted(feature.expression.columns - self.columns):
            absent = [f"{w}d" for w in feature.windows if column_name(name, None, w) not in self.columns]
            if absent or not feature.windows:
                hint = close_hint(name, self.columns | {_without_window(c) for c in self.columns})
                windows = f" for the windows {', '.join(absent)}" if absent else ""
                wrong = f"derived feature {feature.name} reads an unknown feature{windows}"
                allowed = "a column such as events_30d, or a name that has all windows of the derived feature"
                reader.wrong(feature.expression.where, wrong, name, allowed, hint)


def _without_window(column: str) -> str:
    before, _, last = column.rpartition("_")
    return before if last[:-1].isdigit() and last.endswith("d") else column


def _in_order(wanted: Mapping[str, _Wanted], reader: Reader) -> list[_Wanted]:
    """Depth first: a column comes after the derived columns it reads."""
    done: dict[str, _Wanted] = {}
    for column in wanted:
        _visit(column, wanted, done, (), reader)
    return list(done.values())


def _visit(
    column: str, wanted: Mapping[str, _Wanted], done: dict[str, _Wanted], path: tuple[str, ...], reader: Reader
) -> None:
    if column in done or column not in wanted:
        return
    if column in path:
        circle = " -> ".join((*path[path.index(column) :], column))
        reader.wrong(wanted[column].feature.where, "derived features that read each other in a circle", circle)
        return
    for name in sorted(wanted[column].names.values()):
        _visit(name, wanted, done, (*path, column), reader)
    done.setdefault(column, wanted[column])


def _derived_entry(wanted: _Wanted) -> Entry:
    feature = wanted.feature
    shown = None if feature.own_windows and len(feature.windows) == 1 else wanted.window
    return Entry(
        column=wanted.column,
        family=wanted.family.name,
        feature=feature.name,
        window=wanted.window,
        slice=None,
        kind="derived",
        unit=feature.unit,
        missing=feature.missing,
        about=_in_english(feature.about, "", shown),
        about_zh=_in_chinese(feature.about_zh, "", shown),
        sensitivity=feature.sensitivity,
        expression=feature.expression.rename(wanted.names).text,
        where=feature.where,
        topic=wanted.family.topic,
        reason=feature.reason or wanted.family.reason,
    )


def _check_names(entries: Iterable[Entry], reader: Reader) -> None:
    first: dict[str, Entry] = {}
    for entry in entries:
        if entry.column in _RESERVED:
            reader.wrong(entry.where, "a column name that is taken", entry.column, hint="rename the feature")
        other = first.setdefault(entry.column, entry)
        if other.where != entry.where:
            hint = f"{other.where} makes it too: rename one of them"
            reader.wrong(entry.where, "two features make the same column", entry.column, hint=hint)

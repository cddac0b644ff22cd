"""All that is known about one column, as lines of text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from custintel.expressions import parse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from custintel.catalogue._catalogue import Catalogue
    from custintel.catalogue._entries import Entry, Family, How

__all__ = ["column_card", "how_computed"]

_HOW: dict[How, str] = {
    "parts": ", added up from parts",
    "distinct": ", distinct values by the day each was last seen",
    "apart": ", apart: it cannot be added up from parts",
    "row": "",
    "function": "",
}


def column_card(catalogue: Catalogue, column: str) -> dict[str, str]:
    """What a column means, how it is computed, from what, and where that is written.

    >>> from custintel.catalogue import Catalogue
    >>> card = column_card(Catalogue.load(), "out_minutes_30d")
    >>> card["about"], card["about_zh"], card["window"]
    ('Minutes of calls going out, last 30 days', '近30天主动通话分钟数', 'the 30 days that end with the as-of date')
    >>> card["slice"], card["missing"], card["source"]
    ("out: direction = 'out'", 'becomes 0', 'table usage')
    >>> card["where"].startswith("features/usage.yaml:")
    True
    """
    entry = catalogue.entry(column)
    family = next(f for f in catalogue.families if f.name == entry.family)
    return dict(_facts(entry, family, catalogue))


def how_computed(entry: Entry, family: Family) -> str:
    """In a few words, how a column comes about.

    >>> from custintel.catalogue import Catalogue
    >>> catalogue = Catalogue.load(families=["contract", "usage"])
    >>> families = {family.name: family for family in catalogue.families}
    >>> for column in ("monthly_fee", "texts_30d", "devices_90d", "minutes_trend"):
    ...     entry = catalogue.entry(column)
    ...     print(how_computed(entry, families[entry.family]))
    from the row in force
    from the rows of the window, added up from parts
    from the rows of the window, distinct values by the day each was last seen
    from other columns
    """
    sources = {
        "latest": "the row in force",
        "gathered": f"the rows of the window, gathered by {family.per}",
        "sequence": "the rows of the window, each beside the row before it",
        "function": f"the function {family.function}",
        "derived": "other columns",
    }
    work = "" if entry.kind == "derived" else _HOW[entry.how]
    return f"from {sources.get(entry.kind, 'the rows of the window')}{work}"


def _facts(entry: Entry, family: Family, catalogue: Catalogue) -> Iterator[tuple[str, str]]:
    yield "column", entry.column
    yield "about", entry.about
    yield "about_zh", entry.about_zh
    yield "family", f"{family.name}: {family.about}"
    yield "unit", entry.unit
    yield "missing", "stays missing" if entry.missing is None else f"becomes {entry.missing:g}"
    yield "sensitivity", entry.sensitivity
    if entry.window is not None:
        yield "window", f"the {entry.window} days that end with the as-of date"
    if entry.kind != "derived":
        yield from _source(entry, family)
    yield "computed", how_computed(entry, family)
    yield "expression", entry.expression
    yield "sql", parse(entry.expression).sql()
    for name, other in _read(entry, catalogue):
        yield f"reads {name}", other.about
    yield "where", entry.where


def _source(entry: Entry, family: Family) -> Iterator[tuple[str, str]]:
    tables = family.tables
    yield "source", f"table{'s' if len(tables) > 1 else ''} {', '.join(tables)}"
    if family.time:
        yield "time", f"a row counts from its {family.time} on"
    if entry.slice is not None and entry.slice in family.slices:
        yield "slice", f"{entry.slice}: {family.slices[entry.slice].text}"
    if family.previous:
        yield "row before", ", ".join(f"previous_{name}" for name in family.previous)
    for name, gathered in family.gather.items():
        yield f"gathers {name}", gathered.text


def _read(entry: Entry, catalogue: Catalogue) -> list[tuple[str, Entry]]:
    """The columns that a derived column reads."""
    names = parse(entry.expression).columns if entry.kind == "derived" else frozenset[str]()
    return [(e.column, e) for e in catalogue.entries() if e.column in names]

"""The data dictionary: every column in words, generated from the catalogue."""

from __future__ import annotations

from typing import TYPE_CHECKING

from custintel.catalogue._catalogue import Catalogue
from custintel.expressions.parse import parse

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from custintel.catalogue.feature_family import Entry, Family, How


_HEAD = """\
# Data dictionary

This page lists every column of the feature table, topic by topic. It is generated from `features/*.yaml`; do not edit
it, run `python docs/generate.py`. Amounts are in the operator's currency unit `u`. A window ends with the as-of date.

- *Missing* is what a value becomes when there is nothing to compute it from; `-` means that it stays missing.
- *Reason* is the reason group under which a score explains the column.
- *How* says how the column is computed: `parts` are added up from partial aggregates by customer and time, `distinct`
  counts keep the day on which each value was last seen, `apart` is computed anew for each window because it cannot be
  added up, `row` reads the row in force, `function` is Python or SQL code, and `columns` reads other columns.
"""
_COLUMNS = ("column", "meaning", "含义", "unit", "missing", "sensitivity", "reason", "how", "computed as")
_TABLE = f"| {' | '.join(_COLUMNS)} |\n{'|---' * len(_COLUMNS)}|\n"


def dictionary_markdown(catalogue: Catalogue | None = None) -> str:
    """The data dictionary as a Markdown page; of the shipped families by default.

    >>> dictionary_markdown(Catalogue.load(topics=["plan_changes"])).splitlines()[11]
    '5 columns in 1 family of 1 topic.'
    """
    catalogue = Catalogue.load() if catalogue is None else catalogue
    sizes = f"{_sizes(catalogue)}\n"
    return "\n".join([_HEAD, sizes, *(_topic(topic, catalogue) for topic in catalogue.topics)])


def _sizes(catalogue: Catalogue) -> str:
    """How many columns there are, and how many of them needed code (a function) because the grammar ends before."""
    families, topics, entries = len(catalogue.families), len(catalogue.topics), catalogue.entries()
    whole = (
        f"{len(entries)} columns in {families} famil{'y' if families == 1 else 'ies'} of "
        f"{topics} topic{'' if topics == 1 else 's'}."
    )
    code = sum(entry.kind == "function" for entry in entries)
    return f"{whole} Columns of a function: {code} ({code / len(entries):.1%})." if code else whole


def _topic(topic: str, catalogue: Catalogue) -> str:
    """The section of a topic: what it is about, then its families."""
    about = catalogue.topics_about.get(topic, "")
    head = f"## {topic}\n\n{about}\n" if about else f"## {topic}\n"
    own = [_section(family, catalogue.entries()) for family in catalogue.families if family.topic == topic]
    return "\n".join([head, *own])


def _section(family: Family, entries: Iterable[Entry]) -> str:
    rows = "\n".join(_row(entry) for entry in entries if entry.family == family.name)
    facts = "".join(f"- {fact}\n" for fact in _facts(family))
    return f"### {family.name}\n\n{family.about}. {family.about_zh}。\n\n{facts}\n{_TABLE}{rows}\n"


def _facts(family: Family) -> Iterator[str]:
    if family.kind == "function":
        tables = ", ".join(f"`{table}`" for table in family.tables)
        yield f"source: tables {tables}; columns of the function `{family.function}`"
        return
    time = f", by `{family.time}`" if family.time else ""
    kinds = {"gathered": f"rows gathered per `{family.per}`", "latest": "row in force"}
    yield f"source: table `{family.source}`{time}; {kinds.get(family.kind, 'rows of the window')}"
    if family.previous:
        of = f" of the same `{family.per}`" if family.per else ""
        yield f"beside each row: {', '.join(f'`{name}`' for name in family.previous)} of the row before it{of}"
    for table, column in family.join.items():
        yield f"looked up: `{table}` by `{column}`"
    for name, condition in family.slices.items():
        yield f"slice `{name}`: `{condition.text}`"
    for name, gathered in family.gather.items():
        yield f"gathered `{name}`: `{gathered.text}`"


def _row(entry: Entry) -> str:
    missing = "-" if entry.missing is None else f"{entry.missing:g}"
    how = "columns" if entry.kind == "derived" else entry.how
    cells = (
        f"`{entry.column}`",
        entry.about,
        entry.about_zh,
        entry.unit,
        missing,
        entry.sensitivity,
        entry.reason,
        how,
    )
    return "| " + " | ".join((*cells, f"`{entry.expression}`")) + " |"


# All that is known about one column, as lines of text.


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
    return dict(_card_facts(entry, family, catalogue))


def how_computed(entry: Entry, family: Family) -> str:
    """In a few words, how a column comes about.

    >>> from custintel.catalogue import Catalogue
    >>> catalogue = Catalogue.load(topics=["contract", "usage"])
    >>> families = {family.name: family for family in catalogue.families}
    >>> for column in ("monthly_fee", "sms_30d", "devices_90d", "minutes_trend"):
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


def _card_facts(entry: Entry, family: Family, catalogue: Catalogue) -> Iterator[tuple[str, str]]:
    yield "column", entry.column
    yield "about", entry.about
    yield "about_zh", entry.about_zh
    yield "topic", entry.topic
    yield "family", f"{family.name}: {family.about}"
    yield "reason", f"{entry.reason}: {catalogue.reasons[entry.reason].about}"
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

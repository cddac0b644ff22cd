"""The data dictionary: every column in words, generated from the catalogue."""

from __future__ import annotations

from typing import TYPE_CHECKING

from custintel.catalogue._catalogue import Catalogue

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from custintel.catalogue._entries import Entry, Family

__all__ = ["dictionary_markdown"]

_HEAD = """\
# Data dictionary

Every column of the feature table, generated from `features/*.yaml` (do not edit: `python docs/generate.py`).
*Missing* is what a value becomes when there is nothing to compute it from; `-` means that it stays missing.
Amounts are in the operator's currency unit `u`; windows are days that end with the as-of date.
*How*: `parts` are added up from partial sums by customer and time, `distinct` values from the day each was last seen;
what cannot be added up is computed `apart`; `row` is the row in force, `function` code, `columns` reads other columns.
"""
_COLUMNS = ("column", "meaning", "含义", "unit", "missing", "sensitivity", "how", "computed as")
_TABLE = f"| {' | '.join(_COLUMNS)} |\n{'|---' * len(_COLUMNS)}|\n"


def dictionary_markdown(catalogue: Catalogue | None = None) -> str:
    """The data dictionary as a Markdown page; of the shipped families by default.

    >>> dictionary_markdown(Catalogue.load(families=["plan_changes"])).splitlines()[8].endswith("columns in 1 family.")
    True
    """
    catalogue = Catalogue.load() if catalogue is None else catalogue
    families = catalogue.families
    sizes = f"{_sizes(catalogue)}\n"
    return "\n".join([_HEAD, sizes, *(_section(family, catalogue.entries()) for family in families)])


def _sizes(catalogue: Catalogue) -> str:
    """How many columns there are, and how many of them needed code (a function) because the grammar ends before."""
    families, entries = len(catalogue.families), catalogue.entries()
    whole = f"{len(entries)} columns in {families} famil{'y' if families == 1 else 'ies'}."
    code = sum(entry.kind == "function" for entry in entries)
    return f"{whole} Columns of a function: {code} ({code / len(entries):.1%})." if code else whole


def _section(family: Family, entries: Iterable[Entry]) -> str:
    rows = "\n".join(_row(entry) for entry in entries if entry.family == family.name)
    facts = "".join(f"- {fact}\n" for fact in _facts(family))
    return f"## {family.name}\n\n{family.about}. {family.about_zh}。\n\n{facts}\n{_TABLE}{rows}\n"


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
    cells = (f"`{entry.column}`", entry.about, entry.about_zh, entry.unit, missing, entry.sensitivity, how)
    return "| " + " | ".join((*cells, f"`{entry.expression}`")) + " |"

"""The page docs/tables.md, made from the contracts."""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING

from custintel.contracts.table_contracts import TABLES

if TYPE_CHECKING:
    from custintel.contracts.table_contracts import ColumnContract, TableContract


def tables_markdown() -> str:
    """Return docs/tables.md: how tables come in, how they are checked, and every column.

    Examples
    --------
    >>> tables_markdown().splitlines()[0]
    '# Tables'
    """
    opening = resources.files("custintel.contracts").joinpath("tables_opening.md").read_text(encoding="utf-8")
    return opening + "\n" + "\n".join(_table(contract) for contract in TABLES.values())


def _table(contract: TableContract) -> str:
    """One table as a heading, a sentence and its columns."""
    lines = [f"## {contract.name}", "", f"{contract.about}.", ""]
    facts = [
        ("Key", ", ".join(contract.key)),
        ("Event time", contract.event_time),
        ("Arrival time", contract.arrival_time),
    ]
    lines += [f"{name}: `{value}`.  " for name, value in facts if value]
    lines += ["", "| column | type | required | unit | allowed | meaning |", "|---|---|---|---|---|---|"]
    lines += [_row(column) for column in contract.columns.values()]
    return "\n".join([*lines, ""])


def _row(column: ColumnContract) -> str:
    """One column as a row."""
    notes = [column.about]
    if column.references:
        notes.append(f"names a row of `{column.references}`")
    if column.known_at:
        notes.append(f"known from `{column.known_at}` on")
    if column.needed_when:
        rows = "" if column.needed_when == "true" else f" where `{column.needed_when}`"
        notes.append(f"rows without it are counted{rows}")
    if column.identifier:
        notes.append(f"identifier ({column.identifier})")
    if column.sensitive:
        notes.append("sensitive")
    cells = (f"`{column.name}`", column.type, "yes" if column.required else "", column.unit, _allowed(column))
    return f"| {' | '.join(cells)} | {'; '.join(notes)} |"


def _allowed(column: ColumnContract) -> str:
    """Vocabulary or range."""
    if column.values:
        return ", ".join(column.values)
    low = "" if column.min is None else f"{column.min:g}"
    high = "" if column.max is None else f"{column.max:g}"
    return f"{low} .. {high}" if low or high else ""

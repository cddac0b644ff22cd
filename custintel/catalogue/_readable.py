"""Which columns the expressions of a family may read, and why not the others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from custintel.catalogue._grammar import Reader, close_hint

if TYPE_CHECKING:
    from collections.abc import Mapping

    from custintel.catalogue._entries import Family
    from custintel.expressions import Expression

__all__ = ["Readable", "check_previous"]


class Readable:
    """Which columns the expressions of a family may read, and why not the others."""

    def __init__(self, columns: Mapping[str, str], late: Mapping[str, str], reader: Reader) -> None:
        self.columns, self.late, self.reader = columns, late, reader

    def check(self, expression: Expression) -> None:
        """Note unknown columns and columns read before they are known."""
        for name in sorted(expression.columns):
            if name not in self.columns:
                self._unknown(name, expression)
            elif name in self.late:
                self._too_early(name, expression)

    def _unknown(self, name: str, expression: Expression) -> None:
        tables = " and ".join(dict.fromkeys(self.columns.values()))
        behind = name.removeprefix("previous_")
        plain = close_hint(name, self.columns) or "a column beyond the contract is to be named under columns:"
        hint = f"name it under previous: [{behind}]" if behind != name and behind in self.columns else plain
        self.reader.wrong(expression.where, f"unknown column of {tables}", name, ", ".join(self.columns), hint)

    def _too_early(self, name: str, expression: Expression) -> None:
        hint = f"put features of {name} into a family with time: {self.late[name]}"
        self.reader.wrong(expression.where, "a column read before it is known", name, hint=hint)


def check_previous(family: Family, readable: Readable, reader: Reader) -> None:
    """Columns of the row before must be columns that a row may be asked for."""
    for name in family.previous:
        if name not in readable.columns:
            hint = close_hint(name, readable.columns)
            reader.wrong(family.where, "previous names an unknown column", name, ", ".join(readable.columns), hint)
        elif name in readable.late:
            hint = f"put it into a family with time: {readable.late[name]}"
            reader.wrong(family.where, "a column read before it is known", name, hint=hint)

"""Pairs of a time and a value, by which `first` and `last` find the value of the earliest and the latest row.

Each engine that compares pairs field by field has its own way to write them; for the others see `_pairs`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["STRUCTS"]

_FIELDS = {"t": 1, "v": 2}


def _values(node: exp.Expression) -> list[exp.Expression]:
    return [field.expression.copy() for field in node.expressions]


def _row(node: exp.Expression) -> exp.Expression:
    return exp.Anonymous(this="ROW", expressions=_values(node))


def _row_field(node: exp.Expression) -> exp.Expression:
    # fields of a row without names go by their place; the tree counts from 0, Trino from 1
    place = exp.Literal.number(_FIELDS[node.expression.name] - 1)
    return exp.Bracket(this=exp.Paren(this=node.this.copy()), expressions=[place])


def _named_struct(node: exp.Expression) -> exp.Expression:
    pairs = [(exp.Literal.string(f.this.name), f.expression.copy()) for f in node.expressions]
    return exp.Anonymous(this="NAMED_STRUCT", expressions=[part for pair in pairs for part in pair])


def _tuple(node: exp.Expression) -> exp.Expression:
    return exp.Anonymous(this="tuple", expressions=_values(node))


def _tuple_field(node: exp.Expression) -> exp.Expression:
    place = exp.Literal.number(_FIELDS[node.expression.name])
    return exp.Anonymous(this="tupleElement", expressions=[node.this.copy(), place])


STRUCTS: dict[str, dict[type[exp.Expression], Callable[[exp.Expression], exp.Expression]]] = {
    "trino": {exp.Struct: _row, exp.StructExtract: _row_field},
    "hive": {exp.Struct: _named_struct},
    "clickhouse": {exp.Struct: _tuple, exp.StructExtract: _tuple_field},
}
"""Rewrites of pairs by dialect; Spark writes them as DuckDB does."""

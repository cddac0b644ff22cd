"""``first`` and ``last`` on engines that write pairs of a time and a value in another way, or cannot compare them.

Trino, Hive and ClickHouse compare pairs field by field, each with its own way to write them. Snowflake and PostgreSQL
do not: there each pair becomes two columns, its time and its value. The value of the latest row is then the first of
all values in order, latest first; what a pair says when pairs are merged, the two columns say as well. Equal times are
settled by the value, as in the comparison of pairs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

if TYPE_CHECKING:
    from collections.abc import Callable, Collection


WITHOUT_STRUCTS = ("snowflake", "postgres")
"""Engines that do not compare pairs."""

_TIME_SUFFIX = "_at"


def without_structs(tree: exp.Expression) -> exp.Expression:
    """A statement with a column of times beside each column of pairs, which keeps the values."""
    names = _pair_names(tree)
    for select in tree.find_all(exp.Select) if names else ():
        select.set("expressions", [new for one in select.expressions for new in _split(one, names)])
    for part in list(tree.find_all(exp.StructExtract)):
        part.replace(part.this)
    return tree


def first_or_last_value(node: exp.Expression) -> exp.Expression:
    """The value at the greatest (or smallest) known time, by an ordered list of values."""
    return _first(node.this.copy(), node.expression.copy(), latest=isinstance(node, exp.ArgMax))


def _pair_names(tree: exp.Expression) -> frozenset[str]:
    """Names of the columns that hold pairs: where they are made, and where those are merged."""
    extremes = [alias for alias in tree.find_all(exp.Alias) if isinstance(alias.this, (exp.Max, exp.Min))]
    found: frozenset[str] = frozenset()
    while True:
        more = found | {alias.alias for alias in extremes if _holds_pairs(alias.this, found)}
        if more == found:
            return found
        found = more


def _holds_pairs(node: exp.Expression, names: Collection[str]) -> bool:
    return any(isinstance(n, exp.Struct) or (isinstance(n, exp.Column) and n.name in names) for n in node.walk())


def _split(alias: exp.Expression, names: Collection[str]) -> list[exp.Expression]:
    if not isinstance(alias.this, (exp.Max, exp.Min)) or not _holds_pairs(alias.this, names):
        return [alias]
    time, value = (_part(alias.this.this, names, part) for part in "tv")
    latest = isinstance(alias.this, exp.Max)
    edge_time = type(alias.this)(this=time.copy())
    return [_named(edge_time, alias.alias + _TIME_SUFFIX), _named(_first(value, time, latest), alias.alias)]


def _named(node: exp.Expression, name: str) -> exp.Expression:
    return exp.Alias(this=node, alias=exp.to_identifier(name))


def _part(node: exp.Expression, names: Collection[str], part: str) -> exp.Expression:
    """An expression over pairs as one over their times or their values."""

    def write(inner: exp.Expression) -> exp.Expression:
        if isinstance(inner, exp.Struct):
            fields: dict[str, exp.Expression] = {field.name: field.expression for field in inner.expressions}
            return fields[part].copy()
        if isinstance(inner, exp.Column) and inner.name in names and part == "t":
            return exp.column(inner.name + _TIME_SUFFIX, table=inner.table)
        return inner

    return node.transform(write)


def _first(value: exp.Expression, time: exp.Expression, latest: bool) -> exp.Expression:
    order = [exp.Ordered(this=one.copy(), desc=latest, nulls_first=False) for one in (time, value)]
    listed = exp.ArrayAgg(this=exp.Order(this=value.copy(), expressions=order))
    return exp.Bracket(this=exp.Paren(this=listed), expressions=[exp.Literal.number(0)])


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


STRUCT_REWRITES: dict[str, dict[type[exp.Expression], Callable[[exp.Expression], exp.Expression]]] = {
    "trino": {exp.Struct: _row, exp.StructExtract: _row_field},
    "hive": {exp.Struct: _named_struct},
    "clickhouse": {exp.Struct: _tuple, exp.StructExtract: _tuple_field},
}
"""Rewrites of pairs by dialect; Spark writes them as DuckDB does."""

"""What DuckDB says and PostgreSQL does not: conditions as numbers, the value at an edge, names of any length."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from custintel.errors import ConfigurationError
from custintel.expressions._pairs import edge

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["POSTGRES"]

_DOUBLE = exp.DataType.Type.DOUBLE
_TRUTHS = (exp.Predicate, exp.Connector, exp.Not, exp.Boolean)
_LONGEST = 63


def _cast(node: exp.Expression) -> exp.Expression:
    """A condition becomes a whole number first: PostgreSQL casts it to nothing else."""
    if node.args["to"].this == _DOUBLE:
        _count_truths(node.this)
    return node


def _extreme(node: exp.Expression) -> exp.Expression:
    """Conditions have no least or greatest in PostgreSQL, their numbers have."""
    _count_truths(node.this)
    return node


def _count_truths(node: exp.Expression) -> None:
    """Write a condition as a number; what mixes both (`coalesce(a > 1, 0)`) part by part."""
    values = _values(node)
    if any(isinstance(value, exp.Literal) for value in values):
        for value in values:
            _count_truths(value)
    elif _is_truth(node):
        node.replace(exp.cast(exp.Paren(this=node.copy()), "int"))


def _is_truth(node: exp.Expression) -> bool:
    return isinstance(node, _TRUTHS) or any(_is_truth(value) for value in _values(node))


def _values(node: exp.Expression) -> list[exp.Expression]:
    """What an expression can be the value of."""
    if isinstance(node, exp.Case):
        branches = [*(branch.args["true"] for branch in node.args["ifs"]), node.args.get("default")]
        return [branch for branch in branches if branch is not None]
    return list(node.iter_expressions()) if isinstance(node, (exp.Paren, exp.Coalesce)) else []


def _named(node: exp.Expression) -> exp.Expression:
    """PostgreSQL would cut a longer name without a word, and two columns could become one."""
    if len(node.name.encode()) > _LONGEST:
        wrong = f"this name is too long for PostgreSQL\n  given: {node.name}"
        raise ConfigurationError(
            f"{wrong}\n  allowed: {_LONGEST} bytes\n  hint: shorten the name of the feature or slice"
        )
    return node


POSTGRES: dict[type[exp.Expression], Callable[[exp.Expression], exp.Expression]] = {
    exp.Cast: _cast,
    exp.Max: _extreme,
    exp.Min: _extreme,
    exp.ArgMax: edge,
    exp.ArgMin: edge,
    exp.Identifier: _named,
}
"""Rewrites for PostgreSQL."""

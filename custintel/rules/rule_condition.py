"""A rule's expression as conditions joined by *all* and *any*; *not* is pushed down into the conditions.

Only what is known to hold counts: a condition on a missing value is unknown, and unknown is never a match. With *not*
pushed down, "unknown counts as not met" gives the same matches as SQL's three-valued logic:

>>> from custintel.expressions.parse import parse
>>> print(condition_tree(parse("not (minutes <= 30 or plan in ('S', 'M'))")))
all(minutes > 30; plan not in ('M', 'S'))
>>> print(condition_tree(parse("calls between 10 and 20 and (charge > fee or roaming)")))
all(any(charge - fee > 0; roaming = true); calls <= 20; calls >= 10)

The text is canonical: the order in which a rule was written, double conditions and brackets do not change it.
"""

from __future__ import annotations

import operator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from sqlglot import exp

from custintel.errors import Problem, raise_problems
from custintel.expressions.parse import parse
from custintel.expressions.whitelist import AS_OF

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from custintel.expressions.expression import Expression


Comparison = Literal[">", ">=", "<", "<=", "=", "<>", "in", "not in", "null", "known"]
Value = float | str | bool | tuple[float | str, ...] | None

_OPPOSITE: dict[Comparison, Comparison] = {
    ">": "<=",
    ">=": "<",
    "<": ">=",
    "<=": ">",
    "=": "<>",
    "<>": "=",
    "in": "not in",
    "not in": "in",
    "null": "known",
    "known": "null",
}
COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
    "=": operator.eq,
    "<>": operator.ne,
}
"""What the signs of two values do."""
_MIRROR: dict[Comparison, Comparison] = {">": "<", ">=": "<=", "<": ">", "<=": ">=", "=": "=", "<>": "<>"}
_COMPARISONS: dict[type[exp.Expression], Comparison] = {
    exp.GT: ">",
    exp.GTE: ">=",
    exp.LT: "<",
    exp.LTE: "<=",
    exp.EQ: "=",
    exp.NEQ: "<>",
}
_MOST_NESTING = 40
_LONGEST = 100_000  # a condition is written with more blanks and quotes than it was given; its parts were counted then


@dataclass(frozen=True)
class Condition:
    """One comparison: a subject (a column or arithmetic of columns), a sign, a constant.

    Examples
    --------
    >>> Condition("minutes", ">", 30.0).text
    'minutes > 30'
    """

    subject: str
    comparison: Comparison
    value: Value = None

    @property
    def text(self) -> str:
        """The condition as an expression of the language."""
        if self.comparison in ("null", "known"):
            return f"{self.subject} is {'not ' if self.comparison == 'known' else ''}null"
        return f"{self.subject} {self.comparison} {_written(self.value)}"

    @property
    def expression(self) -> Expression:
        """The subject, parsed."""
        return parse(self.subject, "a rule's condition", _LONGEST)

    @property
    def parsed(self) -> Expression:
        """The condition, parsed."""
        return parse(self.text, "a rule's condition", _LONGEST)

    @property
    def is_threshold(self) -> bool:
        """Whether being near makes sense: a number against a limit."""
        return self.comparison in (">", ">=", "<", "<=") and isinstance(self.value, float)

    @property
    def is_numeric(self) -> bool:
        """Whether the subject is compared with numbers (yes and no are 1 and 0): a text is then read as one."""
        values = self.value if isinstance(self.value, tuple) else (self.value,)
        return not any(value is None or isinstance(value, str) for value in values)

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class AllOf:
    """Every part must hold."""

    parts: tuple[Node, ...]

    def __str__(self) -> str:
        return f"all({'; '.join(map(str, self.parts))})"


@dataclass(frozen=True)
class AnyOf:
    """One part must hold."""

    parts: tuple[Node, ...]

    def __str__(self) -> str:
        return f"any({'; '.join(map(str, self.parts))})"


Node = Condition | AllOf | AnyOf


def condition_tree(expression: Expression) -> Node:
    """The conditions of a parsed expression, in canonical order.

    Parameters
    ----------
    expression : Expression
        A boolean expression over columns, without aggregates.

    Raises
    ------
    ConfigurationError
        For aggregates, for ``as_of`` and for what is not a condition, such as a sum.
    """
    if expression.aggregates:
        raise_problems([_no_aggregates(expression)])
    if any(column.name.lower() == AS_OF for column in expression.tree.find_all(exp.Column)):
        raise_problems([_no_date(expression)])
    return _node(expression.tree, False, expression.where, 0)


def conditions(node: Node) -> tuple[Condition, ...]:
    """All different conditions of a rule, in order.

    >>> [c.text for c in conditions(condition_tree(parse("a > 1 or (a > 1 and b < 2)")))]
    ['a > 1', 'b < 2']
    """
    return tuple(dict.fromkeys(_leaves(node)))


def condition_text(node: Node) -> str:
    """A rule's conditions as an expression of the language.

    >>> condition_text(condition_tree(parse("(b < 2 or c) and a > 1")))
    'a > 1 and (b < 2 or c = true)'
    """
    if isinstance(node, Condition):
        return node.text
    join = " and " if isinstance(node, AllOf) else " or "
    return join.join(p.text if isinstance(p, Condition) else f"({condition_text(p)})" for p in node.parts)


def _leaves(node: Node) -> Iterator[Condition]:
    if isinstance(node, Condition):
        yield node
        return
    for part in node.parts:
        yield from _leaves(part)


def _node(tree: exp.Expression, negated: bool, where: str, depth: int) -> Node:
    if depth > _MOST_NESTING:
        raise_problems([Problem(where, "conditions are nested too deeply", hint="write several rules")])
    if isinstance(tree, exp.Paren):
        return _node(tree.this, negated, where, depth + 1)
    if isinstance(tree, exp.Not):
        return _node(tree.this, not negated, where, depth + 1)
    if isinstance(tree, (exp.And, exp.Or)):
        parts = [_node(part, negated, where, depth + 1) for part in (tree.this, tree.expression)]
        return _joined(parts, AllOf if isinstance(tree, exp.And) != negated else AnyOf)
    if isinstance(tree, exp.Between):
        return _between(tree, negated, where)
    found = _condition(tree, where)
    return Condition(found.subject, _OPPOSITE[found.comparison], found.value) if negated else found


def _joined(parts: list[Node], kind: type[AllOf] | type[AnyOf]) -> Node:
    """Nested joins of one kind made flat; double parts once; sorted by text."""
    flat: list[Node] = []
    for part in parts:
        flat.extend(part.parts if isinstance(part, kind) else (part,))
    kept = tuple(sorted(dict.fromkeys(flat), key=str))
    return kept[0] if len(kept) == 1 else kind(kept)


def _between(tree: exp.Between, negated: bool, where: str) -> Node:
    low, high = tree.args["low"], tree.args["high"]
    parts = [_comparison(tree.this, low, ">=", where), _comparison(tree.this, high, "<=", where)]
    if negated:
        return _joined([Condition(p.subject, _OPPOSITE[p.comparison], p.value) for p in parts], AnyOf)
    return _joined(list(parts), AllOf)


def _condition(tree: exp.Expression, where: str) -> Condition:
    if isinstance(tree, exp.Is):
        return Condition(_text(tree.this), "null")
    if isinstance(tree, exp.In):
        return Condition(_text(tree.this), "in", tuple(sorted((_constant(i) for i in tree.expressions), key=repr)))
    if type(tree) in _COMPARISONS:
        return _comparison(tree.this, tree.expression, _COMPARISONS[type(tree)], where)
    if isinstance(tree, exp.Column):
        return Condition(_text(tree), "=", True)
    raise_problems([_no_condition(tree, where)])
    raise AssertionError  # pragma: no cover - raise_problems has raised


def _comparison(left: exp.Expression, right: exp.Expression, comparison: Comparison, where: str) -> Condition:
    if _is_constant(left) and not _is_constant(right):
        left, right, comparison = right, left, _MIRROR[comparison]
    if _is_constant(left):
        raise_problems(
            [Problem(where, "a comparison of two constants", f"{left} {comparison} {right}", "minutes > 30")]
        )
    if _is_constant(right):
        return _against_constant(left, comparison, _constant(right), where)
    if comparison in ("=", "<>"):
        raise_problems([_two_columns(f"{left} {comparison} {right}", where)])
    # a > b and a - b > 0 are the same; the difference has a distribution of its own
    return Condition(f"{_text(left)} - {_bracketed(right)}", comparison, 0.0)


def _against_constant(left: exp.Expression, comparison: Comparison, value: float | str | bool, where: str) -> Condition:
    if comparison not in ("=", "<>") and not isinstance(value, float):
        allowed = "= and <> for texts and yes or no; >, >=, <, <= for numbers"
        raise_problems([Problem(where, "an order that is not one of numbers", f"{left} {comparison} {value}", allowed)])
    return Condition(_text(left), comparison, value)


def _is_constant(tree: exp.Expression) -> bool:
    inner = tree.unnest()
    if isinstance(inner, exp.Neg):
        return isinstance(inner.this, exp.Literal)
    return isinstance(inner, (exp.Literal, exp.Boolean))


def _constant(tree: exp.Expression) -> float | str | bool:
    inner = tree.unnest()
    if isinstance(inner, exp.Neg):
        return -float(inner.this.this)
    if isinstance(inner, exp.Boolean):
        return bool(inner.this)
    return str(inner.this) if inner.args.get("is_string") else float(inner.this)


def _text(tree: exp.Expression) -> str:
    """What is compared, without brackets unless it is a condition itself."""
    inner = tree.unnest()
    text = str(inner.sql("duckdb", normalize_functions="lower"))
    return f"({text})" if isinstance(inner, (exp.Predicate, exp.Connector, exp.Not)) else text


def _bracketed(tree: exp.Expression) -> str:
    text = _text(tree)
    return text if isinstance(tree.unnest(), (exp.Column, exp.Predicate, exp.Connector, exp.Not)) else f"({text})"


def _written(value: Value) -> str:
    if isinstance(value, tuple):
        return f"({', '.join(_written(v) for v in value)})"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return repr(value).removesuffix(".0") if isinstance(value, float) else str(value)


def _no_aggregates(expression: Expression) -> Problem:
    hint = "rules read features, one row a customer; write the aggregate as a feature"
    return Problem(expression.where, "a rule cannot aggregate", expression.text, "columns and comparisons", hint)


def _no_date(expression: Expression) -> Problem:
    hint = "use a feature that counts days, such as tenure_days"
    return Problem(expression.where, "a rule cannot read the as-of date", expression.text, "features", hint)


def _no_condition(tree: exp.Expression, where: str) -> Problem:
    allowed = "comparisons of columns with constants, in, between, is null, joined by and, or, not"
    hint = "such as minutes_1d > 30 and tenure_days <= 90"
    return Problem(where, "not a condition", tree.sql("duckdb"), allowed, hint)


def _two_columns(given: str, where: str) -> Problem:
    hint = "make a feature that says whether they are equal"
    return Problem(where, "two columns compared for equality", given, "a column and a constant", hint)

"""Type checks: whether the parts of an expression go together (texts, numbers, conditions, dates).

What is not known, such as the type of a column that nobody named, goes with everything. A condition is a number where
one calculates with it (true is 1).

>>> from custintel.expressions.parse import parse
>>> [problem.wrong for problem in type_problems(parse("abs(plan) > 3 or 'a' * 2 > 1"), {"plan": "text"})]
['a text where a number is needed', 'a text where a number is needed']
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from sqlglot import exp

from custintel.errors import Problem
from custintel.expressions.whitelist import AS_OF

if TYPE_CHECKING:
    from collections.abc import Mapping

    from custintel.expressions.expression import Expression


ValueType = Literal["text", "number", "condition", "date"]
"""What a value can be."""

_HINTS = {
    "number": "calculate with numbers; compare texts by = or in ('a', 'b'), count days with days_between(a, b)",
    "condition": "such as minutes > 30, or a column of yes and no",
    "date": "such as date '2025-01-31'",
}


def type_problems(expression: Expression, columns: Mapping[str, ValueType] | None = None) -> list[Problem]:
    """What in an expression does not go together, with the place.

    Parameters
    ----------
    expression : Expression
        The expression.
    columns : mapping of str to {"text", "number", "condition", "date"}, optional
        Types of columns as far as they are known.
    """
    found = _TypeChecker(columns or {}, expression.where)
    found.of(expression.tree)
    return found.problems


def value_type(expression: Expression, columns: Mapping[str, ValueType] | None = None) -> ValueType | None:
    """What the value of an expression is; None when that depends on columns whose type is not known.

    >>> from custintel.expressions.parse import parse
    >>> value_type(parse("count(*) > 3")), value_type(parse("last(plan)"), {"plan": "text"})
    ('condition', 'text')
    """
    return _TypeChecker(columns or {}, expression.where).of(expression.tree)


class _TypeChecker:
    """Walks a tree from the leaves and notes what does not go together."""

    def __init__(self, columns: Mapping[str, ValueType], where: str) -> None:
        self.columns, self.where = columns, where
        self.problems: list[Problem] = []

    def of(self, node: exp.Expression) -> ValueType | None:
        """The type of a node; None when it is not known."""
        if isinstance(node, exp.Column):
            return "date" if node.name == AS_OF else self.columns.get(node.name)
        if isinstance(node, exp.Literal):
            return "text" if node.is_string else "number"
        if isinstance(node, exp.Case):
            return self.case(node)
        parts = [(part, self.of(part)) for part in node.iter_expressions() if not isinstance(part, exp.DataType)]
        self.check(node, parts)
        return self.result(node, [kind for _, kind in parts])

    def case(self, node: exp.Case) -> ValueType | None:
        for branch in node.args["ifs"]:
            self.need(node, branch.this, self.of(branch.this), "condition")
        values = [branch.args["true"] for branch in node.args["ifs"]]
        default = node.args.get("default")
        kinds = [(value, self.of(value)) for value in [*values, *([default] if default is not None else [])]]
        self.check_alike(node, kinds)
        return _first([kind for _, kind in kinds])

    def check(self, node: exp.Expression, parts: list[tuple[exp.Expression, ValueType | None]]) -> None:
        needed = _needed(node)
        if needed is not None:
            for part, kind in parts:
                self.need(node, part, kind, needed)
        elif isinstance(node, _COMPARING):
            self.check_alike(node, parts)

    def need(self, node: exp.Expression, part: exp.Expression, kind: ValueType | None, needed: ValueType) -> None:
        allowed: dict[str, tuple[ValueType | None, ...]] = {
            "number": (None, "number", "condition"),
            "condition": (None, "condition", "number"),
            "date": (None, "date", "text"),
        }
        if kind not in allowed[needed]:
            given = f"{_shown(part)} in {_shown(node)}"
            self.add(f"a {kind} where a {needed} is needed", given, _HINTS[needed])

    def check_alike(self, node: exp.Expression, parts: list[tuple[exp.Expression, ValueType | None]]) -> None:
        known = [kind for _, kind in parts if kind is not None]
        for other in known[1:]:
            if _clash(known[0], other):
                hint = "quote what is a text, leave numbers without quotes: plan = 'S', minutes = 30"
                self.add(f"a {known[0]} beside a {other}", _shown(node), hint)
                return

    def add(self, wrong: str, given: str, hint: str) -> None:
        self.problems.append(Problem(self.where, wrong, given, hint=hint))

    @staticmethod
    def result(node: exp.Expression, kinds: list[ValueType | None]) -> ValueType | None:
        if isinstance(node, (exp.Predicate, exp.Connector, exp.Not, exp.Boolean)):
            return "condition"
        if isinstance(node, exp.Cast):
            return "date"
        if isinstance(node, exp.Null):
            return None
        if isinstance(node, _KEEPING):
            return _first(kinds)
        return "number"


_KEEPING = (
    exp.Paren, exp.Coalesce, exp.Least, exp.Greatest, exp.Nullif, exp.Min, exp.Max, exp.First, exp.Last, exp.Distinct,
    exp.Identifier,
)  # fmt: skip
_COMPARING = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.In, exp.Between, exp.Coalesce, exp.Least,
          exp.Greatest, exp.Nullif)  # fmt: skip
_CALCULATING = (exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Neg, exp.Abs, exp.Floor, exp.Ln, exp.Sqrt, exp.Sum, exp.Avg,
                exp.Median, exp.Stddev)  # fmt: skip
_DATED = ("days_between", "seconds_between")


def _needed(node: exp.Expression) -> ValueType | None:
    if isinstance(node, _CALCULATING):
        return "number"
    if isinstance(node, (exp.And, exp.Or, exp.Not)):
        return "condition"
    if isinstance(node, (exp.Year, exp.Month)):
        return "date"
    if isinstance(node, exp.Anonymous):
        return "date" if str(node.this).lower() in _DATED else "number"
    return None


def _clash(one: ValueType, other: ValueType) -> bool:
    """A number goes with a condition, and a date with a text that says one."""
    numbers = {"number", "condition"}
    return (one in numbers) != (other in numbers)


def _first(kinds: list[ValueType | None]) -> ValueType | None:
    return next((kind for kind in kinds if kind is not None), None)


def _shown(node: exp.Expression) -> str:
    text = node.sql("duckdb", normalize_functions="lower")
    return text if len(text) <= 80 else text[:77] + "..."

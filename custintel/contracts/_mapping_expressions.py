"""Expressions of a mapping as SQL: over the columns of the raw table, of which a CSV file has only texts.

A text is read as what the expression uses it for: as a number where one calculates with it or compares it with a
number, as a time in `days_between`, as yes or no beside `and`; else it stays a text. One that is given and cannot be
read so makes the whole value unreadable, and the row is set aside.

>>> from custintel.expressions.parse import parse
>>> operand_types(parse("direction = 'out' and duration > 0"))
{'direction': 'text', 'duration': 'number'}
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlglot import exp

from custintel.errors import ConfigurationError, Problem, close_hint
from custintel.expressions.check_types import type_problems
from custintel.expressions.parse import parse

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from custintel.expressions.check_types import ValueType
    from custintel.expressions.expression import Expression


UNREADABLE = "_unreadable_"
"""What stands for a value that an expression cannot compute, because a text that it reads is not what it should be."""

_CALCULATING = (exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Neg, exp.Abs, exp.Floor, exp.Ln, exp.Sqrt)
_DATED = ("days_between", "seconds_between")
_PASSING = (exp.Paren, exp.Coalesce, exp.Least, exp.Greatest, exp.Nullif)
_COMPARING = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.In, exp.Between, *_PASSING)


def operand_types(expression: Expression) -> dict[str, ValueType]:
    """What each column is read as, by the first use that tells."""
    found: dict[str, ValueType] = {}
    for node in expression.tree.find_all(exp.Column, bfs=False):
        used = _use(node)
        if used is not None:
            found.setdefault(node.name, used)
    return {name: found.get(name, "text") for name in sorted(expression.columns)}


def _use(node: exp.Expression) -> ValueType | None:
    """What a node has to be beside its neighbours; None where they do not say."""
    parent = node.parent
    if isinstance(parent, _CALCULATING):
        return "number"
    if isinstance(parent, (exp.And, exp.Or, exp.Not)) or (isinstance(parent, exp.If) and parent.this is node):
        return "condition"
    if isinstance(parent, (exp.Year, exp.Month)):
        return "date"
    if isinstance(parent, exp.Anonymous):
        return "date" if str(parent.this).lower() in _DATED else "number"
    if not isinstance(parent, _COMPARING):
        return None
    kinds = (_kind(part) for part in parent.iter_expressions() if part is not node)
    beside = next((kind for kind in kinds if kind is not None), None)
    return beside or (_use(parent) if isinstance(parent, _PASSING) else None)


def _kind(node: exp.Expression) -> ValueType | None:
    """What a neighbour is, where it says so itself."""
    if isinstance(node, exp.Literal):
        return "text" if node.is_string else "number"
    if isinstance(node, exp.Boolean):
        return "condition"
    if isinstance(node, exp.Cast):
        return "date"
    if isinstance(node, exp.Paren):
        return _kind(node.this)
    return "number" if isinstance(node, _CALCULATING) else None


def expression_problems(text: str, where: str) -> list[Problem]:
    """What is wrong with the text of an expression, before its table is known."""
    try:
        expression = parse(text, where)
    except ConfigurationError as error:
        return list(error.problems)
    if expression.aggregates:
        hint = "a mapping reads one row; features add rows up"
        return [Problem(where, "an aggregate in a mapping", expression.text, "an expression of one row", hint)]
    if "as_of" in {column.name for column in expression.tree.find_all(exp.Column)}:
        hint = "a table is read once, for all dates: leave as_of to the features"
        return [Problem(where, "as_of in a mapping", expression.text, "columns of the file", hint)]
    return type_problems(expression, operand_types(expression))


def column_problems(text: str, where: str, columns: Mapping[str, str]) -> list[Problem]:
    """Columns that an expression reads and the raw table does not have."""
    absent = [name for name in sorted(parse(text, where).columns) if raw_column(name, columns) is None]
    wrong, given = "the expression reads a column that is not there", ", ".join(list(columns)[:60])
    return [Problem(where, f"{wrong}: {name!r}", given, hint=close_hint(name, columns)) for name in absent]


def raw_column(name: str, columns: Mapping[str, str]) -> str | None:
    """The column of the raw table that a name means, whatever its case."""
    return name if name in columns else {c.strip().lower(): c for c in columns}.get(name.lower())


@dataclass(frozen=True)
class MappingSql:
    """SQL of an expression over raw columns, and of the condition under which a text in it cannot be read."""

    value: str
    unreadable: str


def mapping_sql(
    text: str, columns: Mapping[str, str], read: Callable[[str, str, ValueType], tuple[str, str]]
) -> MappingSql:
    """The SQL of an expression; ``read`` gives what is given in a raw column, and what that says as a type."""
    expression = parse(text)
    operands = {}
    for name, kind in operand_types(expression).items():
        raw = raw_column(name, columns) or name
        operands[name] = read(raw, columns.get(raw, "VARCHAR"), kind)
    marks = {name: f"operand_{i}_" for i, name in enumerate(operands)}
    sql = expression.rename(marks).sql("duckdb")
    typed = {marks[name]: operand[1] for name, operand in operands.items()}
    value = re.sub(r"\boperand_\d+_", lambda found: f"({typed[found[0]]})", sql)
    lost = [f"({given} is not null and {said} is null)" for given, said in operands.values() if given != said]
    return MappingSql(value, " or ".join(lost) or "false")

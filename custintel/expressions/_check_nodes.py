"""Every node of a parsed expression checked against the whitelist; what is not on it is explained."""

from __future__ import annotations

import math
import re
import unicodedata
from datetime import date
from difflib import get_close_matches
from typing import TYPE_CHECKING

from sqlglot import exp
from sqlglot.errors import ErrorLevel

from custintel.errors import Problem
from custintel.expressions.whitelist import (
    AGGREGATES,
    FUNCTION_NAMES,
    OPERATORS,
    OWN_FUNCTIONS,
    RESERVED_WORDS,
    SYNONYMS,
    Function,
    function_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator


# what sqlglot notes on nodes without changing their meaning for us
_FLAGS = frozenset({"big_int", "typed", "safe", "ignore_nulls", "quoted", "is_string", "nested"})
_NUMBER = re.compile(r"\d+(\.\d*)?([eE][+-]?\d{1,3})?|\.\d+([eE][+-]?\d{1,3})?", re.ASCII)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_MOST_DIGITS = 18  # of a whole number: more do not fit into the integers of every engine
# signs that are not seen, or turn the direction of reading: what is read must be what is there
_UNSEEN = r"\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff"
_ODD_TEXT = re.compile(rf"[\\{_UNSEEN}]")
_LIST = ", ".join(FUNCTION_NAMES)
_DISTANCE = OWN_FUNCTIONS["distance_km"]  # its SQL repeats every argument


def tree_problems(tree: exp.Expression, where: str) -> list[Problem]:
    """All that is not allowed in a tree, outermost first."""
    return list(_problems(tree, where))


def _problems(node: exp.Expression, where: str) -> Iterator[Problem]:
    found = _problem_of(node, where)
    if found is not None:
        yield found
        return  # what is inside a wrong node would only repeat the mistake
    for child in node.iter_expressions():
        yield from _problems(child, where)


def _problem_of(node: exp.Expression, where: str) -> Problem | None:
    function = function_of(node)
    if function is not None:
        return _argument_problem(node, function, where)
    if type(node) not in OPERATORS:
        return _unknown(node, where)
    extra = _filled(node) - OPERATORS[type(node)] - _FLAGS
    if extra:
        return Problem(where, "not part of the expression language", _show(node), "plain operators and functions")
    return _detail_problem(node, where)


def _filled(node: exp.Expression) -> set[str]:
    return {name for name, value in node.args.items() if value not in (None, False, [], ())}


def _show(node: exp.Expression) -> str:
    text = node.sql("duckdb", normalize_functions="lower", unsupported_level=ErrorLevel.IGNORE)
    return text if len(text) <= 80 else text[:77] + "..."


def _function_name(node: exp.Expression) -> str:
    if isinstance(node, exp.Anonymous):
        return str(node.this).lower()
    return node.sql_name().lower() if isinstance(node, exp.Func) else node.key


def _arguments(node: exp.Expression) -> list[exp.Expression]:
    if isinstance(node, exp.Anonymous):
        return list(node.expressions)
    return list(node.iter_expressions())


def _argument_problem(node: exp.Expression, function: Function, where: str) -> Problem | None:
    given = len(_arguments(node))
    if given < function.min_arguments or (function.max_arguments is not None and given > function.max_arguments):
        number = f"{function.min_arguments}" if function.max_arguments else f"{function.min_arguments} or more"
        return Problem(where, f"{function.name} takes {number} argument{'s' if number != '1' else ''}", _show(node))
    if function.aggregate and any(inner is not node for inner in node.find_all(*AGGREGATES)):
        return Problem(where, "an aggregate inside an aggregate", _show(node), "one aggregate around plain columns")
    if function is _DISTANCE and any(
        inner is not node and function_of(inner) is function for inner in node.find_all(exp.Anonymous)
    ):
        hint = "a distance is no coordinate; write the inner distance as a feature of its own"
        return Problem(where, f"{function.name} inside {function.name}", _show(node), "columns and numbers", hint)
    return None


def _unknown(node: exp.Expression, where: str) -> Problem:
    if isinstance(node, (exp.Query, exp.Subquery, exp.Exists)):
        return Problem(where, "queries are not allowed in an expression", _show(node), "columns, operators, functions")
    if isinstance(node, exp.Func):
        return unknown_function(_function_name(node), where, _show(node))
    return Problem(where, f"{node.key} is not part of the expression language", _show(node), f"functions: {_LIST}")


def unknown_function(name: str, where: str, given: str) -> Problem:
    """What to say about a function that is not in the language."""
    close = get_close_matches(name, FUNCTION_NAMES, n=1)
    instead = SYNONYMS.get(name) or (close[0] if close else "")
    return Problem(where, f"unknown function {name}", given, _LIST, f"write {instead}" if instead else "")


def _detail_problem(node: exp.Expression, where: str) -> Problem | None:
    check = _DETAILS.get(type(node))
    wrong = check(node) if check else None
    return Problem(where, wrong[0], _show(node), wrong[1]) if wrong else None


_Mistake = tuple[str, str] | None


def _literal(node: exp.Expression) -> _Mistake:
    text = str(node.this)
    if node.args.get("is_string"):
        return ("a text with control characters or backslashes", "printable text") if _ODD_TEXT.search(text) else None
    if not _NUMBER.fullmatch(text):
        return ("not a number", "12, 0.5, 1e3")
    large = len(text) > _MOST_DIGITS if text.isdigit() else math.isinf(float(text))
    return (
        ("a number too large", f"whole numbers of up to {_MOST_DIGITS} digits, others up to 1e308") if large else None
    )


def _identifier(node: exp.Expression) -> _Mistake:
    name = node.name
    if not name.strip() or _ODD_TEXT.search(name):
        return ("a column name with signs that are not seen", "printable names")
    # a full-width or styled letter looks like another one; in quotes it is meant
    plain = name.isidentifier() and unicodedata.normalize("NFKC", name) == name and name.lower() not in RESERVED_WORDS
    if node.args.get("quoted") or plain:
        return None
    return ("not a plain column name", 'letters, digits and _; any other name in quotes: "Monthly Charges"')


def _star(node: exp.Expression) -> _Mistake:
    return None if isinstance(node.parent, exp.Count) else ("* outside count", "count(*)")


def _distinct(node: exp.Expression) -> _Mistake:
    good = isinstance(node.parent, exp.Count) and len(node.expressions) == 1
    return None if good else ("distinct outside count", "count(distinct x)")


def _is(node: exp.Expression) -> _Mistake:
    good = isinstance(node.args["expression"], exp.Null)
    return None if good else ("is works with null only", "x is null, x is not null, x = true")


def _in(node: exp.Expression) -> _Mistake:
    good = node.expressions and all(isinstance(e, exp.Literal) for e in node.expressions)
    return None if good else ("in needs a list of values", "x in ('a', 'b'), x in (1, 2)")


def _if(node: exp.Expression) -> _Mistake:
    return None if isinstance(node.parent, exp.Case) else ("if is not a function here", "case when c then a else b end")


def _cast(node: exp.Expression) -> _Mistake:
    is_date = node.args["to"].this == exp.DataType.Type.DATE
    if is_date and isinstance(node.this, exp.Literal) and _DATE.fullmatch(node.name):
        return None if _is_day(node.name) else ("a day that the calendar does not have", "date '2025-01-31'")
    return ("casts are not allowed", "date '2025-01-31'; division always gives decimals")


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _column(node: exp.Expression) -> _Mistake:
    return None if isinstance(node.this, exp.Identifier) else ("* outside count", "count(*)")


def _type(node: exp.Expression) -> _Mistake:
    return None if isinstance(node.parent, exp.Cast) else ("types are not allowed", "columns, numbers, 'text'")


_DETAILS = {
    exp.Literal: _literal,
    exp.Identifier: _identifier,
    exp.Star: _star,
    exp.Distinct: _distinct,
    exp.Is: _is,
    exp.In: _in,
    exp.If: _if,
    exp.Cast: _cast,
    exp.Column: _column,
    exp.DataType: _type,
}

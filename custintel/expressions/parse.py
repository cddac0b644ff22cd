"""From text to a checked expression, or to errors that teach."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import cast

from sqlglot import exp, parse_one
from sqlglot.errors import SqlglotError

from custintel.errors import Problem, raise_problems
from custintel.expressions._check_nodes import tree_problems, unknown_function
from custintel.expressions._operator_chains import balance_chains
from custintel.expressions._render_sql import quoted_where_needed
from custintel.expressions.expression import Expression
from custintel.expressions.whitelist import FUNCTION_NAMES

MAX_LENGTH = 2_000
"""Longest text of an expression; more belongs into several features."""

MAX_DEPTH = 50
"""Most levels of an expression's tree; those that ship have up to 15. A chain of `or`, `and`, `+` or `*` has few."""

MAX_NODES = 1_000
"""Most parts (columns, values, signs, calls) of an expression; those that ship have up to 133."""

_ODD_SIGNS = (";", "--", "/*", "#", "`", "$", "{", "@")
_QUOTED = re.compile(r"""('[^']*'|"[^"]*")""")
_BLANKS = re.compile(r"\s+")
_CALL = re.compile(r"([A-Za-z_]\w*)\s*\(")
_NO_FUNCTION = ("and", "or", "not", "in", "when", "then", "else", "between", "is", "case", "distinct")


def parse(text: str, where: str = "expression", max_length: int = MAX_LENGTH) -> Expression:
    """Read an expression; everything off the whitelist is refused.

    Parameters
    ----------
    text
        A SQL expression over columns: operators, literals, ``case`` and the functions of the language.
    where
        Where it was written (``file:line``), for messages.
    longest
        Most characters; what the library writes itself (blanks after commas, names in quotes) may be longer.

    Examples
    --------
    >>> parse("sum(duration_s) / 60").columns
    frozenset({'duration_s'})
    >>> parse("mode(duration_s)", "usage.yaml:9")
    Traceback (most recent call last):
        ...
    custintel.errors.ConfigurationError: 1 mistake found
      usage.yaml:9: unknown function mode
        given: mode(duration_s)
        allowed: count, count_if, sum, ...
    """
    raise_problems(_text_problems(text, where, max_length))
    return _parsed(text, where)


@lru_cache(maxsize=20_000)
def _parsed(text: str, where: str) -> Expression:
    # plans read the same few hundred texts over and over; trees are never changed, only copied
    tree = _tree(text, where)
    raise_problems(tree_problems(tree, where))
    return Expression(text=_one_line(text), tree=_normal_form(tree), where=where)


def _tree(text: str, where: str) -> exp.Expression:
    try:
        tree = cast("exp.Expression", parse_one(text, read="duckdb", into=exp.Condition))
    except SqlglotError as error:
        raise_problems(_reading_problems(text, where, error))
        raise
    except RecursionError:
        tree = None
    tree = None if tree is None else balance_chains(tree)
    if tree is None or _is_deep(tree):
        raise_problems([_too_deep(text, where)])
    raise_problems(_size_problems(cast("exp.Expression", tree), text, where))
    return cast("exp.Expression", tree)


def _size_problems(tree: exp.Expression, text: str, where: str) -> list[Problem]:
    parts = sum(1 for _ in tree.walk())
    hint = "write several features or rules"
    wrong = Problem(where, f"an expression of {parts} parts", _short(text), f"{MAX_NODES} parts", hint)
    return [wrong] if parts > MAX_NODES else []


def _is_deep(tree: exp.Expression) -> bool:
    """Whether a tree has too many levels, counted level by level: whoever walks it later may use recursion."""
    level = [tree]
    for _ in range(MAX_DEPTH):
        level = [child for node in level for child in node.iter_expressions()]
    return bool(level)


def _too_deep(text: str, where: str) -> Problem:
    hint = "write several features or rules, or take brackets away"
    return Problem(where, "an expression nested too deeply", _short(text), f"{MAX_DEPTH} levels", hint)


def _one_line(text: str) -> str:
    """Blanks and line ends outside quotes as single blanks; what stands in quotes is a name or a value and is kept."""
    return "".join(part if part[0] in "'\"" else _BLANKS.sub(" ", part) for part in _QUOTED.split(text) if part).strip()


def _reading_problems(text: str, where: str, error: Exception) -> list[Problem]:
    """What can be said about a text that is no expression: an unknown function, or where it breaks."""
    called = (name.lower() for name in _CALL.findall(_outside_quotes(text)))
    unknown = [name for name in dict.fromkeys(called) if name not in FUNCTION_NAMES and name not in _NO_FUNCTION]
    if unknown:
        return [unknown_function(name, where, _short(text)) for name in unknown]
    return [Problem(where, "not an expression", _short(text), "such as sum(amount) / 3", _reason(error))]


def _text_problems(text: str, where: str, max_length: int) -> list[Problem]:
    if not isinstance(text, str) or not text.strip():
        return [Problem(where, "an empty expression", repr(text), "such as count(*) or a > 1")]
    if len(text) > max_length:
        return [Problem(where, f"an expression of {len(text)} characters", _short(text), f"{max_length} characters")]
    odd = [sign for sign in _ODD_SIGNS if sign in text and sign in _outside_quotes(text)]
    return [Problem(where, f"{sign} is not part of the expression language", _short(text)) for sign in odd]


def _outside_quotes(text: str) -> str:
    kept, quote = [], ""
    for sign in text:
        if quote:
            quote = "" if sign == quote else quote
        elif sign in "'\"":
            quote = sign
        else:
            kept.append(sign)
    return "".join(kept)


def _short(text: str) -> str:
    return text if len(text) <= 80 else text[:77] + "..."


def _reason(error: Exception) -> str:
    notes = getattr(error, "errors", None)
    said = str(notes[0].get("description", "")) if notes else ""
    if said.startswith("Required keyword"):
        return "a value is missing beside an operator or inside a function"
    return said or "brackets, quotes or words do not fit together"


def _normal_form(tree: exp.Expression) -> exp.Expression:
    """One way to write what has several, so that later steps know less and a tree's text is read as the same tree."""
    return tree.transform(_normalise)


def _normalise(node: exp.Expression) -> exp.Expression:
    if isinstance(node, exp.CountIf):
        return exp.Count(this=exp.Case(ifs=[exp.If(this=node.this, true=exp.Literal.number(1))]), big_int=True)
    return quoted_where_needed(node) if isinstance(node, exp.Identifier) else node

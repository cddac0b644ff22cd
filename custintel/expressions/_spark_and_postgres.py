"""Rewrites for Spark and PostgreSQL, where sqlglot does not know DuckDB's functions or says something else.

Spark: times without a zone are TIMESTAMP_NTZ; the session's time zone must be UTC. PostgreSQL: a condition becomes a
number before one calculates with it, and a name that PostgreSQL would cut is refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from custintel.errors import ConfigurationError
from custintel.expressions._first_last_pairs import first_or_last_value

if TYPE_CHECKING:
    from collections.abc import Callable


_TYPES = exp.DataType.Type
_NUMBER = "^[+-]?([0-9]+(_[0-9]+)*[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]+)?$"
_MOMENT = (
    "^[0-9]{4,6}([-/ ])[0-9]{1,2}[-/ ][0-9]{1,2}"
    "([T ] *[0-9]{1,2}:[0-9]{1,2}(:[0-9]{1,2}([.][0-9]+)?)?(Z|[+-][0-9]{2}(:?[0-9]{2})?| [A-Za-z][A-Za-z/_]+)?)?$"
)
_DAY = "^([0-9]+)[-/ ]([0-9]+)[-/ ]([0-9]+)"
_POSITIVE = 0x7FFF_FFFF_FFFF_FFFF
_DIRECTIVES = {
    "%Y": "yyyy",
    "%y": "yy",
    "%m": "M",
    "%d": "d",
    "%H": "H",
    "%I": "h",
    "%p": "a",
    "%M": "m",
    "%S": "s",
    "%f": "SSSSSS",
    "%b": "MMM",
    "%B": "MMMM",
    "%z": "[XXX][XX][X]",
    "%%": "%",
}


def _call(name: str, *arguments: exp.Expression | str | int) -> exp.Anonymous:
    parts = [a if isinstance(a, exp.Expression) else _value(a) for a in arguments]
    return exp.Anonymous(this=name.upper(), expressions=parts)


def _value(value: str | int) -> exp.Expression:
    return exp.Literal.string(value) if isinstance(value, str) else exp.Literal.number(value)


def _naive(node: exp.Expression) -> exp.Expression:
    return exp.cast(node, "timestampntz")


def _when(test: exp.Expression, value: exp.Expression) -> exp.Expression:
    return exp.Case(ifs=[exp.If(this=test, true=value)])


def _matches(text: exp.Expression, pattern: str) -> exp.Expression:
    return exp.RegexpLike(this=text.copy(), expression=exp.Literal.string(pattern))


def _try_cast(node: exp.Expression) -> exp.Expression:
    """Spark reads more than DuckDB does: `12d` and `0x1p3` as numbers, `2025` and `12:00` as times."""
    text = exp.cast(node.this.copy(), "varchar")
    kind = node.args["to"].this
    if kind == _TYPES.DOUBLE:
        plain = _call("replace", text, "_", "")
        return _when(_matches(_call("trim", text), _NUMBER), exp.TryCast(this=plain, to=node.args["to"], safe=True))
    if kind in (_TYPES.TIMESTAMPTZ, _TYPES.TIMESTAMP, _TYPES.DATE):
        trimmed = _call("trim", text)
        plain = _call("regexp_replace", _call("regexp_replace", trimmed, _DAY, "$1-$2-$3"), " +", " ")
        return _when(_matches(trimmed, _MOMENT), exp.TryCast(this=plain, to=node.args["to"], safe=True))
    return node


def _from_micros(node: exp.Expression) -> exp.Expression:
    if str(node.args.get("scale")) != "6":
        return node
    return _naive(_call("timestamp_micros", node.this.copy()))


def _strptime(node: exp.Anonymous) -> exp.Expression:
    text, formats = node.expressions
    given = formats.expressions if isinstance(formats, exp.Array) else [formats]
    tried = [_call("try_to_timestamp", text.copy(), _format(one.name)) for one in given]
    # an empty rest keeps coalesce valid for a single format
    return _naive(exp.Coalesce(this=tried[0], expressions=[*tried[1:], exp.Null()]))


def _format(given: str) -> str:
    """A strptime format in the letters of Java."""
    text, place = "", 0
    while place < len(given):
        width = 2 if given[place] == "%" else 1
        piece = given[place : place + width]
        if width == 2 and piece not in _DIRECTIVES:
            allowed = ", ".join(_DIRECTIVES)
            raise ConfigurationError(f"Spark cannot read times by this format\n  given: {given}\n  allowed: {allowed}")
        text += _DIRECTIVES[piece] if width == 2 else (f"'{piece}'" if piece.isalpha() else piece)
        place += width
    return text


def _anonymous(node: exp.Expression) -> exp.Expression:
    name = str(node.this).lower()
    if name == "timezone":
        zone, moment = node.expressions
        return _naive(_call("from_utc_timestamp", moment.copy(), zone.copy()))
    if name == "isfinite":
        return exp.LT(this=exp.Abs(this=node.expressions[0].copy()), expression=exp.cast(_value("Infinity"), "double"))
    if name == "hash":
        hashed = _call("xxhash64", *(e.copy() for e in node.expressions))
        return exp.Paren(this=exp.BitwiseAnd(this=hashed, expression=exp.Literal.number(_POSITIVE)))
    return _strptime(node) if name == "try_strptime" and isinstance(node, exp.Anonymous) else node


def _cast(node: exp.Expression) -> exp.Expression:
    kinds = {_TYPES.INT128: "decimal(38, 0)", _TYPES.UINT128: "decimal(38, 0)"}
    kind = kinds.get(node.args["to"].this)
    return exp.cast(node.this.copy(), kind) if kind else node


def _weekday(node: exp.Expression) -> exp.Expression:
    """Monday is 1; sqlglot's own answer is three days off."""
    return exp.Paren(this=exp.Add(this=_call("weekday", node.this.copy()), expression=exp.Literal.number(1)))


def _quantile(node: exp.Expression) -> exp.Expression:
    """Between values, as in DuckDB; Spark's own percentile_cont is written another way."""
    return _call("percentile", node.this.copy(), node.expression.copy())


SPARK_REWRITES: dict[type[exp.Expression], Callable[[exp.Expression], exp.Expression]] = {
    exp.TryCast: _try_cast,
    exp.Cast: _cast,
    exp.UnixToTime: _from_micros,
    exp.Anonymous: _anonymous,
    exp.DayOfWeekIso: _weekday,
    exp.PercentileCont: _quantile,
}


_DOUBLE = exp.DataType.Type.DOUBLE
_CONDITIONS = (exp.Predicate, exp.Connector, exp.Not, exp.Boolean)
_LONGEST = 63


def _postgres_cast(node: exp.Expression) -> exp.Expression:
    """A condition becomes a whole number first: PostgreSQL casts it to nothing else."""
    if node.args["to"].this == _DOUBLE:
        _conditions_to_numbers(node.this)
    return node


def _extreme(node: exp.Expression) -> exp.Expression:
    """Conditions have no least or greatest in PostgreSQL, their numbers have."""
    _conditions_to_numbers(node.this)
    return node


def _conditions_to_numbers(node: exp.Expression) -> None:
    """Write a condition as a number; what mixes both (`coalesce(a > 1, 0)`) part by part."""
    values = _values(node)
    if any(isinstance(value, exp.Literal) for value in values):
        for value in values:
            _conditions_to_numbers(value)
    elif _is_condition(node):
        node.replace(exp.cast(exp.Paren(this=node.copy()), "int"))


def _is_condition(node: exp.Expression) -> bool:
    return isinstance(node, _CONDITIONS) or any(_is_condition(value) for value in _values(node))


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


POSTGRES_REWRITES: dict[type[exp.Expression], Callable[[exp.Expression], exp.Expression]] = {
    exp.Cast: _postgres_cast,
    exp.Max: _extreme,
    exp.Min: _extreme,
    exp.ArgMax: first_or_last_value,
    exp.ArgMin: first_or_last_value,
    exp.Identifier: _named,
}
"""Rewrites for PostgreSQL."""

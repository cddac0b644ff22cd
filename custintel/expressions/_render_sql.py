"""Trees that mean the same on every engine: no integer division, no errors on zero, no dialect's own functions."""

from __future__ import annotations

from sqlglot import exp

from custintel.expressions.whitelist import SQL_WORDS


def render(tree: exp.Expression, time: str) -> exp.Expression:
    """The tree with the words of the language written in plain SQL; ``time`` orders ``first`` and ``last``."""

    def write(node: exp.Expression) -> exp.Expression:
        if isinstance(node, (exp.First, exp.Last)):
            return _first_or_last(node, time)
        writer = _WRITERS.get(type(node))
        return _in_brackets(writer(node) if writer else node)

    return _bottom_up(tree.copy(), write)


def _bottom_up(node: exp.Expression, write: object) -> exp.Expression:
    # sqlglot's own transform walks top down and would write the new divisions again and again
    for child in list(node.iter_expressions()):
        new = _bottom_up(child, write)
        if new is not child:
            child.replace(new)
    return write(node)  # type: ignore[operator,no-any-return]


def _in_brackets(node: exp.Expression) -> exp.Expression:
    """Conditions in brackets where they are compared or calculated with: engines differ in reading `a is null = b`."""
    if isinstance(node, _VALUE_OPERATORS):
        for child in list(node.iter_expressions()):
            if isinstance(child, _CONDITIONS):
                child.replace(exp.Paren(this=child.copy()))
    return node


def _double(node: exp.Expression) -> exp.Expression:
    return node if isinstance(node, exp.Cast) and node.to.this == exp.DataType.Type.DOUBLE else exp.cast(node, "double")


def _division(node: exp.Expression) -> exp.Expression:
    below = _double(_bare(node.expression))
    if not _is_nonzero(below.this):
        below = exp.Nullif(this=below, expression=exp.Literal.number(0))
    return exp.Div(this=_double(_bare(node.this)), expression=below)


def _is_nonzero(node: exp.Expression) -> bool:
    return isinstance(node, exp.Literal) and not node.args.get("is_string") and float(node.this) != 0


def _bare(node: exp.Expression) -> exp.Expression:
    return node.this if isinstance(node, exp.Paren) else node


def _literal(node: exp.Expression) -> exp.Expression:
    # 0.5 is an exact decimal in SQL and would round the sums it meets
    if node.args.get("is_string") or str(node.this).isdigit():
        return node
    return _double(exp.Literal.number(str(node.this)))


def quoted_where_needed(node: exp.Expression) -> exp.Expression:
    """A name in quotes if some engine takes it for a word, or reads letters beyond ASCII in quotes only."""
    plain = node.name.isascii() and node.name.lower() not in SQL_WORDS
    return node if plain else exp.to_identifier(node.name, quoted=True)


def _guarded(node: exp.Expression) -> exp.Expression:
    """Missing where the function is not defined; an argument that is guarded itself is written once, not twice."""
    if isinstance(node, exp.Sqrt) and _is_root(node.this):
        return node  # never negative
    if node.this.find(exp.Ln, exp.Sqrt) is not None:
        return _bounded(node)
    bound = exp.GT if isinstance(node, exp.Ln) else exp.GTE
    condition = bound(this=_wrapped(node.this.copy()), expression=exp.Literal.number(0))
    return exp.Case(ifs=[exp.If(this=condition, true=node.copy())])


def _is_root(node: exp.Expression) -> bool:
    if isinstance(node, exp.Case):
        return all(isinstance(branch.args["true"], exp.Sqrt) for branch in node.args["ifs"]) and not node.args.get(
            "default"
        )
    return isinstance(node, (exp.Sqrt, exp.Abs))


def _bounded(node: exp.Expression) -> exp.Expression:
    """The guard with one mention of the argument, so that guards inside guards do not double the text each time.

    What is below the bound is raised to it, and the bound is then missing. The negative number nearest to zero would be
    flushed to zero on some processors, hence the nearest normal one; what lies between loses its sign.
    """
    if isinstance(node, exp.Ln):
        return exp.Ln(this=_above(node.this, exp.Literal.number(0)))
    below_zero = exp.Neg(this=_double(exp.Literal.number(_SMALLEST)))
    return exp.Sqrt(this=exp.Abs(this=_above(node.this, below_zero)))


def _above(node: exp.Expression, bound: exp.Expression) -> exp.Expression:
    # least and greatest pass a missing value over (or are missing): either way the bound is left, and then nothing
    raised = exp.Greatest(this=node.copy(), expressions=[bound], ignore_nulls=True)
    return exp.Nullif(this=raised, expression=bound.copy())


_SMALLEST = "2.2250738585072014e-308"


def _wrapped(node: exp.Expression) -> exp.Expression:
    return exp.Paren(this=node) if isinstance(node, exp.Binary) else node


def _floor(node: exp.Expression) -> exp.Expression:
    return _double(node.copy())  # Spark's floor gives whole numbers


def _days(node: exp.Expression) -> exp.Expression:
    start, end = (exp.cast(_bare(e), "date") for e in node.expressions)
    return exp.DateDiff(this=end, expression=start, unit=exp.var("DAY"))


def _seconds(node: exp.Expression) -> exp.Expression:
    # counted in microseconds: engines differ in what they do with the rest of a second
    start, end = (exp.cast(_bare(e), "timestamp") for e in node.expressions)
    steps = exp.DateDiff(this=end, expression=start, unit=exp.var("MICROSECOND"))
    return exp.Div(this=_double(steps), expression=_double(exp.Literal.number(1_000_000)))


def _kilometres(node: exp.Expression) -> exp.Expression:
    """The haversine formula on a sphere of 6371 km."""
    parts = {name: _double(_bare(e)).sql("duckdb") for name, e in zip("abcd", node.expressions, strict=True)}
    chord = _CHORD.format(**parts)
    # asin of more than 1 is an error; least(1, chord) would hide a missing value
    return exp.maybe_parse(f"{_DIAMETER} * asin(sqrt({chord} - greatest({chord} - {_ONE}, 0)))", dialect="duckdb")


_ONE, _DIAMETER = "cast(1 as double)", "cast(12742 as double)"
_CHORD = """(sin(radians({c} - {a}) / cast(2 as double)) * sin(radians({c} - {a}) / cast(2 as double))
    + cos(radians({a})) * cos(radians({c}))
    * sin(radians({d} - {b}) / cast(2 as double)) * sin(radians({d} - {b}) / cast(2 as double)))"""


def _named(node: exp.Expression) -> exp.Expression:
    return _OWN_FUNCTION_WRITERS[str(node.this).lower()](node)


def _first_or_last(node: exp.Expression, time: str) -> exp.Expression:
    known = exp.Not(this=exp.Is(this=_wrapped(node.this.copy()), expression=exp.Null()))
    when = exp.Case(ifs=[exp.If(this=known, true=exp.column(time))])
    kind = exp.ArgMax if isinstance(node, exp.Last) else exp.ArgMin
    return kind(this=node.this.copy(), expression=when)


_CONDITIONS = (exp.Predicate, exp.Connector, exp.Not)
_VALUE_OPERATORS = (exp.Predicate, exp.Add, exp.Sub, exp.Mul, exp.Neg)
_OWN_FUNCTION_WRITERS = {"days_between": _days, "seconds_between": _seconds, "distance_km": _kilometres}
_WRITERS = {
    exp.Div: _division,
    exp.Literal: _literal,
    exp.Identifier: quoted_where_needed,
    exp.Ln: _guarded,
    exp.Sqrt: _guarded,
    exp.Floor: _floor,
    exp.Anonymous: _named,
}

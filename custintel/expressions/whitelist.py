"""The whitelist of the expression language: the sqlglot nodes, functions and words that are allowed."""

from __future__ import annotations

from dataclasses import dataclass

from sqlglot import exp

AS_OF = "as_of"
"""A date that every expression may use: the day as of which the question is asked."""


@dataclass(frozen=True)
class Function:
    """One allowed function: what it means, how many arguments it takes (``max_arguments`` None: any number)."""

    name: str
    about: str
    min_arguments: int = 1
    max_arguments: int | None = 1
    aggregate: bool = False


FUNCTIONS: dict[type[exp.Expression], Function] = {
    exp.Count: Function(
        "count", "rows: count(*); known values: count(x); different known values: count(distinct x)", aggregate=True
    ),
    exp.CountIf: Function("count_if", "rows for which a condition holds", aggregate=True),
    exp.Sum: Function("sum", "total of the known values", aggregate=True),
    exp.Avg: Function("avg", "mean of the known values", aggregate=True),
    exp.Min: Function("min", "smallest known value", aggregate=True),
    exp.Max: Function("max", "largest known value", aggregate=True),
    exp.Median: Function("median", "median of the known values, between two the mean of both", aggregate=True),
    exp.Stddev: Function("stddev", "sample standard deviation; missing for less than two values", aggregate=True),
    exp.First: Function("first", "known value of the earliest row", aggregate=True),
    exp.Last: Function("last", "known value of the latest row", aggregate=True),
    exp.Abs: Function("abs", "size without sign"),
    exp.Floor: Function("floor", "next whole number below"),
    exp.Ln: Function("ln", "natural logarithm; missing where x <= 0"),
    exp.Sqrt: Function("sqrt", "square root; missing where x < 0"),
    exp.Year: Function("year", "calendar year of a date"),
    exp.Month: Function("month", "calendar month of a date, 1 to 12"),
    exp.Least: Function("least", "smallest known of several values", min_arguments=2, max_arguments=None),
    exp.Greatest: Function("greatest", "largest known of several values", min_arguments=2, max_arguments=None),
    exp.Coalesce: Function("coalesce", "first known of several values", min_arguments=2, max_arguments=None),
    exp.Nullif: Function("nullif", "missing if both are equal, else the first", min_arguments=2, max_arguments=2),
}
"""Allowed functions that sqlglot knows, by node."""

OWN_FUNCTIONS = {
    function.name: function
    for function in (
        Function("days_between", "whole days from the first date to the second", min_arguments=2, max_arguments=2),
        Function("seconds_between", "seconds from the first time to the second", min_arguments=2, max_arguments=2),
        Function(
            "distance_km",
            "kilometres between latitude, longitude and latitude, longitude",
            min_arguments=4,
            max_arguments=4,
        ),
    )
}
"""Allowed functions that are ours alone, by name."""

TIME_OF_DAY_FUNCTIONS = frozenset({"seconds_between"})
"""Functions that read the time of day of their arguments."""


def function_of(node: exp.Expression) -> Function | None:
    """The allowed function that a node calls; None for any other node.

    >>> function_of(exp.func("days_between", exp.column("a"), exp.column("b"))).name
    'days_between'
    """
    return OWN_FUNCTIONS.get(str(node.this).lower()) if isinstance(node, exp.Anonymous) else FUNCTIONS.get(type(node))


FUNCTION_NAMES = (*(f.name for f in FUNCTIONS.values()), *OWN_FUNCTIONS)
AGGREGATES = tuple(node for node, f in FUNCTIONS.items() if f.aggregate)

OPERATORS: dict[type[exp.Expression], frozenset[str]] = {
    node: frozenset(parts.split())
    for node, parts in (
        (exp.Column, "this"),
        (exp.Identifier, "this"),
        (exp.Literal, "this"),
        (exp.Boolean, "this"),
        (exp.Null, ""),
        (exp.Star, ""),
        (exp.Paren, "this"),
        (exp.Neg, "this"),
        (exp.Not, "this"),
        (exp.And, "this expression"),
        (exp.Or, "this expression"),
        (exp.EQ, "this expression"),
        (exp.NEQ, "this expression"),
        (exp.GT, "this expression"),
        (exp.GTE, "this expression"),
        (exp.LT, "this expression"),
        (exp.LTE, "this expression"),
        (exp.Is, "this expression"),
        (exp.In, "this expressions"),
        (exp.Between, "this low high"),
        (exp.Add, "this expression"),
        (exp.Sub, "this expression"),
        (exp.Mul, "this expression"),
        (exp.Div, "this expression"),
        (exp.Case, "ifs default"),
        (exp.If, "this true"),
        (exp.Distinct, "expressions"),
        (exp.Cast, "this to"),
        (exp.DataType, "this"),
    )
}
"""Allowed nodes that are not functions, with the parts each may have."""

SYNONYMS = {
    "log": "ln(x)",
    "mean": "avg(x)",
    "average": "avg(x)",
    "std": "stddev(x)",
    "stddev_samp": "stddev(x)",
    "variance": "stddev(x) * stddev(x)",
    "if": "case when condition then a else b end",
    "iff": "case when condition then a else b end",
    "ifnull": "coalesce(x, y)",
    "nvl": "coalesce(x, y)",
    "datediff": "days_between(a, b)",
    "date_diff": "days_between(a, b)",
    "quantile": "median(x)",
    "percentile": "median(x)",
    "timestampdiff": "seconds_between(a, b)",
    "haversine": "distance_km(latitude, longitude, latitude, longitude)",
    "ceil": "-floor(-x)",
    "any_value": "last(x)",
    "arg_max": "last(x)",
    "max_by": "last(x)",
    "len": "count(x)",
    "nunique": "count(distinct x)",
}
"""What to write instead of a function known from elsewhere."""

_WORDS = """
all alter analyse analyze and anti any array as asc asof asymmetric at attach authorization between bigint binary
bit boolean both by case cast char character check coalesce collate collation column columns concurrently constraint
copy create cross current date dec decimal default deferrable delete desc describe distinct do drop else end escape
except exclude exists extract false fetch filter float following for foreign freeze from full function generated
glob grant group grouping grouping_id having ignore ilike in initially inner inout insert int integer intersect
interval into is isnull join lambda lateral leading left like limit map national natural nchar none not notnull null
nullif numeric offset on only or order out outer over overlaps overlay partition pivot pivot_longer pivot_wider
placing position positional pragma preceding precision primary qualify range real recursive references replace
respect returning right row rows select semi set setof show similar smallint some start struct substring summarize
symmetric table tablesample then time timestamp to trailing treat trim true try_cast tuple union unique unnest
unpack unpivot update user using values varchar variadic verbose view when where window with xmlattributes xmlconcat
xmlelement xmlexists xmlforest xmlnamespaces xmlparse xmlpi xmlroot xmlserialize xmltable
"""
SQL_WORDS = frozenset(_WORDS.split())
"""Words that mean something else to an engine: a column of that name is written in quotes."""

RESERVED_WORDS = frozenset(
    ("and", "as", "between", "case", "distinct", "else", "end", "from", "having", "in", "is", "like", "not", "null",
     "or", "select", "then", "union", "when", "where", "with")
)  # fmt: skip
"""Words of the language and of queries: a column of that name must be given in quotes, else the text is a mistake."""

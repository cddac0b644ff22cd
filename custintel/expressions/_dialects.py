"""SQL for other engines: what is written once in DuckDB's dialect, said in another so that it means the same.

sqlglot does most of it. What it gets wrong, or leaves as it is, is rewritten here on the tree before it writes:

>>> print(translated("select date_diff('day', event_time, as_of), amount / 7.5 from bills", "spark"))
SELECT
  DATEDIFF(DAY, CAST(event_time AS DATE), CAST(as_of AS DATE)),
  amount / CAST(7.5 AS DOUBLE)
FROM bills

Without the casts Spark would count elapsed days instead of midnights, and round the quotient to a decimal.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TypeAlias, cast

import sqlglot
from sqlglot import exp
from sqlglot.errors import ErrorLevel, UnsupportedError

from custintel.errors import ConfigurationError
from custintel.expressions._exact import EXACT, microseconds
from custintel.expressions._pairs import NO_PAIRS, without_pairs
from custintel.expressions._postgres import POSTGRES
from custintel.expressions._spark import SPARK
from custintel.expressions._structs import STRUCTS

__all__ = ["DIALECTS", "check_dialect", "translated", "written"]

DIALECTS = ("duckdb", "spark", "trino", "hive", "clickhouse", "snowflake", "postgres")
"""Engines for which SQL is written."""

_NULL_WINS = ("trino", "hive", "clickhouse")
"""Engines on which least and greatest are null as soon as one argument is."""

Rewrite: TypeAlias = Callable[[exp.Expression], exp.Expression]

_OWN: Mapping[str, Mapping[type[exp.Expression], Rewrite]] = {"spark": SPARK, "postgres": POSTGRES}
"""Rewrites that one engine alone needs."""


def check_dialect(dialect: str) -> str:
    """Refuse dialects that are not supported.

    >>> check_dialect("oracle")
    Traceback (most recent call last):
        ...
    custintel.errors.ConfigurationError: no SQL for this dialect
      given: oracle
      allowed: duckdb, spark, trino, hive, clickhouse, snowflake, postgres
    """
    if dialect not in DIALECTS:
        allowed = ", ".join(DIALECTS)
        raise ConfigurationError(f"no SQL for this dialect\n  given: {dialect}\n  allowed: {allowed}")
    return dialect


def translated(sql: str, dialect: str) -> str:
    """A statement of DuckDB's dialect in another one."""
    if check_dialect(dialect) == "duckdb":
        return sql
    return written(cast("exp.Expression", sqlglot.parse_one(sql, read="duckdb")), dialect, pretty=True)


def written(tree: exp.Expression, dialect: str, pretty: bool = False) -> str:
    """The text of a tree that was read from DuckDB's dialect."""
    fixed = _fixed(tree.copy(), dialect) if dialect != "duckdb" else tree
    try:
        return fixed.sql(dialect, pretty=pretty, unsupported_level=ErrorLevel.RAISE)
    except UnsupportedError as error:
        raise ConfigurationError(f"this cannot be said in the SQL of {dialect}\n  given: {error}") from error


def _fixed(tree: exp.Expression, dialect: str) -> exp.Expression:
    return rewritten(without_pairs(tree) if dialect in NO_PAIRS else tree, _rewrites(dialect))


def rewritten(node: exp.Expression, rewrites: Mapping[type[exp.Expression], Rewrite]) -> exp.Expression:
    """A tree rewritten from the leaves up; what a rewrite returns is not rewritten again."""
    for child in list(node.iter_expressions()):
        new = rewritten(child, rewrites)
        if new is not child:
            child.replace(new)
    rewrite = rewrites.get(type(node))
    return rewrite(node) if rewrite else node


def _rewrites(dialect: str) -> Mapping[type[exp.Expression], Rewrite]:
    found: dict[type[exp.Expression], Rewrite] = {
        exp.DateDiff: partial(_difference, dialect=dialect),
        exp.Literal: _literal,
    }
    if dialect in _NULL_WINS:
        found |= {exp.Greatest: _known_extreme, exp.Least: _known_extreme}
    return {**found, **STRUCTS.get(dialect, {}), **EXACT.get(dialect, {}), **_OWN.get(dialect, {})}


def _difference(node: exp.Expression, dialect: str) -> exp.Expression:
    """Midnights or microseconds between two moments, on every engine."""
    unit = node.text("unit").upper()
    if unit == "DAY":
        for part in (node.this, node.expression):
            part.replace(_dated(part))
    return microseconds(node, dialect) if unit == "MICROSECOND" else node


def _dated(node: exp.Expression) -> exp.Expression:
    is_date = isinstance(node, exp.Cast) and node.to.this == exp.DataType.Type.DATE
    return node if is_date else exp.cast(node.copy(), "date")


def _literal(node: exp.Expression) -> exp.Expression:
    """A decimal literal would round what it meets on some engines; a double does not."""
    if node.args.get("is_string") or str(node.this).isdigit():
        return node
    return (
        node
        if isinstance(node.parent, (exp.Cast, exp.Interval, exp.DataTypeParam))
        else exp.cast(node.copy(), "double")
    )


def _known_extreme(node: exp.Expression) -> exp.Expression:
    """The extreme of the known arguments: every unknown one is replaced by one that is known."""
    parts = [node.this, *node.expressions]
    known = [
        exp.Coalesce(this=part.copy(), expressions=[p.copy() for p in parts[:i] + parts[i + 1 :]])
        for i, part in enumerate(parts)
    ]
    return type(node)(this=known[0], expressions=known[1:])

"""SQL for other engines: a statement in DuckDB's dialect, translated so that it means the same elsewhere.

sqlglot does most of it. What it gets wrong, or leaves as it is, is rewritten here on the tree before it writes:

>>> print(translate("select date_diff('day', event_time, as_of), amount / 7.5 from bills", "spark"))
SELECT
  DATEDIFF(DAY, CAST(event_time AS DATE), CAST(as_of AS DATE)),
  amount / CAST(7.5 AS DOUBLE)
FROM bills

Without the casts Spark would count elapsed days instead of midnights, and round the quotient to a decimal. Trino counts
no microseconds and has no exact median; Hive's ``datediff`` counts days whatever the unit; ClickHouse cuts moments to
whole seconds when it casts, and its ``median`` is that of a sample. Hive has ``var_pop``, not sqlglot's
``variance_pop``; its ``percentile_cont`` needs Hive 4.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TypeAlias, cast

import sqlglot
from sqlglot import exp
from sqlglot.errors import ErrorLevel, UnsupportedError

from custintel.errors import ConfigurationError
from custintel.expressions._first_last_pairs import STRUCT_REWRITES, WITHOUT_STRUCTS, without_structs
from custintel.expressions._spark_and_postgres import POSTGRES_REWRITES, SPARK_REWRITES

# seconds as doubles are exact to half a microsecond until 2106, so rounding gives the whole number of microseconds
_MICROSECONDS = {
    "trino": "CAST(ROUND((TO_UNIXTIME(CAST({to} AS TIMESTAMP(6))) - TO_UNIXTIME(CAST({since} AS TIMESTAMP(6))))"
    " * 1000000) AS BIGINT)",
    "hive": "CAST(ROUND((CAST({to} AS DOUBLE) - CAST({since} AS DOUBLE)) * 1000000) AS BIGINT)",
    "clickhouse": "dateDiff('microsecond', toDateTime64({since}, 6), toDateTime64({to}, 6))",
}
_ROUNDING_CASTS = ("trino", "clickhouse")
"""Engines whose plain cast to a moment rounds it to milliseconds or seconds."""

_SORTED = "ARRAY_SORT(ARRAY_AGG({x}) FILTER (WHERE NOT {x} IS NULL))"
_MEDIANS = {
    # of whole numbers Trino's quotient is whole: wanted for the places, not for the mean of both values
    "trino": f"((ELEMENT_AT({_SORTED}, (COUNT({{x}}) + 1) / 2) + ELEMENT_AT({_SORTED}, COUNT({{x}}) / 2 + 1))"
    " / CAST(2 AS DOUBLE))",
    "clickhouse": "quantileExactInclusive(0.5)({x})",
}


def microseconds(node: exp.Expression, dialect: str) -> exp.Expression:
    """Whole microseconds from one moment to another."""
    if dialect not in _MICROSECONDS:
        return node
    since, to = (_bare(part) if dialect in _ROUNDING_CASTS else part for part in (node.expression, node.this))
    return _from_template(_MICROSECONDS[dialect], dialect, since=since, to=to)


def _bare(node: exp.Expression) -> exp.Expression:
    return node.this if isinstance(node, exp.Cast) else node


def _median(node: exp.Expression, dialect: str) -> exp.Expression:
    return _from_template(_MEDIANS[dialect], dialect, x=node.this)


def _from_template(text: str, dialect: str, **parts: exp.Expression) -> exp.Expression:
    """The tree of a text in which names in braces stand for expressions."""
    tree = sqlglot.parse_one(text.format_map({name: f"_{name}_" for name in parts}), read=dialect)
    found = {f"_{name}_": part for name, part in parts.items()}
    return tree.transform(lambda n: found[n.name].copy() if isinstance(n, exp.Column) and n.name in found else n)


def _variance(node: exp.Expression) -> exp.Expression:
    return exp.Anonymous(this="VAR_POP", expressions=[node.this.copy()])


Rewrite: TypeAlias = Callable[[exp.Expression], exp.Expression]

EXACT_REWRITES: dict[str, dict[type[exp.Expression], Rewrite]] = {
    "trino": {exp.Median: partial(_median, dialect="trino")},
    "hive": {exp.VariancePop: _variance},
    "clickhouse": {exp.Median: partial(_median, dialect="clickhouse")},
}
"""Rewrites by dialect."""


DIALECTS = ("duckdb", "spark", "trino", "hive", "clickhouse", "snowflake", "postgres")
"""Engines for which SQL is written."""

_NULL_IF_ANY_NULL = ("trino", "hive", "clickhouse")
"""Engines on which least and greatest are null as soon as one argument is."""

_MAX_NODES = 20_000
"""Most nodes of a least or greatest on those engines, where each value is written beside every other one."""


_ENGINE_REWRITES: Mapping[str, Mapping[type[exp.Expression], Rewrite]] = {
    "spark": SPARK_REWRITES,
    "postgres": POSTGRES_REWRITES,
}
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


def translate(sql: str, dialect: str) -> str:
    """A statement of DuckDB's dialect in another one.

    Raises
    ------
    ConfigurationError
        When the dialect has no words for it, or would need too many.
    """
    if check_dialect(dialect) == "duckdb":
        return sql
    try:
        tree = cast("exp.Expression", sqlglot.parse_one(sql, read="duckdb"))
    except RecursionError as error:
        raise _too_deep(dialect) from error
    return to_text(tree, dialect, pretty=True)


def to_text(tree: exp.Expression, dialect: str, pretty: bool = False) -> str:
    """The text of a tree that was read from DuckDB's dialect."""
    try:
        fixed = _fix_tree(tree.copy(), dialect) if dialect != "duckdb" else tree
        return fixed.sql(dialect, pretty=pretty, unsupported_level=ErrorLevel.RAISE)
    except UnsupportedError as error:
        raise ConfigurationError(f"this cannot be said in the SQL of {dialect}\n  given: {error}") from error
    except RecursionError as error:
        raise _too_deep(dialect) from error


def _too_deep(dialect: str) -> ConfigurationError:
    wrong = f"an expression nested too deeply for the SQL of {dialect}"
    return ConfigurationError(f"{wrong}\n  hint: write the inner part as a feature of its own")


def _fix_tree(tree: exp.Expression, dialect: str) -> exp.Expression:
    return rewrite_tree(without_structs(tree) if dialect in WITHOUT_STRUCTS else tree, _rewrites(dialect))


def rewrite_tree(node: exp.Expression, rewrites: Mapping[type[exp.Expression], Rewrite]) -> exp.Expression:
    """A tree rewritten from the leaves up; what a rewrite returns is not rewritten again."""
    for child in list(node.iter_expressions()):
        new = rewrite_tree(child, rewrites)
        if new is not child:
            child.replace(new)
    rewrite = rewrites.get(type(node))
    return rewrite(node) if rewrite else node


def _rewrites(dialect: str) -> Mapping[type[exp.Expression], Rewrite]:
    found: dict[type[exp.Expression], Rewrite] = {
        exp.DateDiff: partial(_difference, dialect=dialect),
        exp.Literal: _literal,
    }
    if dialect in _NULL_IF_ANY_NULL:
        found |= {exp.Greatest: _known_extreme, exp.Least: _known_extreme}
    return {
        **found,
        **STRUCT_REWRITES.get(dialect, {}),
        **EXACT_REWRITES.get(dialect, {}),
        **_ENGINE_REWRITES.get(dialect, {}),
    }


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
    fixed = next((part for part in parts if _is_constant(part)), None)
    _check_size(node, 2 if fixed is not None else len(parts))
    known = [
        _otherwise(part, [fixed] if fixed is not None else parts[:i] + parts[i + 1 :]) for i, part in enumerate(parts)
    ]
    return type(node)(this=known[0], expressions=known[1:])


def _otherwise(part: exp.Expression, others: list[exp.Expression]) -> exp.Expression:
    if _is_constant(part):
        return part.copy()
    return exp.Coalesce(this=part.copy(), expressions=[other.copy() for other in others])


def _is_constant(node: exp.Expression) -> bool:
    """Whether a value is written out, and so never missing."""
    if isinstance(node, (exp.Paren, exp.Neg, exp.Cast)):
        return _is_constant(node.this)
    return isinstance(node, (exp.Literal, exp.Boolean))


def _check_size(node: exp.Expression, mentions: int) -> None:
    """Refuse to write what is mentioned again and again: calls inside calls would multiply."""
    if mentions * sum(1 for _ in node.walk()) > _MAX_NODES:
        wrong = f"too many values in {node.key}, or {node.key} inside {node.key} too often, for this engine"
        raise ConfigurationError(
            f"{wrong}\n  allowed: {_MAX_NODES:,} parts when written out\n"
            "  hint: write the inner part as a feature of its own"
        )

"""Microseconds between two moments and the median, where the usual word of an engine is absent or says something else.

Trino counts no microseconds and has no exact median; Hive's `datediff` counts days whatever the unit; ClickHouse cuts
moments to whole seconds when it casts, and its `median` is of a sample of the values. Hive has `var_pop`, not
sqlglot's `variance_pop`; its `percentile_cont` needs Hive 4.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeAlias

import sqlglot
from sqlglot import exp

__all__ = ["EXACT", "microseconds"]

# seconds as doubles are exact to half a microsecond until 2106, so rounding gives the whole number of microseconds
_MICROSECONDS = {
    "trino": "CAST(ROUND((TO_UNIXTIME(CAST({to} AS TIMESTAMP(6))) - TO_UNIXTIME(CAST({since} AS TIMESTAMP(6))))"
    " * 1000000) AS BIGINT)",
    "hive": "CAST(ROUND((CAST({to} AS DOUBLE) - CAST({since} AS DOUBLE)) * 1000000) AS BIGINT)",
    "clickhouse": "dateDiff('microsecond', toDateTime64({since}, 6), toDateTime64({to}, 6))",
}
_CUTTING = ("trino", "clickhouse")
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
    since, to = (_bare(part) if dialect in _CUTTING else part for part in (node.expression, node.this))
    return _said(_MICROSECONDS[dialect], dialect, since=since, to=to)


def _bare(node: exp.Expression) -> exp.Expression:
    return node.this if isinstance(node, exp.Cast) else node


def _median(node: exp.Expression, dialect: str) -> exp.Expression:
    return _said(_MEDIANS[dialect], dialect, x=node.this)


def _said(text: str, dialect: str, **parts: exp.Expression) -> exp.Expression:
    """The tree of a text in which names in braces stand for expressions."""
    tree = sqlglot.parse_one(text.format_map({name: f"_{name}_" for name in parts}), read=dialect)
    found = {f"_{name}_": part for name, part in parts.items()}
    return tree.transform(lambda n: found[n.name].copy() if isinstance(n, exp.Column) and n.name in found else n)


def _variance(node: exp.Expression) -> exp.Expression:
    return exp.Anonymous(this="VAR_POP", expressions=[node.this.copy()])


Rewrite: TypeAlias = Callable[[exp.Expression], exp.Expression]

EXACT: dict[str, dict[type[exp.Expression], Rewrite]] = {
    "trino": {exp.Median: partial(_median, dialect="trino")},
    "hive": {exp.VariancePop: _variance},
    "clickhouse": {exp.Median: partial(_median, dialect="clickhouse")},
}
"""Rewrites by dialect."""

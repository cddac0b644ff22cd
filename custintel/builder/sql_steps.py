"""Steps of SQL: named SELECTs, put together into one readable statement."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from custintel.functions.function_context import CHUNK_FILTER, Step

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


_CHUNK_FILTER = re.compile(rf"\s+and {CHUNK_FILTER}")

_QUOTED_OR_NOT = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|[^'\"]+")


def lower_sql(text: str) -> str:
    """Lower case everywhere but in quotes.

    >>> lower_sql("CAST(x AS DOUBLE) = 'Ab'")
    "cast(x as double) = 'Ab'"
    """
    return "".join(p if p[0] in "'\"" else p.lower() for p in _QUOTED_OR_NOT.findall(text))


def columns_sql(columns: Iterable[str]) -> str:
    """One column a line."""
    return ",\n    ".join(columns)


def values_sql(rows: Sequence[Sequence[object]], names: Sequence[str]) -> str:
    """Literal rows as a SELECT.

    >>> print(values_sql([(1, "date '2025-01-31'")], ["n", "day"]))
    select * from (values
        (1, date '2025-01-31')
    ) as v(n, day)
    """
    lines = ",\n    ".join(f"({', '.join(str(v) for v in row)})" for row in rows)
    return f"select * from (values\n    {lines}\n) as v({', '.join(names)})"


def with_sql(steps: Sequence[Step], chunk_filter: str = "") -> str:
    """One statement: all steps but the last as CTEs; steps of the same name are written once.

    ``chunk_filter`` is a condition on ``t.customer_id`` that picks the records of some customers.
    """
    return _CHUNK_FILTER.sub(f"\n    and {chunk_filter}" if chunk_filter else "", _text(steps))


def _text(steps: Sequence[Step]) -> str:
    unique = list({step.name: step for step in steps}.values())
    *before, last = unique
    if not before:
        return lower_sql(last.sql)
    parts = ",\n\n".join(f"-- {step.about}\n{step.name} as (\n{_indented(lower_sql(step.sql))}\n)" for step in before)
    return f"with\n{parts}\n\n-- {last.about}\n{lower_sql(last.sql)}"


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.splitlines())

"""Dates with day and month exchanged: what a spreadsheet of another country makes of half of a month's dates."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from custintel.contracts._tables import TABLES
from custintel.engines import quoted

if TYPE_CHECKING:
    from custintel.contracts._report import TableReport
    from custintel.engines import Engine

__all__ = ["count_swapped"]


def count_swapped(engine: Engine, report: TableReport) -> TableReport:
    """Count the rows whose date lies outside the table's span, and inside once day and month change places.

    The span is that of the days after the twelfth, which cannot be exchanged, and of the twelve days after and before
    them, which may be right. Nothing is changed.

    Examples
    --------
    >>> from custintel.contracts import TableReport
    >>> from custintel.engines import DuckDBEngine
    >>> engine = DuckDBEngine()
    >>> days = "('2025-04-13'), ('2025-05-20'), ('2025-06-30'), ('2025-05-04'), ('2025-11-05')"
    >>> engine.execute(f"create table care as select d::date as event_date from (values {days}) t(d)")
    >>> count_swapped(engine, TableReport("care", 5, 5, 0)).swapped
    1
    """
    if TABLES[report.table].event_time is None:
        return report
    days = f"(select event_date as d, count(*) as n from {quoted(report.table)} group by 1)"
    span = f"(select date_trunc('month', min(d)) as low, max(d) + 12 as high from {days} where day(d) > 12)"
    other = "case when day(d) <= 12 then make_date(year(d), day(d), month(d)) end"
    outside = f"not d between low and high and {other} between low and high"
    rows = engine.rows(f"select coalesce(sum(n), 0)::bigint from {days}, {span} where {outside}")
    return replace(report, swapped=int(str(rows[0][0])))

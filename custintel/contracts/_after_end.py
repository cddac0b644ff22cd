"""Rows of customers who had left: they are kept, because a last bill comes late, and counted."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from custintel.contracts._tables import TABLES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from custintel.contracts._report import TableReport
    from custintel.engines import Engine

__all__ = ["ENDS", "count_after_end"]

ENDS = ("voluntary", "port_out", "involuntary", "death")
"""Causes of `terminations` after which the line is gone."""
_LISTS = ("customers", "subscriptions", "terminations")


def count_after_end(engine: Engine, report: TableReport, present: Sequence[str]) -> TableReport:
    """Count the rows that are dated after the day on which the line ended.

    Examples
    --------
    >>> from custintel.contracts import TableReport
    >>> from custintel.engines import DuckDBEngine
    >>> engine = DuckDBEngine()
    >>> days = "'a' as customer_id, date '2025-03-01' as event_date"
    >>> engine.execute(f"create table terminations as select {days}, 'voluntary' as cause")
    >>> engine.execute("create table usage as select 'a' as customer_id, date '2025-03-02' as event_date")
    >>> count_after_end(engine, TableReport("usage", 1, 1, 0), ["usage", "terminations"]).after_end
    1
    """
    contract = TABLES[report.table]
    if "terminations" not in present or report.table in _LISTS or contract.event_time is None:
        return report
    if "customer_id" not in contract.columns:
        return report
    causes = ", ".join(f"'{cause}'" for cause in ENDS)
    ended = f"select customer_id, max(event_date) as _end from {engine.relation('terminations')}"
    ends = f"({ended} where cause in ({causes}) group by customer_id) as e"
    rows = engine.rows(
        f"select count(*) from {engine.relation(report.table)} as t join {ends} on e.customer_id = t.customer_id"
        " where t.event_date > e._end"
    )
    return replace(report, after_end=int(str(rows[0][0])))

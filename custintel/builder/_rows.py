"""The last step of families that find one row a customer and date: expressions over the columns of that row."""

from __future__ import annotations

from typing import TYPE_CHECKING

from custintel.builder._steps import Step, columns_sql
from custintel.builder._window import finished_sql
from custintel.expressions import AS_OF

if TYPE_CHECKING:
    from collections.abc import Sequence

    from custintel.builder._asks import Ask

__all__ = ["row_features"]


def row_features(asks: Sequence[Ask], family: str, found: str) -> Step:
    """A row for every row of the spine, from a step with at most one row a customer and date."""
    columns = [f"{_feature_sql(ask)} as {ask.column}" for ask in asks]
    # as_of comes from the spine: a customer without a row has none of its own
    inner = f"select s.customer_id as spine_customer, s.{AS_OF} as spine_date, l.*"
    joined = f"from spine as s left join {found} as l on l.customer_id = s.customer_id and l.{AS_OF} = s.{AS_OF}"
    keys = ["spine_customer as customer_id", f"spine_date as {AS_OF}"]
    sql = f"select\n    {columns_sql([*keys, *columns])}\nfrom (\n{inner}\n{joined}\n) as w"
    return Step(f"{family}_features", sql, f"{family}: the columns of each customer and date")


def _feature_sql(ask: Ask) -> str:
    return finished_sql(ask.feature.expression.sql(), ask.feature.unit, ask.feature.missing)

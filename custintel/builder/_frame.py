"""From the rows of the engine to the frame as promised: index, order, types, and what is to be known about it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pandas as pd

from custintel.builder._words import words_text
from custintel.errors import DataError
from custintel.expressions import AS_OF

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    import pyarrow as pa

    from custintel.builder._plan import Plan
    from custintel.builder._wanted import Wanted
    from custintel.warehouse import Warehouse

__all__ = ["finished"]


def finished(table: pa.Table, plan: Plan, wanted: Wanted, wh: Warehouse) -> pd.DataFrame:
    """The frame of the rows wanted, from one row a date and customer in ascending order."""
    if table.num_rows == 0:
        raise DataError(f"no customer in service as of {', '.join(map(str, wanted.days))}")
    frame = _typed(table, plan)
    if wanted.keys is not None and wanted.index is not None:
        frame = frame.take(frame.index.get_indexer(wanted.keys)).set_axis(wanted.index)
    elif wanted.single:
        frame = frame.droplevel(AS_OF)
    elif list(wanted.days) != sorted(wanted.days):
        frame = pd.concat([frame.loc[[pd.Timestamp(day)]] for day in wanted.days])
    frame.attrs["custintel"] = _facts(plan, wanted.days, wh)
    return frame


def _typed(table: pa.Table, plan: Plan) -> pd.DataFrame:
    texts = [e.column for e in plan.entries if e.unit == "category"]
    frame = table.to_pandas(categories=texts, date_as_object=False)
    for column in texts:
        frame[column] = frame[column].cat.set_categories(sorted(frame[column].cat.categories))
    frame[AS_OF] = frame[AS_OF].astype("datetime64[ns]")
    indexed: pd.DataFrame = frame.set_index([AS_OF, "customer_id"])
    return indexed


def _facts(plan: Plan, days: Sequence[date], wh: Warehouse) -> dict[str, object]:
    """Plain values only, so that they survive JSON and every pandas."""
    longest = max((entry.window or 0 for entry in plan.entries), default=0)
    first = wh.period[0].date()
    return {
        "as_of": [str(day) for day in days],
        "families": list(plan.families),
        "skipped": dict(plan.skipped),
        "short_history": [str(day) for day in days if day - timedelta(days=longest) < first - timedelta(days=1)],
        "words": words_text(plan.entries),
    }

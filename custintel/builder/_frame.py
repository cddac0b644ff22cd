"""From the rows of the engine to the frame as promised: index, order, types, and what is to be known about it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

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

__all__ = ["concatenated", "finished", "typed"]


def finished(frame: pd.DataFrame, plan: Plan, wanted: Wanted, wh: Warehouse) -> pd.DataFrame:
    """The frame of the rows wanted, from one row a date and customer in ascending order."""
    if frame.empty:
        raise DataError(f"no customer in service as of {', '.join(map(str, wanted.days))}")
    if wanted.keys is not None and wanted.index is not None:
        frame = frame.take(frame.index.get_indexer(wanted.keys)).set_axis(wanted.index)
    elif wanted.single:
        frame = frame.droplevel(AS_OF)
    elif list(wanted.days) != sorted(wanted.days):
        frame = pd.concat([frame.loc[[pd.Timestamp(day)]] for day in wanted.days])
    frame.attrs["custintel"] = _facts(plan, wanted.days, wh)
    return frame


def typed(table: pa.Table, plan: Plan) -> pd.DataFrame:
    """Rows of an engine as a frame: index of date and customer, numbers as floats, texts as categories."""
    texts = [e.column for e in plan.entries if e.unit == "category"]
    frame = table.to_pandas(categories=texts, date_as_object=False)
    for column in texts:
        frame[column] = frame[column].cat.set_categories(sorted(frame[column].cat.categories))
    frame[AS_OF] = frame[AS_OF].astype("datetime64[ns]")
    indexed: pd.DataFrame = frame.set_index([AS_OF, "customer_id"])
    return indexed


def concatenated(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Frames of several batches of dates; the categories of a column of texts are those of all of them."""
    whole = pd.concat([frame.astype(dict.fromkeys(_texts(frame), object)) for frame in frames])
    for column in _texts(frames[0]):
        known = set().union(*(frame[column].cat.categories for frame in frames))
        whole[column] = pd.Categorical(whole[column], categories=sorted(known))
    index = cast("pd.MultiIndex", whole.index)
    # values only: a rhythm of dates is not a property of the index
    days: Any = pd.DatetimeIndex(index.levels[0].to_numpy())
    return whole.set_axis(index.set_levels(days, level=AS_OF))


def _texts(frame: pd.DataFrame) -> list[str]:
    return [str(column) for column in frame if isinstance(frame[column].dtype, pd.CategoricalDtype)]


def _facts(plan: Plan, days: Sequence[date], wh: Warehouse) -> dict[str, object]:
    """Plain values only, so that they survive JSON and every pandas."""
    longest = max((entry.window or 0 for entry in plan.entries), default=0)
    first = wh.period[0].date()
    return {
        "as_of": [str(day) for day in days],
        "families": list(plan.questions),
        "skipped": dict(plan.skipped),
        "left_out": plan.left_out,
        "left_out_columns": plan.lost_to_tables,
        "short_history": [str(day) for day in days if day - timedelta(days=longest) < first - timedelta(days=1)],
        "words": words_text(plan.entries),
    }

"""Data frames of any library, seen as Arrow without copies where the library allows it."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, TypeAlias

import pandas as pd
import pyarrow as pa

if TYPE_CHECKING:
    import polars


Frame: TypeAlias = "pd.DataFrame | pa.Table | polars.DataFrame | polars.LazyFrame"


def to_arrow(frame: Frame) -> pa.Table:
    """Return a pandas, Polars or Arrow frame as an Arrow table.

    A named pandas index becomes a column. A column of mixed Python objects becomes text, value by value, so that one
    odd value does not make the whole column unreadable.

    Examples
    --------
    >>> to_arrow(pd.DataFrame({"duration_s": [60, "abc"]})).to_pydict()
    {'duration_s': ['60', 'abc']}
    """
    if isinstance(frame, pa.Table):
        return frame
    if isinstance(frame, pd.DataFrame):
        return _from_pandas(frame)
    if hasattr(frame, "collect"):
        frame = frame.collect()
    if hasattr(frame, "to_arrow"):
        return frame.to_arrow()
    if hasattr(frame, "__arrow_c_stream__"):
        return pa.table(frame)
    raise TypeError(f"a table must be a pandas, Polars or Arrow frame, not {type(frame).__name__}")


def _from_pandas(frame: pd.DataFrame) -> pa.Table:
    """Convert column by column; names become text."""
    if any(name is not None for name in frame.index.names):
        frame = frame.reset_index()
    names = [str(name) for name in frame.columns]
    return pa.table([_column(frame.iloc[:, i]) for i in range(len(names))], names=names)


def _column(series: pd.Series[Any]) -> Any:
    """One column as Arrow; mixed objects as text."""
    try:
        if isinstance(series.dtype, pd.DatetimeTZDtype):
            naive = pa.Array.from_pandas(series.dt.tz_convert(None))
            return naive.cast(pa.timestamp(naive.type.unit, tz="UTC"))
        return _one_array(pa.Array.from_pandas(series))
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError, InvalidOperation):
        values = pd.Series([None if _is_no_number(value) else value for value in series], dtype="object")
        texts = [None if missing else _as_text(value) for value, missing in zip(values, values.isna(), strict=True)]
        return pa.array(texts, type=pa.string())


def _is_no_number(value: Any) -> bool:
    """Whether it is a NaN of decimals; pandas stumbles over the signalling one."""
    return isinstance(value, Decimal) and value.is_nan()


def _as_text(value: Any) -> str:
    """One value of a mixed column; a whole float without its fraction, because pandas makes floats of identifiers."""
    whole = isinstance(value, float) and value.is_integer() and abs(value) < 2**53
    return str(int(value)) if whole else str(value)


def _one_array(array: Any) -> Any:
    """Refuse types that a SQL engine does not know."""
    if pa.types.is_null(array.type):
        return array.cast(pa.string())
    return array

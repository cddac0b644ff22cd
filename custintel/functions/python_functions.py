"""Functions of your own in Python: what they see is cut at the date before they see it.

>>> from custintel.functions import feature_function
>>> from custintel.functions.function_registry import find_function
>>> @feature_function("busy_days", reads={"usage": 90}, columns=["busy_days"])
... def busy_days(view):
...     days = view.frame("usage").groupby(["customer_id", "event_date"]).size()
...     return (days > 9).groupby("customer_id").sum().to_frame("busy_days")
>>> find_function("busy_days").columns
('busy_days',)
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from custintel.contracts.own_contracts import known_tables
from custintel.errors import ConfigurationError, CustintelError, DataError
from custintel.functions.function_context import FunctionContext
from custintel.functions.function_registry import FeatureFunction, Reads, register_function

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Mapping, Sequence
    from datetime import date


@dataclass(frozen=True)
class AsOfView:
    """What a Python function sees: its tables as they were known at the end of one day.

    Attributes
    ----------
    as_of
        The day.
    """

    as_of: pd.Timestamp
    _context: FunctionContext
    _run_query: Callable[[str], pd.DataFrame]

    def frame(self, table: str) -> pd.DataFrame:
        """The rows of a declared table that had happened and arrived by the day, within the declared look-back.

        Values that are written later than their row are missing until they are known.
        """
        if table not in self._context.reads:
            declared = ", ".join(self._context.reads)
            raise DataError(f"the function has not declared that it reads {table}\n  given: reads of {declared}")
        if known_tables()[table].event_time is None:
            return self._run_query(self._context.reference_sql(table))
        return self._run_query(self._context.rows_sql(table, all_customers=True)).drop(columns="as_of")


def feature_function(
    name: str, reads: Mapping[str, int | None], columns: Sequence[str]
) -> Callable[[Callable[[AsOfView], pd.DataFrame]], Callable[[AsOfView], pd.DataFrame]]:
    """Register a Python function as the source of families of features; it is called once for each as-of date.

    The function returns a data frame with one row a customer (``customer_id`` as index or column). Describe its
    columns in a YAML file of your own with ``function: NAME``.

    Parameters
    ----------
    name
        As the YAML file calls it.
    reads
        Table and look-back in days; None: everything up to the date.
    columns
        The columns it gives.

    Examples
    --------
    >>> @feature_function("devices", reads={"usage": 30}, columns=["devices"])
    ... def devices(view):
    ...     return view.frame("usage").groupby("customer_id")["device_id"].nunique().to_frame("devices")
    """

    def decorate(compute: Callable[[AsOfView], pd.DataFrame]) -> Callable[[AsOfView], pd.DataFrame]:
        declared = tuple(Reads(table, days=days, whole=True) for table, days in reads.items())
        outputs = tuple((column, ()) for column in columns)
        register_function(FeatureFunction(name, declared, outputs, compute, "python"))
        return compute

    return decorate


def load_python(path: str | os.PathLike[str]) -> None:
    """Run a Python file of your own that registers feature functions.

    Raises
    ------
    custintel.errors.ConfigurationError
        If there is no such file, or if it fails.
    """
    file = Path(path)
    if not file.is_file():
        raise ConfigurationError(f"no Python file {file}\n  hint: give the file that holds your @feature_function")
    spec = importlib.util.spec_from_file_location(f"custintel_own_{file.stem}", file)
    if spec is None or spec.loader is None:
        raise ConfigurationError(f"{file} is not a Python file\n  allowed: a file whose name ends in .py")
    try:
        spec.loader.exec_module(importlib.util.module_from_spec(spec))
    except CustintelError:
        raise
    except Exception as error:
        raise ConfigurationError(f"{file} fails when it is run\n  given: {type(error).__name__}: {error}") from error


def run_python_function(
    function: FeatureFunction, context: FunctionContext, select: Callable[[str], pd.DataFrame]
) -> pd.DataFrame:
    """What a Python function says as of each date of a question: customer_id, as_of and its columns."""
    return pd.concat([_run_on_date(function, context, day, select) for day in context.dates], ignore_index=True)


def _run_on_date(
    function: FeatureFunction, context: FunctionContext, day: date, select: Callable[[str], pd.DataFrame]
) -> pd.DataFrame:
    one = FunctionContext(context.name, context.reads, context.tables, (day,))
    found = _checked(function, function.compute(AsOfView(pd.Timestamp(day), one, select)))
    return found.assign(as_of=day)


def _checked(function: FeatureFunction, found: Any) -> pd.DataFrame:
    """The frame in order, or what is wrong with it."""
    if not isinstance(found, pd.DataFrame):
        raise DataError(f"function {function.name} gives no data frame\n  given: {type(found).__name__}")
    frame = found if "customer_id" in found.columns else found.rename_axis("customer_id").reset_index()
    absent = [column for column in function.columns if column not in frame.columns]
    if absent:
        given = ", ".join(map(str, frame.columns))
        raise DataError(f"function {function.name} does not give {', '.join(absent)}\n  given: {given}")
    if frame["customer_id"].duplicated().any():
        hint = "return one row a customer, such as a groupby('customer_id')"
        raise DataError(f"function {function.name} gives several rows a customer\n  hint: {hint}")
    return frame[["customer_id", *function.columns]]

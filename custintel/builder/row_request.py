"""The rows asked for: customers and as-of dates as the caller gave them, read, checked and cut into batches."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import pandas as pd
import pyarrow as pa

from custintel.dates import AsOf, read_dates
from custintel.errors import ConfigurationError, DataError, DateError, rows_at
from custintel.expressions.whitelist import AS_OF
from custintel.identifiers import identifier_text

if TYPE_CHECKING:
    from custintel.catalogue.feature_family import Entry
    from custintel.warehouse import Warehouse


_CUSTOMER = "customer_id"
_numbers = itertools.count(1)

Rows = pd.DataFrame | pd.Series | pd.Index | Sequence[object]
"""Customers with dates: a frame with the columns or index levels customer_id and as_of, or such an index."""


@dataclass(frozen=True)
class RowRequest:
    """The rows asked for: dates in the order given and, unless everybody in service is meant, each row to come out.

    Attributes
    ----------
    days
        As-of dates.
    keys
        As-of date and customer of each row to come out; None for everybody.
    index
        The index that the rows come out with.
    table
        What the engine must know to find them: customers, or customers with dates.
    single
        Whether everybody's index is the customer alone.
    """

    days: tuple[date, ...]
    keys: pd.MultiIndex | None = None
    index: pd.Index | None = None
    table: pa.Table | None = None
    single: bool = False

    @property
    def has_own_dates(self) -> bool:
        """Whether each customer has dates of its own."""
        return self.table is not None and AS_OF in self.table.column_names

    @contextmanager
    def registered(self, wh: Warehouse) -> Iterator[str | None]:
        """Register the table of the rows on the warehouse's engine for the time being, and give its name."""
        if self.table is None:
            yield None
            return
        _check_known(self.table[_CUSTOMER].unique().to_pylist(), wh)
        name = f"custintel_rows_{next(_numbers)}"
        wh.engine.register(name, self.table)
        try:
            yield name
        finally:
            wh.engine.unregister(name)


def read_row_request(
    as_of: AsOf | Sequence[AsOf] | pd.DatetimeIndex | None, customers: Iterable[object] | None, rows: Rows | None
) -> RowRequest:
    """Read what was asked for.

    >>> rows = pd.DataFrame({"customer_id": ["b", "a"], "as_of": ["2025-06-30", "2025-05-31"]}, index=[7, 3])
    >>> row_request = read_row_request(None, None, rows)
    >>> row_request.keys[0], row_request.index.tolist()
    ((Timestamp('2025-06-30 00:00:00'), 'b'), [7, 3])
    """
    if rows is not None:
        if customers is not None:
            raise ConfigurationError("customers and rows are given\n  allowed: one of them")
        return _of_rows(rows, as_of)
    if as_of is None:
        raise DateError(
            "no as-of date\n  allowed: as_of='2025-06-30', a list of days, or rows= with dates of their own"
        )
    days = read_dates(as_of)
    single = isinstance(as_of, str | date)
    if customers is None:
        return RowRequest(tuple(days), single=single)
    names = _read_customers(customers)
    keys = pd.MultiIndex.from_product([_moments(days), names], names=[AS_OF, _CUSTOMER])
    index = keys.droplevel(AS_OF) if single else keys
    return RowRequest(tuple(days), keys, index, pa.table({_CUSTOMER: pa.array(names, pa.string())}))


def _moments(days: Sequence[date]) -> pd.DatetimeIndex:
    return pd.DatetimeIndex([pd.Timestamp(day) for day in days]).as_unit("ns")


def _of_rows(rows: Rows, as_of: AsOf | Sequence[AsOf] | pd.DatetimeIndex | None) -> RowRequest:
    """Each row is a customer at a date of its own; the same pair may come twice."""
    given = _columns_of(rows)
    if not len(given):
        raise DataError("no rows\n  given: an empty frame\n  hint: leave rows out for all customers in service")
    customers, days = _as_texts(given[_CUSTOMER]), _days_of(given, as_of)
    keys = pd.MultiIndex.from_arrays([_moments(days), customers], names=[AS_OF, _CUSTOMER])
    pairs = pa.table({_CUSTOMER: pa.array(customers, pa.string()), AS_OF: pa.array(days, pa.date32())})
    index = rows.index if isinstance(rows, pd.DataFrame | pd.Series) else rows
    index = index if isinstance(index, pd.Index) else pd.Index(customers, name=_CUSTOMER)
    return RowRequest(tuple(sorted(set(days))), keys, index, pairs.group_by([_CUSTOMER, AS_OF]).aggregate([]))


def _columns_of(rows: Rows) -> pd.DataFrame:
    """customer_id, and as_of where it is given: from columns, else from index levels."""
    if isinstance(rows, pd.MultiIndex):
        return _columns_of(rows.to_frame())
    if not isinstance(rows, pd.DataFrame):
        return pd.DataFrame({_CUSTOMER: list(rows)})
    found = {name: rows[name].array for name in (_CUSTOMER, AS_OF) if name in rows.columns}
    levels = [name for name in (_CUSTOMER, AS_OF) if name in rows.index.names and name not in found]
    found |= {name: rows.index.get_level_values(name).array for name in levels}
    if _CUSTOMER not in found:
        given = ", ".join(map(str, [*rows.columns[:10], *filter(None, rows.index.names)]))
        raise DataError(f"rows without customers\n  given: {given}\n  allowed: customer_id as a column or index level")
    return pd.DataFrame(found)


def _days_of(given: pd.DataFrame, as_of: AsOf | Sequence[AsOf] | pd.DatetimeIndex | None) -> list[date]:
    """The date of each row: its own, or the one for all of them."""
    if AS_OF in given.columns and as_of is not None:
        raise DateError(f"rows have dates, and as_of is given: {as_of}\n  hint: leave one of them out")
    if AS_OF not in given.columns and as_of is None:
        raise DateError("rows without dates\n  allowed: as_of as a column or index level, or as_of= for all rows")
    if as_of is not None:
        days = read_dates(as_of)
        if len(days) > 1:
            raise DateError(f"one date for all rows is needed\n  given: {', '.join(map(str, days))}")
        return days * len(given)
    codes, distinct = pd.factorize(given[AS_OF], use_na_sentinel=False)
    days = read_dates(list(distinct), repeated=True)
    return [days[code] for code in codes]


def _read_customers(customers: Iterable[object]) -> list[str]:
    """The customers asked for, each once."""
    given = [customers] if isinstance(customers, str) else list(customers)
    if not given:
        raise DataError("an empty list of customers\n  hint: leave customers out for all customers in service")
    names = pd.Index(_as_texts(given))
    if names.has_duplicates:
        again = names.duplicated()
        count = names[again].nunique()
        raise DataError(
            f"{count} customer{'s' if count > 1 else ''} given twice\n  given: again in {rows_at(again)}\n"
            "  hint: give each customer once"
        )
    return list(names)


def _as_texts(customers: Iterable[object]) -> list[str]:
    """Customers as the text that the tables hold."""
    texts = identifier_text(customers)
    missing = sum(text is None for text in texts)
    if missing:
        raise DataError(f"{missing} missing values among the customers\n  hint: drop them before building")
    return list(map(str, texts))


def _check_known(customers: Sequence[str], wh: Warehouse) -> None:
    if "customers" not in wh.tables:
        return
    known = set(wh.sql(f"select customer_id from {wh.relation('customers')}")["customer_id"])
    unknown = [one for one in customers if one not in known]
    if unknown:
        raise DataError(
            f"{len(unknown)} of {len(customers)} customers are not in the table customers\n"
            "  hint: ids are compared as text; leave customers out for all customers in service"
        )


BUCKETS = 120
"""Time buckets of one plan: the bucket of a record is looked for edge by edge."""


def date_batches(days: Iterable[date], entries: Iterable[Entry]) -> Iterator[list[date]]:
    """The dates in ascending order, cut so that the windows of no family make more buckets than one plan can hold.

    >>> from datetime import date
    >>> from custintel.catalogue import Catalogue
    >>> days = [date(2025, 1, 1 + n) for n in range(31)]
    >>> [len(batch) for batch in date_batches(days, Catalogue.load(topics=["usage"]).entries())]
    [30, 1]
    """
    windows: dict[str, set[int]] = {}
    for entry in entries:
        if entry.kind != "derived":
            windows.setdefault(entry.family, set()).add(entry.window or 0)
    size = max(1, BUCKETS // (1 + max(map(len, windows.values()), default=0)))
    ordered = sorted(days)
    yield from (ordered[start : start + size] for start in range(0, len(ordered), size))


def check_period(days: Sequence[date], period: tuple[pd.Timestamp, pd.Timestamp]) -> None:
    """Refuse dates that the data cannot answer."""
    first, last = (moment.date() for moment in period)
    outside = [str(day) for day in days if not first <= day <= last]
    if outside:
        raise DateError(
            f"as-of dates outside the data: {', '.join(outside)}\n"
            f"  allowed: {first} to {last}, the days that the tables cover\n"
            "  hint: after the last day nothing is known yet, and before the first there is nothing to ask"
        )

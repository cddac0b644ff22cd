"""FeatureBuilder: features of the catalogue, asked of a warehouse as of dates."""

from __future__ import annotations

import itertools
from contextlib import contextmanager
from datetime import date, timedelta
from typing import TYPE_CHECKING

import pandas as pd
import pyarrow as pa

from custintel.builder._plan import Plan, make_plan
from custintel.builder._run import run
from custintel.builder._sources import contract_sources, warehouse_sources
from custintel.builder._spine import given_spine_steps, spine_steps
from custintel.builder._when import AsOf, check_period, read_dates
from custintel.catalogue import Catalogue
from custintel.errors import DataError
from custintel.expressions import AS_OF

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from custintel.warehouse import Warehouse

__all__ = ["FeatureBuilder"]

_numbers = itertools.count(1)


class FeatureBuilder:
    """Builds features of the catalogue: a question to the tables as of a date, one row per customer.

    Parameters
    ----------
    families : list of str, optional
        Names of the families wanted; all of them by default.
    features_path : str or path, optional
        A folder of YAML files that add families or replace shipped ones.

    Examples
    --------
    >>> FeatureBuilder(["usage"])
    FeatureBuilder(usage: ... columns)
    """

    def __init__(self, families: Iterable[str] | None = None, features_path: str | Path | None = None) -> None:
        self.families = None if families is None else ([families] if isinstance(families, str) else list(families))
        self.features_path = features_path
        self.catalogue = Catalogue.load(features_path, self.families)

    def build(
        self, wh: Warehouse, as_of: AsOf | Sequence[AsOf] | pd.DatetimeIndex, customers: Iterable[object] | None = None
    ) -> pd.DataFrame:
        """Build the features as of one date or several.

        What happened and had arrived by the end of the day is seen, nothing else. Numbers and booleans come as
        float64, texts as category.

        Parameters
        ----------
        wh : Warehouse
            The operator's tables.
        as_of : date or list of dates
            One date gives an index ``customer_id``, a list gives ``(as_of, customer_id)``.
        customers : iterable, optional
            Exactly the rows wanted, in their order; by default all customers in service at each date.

        Returns
        -------
        pandas.DataFrame
            ``attrs["custintel"]`` says which columns were left out and why.

        Examples
        --------
        >>> import pandas as pd
        >>> from custintel.warehouse import Warehouse
        >>> calls = pd.DataFrame({"customer_id": ["a", "a", "b"], "service": "voice", "direction": "out",
        ...                       "event_time": pd.to_datetime(["2025-06-02", "2025-06-20", "2025-04-05"])})
        >>> wh = Warehouse.from_frames(usage=calls)
        >>> FeatureBuilder(["usage"]).build(wh, "2025-06-20")[["events_7d", "events_30d", "events_90d"]]
                     events_7d  events_30d  events_90d
        customer_id
        a                  1.0         2.0         2.0
        b                  0.0         0.0         1.0
        """
        days = read_dates(as_of)
        check_period(days, wh.period)
        single = isinstance(as_of, str | date)
        sources = warehouse_sources(wh)
        if customers is None:
            plan = make_plan(self.catalogue, sources, sorted(days), spine_steps(sources, sorted(days)))
            return _finished(run(plan, wh.engine), plan, days, None, single, wh)
        wanted = _read_customers(customers)
        _check_known(wanted, wh)
        with _registered(wanted, wh) as relation:
            spine = given_spine_steps(sorted(days), relation)
            plan = make_plan(self.catalogue, sources, sorted(days), spine, only_spine=True)
            return _finished(run(plan, wh.engine), plan, days, wanted, single, wh)

    def plan(self, as_of: AsOf | Sequence[AsOf] | pd.DatetimeIndex, wh: Warehouse | None = None) -> Plan:
        """How the features would be built: buckets, steps, SQL; without a warehouse, for all contract tables.

        Examples
        --------
        >>> FeatureBuilder(["usage"]).plan(["2025-05-31", "2025-06-30"]).dates
        (datetime.date(2025, 5, 31), datetime.date(2025, 6, 30))
        """
        days = sorted(read_dates(as_of))
        sources = contract_sources() if wh is None else warehouse_sources(wh)
        return make_plan(self.catalogue, sources, days, spine_steps(sources, days))

    def sql(
        self,
        as_of: AsOf | Sequence[AsOf] | pd.DatetimeIndex,
        dialect: str = "duckdb",
        wh: Warehouse | None = None,
    ) -> str:
        """One statement that gives the features, to run where the data is.

        Tables must be clean and have the columns ``event_date`` and ``visible_date`` (the later of the days of event
        and arrival). Dialects other than DuckDB's are written by sqlglot.

        Examples
        --------
        >>> text = FeatureBuilder(["usage"]).sql("2025-06-30", dialect="spark")
        >>> "CAST('2025-06-30' AS DATE)" in text
        True
        """
        text = self.plan(as_of, wh).sql()
        if dialect == "duckdb":
            return text
        import sqlglot

        return sqlglot.transpile(text, read="duckdb", write=dialect, pretty=True)[0]

    def describe(self) -> pd.DataFrame:
        """The data dictionary: one row a column.

        Examples
        --------
        >>> FeatureBuilder(["usage"]).describe().columns[:2].tolist()
        ['column', 'family']
        """
        return self.catalogue.describe()

    def __repr__(self) -> str:
        names = ", ".join(family.name for family in self.catalogue.families)
        return f"FeatureBuilder({names}: {len(self.catalogue.entries())} columns)"

    def _repr_html_(self) -> str:
        frame = self.describe()[["column", "family", "about", "unit", "window"]]
        return f"<p>{self!r}</p>{frame.head(20).to_html(index=False)}"


def _read_customers(customers: Iterable[object]) -> list[str]:
    """The customers wanted, as the text that the tables hold."""
    given = [customers] if isinstance(customers, str) else list(customers)
    if not given:
        raise DataError("an empty list of customers\n  hint: leave customers out for all customers in service")
    missing = sum(bool(pd.isna(one)) for one in given)  # type: ignore[call-overload]
    if missing:
        raise DataError(f"{missing} missing values among the customers\n  hint: drop them before building")
    names = pd.Index([str(one) for one in given])
    if names.has_duplicates:
        twice = names[names.duplicated()].unique()
        shown = ", ".join(twice[:5])
        raise DataError(f"{len(twice)} customers given twice: {shown}\n  hint: give each customer once")
    return list(names)


def _check_known(wanted: Sequence[str], wh: Warehouse) -> None:
    if "customers" not in wh.tables:
        return
    known = set(wh.sql(f"select customer_id from {wh.relation('customers')}")["customer_id"])
    unknown = [one for one in wanted if one not in known]
    if unknown:
        raise DataError(
            f"{len(unknown)} of {len(wanted)} customers are not in the table customers: {', '.join(unknown[:5])}\n"
            "  hint: ids are compared as text; leave customers out for all customers in service"
        )


@contextmanager
def _registered(wanted: Sequence[str], wh: Warehouse) -> Iterator[str]:
    name = f"custintel_wanted_{next(_numbers)}"
    wh.engine.register(name, pa.table({"customer_id": pa.array(wanted, pa.string())}))
    try:
        yield name
    finally:
        wh.engine.unregister(name)


def _finished(
    table: pa.Table, plan: Plan, days: Sequence[date], wanted: Sequence[str] | None, single: bool, wh: Warehouse
) -> pd.DataFrame:
    """The frame as promised: index, order, types, and what is to be known about it."""
    if table.num_rows == 0:
        raise DataError(f"no customer in service as of {', '.join(map(str, days))}")
    frame = _typed(table, plan)
    if wanted is not None or list(days) != list(plan.dates):
        frame = _ordered(frame, days, wanted)
    if single:
        frame = frame.droplevel(AS_OF)
    frame.attrs["custintel"] = _facts(plan, days, wh)
    return frame


def _typed(table: pa.Table, plan: Plan) -> pd.DataFrame:
    texts = [e.column for e in plan.entries if e.unit == "category"]
    frame = table.to_pandas(categories=texts, date_as_object=False)
    for column in texts:
        frame[column] = frame[column].cat.set_categories(sorted(frame[column].cat.categories))
    frame[AS_OF] = frame[AS_OF].astype("datetime64[ns]")
    indexed: pd.DataFrame = frame.set_index([AS_OF, "customer_id"])
    return indexed


def _ordered(frame: pd.DataFrame, days: Sequence[date], wanted: Sequence[str] | None) -> pd.DataFrame:
    moments = pd.DatetimeIndex([pd.Timestamp(day) for day in days])
    if wanted is not None:
        return frame.reindex(pd.MultiIndex.from_product([moments, wanted], names=[AS_OF, "customer_id"]))
    return pd.concat([frame.loc[[moment]] for moment in moments])


def _facts(plan: Plan, days: Sequence[date], wh: Warehouse) -> dict[str, object]:
    """Plain values only, so that they survive JSON and every pandas."""
    longest = max((entry.window or 0 for entry in plan.entries), default=0)
    first = wh.period[0].date()
    return {
        "as_of": [str(day) for day in days],
        "families": list(plan.families),
        "skipped": dict(plan.skipped),
        "short_history": [str(day) for day in days if day - timedelta(days=longest) < first - timedelta(days=1)],
    }

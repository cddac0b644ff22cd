"""FeatureBuilder: the features of the catalogue, built from a warehouse as of dates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from custintel.builder._duckdb_executor import execute_on_duckdb
from custintel.builder._function_features import assume_python_results, refuse_python_functions, with_python_results
from custintel.builder._plan import Plan, available, builder_html, make_plan
from custintel.builder._sql_executor import execute_in_sql
from custintel.builder._unavailable_columns import (
    check_any,
    check_requested,
    lost_to_tables,
    missing_by_table,
    warn_of_days,
)
from custintel.builder.aggregation._partial_store import PartialStore
from custintel.builder.feature_frame import column_meanings, concat_batches, finish_frame, has_meanings
from custintel.builder.row_request import check_period, date_batches, read_row_request
from custintel.builder.source_tables import contract_sources, warehouse_sources
from custintel.builder.spine import customer_spine_steps, row_spine_steps, spine_steps
from custintel.catalogue import Catalogue
from custintel.dates import read_dates
from custintel.expressions.translate_dialect import check_dialect, translate

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date
    from pathlib import Path

    import pandas as pd

    from custintel.builder.row_request import RowRequest, Rows
    from custintel.builder.source_tables import Sources
    from custintel.dates import AsOf
    from custintel.warehouse import Warehouse


_SHOWN = 5


class FeatureBuilder:
    """Builds features of the catalogue: a question to the tables as of a date, one row per customer.

    Parameters
    ----------
    topics : list of str, optional
        Topics wanted, such as ``usage`` (the files of ``features/``), or single families of them, such as ``volumes``;
        all of them by default. One of which the tables at hand cannot answer a single column is an error.
    features_path : str or path, optional
        A folder of YAML files that add families to topics or replace shipped ones.
    columns : list of str, optional
        Only these columns, in this order; patterns such as ``events_*`` are allowed. What they need is computed, and
        nothing else. One that the tables at hand cannot answer is an error.
    skip_unavailable : bool
        Leave families that the tables cannot answer out instead, and list them: for models, which name families of
        tables that an operator need not have.

    Examples
    --------
    >>> FeatureBuilder(["usage"])
    FeatureBuilder(volumes, data_use, international, roaming: ... columns)
    >>> FeatureBuilder(["volumes"])
    FeatureBuilder(volumes: ... columns)
    >>> FeatureBuilder(columns=["minutes_trend", "in_calls_*"]).columns
    ['minutes_trend', 'in_calls_30d', 'in_calls_90d']
    """

    def __init__(
        self,
        topics: Iterable[str] | None = None,
        features_path: str | Path | None = None,
        columns: Iterable[str] | None = None,
        skip_unavailable: bool = False,
    ) -> None:
        self.topics = None if topics is None else ([topics] if isinstance(topics, str) else list(topics))
        self.features_path = features_path
        self.skip_unavailable = skip_unavailable
        catalogue = Catalogue.load(features_path, self.topics)
        self.columns = None if columns is None else catalogue.match(columns)
        self.catalogue = catalogue if self.columns is None else catalogue.narrow(self.columns)

    def build(
        self,
        wh: Warehouse,
        as_of: AsOf | Sequence[AsOf] | pd.DatetimeIndex | None = None,
        customers: Iterable[object] | None = None,
        rows: Rows | None = None,
        partials: str | Path | None = None,
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
            Exactly these at each date, in their order; by default all customers in service.
        rows : DataFrame, MultiIndex or sequence, optional
            Customers at dates of their own: ``customer_id`` and ``as_of`` as columns or index levels (without ``as_of``
            all are asked as of the one date given). One row comes out for each, in order and with their index; a row
            sees its own date only, whatever stands in the others. The same pair may come twice.
        partials : path, optional
            A folder in which the sums of each day are kept, so that tomorrow's features read tomorrow's records and the
            sums. The result is the same as without; days that are new or have changed are made again.

        Returns
        -------
        pandas.DataFrame
            ``attrs["custintel"]`` says which columns were left out (``skipped``: each and why; ``left_out``: a line for
            each table that is not there), and what the others mean: `FeatureBuilder.words`.

        Raises
        ------
        DataError
            When something asked for by name cannot be computed from these tables: all of it, with what is not there.

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

        >>> rows = pd.DataFrame({"customer_id": ["b", "a", "b"], "as_of": ["2025-04-05", "2025-06-03", "2025-06-20"]})
        >>> FeatureBuilder(["usage"]).build(wh, rows=rows)["events_7d"].tolist()
        [1.0, 1.0, 0.0]
        """
        row_request = read_row_request(as_of, customers, rows)
        check_period(row_request.days, wh.period)
        self._check_requested(wh)
        results = with_python_results(self.catalogue, warehouse_sources(wh), sorted(row_request.days), wh)
        with row_request.registered(wh) as selection, results as sources:
            plans = [
                self._plan_rows(days, row_request, sources, selection)
                for days in date_batches(row_request.days, self.catalogue.entries())
            ]
            store = None if partials is None else PartialStore(partials, wh.engine)
            embedded = wh.engine.dialect == "duckdb"
            frames = [
                execute_on_duckdb(plan, wh.engine, store) if embedded else execute_in_sql(plan, wh.engine)
                for plan in plans
            ]
        frame = finish_frame(frames[0] if len(frames) == 1 else concat_batches(frames), plans[0], row_request, wh)
        warn_of_days(wh.tables, self.catalogue.entries(), plans[0].skipped)
        return frame if self.columns is None or list(frame.columns) == self.columns else frame[self.columns]

    def _check_requested(self, wh: Warehouse) -> list[str]:
        """The columns that come out: all that can be computed, or those asked for by name; refuse what cannot be."""
        entries, unavailable = available(self.catalogue, assume_python_results(self.catalogue, warehouse_sources(wh)))
        there = {name for entry in entries for name in (entry.topic, entry.family)}
        named = () if self.columns is not None or self.skip_unavailable else self.topics or ()
        topics = [name for name in named if name not in there]
        columns = [column for column in self.columns or () if column in unavailable]
        check_requested(topics, columns, unavailable, wh.tables)
        check_any(entries, unavailable)
        return [entry.column for entry in entries] if self.columns is None else self.columns

    def columns_of(self, wh: Warehouse) -> list[str]:
        """The columns that `build` gives for a warehouse, without building them.

        Examples
        --------
        >>> import pandas as pd
        >>> from custintel.warehouse import Warehouse
        >>> calls = pd.DataFrame({"customer_id": ["a"], "service": "voice", "direction": "out",
        ...                       "event_time": pd.to_datetime(["2025-06-02"])})
        >>> columns = FeatureBuilder(["usage"]).columns_of(Warehouse.from_frames(usage=calls))
        >>> "events_30d" in columns, "minutes_30d" in columns
        (True, False)
        """
        return self._check_requested(wh)

    def left_out_of(self, wh: Warehouse) -> list[str]:
        """What `build` leaves out for a warehouse, a line for each table that is not there.

        Examples
        --------
        >>> import pandas as pd
        >>> from custintel.warehouse import Warehouse
        >>> calls = pd.DataFrame({"customer_id": ["a"], "service": "voice", "direction": "out",
        ...                       "event_time": pd.to_datetime(["2025-06-02"])})
        >>> FeatureBuilder().left_out_of(Warehouse.from_frames(usage=calls))[1]
        'no table bills: ... columns of bill_changes, bills, current_plan (which also needs subscriptions), ...'
        """
        sources = assume_python_results(self.catalogue, warehouse_sources(wh))
        return missing_by_table(lost_to_tables(available(self.catalogue, sources)[1].values()))

    def _plan_rows(self, days: list[date], row_request: RowRequest, sources: Sources, selection: str | None) -> Plan:
        """The plan for some of the dates of a request; ``selection`` is the table of its rows."""
        if selection is None:
            return make_plan(self.catalogue, sources, days, spine_steps(sources, days))
        steps = row_spine_steps if row_request.has_own_dates else customer_spine_steps
        return make_plan(self.catalogue, sources, days, steps(days, selection), only_spine=True)

    def plan(self, as_of: AsOf | Sequence[AsOf] | pd.DatetimeIndex, wh: Warehouse | None = None) -> Plan:
        """How the features would be built: buckets, steps, SQL; without a warehouse, for all contract tables.

        Examples
        --------
        >>> FeatureBuilder(["usage"]).plan(["2025-05-31", "2025-06-30"]).dates
        (datetime.date(2025, 5, 31), datetime.date(2025, 6, 30))
        """
        return self._plan_all(as_of, contract_sources() if wh is None else warehouse_sources(wh))

    def _plan_all(self, as_of: AsOf | Sequence[AsOf] | pd.DatetimeIndex, sources: Sources) -> Plan:
        days = sorted(read_dates(as_of))
        return make_plan(self.catalogue, sources, days, spine_steps(sources, days))

    def sql(
        self,
        as_of: AsOf | Sequence[AsOf] | pd.DatetimeIndex,
        dialect: str = "duckdb",
        wh: Warehouse | None = None,
    ) -> str:
        """One statement that gives the features, to run where the data is.

        Tables must be clean and have the columns ``event_date`` and ``visible_date`` (the later of the days of event
        and arrival), usage also ``weekday`` (Monday is 1), ``hour``, ``is_weekend`` and ``is_night`` (22 to 6). The
        dialects are duckdb, spark, trino, hive, clickhouse, snowflake and postgres; what one of them cannot say is
        refused, as are families of Python functions. With a warehouse only its tables and columns are read; an engine
        other than its own finds the tables under their plain names.

        Examples
        --------
        >>> text = FeatureBuilder(["usage"]).sql("2025-06-30", dialect="spark")
        >>> "CAST('2025-06-30' AS DATE)" in text
        True
        """
        check_dialect(dialect)
        refuse_python_functions(self.catalogue)
        if wh is not None:
            self._check_requested(wh)
        if wh is None or dialect == wh.engine.dialect:
            return translate(self.plan(as_of, wh).sql(), dialect)
        return translate(self._plan_all(as_of, warehouse_sources(wh, plain=True)).sql(), dialect)

    def describe(self, search: str | None = None) -> pd.DataFrame:
        """The data dictionary: one row a column.

        Parameters
        ----------
        search : str, optional
            Only columns with these words in name, family or meaning, in English or Chinese.

        Examples
        --------
        >>> FeatureBuilder(["usage"]).describe().columns[:2].tolist()
        ['column', 'family']
        >>> found = FeatureBuilder().describe("largest bill")
        >>> "bill_max_180d" in found["column"].tolist(), len(found) < 20
        (True, True)
        >>> "bill_credits_180d" in FeatureBuilder().describe("退费")["column"].tolist()
        True
        """
        frame = self.catalogue.describe()
        text = frame[["column", "family", "about", "about_zh"]].agg(" ".join, axis=1).str.lower()
        for word in (search or "").lower().split():
            frame = frame[text[frame.index].str.contains(word, regex=False)]
        return frame.reset_index(drop=True)

    def words(self, X: pd.DataFrame) -> pd.DataFrame:
        """What the columns of a feature frame mean: one row for each column that is there, in its order.

        Frames made by `build` know it themselves, also after selecting, copying, and writing to Parquet and reading
        again. Where pandas drops ``attrs`` (CSV, `concat` of frames of different dates), the catalogue is asked.

        Parameters
        ----------
        X : pandas.DataFrame
            Features.

        Returns
        -------
        pandas.DataFrame
            column, about, about_zh, unit, family, feature, missing, sensitivity, window, slice; a column that nothing
            is known about has its name and missing values.

        Examples
        --------
        >>> import pandas as pd
        >>> words = FeatureBuilder().words(pd.DataFrame({"tenure_days": [90.0]}))
        >>> words.loc[0, ["about", "unit", "family"]].tolist()
        ['Days since the customer joined', 'd', 'customer_profile']
        """
        return column_meanings(X, None if has_meanings(X) else self.catalogue)

    def __repr__(self) -> str:
        names = [family.name for family in self.catalogue.families]
        more = f" and {len(names) - _SHOWN} more families" if len(names) > _SHOWN + 1 else ""
        shown = ", ".join(names[:_SHOWN] if more else names) + more
        return f"FeatureBuilder({shown}: {len(self.catalogue.entries())} columns)"

    def _repr_html_(self) -> str:
        sizes = f"{len(self.catalogue.entries())} columns in {len(self.catalogue.families)} families"
        return builder_html(self.catalogue, f"FeatureBuilder: {sizes}")

"""The warehouse: named tables on an engine, checked. This is the unified customer view.

>>> import pandas as pd
>>> calls = pd.DataFrame(
...     {"user": ["a", "b", "b"], "start": ["2025-01-06 23:10", "2025-01-07 09:00", "2025-01-07 09:00"],
...      "seconds": [60, 30, 30]}
... )
>>> rename = {"usage": {"customer_id": "user", "event_time": "start", "duration_s": "seconds", "key": "all",
...                     "service": {"value": "voice"}, "direction": {"value": "out"}}}
>>> wh = Warehouse.from_frames(usage=calls, rename=rename)
>>> wh.sql("select customer_id, weekday, is_night, duration_s from usage order by 1")
  customer_id  weekday  is_night  duration_s
0           a        1      True        60.0
1           b        2     False        30.0
>>> wh.report.frame().loc["usage"].to_dict()
{'rows_in': 3, 'kept': 2, 'set_aside': 0, 'duplicates': 1}
"""

from __future__ import annotations

import hashlib
import json
import os
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, cast

import duckdb
import pandas as pd

from custintel.contracts.column_mapping import parse_mapping
from custintel.contracts.decide_date_formats import decide_date_formats
from custintel.contracts.own_contracts import CONTRACTS_FILE, contracts_text, read_contracts
from custintel.contracts.pseudonyms import Pseudonyms
from custintel.contracts.quality_report import QualityReport
from custintel.contracts.raw_tables import (
    database_sources,
    drop_copied_views,
    folder_sources,
    frame_sources,
    spark_sources,
)
from custintel.contracts.replace_identifiers import replace_identifiers
from custintel.contracts.required_columns import check_readable, check_rows, check_structure
from custintel.contracts.row_rules import DERIVED, Source
from custintel.contracts.set_aside_rows import check_table, count_missing, count_unresolved
from custintel.contracts.table_contracts import TABLES
from custintel.contracts.time_checks import count_after_end, count_swapped, name_likely_units
from custintel.dates import read_day
from custintel.engines.duckdb_engine import DuckDBEngine
from custintel.engines.engine import Engine, quoted
from custintel.engines.spark_engine import SparkEngine, is_spark_session
from custintel.errors import ConfigurationError, ContractError, DataError, QualityWarning, without_values
from custintel.files.atomic_write import atomic_folder, read_consistently
from custintel.files.yaml_reader import read_plain_yaml, read_yaml_text
from custintel.html.notebook_html import muted_line, panel, table

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from pyspark.sql import SparkSession

    from custintel.contracts.own_contracts import Contracts
    from custintel.contracts.quality_report import TableReport
    from custintel.contracts.table_contracts import TableContract
    from custintel.engines.to_arrow import Frame

__all__ = ["Warehouse"]


_MANIFEST = "warehouse.json"
_DATABASES = (".duckdb", ".db", ".ddb")
# how long after the simulated months a late record may still arrive
_LATE_DAYS = 62
_NO_THREADS = (
    "the number of threads is a setting of the connection or session that was given\n  given: threads={threads}\n"
    "  hint: connection.execute('set threads = 1') before opening it"
)


class Warehouse:
    """Checked tables of one operator.

    Made by `Warehouse.open`, `Warehouse.from_frames` or `Warehouse.simulate`. Rows that break their contract are set
    aside with reason and original values, exact duplicates are dropped, and both are counted in `report`.

    Attributes
    ----------
    engine : Engine
        Where the tables are: DuckDB or Spark.
    tables : tuple of str
        The contract tables that are present.
    report : QualityReport
        Where the rows went: rows_in == kept + set_aside + duplicates (+ left_out by the mapping).
    contracts : Mapping of str to TableContract
        The contracts that the warehouse knows: those shipped and those it was opened with.
    truth : Mapping of str to pandas.DataFrame
        What a simulated operator really was; empty for real operators. Features cannot read it.
    pseudonymised : str or None
        Mark of the key whose pseudonyms stand in the place of identifiers; None when these are the operator's own.

    Examples
    --------
    >>> bills = pd.DataFrame({"bill_id": ["1", "2"], "customer_id": ["a", "b"], "amount": [20.0, 30.0],
    ...                       "event_time": pd.to_datetime(["2025-01-31", "2025-01-31"])})
    >>> wh = Warehouse.from_frames(bills=bills)
    >>> wh.sql("select sum(amount) as revenue from bills")
       revenue
    0     50.0
    >>> int(wh.report.frame().loc["bills", "kept"])
    2
    """

    def __init__(
        self,
        engine: Engine,
        sources: Mapping[str, Sequence[Source]],
        latest: datetime | None = None,
        truth: Mapping[str, pd.DataFrame] | None = None,
        where: str = "from_frames",
        contracts: Mapping[str, TableContract] = TABLES,
    ) -> None:
        check_structure(sources, where, contracts)
        try:
            sources = decide_date_formats(engine, sources, contracts)
        except engine.Error as error:  # the head of a file was whole, its rows are not
            raise ContractError(f"{where}: a table cannot be read\n  given: {without_values(error)}") from None
        self.engine = engine
        self.truth: Mapping[str, pd.DataFrame] = {} if truth is None else truth
        self.tables = tuple(name for name in contracts if name in sources)
        self.contracts = MappingProxyType(dict(contracts))
        self._latest = latest or datetime.now()
        self._digest: str | None = None
        self._columns: dict[str, dict[str, str]] = {}
        self._mapped = {name: {c for s in parts for c in s.mapping.columns} for name, parts in sources.items()}
        self.pseudonymised: str | None = None
        reports = [
            check_table(engine, contracts[name], sources[name], self._latest, self.tables) for name in self.tables
        ]
        reports = [self._counted(name_likely_units(engine, r, sources[r.table], self._latest)) for r in reports]
        self.report = QualityReport(reports)
        self._check_report()

    def _counted(self, report: TableReport) -> TableReport:
        """A report with what the rows kept lack, or say of other tables."""
        engine, tables, contracts = self.engine, self.tables, self.contracts
        report = count_unresolved(engine, report, tables, contracts)
        report = count_after_end(engine, report, tables, contracts)
        return count_swapped(engine, count_missing(engine, report, contracts), contracts)

    @classmethod
    def from_frames(
        cls,
        rename: Mapping[str, Any] | None = None,
        latest: str | date | None = None,
        pseudonymise: bool = False,
        contracts: Contracts | None = None,
        **tables: Frame | Sequence[Frame],
    ) -> Warehouse:
        """Check pandas, Polars or Arrow frames.

        Parameters
        ----------
        rename : mapping, optional
            Where the columns of foreign tables come from (docs/tables.md, "Column mapping").
        latest : date or str, optional
            Last day that can be in the data; today when not given. Later events are set aside.
        pseudonymise : bool, default=False
            Replace identifiers by pseudonyms once the tables are checked (docs/privacy.md); the key is in the
            environment variable CUSTINTEL_PSEUDONYM_KEY.
        contracts : path or mapping, optional
            The contracts of tables of your own: a YAML file, a folder of such files, or a mapping of the same form
            (docs/tables.md, "Your own table").
        **tables : frame or sequence of frames
            The tables by name. A table may be a list of frames; then `rename` may hold a list of mappings.

        Returns
        -------
        Warehouse
            The checked tables.

        Examples
        --------
        >>> plans = pd.DataFrame({"plan_id": ["s", "m"], "monthly_fee": ["9.90", "-"]})
        >>> Warehouse.from_frames(plans=plans).frame("plans")
          plan_id  monthly_fee
        0       s          9.9
        1       m          NaN
        """
        key = Pseudonyms.from_environment() if pseudonymise else None
        engine, known = DuckDBEngine(), {**TABLES, **read_contracts(contracts)}
        sources = frame_sources(engine, tables, parse_mapping(rename, known), known)
        wh = cls(engine, sources, _day_end(latest), contracts=known)
        for parts in sources.values():
            for source in parts:
                engine.unregister(source.relation.strip('"'))
        return wh._with_pseudonyms(key)

    @classmethod
    def open(
        cls,
        path: str | os.PathLike[str] | duckdb.DuckDBPyConnection | SparkSession,
        rename: Mapping[str, Any] | None = None,
        latest: str | date | None = None,
        threads: int | None = None,
        pseudonymise: bool = False,
        contracts: Contracts | None = None,
    ) -> Warehouse:
        """Check the tables of a folder, a DuckDB file, a DuckDB connection or a Spark session.

        Parameters
        ----------
        path : path, DuckDB connection or Spark session
            A folder of Parquet or CSV files (a file or a subfolder for each table), a DuckDB file, a connection, or a
            session with its catalog tables and temporary views; nothing is written to any of them.
        rename : mapping, optional
            Where the columns of foreign tables come from; `mapping.yaml` in the folder is read when it is not given.
        latest : date or str, optional
            Last day that can be in the data; today when not given. Later events are set aside.
        threads : int, optional
            Threads that DuckDB may use; all cores when not given. With several, sums of fractions are added up in an
            order that changes from run to run, so features may differ in their last digits (by less than 1e-9 of their
            value). With one, the same tables give the same bytes.
        pseudonymise : bool, default=False
            Replace identifiers by pseudonyms once the tables are checked (docs/privacy.md); the key is in the
            environment variable CUSTINTEL_PSEUDONYM_KEY.
        contracts : path or mapping, optional
            The contracts of tables of your own: a YAML file, a folder of such files, or a mapping of the same form
            (docs/tables.md, "Your own table"); `contracts.yaml` in the folder is read when it is not given.

        Returns
        -------
        Warehouse
            The checked tables.

        Raises
        ------
        ConfigurationError
            A contract or the mapping has mistakes; `threads` is given for a connection or a session, which have
            settings of their own.

        Examples
        --------
        >>> connection = duckdb.connect()
        >>> _ = connection.execute("create table plans as select 's' as plan_id")
        >>> Warehouse.open(connection).tables
        ('plans',)
        """
        if threads is not None and (isinstance(path, duckdb.DuckDBPyConnection) or is_spark_session(path)):
            raise ConfigurationError(_NO_THREADS.format(threads=threads))
        key = Pseudonyms.from_environment() if pseudonymise else None
        own = read_contracts(_contracts_file(path) if contracts is None else contracts)
        return cls._opened(path, (rename, {**TABLES, **own}), _day_end(latest), threads)._with_pseudonyms(key)

    @classmethod
    def _opened(
        cls,
        path: str | os.PathLike[str] | duckdb.DuckDBPyConnection | SparkSession,
        given: tuple[Mapping[str, Any] | None, Mapping[str, TableContract]],
        latest: datetime | None,
        threads: int | None,
    ) -> Warehouse:
        """The tables of any path, checked; `given` are the mapping and the contracts."""
        rename, contracts = given
        if isinstance(path, duckdb.DuckDBPyConnection):
            engine = DuckDBEngine.from_connection(path)
            catalog = str(path.execute("select current_catalog()").fetchall()[0][0])
            borrowed = engine.import_temporary_tables(path)
            mappings = parse_mapping(rename, contracts)
            sources = database_sources(engine, catalog, mappings, borrowed, contracts=contracts)
            return cls(engine, sources, latest, where="connection", contracts=contracts)
        if is_spark_session(path):
            spark = SparkEngine(cast("SparkSession", path))
            sources = spark_sources(spark, parse_mapping(rename, contracts), contracts)
            return cls(spark, sources, latest, where="session", contracts=contracts)
        file = Path(cast("str", path))
        if file.is_dir():
            return read_consistently(file, lambda: cls._open_folder(file, given, latest, threads))
        if file.is_file() and file.suffix.lower() in _DATABASES:
            engine = DuckDBEngine(threads=threads)
            engine.attach(file, "source")
            mappings = parse_mapping(rename, contracts)
            sources = database_sources(engine, "source", mappings, file=file, contracts=contracts)
            wh = cls(engine, sources, latest, where=str(file), contracts=contracts)
            drop_copied_views(engine, sources)
            return wh
        raise ContractError(_what_open_reads(file))

    @classmethod
    def _open_folder(
        cls,
        folder: Path,
        given: tuple[Mapping[str, Any] | None, Mapping[str, TableContract]],
        latest: datetime | None,
        threads: int | None,
    ) -> Warehouse:
        """Open a folder; one that `save` wrote keeps its report, its rows set aside and its truth."""
        engine, (rename, contracts) = DuckDBEngine(threads=threads), given
        saved = _read_manifest(folder)
        mappings = parse_mapping(_read_mapping(folder) if rename is None else rename, contracts)
        sources = folder_sources(engine, folder, mappings, contracts)
        if saved:
            days = _saved_days(saved["report"], contracts)
            sources = {name: _as_saved(parts, days) for name, parts in sources.items()}
        latest = latest or (datetime.fromisoformat(saved["latest"]) if saved else None)
        wh = cls(engine, sources, latest, _truth_files(folder), str(folder), contracts)
        if saved:
            wh._restore_report(engine, folder, saved)
        return wh

    @classmethod
    def simulate(
        cls, customers: int = 5_000, months: int = 12, seed: int = 7, config: Any = None, policy: Any = None
    ) -> Warehouse:
        """Simulate an operator whose truth is known, dirt and late records included.

        Parameters
        ----------
        customers : int, default=5_000
            Number of lines at the start.
        months : int, default=12
            Calendar months of data.
        seed : int, default=7
            The same seed makes the same operator.
        config : custintel.simulate.SimulationConfig, optional
            Everything else that can be set.
        policy : callable, optional
            Chooses the contacts of every campaign (docs/simulator.md, "A policy chooses"): a function of a day, whose
            `wh` is the warehouse as of the end of the month before, that returns customer_id, offer and propensity.

        Returns
        -------
        Warehouse
            The checked tables; `truth` is filled.

        Examples
        --------
        >>> wh = Warehouse.simulate(customers=5_000, months=12, seed=7)  # doctest: +SKIP
        """
        from custintel.simulate import simulate

        chooses = None if policy is None else _PolicyOfWarehouse(policy)
        operator = simulate(customers=customers, months=months, seed=seed, config=config, policy=chooses)
        start = pd.Timestamp(getattr(config, "start", None) or "2025-01-01")
        latest = start + pd.DateOffset(months=months) + timedelta(days=_LATE_DAYS)
        return cls._of_simulation(operator.tables, latest.to_pydatetime(), dict(operator.truth))

    @classmethod
    def _of_simulation(
        cls, tables: Mapping[str, Any], latest: datetime, truth: Mapping[str, pd.DataFrame] | None = None
    ) -> Warehouse:
        """The tables of a simulated operator, checked."""
        engine = DuckDBEngine()
        # the simulated records have no numbers of their own: equal ones came twice
        sources = frame_sources(engine, tables, parse_mapping({"usage": {"key": "all"}}))
        wh = cls(engine, sources, latest, truth, where="simulate")
        for parts in sources.values():
            engine.unregister(parts[0].relation.strip('"'))
        return wh

    def _with_pseudonyms(self, key: Pseudonyms | None) -> Warehouse:
        """Replace the identifiers in all tables, once."""
        if key is None:
            return self
        if self.pseudonymised is not None:
            raise ConfigurationError(
                "the identifiers of this warehouse are pseudonyms already\n  hint: open it without pseudonymise"
            )
        contracts = {name: self.contracts[name] for name in self.tables}
        left_out = replace_identifiers(self.engine, contracts, key, self._mapped)
        self.truth, self.pseudonymised, self._columns = {}, key.fingerprint, {}
        if left_out:
            said = "; ".join(f"{name}: {', '.join(columns[:20])}" for name, columns in left_out.items())
            hint = "columns beyond the contracts may name somebody; a mapping that names one keeps it as it is"
            warnings.warn(f"left out with pseudonyms: {said}\n  hint: {hint}", QualityWarning, stacklevel=3)
        return self

    def _check_report(self) -> None:
        """Refuse what cannot be used; warn when much was set aside."""
        check_rows(self.report)
        check_readable(self.report)
        for r in self.report:
            if r.set_aside >= 20 and r.set_aside > 0.1 * r.rows_in:
                reasons = ", ".join(f"{broken} ({broken.rows})" for broken in r.broken_rules)
                text = f"{r.table}: {r.set_aside} of {r.rows_in} rows were set aside: {reasons}"
                units = "".join(f"; the numbers of {column} look like {said}" for column, said in r.units.items())
                warnings.warn(f"{text}\n  hint: see wh.set_aside({r.table!r}){units}", QualityWarning, stacklevel=4)
            if r.equal >= 20 and r.equal > 0.01 * r.kept:
                text = f"{r.table}: {r.equal} of {r.kept} rows equal another in every column; they are kept"
                key = f'rename={{"{r.table}": {{"key": "all"}}}}'
                hint = f"if equal rows are one record: {key}, or the column of its number"
                warnings.warn(f"{text}\n  hint: {hint}", QualityWarning, stacklevel=4)
            if r.swapped >= 20 and r.swapped > 0.01 * r.kept:
                text = f"{r.table}: day and month seem exchanged in {r.swapped} of {r.kept} rows"
                hint = 'read the original spelling with a format: {"column": ..., "format": "%d/%m/%Y"}'
                warnings.warn(f"{text}\n  hint: {hint}", QualityWarning, stacklevel=4)
            if r.offsets:
                columns = ", ".join(f"{column} ({rows:,})" for column, rows in r.offsets.items())
                text = f"{r.table}: times with an offset were moved to UTC, since no zone is named: {columns}"
                zone = '{"column": ..., "zone": "Europe/Berlin"}'
                hint = f'name the operator\'s zone: rename={{"{r.table}": {{"{next(iter(r.offsets))}": {zone}}}}}'
                warnings.warn(f'{text}\n  hint: {hint}; "UTC" leaves them so', QualityWarning, stacklevel=4)

    def relation(self, name: str) -> str:
        """Return the SQL name of a clean table, for use in FROM.

        Examples
        --------
        >>> wh = Warehouse.from_frames(plans=pd.DataFrame({"plan_id": ["s"]}))
        >>> wh.engine.rows(f"select count(*) from {wh.relation('plans')}")
        [(1,)]
        """
        if name not in self.tables:
            raise DataError(f"no table {name!r} in this warehouse\n  allowed: {', '.join(self.tables)}")
        return self.engine.relation(name)

    def columns(self, name: str) -> dict[str, str]:
        """Return column names and SQL types of a clean table.

        Examples
        --------
        >>> Warehouse.from_frames(plans=pd.DataFrame({"plan_id": ["s"]})).columns("plans")
        {'plan_id': 'VARCHAR'}
        """
        if name not in self._columns:
            self._columns[name] = self.engine.columns(self.relation(name))
        return dict(self._columns[name])

    def frame(self, name: str) -> pd.DataFrame:
        """Return a clean table as pandas.

        Examples
        --------
        >>> len(Warehouse.from_frames(plans=pd.DataFrame({"plan_id": ["s"]})).frame("plans"))
        1
        """
        return self.engine.sql(f"select * from {self.relation(name)}")

    def sql(self, query: str) -> pd.DataFrame:
        """Run a query in the engine's own dialect; the clean tables go by their names.

        Examples
        --------
        >>> Warehouse.from_frames(plans=pd.DataFrame({"plan_id": ["s"]})).sql("select plan_id from plans")
          plan_id
        0       s
        """
        return self.engine.native(query)

    def set_aside(self, name: str) -> pd.DataFrame:
        """Return the rows of a table that broke its contract: original values as text, reason and place.

        Examples
        --------
        >>> plans = pd.DataFrame({"plan_id": ["s", "m"], "monthly_fee": ["9.90", "cheap"]})
        >>> Warehouse.from_frames(plans=plans).set_aside("plans")
          plan_id monthly_fee      reason broken_column source  source_row
        0       m       cheap  unreadable   monthly_fee  plans           2
        """
        self.relation(name)
        return self.engine.sql(f"select * from {self.engine.relation(name, 'set_aside')}")

    @property
    def dated_tables(self) -> list[str]:
        """The tables whose rows happened at a time."""
        return [name for name in self.tables if self.contracts[name].event_time is not None]

    @cached_property
    def period(self) -> tuple[pd.Timestamp, pd.Timestamp]:
        """First and last day on which something happened.

        Tables of events count (usage, bills, payments, ...); only without any do plan changes and activations.

        Examples
        --------
        >>> bills = pd.DataFrame(
        ...     {"bill_id": ["1", "2"], "customer_id": ["a", "a"], "amount": [9.9, 9.9],
        ...      "event_time": ["2025-01-31", "2025-02-28"]}
        ... )
        >>> Warehouse.from_frames(bills=bills).period
        (Timestamp('2025-01-31 00:00:00'), Timestamp('2025-02-28 00:00:00'))
        """
        dated = self.dated_tables
        events = [name for name in dated if self.contracts[name].event_time == "event_time"] or dated
        if not events:
            raise DataError(f"no table with times in this warehouse\n  given: {', '.join(self.tables)}")
        days = " union all ".join(
            f"select min(event_date) a, max(event_date) b from {self.relation(n)}" for n in events
        )
        first, last = self.engine.rows(f"select min(a), max(b) from ({days})")[0]
        return pd.Timestamp(str(first)), pd.Timestamp(str(last))

    def digest(self) -> str:
        """Return a short hash of the content: the same rows give the same digest, in whatever order they came.

        The hash function is the engine's: DuckDB and Spark, or another release of them, may give another digest.

        Examples
        --------
        >>> one = Warehouse.from_frames(plans=pd.DataFrame({"plan_id": ["s", "m"]}))
        >>> two = Warehouse.from_frames(plans=pd.DataFrame({"plan_id": ["m", "s"]}))
        >>> one.digest() == two.digest(), len(one.digest())
        (True, 16)
        """
        if self._digest is None:
            parts = [self._table_digest(name) for name in self.tables]
            self._digest = hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
        return self._digest

    def _table_digest(self, name: str) -> str:
        """Columns, number of rows and sum of the row hashes of one table."""
        columns = sorted(c for c in self.columns(name) if c not in DERIVED)
        listed = ", ".join(quoted(c) for c in columns)
        query = f"select count(*), sum(hash({listed})::hugeint)::varchar from {self.relation(name)}"
        return f"{name}({listed}): {self.engine.rows(query)[0]}"

    def save(self, out: str | os.PathLike[str]) -> Path:
        """Write everything as Parquet: the tables, the rows set aside, the report, the truth.

        The folder is written under a temporary name and then moved into place; an earlier saved warehouse is replaced.

        Parameters
        ----------
        out : path
            Where to; must be new, empty, or a saved warehouse.

        Returns
        -------
        pathlib.Path
            The folder.

        Examples
        --------
        >>> import tempfile
        >>> wh = Warehouse.from_frames(plans=pd.DataFrame({"plan_id": ["s"]}))
        >>> with tempfile.TemporaryDirectory() as place:
        ...     Warehouse.open(wh.save(f"{place}/operator")).digest() == wh.digest()
        True
        """
        target = Path(out)
        if target.exists() and not (target.is_dir() and (_read_manifest(target) or not any(target.iterdir()))):
            raise ConfigurationError(f"{target} holds something else than a saved warehouse\n  hint: give a new folder")
        with atomic_folder(target) as fresh:
            self._write(fresh)
        return target

    def _write(self, folder: Path) -> None:
        """Write all files into an empty folder."""
        for inside in ("truth", "set_aside"):
            (folder / inside).mkdir(parents=True)
        for name in self.tables:
            derived = [quoted(c) for c in self.columns(name) if c in DERIVED]
            columns = f"* exclude ({', '.join(derived)})" if derived else "*"
            self.engine.write_parquet(f"select {columns} from {self.relation(name)}", folder / f"{name}.parquet")
            aside = self.engine.relation(name, "set_aside")
            self.engine.write_parquet(f"select * from {aside}", folder / "set_aside" / f"{name}.parquet")
        for name, frame in self.truth.items():
            frame.to_parquet(folder / "truth" / f"{name}.parquet")
        mark = {"custintel_warehouse": 1, "latest": self._latest.isoformat(), "report": self.report.to_json()}
        mark |= {} if self.pseudonymised is None else {"pseudonymised": self.pseudonymised}
        (folder / _MANIFEST).write_text(json.dumps(mark, indent=1), encoding="utf-8")
        own = {name: contract for name, contract in self.contracts.items() if name not in TABLES}
        if own:
            (folder / CONTRACTS_FILE).write_text(contracts_text(own), encoding="utf-8")

    def _restore_report(self, engine: DuckDBEngine, folder: Path, saved: Mapping[str, Any]) -> None:
        """Take up the report and the rows set aside of the saved warehouse, for tables that nobody changed since."""
        before = QualityReport.from_json(saved["report"])
        self.pseudonymised = saved.get("pseudonymised")
        reports = []
        for now in self.report:
            same = now.table in before.tables and now.rows_in == now.kept == before[now.table].kept
            reports.append(before[now.table] if same else now)
            aside = folder / "set_aside" / f"{now.table}.parquet"
            if same and aside.is_file():
                engine.create_table(now.table, f"select * from {engine.read_files([aside])}", "set_aside")
        self.report = QualityReport(reports)

    def __copy__(self) -> Warehouse:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Warehouse:
        """A warehouse is a handle on tables that nothing changes: copies of an estimator share it.

        scikit-learn's ``clone`` copies parameters deeply, once a fold; a copy of all tables there would be useless, and
        a database connection cannot be copied at all.
        """
        del memo
        return self

    def __reduce__(self) -> str:
        raise TypeError(
            "a Warehouse cannot be pickled or sent to another process: it is a handle on an open database\n"
            "  hint: leave n_jobs at None; or save() it to a folder, and open() that in the other process"
        )

    def __repr__(self) -> str:
        rows = ", ".join(f"{r.table} {r.kept:,}" for r in self.report)
        aside = ", ".join(f"{r.table} {r.set_aside:,}" for r in self.report if r.set_aside)
        lines = [f"Warehouse of {self._span()}", f"  rows: {rows}"]
        return "\n".join(lines + ([f"  set aside: {aside}"] if aside else []))

    def _repr_html_(self) -> str:
        rows = [(r.table, r.kept, r.set_aside, r.duplicates, self.contracts[r.table].about) for r in self.report]
        aside = next((r.table for r in self.report if r.set_aside), None)
        hints = [] if aside is None else [f"wh.set_aside({aside!r}) shows rows that broke the contract, wh.report why"]
        if self.dated_tables:
            hints.append(f'features: FeatureBuilder().build(wh, as_of="{self.period[1]:%Y-%m-%d}")')
        return panel(
            f"Warehouse of {self._span()}",
            table(["table", "rows", "set aside", "duplicates", "what a row is"], rows),
            *map(muted_line, hints),
        )

    def _span(self) -> str:
        """The period in words."""
        if not self.dated_tables:
            return f"{len(self.tables)} tables without times"
        first, last = self.period
        return f"{first:%Y-%m-%d} to {last:%Y-%m-%d}"


class _PolicyOfWarehouse:
    """A policy of campaigns that is shown the tables of its day as a warehouse."""

    def __init__(self, policy: Any) -> None:
        self._policy = policy

    @property
    def version(self) -> str:
        """What is logged as the policy."""
        policy = self._policy
        return str(getattr(policy, "version", None) or getattr(policy, "__name__", type(policy).__name__))

    def __call__(self, day: Any) -> Any:
        return self._policy(replace(day, opened=Warehouse._of_simulation))


class _TruthFiles(Mapping[str, pd.DataFrame]):
    """Truth tables of a saved warehouse, read when asked for."""

    def __init__(self, files: Mapping[str, Path]) -> None:
        self._files = files

    def __getitem__(self, name: str) -> pd.DataFrame:
        return pd.read_parquet(self._files[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)


def _truth_files(folder: Path) -> Mapping[str, pd.DataFrame]:
    """The truth beside the tables, if there is any."""
    return _TruthFiles({p.stem: p for p in sorted((folder / "truth").glob("*.parquet"))})


def _saved_days(report: Sequence[Mapping[str, Any]], contracts: Mapping[str, TableContract]) -> set[str]:
    """The tables of a saved report whose events were days."""
    known = [r for r in report if r["table"] in contracts]
    return {r["table"] for r in known if contracts[r["table"]].event_time in r.get("days_only", ())}


def _as_saved(parts: Sequence[Source], days: Collection[str]) -> list[Source]:
    """The parts of a saved table; one of days stays one, even if some of its rows had a time of day."""
    return [
        replace(part, mapping=replace(part.mapping, resolution="day")) if part.label.split(".")[0] in days else part
        for part in parts
    ]


def _day_end(latest: str | date | None) -> datetime | None:
    """The end of the day given."""
    if latest is None:
        return None
    return (pd.Timestamp(read_day(latest, "latest")) + pd.Timedelta(days=1)).to_pydatetime()


def _read_manifest(folder: Path) -> dict[str, Any] | None:
    """What `save` wrote about the folder, or None."""
    mark = folder / _MANIFEST
    if not mark.is_file():
        return None
    content: dict[str, Any] = json.loads(mark.read_text(encoding="utf-8"))
    return content if content.get("custintel_warehouse") == 1 else None


def _contracts_file(path: object) -> Path | None:
    """The contracts.yaml of a folder that is opened, or None."""
    if not isinstance(path, str | os.PathLike):
        return None
    file = Path(path) / CONTRACTS_FILE
    return file if os.path.isfile(file) else None  # unlike Path.is_file, no error when a name is too long


def _read_mapping(folder: Path) -> Mapping[str, Any] | None:
    """The mapping.yaml of the folder, or None."""
    path = folder / "mapping.yaml"
    if not path.is_file():
        return None
    content = read_plain_yaml(read_yaml_text(path), str(path))
    if content is not None and not isinstance(content, dict):
        raise ConfigurationError(f"{path}: must map tables to columns\n  given: {content}")
    return content


def _what_open_reads(path: Path) -> str:
    """Say what `open` can read."""
    wrong = f"{path}: {'no warehouse' if path.exists() else 'no such file or folder'}"
    files = f"a folder of Parquet or CSV files, a DuckDB file ({', '.join(_DATABASES)})"
    allowed = f"{files}, a DuckDB connection, a Spark session"
    hint = f"\n  hint: give its folder, {str(path.parent)!r}" if path.is_file() else ""
    return f"{wrong}\n  allowed: {allowed}{hint}"

"""The checks of one table, in SQL: one pass that reads and judges, then joins for keys and references.

The raw rows are read in order into the clean table together with the number of the first rule they break. The row
identifiers of that table are therefore the positions of the rows in the source, which is how rows set aside are fetched
again with their original values.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from custintel.contracts._set_aside_rows_spark import check_table_spark
from custintel.contracts.quality_report import BrokenRule, TableReport
from custintel.contracts.row_rules import DERIVED, DUPLICATE, LEFT_OUT, Rules, Source, free_name
from custintel.contracts.table_contracts import TABLES, TableContract
from custintel.contracts.time_checks import NEEDS_HOUR, days_only
from custintel.engines.duckdb_engine import DuckDBEngine
from custintel.engines.engine import Engine, literal, quoted
from custintel.errors import ContractError, without_values

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime


# share of rows that may be compared in full before a better hash is worth its time
_MANY = 0.05


def check_table(
    engine: Engine, contract: TableContract, sources: Sequence[Source], latest: datetime, present: Sequence[str]
) -> TableReport:
    """Make the clean table and the set-aside table of one contract.

    Parameters
    ----------
    engine : Engine
        Where the tables are made: the clean one under the contract's name, rows set aside in the schema `set_aside`.
    contract : TableContract
        What the table must look like.
    sources : sequence of Source
        The parts of the raw table, in order.
    latest : datetime
        Nothing can have happened later than this (plus `ahead_days`).
    present : sequence of str
        The tables that are (or will be) in the warehouse, for the references.

    Returns
    -------
    TableReport
        Counts; rows_in == kept + set_aside + duplicates + left_out.

    Examples
    --------
    >>> from datetime import datetime
    >>> import pandas as pd
    >>> from custintel.contracts.column_mapping import TableMapping
    >>> engine = DuckDBEngine()
    >>> engine.register("raw", pd.DataFrame({"plan_id": ["s", "s", "m"], "monthly_fee": ["9.5", "9.5", "-1"]}))
    >>> source = Source("raw", engine.columns("raw"), TableMapping(), "raw")
    >>> report = check_table(engine, TABLES["plans"], [source], datetime(2026, 1, 1), [])
    >>> report.kept, report.duplicates, report.broken_rules
    (1, 1, (BrokenRule(reason='below minimum', column='monthly_fee', rows=1),))
    """
    rules = Rules(contract, sources, latest)
    if isinstance(engine, DuckDBEngine):
        return _Check(engine, rules, present).run()
    return check_table_spark(engine, rules, present)


def count_unresolved(
    engine: Engine,
    report: TableReport,
    present: Sequence[str],
    contracts: Mapping[str, TableContract] = TABLES,
) -> TableReport:
    """Count the rows that name an account, plan, bill, offer or cell which its table does not have; they are kept.

    Examples
    --------
    >>> engine = DuckDBEngine()
    >>> engine.execute("create table subscriptions as select 's' as plan_id")
    >>> engine.execute("create table plans as select 'm' as plan_id")
    >>> count_unresolved(engine, TableReport("subscriptions", 1, 1, 0), ["plans"]).unresolved
    {'plan_id': 1}
    """
    own = engine.columns(quoted(report.table))
    counts = {}
    for c in contracts[report.table].columns.values():
        if c.references in present and c.references != "customers" and c.name in own and c.references is not None:
            key = contracts[c.references].key[0]
            known = f"(select {quoted(key)} as known from {quoted(c.references)})"
            lost = f"from {quoted(report.table)} anti join {known} on {quoted(c.name)} = known"
            rows = engine.rows(f"select count(*) {lost} where {quoted(c.name)} is not null")
            counts[c.name] = int(str(rows[0][0]))
    return replace(report, unresolved={column: rows for column, rows in counts.items() if rows})


def count_missing(engine: Engine, report: TableReport, contracts: Mapping[str, TableContract] = TABLES) -> TableReport:
    """Count the rows without a value that they ought to have (a call without duration or cell); they are kept.

    Examples
    --------
    >>> engine = DuckDBEngine()
    >>> engine.execute("create table usage as select 'voice' as service, null::double as duration_s")
    >>> count_missing(engine, TableReport("usage", 1, 1, 0)).missing
    {'duration_s': 1}
    """
    own = engine.columns(quoted(report.table))
    columns = contracts[report.table].columns.values()
    needed = {c.name: c.needed_when for c in columns if c.needed_when and c.name in own}
    if not needed:
        return report
    counts = ", ".join(f"count(*) filter (where {quoted(c)} is null and ({when}))" for c, when in needed.items())
    found = engine.rows(f"select {counts} from {quoted(report.table)}")[0]
    return replace(report, missing={c: int(str(n)) for c, n in zip(needed, found, strict=True) if n})


class _Check:
    """One table on its way from raw to clean."""

    def __init__(self, engine: DuckDBEngine, rules: Rules, present: Sequence[str]) -> None:
        self.engine, self.rules, self.present = engine, rules, present
        self.contract, self.sources = rules.contract, rules.sources
        self.clean = quoted(self.contract.name)
        self.broken = quoted(f"_broken_{self.contract.name}")

    def run(self) -> TableReport:
        """Read and judge, find duplicates, check keys and references, set aside, count."""
        self._read()
        self._find_unknown()
        self._find_self()
        equal = self._find_duplicates()
        self._find_repeated_keys()
        counts, rows_in = self._count(), self._rows(self.clean)
        self._set_aside()
        days = self._drop_broken()
        return replace(
            self._report(counts, rows_in),
            equal=equal,
            days_only=tuple(days),
            times_of_day={name: rows for name, rows in days.items() if rows},
            orders=self.rules.orders,
            offsets=self.rules.offsets,
        )

    def _read(self) -> None:
        """Make the clean table with the number of the first broken rule of each row, and list the broken rows."""
        parts = [self.rules.part_sql(i, self.rules.part(i)) for i in range(len(self.sources))]
        try:
            self.engine.execute(f"create table {self.clean} as {' union all by name '.join(parts)}")
        except self.engine.Error as error:
            labels = ", ".join(source.label for source in self.sources)
            raise ContractError(
                f"{self.contract.name}: {labels} cannot be read\n  given: {without_values(error)}"
            ) from None
        rows = f"select rowid as _row, _broken_rule from {self.clean} where _broken_rule is not null"
        self.engine.execute(f"create table {self.broken} as {rows}")

    def _mark_broken(self, code: int, rows: str) -> None:
        """Add rows (a query of row numbers) to the broken ones, unless they are there already."""
        known = f"select _row from {self.broken}"
        self.engine.execute(f"insert into {self.broken} select _row, {code} from ({rows}) where _row not in ({known})")

    def _has_column(self, table: str, column: str) -> bool:
        """Whether a clean table is there and has the column."""
        return table in self.present and column in self.engine.columns(quoted(table))

    def _find_unknown(self) -> None:
        """Rows of customers that the table of customers does not have."""
        columns = [c.name for c in self.contract.columns.values() if c.references == "customers"]
        for column in columns:
            if self._has_column("customers", "customer_id"):
                known = "(select customer_id as known from customers)"
                test = f"from {self.clean} anti join {known} on {quoted(column)} = known where _broken_rule is null"
                self._mark_broken(
                    self.rules.code("unknown customer", column), f"select {self.clean}.rowid as _row {test}"
                )

    def _find_self(self) -> None:
        """Rows whose other party is the line itself."""
        other = self.contract.not_self
        if other is None or other not in self.engine.columns(self.clean):
            return
        own = f"select rowid as _row from {self.clean} where _broken_rule is null and {quoted(other)} = customer_id"
        if self._has_column("customers", "msisdn"):
            own += (
                f" union select clean_row.rowid as _row from {self.clean} as clean_row"
                " join customers as customer using (customer_id)"
                f" where clean_row._broken_rule is null and clean_row.{quoted(other)} = customer.msisdn"
            )
        self._mark_broken(self.rules.code("self call", other), own)

    def _repeated_sql(self, columns: Sequence[str], order: str, where: str) -> str:
        """Numbers of the good rows that repeat an earlier one in these columns, among those for which a test holds."""
        numbered = (
            f"select _row, row_number() over (partition by {', '.join(columns)} order by {order}) as _row_number"
            f" from (select rowid as _row, * from {self.clean}) where _row in ({self._candidates(columns)})"
            f" and _row not in (select _row from {self.broken}) and ({where})"
        )
        return f"select _row from ({numbered}) where _row_number > 1"

    def _candidates(self, columns: Sequence[str]) -> str:
        """Row numbers of a few rows among which all repetitions are: rows that share a hash with another one.

        Hashing line and time alone reads two columns instead of all, which halves the work; where these say little
        (days instead of times) all columns are hashed.
        """
        few = [c for c in columns if c in ('"customer_id"', quoted(str(self.contract.event_time)))]
        for hashed in (few, columns) if few else (columns,):
            columns_hash = f"hash({', '.join(hashed)}) as _row_hash"
            rows = f"select rowid as _row, {columns_hash} from {self.clean} where _broken_rule is null"
            repeated = f"select _row_hash, count(*) as _rows from ({rows}) group by 1 having count(*) > 1"
            self.engine.execute(f"create or replace temp table _repeated as {repeated}")
            found = self.engine.rows("select coalesce(sum(_rows), 0)::bigint from _repeated")[0][0]
            if int(str(found)) <= _MANY * self._rows(self.clean):
                break
        return f"select _row from ({rows}) where _row_hash in (select _row_hash from _repeated)"

    def _find_duplicates(self) -> int:
        """Rows equal to an earlier one in every column: noted where a key says so, else only counted."""
        columns = [quoted(c) for c in self.engine.columns(self.clean) if c not in ("_broken_rule", "_part", *DERIVED)]
        identified, equal = self.rules.identified, 0
        if identified != "false":
            self._mark_broken(DUPLICATE, self._repeated_sql(columns, "_row", identified))
        if identified != "true":
            equal = self._rows(f"({self._repeated_sql(columns, '_row', f'not ({identified})')})")
        self.engine.execute("drop table _repeated")
        return equal

    def _find_repeated_keys(self) -> None:
        """Rows that share the key of a row that arrived earlier."""
        named = self.rules.key
        if not named:
            return
        names = self.engine.columns(self.clean)
        times = [quoted(c) for c in (self.contract.arrival_time, self.contract.event_time) if c in names and c]
        order = [f"coalesce({', '.join(times)})"] if times else []
        key = [quoted(c) for c in named]
        code = self.rules.code("duplicate key", ", ".join(named))
        # rows without a key are not versions of each other
        present = " and ".join(f"{c} is not null" for c in key)
        self._mark_broken(code, self._repeated_sql(key, ", ".join([*order, "_row"]), present))
        self.engine.execute("drop table _repeated")

    def _count(self) -> dict[int, int]:
        """Broken rows by rule."""
        found = self.engine.rows(f"select _broken_rule::int, count(*) from {self.broken} group by 1")
        return {int(str(code)): int(str(rows)) for code, rows in found}

    def _set_aside(self) -> None:
        """Keep the broken rows with their original values as text, their reason and their place in the source."""
        self.engine.execute("create schema if not exists set_aside")
        firsts = self.engine.rows(f"select _part::int, min(rowid) from {self.clean} group by 1")
        reasons = ", ".join(
            f"({i}, {literal(f.reason)}, {literal(f.column)})" for i, f in enumerate(self.rules.broken_rules)
        )
        self.engine.execute(
            f"create temp table _reasons as select * from (values {reasons}) as rule(_broken_rule, reason, _column)"
        )
        parts = [self._aside_sql(self.sources[int(str(part))], int(str(first))) for part, first in firsts]
        parts = parts or [self._aside_sql(source, 0) + " and false" for source in self.sources]
        query = " union all by name ".join(parts)
        self.engine.execute(
            f"create table set_aside.{self.clean} as select * from ({query}) order by source, source_row"
        )
        self.engine.execute("drop table _reasons")

    def _aside_sql(self, source: Source, first: int) -> str:
        """Broken rows of one part, numbered from 1 within it."""
        texts = [f"cast(original.{quoted(c)} as varchar) as {quoted(free_name(c))}" for c in source.columns]
        ours = [
            "rule.reason",
            "rule._column as broken_column",
            f"{literal(source.label)} as source",
            "original._row_number as source_row",
        ]
        numbered = f"select *, row_number() over () as _row_number from {source.relation}"
        return (
            f"select {', '.join([*texts, *ours])} from ({numbered}) as original"
            f" join {self.broken} as broken on broken._row = original._row_number - 1 + {first}"
            " join _reasons as rule on rule._broken_rule = broken._broken_rule"
            f" where broken._broken_rule > {LEFT_OUT}"
        )

    def _drop_broken(self) -> dict[str, int]:
        """Leave only the good rows and only the columns that people should see; name those of days without an hour."""
        self.engine.execute(f"delete from {self.clean} where rowid in (select _row from {self.broken})")
        self.engine.execute(f"drop table {self.broken}")
        names = self.engine.columns(self.clean)
        days = days_only(self.engine, self.clean, self.rules, names)
        hours = NEEDS_HOUR if self.contract.event_time in days else ()
        for column in ("_broken_rule", "_part", *(name for name in hours if name in names)):
            self.engine.execute(f"alter table {self.clean} drop column {column}")
        return days

    def _rows(self, relation: str) -> int:
        """Number of rows."""
        return int(str(self.engine.rows(f"select count(*) from {relation}")[0][0]))

    def _report(self, counts: Mapping[int, int], rows_in: int) -> TableReport:
        """Count what is there now, and make sure that no row was lost."""
        kept, aside = self._rows(self.clean), self._rows(f"set_aside.{self.clean}")
        broken_rules = tuple(
            BrokenRule(f.reason, f.column, counts[i])
            for i, f in enumerate(self.rules.broken_rules)
            if i > LEFT_OUT and i in counts
        )
        duplicates, left_out = counts.get(DUPLICATE, 0), counts.get(LEFT_OUT, 0)
        report = TableReport(self.contract.name, rows_in, kept, duplicates, broken_rules, left_out=left_out)
        if not report.balanced or report.set_aside != aside:
            raise RuntimeError(f"rows of {self.contract.name} were lost, please report this: {report}, {aside=}")
        return report

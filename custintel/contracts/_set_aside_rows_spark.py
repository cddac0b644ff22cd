"""The checks of one table on engines whose tables have no row numbers, such as Spark.

Everything is one query: the rows with their original values as text, read and judged; then, for those still good, joins
for references and numbered groups for duplicates and keys. Its result is kept once; the clean table and the rows set
aside are read from it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from custintel.contracts.quality_report import BrokenRule, TableReport
from custintel.contracts.row_rules import DERIVED, DUPLICATE, LEFT_OUT, Rules, free_name
from custintel.contracts.time_checks import NEEDS_HOUR, days_only
from custintel.engines.engine import Engine, literal, quoted
from custintel.errors import ContractError, without_values

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence


_ROW = "monotonically_increasing_id()"
"""Spark's numbers of rows: block and place in the block, ascending in the order of the source."""
_BLOCK = 2**33
_OWN = ("_broken_rule", "_part", "_row")


def check_table_spark(engine: Engine, rules: Rules, present: Sequence[str]) -> TableReport:
    """Make the clean table and the set-aside table of one contract."""
    return _Check(engine, rules, present).run()


class _Check:
    """One table on its way from raw to clean."""

    def __init__(self, engine: Engine, rules: Rules, present: Sequence[str]) -> None:
        self.engine, self.rules, self.present = engine, rules, present
        self.contract = rules.contract
        self.judged = f"_judged_{self.contract.name}"
        self.columns: list[str] = []

    def run(self) -> TableReport:
        """Judge, count, part the good from the broken."""
        parts = range(len(self.rules.sources))
        found = [self.rules.part(number, self._original_values(number)) for number in parts]
        names = list(dict.fromkeys(name for part in found for name in part))
        selects = [
            self.rules.part_sql(
                number, {name: found[number].get(name, "null") for name in names}, self._original_values(number)
            )
            for number in parts
        ]
        self.columns = names
        self._keep(" union all ".join(selects))
        try:
            counts = self._counts()
            good = f"(select * from {self.engine.temp_table(self.judged)} where _broken_rule is null)"
            days = days_only(self.engine, good, self.rules, self._compared_columns)
            self._store(any(code > LEFT_OUT for code in counts), days)
            return replace(
                self._report(counts),
                equal=self._equal(),
                days_only=tuple(days),
                times_of_day={name: rows for name, rows in days.items() if rows},
                orders=self.rules.orders,
                offsets=self.rules.offsets,
            )
        finally:
            self.engine.drop_temp_table(self.judged)

    def _original_values(self, number: int) -> dict[str, str]:
        """The original values of a part, and the numbers of its rows."""
        columns = self.rules.sources[number].columns
        originals = {f"_original_{i}_{number}": quoted(name) for i, name in enumerate(columns)}
        return {name: f"cast({sql} as varchar)" for name, sql in originals.items()} | {"_row": _ROW}

    @property
    def _compared_columns(self) -> list[str]:
        """The columns that tell rows apart."""
        return [n for n in self.columns if n not in (*_OWN, *DERIVED) and not n.startswith("_original_")]

    def _keep(self, query: str) -> None:
        """Run the query of all steps once."""
        for step in (self._unknown_sql, self._self_sql, self._repeated_sql, self._key_sql):
            query = step(query)
        try:
            self.engine.create_temp_table(self.judged, query)
        except self.engine.Error as error:
            labels = ", ".join(source.label for source in self.rules.sources)
            raise ContractError(
                f"{self.contract.name}: {labels} cannot be read\n  given: {without_values(error)}"
            ) from None

    def _has_column(self, table: str, column: str) -> bool:
        """Whether a clean table is there and has the column."""
        return table in self.present and column in self.engine.columns(self.engine.relation(table))

    def _unknown_sql(self, query: str) -> str:
        """Rows of customers that the table of customers does not have."""
        for c in self.contract.columns.values():
            if c.references == "customers" and c.name in self.columns and self._has_column("customers", "customer_id"):
                code = self.rules.code("unknown customer", c.name)
                known = f"(select customer_id as _known_customer from {self.engine.relation('customers')}) as customer"
                joined = f"({query}) as judged left join {known} on judged.{quoted(c.name)} = customer._known_customer"
                query = self._judged_sql(joined, "customer._known_customer is null", code)
        return query

    def _self_sql(self, query: str) -> str:
        """Rows whose other party is the line itself."""
        other = self.contract.not_self
        if other is None or other not in self.columns:
            return query
        test, source = f"judged.{quoted(other)} = judged.customer_id", f"({query}) as judged"
        if self._has_column("customers", "msisdn"):
            customers = self.engine.relation("customers")
            own = f"(select customer_id as _known_customer, msisdn as _number from {customers}) as customer"
            source += f" left join {own} on judged.customer_id = customer._known_customer"
            test += f" or judged.{quoted(other)} = customer._number"
        return self._judged_sql(source, test, self.rules.code("self call", other))

    def _repeated_sql(self, query: str) -> str:
        """Rows equal to an earlier one in every column, where a key says that they are the same record."""
        identified = self.rules.identified
        if identified == "false":
            return query
        compared = ", ".join(map(quoted, self._compared_columns))
        known = "" if identified == "true" else f" and ({identified})"
        # the hash comes first, so that sorting compares one number instead of all columns
        return self._numbered_sql(query, f"hash({compared}), {compared}", "_part, _row", DUPLICATE, known)

    def _equal(self) -> int:
        """Good rows that are equal to an earlier one although no key says that they are the same record."""
        if self.rules.identified == "true":
            return 0
        compared = ", ".join(map(quoted, self._compared_columns))
        where = f"_broken_rule is null and not ({self.rules.identified})"
        judged = self.engine.temp_table(self.judged)
        groups = f"select count(*) - 1 as _repetitions from {judged} where {where} group by {compared}"
        rows = self.engine.rows(f"select coalesce(sum(_repetitions), 0) from ({groups}) as repeated")
        return int(str(rows[0][0]))

    def _key_sql(self, query: str) -> str:
        """Rows that share the key of a row that arrived earlier."""
        if not self.rules.key:
            return query
        times = [quoted(c) for c in (self.contract.arrival_time, self.contract.event_time) if c in self.columns and c]
        earlier = [f"coalesce({', '.join([*times, 'null'])})"] if times else []
        key = [quoted(c) for c in self.rules.key]
        code = self.rules.code("duplicate key", ", ".join(self.rules.key))
        # rows without a key are not versions of each other
        known = "".join(f" and {c} is not null" for c in key)
        return self._numbered_sql(query, ", ".join(key), ", ".join([*earlier, "_part", "_row"]), code, known)

    def _judged_sql(self, source: str, test: str, code: int) -> str:
        """One rule more: for rows that broke none so far."""
        before = "judged._broken_rule"
        rule = f"case when {before} is not null then {before} when {test} then {code} end as _broken_rule"
        return f"select {self._others('judged.')}, {rule} from {source}"

    def _numbered_sql(self, query: str, by: str, order: str, code: int, known: str = "") -> str:
        """All but the first of the good rows that are alike break a rule."""
        place = f"row_number() over (partition by _broken_rule is null, {by} order by {order})"
        numbered = f"select judged.*, {place} as _row_number from ({query}) as judged"
        test = f"_broken_rule is null and _row_number > 1{known}"
        rule = f"case when {test} then {code} else _broken_rule end as _broken_rule"
        return f"select {self._others()}, {rule} from ({numbered}) as numbered"

    def _others(self, alias: str = "") -> str:
        """All columns but the number of the rule."""
        return ", ".join(f"{alias}{quoted(name)}" for name in self.columns if name != "_broken_rule")

    def _counts(self) -> dict[int, int]:
        """Rows by the rule they break; -1 for the good ones."""
        query = f"select coalesce(_broken_rule, -1), count(*) from {self.engine.temp_table(self.judged)} group by 1"
        return {int(str(code)): int(str(rows)) for code, rows in self.engine.rows(query)}

    def _store(self, broken: bool, days: Collection[str]) -> None:
        """The clean table, and the broken rows with original values, reason and place."""
        judged = self.engine.temp_table(self.judged)
        hours = NEEDS_HOUR if self.contract.event_time in days else ()
        columns = ", ".join(
            quoted(n) for n in self.columns if n not in hours and (n in DERIVED or n in self._compared_columns)
        )
        self.engine.create_table(self.contract.name, f"select {columns} from {judged} where _broken_rule is null")
        self.engine.create_table(self.contract.name, self._aside_sql(judged, broken), "set_aside")

    def _aside_sql(self, judged: str, broken: bool) -> str:
        originals: dict[str, list[str]] = {}
        for number, source in enumerate(self.rules.sources):
            for i, name in enumerate(source.columns):
                originals.setdefault(free_name(name), []).append(f"_original_{i}_{number}")
        texts = [f"coalesce({', '.join([*sql, 'null'])}) as {quoted(name)}" for name, sql in originals.items()]
        reason = _named("_broken_rule", {i: f.reason for i, f in enumerate(self.rules.broken_rules)})
        column = _named("_broken_rule", {i: f.column for i, f in enumerate(self.rules.broken_rules)})
        label = _named("judged._part", {i: source.label for i, source in enumerate(self.rules.sources)})
        row = f"judged._row % {_BLOCK} + coalesce(block._rows_before, 0) + 1"
        ours = [f"{reason} as reason", f"{column} as broken_column", f"{label} as source", f"{row} as source_row"]
        joined = f"{judged} as judged join ({_blocks_sql(judged)}) as block"
        joined += " on block._part = judged._part and block._block = judged._row >> 33"
        where = f"where judged._broken_rule > {LEFT_OUT} order by source, source_row" if broken else "where false"
        return f"select {', '.join([*texts, *ours])} from {joined} {where}"

    def _report(self, counts: Mapping[int, int]) -> TableReport:
        """Count what is there now, and make sure that no row was lost."""
        broken_rules = tuple(
            BrokenRule(f.reason, f.column, counts[i])
            for i, f in enumerate(self.rules.broken_rules)
            if i > LEFT_OUT and i in counts
        )
        relations = [self.engine.relation(self.contract.name, schema) for schema in ("main", "set_aside")]
        stored = " union all ".join(f"select {i}, count(*) from {r}" for i, r in enumerate(relations))
        found = {int(str(place)): int(str(rows)) for place, rows in self.engine.rows(stored)}
        duplicates, left_out = counts.get(DUPLICATE, 0), counts.get(LEFT_OUT, 0)
        rows_in = sum(counts.values())
        report = TableReport(self.contract.name, rows_in, found[0], duplicates, broken_rules, left_out=left_out)
        if not report.balanced or report.set_aside != found[1]:
            raise RuntimeError(f"rows of {self.contract.name} were lost, please report this: {report}, {found}")
        return report


def _blocks_sql(judged: str) -> str:
    """How many rows of a part come before each block of row numbers."""
    counted = f"select _part, _row >> 33 as _block, count(*) as _rows from {judged} group by 1, 2"
    before = "sum(_rows) over (partition by _part order by _block rows between unbounded preceding and 1 preceding)"
    return f"select _part, _block, {before} as _rows_before from ({counted}) as counted"


def _named(column: str, names: Mapping[int, str]) -> str:
    """Numbers as the texts they stand for."""
    cases = " ".join(f"when {number} then {literal(name)}" for number, name in names.items())
    return f"case {column} {cases} end"

"""A store of partial aggregates by day, so that tomorrow's features cost tomorrow's records.

A row stands for a customer (and second key), the day on which something happened and the day from which it was visible.
A record that arrives late is in the rows of the day it arrived, so a day that is over changes only when history is
rewritten. As of a date, days are merged into buckets, and from there on the steps are those of a build without a store;
sums of fractions may differ in their last digits, since they were added up by day first.

Each family has a folder named after its definition, so that an edited feature never meets old numbers. In it stand a
Parquet file for each month of visible days, and an index of what each day's records were: their number and a hash of
lines and times. A file is written under another name and moved into place before the index says what is in it, and the
index forgets a day before its sums change. One process at a time brings a folder up to date; others wait. Values
corrected in place, under the same line and time, are not noticed: then the folder is to be deleted.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from custintel.builder.aggregation.day_buckets import date_sql
from custintel.builder.source_tables import Sources, name_sql
from custintel.builder.sql_steps import columns_sql
from custintel.engines.duckdb_engine import DuckDBEngine
from custintel.engines.engine import literal, path_literal
from custintel.errors import ConfigurationError
from custintel.files.atomic_write import atomic_file
from custintel.files.file_lock import locked

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Mapping, Sequence

    from custintel.builder.aggregation._partial_aggregates import PartialColumn
    from custintel.builder.aggregation._raw_records import RawRecords
    from custintel.catalogue.feature_family import Family
    from custintel.engines.engine import Engine


EVENT_DAY, VISIBLE_DAY = "event_day", "visible_day"


@dataclass(frozen=True)
class DailyPartials:
    """What is stored for each day of one family.

    Attributes
    ----------
    columns
        Columns of the records that are read.
    partial aggregates
        Partial aggregates, over records and flags.
    flags
        Names and SQL of conditions that partial aggregates read.
    item
        SQL of the second key, if there is one.
    """

    records: RawRecords
    columns: frozenset[str]
    partial_columns: tuple[PartialColumn, ...]
    flags: Mapping[str, str] = field(default_factory=dict)
    item: str | None = None

    @property
    def days_back(self) -> int:
        """How far back an event may lie on the day it is seen and still matter."""
        return max(self.records.buckets.windows)

    @property
    def digest(self) -> str:
        """Changes when the definition does."""
        text = f"{self.sql([])} {self.days_back}".replace(self.records.sources[self.records.family.source].relation, "")
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def sql(self, days: Sequence[date]) -> str:
        """The rows of records seen on some days."""
        keys = ["customer_id", EVENT_DAY, VISIBLE_DAY, *(["item"] if self.item else [])]
        named = [*keys[:3], *([f"{self.item} as item"] if self.item else [])]
        body = columns_sql([*named, *(f"{partial.sql} as {partial.name}" for partial in self.partial_columns)])
        places = ", ".join(str(n) for n in range(1, len(keys) + 1))
        return f"select\n    {body}\nfrom (\n{self._flagged_sql(days)}\n) as r\ngroup by {places}"

    def _flagged_sql(self, days: Sequence[date]) -> str:
        flags = columns_sql(["r.*", *(f"({sql}) as {name}" for name, sql in self.flags.items())])
        family, sources = self.records.family, self.records.sources
        picked = [f"{sources.column(family, c)} as {name_sql(c)}" for c in sorted(self.columns)]
        days_of = [f"{sources.event_day(family)} as {EVENT_DAY}", f"{sources.visible_day(family)} as {VISIBLE_DAY}"]
        listed = ", ".join(map(date_sql, days)) or "null"
        where = f"{sources.visible_day(family)} in ({listed}) and {self.recent_sql()}"
        if self.item:
            where += f" and {sources.column(family, str(family.per))} is not null"
        rows = f"select\n    {columns_sql(['t.customer_id', *days_of, *picked])}"
        source = f"{sources.from_sql(family, sorted(self.columns))}\nwhere {where}"
        return f"select\n    {flags}\nfrom (\n{rows}\nfrom {source}\n) as r"

    def recent_sql(self) -> str:
        """Records that were not too old for any window when they were seen."""
        family, sources = self.records.family, self.records.sources
        return f"{sources.event_day(family)} > {sources.visible_day(family)} - {self.days_back}"


@dataclass(frozen=True)
class StoredSources(Sources):
    """Stored days in the place of a family's table: a column is a partial aggregate of that name."""

    relation: str = ""

    def event_day(self, family: Family) -> str:
        """The day on which it happened."""
        del family
        return f"t.{EVENT_DAY}"

    def visible_day(self, family: Family) -> str:
        """The day from which it may be seen."""
        del family
        return f"t.{VISIBLE_DAY}"

    def column(self, family: Family, name: str) -> str:
        """A partial aggregate, or the second key."""
        del family
        return f"t.{name}"

    def from_sql(self, family: Family, columns: Iterable[str]) -> str:
        """The stored days."""
        del family, columns
        return f"{self.relation} as t"


_INDEX, _COMPUTED = "days.json", "custintel_days_made"
_LONGEST_WAIT = 3600.0


class PartialStore:
    """The partial aggregates by day of one build, stored in a folder.

    ``computed_days`` counts the days that had to be made, by family: none when nothing is new.
    """

    def __init__(self, path: str | os.PathLike[str], engine: Engine) -> None:
        if not isinstance(engine, DuckDBEngine):
            raise ConfigurationError(
                f"partials are kept on the embedded engine only\n  given: an engine that speaks {engine.dialect}\n"
                "  hint: leave partials out; the cluster reads the records"
            )
        self.path, self.engine = Path(path), engine
        self.computed_days: dict[str, int] = {}
        self._signatures: dict[str, dict[date, str]] = {}

    def relation(self, daily: DailyPartials) -> str:
        """The stored days that the dates asked for may see, brought up to date."""
        family_path = self.path / f"{daily.records.family.name}-{daily.digest}"
        family_path.mkdir(parents=True, exist_ok=True)
        signatures = self._signature(daily)
        stale, gone = self._stale_and_gone(daily, _read_index(family_path), signatures)
        if stale or gone:
            with locked(family_path, _LONGEST_WAIT):  # two builds at once: the second finds what the first has made
                stale = self._bring_up_to_date(daily, family_path, signatures)
        self.computed_days[daily.records.family.name] = len(stale)
        files = [_file(family_path, month) for month in sorted({_month(day) for day in signatures})]
        days = ", ".join(map(date_sql, signatures))
        return f"(select * from {_reader(files)} where {VISIBLE_DAY} in ({days}))" if files else f"({daily.sql([])})"

    def sources(self, daily: DailyPartials) -> StoredSources:
        """What stands in the place of the family's table."""
        return StoredSources(relation=self.relation(daily))

    def _stale_and_gone(
        self, daily: DailyPartials, index: Mapping[str, str], signatures: Mapping[date, str]
    ) -> tuple[list[date], list[str]]:
        """Days that are to be made, and days of the index that have no records any more."""
        stale = [day for day, signature in signatures.items() if index.get(str(day)) != signature]
        return stale, [day for day in index if self._inside(day, daily) and date.fromisoformat(day) not in signatures]

    def _bring_up_to_date(self, daily: DailyPartials, family_path: Path, signatures: Mapping[date, str]) -> list[date]:
        """Make the days that are missing or have changed; return them."""
        index = _read_index(family_path)
        stale, gone = self._stale_and_gone(daily, index, signatures)
        remaining = {day: text for day, text in index.items() if day not in {*map(str, stale), *gone}}
        if remaining != index:  # a run that is killed from here on must not leave the old mark beside new sums
            _write_index(family_path, remaining)
        if stale:
            self._compute(daily, stale, family_path)
        if stale or gone:
            _write_index(family_path, remaining | {str(day): signatures[day] for day in stale})
        return stale

    def _inside(self, day: str, daily: DailyPartials) -> bool:
        buckets = daily.records.buckets
        return str(buckets.first) < day <= str(buckets.last)

    def _signature(self, daily: DailyPartials) -> dict[date, str]:
        """Number of records and a hash of them, by day of sight."""
        records = daily.records
        family, sources, buckets = records.family, records.sources, records.buckets
        seen, time = sources.visible_day(family), sources.time(family)
        where = f"{seen} > {date_sql(buckets.edges[0])} and {seen} <= {date_sql(buckets.last)} and {daily.recent_sql()}"
        query = (
            f"select {seen}, count(*), bit_xor(hash(t.customer_id, t.{time}))"
            f" from {sources[family.source].relation} as t where {where} group by 1 order by 1"
        )
        if query not in self._signatures:
            rows = self.engine.rows(query)
            self._signatures[query] = {date.fromisoformat(str(day)): f"{count} {mark}" for day, count, mark in rows}
        return self._signatures[query]

    def _compute(self, daily: DailyPartials, days: Sequence[date], family_path: Path) -> None:
        """Group the records of some days and put them into the files of their months."""
        self.engine.create_temp_table(_COMPUTED, daily.sql(days))
        try:
            for month in sorted({_month(day) for day in days}):
                self._rewrite_month(_file(family_path, month), month, days)
        finally:
            self.engine.drop_temp_table(_COMPUTED)

    def _rewrite_month(self, file: Path, month: str, days: Sequence[date]) -> None:
        fresh = self.engine.temp_table(_COMPUTED)
        new = f"select * from {fresh} where strftime({VISIBLE_DAY}, '%Y-%m') = {literal(month)}"
        if file.is_file():
            computed_days = ", ".join(map(date_sql, days))
            new += f" union all by name select * from {_reader([file])} where {VISIBLE_DAY} not in ({computed_days})"
        self.engine.write_parquet(new, file)


def _month(day: date) -> str:
    return f"{day:%Y-%m}"


def _file(family_path: Path, month: str) -> Path:
    return family_path / f"{month}.parquet"


def _reader(files: Sequence[Path]) -> str:
    """What is kept and nothing else, whatever signs the folder's name has."""
    return f"read_parquet([{', '.join(map(path_literal, files))}], hive_partitioning = false)"


def _read_index(family_path: Path) -> dict[str, str]:
    try:
        found = json.loads((family_path / _INDEX).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {day: text for day, text in found.items() if _file(family_path, day[:7]).is_file()}


def _write_index(family_path: Path, index: dict[str, str]) -> None:
    with atomic_file(family_path / _INDEX) as fresh:
        fresh.write_text(json.dumps(index, indent=0, sort_keys=True), encoding="utf-8")

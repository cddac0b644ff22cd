"""A folder of daily partial aggregates: days that are new or have changed are made, all others are read.

Each family has a folder named after its definition, so that an edited feature never meets old numbers. In it stands a
Parquet file a month of sight, and an index of what each day's records were: their number and a hash of lines and times.
A file is written under another name and moved into place before the index says what is in it, and the index forgets a
day before its sums change. One process at a time brings a folder up to date; others wait. Values corrected in
place, under the same line and time, are not noticed: then the folder is to be deleted.
"""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from custintel.builder._calendar import date_sql
from custintel.builder._daily import SEEN, Daily, DailySources
from custintel.engines import DuckDBEngine, literal, path_literal
from custintel.errors import ConfigurationError
from custintel.file_lock import locked
from custintel.replacing import replacing_file

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence

    from custintel.engines import Engine

__all__ = ["KeptDays"]

_INDEX, _MADE = "days.json", "custintel_days_made"
_LONGEST_WAIT = 3600.0


class KeptDays:
    """Daily partials of one build in a folder.

    ``made`` counts the days that had to be made, by family: none when nothing is new.
    """

    def __init__(self, folder: str | os.PathLike[str], engine: Engine) -> None:
        if not isinstance(engine, DuckDBEngine):
            raise ConfigurationError(
                f"partials are kept on the embedded engine only\n  given: an engine that speaks {engine.dialect}\n"
                "  hint: leave partials out; the cluster reads the records"
            )
        self.folder, self.engine = Path(folder), engine
        self.made: dict[str, int] = {}
        self._signatures: dict[str, dict[date, str]] = {}

    def relation(self, daily: Daily) -> str:
        """The kept days that the dates asked for can see, brought up to date."""
        place = self.folder / f"{daily.records.family.name}-{daily.digest}"
        place.mkdir(parents=True, exist_ok=True)
        now = self._signature(daily)
        stale, gone = self._differences(daily, _read_index(place), now)
        if stale or gone:
            with locked(place, _LONGEST_WAIT):  # two builds at once: the second finds what the first has made
                stale = self._bring_up_to_date(daily, place, now)
        self.made[daily.records.family.name] = len(stale)
        files = [_file(place, month) for month in sorted({_month(day) for day in now})]
        days = ", ".join(map(date_sql, now))
        return f"(select * from {_reader(files)} where {SEEN} in ({days}))" if files else f"({daily.sql([])})"

    def sources(self, daily: Daily) -> DailySources:
        """What stands in the place of the family's table."""
        return DailySources(relation=self.relation(daily))

    def _differences(
        self, daily: Daily, index: Mapping[str, str], now: Mapping[date, str]
    ) -> tuple[list[date], list[str]]:
        """Days that are to be made, and days of the index that have no records any more."""
        stale = [day for day, signature in now.items() if index.get(str(day)) != signature]
        return stale, [day for day in index if self._inside(day, daily) and date.fromisoformat(day) not in now]

    def _bring_up_to_date(self, daily: Daily, place: Path, now: Mapping[date, str]) -> list[date]:
        """Make the days that are missing or have changed; return them."""
        index = _read_index(place)
        stale, gone = self._differences(daily, index, now)
        kept = {day: text for day, text in index.items() if day not in {*map(str, stale), *gone}}
        if kept != index:  # a run that is killed from here on must not leave the old mark beside new sums
            _write_index(place, kept)
        if stale:
            self._make(daily, stale, place)
        if stale or gone:
            _write_index(place, kept | {str(day): now[day] for day in stale})
        return stale

    def _inside(self, day: str, daily: Daily) -> bool:
        calendar = daily.records.calendar
        return str(calendar.first) < day <= str(calendar.last)

    def _signature(self, daily: Daily) -> dict[date, str]:
        """Number of records and a hash of them, by day of sight."""
        records = daily.records
        family, sources, calendar = records.family, records.sources, records.calendar
        seen, time = sources.visible_day(family), sources.time(family)
        where = (
            f"{seen} > {date_sql(calendar.edges[0])} and {seen} <= {date_sql(calendar.last)} and {daily.recent_sql()}"
        )
        query = (
            f"select {seen}, count(*), bit_xor(hash(t.customer_id, t.{time}))"
            f" from {sources[family.source].relation} as t where {where} group by 1 order by 1"
        )
        if query not in self._signatures:
            rows = self.engine.rows(query)
            self._signatures[query] = {date.fromisoformat(str(day)): f"{count} {mark}" for day, count, mark in rows}
        return self._signatures[query]

    def _make(self, daily: Daily, days: Sequence[date], place: Path) -> None:
        """Group the records of some days and put them into the files of their months."""
        self.engine.keep(_MADE, daily.sql(days))
        try:
            for month in sorted({_month(day) for day in days}):
                self._renew(_file(place, month), month, days)
        finally:
            self.engine.drop(_MADE)

    def _renew(self, path: Path, month: str, days: Sequence[date]) -> None:
        new = f"select * from {self.engine.kept(_MADE)} where strftime({SEEN}, '%Y-%m') = {literal(month)}"
        if path.is_file():
            made = ", ".join(map(date_sql, days))
            new += f" union all by name select * from {_reader([path])} where {SEEN} not in ({made})"
        self.engine.write_parquet(new, path)


def _month(day: date) -> str:
    return f"{day:%Y-%m}"


def _file(place: Path, month: str) -> Path:
    return place / f"{month}.parquet"


def _reader(files: Sequence[Path]) -> str:
    """What is kept and nothing else, whatever signs the folder's name has."""
    return f"read_parquet([{', '.join(map(path_literal, files))}], hive_partitioning = false)"


def _read_index(place: Path) -> dict[str, str]:
    try:
        found = json.loads((place / _INDEX).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {day: text for day, text in found.items() if _file(place, day[:7]).is_file()}


def _write_index(place: Path, index: dict[str, str]) -> None:
    with replacing_file(place / _INDEX) as fresh:
        fresh.write_text(json.dumps(index, indent=0, sort_keys=True), encoding="utf-8")

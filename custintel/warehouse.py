"""The warehouse: named tables on an engine, checked. This is the unified customer view."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import pandas as pd

from custintel.contracts import TABLES, QualityReport, Source, TableMapping, check_table, parse_mapping
from custintel.engines import DuckDBEngine, Frame, quoted

if TYPE_CHECKING:
    import os

__all__ = ["Warehouse"]


class Warehouse:
    """Checked tables of one operator."""

    def __init__(
        self,
        engine: DuckDBEngine,
        sources: Mapping[str, Sequence[Source]],
        latest: datetime | None = None,
        truth: Mapping[str, pd.DataFrame] | None = None,
    ) -> None:
        self.engine = engine
        self.truth: Mapping[str, pd.DataFrame] = MappingProxyType(dict(truth or {}))
        self.tables = tuple(name for name in TABLES if name in sources)
        latest = latest or datetime.now()
        reports = [check_table(engine, TABLES[name], sources[name], latest, self.tables) for name in self.tables]
        self.report = QualityReport(reports)

    @classmethod
    def from_frames(cls, rename: Mapping[str, Any] | None = None, **tables: Frame | Sequence[Frame]) -> Warehouse:
        """Check pandas, Polars or Arrow frames."""
        engine = DuckDBEngine()
        mapping = parse_mapping(rename)
        return cls(engine, _frame_sources(engine, tables, mapping))

    @classmethod
    def simulate(cls, customers: int = 5_000, months: int = 12, seed: int = 7, config: Any = None) -> Warehouse:
        """Simulate an operator whose truth is known."""
        from custintel.simulate import simulate

        operator = simulate(customers=customers, months=months, seed=seed, config=config)
        engine = DuckDBEngine()
        sources = _frame_sources(engine, operator.tables, parse_mapping(None))
        return cls(engine, sources, latest=datetime(2100, 1, 1), truth=operator.truth)

    @classmethod
    def open(cls, place: str | os.PathLike[str], rename: Mapping[str, Any] | None = None) -> Warehouse:
        """Open a folder of Parquet or CSV files."""
        from pathlib import Path

        engine = DuckDBEngine()
        sources = {}
        for path in sorted(Path(place).iterdir()):
            name = path.name.split(".")[0]
            if name in TABLES:
                relation = engine.read_files([path])
                mapping = parse_mapping(rename).get(name, (TableMapping(),))[0]
                sources[name] = [Source(relation, engine.columns(relation), mapping, path.name)]
        return cls(engine, sources)

    def columns(self, name: str) -> dict[str, str]:
        """Return column names and SQL types of a clean table."""
        return self.engine.columns(self.relation(name))

    def relation(self, name: str) -> str:
        """Return the name of a clean table for FROM."""
        return f"{quoted(self.engine.catalog)}.main.{quoted(name)}"

    def frame(self, name: str) -> pd.DataFrame:
        """Return a clean table as pandas."""
        return self.engine.sql(f"select * from {self.relation(name)}")

    def sql(self, query: str) -> pd.DataFrame:
        """Run a query on the clean tables."""
        return self.engine.sql(query)

    def set_aside(self, name: str) -> pd.DataFrame:
        """Return the rows set aside."""
        return self.engine.sql(f"select * from {quoted(self.engine.catalog)}.set_aside.{quoted(name)}")

    @property
    def period(self) -> tuple[pd.Timestamp, pd.Timestamp]:
        """First and last day of the events."""
        events = [n for n in self.tables if TABLES[n].arrival_time and n != "subscriptions"] or list(self.tables)
        dated = [self.relation(n) for n in events if "event_date" in self.columns(n)]
        union = " union all ".join(f"select min(event_date) a, max(event_date) b from {r}" for r in dated)
        first, last = self.engine.rows(f"select min(a), max(b) from ({union})")[0]
        return pd.Timestamp(str(first)), pd.Timestamp(str(last))

    def __repr__(self) -> str:
        return repr(self.report)


def _frame_sources(
    engine: DuckDBEngine, tables: Mapping[str, Any], mapping: Mapping[str, tuple[TableMapping, ...]]
) -> dict[str, list[Source]]:
    sources: dict[str, list[Source]] = {}
    for name, given in tables.items():
        frames = given if isinstance(given, list | tuple) else [given]
        maps = mapping.get(name, (TableMapping(),) * len(frames))
        for i, frame in enumerate(frames):
            raw = f"_raw_{name}_{i}"
            engine.register(raw, frame)
            sources.setdefault(name, []).append(Source(raw, engine.columns(raw), maps[i], f"{name}[{i}]"))
    return sources

"""Engines: run this SQL, register that frame, write that Parquet. Nothing here knows about telecom."""

from __future__ import annotations

from custintel.engines._duckdb import DuckDBEngine
from custintel.engines._engine import Engine
from custintel.engines._frames import Frame, to_arrow
from custintel.engines._spark import SparkEngine, is_spark_session
from custintel.engines._text import literal, path_literal, quoted

__all__ = [
    "DuckDBEngine",
    "Engine",
    "Frame",
    "SparkEngine",
    "is_spark_session",
    "literal",
    "path_literal",
    "quoted",
    "to_arrow",
]

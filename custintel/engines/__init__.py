"""Engines: they run SQL, take and give data frames, and read and write files. Nothing here knows about telecom.

`engine` says what every engine can do; `duckdb_engine` is the embedded default, `spark_engine` works in a session of
its own beside the user's. SQL is written once, in DuckDB's dialect; an engine of another dialect translates it. Frames
of pandas, Polars and Arrow come in as Arrow (`arrow_frames`); pandas, Arrow, plain rows or a Parquet file go out.

>>> import pandas as pd
>>> from custintel.engines.duckdb_engine import DuckDBEngine
>>> engine = DuckDBEngine()
>>> engine.register("calls", pd.DataFrame({"customer_id": ["a", "a", "b"], "duration_s": [60, 30, 5]}))
>>> engine.create_temp_table("seconds", "select customer_id, sum(duration_s)::int as s from calls group by 1")
>>> engine.rows(f"select * from {engine.temp_table('seconds')} order by 1")
[('a', 90), ('b', 5)]
"""

from __future__ import annotations

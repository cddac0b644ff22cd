"""From a request to features: the plan, its SQL, and one row per customer and as-of date.

A request names columns of the catalogue, as-of dates and, if need be, single customers. `FeatureBuilder` reads it
(`row_request`), plans the columns that the tables at hand can answer (`_plan`), and runs the plan: on DuckDB with
windows added up in memory (`_duckdb_executor`), elsewhere in SQL alone (`_sql_executor`). What comes out is a
data frame that knows what its columns mean. `WarehouseFeatures` does the same as a step of a scikit-learn pipeline.
How records become windows stands in `aggregation`.

>>> import pandas as pd
>>> from custintel.builder import FeatureBuilder
>>> from custintel.warehouse import Warehouse
>>> calls = pd.DataFrame({"customer_id": ["a", "a", "b"], "service": "voice", "direction": "out",
...                       "event_time": pd.to_datetime(["2025-06-02", "2025-06-20", "2025-04-05"])})
>>> builder = FeatureBuilder(columns=["events_7d", "events_90d"])
>>> builder.build(Warehouse.from_frames(usage=calls), as_of="2025-06-20")
             events_7d  events_90d
customer_id
a                  1.0         2.0
b                  0.0         1.0
>>> print(builder.sql(as_of="2025-06-20"))
with
-- the as-of dates
as_of_dates as (
...
"""

from __future__ import annotations

from custintel.builder._feature_builder import FeatureBuilder
from custintel.builder._feature_transformer import WarehouseFeatures

__all__ = ["FeatureBuilder", "WarehouseFeatures"]

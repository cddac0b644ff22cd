"""From catalogue, warehouse and dates to features: plan, SQL, one row per customer.

Besides `FeatureBuilder`, the room gives the rooms above it what they need to ask as of dates in the same way: reading
and checking dates, and putting named steps of SQL together.

>>> from custintel.builder import FeatureBuilder
>>> print(FeatureBuilder(["usage"]).plan("2025-06-30").sql())
with
-- the as-of dates
as_of_dates as (
...
"""

from __future__ import annotations

from custintel.builder._feature_builder import FeatureBuilder
from custintel.builder._plan import Plan
from custintel.builder._warehouse_features import WarehouseFeatures
from custintel.builder.feature_frame import column_meanings, write_features

__all__ = ["FeatureBuilder", "Plan", "WarehouseFeatures", "column_meanings", "write_features"]

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
from custintel.builder._warehouse_features import WarehouseFeatures

__all__ = ["FeatureBuilder", "WarehouseFeatures"]

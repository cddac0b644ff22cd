"""From catalogue, warehouse and dates to features: plan, SQL, one row per customer.

>>> from custintel.builder import FeatureBuilder
>>> print(FeatureBuilder(["usage"]).plan("2025-06-30").sql())  # doctest: +ELLIPSIS
with
-- the as-of dates
as_of_dates as (
...
"""

from __future__ import annotations

from custintel.builder._builder import FeatureBuilder
from custintel.builder._plan import Plan

__all__ = ["FeatureBuilder", "Plan"]

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

from custintel.builder._builder import FeatureBuilder
from custintel.builder._calendar import date_sql
from custintel.builder._plan import Plan
from custintel.builder._room import Room
from custintel.builder._sources import warehouse_sources
from custintel.builder._spine import ENDS, spine_steps
from custintel.builder._steps import Step, values_sql, with_sql
from custintel.builder._trial import trial_problems
from custintel.builder._wanted import Rows
from custintel.builder._when import AsOf, check_period, read_dates
from custintel.builder._words import feature_words, has_words
from custintel.builder._write import check_features_file, write_features
from custintel.functions import View, feature_function, load_python

__all__ = [
    "ENDS",
    "AsOf",
    "FeatureBuilder",
    "Plan",
    "Room",
    "Rows",
    "Step",
    "View",
    "check_features_file",
    "check_period",
    "date_sql",
    "feature_function",
    "feature_words",
    "has_words",
    "load_python",
    "read_dates",
    "spine_steps",
    "trial_problems",
    "values_sql",
    "warehouse_sources",
    "with_sql",
    "write_features",
]

"""From records to windows: how a feature over the last 7, 30 or 90 days of many dates is computed in one scan.

The edges of all windows of all as-of dates cut time into buckets (`day_buckets`). The records of a family, as each date
may see them (`_raw_records`), are grouped once per customer and bucket into partial aggregates
(`_partial_aggregates`); every window of every date is a sum of buckets, added up in SQL (`_window_sql`) or in memory
(`_window_sums`). What cannot be merged, distinct counts and medians, is in `_holistic_aggregates`; aggregates over a
second key in `_two_level_aggregates`; rows found rather than added in `_latest_and_previous_row`. `_partial_store`
keeps the partial aggregates of each day in a folder, so that tomorrow reads tomorrow's records only.

>>> from datetime import date
>>> from custintel.builder.aggregation.day_buckets import DayBuckets
>>> [str(edge) for edge in DayBuckets((date(2025, 6, 30),), (7, 30)).edges]
['2025-05-31', '2025-06-23', '2025-06-30']
"""

from __future__ import annotations

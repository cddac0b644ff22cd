"""From records to windows: buckets of days, partial aggregates, sums of windows, distinct counts, medians."""

from __future__ import annotations

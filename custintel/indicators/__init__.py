"""The indicators of bandicoot, a toolbox for call records, for all customers at once.

A warehouse with the table ``usage`` comes in; what goes out is a data frame with bandicoot's definitions, windows and
names, so that studies made with bandicoot can be repeated on millions of customers. ``docs/parity.md`` lists every
deliberate difference. The records are numbered and placed in the week and the day (`_call_records`), long tables of
indicators are computed in SQL and turned into columns (`_indicator_tables`). For models use the features of
`custintel.builder` instead: they are computed as of a date and know silence.

>>> import pandas as pd
>>> from custintel.indicators import cdr_indicators
>>> from custintel.warehouse import Warehouse
>>> calls = pd.DataFrame({"customer_id": ["a", "a"], "service": "voice", "direction": ["out", "in"],
...                       "event_time": ["2025-06-02 12:00", "2025-06-03 12:00"], "duration_s": [60, 30]})
>>> X = cdr_indicators(Warehouse.from_frames(usage=calls), splits=False)
>>> float(X.loc["a", "call_duration__allweek__allday__call__mean"])
45.0
"""

from __future__ import annotations

from custintel.indicators._cdr_indicators import cdr_indicators
from custintel.indicators._contact_network import network_indicators
from custintel.indicators._week_matrix import week_matrix

__all__ = ["cdr_indicators", "network_indicators", "week_matrix"]

"""bandicoot's indicators of call records, for all customers at once.

`cdr_indicators` answers with bandicoot's definitions, windows and names, so that studies made with bandicoot can be
repeated on millions of customers; docs/parity.md lists every deliberate difference. Features for models are those of
`custintel.builder`: they are asked as of a date and know silence.
"""

from __future__ import annotations

from custintel.indicators._differences import DIFFERENCES, Difference
from custintel.indicators._indicators import cdr_indicators
from custintel.indicators._network import network_indicators
from custintel.indicators._punchcard import CHANNELS, week_matrix

__all__ = ["CHANNELS", "DIFFERENCES", "Difference", "cdr_indicators", "network_indicators", "week_matrix"]

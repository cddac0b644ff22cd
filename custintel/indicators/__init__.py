"""bandicoot's indicators of call records, for all customers at once.

`cdr_indicators` answers with bandicoot's definitions, windows and names, so that studies made with bandicoot can be
repeated on millions of customers; docs/parity.md lists every deliberate difference. Features for models are those of
`custintel.builder`: they are asked as of a date and know silence.
"""

from __future__ import annotations

from custintel.indicators._cdr_indicators import cdr_indicators
from custintel.indicators._contact_network import network_indicators
from custintel.indicators._week_matrix import week_matrix

__all__ = ["cdr_indicators", "network_indicators", "week_matrix"]

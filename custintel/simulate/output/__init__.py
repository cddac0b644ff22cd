"""From the state of the simulation to tables: the operator's, dirty ones, and the truth."""

from __future__ import annotations

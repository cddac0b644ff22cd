"""Rules in use: outcomes of alarms, tests of precision, drift, audit, activation and retirement."""

from __future__ import annotations

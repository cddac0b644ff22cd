"""The page of the fraud desk: rules, alarms, cases, outcomes and what was learned."""

from __future__ import annotations

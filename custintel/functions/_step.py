"""A step of a plan: a named SELECT; and the place in it where a plan is cut into parts."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["PART", "Step"]

PART = "'one part' = 'of the customers'"
"""Stands where the records of some customers only may be asked for; the builder writes the condition, or nothing."""


@dataclass(frozen=True)
class Step:
    """A SELECT with a name, and what it is for."""

    name: str
    sql: str
    about: str

"""A step of a plan: a named SELECT."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Step"]


@dataclass(frozen=True)
class Step:
    """A SELECT with a name, and what it is for."""

    name: str
    sql: str
    about: str

"""What each table must look like, and the checks that set bad rows aside."""

from __future__ import annotations

from custintel.contracts.pseudonyms import reidentify

__all__ = ["reidentify"]

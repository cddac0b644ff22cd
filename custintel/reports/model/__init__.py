"""The report of one model: facts (the JSON twin) first, then the page drawn from them."""

from __future__ import annotations

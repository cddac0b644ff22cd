"""Files written whole or not at all, locks, keyed seals, bounded YAML, and cells that no spreadsheet runs."""

from __future__ import annotations

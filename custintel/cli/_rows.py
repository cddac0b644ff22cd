"""Rows that a command is given in a file: values of offers, contacts, outcomes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from custintel.errors import ConfigurationError, DataError
from custintel.formulas import restored

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["read_rows"]

_SUFFIXES = (".csv", ".parquet")


def read_rows(path: Path, what: str = "file", text: str = "customer_id") -> pd.DataFrame:
    """A .csv or .parquet file; the column `text` is as written, and what was defused for spreadsheets is restored."""
    if path.suffix.lower() not in _SUFFIXES:
        raise ConfigurationError(f"not a table: {path}\n  allowed: {', '.join(_SUFFIXES)}")
    if not path.is_file():
        raise DataError(f"no such {what}: {path}\n  allowed: {', '.join(_SUFFIXES)}")
    try:
        if path.suffix.lower() == ".parquet":
            return pd.read_parquet(path)
        return restored(pd.read_csv(path, dtype={text: str}))
    except (ValueError, OSError) as error:
        raise DataError(f"{path} cannot be read as {path.suffix[1:].lower()}\n  given: {error}") from error

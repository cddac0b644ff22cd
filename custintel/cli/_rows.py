"""Rows that a command is given in a file: values of offers, contacts, outcomes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from custintel.cli._show import step
from custintel.errors import DataError
from custintel.training import read_table

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

__all__ = ["read_rows"]


def read_rows(path: Path, what: str = "file", identifier: str = "customer_id") -> pd.DataFrame:
    """A table of rows about customers, read like every flat table; the identifier is text, as it is written."""
    if not path.is_file():
        raise DataError(f"no such {what}: {path}\n  allowed: .csv, .parquet, .xlsx")
    table = read_table(path, identifier, may_be_empty=True)
    for note in table.notes:
        step(f"{path.name}: {note}")
    frame = table.frame
    return frame.assign(**{identifier: table.identifiers(identifier)}) if identifier in frame else frame

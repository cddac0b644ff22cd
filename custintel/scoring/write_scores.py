"""Scores written whole or not at all, with the same bytes for the same scores.

>>> check_writable("scores.parquet").name
'scores.parquet'
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from custintel.errors import ConfigurationError
from custintel.files.atomic_write import atomic_file, check_output_path
from custintel.files.spreadsheet_cells import escape_formulas

if TYPE_CHECKING:
    import pandas as pd

_SUFFIXES = (".parquet", ".csv")


def check_writable(out: str | Path) -> Path:
    """The place to write to, before any work is done for it."""
    path = Path(out)
    if path.suffix.lower() not in _SUFFIXES or path.is_dir():
        raise ConfigurationError(
            f"cannot write scores to {path}\n  given: {path.suffix or 'no suffix'}\n  allowed: {', '.join(_SUFFIXES)}"
        )
    return check_output_path(path)


def write_scores(frame: pd.DataFrame, out: str | Path) -> Path:
    """Write Parquet or CSV to a temporary name beside `out`, flush it to disk, then move it into place.

    Texts of a CSV file that a spreadsheet would compute get an apostrophe in front, which our readers take off.
    """
    path = check_writable(out)
    with atomic_file(path) as fresh:
        _write(frame, fresh, path.suffix.lower())
    return path


def _write(frame: pd.DataFrame, fresh: Path, suffix: str) -> None:
    if suffix == ".csv":
        # the mark lets spreadsheets read the Chinese sentences
        escape_formulas(frame).to_csv(
            fresh, index=False, encoding="utf-8-sig", lineterminator="\n", date_format="%Y-%m-%d"
        )
    else:
        frame.to_parquet(fresh, index=False, compression="zstd")

"""Write a list so that a reader never meets half of it, and the same list always has the same bytes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from custintel.errors import ConfigurationError
from custintel.formulas import defused
from custintel.replacing import check_place, replacing_file

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["check_writable", "write_list"]

_SUFFIXES = (".parquet", ".csv")


def check_writable(out: str | Path) -> Path:
    """The place to write to, before any work is done for it."""
    path = Path(out)
    if path.suffix.lower() not in _SUFFIXES or path.is_dir():
        raise ConfigurationError(
            f"cannot write scores to {path}\n  given: {path.suffix or 'no suffix'}\n  allowed: {', '.join(_SUFFIXES)}"
        )
    return check_place(path)


def write_list(frame: pd.DataFrame, out: str | Path) -> Path:
    """Write Parquet or CSV to a temporary name beside `out`, flush it to disk, then move it into place.

    Texts of a CSV file that a spreadsheet would compute get an apostrophe in front, which our readers take off.
    """
    path = check_writable(out)
    with replacing_file(path) as fresh:
        _write(frame, fresh, path.suffix.lower())
    return path


def _write(frame: pd.DataFrame, fresh: Path, suffix: str) -> None:
    if suffix == ".csv":
        # the mark lets spreadsheets read the Chinese sentences
        defused(frame).to_csv(fresh, index=False, encoding="utf-8-sig", lineterminator="\n", date_format="%Y-%m-%d")
    else:
        frame.to_parquet(fresh, index=False, compression="zstd")

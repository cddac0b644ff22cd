"""A feature table as a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from custintel.errors import ConfigurationError
from custintel.formulas import defused
from custintel.replacing import check_place, replacing_file

if TYPE_CHECKING:
    import os

    import pandas as pd

__all__ = ["check_features_file", "write_features"]

_SUFFIXES = (".parquet", ".csv")


def check_features_file(out: str | os.PathLike[str]) -> Path:
    """The file to write, before any work is done for it.

    >>> check_features_file("features.parquet").name
    'features.parquet'
    """
    path = Path(out)
    if path.suffix.lower() not in _SUFFIXES or path.is_dir():
        given = path.suffix or "no suffix"
        hint = "Parquet keeps types and the words of the columns, CSV does not"
        raise ConfigurationError(
            f"cannot write features to {path}\n  given: {given}\n  allowed: {', '.join(_SUFFIXES)}\n  hint: {hint}"
        )
    return check_place(path)


def write_features(X: pd.DataFrame, out: str | os.PathLike[str]) -> Path:
    """Write a feature frame with its index; a reader never meets half of it.

    Parameters
    ----------
    X : pandas.DataFrame
        Features, as `FeatureBuilder.build` gives them.
    out : str or path
        A .parquet file, which keeps types and words, or a .csv file, in which texts that a spreadsheet would compute
        have an apostrophe in front.

    Examples
    --------
    >>> import tempfile
    >>> import pandas as pd
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = write_features(pd.DataFrame({"events_30d": [1.0]}, index=["a"]), f"{folder}/features.parquet")
    ...     pd.read_parquet(file).shape
    (1, 1)
    """
    path = check_features_file(out)
    with replacing_file(path) as fresh:
        if path.suffix.lower() == ".csv":
            defused(X).to_csv(fresh, date_format="%Y-%m-%d", lineterminator="\n")
        else:
            X.to_parquet(fresh, compression="zstd")
    return path

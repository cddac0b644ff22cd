"""Why a database file cannot be opened, in words that say what to do."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["broken_database"]

_MAGIC = b"DUCK"  # from the ninth byte on
_OTHERS = {b"SQLite format 3": "an SQLite database", b"PAR1": "a Parquet file", b"PK\x03\x04": "a ZIP or Excel file"}


def broken_database(path: Path, said: str) -> str:
    """What is wrong with a file, from its first bytes and what DuckDB said.

    Parameters
    ----------
    path : Path
        The file.
    said : str
        The text of DuckDB's error.

    Examples
    --------
    >>> from pathlib import Path
    >>> print(broken_database(Path("x.duckdb"), "Conflicting lock is held in python (PID 7)"))
    x.duckdb: another process (PID 7) has it open for writing
      hint: close it there, or give a copy of the file
    """
    if "onflicting lock" in said or "set lock" in said:
        owner = re.search(r"PID \d+", said)
        process = f"another process ({owner[0]})" if owner else "another process"
        return f"{path}: {process} has it open for writing\n  hint: close it there, or give a copy of the file"
    head = _head(path)
    if head[8:12] != _MAGIC:
        given = next((what for mark, what in _OTHERS.items() if head.startswith(mark)), "something else")
        return f"{path}: not a DuckDB database\n  given: {given if head else 'an empty file'}"
    if "version number" in said:
        return (
            f"{path}: written by a DuckDB with another storage version\n  given: {_versions(said)}\n"
            "  hint: upgrade the package duckdb, or export the tables there as Parquet (EXPORT DATABASE)"
        )
    broken = "truncated" if "enough bytes" in said else "damaged"
    return f"{path}: the database file is {broken}\n  hint: copy it again from its source, with nobody writing to it"


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(16)
    except OSError:
        return b""


def _versions(said: str) -> str:
    """The sentence of DuckDB that has the numbers."""
    found = re.search(r"version number[^.\n]*", said)
    return found[0] if found else "another version"

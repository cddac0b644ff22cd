"""Which files of a folder hold which table: all files of a table are read, or an error lists those that clash."""

from __future__ import annotations

import difflib
import os
import re
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from custintel.contracts.table_contracts import TABLES
from custintel.errors import ConfigurationError, ContractError, Problem, QualityWarning

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence


SUFFIXES = (".parquet", ".csv", ".csv.gz", ".tsv")
_OWN_FOLDERS = ("truth", "set_aside")
_LAKES = {"_delta_log": "Delta", ".hoodie": "Hudi"}
# data in forms that are not read; other files (notes, queries, pictures) are none of our business
_FOREIGN = (
    ".xlsx",
    ".xls",
    ".json",
    ".jsonl",
    ".txt",
    ".zip",
    ".gz",
    ".bz2",
    ".zst",
    ".xz",
    ".orc",
    ".avro",
    ".feather",
)
_ALIKE = 0.85


def data_files(path: Path) -> list[Path]:
    """The Parquet and CSV files at a place, in order; what a leading dot or underscore hides is no data.

    Examples
    --------
    >>> data_files(Path("no/such/place"))
    []
    """
    if not os.path.isdir(path):  # unlike Path.is_dir, no error when a name is too long
        return [path] if os.path.isfile(path) and _is_data(path) else []
    _refuse_lake(path)
    inside = sorted(path.rglob("*"))
    return [p for p in inside if p.is_file() and _is_data(p) and not any(map(_hidden, p.relative_to(path).parts))]


def _is_data(path: Path) -> bool:
    return path.name.lower().endswith(SUFFIXES) and not _hidden(path.name)


def _hidden(name: str) -> bool:
    """Checkpoints of notebooks, leftovers of Spark; `_month=1` is a part of a table, though."""
    return name.startswith(".") or (name.startswith("_") and "=" not in name)


def _refuse_lake(folder: Path) -> None:
    """A table of a lake keeps files of rows that were deleted: reading all files would bring them back."""
    for name, kind in _LAKES.items():
        if (folder / name).is_dir():
            hint = "export the present version as Parquet, or give a Spark session that knows the table"
            raise ContractError(f"{folder}: a {kind} table, which holds files of deleted rows too\n  hint: {hint}")


def table_files(folder: Path, wanted: Collection[str]) -> dict[str, list[Path]]:
    """The files or subfolders of each table of the contracts that is wanted and there.

    Several are parts of one table when they are files of one kind and a number tells them apart (``usage.2024.csv``,
    ``usage.2025.csv``); anything else is a clash.

    Raises
    ------
    ContractError
        Several files or folders claim to be the same table.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as place:
    ...     for name in ("plans.1.csv", "plans.2.csv"):
    ...         _ = Path(place, name).write_text("plan_id")
    ...     [path.name for path in table_files(Path(place), ["plans"])["plans"]]
    ['plans.1.csv', 'plans.2.csv']
    """
    found: dict[str, list[Path]] = {}
    for path in sorted(folder.iterdir()):
        table = path.name.split(".")[0].lower()
        if table in wanted and path.name not in _OWN_FOLDERS and data_files(path):
            found.setdefault(table, []).append(path)
    clashes = [_clash(folder, name, places) for name, places in found.items() if not _are_parts(places)]
    if clashes:
        raise ContractError("\n".join(map(str, clashes)))
    return {name: found[name] for name in TABLES if name in found}


def _are_parts(places: Sequence[Path]) -> bool:
    """Whether these are one table: a single place, or numbered files of one kind."""
    kinds = {next((s for s in SUFFIXES if p.name.lower().endswith(s)), "") for p in places}
    numbers = [p.name.split(".", 1)[1][: -len(next(iter(kinds)))] if "." in p.name else "" for p in places]
    numbered = all(any(c.isdigit() for c in number) for number in numbers)
    return len(places) == 1 or (len(kinds) == 1 and numbered and not any(p.is_dir() for p in places))


def _clash(folder: Path, name: str, places: Iterable[Path]) -> Problem:
    given = ", ".join(p.name + ("/" if p.is_dir() else "") for p in places)
    allowed = f"one file, one folder {name}/ of files, or numbered parts such as {name}.2024.csv, {name}.2025.csv"
    hint = (
        f"move the others away, or name the right ones in mapping.yaml: {name}: {{file: ...}} or [{{file: ...}}, ...]"
    )
    return Problem(f"{folder}: {name}", "several files or folders claim to be this table", given, allowed, hint)


def warn_of_unread(folder: Path, read: Mapping[str, Collection[Path]]) -> None:
    """Say which files look like tables but are not read; `read` holds those that are, by table.

    Examples
    --------
    >>> warn_of_unread(Path("."), {})
    """
    known = {os.path.abspath(p) for places in read.values() for p in places}
    seen = [p for p in sorted(folder.iterdir()) if os.path.abspath(p) not in known and not _hidden(p.name)]
    unread = {p.name: table for p in seen if p.name not in _OWN_FOLDERS and (table := _looks_like(p, read))}
    if unread:
        said = ", ".join(f"{name} ({table}?)" for name, table in unread.items())
        hint = f"tables are called as in the contracts, and are {', '.join(SUFFIXES)}; mapping.yaml names other files"
        warnings.warn(f"{folder}: not read: {said}\n  hint: {hint}", QualityWarning, stacklevel=5)


def _looks_like(path: Path, read: Collection[str]) -> str | None:
    """The table that somebody may have meant by this file; None if it is read from elsewhere, or is no data."""
    if not (path.is_file() and path.name.lower().endswith((*SUFFIXES, *_FOREIGN))):
        return None
    word = path.name.split(".")[0].lower()
    plain = word.rstrip("0123456789_- ")
    copies = [name for name in TABLES if re.match(rf"{name}[^a-z]", word)]  # usage (1), usage copy, usage_jan
    if copies:
        return max(copies, key=len)
    close = difflib.get_close_matches(plain, TABLES, n=1, cutoff=_ALIKE)
    return close[0] if close and (close[0] not in read or plain != word) else None


def file_inside(folder: Path, name: str) -> Path:
    """The place that a mapping names, which is inside its folder, symbolic links followed.

    Raises
    ------
    ConfigurationError
        It is absolute, climbs with ``..``, or leads outside through a symbolic link.

    Examples
    --------
    >>> file_inside(Path("operator"), "cdr/2025.csv").as_posix()
    'operator/cdr/2025.csv'
    >>> file_inside(Path("operator"), "../other/usage.csv")
    Traceback (most recent call last):
        ...
    custintel.errors.ConfigurationError: mapping: file leads out of the folder
      given: ../other/usage.csv
      allowed: a file or folder inside operator
      hint: put the file there, or open the folder above
    """
    place = folder / name
    home = folder.resolve()
    outside = [p for p in (place, *data_files(place)) if not p.resolve().is_relative_to(home)]
    if Path(name).is_absolute() or ".." in Path(name).parts or outside:
        raise ConfigurationError(
            f"mapping: file leads out of the folder\n  given: {name}\n  allowed: a file or folder inside {folder}\n"
            "  hint: put the file there, or open the folder above"
        )
    return place

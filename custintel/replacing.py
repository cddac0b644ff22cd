"""Folders and files written under a temporary name and moved into place: a killed run leaves the earlier one whole."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["replacing", "replacing_file"]


@contextmanager
def replacing(place: Path) -> Iterator[Path]:
    """An empty folder to write into; it takes the place of `place` when the block ends without an error.

    Parameters
    ----------
    place : Path
        The folder to make or to replace.

    Examples
    --------
    >>> with tempfile.TemporaryDirectory() as home:
    ...     with replacing(Path(home) / "model") as fresh:
    ...         _ = (fresh / "model.json").write_text("{}")
    ...     sorted(path.name for path in Path(home).rglob("*"))
    ['model', 'model.json']
    """
    place.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=f".{place.name}.", dir=place.parent))
    try:
        yield fresh
        _move_into_place(fresh, place)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


@contextmanager
def replacing_file(place: Path) -> Iterator[Path]:
    """A file name to write to; the file takes the place of `place` when the block ends without an error.

    Parameters
    ----------
    place : Path
        The file to make or to replace.

    Examples
    --------
    >>> with tempfile.TemporaryDirectory() as home:
    ...     with replacing_file(Path(home) / "features.sql") as fresh:
    ...         _ = fresh.write_text("select 1")
    ...     sorted(path.name for path in Path(home).iterdir())
    ['features.sql']
    """
    place.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{place.name}.", suffix=".part", dir=place.parent)
    os.close(handle)
    fresh = Path(name)
    try:
        yield fresh
        fresh.chmod(0o644)  # mkstemp makes private files
        with fresh.open("rb") as file:
            os.fsync(file.fileno())
        os.replace(fresh, place)
    finally:
        fresh.unlink(missing_ok=True)


def _move_into_place(fresh: Path, place: Path) -> None:
    """Swap the folders; the earlier one comes back when that fails, and goes only afterwards."""
    os.chmod(fresh, 0o755)  # mkdtemp makes private folders
    if not place.exists():
        os.replace(fresh, place)
        return
    old = Path(tempfile.mkdtemp(prefix=f".{place.name}.old.", dir=place.parent))
    os.replace(place, old)
    try:
        os.replace(fresh, place)
    except OSError:
        os.replace(old, place)
        raise
    shutil.rmtree(old, ignore_errors=True)

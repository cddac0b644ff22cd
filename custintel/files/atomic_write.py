"""Results that appear whole or not at all: written under a temporary name, then moved into place.

A killed run leaves the earlier result as it was. What it left under its temporary name, which says whose it is, is
removed by the next run that writes into the same folder. A link is followed: what it points to is replaced. A full
disk and a place that may not be written to are an `OutputError`; the earlier result stays whole.
"""

from __future__ import annotations

import ctypes
import errno
import os
import re
import secrets
import shutil
import stat
import sys
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from custintel.errors import DataError, OutputError
from custintel.files.process_identity import current_process, parse_process

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


_T = TypeVar("_T")

_LEFTOVER = re.compile(r"\.(?P<name>.+)\.custintel-(?P<owner>[0-9a-f-]+)-[0-9a-z]{8}\.(?P<kind>part|old)(?:-journal)?")
_SCRATCH = re.compile(r"custintel-(?P<owner>[0-9a-f-]+)-[0-9a-z]{8}")
_LONGEST_NAME = 60
_MOST_TRIES = 20
_EXCHANGE = 2  # RENAME_EXCHANGE of Linux, RENAME_SWAP of macOS
_REASONS = {
    errno.ENOSPC: ("the disk is full", "free some space, or write to another disk"),
    errno.EDQUOT: ("the quota of the disk is used up", "free some space, or write to another disk"),
    errno.EFBIG: ("the file is larger than the system allows", "raise the limit (ulimit -f), or write elsewhere"),
    errno.EROFS: ("the disk is read-only", "write to another place"),
    errno.EACCES: ("there is no permission to write there", "write to another place, or change its permissions"),
    errno.EPERM: ("there is no permission to write there", "write to another place, or change its permissions"),
    errno.ENOTDIR: ("a part of the path is a file", "write to another place"),
    errno.EISDIR: ("it is a folder", "give the name of a file"),
    errno.ELOOP: ("it is a link that leads back to itself", "give the name of a file"),
    errno.ENAMETOOLONG: ("the name is too long", "give a shorter name"),
    errno.EBUSY: ("it is in use (a mounted disk?)", "write to a folder inside it"),
}


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """An empty folder to write into; it takes the place of `path` when the block ends without an error.

    Where the system can exchange two folders in one step (Linux, macOS), a reader finds the old or the new one at
    every moment.

    Parameters
    ----------
    path : Path
        The folder to make or to replace; a link to a folder is followed.

    Raises
    ------
    OutputError
        When it cannot be written; the earlier folder is whole then.

    Examples
    --------
    >>> with tempfile.TemporaryDirectory() as home:
    ...     with atomic_folder(Path(home) / "model") as fresh:
    ...         _ = (fresh / "model.json").write_text("{}")
    ...     sorted(path.name for path in Path(home).rglob("*"))
    ['model', 'model.json']
    """
    with _explain_errors(path):
        target = _resolve(path)
        _prepare_folder(target)
        fresh = _temporary_path(target, "part")
        fresh.mkdir()
    try:
        with _explain_errors(path, fresh):
            yield fresh
            if target.is_dir():
                fresh.chmod(stat.S_IMODE(target.stat().st_mode))
            _flush_folder(fresh)
            _move_into_place(fresh, target)
            _flush(target.parent)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


@contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """A file name to write to; the file takes the place of `path` when the block ends without an error.

    Parameters
    ----------
    path : Path
        The file to make or to replace. A link is followed; permissions of an earlier file are kept.

    Raises
    ------
    OutputError
        When it cannot be written; the earlier file is whole then.

    Examples
    --------
    >>> with tempfile.TemporaryDirectory() as home:
    ...     with atomic_file(Path(home) / "features.sql") as fresh:
    ...         _ = fresh.write_text("select 1")
    ...     sorted(path.name for path in Path(home).iterdir())
    ['features.sql']
    """
    with _explain_errors(path):
        target = _resolve(path)
        if _is_device(target):
            with _copy_to_device(target) as copied:
                yield copied
            return
        _refuse_unwritable(target)
        _prepare_folder(target)
        fresh = _temporary_path(target, "part")
        mode = stat.S_IMODE(target.stat().st_mode) if target.exists() else None
        # a new file gets the permissions that the system gives; what replaces a private one is never public
        os.close(os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666 if mode is None else 0o600))
    try:
        with _explain_errors(path, fresh):
            yield fresh
            if mode is not None:
                fresh.chmod(mode)
            _flush(fresh)
            os.replace(fresh, target)
            _flush(target.parent)
    finally:
        fresh.unlink(missing_ok=True)


@contextmanager
def atomic_new_file(path: Path) -> Iterator[Path]:
    """A name under which a new file is made; it appears whole, unless another process has made one meanwhile.

    Parameters
    ----------
    path : Path
        The file to make; one that is there is left as it is.

    Examples
    --------
    >>> with tempfile.TemporaryDirectory() as home:
    ...     for text in ("first", "second"):
    ...         with atomic_new_file(Path(home) / "store.db") as fresh:
    ...             _ = fresh.write_text(text)
    ...     [(path.name, path.read_text()) for path in Path(home).iterdir()]
    [('store.db', 'first')]
    """
    with _explain_errors(path):
        target = _resolve(path)
        _prepare_folder(target)
        fresh = _temporary_path(target, "part")
    try:
        with _explain_errors(path, fresh):
            yield fresh
            _flush(fresh)
            _link_into_place(fresh, target)
            _flush(target.parent)
    finally:
        fresh.unlink(missing_ok=True)


def read_consistently(folder: Path, read: Callable[[], _T]) -> _T:
    """What a function reads from a folder; it reads once more when the folder was replaced in the meantime.

    Parameters
    ----------
    folder : Path
        The folder, which another process may replace (`atomic_folder`) at any moment.
    read : callable
        What reads it.

    Raises
    ------
    DataError
        When the folder is replaced faster than it can be read, twenty times.

    Examples
    --------
    >>> with tempfile.TemporaryDirectory() as home:
    ...     read_consistently(Path(home), lambda: len(list(Path(home).iterdir())))
    0
    """
    for _ in range(_MOST_TRIES):
        before = _identity(folder)
        try:
            found = read()
        except Exception:
            if _identity(folder) == before:
                raise
        else:
            if _identity(folder) == before:
                return found
    raise DataError(f"{folder} is replaced faster than it can be read\n  hint: try again later")


def _identity(folder: Path) -> tuple[int, int] | None:
    try:
        found = folder.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def check_output_path(path: Path) -> Path:
    """The file to write, looked at before any work is done for it.

    Raises
    ------
    OutputError
        For a folder, a file that may not be written to, and a folder in which nothing may be made.

    Examples
    --------
    >>> check_output_path(Path("scores.parquet")).name
    'scores.parquet'
    """
    with _explain_errors(path):
        target = _resolve(path)
        if not _is_device(target):
            _refuse_unwritable(target)
            above = next(folder for folder in target.parents if folder.exists())
            if not above.is_dir():
                raise OSError(errno.ENOTDIR, "", str(path))
            if not _has_access(above, os.W_OK | os.X_OK):
                raise OSError(errno.EACCES, "", str(path))
    return path


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """A folder for temporary files; when this process is killed, the next one removes it.

    Examples
    --------
    >>> with scratch_folder() as folder:
    ...     folder.is_dir()
    True
    """
    folder = make_scratch_folder()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def make_scratch_folder() -> Path:
    """A folder for temporary files that the caller removes; those of dead processes are removed now."""
    home = Path(tempfile.gettempdir())
    _remove_leftovers(home, _SCRATCH)
    folder = home / f"custintel-{current_process().text}-{_random_suffix()}"
    folder.mkdir(mode=0o700)
    return folder


def _resolve(path: Path) -> Path:
    """Where a path leads when links are followed; a link to nothing leads to where the file will be."""
    target = Path(os.path.realpath(path))
    if target.is_symlink():  # only a link that leads back to itself stays one
        raise OSError(errno.ELOOP, "", str(path))
    return target


def _is_device(target: Path) -> bool:
    """Whether it is a pipe or a device, such as /dev/stdout: written to, never replaced."""
    return target.exists() and not target.is_file() and not target.is_dir()


def _refuse_unwritable(target: Path) -> None:
    if target.is_dir():
        raise OSError(errno.EISDIR, "", str(target))
    if target.exists() and not _has_access(target, os.W_OK):
        raise OSError(errno.EACCES, "", str(target))


def _has_access(path: Path, what: int) -> bool:
    return os.access(path, what, effective_ids=os.access in os.supports_effective_ids)


@contextmanager
def _copy_to_device(device: Path) -> Iterator[Path]:
    with scratch_folder() as folder:
        yield folder / "content"
        with (folder / "content").open("rb") as source, device.open("wb") as target:
            shutil.copyfileobj(source, target)


def _prepare_folder(target: Path) -> None:
    """Make the folder that the target stands in, and remove what killed runs left there."""
    target.parent.mkdir(parents=True, exist_ok=True)
    _remove_leftovers(target.parent, _LEFTOVER)


def _temporary_path(target: Path, kind: str) -> Path:
    """A name of our own in the same folder, which says whose it is."""
    return target.with_name(
        f".{target.name[:_LONGEST_NAME]}.custintel-{current_process().text}-{_random_suffix()}.{kind}"
    )


def _random_suffix() -> str:
    return secrets.token_hex(4)


def _remove_leftovers(folder: Path, pattern: re.Pattern[str]) -> None:
    """Remove what dead processes of this user left in a folder."""
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            found = pattern.fullmatch(entry.name)
            owner = None if found is None else parse_process(found["owner"])
            if found is not None and owner is not None and _is_ours(entry) and owner.dead:
                _remove_one(Path(entry.path), found)


def _link_into_place(fresh: Path, target: Path) -> None:
    """Give a file its name unless the name is taken."""
    try:
        os.link(fresh, target)
    except FileExistsError:
        pass
    except OSError:  # a disk without links
        if not target.exists():
            fresh.rename(target)


def _is_ours(entry: os.DirEntry[str]) -> bool:
    with suppress(OSError):
        return not hasattr(os, "geteuid") or entry.stat(follow_symlinks=False).st_uid == os.geteuid()
    return False


def _remove_one(path: Path, found: re.Match[str]) -> None:
    if found.groupdict().get("kind") == "old":
        target = path.with_name(found["name"])
        if not target.exists():  # killed between two renames: the earlier folder comes back
            with suppress(OSError):
                path.rename(target)
            return
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()


def _move_into_place(fresh: Path, target: Path) -> None:
    """Put the new folder where the earlier one was; that one then has the temporary name, and is removed."""
    if not target.exists():
        fresh.rename(target)
        return
    if _try_exchange(fresh, target):
        return
    old = target.with_name(f".{target.name}.custintel-{current_process().text}-{_random_suffix()}.old")
    target.rename(old)
    try:
        fresh.rename(target)
    except OSError:
        old.rename(target)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _try_exchange(one: Path, other: Path) -> bool:
    """Exchange two folders in one step; False where the system or the disk cannot."""
    name, here = ("renamex_np", ()) if sys.platform == "darwin" else ("renameat2", (-100,))
    try:
        rename = getattr(ctypes.CDLL(None, use_errno=True), name)
    except (AttributeError, OSError, TypeError):
        return False
    if rename(*here, os.fsencode(one), *here, os.fsencode(other), _EXCHANGE) == 0:
        return True
    code = ctypes.get_errno()
    if code in (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP):
        return False
    raise OSError(code, os.strerror(code), str(other))


def _flush_folder(folder: Path) -> None:
    for path in sorted(folder.rglob("*"), reverse=True):
        _flush(path)
    _flush(folder)


def _flush(path: Path) -> None:
    """Have the disk keep what was written; folders only where the system allows it."""
    if path.is_dir():
        with suppress(OSError):
            _sync(path, os.O_RDONLY)
    elif path.is_file():
        _sync(path, os.O_RDWR)


def _sync(path: Path, flags: int) -> None:
    handle = os.open(path, flags)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _explain_errors(path: Path, fresh: Path | None = None) -> Iterator[None]:
    """Errors of writing in words; those of other files pass as they are."""
    try:
        yield
    except OutputError:
        raise
    except OSError as error:
        reason = _REASONS.get(error.errno or 0)
        if reason is None or not _is_about(error, path, fresh):
            raise
        what, hint = reason
        raise OutputError(
            f"{path} cannot be written: {what}\n  hint: {hint}; what was there before is unchanged"
        ) from error


def _is_about(error: OSError, path: Path, fresh: Path | None) -> bool:
    """Whether an error is about the result: it names no file, the result, or a folder above it."""
    if not isinstance(error.filename, str | os.PathLike):
        return True
    named, target = Path(os.path.realpath(os.fspath(error.filename))), Path(os.path.realpath(path))
    return named == target or named in target.parents or fresh in (named, *named.parents)

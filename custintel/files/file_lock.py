"""One writer at a time: a lock beside a file or folder, held by the operating system and gone with its owner.

The lock is one of the system (`flock`), not the presence of a file: when its owner is killed, the next one has it at
once. The file ``NAME.lock`` is there while it is held, says by whom, and is taken away afterwards; what a killed owner
left of it blocks nobody. Local disks and NFS 4 have such locks; on a file system without them there is an error.

>>> import tempfile
>>> from pathlib import Path
>>> with tempfile.TemporaryDirectory() as home:
...     place = Path(home) / "rules.jsonl"
...     with locked(place):
...         inside = [path.name for path in Path(home).iterdir()]
...     inside, list(Path(home).iterdir())
(['rules.jsonl.lock'], [])
"""

from __future__ import annotations

import errno
import os
import random
import time
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from custintel.errors import DataError, OutputError
from custintel.files.process_identity import describe_process

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


WAIT_SECONDS = 30.0
"""How long a writer waits for another one by default."""

_LONGEST_PAUSE = 0.05
_HELD = (errno.EACCES, errno.EAGAIN, errno.EDEADLK)


@contextmanager
def locked(path: Path, seconds: float = WAIT_SECONDS) -> Iterator[None]:
    """Hold the lock of a file or folder; wait for it when another process or thread has it.

    Parameters
    ----------
    path : Path
        What is to be written, whether it is there or not.
    seconds : float
        How long to wait.

    Raises
    ------
    DataError
        When another one has it for all that time; the error says who.
    OutputError
        When the folder cannot be written, or has no locks.
    """
    target = path.resolve()
    lock_path = target.with_name(target.name + ".lock")
    handle = _acquire(lock_path, path, seconds)
    try:
        _write_holder(handle)
        yield
    finally:
        with suppress(OSError):  # Windows keeps a file that is open
            lock_path.unlink()
        os.close(handle)


def _acquire(lock_path: Path, path: Path, seconds: float) -> int:
    limit = time.monotonic() + seconds
    while True:
        handle = _open(lock_path, path)
        if _try_lock(handle, path):
            if _is_at(handle, lock_path):
                return handle
            os.close(handle)  # its last owner took the file away after we had opened it
            continue
        holder = _read_holder(handle)
        os.close(handle)
        if time.monotonic() >= limit:
            raise DataError(_busy(path, holder, seconds))
        time.sleep(random.uniform(0.1, 1.0) * _LONGEST_PAUSE)


def _open(lock_path: Path, path: Path) -> int:
    try:
        lock_path.parent.mkdir(parents=True, exist_ok=True)
        return os.open(lock_path, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise OutputError(
            f"{path} cannot be written: {error.strerror}\n"
            f"  given: {lock_path}\n  hint: its folder must be there and be writable, for the file and for its lock"
        ) from error


def _try_lock(handle: int, path: Path) -> bool:
    try:
        _lock(handle)
    except OSError as error:
        if error.errno in _HELD:
            return False
        os.close(handle)
        raise OutputError(
            f"{path} cannot be locked: {error.strerror}\n"
            "  hint: keep it on a local disk or on NFS 4; two writers without a lock would lose what they write"
        ) from error
    return True


try:
    import fcntl

    def _lock(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)

except ImportError:  # pragma: no cover - Windows
    import msvcrt

    def _lock(handle: int) -> None:
        os.lseek(handle, 1 << 30, os.SEEK_SET)  # beyond the text, which others may read
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]


def _is_at(handle: int, lock_path: Path) -> bool:
    """Whether the file that is locked is still the one that others find."""
    try:
        found = os.stat(lock_path)
    except FileNotFoundError:
        return False
    return os.path.samestat(os.fstat(handle), found)


def _write_holder(handle: int) -> None:
    """Note who holds the lock, for the errors of those who wait in vain; a full disk is no reason to fail here."""
    text = f"{describe_process()} since {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC"
    with suppress(OSError):
        os.ftruncate(handle, 0)
        os.lseek(handle, 0, os.SEEK_SET)
        os.write(handle, text.encode())


def _read_holder(handle: int) -> str:
    with suppress(OSError):
        os.lseek(handle, 0, os.SEEK_SET)
        return os.read(handle, 200).decode(errors="replace") or "another process"
    return "another process"


def _busy(path: Path, holder: str, seconds: float) -> str:
    return (
        f"{path} is being written by another process\n"
        f"  given: {holder}; waited {seconds:g} s\n"
        "  hint: try again when that one is done; if it hangs, end it: the lock goes with it"
    )

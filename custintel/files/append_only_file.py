"""`AppendOnlyFile`: a file of lines that is only ever added to, of which a reader takes what is new.

A last line that a killed process cut off is moved to a file of its own. Lines end with ``\\n`` and with nothing else:
a text may hold U+2028, U+0085 and whatever else counts as the end of a line.
"""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from typing import TYPE_CHECKING

from custintel.errors import DataError, OutputError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


class AppendOnlyFile:
    """The lines of a file, and how far it was read.

    Parameters
    ----------
    path : Path
        The file; it need not be there.
    """

    def __init__(self, path: Path) -> None:
        self.path, self._read, self._ended = path, 0, True

    @property
    def position(self) -> tuple[int, bool]:
        """How far it was read, and whether a line ends there; may be set back."""
        return self._read, self._ended

    @position.setter
    def position(self, position: tuple[int, bool]) -> None:
        self._read, self._ended = position

    def new_lines(self) -> tuple[list[bytes], bytes]:
        """The whole lines that were added since the last look, and what stands after the last line's end."""
        data = self._new_bytes()
        *lines, rest = data.split(b"\n")
        self._read += len(data) - len(rest)
        if lines and not self._ended:  # the end of a line that was accepted without it
            self._ended, lines = True, lines[1:] if not lines[0] else lines
        return lines, rest

    def accept_unfinished(self, rest: bytes) -> None:
        """Count what stands after the last line's end as a line; its end is written with the next one."""
        self._read, self._ended = self._read + len(rest), False

    def append(self, lines: Iterable[bytes]) -> None:
        """Add lines, all or none; they are on the disk when this returns. The lock must be held.

        Raises
        ------
        OutputError
            When they cannot be written: the file is left as it was.
        """
        data = (b"" if self._ended else b"\n") + b"".join(line + b"\n" for line in lines)
        is_new = not self.path.exists()
        try:
            self._write(data)
            if is_new:
                _sync_folder(self.path)
        except OSError as error:
            raise OutputError(
                f"{self.path} could not be written, nothing was added: {error.strerror}\n"
                "  hint: make room or give the right to write, and do it again"
            ) from error
        self._read, self._ended = self._read + len(data), True

    def move_aside(self, rest: bytes) -> Path:
        """Move what was cut off to a file of its own; the lock must be held."""
        aside = self.path.with_name(f"{self.path.name}.torn-{hashlib.sha256(rest).hexdigest()[:8]}")
        with aside.open("wb") as file:
            file.write(rest)
            file.flush()
            os.fsync(file.fileno())
        with self.path.open("r+b") as file:
            file.truncate(self._read)
            os.fsync(file.fileno())
        return aside

    def _new_bytes(self) -> bytes:
        try:
            with self.path.open("rb") as file:
                if os.fstat(file.fileno()).st_size < self._read:
                    raise DataError(_shorter_text(self.path))
                file.seek(self._read)
                return file.read()
        except FileNotFoundError:
            if self._read:
                raise DataError(_shorter_text(self.path)) from None
            return b""

    def _write(self, data: bytes) -> None:
        handle = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
        try:
            size = os.fstat(handle).st_size
            try:
                rest = memoryview(data)
                while rest:
                    rest = rest[os.write(handle, rest) :]
                os.fsync(handle)
            except BaseException:
                os.ftruncate(handle, size)
                raise
        finally:
            os.close(handle)


def _sync_folder(path: Path) -> None:
    """Make the name of a new file last as long as what is in it."""
    with suppress(OSError):  # not every system opens folders
        handle = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _shorter_text(path: Path) -> str:
    return (
        f"{path} is shorter than it was: it is only ever added to, so something was cut off or it was replaced\n"
        "  hint: open it again if it was restored from a copy on purpose"
    )

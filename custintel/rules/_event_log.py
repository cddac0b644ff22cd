"""The memory of a rule base: events that are only ever added, each sealed with the hash of the one before.

>>> log = EventLog()
>>> for name in ("added", "moved"):
...     log.add({"event": name, "rule": "a@1"})
>>> log.verify()
>>> forged = EventLog((log.events[0], {**log.events[1], "event": "noted"}))
>>> forged.verify()
Traceback (most recent call last):
    ...
custintel.errors.DataError: the log of the rule base was changed: event 2 does not fit its hash
  hint: restore the log from a copy; `head` of the last known good state tells which

In a file, a log is JSON lines. Whoever writes holds its lock, reads what others added in the meantime, and adds to
that; what was read before is not read again. What a killed process left of a line is moved to ``NAME.torn-...`` and
reported.
"""

from __future__ import annotations

import hashlib
import json
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from custintel.errors import ConfigurationError, DataError, QualityWarning
from custintel.files.append_only_file import AppendOnlyFile
from custintel.files.file_lock import WAIT_SECONDS, locked

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path


Event = dict[str, Any]


class EventLog:
    """Events in their order, in memory or in a file.

    Parameters
    ----------
    events : iterable of dict
        The events known so far.
    """

    def __init__(self, events: Iterable[Event] = ()) -> None:
        self._events = list(events)
        self._file: AppendOnlyFile | None = None
        self._seconds = WAIT_SECONDS

    @property
    def events(self) -> Sequence[Event]:
        """The events; a list that grows, not to be changed."""
        return self._events

    @property
    def head(self) -> str:
        """Hash of the last event; kept elsewhere, it proves that nothing was cut off the end."""
        return str(self._events[-1]["hash"]) if self._events else ""

    def add(self, content: Mapping[str, Any]) -> None:
        """Add an event; in a file, inside `writing`."""
        sealed = {**_plain(content), "seq": len(self._events) + 1, "previous": self.head}
        self._events.append({**sealed, "hash": _hash_of(sealed)})

    def verify(self, head: str | None = None) -> None:
        """Raise when an event was changed, removed, added or moved.

        Parameters
        ----------
        head : str, optional
            The head noted earlier: it must be among the hashes.
        """
        before = ""
        for k, event in enumerate(self._events, 1):
            if not _fits_chain(event, k, before):
                raise DataError(changed_log_text(f"event {k} does not fit its hash"))
            before = str(event["hash"])
        if head and head not in {str(event["hash"]) for event in self._events}:
            raise DataError(changed_log_text("the noted head is not in it; the end was cut off or written anew"))

    @classmethod
    def open(cls, path: Path, seconds: float = WAIT_SECONDS) -> EventLog:
        """The log of a file, verified; one that is not there begins with the first event.

        Parameters
        ----------
        path : Path
            The file.
        seconds : float
            How long to wait for another process that writes.
        """
        log = cls()
        log._file, log._seconds = AppendOnlyFile(path), seconds
        rest = log._read_new_events()
        if rest:
            log._recover(rest)
        return log

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Add events inside: all of them are written at the end, or none.

        Raises
        ------
        DataError
            When another process does not stop writing, or what it wrote does not fit.
        OutputError
            When the disk is full or may not be written to.
        """
        if self._file is None:
            with self._all_or_none():
                yield
            return
        with locked(self._file.path, self._seconds):
            rest = self._read_new_events()
            if rest:
                self._set_aside(rest)
            known = len(self._events)
            with self._all_or_none():
                yield
                if len(self._events) > known:
                    self._file.append(_line(event).encode() for event in self._events[known:])

    @contextmanager
    def _all_or_none(self) -> Iterator[None]:
        known = len(self._events)
        try:
            yield
        except BaseException:
            del self._events[known:]
            raise

    def _read_new_events(self) -> bytes:
        """Read what was added to the file; returns what is no whole line."""
        assert self._file is not None
        position = self._file.position
        try:
            with self._all_or_none():
                lines, rest = self._file.new_lines()
                for line in filter(bytes.strip, lines):
                    self._events.append(self._next(line))
        except BaseException:
            self._file.position = position
            raise
        if rest and self._is_next(rest):  # only the end of the line is missing
            self._events.append(self._next(rest))
            self._file.accept_unfinished(rest)
            return b""
        return rest

    def _next(self, line: bytes) -> Event:
        k = len(self._events) + 1
        event = _event(line)
        if event is None or not _fits_chain(event, k, self.head):
            assert self._file is not None
            wrong = "is no event" if event is None else "does not fit its hash"
            raise DataError(changed_log_text(f"event {k} of {self._file.path} {wrong}"))
        return event

    def _is_next(self, line: bytes) -> bool:
        event = _event(line)
        return event is not None and _fits_chain(event, len(self._events) + 1, self.head)

    def _recover(self, rest: bytes) -> None:
        """Look again when nobody writes: what is no whole line then was cut off by a kill or a full disk."""
        assert self._file is not None
        try:
            with locked(self._file.path, self._seconds):
                again = self._read_new_events()
                if again:
                    self._set_aside(again)
        except OSError:  # OutputError is one
            _warn(self._file.path, rest, "it is left where it is: the folder cannot be written")

    def _set_aside(self, rest: bytes) -> None:
        assert self._file is not None
        _warn(self._file.path, rest, f"it is kept in {self._file.move_aside(rest).name}")


def changed_log_text(what: str) -> str:
    """What to say about a log that does not fit."""
    return (
        f"the log of the rule base was changed: {what}\n"
        "  hint: restore the log from a copy; `head` of the last known good state tells which"
    )


def _warn(path: Path, rest: bytes, what: str) -> None:
    text = f"the last line of {path} was cut off ({len(rest)} bytes), as by a kill or a full disk: {what}"
    warnings.warn(text, QualityWarning, stacklevel=2)


def _plain(content: Mapping[str, Any]) -> Event:
    """The content as it will be read back: keys as texts, tuples as lists."""
    try:
        # keys are not sorted before they are texts: 10 comes after 2, but "10" before "2"
        found: Event = json.loads(json.dumps(dict(content), ensure_ascii=False, allow_nan=False).encode())
    except (TypeError, ValueError) as error:  # UnicodeEncodeError is one
        raise ConfigurationError(
            f"what is to be kept in the log is not plain data: {type(error).__name__}\n"
            "  allowed: texts, finite numbers, true and false, lists and mappings of them"
        ) from error
    return found


def _fits_chain(event: Event, k: int, before: str) -> bool:
    content = {name: value for name, value in event.items() if name != "hash"}
    try:
        return event.get("previous") == before and event.get("seq") == k and event.get("hash") == _hash_of(content)
    except (ValueError, RecursionError):  # what no log of ours holds, such as 1e999
        return False


def _hash_of(content: Event) -> str:
    return hashlib.sha256(_line(content).encode(errors="surrogatepass")).hexdigest()


def _line(content: Event) -> str:
    return json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)


def _event(line: bytes) -> Event | None:
    try:
        found = json.loads(line.decode(), parse_constant=_no_number)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _no_number(name: str) -> float:
    raise ValueError(name)

"""The memory of a rule base: events that are only ever added, each sealed with the hash of the one before.

>>> log = EventLog().with_event({"event": "proposed", "rule": "a@1"}).with_event({"event": "shadow", "rule": "a@1"})
>>> log.verify()
>>> forged = EventLog((log.events[0], {**log.events[1], "event": "active"}))
>>> forged.verify()
Traceback (most recent call last):
    ...
custintel.errors.DataError: the log of the rule base was changed: event 2 does not fit its hash
  hint: restore the log from a copy; `head` of the last known good state tells which
"""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from custintel.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["EventLog"]

Event = dict[str, Any]


@dataclass(frozen=True)
class EventLog:
    """Events in their order."""

    events: tuple[Event, ...] = ()

    @property
    def head(self) -> str:
        """Hash of the last event; kept elsewhere, it proves that nothing was cut off the end."""
        return str(self.events[-1]["hash"]) if self.events else ""

    def with_event(self, content: Event) -> EventLog:
        """The log with one more event."""
        sealed = {**content, "seq": len(self.events) + 1, "previous": self.head}
        return EventLog((*self.events, {**sealed, "hash": _seal(sealed)}))

    def verify(self, head: str | None = None) -> None:
        """Raise when an event was changed, removed, added or moved.

        Parameters
        ----------
        head : str, optional
            The head noted earlier: it must be among the hashes.
        """
        before = ""
        for k, event in enumerate(self.events, 1):
            content = {name: value for name, value in event.items() if name != "hash"}
            if event.get("previous") != before or event.get("seq") != k or event.get("hash") != _seal(content):
                raise DataError(_changed(f"event {k} does not fit its hash"))
            before = str(event["hash"])
        if head and head not in {str(event["hash"]) for event in self.events}:
            raise DataError(_changed("the noted head is not in it; the end was cut off or written anew"))

    @classmethod
    def read(cls, path: Path) -> EventLog:
        """The events of a file, verified."""
        if not path.exists():
            return cls()
        lines = path.read_text(encoding="utf-8").splitlines()
        log = cls(tuple(_event(line, k, path) for k, line in enumerate(lines, 1) if line.strip()))
        log.verify()
        return log

    def append_to(self, path: Path, known: int) -> None:
        """Write the events after the first `known` ones to the end of a file.

        Raises
        ------
        DataError
            When another process has written in the meantime.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        with _alone(path):
            if len(EventLog.read(path).events) != known:
                raise DataError(_busy(path, "has grown since it was read"))
            with path.open("a", encoding="utf-8", newline="\n") as file:
                file.write("".join(_line(event) + "\n" for event in self.events[known:]))
                file.flush()
                os.fsync(file.fileno())


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Hold a lock file while writing, so that two processes cannot both add the next event."""
    lock = path.with_name(path.name + ".lock")
    try:
        os.close(os.open(lock, os.O_CREAT | os.O_EXCL))
    except FileExistsError as error:
        raise DataError(_busy(path, f"is locked by {lock.name}")) from error
    try:
        yield
    finally:
        lock.unlink(missing_ok=True)


def _busy(path: Path, what: str) -> str:
    return (
        f"{path} {what}: another process works on this rule base\n"
        "  hint: open it again when that one is done; delete the lock if it was killed"
    )


def _seal(content: Event) -> str:
    return hashlib.sha256(_line(content).encode()).hexdigest()


def _line(content: Event) -> str:
    return json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)


def _event(line: str, k: int, path: Path) -> Event:
    try:
        found = json.loads(line)
    except json.JSONDecodeError as error:
        raise DataError(_changed(f"line {k} of {path} is not JSON")) from error
    if not isinstance(found, dict):
        raise DataError(_changed(f"line {k} of {path} is no event"))
    return found


def _changed(what: str) -> str:
    return (
        f"the log of the rule base was changed: {what}\n"
        "  hint: restore the log from a copy; `head` of the last known good state tells which"
    )

"""Which process this is: the identity that marks temporary files and MLflow runs, and the name that a lock shows.

Only what a dead process left behind may be removed, so an identity also says when its process started.

>>> current_process().dead
False
>>> parse_process(current_process().text) == current_process()
True
>>> parse_process("somebody else's file") is None
True
"""

from __future__ import annotations

import hashlib
import os
import re
import socket
from dataclasses import dataclass
from pathlib import Path

_TEXT = re.compile(r"(?P<host>[0-9a-f]{8})-(?P<pid>[0-9]{1,10})-(?P<born>[0-9a-f]{1,24})")
_UNKNOWN = "0"


@dataclass(frozen=True)
class ProcessIdentity:
    """A process on a machine.

    Attributes
    ----------
    host : str
        Eight hex digits from the name of the machine and the table of processes (containers have their own).
    pid : int
        Number of the process.
    born : str
        When it started, because numbers of processes are used again; ``0`` where the system does not say.
    """

    host: str
    pid: int
    born: str

    @property
    def text(self) -> str:
        """The identity as a part of a file name."""
        return f"{self.host}-{self.pid}-{self.born}"

    @property
    def dead(self) -> bool:
        """Whether the process is certainly gone; False for another machine, and where nothing can be known."""
        if self.host != _host():
            return False
        if self.born != _UNKNOWN:
            return _born(self.pid) != self.born
        return os.name == "posix" and not _answers(self.pid)


def current_process() -> ProcessIdentity:
    """The identity of the process that asks (a forked child has one of its own)."""
    return ProcessIdentity(_host(), os.getpid(), _born(os.getpid()) or _UNKNOWN)


def describe_process() -> str:
    """The process that asks, in words for people: its number and its machine.

    >>> describe_process() == f"process {os.getpid()} on {socket.gethostname()}"
    True
    """
    return f"process {os.getpid()} on {socket.gethostname()}"


def parse_process(text: str) -> ProcessIdentity | None:
    """The process that a text names, such as `ProcessIdentity.text` gave it; None when it names none."""
    found = _TEXT.fullmatch(text)
    return None if found is None else ProcessIdentity(found["host"], int(found["pid"]), found["born"])


def _host() -> str:
    return hashlib.sha256(f"{socket.gethostname()} {_process_table()}".encode()).hexdigest()[:8]


def _process_table() -> str:
    """Two containers of one name have different tables of processes: one cannot tell whether the other's live."""
    try:
        return os.readlink("/proc/self/ns/pid")
    except OSError:
        return ""


def _born(pid: int) -> str | None:
    """Start of a process in clock ticks after a certain boot; None when it is gone, or where there is no /proc."""
    try:
        # the name of the program, in brackets, may hold blanks and brackets
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return None
    state, ticks = fields[0], int(fields[19])
    # a zombie has stopped working, though nobody has asked for its exit code yet
    return None if state in "ZX" else f"{hashlib.sha256(boot.encode()).hexdigest()[:6]}{ticks:x}"


def _answers(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass
    return True

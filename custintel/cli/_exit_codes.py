"""With which code a command leaves. The page docs/exit_codes.md says it to operators of schedulers."""

from __future__ import annotations

from enum import IntEnum
from types import MappingProxyType

import duckdb

from custintel.errors import CustintelError


class ExitCode(IntEnum):
    """What a scheduler can tell apart.

    Examples
    --------
    >>> int(ExitCode.REFUSED), ExitCode(3).name
    (1, 'TOO_MUCH_SET_ASIDE')
    """

    DONE = 0
    REFUSED = 1
    USAGE = 2
    TOO_MUCH_SET_ASIDE = 3
    BUG = 70
    STOPPED = 130


MEANINGS = MappingProxyType(
    {
        ExitCode.DONE: "the work is done",
        ExitCode.REFUSED: "the data, a file, a configuration or the machine does not allow it",
        ExitCode.USAGE: "the command was written wrongly",
        ExitCode.TOO_MUCH_SET_ASIDE: "more rows of a table were set aside than allowed",
        ExitCode.BUG: "a mistake in custintel itself",
        ExitCode.STOPPED: "stopped by the user",
    }
)
"""What each code means, in a few words."""

REFUSALS = (CustintelError, OSError, MemoryError, duckdb.IOException, duckdb.OutOfMemoryException)
"""Errors that are no mistake of the library: their text says what to do."""

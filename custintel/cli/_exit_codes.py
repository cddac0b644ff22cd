"""With which code a command leaves. The page docs/exit_codes.md says it to operators of schedulers."""

from __future__ import annotations

import sys
from enum import IntEnum
from types import MappingProxyType

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


def is_refusal(error: Exception) -> bool:
    """Whether an error is no mistake of the library: its text says what to do.

    Examples
    --------
    >>> is_refusal(FileNotFoundError("bills.csv")), is_refusal(KeyError("bills"))
    (True, False)
    """
    if isinstance(error, (CustintelError, OSError, MemoryError)):
        return True
    duckdb = sys.modules.get("duckdb")  # heavy to import, and without it none of its errors is raised
    return duckdb is not None and isinstance(error, (duckdb.IOException, duckdb.OutOfMemoryException))

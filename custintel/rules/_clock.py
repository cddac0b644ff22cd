"""Times of the rule base as moments that can be subtracted; without a zone they are UTC, as in its log."""

from __future__ import annotations

from datetime import UTC, datetime

from custintel.dates import read_moment

__all__ = ["days_between", "is_written_time", "moment"]

_WRITTEN = "%Y-%m-%dT%H:%M:%S.%fZ"
_LENGTH = len("2025-03-01T00:00:00.000000Z")


def moment(at: str | datetime | None) -> datetime:
    """A time in UTC; now when None.

    >>> moment("2025-03-01").isoformat()
    '2025-03-01T00:00:00+00:00'
    """
    if at is None:
        return datetime.now(UTC)
    found = read_moment(at).to_pydatetime(warn=False)
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)


def days_between(since: str | datetime | None, until: str | datetime | None) -> float:
    """Days from one time to another, fractions included; None is now.

    >>> days_between("2025-03-01", "2025-03-02T12:00")
    1.5
    """
    return (moment(until) - moment(since)).total_seconds() / 86_400


def is_written_time(text: object) -> bool:
    """Whether a text is a time just as a log has it: such texts are in order where their times are.

    >>> is_written_time("2025-03-01T00:00:00.000000Z"), is_written_time("2025-03-01"), is_written_time("zzz")
    (True, False, False)
    """
    if not isinstance(text, str) or len(text) != _LENGTH or not text.isascii():
        return False
    try:
        return datetime.strptime(text, _WRITTEN).strftime(_WRITTEN) == text
    except ValueError:
        return False

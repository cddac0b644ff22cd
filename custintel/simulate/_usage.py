"""Usage of a month: calls, texts and data sessions of all lines, as equally long arrays sorted by time."""

from __future__ import annotations

from dataclasses import dataclass

from custintel.simulate._arrays import Bools, Bytes, Ints, Singles

__all__ = ["Activity", "UsageEvents"]

VOICE, SMS, DATA = 0, 1, 2
IN, OUT = 0, 1


@dataclass(frozen=True)
class Activity:
    """Multipliers by line and day of the month, float32 (n, days): 1 is usual, 0 means not with us on that day.

    Values between (a fade, a holiday) thin the use. A line with `calls_in` 0 cannot be reached on the net: its friends
    see it at the competitor if the number went there (`Population.ported_in`, `keeps_number`), else not at all.
    """

    calls_out: Singles
    calls_in: Singles
    texts: Singles
    data: Singles


@dataclass(frozen=True)
class UsageEvents:
    """Records of one month, sorted by time; a call or text on the net has one record for each side."""

    line: Ints  # int32
    time: Ints  # int64, seconds since the start of the data
    service: Bytes  # 0 voice, 1 sms, 2 data
    direction: Bytes  # 0 in, 1 out
    other: Ints  # int64 index in Network.alter_number, -1 for data
    other_operator: Bytes  # index in OPERATORS, -1 for data
    destination: Bytes  # index in DESTINATIONS, -1 for data
    duration_s: Singles
    data_mb: Singles
    answered: Bools
    cell: Ints  # int32, -1 abroad
    technology: Bytes  # index in TECHNOLOGIES
    roaming: Ints  # int16, index in COUNTRIES or -1

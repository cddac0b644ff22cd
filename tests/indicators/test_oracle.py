"""The indicators against plain Python, on records that hypothesis thinks up: bandicoot is not the only judge."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta
from statistics import fmean, pstdev
from typing import TYPE_CHECKING

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from plain_indicators import indicators

from custintel.indicators import cdr_indicators
from custintel.warehouse import Warehouse

if TYPE_CHECKING:
    from plain_indicators import Record

COLUMNS = ["customer_id", "event_time", "service", "direction", "other_party", "duration_s", "cell_id", "line"]


@st.composite
def _records(draw: st.DrawFn) -> list[tuple[str, Record]]:
    """Bursts of records of up to three customers, many of them around seven in the morning, at midnight, on Sundays."""
    found: list[tuple[str, Record]] = []
    for _ in range(draw(st.integers(1, 6))):
        day = datetime(2025, 6, 6) + timedelta(days=draw(st.integers(0, 17)))
        moment = day + timedelta(
            hours=draw(st.sampled_from([0, 6, 7, 12, 18, 19, 23])), minutes=draw(st.integers(0, 59))
        )
        who, other = draw(st.sampled_from("abc")), draw(st.sampled_from("xyz"))
        for _ in range(draw(st.integers(1, 7))):
            # no two at the same moment: their order is no bandicoot's, and tested elsewhere
            moment += timedelta(seconds=draw(st.sampled_from([1, 60, 1740, 1800, 3599, 3600, 3601])))
            service = draw(st.sampled_from(["voice", "sms", "sms"]))
            length = float(draw(st.integers(0, 900))) if service == "voice" else 0.0
            place = draw(st.sampled_from(["p", "q"]))
            found.append((who, (moment, service, draw(st.sampled_from(["in", "out"])), other, length, place)))
    moments = {(who, r[0]): (who, r) for who, r in found}
    return list(moments.values())


def _warehouse(records: list[tuple[str, Record]]) -> Warehouse:
    rows = [(who, *record, line) for line, (who, record) in enumerate(records)]
    return Warehouse.from_frames(usage=pd.DataFrame(rows, columns=COLUMNS), latest="2026-01-01")


def _own(records: list[tuple[str, Record]]) -> dict[str, list[Record]]:
    own = defaultdict(list)
    for who, record in records:
        own[who].append(record)
    return own


def _check(found: pd.Series, expected: dict[str, float | None]) -> None:
    wrong = {
        key: (value, found[key])
        for key, value in expected.items()
        if (value is None) != pd.isna(found[key])
        or (value is not None and found[key] != pytest.approx(value, abs=1e-9))
    }
    assert not wrong


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(_records())
def test_all_records_together(records: list[tuple[str, Record]]) -> None:
    found = cdr_indicators(_warehouse(records))
    own = _own(records)
    assert list(found.index) == sorted(own)
    for who, mine in own.items():
        _check(found.loc[who], indicators(mine))


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(_records())
def test_week_by_week(records: list[tuple[str, Record]]) -> None:
    found = cdr_indicators(_warehouse(records), "week")
    for who, mine in _own(records).items():
        weeks = defaultdict(list)
        for record in mine:
            weeks[record[0].isocalendar()[:2]].append(record)
        each = [indicators(one) for one in weeks.values()]
        for key in each[0]:
            known = [one[key] for one in each if one[key] is not None]
            spread = (fmean(known), pstdev(known)) if known else (None, None)
            _check(found.loc[who], {f"{key}__mean": spread[0], f"{key}__std": spread[1]})

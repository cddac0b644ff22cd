"""Honesty about input: silence, time zones, duplicates, order and files change what they should, and nothing else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from same_frames import assert_same
from small_operator import CUSTOMERS, SILENT, random_tables

from custintel.builder import FeatureBuilder
from custintel.catalogue import Catalogue
from custintel.contracts.table_contracts import TABLES
from custintel.warehouse import Warehouse

if TYPE_CHECKING:
    from pathlib import Path

DATES = ["2025-05-31", "2025-07-15"]
FAMILIES = ["volumes", "daily_activity", "bills"]
NEEDED = ("customers", "accounts", "plans", "subscriptions", "usage", "bills", "payments")
KEPT = ("customers", "usage", "bills")
some = settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module")
def builder() -> FeatureBuilder:
    return FeatureBuilder(FAMILIES)


@pytest.fixture(scope="module")
def raw(tables) -> dict[str, pd.DataFrame]:
    return {name: tables[name] for name in NEEDED}


@pytest.fixture(scope="module")
def before(builder, raw) -> pd.DataFrame:
    return builder.build(Warehouse.from_frames(**raw), DATES, customers=CUSTOMERS)


# silence -------------------------------------------------------------------------------------------------------------


def test_who_has_no_row_anywhere_gets_zero_where_zero_is_the_truth(wh) -> None:
    families = [
        f.name for f in Catalogue.load().families if TABLES[f.source].arrival_time and f.name != "call_community"
    ]
    builder = FeatureBuilder(families)
    X = builder.build(wh, DATES, customers=[SILENT])
    assert len(X) == 2
    entries = [e for e in builder.catalogue.entries() if e.kind != "derived" and e.column in X]
    zero, absent = (
        [e.column for e in entries if e.missing == 0],
        [e.column for e in entries if e.missing is None],
    )
    assert len(zero) > 50
    assert len(absent) > 20
    # call_community is left out: it sees a customer through the records of others
    assert (X[zero] == 0).all(axis=None)
    assert X[absent].isna().all(axis=None)


def test_silent_weeks_count(tmp_path) -> None:
    """Ten calls in the first of nine weeks and ten in the last: 2.2 a week, not 10; and nothing once all is silent."""
    (tmp_path / "weeks.yaml").write_text(
        """
family: weeks
about: Calls by week
source: usage
windows: [63d]
features:
  week_calls: {sql: count(*), unit: calls, missing: 0, about: Calls}
  week_age:   {sql: "days_between(max(event_date), as_of)", unit: d, missing: 63, about: Days since the last call}
derived:
  weekly_calls: {sql: week_calls_63d / 9, unit: calls, about: Calls a week}
"""
    )
    times = [pd.Timestamp(day) + pd.Timedelta(minutes=i) for day in ("2025-01-06", "2025-03-03") for i in range(10)]
    calls = pd.DataFrame({"customer_id": "a", "service": "voice", "direction": "out", "event_time": times})
    other = calls.assign(customer_id="b", event_time=calls["event_time"] + pd.Timedelta(days=200)).head(1)
    wh = Warehouse.from_frames(usage=pd.concat([calls, other]))
    X = FeatureBuilder(["weeks"], features_path=tmp_path).build(wh, ["2025-03-09", "2025-06-30"], customers=["a"])
    assert X["weekly_calls"].round(2).tolist() == [2.22, 0.0]
    assert X["week_age_63d"].tolist() == [6.0, 63.0]


# time zones ----------------------------------------------------------------------------------------------------------

ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Pacific/Apia"]
# around the changes of the clocks in 2025, and anywhere
INSTANTS = st.one_of(
    st.integers(-7_200, 7_200).map(lambda s: datetime(2025, 3, 30, 1, tzinfo=UTC) + timedelta(seconds=s)),
    st.integers(-7_200, 7_200).map(lambda s: datetime(2025, 10, 26, 1, tzinfo=UTC) + timedelta(seconds=s)),
    st.integers(-7_200, 7_200).map(lambda s: datetime(2025, 3, 9, 7, tzinfo=UTC) + timedelta(seconds=s)),
    st.integers(0, 300 * 86_400).map(lambda s: datetime(2025, 1, 2, tzinfo=UTC) + timedelta(seconds=s)),
)
OFFSETS = st.sampled_from([-570, -300, 0, 60, 330, 765])


def calls(times: list[object]) -> pd.DataFrame:
    """Calls of two customers; the last is a fixed one, so that all dates asked lie within the data."""
    frame = pd.DataFrame({"event_time": times, "duration_s": np.arange(len(times)) + 1.0})
    who = np.where(np.arange(len(times)) % 2 == 0, "a", "b")
    return frame.assign(customer_id=who, service="voice", direction="out")


@some
@given(moments=st.lists(st.tuples(INSTANTS, OFFSETS), min_size=1, max_size=12), zone=st.sampled_from(ZONES))
def test_an_instant_is_the_same_however_it_is_written(moments, zone) -> None:
    moments = [*moments, (datetime(2025, 1, 1, 12, tzinfo=UTC), 0)]
    moments += [(datetime(2025, 12, 1, 12, tzinfo=UTC), 0)]
    instants = [m for m, _ in moments]
    written = [m.astimezone(timezone(timedelta(minutes=o))).isoformat() for m, o in moments]
    local = [m.astimezone(ZoneInfo(zone)).replace(tzinfo=None) for m in instants]
    rename = {"usage": {"event_time": {"column": "event_time", "zone": zone}}}
    houses = [
        Warehouse.from_frames(usage=calls(pd.to_datetime(instants, utc=True)), rename=rename),
        Warehouse.from_frames(usage=calls(written), rename=rename),
        Warehouse.from_frames(usage=calls([str(t) for t in local]), rename=rename),
        Warehouse.from_frames(usage=calls(pd.to_datetime(local))),
    ]
    assert len({wh.digest() for wh in houses}) == 1
    dates = ["2025-03-09", "2025-03-30", "2025-10-26", "2025-11-30"]
    X = [FeatureBuilder(["volumes"]).build(wh, dates, customers=["a", "b"]) for wh in houses[:3]]
    assert_same(X[0], X[1])
    assert_same(X[0], X[2])


def test_the_hour_that_comes_twice_and_the_hour_that_does_not_come() -> None:
    rename = {"usage": {"event_time": {"column": "event_time", "zone": "Europe/Berlin"}}}
    row = {"customer_id": "a", "service": "voice", "direction": "out"}
    twice = ["2025-10-26T00:30:00Z", "2025-10-26T01:30:00Z"]  # both 02:30 in Berlin
    usage = pd.DataFrame([{**row, "event_time": t, "duration_s": i} for i, t in enumerate(twice)])
    wh = Warehouse.from_frames(usage=usage, rename=rename)
    assert wh.engine.rows("select event_time, hour, count(*) from usage group by all") == [
        (datetime(2025, 10, 26, 2, 30), 2, 2)
    ]
    # in nothing else different, they are kept too: no key says that they are one record
    report = Warehouse.from_frames(usage=usage.assign(duration_s=1), rename=rename).report["usage"]
    assert (report.kept, report.duplicates, report.equal) == (2, 0, 1)
    skipped = pd.DataFrame([{**row, "event_time": "2025-03-30 02:30:00"}])  # no such time in Berlin: kept as written
    wh = Warehouse.from_frames(usage=skipped, rename=rename)
    assert wh.engine.rows("select event_time from usage") == [(datetime(2025, 3, 30, 2, 30),)]


# duplicates, order, files --------------------------------------------------------------------------------------------


@some
@given(table=st.sampled_from(KEPT), seed=st.integers(0, 10_000), count=st.integers(1, 60))
def test_rows_that_come_again_are_counted_and_change_nothing(builder, raw, before, table, seed, count) -> None:
    frame = raw[table]
    again = frame.sample(count, replace=True, random_state=seed)
    mixed = pd.concat([frame, again]).sample(frac=1, random_state=seed)
    wh = Warehouse.from_frames(**{**raw, table: mixed}, rename={"usage": {"key": "all"}})
    report = wh.report[table]
    assert (report.rows_in, report.kept, report.duplicates) == (len(frame) + count, len(frame), count)
    assert wh.digest() == Warehouse.from_frames(**raw).digest()
    assert_same(builder.build(wh, DATES, customers=CUSTOMERS), before)


@some
@given(seed=st.integers(0, 10_000))
def test_the_order_of_the_rows_changes_nothing(builder, raw, before, seed) -> None:
    mixed = {name: frame.sample(frac=1, random_state=seed + i) for i, (name, frame) in enumerate(raw.items())}
    wh = Warehouse.from_frames(**mixed)
    assert_same(builder.build(wh, DATES, customers=CUSTOMERS), before)


def write(frame: pd.DataFrame, place: Path, ending: str, parts: int) -> None:
    """One file, or a folder of several; the parts may be empty and of any size."""
    cuts = [0, *sorted(np.random.default_rng(parts).integers(0, len(frame), parts - 1)), len(frame)]
    pieces = [frame.iloc[a:b] for a, b in pairwise(cuts)]
    if parts > 1:
        place.mkdir(parents=True)
    for i, piece in enumerate(pieces):
        path = place / f"{i:02d}.{ending}" if parts > 1 else place.with_suffix(f".{ending}")
        piece.to_parquet(path) if ending == "parquet" else piece.to_csv(path, index=False)


@pytest.mark.parametrize("ending", ["csv", "parquet"])
@pytest.mark.parametrize("parts", [1, 2, 7])
def test_files_may_be_cut_anywhere(builder, raw, before, tmp_path, ending, parts) -> None:
    for name, frame in raw.items():
        write(frame, tmp_path / name, ending, parts)
    wh = Warehouse.open(tmp_path)
    assert wh.digest() == Warehouse.from_frames(**raw).digest()
    assert_same(builder.build(wh, DATES, customers=CUSTOMERS), before)


@pytest.mark.parametrize("parts", [2, 5])
def test_frames_may_come_in_parts(builder, raw, before, parts) -> None:
    cut = {name: [frame.iloc[i::parts] for i in range(parts)] for name, frame in raw.items()}
    wh = Warehouse.from_frames(**cut)
    assert wh.digest() == Warehouse.from_frames(**raw).digest()
    assert_same(builder.build(wh, DATES, customers=CUSTOMERS), before)


def test_other_rows_do_change_something(builder, raw, before) -> None:
    """The properties above would hold for a builder that reads nothing."""
    other = Warehouse.from_frames(**{**raw, "usage": random_tables(seed=4)["usage"]})
    with pytest.raises(AssertionError):
        assert_same(builder.build(other, DATES, customers=CUSTOMERS), before)


# one row each --------------------------------------------------------------------------------------------------------

PAIRS = st.tuples(
    st.sampled_from(CUSTOMERS),
    st.dates(pd.Timestamp("2025-02-01").date(), pd.Timestamp("2025-10-01").date()),
)


@settings(some, max_examples=4)
@given(pairs=st.lists(PAIRS, min_size=1, max_size=5))
def test_every_pair_of_customer_and_date_gives_one_row(builder, wh, pairs) -> None:
    asked = pd.DataFrame(pairs, columns=["customer_id", "as_of"], index=[f"row{i}" for i in range(len(pairs))])
    X = builder.build(wh, rows=asked)
    assert list(X.index) == list(asked.index)
    customer, day = pairs[-1]
    alone = builder.build(wh, [day], customers=[customer])
    assert_same(X.iloc[[-1]].reset_index(drop=True), alone.reset_index(drop=True))

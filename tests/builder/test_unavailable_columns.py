"""Tables whose times are days: what needs an hour is left out and said, the rest is as with times; in all engines."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest

from custintel.builder import FeatureBuilder
from custintel.catalogue import Catalogue
from custintel.errors import DataError, QualityWarning
from custintel.indicators import cdr_indicators, week_matrix
from custintel.warehouse import Warehouse

N = 80
CALLS = pd.DataFrame(
    {
        "customer_id": np.where(np.arange(N) % 3 == 0, "b", "a"),
        "event_time": pd.date_range("2025-04-01 00:30", periods=N, freq="11h"),
        "service": np.where(np.arange(N) % 4 == 0, "sms", "voice"),
        "direction": np.where(np.arange(N) % 5 == 0, "in", "out"),
        "other_party": [f"p{i % 7}" for i in range(N)],
        "duration_s": np.arange(N) + 1.0,
        "cell_id": [f"c{i % 3}" for i in range(N)],
    }
)
CELLS = pd.DataFrame({"cell_id": ["c0", "c1", "c2"], "latitude": [53.0, 53.1, 53.2], "longitude": [-6.0, -6.1, -6.2]})
DAYS = CALLS.assign(event_time=CALLS["event_time"].dt.normalize())
DATE = "2025-05-05"
HOURLY = {
    "night_share_90d",
    "busiest_hour_share_90d",
    "inter_event_time_mean_30d",
    "hour_entropy_30d",
    "weekend_night_share_90d",
    "night_outgoing_share_growth",
    "evening_use_share_growth",
    "home_event_share_90d",
    "home_event_share_change",
    "max_speed_between_events_30d",
    "night_cells_30d",
    "response_rate_30d",
    "voice_back_to_back_calls_7d",
    "peak_hour_calls_1d",
}


def opened(calls: pd.DataFrame = DAYS, rename: dict | None = None) -> Warehouse:
    return Warehouse.from_frames(usage=calls, cells=CELLS, rename=rename)


@pytest.fixture(scope="module")
def timed() -> pd.DataFrame:
    return FeatureBuilder().build(opened(CALLS), DATE)


def test_what_needs_an_hour_is_left_out_and_the_rest_is_the_same(timed) -> None:
    wh = opened()
    with pytest.warns(QualityWarning, match="usage holds days without a time of day: ") as said:
        X = FeatureBuilder().build(wh, DATE)
    lost = set(timed.columns) - set(X.columns)
    assert len(said) == 1
    assert f": {len(lost)} columns that need one are left out" in str(said[0].message)
    assert lost >= HOURLY
    assert not [name for name in X.columns if "night" in name or "hour" in name]
    # what compares a row with the row before takes the order of rows, which those of one day do not have
    moves = ("cell_changes", "travelled_km", "max_km_between_events")
    same = [name for name in X.columns if not name.startswith(moves)]
    pd.testing.assert_frame_equal(X[same].select_dtypes("number"), timed[same].select_dtypes("number"))
    assert FeatureBuilder().columns_of(wh) == list(X.columns)


def test_every_way_to_read_an_hour_is_found() -> None:
    """Each column that the grammar can make to read an hour, a second family of the user's own included."""
    plan = FeatureBuilder().plan(DATE, opened())
    reads_hour = set()
    for family in Catalogue.load().families:
        told = [family.per or "", *(e.text for e in family.slices.values()), *(e.text for e in family.gather.values())]
        for feature in family.features:
            text = " ".join([feature.expression.text, *told]) if family.source == "usage" else ""
            if any(word in text for word in ("is_night", "hour", "seconds_between")):
                reads_hour.add((family.name, feature.name))
    left = {entry.column for entry in plan.entries}
    kept = [e for e in Catalogue.load().entries() if e.column in left and (e.family, e.feature) in reads_hour]
    # a slice by night is left out, the other slices of the same feature stay; days between events are right in days
    for entry in kept:
        by_night = entry.family in ("cells_visited", "daily_activity") and entry.slice != "night"
        assert by_night or entry.unit == "d", entry.column


def test_a_family_of_ones_own(tmp_path) -> None:
    (tmp_path / "own.yaml").write_text(
        """
family: own
about: Times
source: usage
windows: [30d]
slices: {late: {sql: hour >= 22, about: late}}
previous: [event_time]
features:
  gap_days:
    {sql: "avg(seconds_between(previous_event_time, event_time)) / 86400", unit: d, missing: null, about: Days}
  gap_hours:
    {sql: "avg(seconds_between(previous_event_time, event_time)) / 3600", unit: h, missing: null, about: Hours}
  own_calls:   {sql: count(*), unit: calls, missing: 0, slices: [all, late], about: Calls}
  own_days:    {sql: count(distinct event_date), unit: days, missing: 0, about: Days}
derived:
  gap_twice:   {sql: gap_hours_30d * 2, unit: h, about: Twice}
"""
    )
    builder = FeatureBuilder(["own"], features_path=tmp_path)
    with pytest.warns(QualityWarning, match=": 3 columns that need one"):
        X = builder.build(opened(), DATE)
    assert list(X.columns) == ["gap_days_30d", "own_calls_30d", "own_days_30d"]
    with pytest.raises(DataError, match="column gap_hours_30d: needs a time of day, and usage holds days"):
        FeatureBuilder(features_path=tmp_path, columns=["gap_hours_30d", "own_days_30d"]).build(opened(), DATE)


@pytest.mark.parametrize("dialect", ["duckdb", "spark", "postgres"])
def test_the_sql_for_other_engines_leaves_the_hour_out(dialect) -> None:
    families = ["volumes", "times_of_day", "inter_event_times", "cells_visited", "hourly_profile"]
    with pytest.raises(DataError, match="family inter_event_times: needs a time of day, and usage holds days"):
        FeatureBuilder(families).sql(DATE, dialect, opened())
    text = FeatureBuilder(families, skip_unavailable=True).sql(DATE, dialect, opened())
    assert "is_night" not in text
    assert "hour" not in text
    timed = FeatureBuilder(families).sql(DATE, dialect, opened(CALLS))
    assert "is_night" in timed


# how it is known ------------------------------------------------------------------------------------------------------


def resolution(times: object, rename: dict | None = None) -> tuple[str, ...]:
    frame = CALLS.head(len(times)).assign(event_time=times)
    wh = opened(frame, {"usage": rename or {}})
    assert ("hour" in wh.columns("usage")) == ("is_night" in wh.columns("usage"))
    assert ("hour" in wh.columns("usage")) == ("event_time" not in wh.report["usage"].days_only)
    return wh.report["usage"].days_only


def test_days_are_known_by_type_by_text_by_mapping_or_by_their_number() -> None:
    few = pd.date_range("2025-04-01", periods=4)
    assert resolution(few) == ()  # four midnights may be meant
    assert resolution(list(few.date)) == ("event_time",)
    assert resolution([str(day) for day in few.date]) == ("event_time",)
    assert resolution([f"{day:%d/%m/%Y}" for day in pd.date_range("2025-04-11", periods=4)]) == ("event_time",)
    plain = {"column": "event_time", "format": "%Y%m%d"}
    assert resolution([f"{day:%Y%m%d}" for day in few], {"event_time": plain}) == ("event_time",)
    since = {"column": "event_time", "epoch": "1970-01-01", "unit": "d"}
    assert resolution([20_200 + i for i in range(4)], {"event_time": since}) == ("event_time",)
    assert resolution(pd.date_range("2025-04-01", periods=10)) == ("event_time",)
    assert resolution(few, {"resolution": "day"}) == ("event_time",)
    assert resolution(pd.date_range("2025-04-01", periods=10), {"resolution": "second"}) == ()
    late = pd.date_range("2025-05-01 00:00:01", periods=2)
    assert resolution([*pd.date_range("2025-04-01", periods=30), late[0]]) == ("event_time",)  # one slip
    assert resolution([*pd.date_range("2025-04-01", periods=30), *late]) == ()


def test_one_part_of_days_makes_a_table_of_days() -> None:
    wh = opened([CALLS.head(30), DAYS.tail(30)])
    assert wh.report["usage"].days_only == ("event_time",)
    assert wh.sql("select count(*) as n from usage where event_time <> event_date")["n"].item() > 20  # nothing is cut


def test_a_saved_table_of_days_stays_one(tmp_path) -> None:
    for i, calls in enumerate((DAYS, [CALLS.head(30), DAYS.tail(30)], CALLS)):
        wh = opened(calls)
        again = Warehouse.open(wh.save(tmp_path / str(i)))
        assert again.report["usage"] == wh.report["usage"]
        assert again.columns("usage") == wh.columns("usage")
        assert again.digest() == wh.digest()


def test_other_columns_have_their_own_resolution() -> None:
    """Arrival in days, events in seconds: the delay is not known in hours, night is."""
    calls = CALLS.assign(arrival_time=CALLS["event_time"].dt.normalize() + pd.Timedelta(days=1), roaming_country="fr")
    wh = opened(calls)
    assert wh.report["usage"].days_only == ("arrival_time",)
    with pytest.warns(QualityWarning, match="columns that need one"):
        X = FeatureBuilder(["daily_spikes", "volumes"]).build(wh, DATE)
    assert "night_share_90d" in X
    whole = set(
        FeatureBuilder(["daily_spikes"]).build(
            opened(calls.assign(arrival_time=calls["arrival_time"] + pd.Timedelta("1s"))), DATE
        )
    )
    assert len(whole - set(X.columns)) == 1


def test_with_times_nothing_is_said() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        FeatureBuilder(["times_of_day", "volumes"]).build(opened(CALLS), DATE)


def test_indicators_without_hours_are_missing() -> None:
    with pytest.warns(QualityWarning, match="indicators that need one are missing"):
        X = cdr_indicators(opened())
    timed = cdr_indicators(opened(CALLS))
    assert list(X.columns) == list(timed.columns)
    lost = X.isna().all() & timed.notna().any()
    assert {"percent_nocturnal__allweek__allday__call", "interevent_time__allweek__allday__call__mean"} <= set(
        lost[lost].index
    )
    assert not [name for name in X.columns if "__night" in name and X[name].notna().any()]
    name = "number_of_interactions__allweek__allday__call"
    assert X[name].tolist() == timed[name].tolist()
    with pytest.raises(DataError, match="minutes=1440"):
        week_matrix(opened())
    assert len(week_matrix(opened(), minutes=1440))


def test_few_times_of_day_among_days_are_counted_and_give_no_nights() -> None:
    calls = pd.concat([DAYS] * 5, ignore_index=True).assign(duration_s=np.arange(5 * N) + 1.0)
    calls.loc[7, "event_time"] += pd.Timedelta(hours=10)
    wh = opened(calls)
    note = "usage.event_time holds days without a time of day: what needs an hour is left out"
    assert (wh.report["usage"].days_only, wh.report["usage"].times_of_day) == (("event_time",), {"event_time": 1})
    assert f"{note} (1 of {5 * N} rows have one all the same)" in wh.report.notes()
    assert not {"hour", "is_night"} & set(wh.columns("usage"))


@pytest.mark.parametrize(("clocks", "rows", "days"), [(1, 20, True), (2, 20, False), (1, 10, False), (0, 10, True)])
def test_nineteen_of_twenty_times_at_midnight_make_days(clocks, rows, days) -> None:
    calls = DAYS.head(rows).copy()
    calls.loc[calls.index[:clocks], "event_time"] += pd.Timedelta(hours=10)
    assert bool(opened(calls).report["usage"].days_only) is days
    if clocks and days:
        said = opened(calls, {"usage": {"resolution": "second"}})
        assert said.report["usage"].days_only == ()

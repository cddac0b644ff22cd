"""Columns of dates written as texts: decided on the whole column and said, or refused with the mapping that decides."""

from __future__ import annotations

from datetime import date

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from custintel.errors import ConfigurationError, ContractError, QualityWarning
from custintel.warehouse import Warehouse

DAYS = [f"2025-{month:02d}-{day:02d}" for month in (3, 4) for day in (1, 4, 11, 12, 21, 30)]


def care(times: list[object], **rename: object) -> Warehouse:
    frame = pd.DataFrame({"care_id": [str(i) for i in range(len(times))], "customer_id": "a", "kind": "question"})
    return Warehouse.from_frames(care=frame.assign(event_time=times), rename={"care": rename}, latest="2025-12-31")


def days_of(wh: Warehouse) -> list[str]:
    return [str(row[0]) for row in wh.engine.rows("select event_date from care order by care_id::int")]


@pytest.mark.parametrize(
    "form", ["%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%m-%d-%Y", "%d/%m/%Y %H:%M", "%m/%d/%Y %I:%M:%S %p"]
)
def test_a_column_with_a_day_after_the_twelfth_is_decided_and_said(form) -> None:
    wh = care([f"{pd.Timestamp(day):{form}}" for day in DAYS])
    order = "day first" if form.startswith("%d") else "month first"
    assert days_of(wh) == DAYS
    assert wh.report["care"].orders == {"event_time": order}
    assert f"care.event_time: texts write the {order}" in wh.report.notes()
    assert f"texts write the {order}" in repr(wh.report)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.dates(date(2024, 1, 1), date(2025, 12, 31)), min_size=1, max_size=12), st.booleans())
def test_a_date_is_read_as_it_was_meant_or_refused(days, day_first) -> None:
    form = "%d/%m/%Y" if day_first else "%m/%d/%Y"
    texts = [f"{day:{form}}" for day in days]
    if any(day.day > 12 for day in days):
        assert days_of(care(texts)) == [str(day) for day in days]
    else:
        with pytest.raises(ContractError, match="no day after the twelfth"):
            care(texts)
        assert days_of(care(texts, event_time={"column": "event_time", "format": form})) == [str(day) for day in days]


@pytest.mark.parametrize(
    ("times", "said"),
    [
        (["03/04/2025", "05/06/2025"], "no day after the twelfth tells which comes first"),
        (["21/04/2025", "04/22/2025"], "some values write the day first and some the month"),
        (["21/04/25", "22/04/25"], "years have two digits"),
        (["45767", "45768"], "numbers are no dates"),
        ([45767, 45768], "numbers are no dates"),
        ([1_745_193_600.0, None], "numbers are no dates"),
        ([20250421, 20250422], "numbers are no dates"),
    ],
)
def test_what_cannot_be_decided_is_refused_with_the_mapping(times, said) -> None:
    with pytest.raises(ContractError) as caught:
        care(times)
    text = str(caught.value)
    assert said in text
    assert 'rename={"care": {"event_time": ...}}' in text
    assert str(times[0]) not in text  # no customer's data


@pytest.mark.parametrize(
    ("time", "rename"),
    [
        ("21/04/25", {"format": "%d/%m/%y"}),
        ("45768", {"epoch": "1899-12-30", "unit": "d"}),
        (45768, {"epoch": "1899-12-30", "unit": "d"}),
        (20250421, {"format": "%Y%m%d"}),
        (1_745_193_600.0, {"epoch": "1970-01-01", "unit": "s"}),
    ],
)
def test_what_the_refusal_advises_works(time, rename) -> None:
    assert days_of(care([time, time], event_time={"column": "event_time", **rename})) == ["2025-04-21"] * 2


def test_rows_of_another_form_are_set_aside_and_counted() -> None:
    texts = [f"{pd.Timestamp(day):%d/%m/%Y}" for day in DAYS]
    report = care([*texts * 3, "04/22/2025", "2025-04-01", "soon"]).report["care"]
    assert (report.rows_in, report.kept, report.set_aside) == (39, 36, 3)
    report = care([*DAYS, "22/04/2025"]).report["care"]
    assert (report.kept, report.set_aside, report.orders) == (12, 1, {})


def test_the_parts_of_a_table_are_decided_together() -> None:
    row = {"customer_id": "a", "kind": "question"}
    parts = [
        pd.DataFrame({"care_id": [str(i)], "event_time": [text], **row})
        for i, text in enumerate(["03/04/2025", "21/04/2025"])
    ]
    wh = Warehouse.from_frames(care=parts, latest="2025-12-31")
    assert days_of(wh) == ["2025-04-03", "2025-04-21"]


def test_an_empty_column_needs_no_decision() -> None:
    frame = pd.DataFrame({"care_id": ["1", "2"], "customer_id": "a", "kind": "question", "event_time": "2025-04-01"})
    for nothing in (None, float("nan"), "", "-"):
        wh = Warehouse.from_frames(care=frame.assign(resolved_time=nothing), latest="2025-12-31")
        assert wh.report["care"].kept == 2


def test_all_columns_that_cannot_be_read_are_named_at_once() -> None:
    frame = pd.DataFrame({"care_id": ["1"], "customer_id": "a", "kind": "question"})
    with pytest.raises(ContractError) as caught:
        Warehouse.from_frames(
            care=frame.assign(event_time="03/04/2025", resolved_time="03/04/25"),
            surveys=pd.DataFrame({"survey_id": ["1"], "customer_id": "a", "event_time": [45768], "score": 3}),
        )
    assert "3 problems" in str(caught.value)


# zones ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "form", "local"),
    [
        ("2025-07-01 10:00:00+0000", "%Y-%m-%d %H:%M:%S%z", "2025-07-01 11:00:00"),
        ("2025-01-01 10:00:00+0000", "%Y-%m-%d %H:%M:%S%z", "2025-01-01 10:00:00"),
        ("2025-07-01 23:30:00+00:00", "%Y-%m-%d %H:%M:%S%z", "2025-07-02 00:30:00"),
        ("01/07/2025 10:00 -0500", ["%d/%m/%Y", "%d/%m/%Y %H:%M %z"], "2025-07-01 16:00:00"),
        ("01/07/2025 10:00", ["%d/%m/%Y %H:%M %z", "%d/%m/%Y %H:%M"], "2025-07-01 10:00:00"),
        ("2025-10-26 00:30:00+0000", "%Y-%m-%d %H:%M:%S%z", "2025-10-26 01:30:00"),  # 01:30 comes twice
        ("2025-10-26 01:30:00+0000", "%Y-%m-%d %H:%M:%S%z", "2025-10-26 01:30:00"),
        ("2025-03-30 01:00:00+0000", "%Y-%m-%d %H:%M:%S%z", "2025-03-30 02:00:00"),  # 01:00 to 02:00 does not come
        ("2025-03-30 01:30:00", "%Y-%m-%d %H:%M:%S", "2025-03-30 01:30:00"),  # kept as written
    ],
)
def test_a_format_with_an_offset_is_read_in_the_zone(text, form, local) -> None:
    wh = care([text], event_time={"column": "event_time", "format": form, "zone": "Europe/Dublin"})
    assert [str(row[0]) for row in wh.engine.rows("select event_time from care")] == [local]


def test_units_since_an_epoch_are_read_in_the_zone() -> None:
    source = {"column": "event_time", "epoch": "1970-01-01", "unit": "s"}
    for more, hour in (({}, 10), ({"zone": "Europe/Dublin"}, 11), ({"zone": "Asia/Tokyo"}, 19)):
        wh = care([1_751_364_000], event_time=source | more)
        assert wh.engine.rows("select extract(hour from event_time) from care") == [(hour,)]


@pytest.mark.parametrize("zone", ["Europe/Dubln", "", "+02:00", None, ["UTC"]])
def test_a_zone_that_does_not_exist_is_refused(zone) -> None:
    with pytest.raises(ConfigurationError, match="no such time zone") as caught:
        care(["2025-04-01"], event_time={"column": "event_time", "zone": zone})
    assert ("did you mean 'Europe/Dublin'" in str(caught.value)) == (zone == "Europe/Dubln")


@pytest.mark.data
def test_a_real_call_log_stands_at_the_same_time_however_it_is_written(data_folder) -> None:
    """Irish summer time ends on 26 October 2014: an hour is an hour early there when the zone is not applied."""
    log = pd.read_csv(data_folder / "personal_phone_log" / "phone_data.csv").assign(me="me")
    local = pd.to_datetime(log["date"], format="mixed", dayfirst=True)
    clear = ~((local >= "2014-10-26 01:00") & (local < "2014-10-26 02:00"))  # this hour came twice
    log, local = log[clear], local[clear]
    utc = local.dt.tz_localize("Europe/Dublin").dt.tz_convert("UTC")
    rename = {"customer_id": "me", "duration_s": "duration", "direction": {"value": "out"},
              "service": {"column": "item", "values": {"call": "voice"}}}  # fmt: skip
    when = {"column": "date", "format": "%Y-%m-%d %H:%M:%S%z", "zone": "Europe/Dublin"}
    told = Warehouse.from_frames(usage=log.assign(date=utc.dt.strftime("%Y-%m-%d %H:%M:%S%z")),
                                 rename={"usage": rename | {"event_time": when}})  # fmt: skip
    known = Warehouse.from_frames(usage=log.assign(date=local), rename={"usage": rename | {"event_time": "date"}})
    query = "select event_time from usage order by index"
    assert told.engine.rows(query) == known.engine.rows(query)


def test_a_column_blank_in_its_first_rows_is_decided_all_the_same() -> None:
    late = [None] * 1_100 + [f"{pd.Timestamp(day):%d/%m/%Y}" for day in DAYS]
    care_id = [str(i) for i in range(len(late))]
    frame = pd.DataFrame({"care_id": care_id, "customer_id": "a", "kind": "question", "event_time": "2025-01-01"})
    wh = Warehouse.from_frames(care=frame.assign(resolved_time=late), latest="2025-12-31")
    assert (wh.report["care"].set_aside, wh.report["care"].orders) == (0, {"resolved_time": "day first"})
    found = wh.engine.rows("select cast(resolved_time as date) from care where resolved_time is not null order by 1")
    assert [str(row[0]) for row in found] == DAYS


@pytest.mark.parametrize("day_first", [1_100, 1_101])
def test_the_form_of_most_values_of_the_whole_column_counts(day_first) -> None:
    times = ["2025-04-21"] * 1_100 + ["21/04/2025"] * day_first
    with pytest.warns(QualityWarning, match="1100 of 220[01] rows were set aside: unreadable: event_time"):
        wh = care(times)
    assert wh.report["care"].orders == ({} if day_first == 1_100 else {"event_time": "day first"})


def test_numbers_behind_missing_ones_are_refused_too() -> None:
    with pytest.raises(ContractError, match="numbers are no dates"):
        care([float("nan")] * 1_100 + [1_745_193_600.0])

"""Times that name their offset where no zone is named: moved to UTC as ever, but counted, noted and warned of."""

from __future__ import annotations

import warnings

import pandas as pd
import pytest

from custintel.errors import QualityWarning
from custintel.warehouse import Warehouse

NAIVE = pd.date_range("2025-04-01", periods=4, freq="D")
ZONED = NAIVE.tz_localize("Europe/Berlin")


def care(times: object, **rename: object) -> Warehouse:
    frame = pd.DataFrame({"care_id": list("1234"), "customer_id": "a", "kind": "question"}).assign(event_time=times)
    return Warehouse.from_frames(care=frame, rename={"care": rename}, latest="2025-12-31")


SILENT = {
    "tz-aware": (ZONED, {}),
    "text with an offset": ([f"{t:%Y-%m-%d %H:%M:%S}+02:00" for t in NAIVE], {}),
    "ISO 8601": ([t.isoformat() for t in ZONED], {}),
    "text of Zulu time": ([f"{t:%Y-%m-%dT%H:%M:%S}Z" for t in NAIVE], {}),
    "name of a zone": ([f"{t:%Y-%m-%d %H:%M:%S} Europe/Berlin" for t in NAIVE], {}),
    "format": ([f"{t:%d/%m/%Y %H%M}+0200" for t in NAIVE], {"format": "%d/%m/%Y %H%M%z"}),
}


@pytest.mark.parametrize("name", SILENT)
def test_an_offset_without_a_zone_is_said(name) -> None:
    times, rename = SILENT[name]
    with pytest.warns(QualityWarning, match="moved to UTC, since no zone is named") as said:
        wh = care(times, **({"event_time": {"column": "event_time", **rename}} if rename else {}))
    assert len(said) == 1
    assert 'rename={"care": {"event_time": {"column": ..., "zone": "Europe/Berlin"}}}' in str(said[0].message)
    assert wh.report["care"].offsets == {"event_time": 4}
    assert "care.event_time: 4 times with an offset stand in UTC, since no zone is named" in wh.report.notes()


def test_the_zone_of_one_text_is_not_that_of_the_next() -> None:
    """DuckDB before 2.0 read every later text by the last zone that was named: the day before, at 23:00."""
    texts = ["2025-03-01", "2025-03-01 10:00:00 Europe/Berlin", "2025-03-01", "2025-03-01 10:00:00+02"]
    with pytest.warns(QualityWarning, match="no zone is named"):
        wh = care(texts)
    found = wh.sql("select event_time from care order by care_id")["event_time"]
    assert found.dt.strftime("%d %H:%M").tolist() == ["01 00:00", "01 09:00", "01 00:00", "01 08:00"]


@pytest.mark.parametrize("name", SILENT)
def test_a_named_zone_is_not_warned_of(name) -> None:
    times, rename = SILENT[name]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        wh = care(times, event_time={"column": "event_time", "zone": "Europe/Berlin", **rename})
    assert wh.report["care"].offsets == {}
    if "Zulu" not in name:
        assert [row[0] for row in wh.engine.rows("select event_time from care order by care_id")] == list(NAIVE)


@pytest.mark.parametrize("form", ["%Y-%m-%d", "%Y-%m-%d %H:%M", "%d-%m-%Y", "%d-%m-%Y %H:%M"])
def test_local_times_are_not_warned_of(form) -> None:
    late = NAIVE + pd.Timedelta(days=20, hours=10)
    assert care([f"{t:{form}}" for t in late]).report["care"].offsets == {}

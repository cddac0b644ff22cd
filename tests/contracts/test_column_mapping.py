"""Column mapping: what it can say, and its mistakes."""

from __future__ import annotations

from datetime import datetime

import pandas as pd
import pytest

from custintel.contracts.column_mapping import UNITS, parse_mapping
from custintel.errors import ConfigurationError, ContractError, QualityWarning
from custintel.warehouse import Warehouse

CONSTANTS = {"service": {"value": "voice"}, "direction": {"value": "out"}}


def mapped(frame: pd.DataFrame, **columns: object) -> Warehouse:
    return Warehouse.from_frames(usage=frame, rename={"usage": {**CONSTANTS, **columns}}, latest="2025-12-31")


@pytest.mark.parametrize(
    ("value", "how", "expected"),
    [
        (184, {"epoch": "2013-09-01"}, datetime(2013, 9, 1, 0, 3, 4)),
        ("184", {"epoch": "2013-09-01", "unit": "s"}, datetime(2013, 9, 1, 0, 3, 4)),
        (1.5, {"epoch": "2013-09-01 12:00", "unit": "h"}, datetime(2013, 9, 1, 13, 30)),
        (1740823200123, {"epoch": "1970-01-01", "unit": "ms"}, datetime(2025, 3, 1, 10, 0, 0, 123000)),
        (1740823200123456789, {"epoch": "1970-01-01", "unit": "ns"}, datetime(2025, 3, 1, 10, 0, 0, 123457)),
        ("15/10/14 06:58", {"format": "%d/%m/%y %H:%M"}, datetime(2014, 10, 15, 6, 58)),
        ("20060601 0008", {"format": "%Y%m%d %H%M"}, datetime(2006, 6, 1, 0, 8)),
        ("2025-03-01T10:00:00Z", {"zone": "Africa/Lagos"}, datetime(2025, 3, 1, 11)),
        ("2025-03-01 10:00:00+0530", {"zone": "Asia/Kolkata"}, datetime(2025, 3, 1, 10)),
        ("2025-03-01 10:00:00", {"zone": "Africa/Lagos"}, datetime(2025, 3, 1, 10)),
        ("2025-03-01", {"zone": "Africa/Lagos"}, datetime(2025, 3, 1)),
        (pd.Timestamp("2025-07-01 10:00", tz="UTC"), {"zone": "Europe/Berlin"}, datetime(2025, 7, 1, 12)),
    ],
)
def test_times(value, how, expected) -> None:
    wh = mapped(pd.DataFrame({"customer_id": ["a"], "t": [value]}), event_time={"column": "t", **how})
    assert wh.engine.rows("select event_time from usage") == [(expected,)]


@pytest.mark.parametrize("value", ["x", 1e300, -1e300, 2**63 - 1])
def test_a_time_since_an_epoch_that_cannot_be_is_set_aside(value) -> None:
    frame = pd.DataFrame({"customer_id": ["a", "b"], "t": pd.Series([value, 0], dtype=object)})
    wh = mapped(frame, event_time={"column": "t", "epoch": "2025-01-01"})
    assert wh.sql("select customer_id from usage")["customer_id"].tolist() == ["b"]


_SECONDS = 1_740_823_200


@pytest.mark.parametrize(
    ("factor", "read_as", "unit"),
    [(1, "ms", "s"), (1, "us", "s"), (1e3, "s", "ms"), (1e6, "ms", "us"), (1e9, "s", "ns"), (1 / 86_400, "s", "d")],
)
@pytest.mark.parametrize("kind", [float, str])
def test_a_wrong_unit_since_an_epoch_is_named(factor, read_as, unit, kind) -> None:
    times = [kind(round((_SECONDS + 3_600 * k) * factor)) for k in range(30)]
    frame = pd.DataFrame({"customer_id": [f"c{k}" for k in range(30)], "t": times})
    epoch = {"column": "t", "epoch": "1970-01-01", "unit": read_as}
    said = f"the numbers of event_time look like {unit}, and were read as {read_as}: rename="
    with pytest.raises(ContractError, match=said) as caught:
        mapped(frame, event_time=epoch)
    assert f'"unit": "{unit}"' in str(caught.value)
    right = [kind(round(_SECONDS * 1e6 / UNITS[read_as]))] * 2
    good = pd.DataFrame({"customer_id": ["good", "too"], "t": right})
    with pytest.warns(QualityWarning, match=f"look like {unit}, and were read as {read_as}"):
        wh = mapped(pd.concat([frame, good]), event_time=epoch)
    assert f"usage.event_time: times set aside look like {unit}, and were read as {read_as}" in wh.report.notes()


def test_zeros_and_few_impossible_times_name_no_unit() -> None:
    frame = pd.DataFrame({"customer_id": ["a", "b", "c"], "t": [0.0, -5.0, float(_SECONDS)]})
    wh = mapped(frame, event_time={"column": "t", "epoch": "1970-01-01", "unit": "s"})
    assert wh.report["usage"].set_aside == 2
    assert wh.report["usage"].units == {}


def test_values_other_scale_type_and_case() -> None:
    frame = pd.DataFrame(
        {
            "USER": ["a", "b", "c", "d"],
            "t": "2025-03-01",
            "kind": ["Call", "TEXT", "call ", "text"],
            "minutes": [-1, 2, 0.5, None],
            "x17": ["1", "-", "3.5", "999"],
        }
    )
    rename = {
        "customer_id": "USER",
        "event_time": "t",
        "service": {"column": "kind", "values": {"call": "voice", "text": "sms"}},
        "duration_s": {"column": "minutes", "values": {-1: 0}, "scale": 60},
        "answered": {"column": "minutes", "values": {-1: False}, "other": True},
        "my_score": {"column": "x17", "type": "number", "values": {999: None}},
    }
    wh = Warehouse.from_frames(usage=frame, rename={"usage": {**CONSTANTS, **rename}}, latest="2025-12-31")
    query = "select customer_id, service, duration_s, answered, my_score from usage order by 1"
    assert wh.engine.rows(query) == [
        ("a", "voice", 0.0, False, 1.0),
        ("b", "sms", 120.0, True, None),
        ("c", "voice", 30.0, True, 3.5),
        ("d", "sms", None, None, None),
    ]
    assert not {"USER", "t", "kind", "minutes", "x17"} & set(wh.columns("usage"))


def test_columns_that_differ_in_case_need_no_mapping() -> None:
    frame = pd.DataFrame({"Plan_ID": ["s"], " Monthly_Fee ": ["9.9"]})
    assert Warehouse.from_frames(plans=frame).engine.rows("select plan_id, monthly_fee from plans") == [("s", 9.9)]


def test_all_mistakes_are_reported_at_once() -> None:
    given = {
        "usgae": {},
        "usage": {
            "a": {"colum": "t"},
            "b": {"column": "t", "value": 1},
            "c": 7,
            "d": {"column": "t", "unit": "fortnight"},
            "e": {"column": "t", "epoch": "soon"},
            "f": {"column": "t", "scale": "x"},
            "g": {"column": "t", "type": "word"},
            "h": {"column": "t", "values": [1]},
        },
        "bills": [{"amount": "x"}, "y"],
    }
    with pytest.raises(ConfigurationError) as caught:
        parse_mapping(given)
    assert [p.where.removeprefix("rename: ") for p in caught.value.problems] == [
        "usgae",
        *(f"usage.{c}" for c in "abcdefgh"),
        "bills",
    ]


def test_as_many_mappings_as_frames() -> None:
    frame = pd.DataFrame({"plan_id": ["s"]})
    with pytest.raises(ConfigurationError, match="2 mappings for 3 frames"):
        Warehouse.from_frames(plans=[frame] * 3, rename={"plans": [{}, {}]})

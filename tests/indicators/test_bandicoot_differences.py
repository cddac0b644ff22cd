"""Where the indicators differ from bandicoot on purpose: each difference of docs/parity.md has its test here."""

from __future__ import annotations

import ast
from pathlib import Path

import pandas as pd
import pytest

from custintel.errors import ConfigurationError, DataError
from custintel.indicators import cdr_indicators, network_indicators, week_matrix
from custintel.indicators._bandicoot_differences import DIFFERENCES
from custintel.warehouse import Warehouse

ROOT = Path(__file__).resolve().parents[2]
FIRST = {
    "customer_id": "a",
    "event_time": "2025-06-02 12:00:00",
    "service": "voice",
    "direction": "out",
    "other_party": "x",
    "duration_s": 60.0,
    "cell_id": "c1",
}


def _usage(*changes: dict[str, object]) -> pd.DataFrame:
    return pd.DataFrame([FIRST | one for one in changes])


def _ask(*changes: dict[str, object], **how: object) -> pd.Series:
    return cdr_indicators(Warehouse.from_frames(usage=_usage(*changes)), **how).loc["a"]


def _top_ups(*rows: tuple[str, object]) -> Warehouse:
    frame = pd.DataFrame(rows, columns=["event_time", "amount"])
    frame = frame.assign(customer_id="a", recharge_id=[str(i) for i in range(len(frame))])
    return Warehouse.from_frames(usage=_usage({}), recharges=frame)


def test_the_page_shows_the_list() -> None:
    rows = [
        line for line in (ROOT / "docs/parity.md").read_text(encoding="utf-8").splitlines() if line.startswith("| ")
    ]
    cells = [tuple(cell.strip() for cell in row.strip("|").split("|")) for row in rows]
    expected = {(d.topic, d.bandicoot, d.custintel, f"`{d.test}`") for d in DIFFERENCES}
    assert expected <= set(cells)
    assert {cell for cell in cells if len(cell) == 4 and cell[3].startswith("`test_")} == expected


def test_every_difference_has_a_test() -> None:
    files = (ROOT / "tests/indicators").glob("test_*.py")
    trees = [ast.parse(file.read_text(encoding="utf-8")) for file in files]
    found = {node.name for tree in trees for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    assert {d.test for d in DIFFERENCES} <= found


def test_drained_balance() -> None:
    """Four top-ups of 10, ten days apart: 5 on average. Two of one day count a day."""
    days = ("2025-05-01", "2025-05-11", "2025-05-21", "2025-05-31")
    name = "drained_balance_recharges"
    assert cdr_indicators(_top_ups(*((day, 10) for day in days))).loc["a", name] == 5.0
    assert cdr_indicators(_top_ups(("2025-05-01", 10), ("2025-05-01 09:00", 20))).loc["a", name] == 5.0
    assert pd.isna(cdr_indicators(_top_ups(("2025-05-01", 10))).loc["a", name])


def test_equal_values_have_no_shape() -> None:
    """Seven contacts with a seventh each: the mean of sevenths is not a seventh in doubles."""
    found = _ask(*({"other_party": f"p{i}"} for i in range(7)))
    assert found["balance_of_contacts__allweek__allday__call__skewness"] == 0
    assert found["balance_of_contacts__allweek__allday__call__kurtosis"] == 0
    assert found["balance_of_contacts__allweek__allday__call__mean"] == pytest.approx(1 / 7, rel=1e-15)


def test_a_record_without_antenna_is_at_no_place() -> None:
    found = _ask({}, {"event_time": "2025-06-02 14:00", "cell_id": None})
    assert found["number_of_antennas__allweek__allday"] == 1
    assert found["number_of_interactions__allweek__allday__call"] == 2


def test_half_hours_of_two_months_are_two() -> None:
    times = ("2025-05-02 12:00", "2025-06-02 12:01", "2025-06-02 12:02", "2025-06-03 12:00")
    cells = ("c1", "c2", "c2", "c1")
    found = _ask(*({"event_time": t, "cell_id": c} for t, c in zip(times, cells, strict=True)))
    # three half hours, two at c1; bandicoot would see two, one at each
    assert found["entropy_of_antennas__allweek__allday"] == pytest.approx(0.636514168, abs=1e-9)


def test_a_record_without_other_party_has_no_contact() -> None:
    found = _ask({}, {"event_time": "2025-06-02 14:00", "other_party": None, "service": "sms"})
    assert found["number_of_interactions__allweek__allday__text"] == 1
    assert pd.isna(found["number_of_contacts__allweek__allday__text"])
    assert found["percent_initiated_conversations__allweek__allday__callandtext"] == 0


def test_a_call_without_length_counts() -> None:
    found = _ask({}, {"event_time": "2025-06-02 14:00", "duration_s": None})
    assert found["number_of_interactions__allweek__allday__call"] == 2
    assert found["call_duration__allweek__allday__call__mean"] == 60


def test_the_order_of_rows_does_not_matter() -> None:
    rows = [
        {"service": "sms", "direction": d, "event_time": t, "other_party": o, "cell_id": c}
        for t in ("2025-06-02 12:00", "2025-06-02 12:20", "2025-06-08 23:40")
        for d in ("in", "out")
        for o, c in (("x", "c1"), ("y", "c2"))
    ]
    for groupby in (None, "week"):
        found = [_ask(*order, groupby=groupby) for order in (rows, rows[::-1], rows[5:] + rows[:5])]
        pd.testing.assert_series_equal(found[0], found[1], rtol=1e-12)
        pd.testing.assert_series_equal(found[0], found[2], rtol=1e-12)
    # at one moment the incoming text comes first, so each outgoing one answers, without delay
    assert found[0]["response_rate_text__allweek__allday__callandtext__mean"] == 1


def test_a_recharge_without_amount_is_set_aside() -> None:
    wh = _top_ups(("2025-05-01", 10), ("2025-05-02", None))
    assert cdr_indicators(wh).loc["a", "number_of_recharges__allweek__allday"] == 1
    assert len(wh.set_aside("recharges")) == 1


def test_customers_without_recharges_have_missing_values() -> None:
    top_ups = pd.DataFrame({"customer_id": ["b"], "recharge_id": ["1"], "event_time": ["2025-06-01"], "amount": [5]})
    found = cdr_indicators(Warehouse.from_frames(usage=_usage({}), recharges=top_ups))
    assert found.filter(like="recharges").loc["a"].isna().all()
    assert found.loc["b", "amount_recharges__weekend__night__mean"] == 5
    assert found.loc["b"].drop(found.filter(like="recharges").columns).isna().all()


def test_records_with_oneself_are_set_aside() -> None:
    wh = Warehouse.from_frames(usage=_usage({}, {"other_party": "a", "event_time": "2025-06-02 13:00"}))
    assert cdr_indicators(wh).loc["a", "number_of_interactions__allweek__allday__call"] == 1
    assert len(wh.set_aside("usage")) == 1


def test_as_of_reads_what_had_arrived() -> None:
    """What happens or arrives later changes nothing; a window looks back over its days."""
    rows = [{"event_time": f"2025-06-{day:02} 12:00", "arrival_time": f"2025-06-{day:02} 13:00"} for day in (2, 9, 10)]
    later = [
        {"event_time": "2025-06-09 15:00", "arrival_time": "2025-06-11 01:00"},
        {"event_time": "2025-06-11 12:00", "arrival_time": "2025-06-11 13:00"},
    ]
    for how in ({}, {"groupby": "week"}, {"window": 7}, {"reciprocated": True}):
        before, after = (_ask(*some, as_of="2025-06-10", **how) for some in (rows, rows + later))
        pd.testing.assert_series_equal(before, after)
    name = "number_of_interactions__allweek__allday__call"
    assert _ask(*rows, *later, as_of="2025-06-10")[name] == 3
    assert _ask(*rows, *later, as_of="2025-06-10", window=2)[name] == 2
    assert _ask(*rows, *later)[name] == 5
    wh = Warehouse.from_frames(usage=_usage(*rows, *later))
    assert week_matrix(wh, as_of="2025-06-10").query("channel == 3")["value"].sum() == 3
    assert network_indicators(wh, as_of="2025-06-10").loc["a", "clustering_coefficient_unweighted"] == 0


def test_night_and_weekend_can_be_set() -> None:
    times = ("2025-06-06 23:00", "2025-06-06 12:00", "2025-06-07 02:30")
    found = _ask(*({"event_time": t} for t in times), night=("02:00", "05:00"), weekend=(5,))
    assert found["number_of_interactions__allweek__night__call"] == 1
    assert found["number_of_interactions__weekend__day__call"] == 2
    # a night that does not span midnight leaves its bounds to the day
    at_two = _ask({"event_time": "2025-06-06 02:00"}, night=("02:00", "05:00"))
    assert at_two["percent_nocturnal__allweek__allday__call"] == 0


def test_customers_in_parts_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [{"customer_id": f"k{i % 9}", "event_time": f"2025-06-{1 + i % 28:02} {i % 24:02}:00"} for i in range(200)]
    wh = Warehouse.from_frames(usage=_usage(*rows))
    whole = cdr_indicators(wh, "week")
    monkeypatch.setattr("custintel.indicators._cdr_indicators.MAX_RECORDS", 60)
    pd.testing.assert_frame_equal(cdr_indicators(wh, "week"), whole)


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"groupby": "month"}, "allowed: None or 'week'"),
        ({"summary": "all"}, "allowed: 'default'"),
        ({"night": ("19:00", "19:30")}, "at least an hour apart"),
        ({"night": ("7pm", "7am")}, "such as"),
        ({"weekend": (0, 6)}, "from 1"),
        ({"window": 30}, "both, or as_of alone"),
        ({"window": 0, "as_of": "2025-06-02"}, "a number of days"),
    ],
)
def test_mistakes_are_explained(how: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        _ask({}, **how)


def test_tables_that_are_needed() -> None:
    plans = Warehouse.from_frames(plans=pd.DataFrame({"plan_id": ["s"]}))
    for ask in (cdr_indicators, network_indicators, week_matrix):
        with pytest.raises(DataError, match="read the table usage"):
            ask(plans)
    with pytest.raises(DataError, match="no column region"):
        network_indicators(Warehouse.from_frames(usage=_usage({})), ["region"])
    with pytest.raises(ConfigurationError, match="divide the day"):
        week_matrix(Warehouse.from_frames(usage=_usage({})), 7)


def test_another_engine_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    wh = Warehouse.from_frames(usage=_usage({}))
    monkeypatch.setattr(wh.engine, "dialect", "spark")
    with pytest.raises(DataError, match="run on DuckDB alone"):
        cdr_indicators(wh)

"""Real call records: totals that others published, or that the files hold."""

from __future__ import annotations

from collections import defaultdict
from itertools import combinations
from typing import TYPE_CHECKING

import pandas as pd
import pytest

from custintel import FeatureBuilder, Warehouse
from custintel.indicators import cdr_indicators, network_indicators

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.data


@pytest.fixture(scope="module")
def phone(data_folder: Path) -> Warehouse:
    """One subscriber's bill; the number of the line keeps rows that are there twice."""
    log = pd.read_csv(data_folder / "personal_phone_log/phone_data.csv", dtype=str)
    common = {
        "customer_id": {"value": "one"},
        "event_time": {"column": "date", "format": ["%d/%m/%y %H:%M", "%d/%m/%Y %H:%M"]},
        "direction": {"value": "out"},
        "other_operator": "network",
        "billing_month": "month",
        "kind": "network_type",
        "line": "index",
    }
    services = {
        "call": {"service": {"value": "voice"}, "duration_s": "duration"},
        "sms": {"service": {"value": "sms"}, "duration_s": {"value": 0}},
        "data": {"service": {"value": "data"}, "data_mb": "duration"},
    }
    parts = [log[log["item"] == item] for item in services]
    return Warehouse.from_frames(usage=parts, rename={"usage": [common | own for own in services.values()]})


def test_phone_log_totals(phone: Warehouse) -> None:
    assert phone.report.frame().loc["usage"].to_dict() == {"rows_in": 830, "kept": 830, "set_aside": 0, "duplicates": 0}
    found = cdr_indicators(phone).loc["one"]
    assert found["number_of_interactions__allweek__allday__call"] == 388
    assert found["number_of_interactions__allweek__allday__text"] == 292
    assert found["call_duration__allweek__allday__call__mean"] * 388 == pytest.approx(92_321, rel=1e-12)
    assert found["call_duration__allweek__allday__call__max"] == 10_528


def test_phone_log_billing_months(phone: Warehouse) -> None:
    """The billing month is not the month of the date, and both can be asked for."""
    sql = "select {} as m, sum(duration_s)::bigint as s from usage where service = 'voice' group by 1 order by 1"
    billed = phone.sql(sql.format("billing_month")).set_index("m")["s"].to_dict()
    expected = [25_547, 13_561, 17_070, 14_416, 21_727]
    assert billed == dict(zip(["2014-11", "2014-12", "2015-01", "2015-02", "2015-03"], expected, strict=True))
    dated = phone.sql(sql.format("strftime(event_time, '%Y-%m')")).set_index("m")["s"].to_dict()
    assert sum(dated.values()) == sum(expected)
    assert dated["2014-11"] != billed["2014-11"]


def test_phone_log_network_types(phone: Warehouse) -> None:
    found = phone.sql("select kind, count(*) as n from usage group by 1").set_index("kind")["n"].to_dict()
    assert found == {"mobile": 601, "data": 150, "landline": 42, "voicemail": 27, "world": 7, "special": 3}


def test_phone_log_features(phone: Warehouse, data_folder: Path) -> None:
    """The features of the last 30 days are those of the file's last 30 days."""
    log = pd.read_csv(data_folder / "personal_phone_log/phone_data.csv")
    day = pd.to_datetime(log["date"], dayfirst=True, format="mixed").dt.normalize()
    recent = log[day > day.max() - pd.Timedelta(days=30)]
    found = FeatureBuilder(["usage"]).build(phone, as_of=phone.period[1]).loc["one"]
    calls = recent[recent["item"] == "call"]
    assert found["out_calls_30d"] == len(calls)
    assert found["sms_30d"] == (recent["item"] == "sms").sum()
    assert found["out_minutes_30d"] == pytest.approx(calls["duration"].sum() / 60, rel=1e-12)


def test_vast_calls_with_negative_lengths_are_set_aside(data_folder: Path) -> None:
    calls = pd.read_csv(data_folder / "vast2008_cdr/cdr.csv", dtype=str)
    common = {
        "event_time": {"column": "Datetime", "format": "%Y%m%d %H%M"},
        "service": {"value": "voice"},
        "duration_s": "Duration(seconds)",
    }
    caller = {"customer_id": "From", "other_party": "To", "direction": {"value": "out"}, "cell_id": "Cell Tower"}
    callee = {"customer_id": "To", "other_party": "From", "direction": {"value": "in"}}
    wh = Warehouse.from_frames(usage=[calls, calls], rename={"usage": [common | caller, common | callee]})
    assert wh.report.frame().loc["usage", ["rows_in", "set_aside"]].to_list() == [2 * 9_834, 8]
    negative = wh.set_aside("usage")["Duration(seconds)"].astype(float)
    assert sorted(negative.unique()) == [-145, -113, -44, -2]
    found = cdr_indicators(wh, splits=False, summary="default")
    assert len(found) == 400
    made = found["number_of_interaction_out__allweek__allday__call"].sum()
    heard = found["number_of_interaction_in__allweek__allday__call"].sum()
    assert made == heard == 9_834 - 4
    mean, number = (found[f"{n}__allweek__allday__call{e}"] for n, e in _MEAN_AND_NUMBER)
    assert (mean * number).sum() == pytest.approx(2 * (10_475_678 + 145 + 113 + 44 + 2), rel=1e-12)
    assert wh.sql("select count(distinct cell_id) as n from usage")["n"].item() == 30


_MEAN_AND_NUMBER = (("call_duration", "__mean"), ("number_of_interactions", ""))


@pytest.fixture(scope="module")
def copenhagen(data_folder: Path) -> Warehouse:
    """Calls and texts of students, seen from both sides; the friendships as a table of its own."""
    folder = data_folder / "copenhagen_networks"
    calls, texts = pd.read_csv(folder / "calls.csv"), pd.read_csv(folder / "sms.csv")
    when = {"event_time": {"column": "timestamp", "epoch": "2013-09-01", "unit": "s"}}
    talk = {
        "service": {"value": "voice"},
        "duration_s": {"column": "duration", "values": {-1: 0}},
        "answered": {"column": "duration", "values": {-1: False}, "other": True},
    }
    sides = [("from", "to", "out"), ("to", "from", "in")]
    sides = [when | {"customer_id": a, "other_party": b, "direction": {"value": d}} for a, b, d in sides]
    maps = [side | talk for side in sides] + [side | {"service": {"value": "sms"}} for side in sides]
    wh = Warehouse.from_frames(usage=[calls, calls, texts, texts], rename={"usage": maps})
    friends = pd.read_csv(folder / "fb_friends.csv", dtype=str)
    wh.engine.register("friends", friends)
    return wh


def test_copenhagen_rows(copenhagen: Warehouse) -> None:
    expected = {"rows_in": 2 * (3_600 + 24_333), "kept": 2 * (3_600 + 24_333), "set_aside": 0, "duplicates": 0}
    assert copenhagen.report.frame().loc["usage"].to_dict() == expected
    counted = copenhagen.sql(
        "select count_if(not answered) as missed, count(distinct customer_id) filter (where service = 'voice') as talk,"
        " count(distinct customer_id) filter (where service = 'sms') as text, max(duration_s) as longest"
        " from usage where service = 'sms' or service = 'voice'"
    )
    assert counted.iloc[0].to_list() == [2 * 366, 536, 568, 5_138]


def test_copenhagen_friendships(copenhagen: Warehouse, data_folder: Path) -> None:
    """6,429 friendships; how many of them called or texted, and how many of those who did are friends."""
    pairs = "select distinct least(customer_id, other_party) as a, greatest(customer_id, other_party) as b from usage"
    friends = "select distinct least(user_a, user_b) as a, greatest(user_a, user_b) as b from friends"
    found = copenhagen.sql(
        f"select (select count(*) from friends) as friendships, (select count(*) from ({pairs})) as pairs,"
        f" (select count(*) from ({pairs}) join ({friends}) using (a, b)) as both"
    ).iloc[0]
    folder = data_folder / "copenhagen_networks"
    talks = pd.concat([pd.read_csv(folder / f"{name}.csv")[["from", "to"]] for name in ("calls", "sms")])
    talked = {frozenset(pair) for pair in talks.itertuples(index=False, name=None)}
    befriended = {frozenset(pair) for pair in pd.read_csv(folder / "fb_friends.csv").itertuples(index=False, name=None)}
    assert found.to_list() == [6_429, len(talked), len(talked & befriended)]


def test_copenhagen_clustering(copenhagen: Warehouse, data_folder: Path) -> None:
    """The clustering coefficient of everybody, against sets in plain Python."""
    folder = data_folder / "copenhagen_networks"
    talks = pd.concat([pd.read_csv(folder / f"{name}.csv", dtype=str)[["from", "to"]] for name in ("calls", "sms")])
    sent = set(talks.itertuples(index=False, name=None))
    mutual = {(a, b) for a, b in sent if (b, a) in sent and a != b}
    circle = defaultdict(set)
    for a, b in mutual:
        circle[a].add(b)
    found = network_indicators(copenhagen)["clustering_coefficient_unweighted"]
    for person, value in found.items():
        ties = list(combinations(sorted(circle[person]), 2))
        closed = sum(pair in mutual for pair in ties)
        assert value == pytest.approx(closed / len(ties) if ties else 0, abs=1e-12)
    assert (found > 0).sum() > 50

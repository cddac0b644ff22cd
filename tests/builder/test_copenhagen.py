"""Real call records (Copenhagen Networks Study): the features add up to what the files hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import pytest

from custintel import FeatureBuilder, Warehouse

if TYPE_CHECKING:
    from pathlib import Path

TIME = {"column": "timestamp", "epoch": "2013-09-01", "unit": "s"}
CALLED = {
    "service": {"value": "voice"},
    "duration_s": {"column": "duration", "values": {-1: 0}},
    "answered": {"column": "duration", "values": {-1: False}, "other": True},
}
WROTE = {"service": {"value": "sms"}}


def _side(person: str, other: str, direction: str) -> dict:
    return {"customer_id": person, "other_party": other, "event_time": TIME, "direction": {"value": direction}}


@pytest.fixture(scope="module")
def files(data_folder: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    folder = data_folder / "copenhagen_networks"
    return pd.read_csv(folder / "calls.csv"), pd.read_csv(folder / "sms.csv")


@pytest.fixture(scope="module")
def features(files: tuple[pd.DataFrame, pd.DataFrame]) -> pd.DataFrame:
    calls, texts = files
    sides = [("from", "to", "out"), ("to", "from", "in")]
    maps = [_side(*side) | CALLED for side in sides] + [_side(*side) | WROTE for side in sides]
    wh = Warehouse.from_frames(usage=[calls, calls, texts, texts], rename={"usage": maps})
    return FeatureBuilder(["volumes", "direct_contacts"]).build(wh, as_of=wh.period[1])


@pytest.mark.data
def test_sums_over_people_are_the_totals_of_the_files(
    features: pd.DataFrame, files: tuple[pd.DataFrame, pd.DataFrame]
) -> None:
    calls, texts = files
    assert len(calls) == 3600
    assert features["out_calls_30d"].sum() == features["in_calls_30d"].sum() == 3600
    assert features["sms_30d"].sum() == 2 * len(texts) == 2 * 24_333
    assert features["out_minutes_30d"].sum() == pytest.approx(204_813 / 60, rel=1e-12)
    assert features["events_30d"].sum() == 2 * (len(calls) + len(texts))


@pytest.mark.data
def test_missed_calls_are_a_share_of_the_calls_received(
    features: pd.DataFrame, files: tuple[pd.DataFrame, pd.DataFrame]
) -> None:
    missed = (features["missed_call_share_30d"] * features["in_calls_30d"]).sum()
    assert missed == pytest.approx(366, rel=1e-12)


@pytest.mark.data
def test_the_calling_circle_is_that_of_the_files(
    features: pd.DataFrame, files: tuple[pd.DataFrame, pd.DataFrame]
) -> None:
    pairs = pd.concat([f[["from", "to"]] for f in files])
    both = pd.concat([pairs, pairs.rename(columns={"from": "to", "to": "from"})]).astype(str).drop_duplicates()
    expected = both.groupby("from")["to"].nunique()
    assert features["contacts_30d"].rename(None).astype(int).to_dict() == expected.to_dict()

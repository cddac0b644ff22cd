"""Tables, paths and dates of every kind: rows in are kept, set aside or exact duplicates, or the door says why not."""

from __future__ import annotations

import datetime as dt
from random import Random
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from spoiled_texts import spoiled

from custintel import FeatureBuilder, Warehouse

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow


def _usage(rows: int = 40) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "customer_id": [f"{i % 9:05d}" for i in range(rows)],
            "event_time": pd.date_range("2025-01-01 08:00", periods=rows, freq="7h").strftime("%Y-%m-%d %H:%M:%S"),
            "service": rng.choice(["voice", "sms"], rows),
            "direction": rng.choice(["in", "out"], rows),
            "other_party": [f"N{i % 5}" for i in range(rows)],
            "duration_s": rng.integers(0, 300, rows),
        }
    )


def _rows_add_up(folder: Path) -> Warehouse:
    wh = Warehouse.open(folder)
    for r in wh.report:
        assert r.rows_in == r.kept + r.set_aside + r.duplicates, r
    return wh


def test_csv_files_made_worse(attack: Any, tmp_path: Path) -> None:
    random, text = Random(1), _usage().to_csv(index=False)
    for _ in range(250):
        (tmp_path / "usage.csv").write_text(spoiled(text, random, changes=5), encoding="utf-8", errors="replace")
        attack(_rows_add_up, tmp_path)


def test_bytes_as_tables(attack: Any, tmp_path: Path) -> None:
    random = Random(2)
    good = tmp_path / "good.parquet"
    _usage().to_parquet(good)
    whole = good.read_bytes()
    good.unlink()
    for i in range(120):
        data = bytearray(whole)
        for _ in range(random.randint(1, 30)):
            data[random.randrange(len(data))] = random.randrange(256)
        (tmp_path / "usage.parquet").write_bytes(bytes(data) if i % 3 else random.randbytes(random.randint(0, 400)))
        attack(_rows_add_up, tmp_path)


# a table takes a fifth of a second: looking for the smallest that fails would take a quarter of an hour
FUZZ = settings(deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
VALUES = st.one_of(
    st.none(),
    st.integers(-(10**18), 10**18),
    st.floats(),
    st.text(max_size=12),
    st.booleans(),
    st.dates(),
    st.datetimes(),
    st.binary(max_size=4),
    st.decimals(allow_nan=True),
    st.lists(st.integers(), max_size=2),
)


def _from_frame(frame: pd.DataFrame) -> Warehouse:
    wh = Warehouse.from_frames(usage=frame)
    for r in wh.report:
        assert r.rows_in == r.kept + r.set_aside + r.duplicates, r
    return wh


@given(st.data())
@settings(FUZZ, max_examples=100)
def _attack_frames(attack: Any, data: st.DataObject) -> None:
    frame = _usage(12).astype("object")
    for column in data.draw(st.lists(st.sampled_from(list(frame.columns)), max_size=3)):
        rows = data.draw(st.lists(st.integers(0, 11), max_size=12))
        for row in rows:
            frame.at[row, column] = data.draw(VALUES)
    attack(_from_frame, frame)


def test_frames_with_values_of_every_kind(attack: Any) -> None:
    _attack_frames(attack)


NAMES = [
    "x[1]",
    "st*r",
    "a?b",
    "it's",
    'q"q',
    "semi;colon",
    "per%cent",
    "spa ce",
    "ünï",
    "数据",
    "a=b",
    "-dash",
    "{a,b}",
]
NAMES += ["~", "$HOME", "new\nline", "tab\t", "back\\slash", "#hash", "&and", "..hidden", "con", "(paren)", "!bang"]
NAMES += ["year=2025", "\u2028line", "[a-z]"]


def _all_the_way(folder: Path) -> None:
    wh = _rows_add_up(folder)
    assert sum(r.kept for r in wh.report) == 40, "the folder's own table was read, and no other"
    wh.save(folder / "saved")
    assert Warehouse.open(folder / "saved").frame("usage")["customer_id"].nunique() == 9
    FeatureBuilder(["usage"]).build(wh, "2025-01-10").to_parquet(folder / "out.parquet")


def test_paths_are_literal(attack: Any, tmp_path: Path) -> None:
    for i, name in enumerate(NAMES + [a + b for a, b in zip(NAMES, reversed(NAMES), strict=True)]):
        folder = tmp_path / str(i) / name
        folder.mkdir(parents=True)
        _usage().to_csv(folder / "usage.csv", index=False)
        for decoy in ("x1", "star", "axb", "a"):  # what a pattern would find instead
            beside = folder.parent / decoy
            if not beside.exists():
                beside.mkdir()
                _usage(7).to_csv(beside / "usage.csv", index=False)
        attack(_all_the_way, folder)
    assert attack.counts["refused"] == 0


DATES = st.one_of(
    st.dates(dt.date(2025, 1, 2), dt.date(2025, 1, 12)).map(str),
    st.text(alphabet="0123456789-/. :TZ+年月日JanFeb", max_size=25),
    st.integers(),
    st.floats(),
    st.dates(),
    st.datetimes(),
    st.booleans(),
    st.none(),
    st.from_regex(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}", fullmatch=True),
)


@given(st.data())
@settings(FUZZ, max_examples=600)
def _attack_dates(attack: Any, wh: Warehouse, data: st.DataObject) -> None:
    given_date = data.draw(DATES)
    built = attack(lambda: FeatureBuilder(columns=["events_30d"]).build(wh, given_date))
    if built is not None and isinstance(given_date, str):
        assert dt.date.fromisoformat(given_date[:10]), "only ISO texts are dates"


def test_as_of_dates_of_every_kind(attack: Any) -> None:
    _attack_dates(attack, Warehouse.from_frames(usage=_usage()))

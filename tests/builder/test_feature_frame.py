"""The words of the columns travel with the frame."""

from __future__ import annotations

import json

import pandas as pd
import pytest
from small_operator import CUSTOMERS

from custintel.builder import FeatureBuilder
from custintel.builder.feature_frame import column_meanings, has_meanings


@pytest.fixture(scope="module")
def X(wh):
    return FeatureBuilder(["usage", "customer"]).build(wh, "2025-06-30", customers=CUSTOMERS)


def test_words_are_those_of_the_catalogue(X):
    words, described = column_meanings(X), FeatureBuilder(["usage", "customer"]).describe()
    described = described.set_index("column").loc[list(X.columns)].reset_index()[list(words.columns)]
    plain = [frame.astype(object).where(frame.notna(), None) for frame in (words, described)]
    pd.testing.assert_frame_equal(*plain, check_dtype=False)


def _through_parquet(X, folder):
    X.to_parquet(folder / "x.parquet")
    return pd.read_parquet(folder / "x.parquet")


@pytest.mark.parametrize(
    "change",
    [
        lambda X, _: X[["minutes_30d", "events_7d"]],
        lambda X, _: X.head(3).rename(index=str.lower).copy(),
        lambda X, _: X.assign(left=1).drop(columns="left")[["minutes_30d", "events_7d"]],
        lambda X, _: pd.concat([X.head(2), X.tail(2)])[["minutes_30d", "events_7d"]],
        lambda X, folder: _through_parquet(X, folder)[["minutes_30d", "events_7d"]],
        lambda X, _: X.reset_index()[["minutes_30d", "events_7d"]],
    ],
)
def test_words_stay_when_rows_and_columns_change(X, change, tmp_path):
    words = column_meanings(change(X, tmp_path)).set_index("column")
    assert words.loc["minutes_30d", "about"] == "Minutes of calls, last 30 days"
    assert words.loc["minutes_30d", ["unit", "family", "window"]].tolist() == ["min", "volumes", 30]
    assert len(words) == len(change(X, tmp_path).columns)


def test_columns_of_the_user_are_known_by_their_names(X):
    words = column_meanings(X[["events_7d"]].assign(mine=1.0)).set_index("column")
    assert list(words.index) == ["events_7d", "mine"]
    assert words.loc["mine"].isna().all()


def test_frames_without_words():
    foreign = pd.DataFrame({"tenure_days": [1.0]})
    assert not has_meanings(foreign)
    assert column_meanings(foreign)["about"].isna().all()
    assert column_meanings(foreign, FeatureBuilder().catalogue)["unit"].tolist() == ["d"]


def test_words_are_one_plain_text(X):
    """A dict would be copied by pandas at every step: see custintel/builder/feature_frame.py."""
    words = X.attrs["custintel"]["words"]
    assert isinstance(words, str)
    assert json.loads(words)["column"] == list(X.columns)

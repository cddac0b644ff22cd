"""Ranking, lift and the decile table on tables small enough to check by eye, and against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve

from custintel.errors import DataError
from custintel.metrics import decile_table, ks_score, lift_score
from custintel.metrics.discrimination import auc, average_precision, max_lift
from custintel.metrics.gain_tables import gain_table


@pytest.fixture(params=[8, 1, 0], ids=["few ties", "ties", "many ties"])
def scored(request: pytest.FixtureRequest) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    y = (rng.random(997) < 0.2).astype(int)
    return y, np.round(rng.normal(size=997) + y, request.param)


def test_agrees_with_scikit_learn(scored: tuple[np.ndarray, np.ndarray]) -> None:
    y, p = scored
    assert auc(y, p) == pytest.approx(roc_auc_score(y, p), abs=1e-12)
    assert average_precision(y, p) == pytest.approx(average_precision_score(y, p), abs=1e-12)
    fpr, tpr, _ = roc_curve(y, p)
    assert ks_score(y, p) == pytest.approx((tpr - fpr).max(), abs=1e-12)


LIFTS = [
    # y, p, at, lift, most
    ([1, 0, 0, 0, 0, 0, 0, 0, 0, 0], [9, 8, 7, 6, 5, 4, 3, 2, 1, 0], 0.1, 10.0, 10.0),
    ([0, 1, 0, 0, 0, 0, 0, 0, 0, 0], [9, 8, 7, 6, 5, 4, 3, 2, 1, 0], 0.1, 0.0, 10.0),
    ([1, 1, 1, 1, 1, 0, 0, 0, 0, 0], [9, 8, 7, 6, 5, 4, 3, 2, 1, 0], 0.1, 2.0, 2.0),
    # equal scores are taken in the given order
    ([1, 0, 0, 1], [5, 5, 5, 5], 0.25, 2.0, 2.0),
    ([0, 1, 0, 1], [5, 5, 5, 5], 0.25, 0.0, 2.0),
    ([1, 0], [1, 0], 0.001, 2.0, 2.0),
]


@pytest.mark.parametrize(("y", "p", "at", "lift", "most"), LIFTS)
def test_lift(y: list[int], p: list[float], at: float, lift: float, most: float) -> None:
    assert lift_score(y, p, at) == pytest.approx(lift)
    assert max_lift(y, at) == pytest.approx(most)


def test_gain_table_by_hand() -> None:
    table = gain_table([1, 1, 0, 1, 0, 0], [0.9, 0.8, 0.7, 0.6, 0.2, 0.1], n_bins=3)
    assert table["customers"].tolist() == [2, 2, 2]
    assert table["targets"].tolist() == [2, 1, 0]
    assert table["lift"].tolist() == [2.0, 1.0, 0.0]
    assert table["gain"].tolist() == pytest.approx([2 / 3, 1, 1])
    assert table["cumulative_lift"].tolist() == [2.0, 1.5, 1.0]
    assert table["score_low"].tolist() == [0.8, 0.6, 0.1]
    assert table["score_high"].tolist() == [0.9, 0.7, 0.2]


def test_decile_table_counts_everybody_once(scored: tuple[np.ndarray, np.ndarray]) -> None:
    y, p = scored
    table = decile_table(y, p)
    assert table["decile"].tolist() == list(range(1, 11))
    assert table["customers"].sum() == len(y)
    assert table["customers"].max() - table["customers"].min() <= 1
    assert table["targets"].sum() == y.sum()
    assert table["lift"].iloc[0] == pytest.approx(lift_score(y, p, table["customers"].iloc[0] / len(y)))


def test_few_customers_make_few_groups() -> None:
    assert len(decile_table([0, 1, 0], [0.1, 0.2, 0.3])) == 3


@pytest.mark.parametrize(
    ("y", "p", "told"),
    [
        ([0, 1], [0.5], "differ in length"),
        ([], [], "empty"),
        ([0, 2], [0.1, 0.2], "must be 0 or 1"),
        ([0, np.nan], [0.1, 0.2], "censored"),
        ([0, 1], [0.1, np.nan], "1 score"),
        ([1, 1], [0.1, 0.2], "all 2 outcomes are 1"),
    ],
)
def test_bad_input_is_told(y: list[float], p: list[float], told: str) -> None:
    with pytest.raises(DataError, match=told):
        auc(y, p)


def test_lift_without_targets_is_told() -> None:
    with pytest.raises(DataError, match="lift is not defined"):
        lift_score([0, 0], [0.1, 0.2])

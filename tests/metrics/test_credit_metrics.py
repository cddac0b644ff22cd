"""Stability of columns, Gini and swap sets."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from custintel.errors import ConfigurationError, DataError
from custintel.metrics import csi, psi, swap_set
from custintel.metrics.discrimination import auc, gini


def table(rows: int, seed: int, shift: float = 0.0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    plans = rng.choice(["S", "M", "L"], rows, p=[0.5 - shift / 4, 0.3, 0.2 + shift / 4])
    return pd.DataFrame({"bill": rng.gamma(3, 10 + 8 * shift, rows), "plan": plans, "calls": rng.poisson(20, rows)})


@pytest.mark.parametrize("seed", range(5))
def test_a_drifted_copy_is_flagged_and_a_fresh_sample_is_not(seed: int) -> None:
    reference = table(5000, seed)
    fresh = csi(reference, table(5000, seed + 100))
    assert (fresh["verdict"] == "stable").all()
    drifted = csi(reference, table(5000, seed + 100, shift=1.0))
    assert drifted.loc[["bill", "plan"], "verdict"].isin(["look", "rebuild"]).all()
    assert drifted.loc["calls", "verdict"] == "stable"


def test_psi_of_scores_tells_drift_from_chance() -> None:
    rng = np.random.default_rng(0)
    score = rng.normal(600, 40, 4000)
    assert psi(score, rng.normal(600, 40, 4000)) < 0.02
    assert psi(score, rng.normal(575, 40, 4000)) > 0.25


def test_nothing_in_common_is_an_error() -> None:
    with pytest.raises(DataError, match="in common"):
        csi(pd.DataFrame({"a": [1]}), pd.DataFrame({"b": [1]}))


def test_gini_is_two_auc_less_one() -> None:
    y, p = [0, 1, 0, 1, 1], [0.2, 0.3, 0.6, 0.5, 0.9]
    assert gini(y, p) == pytest.approx(2 * auc(y, p) - 1)


def test_swapping_in_better_customers_pays() -> None:
    rng = np.random.default_rng(0)
    truth = rng.random(10_000)
    y = (rng.random(10_000) < truth).astype(int)
    found = swap_set(y, truth + rng.normal(0, 0.5, 10_000), truth + rng.normal(0, 0.1, 10_000), accept=0.6)
    assert found["customers"].sum() == 10_000
    assert found.loc["swap in", "customers"] == found.loc["swap out", "customers"]
    assert found.loc["swap in", "bad_rate"] < found.loc["swap out", "bad_rate"] - 0.1
    with pytest.raises(ConfigurationError, match="share"):
        swap_set([0, 1], [0, 1], [1, 0], accept=1.5)

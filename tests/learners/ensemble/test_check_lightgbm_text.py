"""Whatever LightGBM writes for custintel is read, whatever the data and the settings."""

from __future__ import annotations

from typing import Any

import lightgbm as lgb
import numpy as np
import pytest

from custintel.errors import ModelError
from custintel.learners.ensemble.check_lightgbm_text import booster_columns, read_booster


def _random_booster(seed: int) -> tuple[Any, np.ndarray]:
    """Small and large trees, few and many categories, constants, holes, extremes, and nothing to learn."""
    rng = np.random.default_rng(seed)
    rows, columns = int(rng.integers(30, 600)), int(rng.integers(1, 8))
    X = rng.normal(size=(rows, columns)) * 10.0 ** rng.integers(-12, 12, columns)
    X[rng.random(X.shape) < rng.choice([0, 0.1, 0.6])] = np.nan
    categorical = [j for j in range(columns) if rng.random() < 0.3]
    for j in categorical:
        X[:, j] = rng.integers(0, int(rng.choice([2, 5, 40, 200])), rows)
    if rng.random() < 0.2:
        X[:, 0] = 1.0
    target = np.nan_to_num(X[:, -1] / np.nanmax(np.abs(X[:, -1]) + 1e-300)) + rng.normal(0, 0.5, rows)
    binary = rng.random() < 0.6
    y = (target > np.median(target)).astype(float) if binary else target * 10.0 ** rng.integers(-6, 9)
    params = {
        "objective": "binary" if binary else "regression",
        "num_leaves": int(rng.choice([2, 4, 31, 200])),
        "min_data_in_leaf": int(rng.choice([1, 5, 30, 1000])),
        "learning_rate": float(rng.choice([0.01, 0.1, 1.0])),
        "max_cat_to_onehot": int(rng.choice([1, 8])),
        "min_data_per_group": int(rng.choice([1, 100])),
        "extra_trees": bool(rng.random() < 0.3),
        "lambda_l2": float(rng.choice([0.0, 5.0, 1e6])),
        "monotone_constraints": [0 if j in categorical else int(rng.integers(-1, 2)) for j in range(columns)],
        "bagging_fraction": 0.8,
        "bagging_freq": 1,
        "seed": seed,
        "num_threads": 1,
        "verbosity": -1,
    }
    weight = None if rng.random() < 0.5 else rng.gamma(1, 1, rows)
    data = lgb.Dataset(X, y, weight=weight, categorical_feature=categorical, params={"verbosity": -1})
    return lgb.train(params, data, int(rng.integers(1, 25))), X


def _check(seed: int) -> None:
    booster, X = _random_booster(seed)
    text = booster.model_to_string()
    assert booster_columns(text) == X.shape[1]
    again = read_booster(text)
    np.testing.assert_array_equal(again.predict(X, raw_score=True), booster.predict(X, raw_score=True))
    np.testing.assert_array_equal(again.predict(X, pred_contrib=True), booster.predict(X, pred_contrib=True))
    np.testing.assert_array_equal(again.feature_importance("gain"), booster.feature_importance("gain"))


@pytest.mark.parametrize("seed", range(40))
def test_what_lightgbm_writes_is_read(seed: int) -> None:
    _check(seed)


@pytest.mark.slow
def test_whatever_lightgbm_writes_is_read() -> None:
    for seed in range(1000, 2000):
        _check(seed)


def _with(text: str, field: str, place: int, value: str) -> str:
    """A text with one value of the first tree of several leaves changed, and the size of that tree with it."""
    lines = text.split("\n")
    k = next(k for k, line in enumerate(lines) if line.startswith(f"{field}=") and " " in line)
    name, _, values = lines[k].partition("=")
    changed = values.split(" ")
    changed[place] = value
    lines[k] = f"{name}={' '.join(changed)}"
    tree = next(int(line[5:]) for line in reversed(lines[:k]) if line.startswith("Tree="))
    row = next(k for k, line in enumerate(lines) if line.startswith("tree_sizes="))
    sizes = lines[row][11:].split(" ")
    sizes[tree] = str(int(sizes[tree]) + len(f"{name}={' '.join(changed)}") - len(f"{name}={values}"))
    lines[row] = "tree_sizes=" + " ".join(sizes)
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("leaf_count", "0", "leaf_count is below 1"),
        ("leaf_count", "-5", "leaf_count is below 1"),
        ("leaf_count", "7777", "internal_count is not that of its children"),
        ("internal_count", "0", "internal_count is not that of its children"),
        ("internal_count", "7777", "internal_count is not that of its children"),
    ],
)
def test_counts_that_make_explanations_infinite_are_refused(field: str, value: str, said: str) -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 3))
    params = {"objective": "binary", "num_leaves": 8, "num_threads": 1, "verbosity": -1, "seed": 0}
    booster = lgb.train(params, lgb.Dataset(X, (X[:, 0] + X[:, 1] > 0).astype(float)), 3)
    text = booster.model_to_string()
    assert booster_columns(text) == 3
    for place in (0, 1, -1):
        with pytest.raises(ModelError, match=f"tree 0: {said}"):
            booster_columns(_with(text, field, place, value))

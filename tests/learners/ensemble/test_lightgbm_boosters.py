"""The shared boosters: honest out-of-fold predictions, exact contributions, nothing lost by saving."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit, logit

from custintel.learners.ensemble.lightgbm_boosters import (
    Boosters,
    Objective,
    TrainingTable,
    choose_tree_settings,
    fit_boosters,
)


def training(objective: Objective, rows: int = 600) -> TrainingTable:
    rng = np.random.default_rng(3)
    matrix = np.asfortranarray(rng.normal(size=(rows, 4)))
    matrix[rng.random((rows, 4)) < 0.1] = np.nan
    signal = 1.5 * np.nan_to_num(matrix[:, 0]) - np.nan_to_num(matrix[:, 1])
    y = (rng.random(rows) < expit(signal)).astype(float) if objective == "probability" else signal
    return TrainingTable(matrix, y)


@pytest.mark.parametrize("objective", ["probability", "amount"])
def test_saved_and_loaded_boosters_predict_the_same(objective: Objective) -> None:
    given = training(objective)
    found = fit_boosters(given, objective).boosters
    state, texts = found.to_state("m")
    again = Boosters.from_state(state, texts)
    np.testing.assert_array_equal(found.predict(given.matrix), again.predict(given.matrix))


@pytest.mark.parametrize("objective", ["probability", "amount"])
def test_contributions_add_up_to_the_raw_score(objective: Objective) -> None:
    given = training(objective)
    found = fit_boosters(given, objective).boosters
    np.testing.assert_allclose(found.contributions(given.matrix).sum(axis=1), found.raw(given.matrix), atol=1e-9)


def test_out_of_fold_predictions_come_from_the_booster_that_has_not_seen_the_row() -> None:
    given = training("amount")
    fold = np.arange(len(given.y)) % 3
    found = fit_boosters(given, "amount", fold=fold)
    for k, model in enumerate(found.boosters.models):
        mine = fold == k
        np.testing.assert_allclose(found.out_of_fold[mine], model.predict(given.matrix[mine]))


def test_noise_is_not_learned() -> None:
    rng = np.random.default_rng(0)
    found = fit_boosters(TrainingTable(rng.normal(size=(800, 5)), rng.integers(0, 2, 800).astype(float)), "probability")
    assert np.abs(logit(found.out_of_fold)).mean() < 0.2


def test_the_same_seed_gives_the_same_texts_and_another_one_others() -> None:
    given = training("amount")
    one, two, other = (fit_boosters(given, "amount", random_state=s).boosters.texts for s in (1, 1, 2))
    assert one == two
    assert one != other


def test_trees_grow_with_the_table() -> None:
    sizes = [choose_tree_settings(n).leaves for n in (100, 5_000, 50_000, 500_000)]
    assert sizes == sorted(sizes)

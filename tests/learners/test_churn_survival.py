"""ChurnSurvival against lives drawn from known hazards."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from custintel.errors import ConfigurationError, DataError
from custintel.learners import ChurnSurvival

MONTHS = 12


def lives(rows: int = 3000, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray, np.ndarray, np.ndarray]:
    """Features, months, causes, and the true chance to be here after a year."""
    rng = np.random.default_rng(seed)
    X = pd.DataFrame({"price": rng.normal(size=rows), "plan": rng.choice(["S", "M"], rows), "noise": rng.random(rows)})
    leave = 0.03 * np.exp(0.8 * X["price"].to_numpy()) * np.where(X["plan"] == "S", 1.5, 0.7)
    barred = np.full(rows, 0.01)
    first = rng.geometric(np.clip(leave, 1e-6, 0.9))
    second = rng.geometric(barred)
    months = np.minimum(np.minimum(first, second), MONTHS)
    cause = np.where(first <= second, "voluntary", "involuntary").astype(object)
    cause[np.minimum(first, second) > MONTHS] = None
    return X, months, cause, (1 - np.clip(leave, 0, 0.9) - 0.01) ** MONTHS


@pytest.fixture(scope="module")
def fitted() -> ChurnSurvival:
    X, months, cause, _ = lives()
    return ChurnSurvival(n_jobs=1).fit(X, months, cause=cause)


def test_survival_is_near_the_truth_on_new_customers(fitted: ChurnSurvival) -> None:
    X, _, _, truth = lives(seed=1)
    found = fitted.survival(X)[MONTHS].to_numpy()
    assert np.corrcoef(found, truth)[0, 1] > 0.95
    assert abs(found.mean() - truth.mean()) < 0.02


def test_survival_falls_and_causes_add_up(fitted: ChurnSurvival) -> None:
    X, *_ = lives(200, seed=2)
    stays = fitted.survival(X)
    assert (np.diff(stays.to_numpy(), axis=1) <= 0).all()
    left = sum(frame for frame in fitted.incidence(X).values())
    np.testing.assert_allclose((left + stays).to_numpy(), 1.0, atol=1e-12)
    assert list(fitted.incidence(X)) == ["involuntary", "voluntary"]


def test_a_cause_that_nothing_tells_gets_the_common_hazard(fitted: ChurnSurvival) -> None:
    X, *_ = lives(300, seed=3)
    spread = fitted.incidence(X)["involuntary"][1].std() / fitted.incidence(X)["involuntary"][1].mean()
    assert spread < 0.35


def test_beyond_the_data_is_refused_unless_asked_for(fitted: ChurnSurvival) -> None:
    X, months, cause, _ = lives(800)
    with pytest.raises(ConfigurationError, match="longer than the data"):
        fitted.survival(X, 24)
    further = ChurnSurvival(extrapolate=True, n_jobs=1).fit(X, months, cause=cause).survival(X, 24)
    ratio = further[24] / further[23]
    np.testing.assert_allclose(ratio, further[14] / further[13], rtol=1e-9)


def test_state_brings_back_the_same_model(fitted: ChurnSurvival) -> None:
    X, *_ = lives(100, seed=4)
    again = ChurnSurvival.from_state(*fitted.to_state())
    pd.testing.assert_frame_equal(fitted.survival(X), again.survival(X))


def test_rows_watched_for_no_whole_month_change_nothing() -> None:
    X, months, cause, _ = lives(400)
    more = pd.concat([X, X.head(50)], ignore_index=True)
    one = ChurnSurvival(n_jobs=1).fit(X, months, cause=cause)
    two = ChurnSurvival(n_jobs=1).fit(more, np.append(months, np.zeros(50)), cause=np.append(cause, [None] * 50))
    assert one.hazards_["voluntary"].tolist() == two.hazards_["voluntary"].tolist()


def test_too_few_ends_give_no_differences_between_customers() -> None:
    X, months, cause, _ = lives(60)
    cause[5:] = None
    months[5:] = MONTHS
    stays = ChurnSurvival(n_jobs=1).fit(X, months, cause=cause).survival(X)
    assert stays[MONTHS].nunique() == 1


def test_bad_input_is_explained() -> None:
    X, months, *_ = lives(50)
    with pytest.raises(DataError, match="negative"):
        ChurnSurvival().fit(X, -months)
    with pytest.raises(DataError, match="whole month"):
        ChurnSurvival().fit(X, np.zeros(50))
    with pytest.raises(ConfigurationError, match="horizon"):
        ChurnSurvival(horizon=0).fit(X, months)

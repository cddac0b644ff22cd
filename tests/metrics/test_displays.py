"""Pictures: the data of the lines, the references, several models on one axes, and what is refused."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from custintel.errors import ConfigurationError, DataError, MissingExtraError
from custintel.metrics import GainDisplay, LiftDisplay, ProfitDisplay, QiniDisplay, ReliabilityDisplay, contact_value
from custintel.metrics.calibration import calibration_table
from custintel.metrics.campaign_profit import profit_curve
from custintel.metrics.gain_tables import gain_table
from custintel.metrics.uplift_metrics import qini_curve

if TYPE_CHECKING:
    from collections.abc import Iterator

pyplot = pytest.importorskip("matplotlib.pyplot", reason="matplotlib is not installed (extra plot)")


@pytest.fixture(autouse=True)
def _no_window() -> Iterator[None]:
    pyplot.switch_backend("Agg")
    yield
    pyplot.close("all")


@pytest.fixture(name="scored")
def _scored() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(5)
    p = rng.beta(1, 4, 400)
    return (rng.random(400) < p).astype(int), p


def data(display: Any) -> tuple[np.ndarray, np.ndarray]:
    return np.asarray(display.line_.get_xdata()), np.asarray(display.line_.get_ydata())


def references(display: Any) -> dict[str, list[float]]:
    lines = [line for line in display.ax_.lines if line.get_gid() == "reference"]
    return {line.get_label(): list(line.get_ydata()) for line in lines}


def test_gain_passes_through_the_gain_table(scored: tuple[np.ndarray, np.ndarray]) -> None:
    display = GainDisplay.from_predictions(*scored)
    table = gain_table(*scored)
    x, y = data(display)
    np.testing.assert_allclose(np.interp(table["cumulative_customers"] / 400, x, y), table["gain"])
    assert references(display)["perfect"] == [0.0, 1.0, 1.0]
    assert display.figure_ is display.ax_.figure


def test_lift_passes_through_the_gain_table(scored: tuple[np.ndarray, np.ndarray]) -> None:
    display = LiftDisplay.from_predictions(*scored)
    table = gain_table(*scored)
    np.testing.assert_allclose(
        np.interp(table["cumulative_customers"] / 400, *data(display)), table["cumulative_lift"]
    )  # fmt: skip
    assert data(display)[1][-1] == pytest.approx(1.0)


def test_profit_passes_through_the_profit_curve_of_individual_values(scored: tuple[np.ndarray, np.ndarray]) -> None:
    y, p = scored
    clv, d = np.random.default_rng(1).lognormal(5, 1, 400), np.random.default_rng(2).uniform(0, 20, 400)
    display = ProfitDisplay.from_predictions(y, p, clv=clv, offer_cost=d, contact_cost=2.0, take_up=0.4)
    curve = profit_curve(y, p, clv=clv, offer_cost=d, contact_cost=2.0, take_up=0.4)
    np.testing.assert_allclose(np.interp(curve["share"], *data(display)), curve["profit"] / 400)
    assert references(display) == {
        "contact none": [0.0, 0.0], "contact all": [pytest.approx(curve["profit"].iloc[-1] / 400)] * 2,
    }  # fmt: skip
    assert display.best_profit >= curve["profit"].max() / 400


def test_ranking_by_expected_profit_earns_more() -> None:
    rng = np.random.default_rng(2)
    p, clv = rng.beta(1, 5, 5_000), rng.lognormal(5, 1, 5_000)
    y = (rng.random(5_000) < p).astype(int)
    by_risk = ProfitDisplay.from_predictions(y, p, clv=clv, name="risk")
    by_profit = ProfitDisplay.from_predictions(y, contact_value(p, clv), clv=clv, name="profit", ax=by_risk.ax_)
    assert by_profit.best_profit > by_risk.best_profit
    # the same customers: references are drawn once
    assert by_profit.ax_.get_legend_handles_labels()[1] == ["risk", "contact none", "contact all", "profit"]


def test_reliability_shows_the_calibration_table(scored: tuple[np.ndarray, np.ndarray]) -> None:
    display = ReliabilityDisplay.from_predictions(*scored, n_bins=5, name="model")
    table = calibration_table(*scored, n_bins=5)
    np.testing.assert_allclose(data(display), [table["predicted"], table["observed"]])
    bars = display.ax_.collections[0].get_segments()
    np.testing.assert_allclose([bar[:, 1] for bar in bars], table[["low", "high"]])
    assert "model (ECE 0." in display.ax_.get_legend_handles_labels()[1][-1]


def test_qini_shows_the_qini_curve() -> None:
    rng = np.random.default_rng(0)
    treated, score = rng.random(300) < 0.5, rng.random(300)
    y = (rng.random(300) < 0.1 + 0.4 * score * treated).astype(int)
    display = QiniDisplay.from_predictions(y, score, treated)
    curve = qini_curve(y, score, treated)
    np.testing.assert_allclose(data(display), [curve["share"], curve["incremental"]])
    assert references(display) == {"at random": [0.0, curve["incremental"].iloc[-1]]}


@pytest.mark.parametrize("display", [GainDisplay, LiftDisplay, ProfitDisplay])
def test_the_order_of_rows_with_equal_scores_changes_nothing(display: Any) -> None:
    y = np.array([1] * 20 + [0] * 80)
    score = np.repeat([1.0, 0.0], 50)
    shuffled = np.random.default_rng(0).permutation(np.arange(100))
    before, after = display.from_predictions(y, score), display.from_predictions(y[shuffled], score[shuffled])
    np.testing.assert_allclose(data(before), data(after))


@pytest.mark.parametrize("display", [GainDisplay, LiftDisplay, ProfitDisplay])
def test_many_customers_are_drawn_with_a_thousand_points(display: Any) -> None:
    rng = np.random.default_rng(0)
    found = display.from_predictions(rng.integers(0, 2, 50_000), rng.random(50_000))
    assert len(data(found)[0]) <= 1000
    assert data(found)[0][-1] == 1.0


@pytest.mark.parametrize("display", [GainDisplay, LiftDisplay, ProfitDisplay, ReliabilityDisplay])
def test_models_are_compared_on_one_axes(display: Any) -> None:
    rng = np.random.default_rng(3)
    X = pd.DataFrame({"x": rng.normal(size=300), "pv": rng.lognormal(5, 0.5, 300)})
    y = np.where(rng.random(300) < 1 / (1 + np.exp(-2 * X["x"])), "yes", "no")
    first = display.from_estimator(LogisticRegression().fit(X, y), X, y, name="both", color="red")
    second = display.from_estimator(LogisticRegression().fit(X[["pv"]], y), X[["pv"]], y, ax=first.ax_)
    assert second.ax_ is first.ax_
    assert first.line_.get_color() == "red"
    labels = first.ax_.get_legend_handles_labels()[1]
    assert sum(label.startswith(("both", "LogisticRegression")) for label in labels) == 2
    assert len(labels) - 2 == len(references(first))


def test_profit_takes_values_from_a_column() -> None:
    rng = np.random.default_rng(3)
    X = pd.DataFrame({"x": rng.normal(size=300), "pv": rng.lognormal(5, 0.5, 300)})
    y = (rng.random(300) < 1 / (1 + np.exp(-2 * X["x"]))).astype(int)
    model = LogisticRegression().fit(X, y)
    named = ProfitDisplay.from_estimator(model, X, y, clv="pv")
    given = ProfitDisplay.from_predictions(y, model.predict_proba(X)[:, 1], clv=X["pv"])
    np.testing.assert_allclose(data(named), data(given))


def test_bad_input_is_explained(scored: tuple[np.ndarray, np.ndarray]) -> None:
    with pytest.raises(ConfigurationError, match="no targets"):
        GainDisplay.from_predictions([0, 0], [0.1, 0.2])
    with pytest.raises(ConfigurationError, match="no targets"):
        LiftDisplay.from_predictions([0, 0], [0.1, 0.2])
    with pytest.raises(ConfigurationError, match="probabilities"):
        ReliabilityDisplay.from_predictions([0, 1], [-3.0, 2.0])
    with pytest.raises(ConfigurationError, match="one for each customer"):
        ProfitDisplay.from_predictions(*scored, clv=[1.0, 2.0])
    with pytest.raises(ConfigurationError, match="known for every customer"):
        ProfitDisplay.from_predictions([0, 1], [0.1, 0.2], clv=[1.0, np.nan])
    model = LogisticRegression().fit([[0.0], [1.0]], [0, 1])
    with pytest.raises(DataError, match="does not know"):
        GainDisplay.from_estimator(model, [[0.0]], [7])
    with pytest.raises(DataError, match="without predict_proba"):
        GainDisplay.from_estimator(_NoProbabilities(), [[0.0]], [1])


class _NoProbabilities:
    classes_ = (0, 1)


def test_without_matplotlib_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingExtraError, match=r"custintel\[plot\]"):
        GainDisplay.from_predictions([0, 1], [0.1, 0.2])


def test_metrics_do_not_import_matplotlib() -> None:
    code = "import sys, custintel.metrics; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

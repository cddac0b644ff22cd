"""The scorecard from the door: its columns, limits where the table allows them, metrics and sections."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from custintel import CreditScorecard, load_model, score, train
from custintel.adapters.registry import adapter_named
from custintel.metrics import ks_score
from custintel.training._time_split_and_folds import stratified_folds

if TYPE_CHECKING:
    from pathlib import Path

    from custintel.training import Run


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    n = 1500
    late, tenure = rng.poisson(0.8, n), rng.integers(1, 2000, n)
    bad = rng.random(n) < expit(0.9 * late - 3)
    outside = 600 - 30 * late + rng.normal(0, 25, n)
    columns = {"late_bills": late, "tenure_days": tenure, "bill_mean_180d": rng.gamma(4, 9, n), "credit_score": outside}
    return pd.DataFrame({**columns, "bad": np.where(bad, "yes", "no")})


@pytest.fixture(scope="module")
def run(table: pd.DataFrame) -> Run:
    return train("credit", table=table, target="bad", tracking=False)


def test_the_list_has_points_band_probability_and_limit(run: Run, table: pd.DataFrame, tmp_path: Path) -> None:
    scores = score(run.model, table=table)
    assert {"points", "band", "probability", "limit", "decile", "reason_1_en"} <= set(scores.columns)
    assert scores["points"].is_monotonic_increasing  # the riskiest first
    assert sorted(scores["band"].unique()) == list("ABCDE")
    limit = scores.groupby("band")["limit"].mean()
    assert limit["A"] > limit["E"]
    run.model.save(tmp_path / "card")
    pd.testing.assert_frame_equal(score(load_model(tmp_path / "card"), table=table), scores)


def test_every_scored_column_is_described(run: Run) -> None:
    adapter = adapter_named("CreditScorecard")
    assert run.evaluation.predicted is not None
    described = [column.name for column in adapter.columns(run.model.estimator)]
    assert described == list(run.evaluation.predicted.columns)


def test_a_customers_limit_does_not_depend_on_the_list(run: Run, table: pd.DataFrame) -> None:
    alone = score(run.model, table=table.iloc[[3]])["limit"].item()
    together = score(run.model, table=table).set_index("customer_id").loc["3", "limit"]
    assert alone == together


def test_a_table_without_tenure_has_no_limits(table: pd.DataFrame) -> None:
    model = train("credit", table=table.drop(columns="tenure_days"), target="bad", tracking=False).model
    assert "limit" not in score(model, table=table)


def test_metrics_are_those_of_the_probabilities(run: Run) -> None:
    evaluation = run.evaluation
    found = run.model.metadata["metrics"]
    assert found["ks"]["value"] == pytest.approx(ks_score(evaluation.y, evaluation.p))
    assert found["gini"]["value"] == pytest.approx(2 * found["auc"]["value"] - 1)
    assert all(m["low"] <= m["value"] <= m["high"] for m in found.values())


def test_sections_show_card_ks_bands_and_who_changes_sides(run: Run) -> None:
    sections = {section["title"]: section["blocks"][0] for section in run.evaluation.sections}
    assert list(sections) == ["The card", "KS", "Bands", "Swap set"]
    bands = sections["Bands"]["rows"]
    assert sum(row[3] for row in bands) == len(run.evaluation.y)
    assert [row[0] for row in bands] == list("ABCDE")
    rows = {row[0]: row for row in sections["Swap set"]["rows"]}
    assert rows["swap in"][1] == rows["swap out"][1] > 0
    assert sum(row[2] for row in rows.values()) == int(run.evaluation.y.sum())


@pytest.mark.data
def test_german_credit_is_the_same_as_by_the_scorecard_itself(data_folder: Path) -> None:
    german = pd.read_csv(data_folder / "german_credit" / "creditdata.csv")
    run = train("credit", table=german, target="Good.Loan", pos_label="BadLoan", tracking=False)
    X, bad = german.drop(columns="Good.Loan"), (german["Good.Loan"] == "BadLoan").astype(int)
    p = np.empty(len(bad))
    for learn, test in stratified_folds(bad, None, 5, 0):
        p[test] = CreditScorecard().fit(X.iloc[learn], bad.iloc[learn]).event_probability(X.iloc[test])
    np.testing.assert_array_equal(run.evaluation.p.to_numpy(), p)

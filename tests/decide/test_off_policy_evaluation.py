"""Off-policy evaluation against a bandit whose truth is known, and what it refuses."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from bandit import Bandit

from custintel.decide import Champion, compare_policies
from custintel.decide._off_policy_evaluation import evaluate_policy, mean_interval
from custintel.errors import ConfigurationError, DataError

ROUNDS = 60


def policies(bandit: Bandit) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What logged (prefers what is bad) and what is asked about (prefers what is good)."""
    share = bandit.truth.div(bandit.value, axis=0)
    return bandit.soft(-share, 2.0), bandit.soft(share, 6.0)


def test_intervals_cover_the_truth_and_dr_is_the_most_precise() -> None:
    inside: dict[str, list[bool]] = {name: [] for name in ("ips", "snips", "dr")}
    values: dict[str, list[float]] = {name: [] for name in inside}
    for seed in range(ROUNDS):
        bandit = Bandit(1_500, seed)
        logged, target = policies(bandit)
        noisy = bandit.truth * 0.8 + 0.05  # a model that is wrong everywhere
        found = evaluate_policy(bandit.log(logged), target, expected_outcomes=noisy)
        assert found.refused == ()
        truth = bandit.value_of(target)
        for name, row in found.estimates.iterrows():
            inside[str(name)].append(row["low"] <= truth <= row["high"])
            values[str(name)].append(row["value"] - truth)
    for name, hits in inside.items():
        assert np.mean(hits) >= 0.87, name  # 95 % less three standard errors of 60 rounds
        assert abs(np.mean(values[name])) < 0.01, name
    assert np.var(values["dr"]) < np.var(values["ips"])


def test_the_outcome_model_is_learned_by_cross_fitting() -> None:
    bandit = Bandit(3_000, 1)
    logged, target = policies(bandit)
    log = bandit.log(logged)
    first = evaluate_policy(log, target, features=bandit.features)
    again = evaluate_policy(log, target, features=bandit.features)
    pd.testing.assert_frame_equal(first.estimates, again.estimates)
    assert first.estimates.loc["dr", "low"] <= bandit.value_of(target) <= first.estimates.loc["dr", "high"]
    assert first.estimates.loc["dr", "se"] < first.estimates.loc["ips", "se"]
    assert "dr" in first.words()


def test_rows_are_found_by_customer_in_any_order() -> None:
    bandit = Bandit(2_000, 2)
    logged, target = policies(bandit)
    log = bandit.log(logged).reset_index()
    log["decision_id"] = "20250630-" + log["customer_id"]
    direct = evaluate_policy(log.set_index("customer_id"), target).estimates
    mixed = evaluate_policy(log.set_index("decision_id"), target.sample(frac=1, random_state=0)).estimates
    pd.testing.assert_frame_equal(direct, mixed)


def test_decisions_without_an_outcome_are_left_out() -> None:
    bandit = Bandit(2_000, 3)
    log = bandit.log(policies(bandit)[0])
    log.loc[log.index[:500], "outcome"] = np.nan
    assert evaluate_policy(log, policies(bandit)[1]).rows == 1_500
    with pytest.raises(DataError, match="no decision has an outcome"):
        evaluate_policy(log.assign(outcome=np.nan), policies(bandit)[1])


def test_too_few_effective_decisions_are_refused() -> None:
    bandit = Bandit(150, 4)
    logged, target = policies(bandit)
    found = evaluate_policy(bandit.log(logged), target)
    assert "few_effective" in found.refused
    assert found.effective < 100
    assert found.estimates.isna().all(axis=None)
    assert "no estimate: few_effective" in found.words()


@pytest.mark.parametrize("keep", [True, False])
def test_actions_that_were_never_possible_are_refused(keep: bool) -> None:
    """Seen by the logged chances, or without them by weights that do not sum to the number of rows."""
    bandit = Bandit(4_000, 5)
    logged = pd.DataFrame({"none": 0.5, "sms": 0.5, "discount": 0.0}, index=bandit.truth.index)
    log = bandit.log(logged)
    target = pd.DataFrame({"none": 0.4, "sms": 0.4, "discount": 0.2}, index=bandit.truth.index)
    found = evaluate_policy(log if keep else log[["action", "propensity", "outcome"]], target)
    assert "support_missing" in found.refused
    assert found.support_missing == pytest.approx(0.2, abs=0.05)


def test_a_log_without_chance_is_refused() -> None:
    index = pd.RangeIndex(500)
    log = pd.DataFrame({"action": "sms", "propensity": 1.0, "outcome": 1.0}, index=index)
    assert "no_exploration" in evaluate_policy(log, pd.Series("sms", index)).refused


@pytest.mark.parametrize("propensity", [0.0, -0.1, 1.2, np.nan, 50.0])
def test_propensities_outside_zero_and_one_are_an_error(propensity: float) -> None:
    log = pd.DataFrame({"action": ["a", "b"], "propensity": [0.5, propensity], "outcome": 1.0})
    with pytest.raises(ConfigurationError, match=r"outside \(0, 1\]"):
        evaluate_policy(log, pd.Series(["a", "b"]))


def test_wrong_targets_are_told() -> None:
    log = pd.DataFrame({"action": ["a", "b"], "propensity": 0.5, "outcome": 1.0})
    with pytest.raises(ConfigurationError, match="do not sum to 1"):
        evaluate_policy(log, pd.DataFrame({"a": [0.5, 0.5], "b": [0.5, 0.6]}))
    with pytest.raises(ConfigurationError, match="have no row"):
        evaluate_policy(log, pd.Series(["a"]))
    with pytest.raises(ConfigurationError, match="columns are missing: propensity"):
        evaluate_policy(log.drop(columns="propensity"), pd.Series(["a", "b"]))
    with pytest.raises(ConfigurationError, match="no column for: b"):
        evaluate_policy(log, pd.Series(["a", "b"]), expected_outcomes=pd.DataFrame({"a": [0.1, 0.2]}))


def test_paired_comparison_is_sharper_than_two_intervals() -> None:
    bandit = Bandit(3_000, 6)
    logged, good = policies(bandit)
    near = 0.9 * good + 0.1 * logged
    found = compare_policies(bandit.log(logged), near, good, expected_outcomes=bandit.truth)
    truth = bandit.value_of(good) - bandit.value_of(near)
    assert found.low <= truth <= found.high
    width = found.challenger.estimates.loc["dr", "high"] - found.challenger.estimates.loc["dr", "low"]
    assert found.high - found.low < 0.5 * width


def test_a_champion_falls_only_to_a_surely_better_one() -> None:
    bandit = Bandit(3_000, 7)
    logged, good = policies(bandit)
    log = bandit.log(logged)
    champion = Champion("1")
    same = champion.challenge("2", compare_policies(log, logged, logged))
    assert not same.promoted
    worse = champion.challenge("3", compare_policies(log, good, logged, expected_outcomes=bandit.truth))
    assert not worse.promoted
    better = champion.challenge("4", compare_policies(log, logged, good, expected_outcomes=bandit.truth))
    assert better.promoted
    assert champion.version == "4"
    assert champion.history["promoted"].tolist() == [False, False, True]
    refused = champion.challenge("5", compare_policies(log.head(50), logged, good))
    assert not refused.promoted
    assert "few_effective" in refused.why


def test_the_registry_follows_the_champion(tmp_path) -> None:
    mlflow = pytest.importorskip("mlflow", reason="mlflow absent: pip install 'custintel[train]'")
    from custintel.decide._champion_challenger import promote_version
    from custintel.errors import ModelError
    from custintel.training.mlflow_store import open_store

    with pytest.raises(ModelError, match="was not promoted"):
        promote_version("offers", "1", tmp_path)
    with open_store(tmp_path):
        client = mlflow.MlflowClient()
        client.create_registered_model("offers")
        for _ in range(2):
            client.create_model_version("offers", str(tmp_path))
    bandit = Bandit(3_000, 8)
    logged, good = policies(bandit)
    verdict = Champion("1", "offers", tmp_path).challenge(
        "2", compare_policies(bandit.log(logged), logged, good, expected_outcomes=bandit.truth)
    )
    assert verdict.promoted
    with open_store(tmp_path):
        assert str(mlflow.MlflowClient().get_model_version_by_alias("offers", "champion").version) == "2"


def test_intervals_of_the_mean_follow_the_skewness() -> None:
    rng = np.random.default_rng(0)
    values = rng.lognormal(0, 1.5, 400)
    low, high = mean_interval(values)
    assert values.min() < low < values.mean() < high
    assert high - values.mean() > values.mean() - low
    assert mean_interval(np.ones(5)) == (1.0, 1.0)

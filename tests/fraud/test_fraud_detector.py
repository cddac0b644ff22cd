"""One score of model, rules, resemblance and anomaly: it tells cases, says why, keeps kinds apart, and can be kept."""

from __future__ import annotations

from copy import copy
from pathlib import Path  # noqa: TC003
from typing import Any

import numpy as np
import pandas as pd
import pytest

from custintel import FraudDetector, RuleBase
from custintel.errors import ConfigurationError, DataError, QualityWarning
from custintel.fraud._new_fraud_kind import _without_forbidden_columns
from custintel.learners.feature_contract import FeatureContract
from custintel.metrics.discrimination import auc
from custintel.rules import LearnSettings


def lines(rows: int = 1500, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """SIM boxes call many from few cells; never-payers are new and use much; some of both look like anybody."""
    rng = np.random.default_rng(seed)
    kind = np.where(rng.random(rows) < 0.08, "sim_box", np.where(rng.random(rows) < 0.08, "never_payer", ""))
    box, never = kind == "sim_box", kind == "never_payer"
    X = pd.DataFrame(
        {
            "calls": rng.gamma(2, 20, rows) * np.where(box, 4, 1),
            "cells": np.where(box, rng.poisson(2, rows), rng.poisson(12, rows)).astype(float),
            "tenure": np.where(never, rng.exponential(60, rows), rng.exponential(900, rows)),
            "charge": rng.gamma(3, 10, rows) * np.where(never, 2.5, 1),
            "plan": rng.choice(["S", "M", "L"], rows),
            "months_of_data": np.where(kind == "", 12, 3),
        },
        index=pd.Index([f"C{k}" for k in range(rows)], name="customer_id"),
    )
    return X.mask(rng.random(X.shape) < 0.02), (kind != "").astype(int), kind


SETTINGS = LearnSettings(max_rules=12, forbidden=("months_of_data",))
EXPERT = "calls > 120 and cells <= 4"


@pytest.fixture(scope="module")
def expert() -> RuleBase:
    base = RuleBase()
    base.propose("box", EXPERT, kind="sim_box", loss=400, by="an analyst")
    base.propose("elsewhere", "roaming_minutes > 5", by="an analyst")
    for name in ("box", "elsewhere"):
        base.shadow(name, by="an analyst", reason="known")
        base.activate(name, by="head of fraud", reason="known")
    base.learn_profiles(lines()[0])
    return base


@pytest.fixture(scope="module")
def detector(expert: RuleBase) -> FraudDetector:
    X, y, kind = lines()
    return FraudDetector(rules=expert, settings=SETTINGS).fit(X, y, kinds=kind)


@pytest.fixture(scope="module")
def new() -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    return lines(seed=1)


def test_it_tells_cases_better_than_any_single_view(detector: FraudDetector, new: tuple) -> None:  # type: ignore[type-arg]
    X, y, _ = new
    whole = auc(y, detector.predict_proba(X)[:, 1])
    assert whole > 0.85
    assert whole > max(auc(y, detector.component_scores(X)[view]) for view in ("expert_similarity", "anomaly")) + 0.02
    assert (detector.weights_.iloc[1:] >= 0).all()


def test_probabilities_mean_what_they_say(detector: FraudDetector, new: tuple) -> None:  # type: ignore[type-arg]
    X, y, _ = new
    assert abs(detector.predict_proba(X)[:, 1].mean() - y.mean()) < 0.03


def outputs(detector: FraudDetector, X: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Everything that a detector says of customers."""
    return {
        "predict_proba": pd.DataFrame(detector.predict_proba(X)),
        "decision_function": pd.DataFrame(detector.decision_function(X)),
        "predict": pd.DataFrame(detector.predict(X)),
        "component scores": detector.component_scores(X),
        "encode": pd.DataFrame(detector.encode(X)),
        "predict_kind_proba": detector.predict_kind_proba(X),
        "decide": detector.decide(X, budget=50),
        "alarms": detector.alarms(X),
        "review": detector.review(X, 50),
    }


def same(one: dict[str, pd.DataFrame], other: dict[str, pd.DataFrame]) -> None:
    for name, frame in one.items():
        pd.testing.assert_frame_equal(frame, other[name], obj=name)


@pytest.mark.parametrize("change", ["permuted", "absent"])
def test_forbidden_columns_move_no_output(detector: FraudDetector, new: tuple, change: str) -> None:  # type: ignore[type-arg]
    """The kinds were predicted from the whole matrix, forbidden columns included."""
    X = new[0].head(500)
    permuted = np.random.default_rng(0).permutation(X["months_of_data"])
    changed = X.assign(months_of_data=permuted) if change == "permuted" else X.drop(columns="months_of_data")
    same(outputs(detector, changed), outputs(detector, X))


def test_forbidden_columns_teach_nothing() -> None:
    """A column that gives the kind away, and noise in its place, make the same detector; cases may have names."""
    X, y, kind = lines(420)
    X, labels = X[["calls", "cells"]], np.where(y == 1, "fraud", "legitimate")
    settings = LearnSettings(max_rules=2, forbidden=("closed_as",))
    given, noise = X.assign(closed_as=kind), X.assign(closed_as=np.roll(kind, 7))
    one, other = (FraudDetector(settings=settings).fit(table, labels, kinds=kind) for table in (given, noise))
    same(outputs(one, given), outputs(other, given))
    assert "sim_box" not in str(one.to_state()[0]["contract"])
    assert one.classes_.tolist() == ["fraud", "legitimate"]
    assert auc(y, one.predict_proba(X)[:, 0]) > 0.7
    assert one.decide(X)["probability"].mean() == pytest.approx(y.mean(), abs=0.05)
    assert set(one.predict(X)) <= {"fraud", "legitimate"}


def test_rules_are_mined_where_columns_are_forbidden(detector: FraudDetector) -> None:
    """The miner was given the names of columns that had been taken out before, and gave up in silence."""
    assert detector.rules_ is not None
    assert len(detector.rules_) > 0
    assert not any("months_of_data" in rule.columns for rule in detector.rules_)
    assert "months_of_data" not in {c.name for c in detector.contract_.used}


def test_what_looks_for_new_kinds_reads_no_forbidden_column(detector: FraudDetector, new: tuple) -> None:  # type: ignore[type-arg]
    assert "months_of_data" not in _without_forbidden_columns(detector, new[0]).columns
    assert "calls" in _without_forbidden_columns(detector, new[0]).columns


def test_a_table_is_encoded_once_for_all_parts(detector: FraudDetector, monkeypatch: pytest.MonkeyPatch) -> None:
    X = lines(200, seed=3)[0]
    whole: list[int] = []
    encode = FeatureContract.encode

    def counted(contract: FeatureContract, table: pd.DataFrame, *dtype: Any) -> np.ndarray:
        whole.append(len(table))
        return encode(contract, table, *dtype)

    monkeypatch.setattr(FeatureContract, "encode", counted)
    for use in (detector.predict_proba, detector.predict_kind_proba, detector.decide, detector.alarms, detector.review):
        whole.clear()
        use(X)
        assert whole == [len(X)]
    whole.clear()
    FraudDetector(settings=LearnSettings(max_rules=1)).fit(*lines(300))
    assert whole == [300]


def test_few_cases_are_warned_of() -> None:
    X, y, _ = lines(150)
    few = np.where(y.cumsum() > 4, 0, y)
    with pytest.warns(QualityWarning, match="given: 4 cases, 146 others"):
        FraudDetector(settings=LearnSettings(max_rules=1)).fit(X, few)


def test_unknown_forbidden_columns_are_told() -> None:
    X, y, _ = lines(60)
    with pytest.raises(ConfigurationError, match=r"settings.forbidden: no such column\n.*months_of_dat"):
        FraudDetector(settings=LearnSettings(forbidden=("months_of_dat",))).fit(X, y)


def test_kinds_add_up_and_are_kept_apart(detector: FraudDetector, new: tuple) -> None:  # type: ignore[type-arg]
    X, _, kind = new
    found = detector.predict_kind_proba(X)
    np.testing.assert_allclose(found.sum(axis=1), detector.predict_proba(X)[:, 1], atol=1e-9)
    assert found["sim_box"][kind == "sim_box"].mean() > 5 * found["sim_box"][kind == "never_payer"].mean()
    assert found["never_payer"][kind == "never_payer"].mean() > 5 * found["never_payer"][kind == "sim_box"].mean()


def test_the_budget_takes_the_costliest_and_only_what_pays(detector: FraudDetector, new: tuple) -> None:  # type: ignore[type-arg]
    X, _, _ = new
    few = detector.decide(X, budget=20)
    assert few["review"].sum() == 20
    assert few.loc[few["review"], "net_benefit"].min() >= few.loc[~few["review"], "net_benefit"].max()
    every = detector.decide(X)
    assert ((every["probability"] * 200 > 5) == every["review"]).all()


def test_alarms_name_rules_and_leave_the_rest_to_the_model(detector: FraudDetector, new: tuple) -> None:  # type: ignore[type-arg]
    X, _, _ = new
    told = detector.alarms(X)
    assert {"match", "resembles"} <= set(told["tier"])
    assert "box" in set(told["rule"])
    alone = told[told["tier"] == "model"].index
    assert not set(alone) & set(told[told["tier"] != "model"].index)
    assert told.loc[told["tier"] != "model", ["version", "similarity", "expected_loss"]].notna().all().all()


@pytest.mark.parametrize("labels", ["repeated", "numbers", "two levels"])
def test_alarms_are_those_of_rows_whatever_their_labels(detector: FraudDetector, new: tuple, labels: str) -> None:  # type: ignore[type-arg]
    X, rows = new[0], range(len(new[0]))
    index = {
        "repeated": pd.Index([f"C{k // 3}" for k in rows], name="customer_id"),
        "numbers": pd.Index([k // 3 for k in rows], name="customer_id"),
        "two levels": pd.MultiIndex.from_arrays(
            [[f"C{k // 3}" for k in rows], [k % 3 for k in rows]], names=["a", "b"]
        ),
    }[labels]
    eager = copy(detector)
    eager.threshold_ = 0.05  # so that the model alarms, too
    told, again = eager.alarms(X), eager.alarms(X.set_axis(index, axis=0))
    pd.testing.assert_frame_equal(again.reset_index(drop=True), told.reset_index(drop=True))
    expected = index[X.index.get_indexer(told.index)]
    assert again.index.tolist() == ([str(k) for k in expected] if labels == "numbers" else expected.tolist())
    assert again.index.names == index.names
    assert {"model", "match"} <= set(again["tier"])


def test_a_loss_by_customer_counts_in_alarms_of_the_model_as_in_decisions() -> None:
    X, y, _ = lines(600)
    X["exposure"] = np.linspace(1, 500, len(X))
    model = FraudDetector(loss="exposure", settings=LearnSettings(max_rules=2)).fit(X, y)
    told, due = model.alarms(X), model.decide(X)
    alone = told[told["tier"] == "model"]
    assert len(alone)
    np.testing.assert_allclose(alone["expected_loss"], due.loc[alone.index, "expected_loss"])


def test_it_is_kept_without_pickle_and_says_the_same(detector: FraudDetector, tmp_path: Path) -> None:
    X, _, _ = lines(300, seed=2)
    again = FraudDetector.load(detector.save(tmp_path / "fraud"))
    np.testing.assert_allclose(again.predict_proba(X), detector.predict_proba(X), atol=1e-12)
    pd.testing.assert_frame_equal(again.predict_kind_proba(X), detector.predict_kind_proba(X))
    assert len(again.alarms(X)) == len(detector.alarms(X))
    assert again.rules is not None
    assert again.rules.head == detector.rules.head  # type: ignore[union-attr]


def test_the_queue_shows_what_is_unusual_too(detector: FraudDetector, new: tuple) -> None:  # type: ignore[type-arg]
    X, _, _ = new
    queue = detector.review(X, 100, audit=0.05)
    assert len(queue) == 100
    assert queue.index.is_unique
    assert queue["reason"].value_counts()["audit"] == 5
    assert {"known", "unusual"} <= set(queue["reason"])


def test_mistakes_are_told() -> None:
    X, y, _ = lines(300)
    with pytest.raises(ConfigurationError, match="no such column"):
        FraudDetector(loss="exposure").fit(X, y)
    with pytest.raises(DataError, match="without kinds"):
        FraudDetector(settings=LearnSettings(max_rules=2)).fit(X, y).predict_kind_proba(X)

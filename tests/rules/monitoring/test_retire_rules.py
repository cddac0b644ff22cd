"""Rules whose alarms are no longer confirmed are suspected and retired; those that keep their word stay."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from custintel.errors import ConfigurationError, DataError
from custintel.rules import ReviewSettings, Rule, RuleBase
from custintel.rules.monitoring._retire_rules import review_characteristics, review_rules
from custintel.rules.monitoring._rule_drift import DriftSettings, rule_drift, save_drift_baseline
from custintel.rules.monitoring._sequential_tests import PrecisionMonitor, PrecisionPosterior, Sensitivity
from custintel.rules.monitoring.alarm_outcomes import record_outcomes

WHO = {"by": "an analyst", "reason": "three cases"}
STATED = (0.7, 0.8, 0.9, 0.95)


def draw(runs: int, outcomes: int, precision: float, seed: int) -> np.ndarray:
    return (np.random.default_rng(seed).random((runs, outcomes)) < precision).astype(int)


# --- the tests themselves --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("good", [0, 50, 300])
def test_a_rule_whose_precision_falls_leaves_active_within_thirty_outcomes(good: int) -> None:
    """Whatever good time it had before; the median is far below thirty."""
    monitor = PrecisionMonitor.for_precision(0.9)
    before, after = draw(400, good, 0.9, good), draw(400, 120, 0.4, good + 1)
    walks = [monitor.phase_changes([*one, *two]) for one, two in zip(before, after, strict=True)]
    active = [m for m in walks if [e.to for e in m if e.after <= good][-1:] in ([], ["active"])]
    assert len(active) > 350
    delays = [next(e.after for e in m if e.after > good) - good for m in active]
    assert np.median(delays) <= 15
    assert np.quantile(delays, 0.95) <= 30


@pytest.mark.parametrize("stated", STATED)
def test_a_stable_rule_is_hardly_ever_retired(stated: float) -> None:
    monitor = PrecisionMonitor.for_precision(stated)
    ends = [monitor.phase_changes(run) for run in draw(1500, 200, stated, 7)]
    assert np.mean([any(m.to == "retired" for m in moves) for moves in ends]) <= 0.01
    assert np.mean([bool(moves) for moves in ends]) <= 0.07
    told = review_characteristics(stated, stated)
    assert told["retired"] <= 0.02
    assert told["left_active"] <= 0.05


def test_exact_characteristics_are_those_of_simulation() -> None:
    monitor, runs = PrecisionMonitor.for_precision(0.8), draw(4000, 60, 0.6, 11)
    moves = [monitor.phase_changes(run) for run in runs]
    left = np.mean([bool(m) for m in moves])
    retired = np.mean([any(m.to == "retired" for m in found) for found in moves])
    told = review_characteristics(0.8, 0.6, outcomes=60)
    assert told["left_active"] == pytest.approx(left, abs=0.025)
    assert told["retired"] == pytest.approx(retired, abs=0.025)


def test_a_rule_better_than_stated_is_suspected_less() -> None:
    assert review_characteristics(0.8, 0.9)["left_active"] < review_characteristics(0.8, 0.8)["left_active"] / 5
    strict, lax = Sensitivity(false_watch=0.2), Sensitivity(false_watch=0.01)
    delay = [review_characteristics(0.9, 0.4, how)["median"] for how in (strict, lax)]
    assert delay[0] < delay[1]


@pytest.mark.parametrize("stated", [0.0, 0.03, 0.5, 1.0])
def test_any_stated_precision_has_its_test(stated: float) -> None:
    monitor = PrecisionMonitor.for_precision(stated)
    assert 0 < monitor.fallen < monitor.stated
    assert 1 - monitor.still_active(monitor.stated, 200)[-1] <= 0.05
    assert monitor.never_retired(monitor.stated, 200) >= 0.98


def test_a_suspected_rule_that_recovers_is_trusted_again() -> None:
    moves = PrecisionMonitor.for_precision(0.9).phase_changes([0] * 6 + [1] * 60)
    assert [m.to for m in moves] == ["watch", "active"]


def test_older_outcomes_count_less() -> None:
    early, late = (
        PrecisionPosterior.from_outcomes([0] * 30 + [1] * 30, 0.5),
        PrecisionPosterior.from_outcomes([1] * 30 + [0] * 30, 0.5),
    )
    assert early.mean > 0.6 > 0.4 > late.mean
    assert late.below(0.5) > 0.9
    assert PrecisionPosterior.from_outcomes([], 0.8).mean == pytest.approx(0.8)


# --- reviews of a base -----------------------------------------------------------------------------------------------


def base_with(precision: float | None = 0.9, **facts: float) -> RuleBase:
    base = RuleBase()
    rule = Rule("burst", "minutes > 30", **facts)  # type: ignore[arg-type]
    evidence = {} if precision is None else {"precision": precision}
    base.add(rule, evidence=evidence, at="2025-01-01", by="an analyst")
    for state in ("shadow", "active"):
        base.change_state("burst", state, at="2025-01-01", **WHO)  # type: ignore[arg-type]
    return base


def happen(base: RuleBase, found: np.ndarray | list[int], at: str) -> None:
    """Outcomes of alarms of as many new customers."""
    index = pd.Index([f"{at} {k}" for k in range(len(found))], name="customer_id")
    alarms = base.alarms(pd.DataFrame({"minutes": 40.0}, index=index))
    outcome = np.where(np.asarray(found) == 1, "fraud", "not")
    record_outcomes(base, alarms, pd.DataFrame({"outcome": outcome}, index=index), by="fraud desk", at=at)


def test_a_fallen_rule_is_watched_then_retired_with_its_numbers() -> None:
    base = base_with()
    happen(base, [1] * 40, "2025-02-01")
    assert review_rules(base, by="review", at="2025-02-02")["to"].tolist() == [""]
    happen(base, draw(1, 40, 0.4, 0)[0], "2025-03-01")
    found = review_rules(base, by="review", at="2025-03-02")
    assert found[["state", "to"]].to_numpy().tolist() == [["active", "watch"], ["watch", "retired"]]
    assert found["done"].all()
    entry = base.entry("burst")
    assert entry.state == "retired"
    assert entry.evidence["review"]["confirmed"] < entry.evidence["review"]["outcomes"]
    assert "stated 0.90" in entry.reason
    base.verify()
    assert base.as_of("2025-02-15").entry("burst").state == "active"
    base.rollback("2025-02-15", by="head of fraud", reason="outcomes were wrong", at="2025-04-01")
    assert base.entry("burst").state == "active"
    # after a move by a person the tests begin anew: earlier outcomes do not retire it again
    assert review_rules(base, by="review", at="2025-04-02")["to"].tolist() == [""]


def lives(batch: int, seed: int) -> list[str]:
    base = base_with()
    for k, found in enumerate(draw(1, 60, 0.62, seed)[0].reshape(-1, batch)):
        happen(base, found, f"2025-02-01T{k:02d}:00")
        review_rules(base, by="review", at=f"2025-02-01T{k:02d}:30")
    return list(base.history("burst").query("event == 'moved'")["reason"])


@pytest.mark.parametrize("seed", range(3))
def test_the_result_does_not_depend_on_how_often_rules_are_reviewed(seed: int) -> None:
    assert lives(60, seed) == lives(5, seed)


def test_moves_can_be_left_to_a_person() -> None:
    base = base_with()
    happen(base, [0] * 40, "2025-02-01")
    found = review_rules(base, ReviewSettings(automatic=("watch",)), by="review", at="2025-02-02")
    assert found[["to", "done"]].to_numpy().tolist() == [["watch", True], ["retired", False]]
    assert base.entry("burst").state == "watch"


def test_a_watched_rule_recovers() -> None:
    base = base_with()
    happen(base, [0] * 6 + [1] * 60, "2025-02-01")
    review_rules(base, by="review", at="2025-02-02")
    assert base.entry("burst").state == "active"
    assert "keeps its precision again" in base.entry("burst").reason


def test_resemblances_do_not_speak_against_the_rule() -> None:
    base = base_with()
    base.learn_profiles(pd.DataFrame({"minutes": np.linspace(0, 100, 500)}), at="2025-01-02")
    index = pd.RangeIndex(40, name="customer_id")
    alarms = base.alarms(pd.DataFrame({"minutes": 29.0}, index=index))
    assert set(alarms["tier"]) == {"resembles"}
    record_outcomes(base, alarms, pd.DataFrame({"outcome": "not"}, index=index), by="desk", at="2025-02-01")
    assert review_rules(base, by="review", at="2025-02-02")["outcomes"].tolist() == [0]


def test_a_watched_rule_that_is_not_worth_its_reviews_is_retired() -> None:
    base = base_with(0.6, loss=100.0, review_cost=50.0)
    base.change_state("burst", "watch", at="2025-01-02", **WHO)
    happen(base, [0, 1, 0, 0, 0] * 6, "2025-02-01")
    lax = Sensitivity(odds_ratio=3.0, false_retire=1e-9)
    found = review_rules(base, ReviewSettings(sensitivity=lax), by="review", at="2025-02-02")
    assert found["to"].tolist() == ["retired"]
    assert "below 0.50" in found["reason"].iloc[0]
    assert base.entry("burst").evidence["review"]["floor"] == 0.5


def test_the_floor_hardly_retires_a_rule_that_keeps_its_word() -> None:
    retired = 0
    for seed in range(30):
        base = base_with(0.8)
        for day, found in enumerate(draw(1, 200, 0.8, seed)[0].reshape(-1, 50), 1):
            happen(base, found, f"2025-02-{day:02d}")
            review_rules(base, ReviewSettings(floor=0.75), by="review", at=f"2025-02-{day:02d}")
            if base.entry("burst").state == "retired":
                retired += 1
                break
    assert retired <= 1


def test_a_rule_without_a_case_of_its_own_is_watched_while_outcomes_come_in() -> None:
    base = base_with()
    assert review_rules(base, by="review", at="2025-12-01")["to"].tolist() == [""]
    base.add(Rule("other", "minutes > 20"), by="an analyst", at="2025-12-01")
    for state in ("shadow", "active"):
        base.change_state("other", state, at="2025-12-01", **WHO)  # type: ignore[arg-type]
    happen(base, [1] * 20, "2025-12-02")
    found = review_rules(base, by="review", at="2025-12-03").set_index("rule")
    assert found.loc["burst", "to"] == "watch"
    assert "no case of its own" in found.loc["burst", "reason"]
    assert found.loc["other", "to"] == ""
    assert review_rules(base, ReviewSettings(idle_days=None), by="review", at="2025-12-04")["to"].eq("").all()


def test_settings_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="automatic"):
        ReviewSettings(automatic=("draft",))  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="retire_probability"):
        ReviewSettings(retire_probability=1.5)
    with pytest.raises(ConfigurationError, match="Sensitivity"):
        Sensitivity(odds_ratio=1.0, false_watch=0.0)
    with pytest.raises(ConfigurationError, match="DriftSettings"):
        DriftSettings(psi_look=0.5)


# --- drift without outcomes ------------------------------------------------------------------------------------------


def operator(seed: int, minutes: float = 20.0, rows: int = 4000) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    found = {"minutes": rng.gamma(2, minutes / 2, rows), "plan": rng.choice(["S", "M", "L"], rows, p=[0.6, 0.3, 0.1])}
    return pd.DataFrame(found).mask(rng.random((rows, 2)) < 0.05)


def with_plan() -> RuleBase:
    base = base_with()
    base.add(Rule("plan", "minutes > 60 and plan = 'L'"), by="an analyst", at="2025-01-01")
    for state in ("shadow", "active"):
        base.change_state("plan", state, at="2025-01-01", **WHO)  # type: ignore[arg-type]
    return base


def test_a_fresh_sample_has_not_moved_and_a_drifted_one_has() -> None:
    base = with_plan()
    assert rule_drift(base, operator(0))["verdict"].tolist() == ["no profile", "no profile"]
    assert len(save_drift_baseline(base, operator(0), by="nightly run", at="2025-01-02")) == 2
    assert save_drift_baseline(base, operator(0), by="nightly run", at="2025-01-03") == []
    same = rule_drift(base, operator(1))
    assert same["verdict"].tolist() == ["stable", "stable"]
    assert same["column_psi"].max() < 0.05
    drifted = rule_drift(base, operator(2, minutes=45.0))
    assert drifted["verdict"].tolist() == ["moved", "moved"]
    assert drifted.set_index("rule").loc["plan", "column"] == "minutes"
    found = review_rules(base, by="review", at="2025-02-01", drift=drifted)
    assert found["to"].tolist() == ["watch", "watch"]
    # a watched rule keeps the profile of its active time
    assert save_drift_baseline(base, operator(2), by="nightly run", at="2025-02-02") == []
    base.verify()


def test_a_rare_rule_that_fires_more_often_has_moved_though_its_index_is_small() -> None:
    base = base_with()
    X = pd.DataFrame({"minutes": np.r_[np.full(9980, 10.0), np.full(20, 40.0)]})
    save_drift_baseline(base, X, by="nightly run", at="2025-01-02")
    X.loc[:59, "minutes"] = 40.0
    row = rule_drift(base, X).iloc[0]
    assert row["rate_psi"] < 0.1
    assert row["column_psi"] < 0.1
    assert row["verdict"] == "moved"
    with pytest.raises(DataError, match="no rows"):
        rule_drift(base, X.head(0))

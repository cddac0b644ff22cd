"""Who may become active without a person, and whether rules keep what they state."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from custintel.errors import ConfigurationError
from custintel.rules import ActivationPolicy, Rule, RuleBase
from custintel.rules.monitoring._activate_rules import apply_policy
from custintel.rules.monitoring._stated_precision import check_stated_precision
from custintel.rules.monitoring.alarm_outcomes import record_outcomes

WHO = {"by": "an analyst", "reason": "three cases"}
AUTOMATIC = ActivationPolicy(name="night", automatic=True)


def shadow(base: RuleBase, rule: Rule, precision: float | None = None) -> RuleBase:
    evidence = {} if precision is None else {"precision": precision}
    base.add(rule, evidence=evidence, by="an analyst", at="2025-01-01")
    base.change_state(rule.name, "shadow", at="2025-01-01", **WHO)
    return base


def rule(name: str = "burst", when: str = "minutes > 30", **facts: object) -> Rule:
    return Rule(name, when, **{"loss": 200.0, "review_cost": 5.0, "kind": "irsf", **facts})  # type: ignore[arg-type]


def happen(base: RuleBase, confirmed: int, false: int, *, column: str = "minutes", at: str = "2025-01-31") -> None:
    index = pd.Index([f"{column} {k}" for k in range(confirmed + false)], name="customer_id")
    X = pd.DataFrame({"minutes": 0.0, "texts": 0.0}, index=index).assign(**{column: 40.0})
    alarms = base.alarms(X, None, "shadow", "active")
    outcome = ["fraud"] * confirmed + ["not"] * false
    record_outcomes(base, alarms, pd.DataFrame({"outcome": outcome}, index=index), by="desk", at=at)


def decide(base: RuleBase, policy: ActivationPolicy, at: str = "2025-01-31") -> pd.Series:
    return apply_policy(base, policy, at=at).iloc[0]


def test_nothing_is_activated_that_no_policy_asked_to() -> None:
    base = shadow(RuleBase(), rule())
    happen(base, 29, 1)
    events = len(base.log.events)
    assert decide(base, ActivationPolicy())["decision"] == "ready"
    assert base.entry("burst").state == "shadow"
    assert len(base.log.events) == events


def test_an_activation_names_its_policy_and_numbers() -> None:
    base = shadow(RuleBase(), rule())
    happen(base, 29, 1)
    assert decide(base, AUTOMATIC)["decision"] == "activated"
    entry = base.entry("burst")
    assert (entry.state, entry.by) == ("active", "policy night")
    assert ActivationPolicy.from_state(entry.evidence["policy"]) == AUTOMATIC
    assert entry.evidence["shadow"]["confirmed"] == 29
    # a rule that stated nothing is held to what its shadow proved
    assert entry.evidence["precision"] == pytest.approx(entry.evidence["shadow"]["lower"])
    base.verify()
    assert base.as_of("2025-01-30").entry("burst").state == "shadow"
    base.rollback("2025-01-30", by="head of fraud", reason="not yet", at="2025-02-01")
    assert base.entry("burst").state == "shadow"
    # what was seen before does not count for the new shadow
    assert decide(base, AUTOMATIC, "2025-03-01")["closed"] == 0


@pytest.mark.parametrize(
    ("facts", "policy", "seen", "why"),
    [
        ({}, {}, (10, 0), "10 known outcomes, 20 needed"),
        ({}, {"min_days": 60}, (29, 1), "30.0 days, 60 needed"),
        ({}, {}, (15, 15), "floor 0.50"),
        ({"loss": 0.0}, {}, (29, 1), "an alarm is worth -5 u"),
        ({"review_cost": 190.0}, {}, (29, 1), "more than 0 needed"),
        ({"origin": "anomaly"}, {}, (29, 1), "from anomalies: a person decides"),
        ({}, {"kinds": ("sim_box",)}, (29, 1), "kind irsf: a person decides"),
        ({}, {"max_alarms_per_day": 0.5}, (29, 1), "budget 0.5"),
    ],
)
def test_a_rule_waits_and_the_reason_is_told(facts: dict, policy: dict, seen: tuple[int, int], why: str) -> None:
    base = shadow(RuleBase(), rule(**facts))
    happen(base, *seen)
    row = decide(base, ActivationPolicy(automatic=True, **policy))
    assert row["decision"] == "waits"
    assert why in row["reason"]
    assert base.entry("burst").state == "shadow"


def test_what_the_evidence_states_must_be_reached() -> None:
    base = shadow(RuleBase(), rule(), precision=0.9)
    happen(base, 29, 1)
    assert "stated 0.90" in decide(base, AUTOMATIC)["reason"]
    assert decide(base, ActivationPolicy(automatic=True, require_stated=False))["decision"] == "activated"
    assert base.entry("burst").evidence["precision"] == 0.9


def test_loss_and_cost_of_the_policy_stand_in_for_those_of_the_rule() -> None:
    base = shadow(RuleBase(), rule(loss=0.0, review_cost=0.0))
    happen(base, 29, 1)
    row = decide(base, ActivationPolicy(automatic=True, loss=100.0, review_cost=10.0))
    assert row["decision"] == "activated"
    assert row["benefit"] == pytest.approx(100 * row["lower"] - 10)


def test_the_budget_goes_to_the_most_useful_rule_first() -> None:
    base = shadow(shadow(RuleBase(), rule("cheap", "texts > 30", loss=20.0)), rule())
    happen(base, 30, 0, column="texts")
    happen(base, 30, 0)
    found = apply_policy(base, ActivationPolicy(automatic=True, max_alarms_per_day=1.5), at="2025-01-31")
    assert found[["rule", "decision"]].to_numpy().tolist() == [["burst", "activated"], ["cheap", "waits"]]
    assert "budget 1.5" in found["reason"].iloc[1]


def test_an_empty_shadow_and_policies_that_make_no_sense() -> None:
    assert apply_policy(RuleBase(), AUTOMATIC).empty
    with pytest.raises(ConfigurationError, match="min_alarms"):
        ActivationPolicy(min_alarms=0)
    with pytest.raises(ConfigurationError, match="min_precision"):
        ActivationPolicy(min_precision=1.2)
    policy = ActivationPolicy(kinds=("irsf",))
    assert ActivationPolicy.from_state(policy.to_state()) == policy


def test_promises_are_compared_with_later_customers() -> None:
    base = shadow(shadow(RuleBase(), rule(), precision=0.6), rule("texts", "texts > 30"), precision=0.9)
    base = shadow(base, rule("silent", "minutes > 999"), precision=0.5)
    base = shadow(base, rule("unstated", "texts > 10"))
    X = pd.DataFrame({"minutes": [40.0] * 10 + [0.0] * 40, "texts": [0.0] * 10 + [40.0] * 30 + [0.0] * 10})
    y = np.r_[np.repeat([1, 0], [7, 3]), np.repeat([1, 0], [25, 5]), np.zeros(10)].astype(int)
    found = check_stated_precision(base, X, y).set_index("rule")
    assert list(found.index) == ["burst", "texts", "silent"]
    assert found.loc["burst", ["alarms", "hits", "kept"]].tolist() == [10, 7, True]
    # 25 of 30 is below 0.9, but no rare luck at 0.9
    assert found.loc["texts", ["kept", "within_noise"]].tolist() == [False, True]
    assert found.loc["silent", "alarms"] == 0
    assert pd.isna(found.loc["silent", "kept"])
    assert found["kept"].mean() == 0.5
    assert check_stated_precision(base, X, y, "active").empty
    pd.testing.assert_frame_equal(check_stated_precision(base, X.astype(str), y).set_index("rule"), found)

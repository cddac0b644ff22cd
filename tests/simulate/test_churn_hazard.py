"""Decisions and exits: the law of the hazard, of the delay, and the truth about chances."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from custintel.simulate._simulated_days import NEVER
from custintel.simulate._simulation_config import ChurnConfig
from custintel.simulate.behaviour._churn_hazard import (
    Covariates,
    Experience,
    Shocks,
    WeekSituation,
    delay_chance,
    exit_delay,
    log_hazard,
    next_experience,
)

if TYPE_CHECKING:
    from custintel.simulate._operator import Operator

ZERO, ONE = np.zeros(1), np.ones(1)
FIXED = Covariates(base=ZERO, price=ZERO, satisfaction=ZERO, frailty=ZERO, value=ZERO, activation=np.array([-7000]))
CALM = Experience(ZERO, ZERO, ZERO, ZERO, ZERO)
FREE = WeekSituation(day=0, contract_left=np.array([-NEVER]), season=0.0, barred=np.array([False]), effect=ZERO)


def hazard(experience: Experience = CALM, at: WeekSituation = FREE, fixed: Covariates = FIXED) -> float:
    return float(log_hazard(experience, fixed, at, ChurnConfig())[0])


@pytest.mark.parametrize("name", ["outage", "bill_shock", "complaint", "friends"])
def test_bad_experience_raises_the_hazard(name: str) -> None:
    assert hazard(replace(CALM, **{name: ONE})) > hazard()


def test_satisfaction_lowers_the_hazard() -> None:
    assert hazard(replace(CALM, satisfaction=ONE)) < hazard()


@pytest.mark.parametrize(("left", "sign"), [(300, -1), (30, 1), (-30, 0)])
def test_contract_protects_until_its_last_weeks(left: int, sign: int) -> None:
    at = replace(FREE, contract_left=np.array([left]))
    assert np.sign(round(hazard(at=at) - hazard(), 9)) == sign


def test_three_friends_count_no_more_than_the_cap() -> None:
    assert hazard(replace(CALM, friends=3 * ONE)) == hazard(replace(CALM, friends=9 * ONE))


def test_bad_service_counts_more_with_the_dissatisfied() -> None:
    complaint = replace(CALM, complaint=ONE)
    unhappy = replace(CALM, satisfaction=-0.01 * ONE)
    assert hazard(replace(unhappy, complaint=ONE)) - hazard(unhappy) > 2 * (hazard(complaint) - hazard())


def test_memories_fade() -> None:
    none = Shocks(ZERO, ZERO, ZERO, ZERO, ZERO)
    after = next_experience(Experience(ZERO, ONE, ONE, ONE, ONE), none, FIXED, ZERO, ChurnConfig())
    assert (after.outage[0], after.bill_shock[0], after.complaint[0]) == (0.82, 0.82, 0.82)
    assert after.friends[0] == pytest.approx(0.5**0.25)


@pytest.mark.parametrize("sudden", [False, True])
def test_delay_chance_is_the_law_of_exit_delay(sudden: bool) -> None:
    normal = np.random.default_rng(0).normal(size=20_000)
    kind = np.full(20_000, sudden)
    drawn = exit_delay(kind, normal, ChurnConfig())
    for days in (1, 3, 7, 24, 60):
        assert (drawn <= days).mean() == pytest.approx(
            float(delay_chance(np.array([float(days)]), kind[:1], ChurnConfig())[0]), abs=0.012
        )


def test_decisions_come_before_exits(operator: Operator) -> None:
    churn = operator.truth["churn"]
    left = churn[churn.cause.isin(["voluntary", "port_out"])]
    assert (left.exit_date > left.decision_date).all()
    delay = (left.exit_date - left.decision_date).dt.days.groupby(left.sudden).median()
    assert delay[False] == pytest.approx(24, abs=6)
    assert delay[True] == pytest.approx(5, abs=2)


def test_leavers_are_silent_after_their_exit(operator: Operator) -> None:
    churn = operator.truth["churn"].set_index("customer_id").exit_date
    usage = operator.tables["usage"].select(["customer_id", "event_time", "direction"]).to_pandas()
    usage = usage[usage.customer_id.isin(churn.index) & (usage.direction == "out")].astype({"customer_id": str})
    after = (usage.event_time - churn.reindex(usage.customer_id).to_numpy()).dt.total_seconds() / 86_400
    assert (after > 2.1).mean() < 1e-4  # a port takes a day; a clock error an hour


def test_most_prepaid_leavers_say_nothing(operator: Operator) -> None:
    churn = operator.truth["churn"]
    billing = operator.tables["customers"].select(["customer_id", "billing_type"]).to_pandas()
    billing = billing.set_index(billing.customer_id.astype(str)).billing_type
    left = churn[churn.cause.isin(["voluntary", "port_out"])]
    told = left.customer_id.isin(set(operator.tables["terminations"].column("customer_id").to_pylist()))
    share = told.groupby(billing.reindex(left.customer_id).to_numpy(), observed=True).mean()
    assert share["postpaid"] > 0.99
    assert 0.25 < share["prepaid"] < 0.50


def test_those_who_fade_use_less_before_they_leave(operator: Operator) -> None:
    churn = operator.truth["churn"]
    slow = churn[(churn.cause.isin(["voluntary", "port_out"])) & ~churn.sudden.astype(bool)]
    slow = slow[(slow.exit_date - slow.decision_date).dt.days.between(20, 40) & (slow.decision_date > "2025-02-15")]
    usage = operator.tables["usage"].select(["customer_id", "event_time", "service"]).to_pandas()
    usage = usage[usage.customer_id.isin(slow.customer_id)].astype({"customer_id": str})
    day = (usage.event_time - slow.set_index("customer_id").exit_date.reindex(usage.customer_id).to_numpy()).dt.days
    last, before = (day.between(-14, -2)).sum(), (day.between(-54, -42)).sum()
    assert last < 0.75 * before


def test_chances_are_chances_and_grow_with_the_window(operator: Operator) -> None:
    chances = operator.truth["p_state"]
    assert chances[["p_0_30", "p_0_60", "p_15_75"]].stack().between(0, 1).all()
    assert (chances.p_0_60 >= chances.p_0_30 - 1e-9).all()


def test_who_has_decided_is_likely_to_leave(operator: Operator) -> None:
    chances = operator.truth["p_state"].groupby("decided").p_0_60.mean()
    assert chances[True] > 0.8
    assert chances[False] < 0.08


def test_potential_outcomes_share_their_random_numbers(operator: Operator) -> None:
    """A contact that helps makes nobody decide who would not have decided without it."""
    effects = operator.truth["campaign_effects"]
    helped = effects[effects.tau < 0]
    assert not (helped.decides_if_treated & ~helped.decides_if_control).any()
    assert (helped.p1 <= helped.p0 + 1e-12).all()


def test_hold_out_is_never_contacted(operator: Operator) -> None:
    hold_out = operator.truth["traits"].set_index("customer_id").hold_out
    assert 0.07 < hold_out.mean() < 0.13
    contacted = set(operator.tables["contacts"].column("customer_id").to_pylist())
    assert not contacted & set(hold_out.index[hold_out])


def test_propensities_are_the_shares(operator: Operator) -> None:
    contacts = operator.tables["contacts"].to_pandas()
    for _, rows in contacts.groupby("offer_id"):
        share = rows.propensity[~rows.control].mean() / (
            rows.propensity[~rows.control].mean() + rows.propensity[rows.control].mean()
        )
        assert (~rows.control).mean() == pytest.approx(share, abs=0.07)
    assert contacts.response_time[contacts.control].isna().all()


def test_every_case_is_dated_and_recorded(operator: Operator) -> None:
    cases = operator.truth["cases"]
    assert (cases.end_date >= cases.start_date).all()
    assert cases.intensity.eq(1.0).all()
    assert (cases.detected_date.dropna() >= pd.Timestamp("2025-01-01")).all()

"""The rules that come with the library: they fire on what they are about, and on nobody else."""

from __future__ import annotations

import re
from configparser import ConfigParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from custintel.builder import FeatureBuilder
from custintel.errors import ConfigurationError, DataError
from custintel.rules import Rule, RuleBase, RuleMiner, load_rules
from custintel.rules._rule_set import RuleSet
from custintel.rules.builtin_rules import builtin_rules, rules_markdown
from custintel.rules.learning._fit_limits import fit_parameters
from custintel.rules.rule_files import rules_from_yaml
from custintel.warehouse import Warehouse

ROOT = Path(__file__).resolve().parents[2]
RULES = {rule.name: rule for rule in builtin_rules()}
TABLE = {  # the fifteen of the reference
    "wangiri_source", "irsf_burst", "pbx_after_hours", "sim_box", "roaming_high_usage", "clone_overlap_velocity",
    "ato_sim_swap", "subscription_new_burst", "never_payer", "repeat_debtor", "limit_overrun", "arrears_roll",
    "mass_sms", "scam_dialler", "signature_break",
}  # fmt: skip

PLAIN = {
    "segment": "consumer",
    "billing_type": "postpaid",
    "tenure_days": 900,
    "acquired_by_dealer": 1,
    "device_instalment": 10,
    "days_on_device": 60,
    "lines_on_device": 1,
    "max_lines_per_device": 1,
    "devices_used_1d": 1,
    "devices_used_7d": 1,
    "dialled_calls_7d": 25,
    "dialled_numbers_7d": 10,
    "fan_out_7d": 0.4,
    "incoming_callers_7d": 9,
    "outgoing_call_and_sms_share_7d": 0.5,
    "dialled_short_call_share_7d": 0.1,
    "longest_dialled_minutes_7d": 15,
    "dialled_night_call_share_7d": 0.05,
    "ring_only_call_share_1d": 0.2,
    "ring_only_calls_7d": 5,
    "cells_used_7d": 12,
    "cells_90d": 40,
    "contacts_90d": 60,
    "sent_sms_7d": 20,
    "data_mb_7d": 900,
    "data_mb_30d": 4000,
    "data_mb_90d": 12000,
    "days_with_data_7d": 7,
    "received_sms_1d": 3,
    "missed_calls_30d": 8,
    "peak_hour_numbers_1d": 2,
    "peak_hour_sms_1d": 2,
    "peak_hour_sms_recipients_1d": 1,
    "voice_overlapping_calls_7d": 0,
    "impossible_travel_7d": 0,
    "rated_charge_1d": 0.2,
    "rated_charge_spike": 1.0,
    "overage_charge_30d": 4,
    "overage_charge_90d": 12,
    "overage_charge_trend": 1.0,
    "premium_rate_calls_7d": 0,
    "premium_rate_minutes_1d": 0,
    "premium_rate_minutes_7d": 0,
    "premium_rate_spike": np.nan,
    "high_risk_calls_7d": 0,
    "high_risk_minutes_7d": 0,
    "after_hours_premium_rate_calls_1d": 0,
    "after_hours_premium_rate_charge_1d": 0,
    "international_days_90d": 1,
    "international_charges_30d": 0,
    "premium_charges_30d": 0,
    "roaming_charge_1d": 0,
    "roaming_outgoing_minutes_1d": 0,
    "roaming_mb_1d": 0,
    "roaming_charge_7d": 0,
    "roaming_record_delay_7d": np.nan,
    "events_7d": 150,
    "out_events_7d": 90,
    "out_events_30d": 400,
    "out_events_90d": 1200,
    "out_calls_90d": 300,
    "out_minutes_30d": 150,
    "out_minutes_90d": 450,
    "days_since_outgoing_90d": 0,
    "out_events_trend_week": 1.0,
    "hourly_profile_distance_90d": 0.2,
    "destination_profile_distance_90d": 0.1,
    "outstanding_amount": 30,
    "unbilled_charge": 2,
    "overdue_amount": 0,
    "overdue_bills": 0,
    "days_past_due": 0,
    "bill_mean_180d": 30,
    "bill_shock_180d": 1.0,
    "bills_180d": 6,
    "billed_amount_180d": 180,
    "payments_made_180d": 5,
    "payment_delay_max_180d": 2,
    "unpaid_amount_share": 0.17,
    "failed_payments_90d": 0,
    "failed_payment_share_180d": 0.0,
    "changes_to_manual_payment_180d": 0,
    "broken_promises_180d": 0,
    "suspended_for_debt_180d": 0,
    "days_since_dunning_180d": 180,
    "bills_with_credit_180d": 0,
    "bill_credits_180d": 0,
    "complaint_care_contacts_180d": 0,
    "recharges_30d": 1,
    "recharges_90d": 2,
    "recharge_amount_30d": 5,
    "recharge_days_90d": 2,
    "online_recharge_share_90d": np.nan,
    "linked_lines_cut_for_debt": 0,
    "household_lines_cut_for_debt": 0,
    "account_lines_cut_for_debt": 0,
    "fraud_contacts": 0,
    "fraud_contact_share": 0.0,
    "household_new_lines": 0,
    "account_lines": 1,
}
"""A postpaid customer of two and a half years who does nothing remarkable."""

SHOWN = {
    "wangiri_source": {"peak_hour_numbers_1d": 400, "ring_only_call_share_1d": 0.97, "dialled_numbers_7d": 3000},
    "wangiri_callback": {"high_risk_calls_7d": 1, "premium_rate_minutes_7d": 4},
    "irsf_burst": {"rated_charge_1d": 180, "rated_charge_spike": np.nan, "high_risk_minutes_7d": 90},
    "irsf_cheap_ranges": {"premium_rate_minutes_1d": 300, "longest_dialled_minutes_7d": 55},
    "irsf_parallel": {"voice_overlapping_calls_7d": 12, "premium_rate_calls_7d": 30, "premium_rate_minutes_7d": 400},
    "pbx_after_hours": {"segment": "business", "after_hours_premium_rate_calls_1d": 25},
    "pbx_scanning": {
        "segment": "business",
        "ring_only_calls_7d": 200,
        "dialled_night_call_share_7d": 0.9,
        "fan_out_7d": 1.0,
    },
    "sim_box": {
        "lines_on_device": 16,
        "dialled_calls_7d": 900,
        "outgoing_call_and_sms_share_7d": 0.97,
        "fan_out_7d": 0.85,
        "cells_used_7d": 1,
        "sent_sms_7d": 0,
        "data_mb_7d": 0,
    },
    "sim_bank": {"max_lines_per_device": 64},
    "sim_rotation": {
        "billing_type": "prepaid",
        "tenure_days": 9,
        "dialled_calls_7d": 400,
        "fan_out_7d": 0.7,
        "outgoing_call_and_sms_share_7d": 0.8,
        "cells_used_7d": 2,
    },
    "clone_overlap_velocity": {"voice_overlapping_calls_7d": 3, "devices_used_7d": 2},
    "mass_sms": {"peak_hour_sms_recipients_1d": 80},
    "scam_dialler": {
        "dialled_calls_7d": 1500,
        "outgoing_call_and_sms_share_7d": 0.96,
        "fan_out_7d": 0.98,
        "dialled_short_call_share_7d": 0.7,
        "cells_used_7d": 2,
        "days_with_data_7d": 0,
    },
    "roaming_high_usage": {"roaming_charge_7d": 250, "roaming_record_delay_7d": 20},
    "ato_sim_swap": {"days_on_device": 0, "received_sms_1d": 30},
    "subscription_new_burst": {"tenure_days": 35, "unbilled_charge": 140, "international_charges_30d": 120},
    "never_payer": {
        "days_past_due": 9,
        "payments_made_180d": 0,
        "bills_180d": 1,
        "tenure_days": 60,
        "overage_charge_30d": 40,
    },
    "repeat_debtor": {"tenure_days": 20, "linked_lines_cut_for_debt": 1},
    "debtor_household": {"household_lines_cut_for_debt": 3, "overdue_bills": 1},
    "credit_mule": {"tenure_days": 12, "household_new_lines": 4, "out_events_30d": 2},
    "subsidy_unused": {"tenure_days": 60, "out_events_90d": 0, "data_mb_30d": 0},
    "dealer_silence": {"tenure_days": 30, "out_events_90d": 0},
    "dealer_structure": {"tenure_days": 30, "lines_on_device": 12, "cells_90d": 1, "contacts_90d": 4},
    "dealer_no_consumption": {
        "tenure_days": 45,
        "billing_type": "prepaid",
        "recharges_90d": 0,
        "overage_charge_90d": 0,
        "data_mb_90d": 2,
        "out_minutes_90d": 3,
    },
    "dealer_scripted_calls": {
        "tenure_days": 40,
        "out_calls_90d": 4,
        "contacts_90d": 4,
        "days_since_outgoing_90d": 36,
        "cells_90d": 1,
    },
    "limit_overrun": {"tenure_days": 200, "outstanding_amount": 70},
    "arrears_roll": {"days_past_due": 33, "overdue_bills": 2, "overage_charge_trend": 2.1},
    "hard_stop_missed": {"days_past_due": 64},
    "suspended_but_used": {"suspended_for_debt_180d": 1},
    "broken_promises": {"broken_promises_180d": 2, "overdue_amount": 60},
    "failed_debits": {"failed_payments_90d": 3, "overdue_bills": 1, "failed_payment_share_180d": 0.6},
    "bust_out": {"bill_shock_180d": 4.5, "unpaid_amount_share": 0.6, "days_past_due": 3},
    "topup_burst": {"tenure_days": 20, "recharges_30d": 40, "recharges_90d": 40, "online_recharge_share_90d": 1.0},
    "topup_moved_on": {"recharge_amount_30d": 300, "recharges_30d": 12},
    "goodwill_hunter": {"bills_with_credit_180d": 5, "bill_credits_180d": 45, "complaint_care_contacts_180d": 6},
    "signature_break": {
        "hourly_profile_distance_90d": 0.7,
        "destination_profile_distance_90d": 0.6,
        "out_events_trend_week": 2.4,
    },
}
"""What a customer who shows the behaviour of a rule has otherwise."""


def customers() -> pd.DataFrame:
    rows = [PLAIN, *({**PLAIN, **changed} for changed in SHOWN.values())]
    return pd.DataFrame(rows, index=pd.Index(["plain", *SHOWN], name="customer_id"))


def fired() -> pd.DataFrame:
    return RuleSet.from_nodes({name: rule.node for name, rule in RULES.items()}).match(customers())


def test_the_rules_of_the_reference_are_all_there() -> None:
    assert set(RULES) >= TABLE
    assert 25 <= len(RULES) <= 40
    assert {rule.category for rule in RULES.values()} == {"fraud", "arrears", "abuse"}
    assert len({rule.version for rule in RULES.values()}) == len(RULES)


def test_every_column_read_is_in_the_catalogue() -> None:
    assert {name for rule in RULES.values() for name in rule.columns} <= set(FeatureBuilder().describe()["column"])


@pytest.mark.parametrize("name", RULES)
def test_a_rule_says_what_it_is(name: str) -> None:
    rule = RULES[name]
    assert rule.problems() == []
    assert all([rule.kind, rule.source, rule.parameters])
    assert min(rule.loss, rule.review_cost) > 0
    for english, chinese in ((rule.about, rule.about_zh), (rule.action, rule.action_zh)):
        assert re.fullmatch(r"[A-Z].*[^.]", english)
        assert re.search(r"[\u4e00-\u9fff]", chinese)


@pytest.mark.parametrize("name", RULES)
def test_a_rule_fires_on_the_behaviour_that_it_is_about(name: str) -> None:
    assert fired().loc[name, name]


def test_no_rule_fires_on_a_plain_customer() -> None:
    plain = fired().loc["plain"]
    assert plain.index[plain].tolist() == []


@pytest.mark.parametrize("name", RULES)
def test_without_its_last_step_a_rule_does_not_fire(name: str) -> None:
    """Every changed value counts: with any one of them as it is in a plain customer there is no alarm."""
    for column in SHOWN[name]:
        row = pd.DataFrame([{**PLAIN, **SHOWN[name], column: PLAIN[column]}])
        assert not RuleSet.from_nodes({name: RULES[name].node}).match(row)[name].any(), column


def test_the_base_holds_them_active_and_says_why() -> None:
    base = RuleBase.builtin(at="2025-01-31")
    assert len(base.in_state("active")) == len(RULES)
    assert set(base.frame()["reason"]) == {"built in"}
    assert base.history("sim_box")["state"].tolist() == ["proposed", "shadow", "active"]
    assert len(base.as_of("2025-01-30")) == 0
    base.verify()


def test_a_base_in_a_file_is_left_as_it_stands(tmp_path: Path) -> None:
    base = RuleBase.builtin(tmp_path / "rules.jsonl", columns=["max_lines_per_device"])
    base.retire("sim_bank", by="an analyst", reason="no devices here")
    again = RuleBase.builtin(tmp_path / "rules.jsonl", columns=["max_lines_per_device"])
    assert again.entry("sim_bank").state == "retired"
    assert len(again.log.events) == 4


def test_rules_are_chosen_by_category_and_by_what_can_be_read() -> None:
    assert {rule.category for rule in builtin_rules("arrears")} == {"arrears"}
    few = builtin_rules(columns=["max_lines_per_device", "peak_hour_sms_1d", "peak_hour_sms_recipients_1d"])
    assert [rule.name for rule in few] == ["sim_bank", "mass_sms"]
    with pytest.raises(ConfigurationError, match="unknown category"):
        builtin_rules("churn")  # type: ignore[arg-type]


def test_only_what_rules_read_is_built_and_they_run_on_it() -> None:
    wh = Warehouse.simulate(customers=250, months=4, seed=11)
    base = RuleBase.builtin()
    X = FeatureBuilder(columns=base.features()).build(wh, as_of="2025-04-30")
    assert list(X.columns) == base.features()
    assert base.match(X).mean().max() < 0.05
    assert base.alarms(X)["similarity"].between(0, 1).all()


def test_folders_of_ones_own_are_read_and_mistakes_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("rules: {long_calls: {when: minutes_30d > most, parameters: {most: 6000}}}")
    assert load_rules(tmp_path)[0].parameters == {"most": 6000}
    (tmp_path / "b.yaml").write_text("rules: {long_calls: {when: minutes_30d > 1}}")
    (tmp_path / "c.yaml").write_text("rules: {bad: {when: read_csv('x') > 1}, worse: {whne: a > 1}}")
    with pytest.raises(ConfigurationError) as caught:
        load_rules(tmp_path)
    said = str(caught.value)
    assert all(word in said for word in ("a name that another file uses", "unknown function read_csv", "no expression"))
    with pytest.raises(ConfigurationError, match="no such folder"):
        load_rules(tmp_path / "absent")


def test_limits_are_tightened_to_the_share_asked_for() -> None:
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"a": rng.gamma(1, 20, 5000), "b": rng.gamma(2, 10, 5000), "c": rng.integers(0, 50, 5000)})
    X.loc[:500, "a"] = np.nan
    loose = Rule("loose", "a > most and c <= few and b * 2 >= much", parameters={"most": 20, "few": 30, "much": 15})
    kept = Rule("kept", "a > most and b > 5", parameters={"most": 150})
    fixed = Rule("fixed", "a > 5 and b > times * c", parameters={"times": 1})
    fitted = fit_parameters([loose, kept, fixed], X, share=0.01)
    assert fitted[0].parents == (loose.id,)
    assert fitted[0].origin == "derived"
    assert [f is r for f, r in zip(fitted[1:], (kept, fixed), strict=True)] == [True, True]
    assert 0.003 <= float(RuleSet.from_nodes({"loose": fitted[0].node}).match(X).mean().iloc[0]) <= 0.01
    before, after = loose.parameters, fitted[0].parameters
    assert after["few"] < before["few"]
    assert all(after[name] > before[name] for name in ("most", "much"))
    assert all(float(f"{value:.2g}") == value for value in after.values())


def test_a_ladder_of_limits_stays_a_ladder() -> None:
    X = pd.DataFrame({"months": np.arange(4000) % 4, "owed": np.random.default_rng(1).gamma(2, 1, 4000)})
    when = "(months = 0 and owed > a) or (months = 1 and owed > b) or (months >= 2 and owed > c)"
    rule = fit_parameters([Rule("ladder", when, parameters={"a": 1, "b": 2, "c": 3})], X, share=0.01)[0]
    assert 1 < rule.parameters["a"] < rule.parameters["b"] < rule.parameters["c"]


def test_a_limit_on_either_side_and_of_a_base(tmp_path: Path) -> None:
    base = RuleBase()
    base.propose("left", "most <= a", parameters={"most": 10}, by="me")
    base.shadow("left", by="me", reason="seen")
    base.activate("left", by="me", reason="proved")
    X = pd.DataFrame({"a": np.arange(1000.0)})
    assert RuleMiner(base).fit_parameters(X, share=0.05)[0].parameters == {"most": 950.0}
    with pytest.raises(DataError, match="missing: a"):
        RuleMiner(base).fit_parameters(X.rename(columns={"a": "b"}))
    with pytest.raises(ConfigurationError, match="not a share"):
        RuleMiner(base).fit_parameters(X, share=5)


def test_the_page_on_rules_is_up_to_date() -> None:
    text = (ROOT / "docs" / "rules_builtin.md").read_text(encoding="utf-8")
    assert text == rules_markdown(), "run: python docs/generate.py"
    assert sorted(re.findall(r"^\| `([a-z0-9_]+)` \|", text, flags=re.M)) == sorted(RULES)


def test_package_data_holds_them() -> None:
    """What an installed library finds: a pattern of the package data matches every file."""
    settings = ConfigParser()
    settings.read(ROOT / "setup.cfg", encoding="utf-8")
    patterns = settings["options.package_data"]["custintel.catalogue.models"].split(", ")
    held = {path for pattern in patterns for path in (ROOT / "models").glob(pattern)}
    assert held >= set((ROOT / "models").rglob("*.yaml"))


def test_a_key_without_a_value_is_one_that_was_not_given() -> None:
    """Found by tests/fuzz: `loss:` with nothing after it was a TypeError."""
    blank = "\n".join(f"    {key}:" for key in ("loss", "severity", "category", "parameters", "parents", "about"))
    (rule,) = rules_from_yaml(f"rules:\n  long_calls:\n    when: minutes_1d > 600\n{blank}\n")
    assert rule == Rule("long_calls", "minutes_1d > 600")
    with pytest.raises(ConfigurationError, match="no expression"):
        rules_from_yaml("rules:\n  long_calls:\n    when:\n    loss: 3\n")

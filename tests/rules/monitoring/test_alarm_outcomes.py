"""What became of alarms: joined, kept once, told by month; and what rules miss, from a random look."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from custintel.errors import ConfigurationError, DataError
from custintel.rules import Rule, RuleBase, RuleMonitor
from custintel.rules.monitoring._random_audit import AuditedRecall, audit_sample, audited_recall
from custintel.rules.monitoring.alarm_outcomes import record_outcomes, recorded_outcomes, rule_performance

DESK = {"by": "fraud desk"}


def base_with(*rules: Rule, state: str = "active") -> RuleBase:
    base = RuleBase()
    for rule in rules:
        base.add(rule, at="2025-01-01", by="an analyst")
        base.change_state(rule.name, "shadow", by="an analyst", reason="three cases", at="2025-01-01")
        if state == "active":
            base.change_state(rule.name, "active", by="head of fraud", reason="proved", at="2025-01-01")
    return base


def two_rules(**facts: str) -> RuleBase:
    return base_with(
        Rule("long", "minutes > 30", loss=100, review_cost=4), Rule("new", "tenure <= 10", loss=50), **facts
    )


def customers(**columns: list[float]) -> pd.DataFrame:
    index = pd.Index([f"c{k}" for k in range(len(columns["minutes"]))], name="customer_id")
    return pd.DataFrame({"tenure": 99.0, **columns}, index=index)


def outcomes(**found: str) -> pd.DataFrame:
    return pd.DataFrame({"customer_id": list(found), "outcome": list(found.values())})


def test_outcomes_go_to_the_rules_that_alarmed() -> None:
    base = two_rules()
    alarms = base.alarms(customers(minutes=[40, 50, 60, 10], tenure=[5, 99, 99, 5]))
    new = record_outcomes(base, alarms, outcomes(c0="fraud", c1="not", c3="arrears"), at="2025-03-31", **DESK)
    told = new.set_index("rule")[["alarms", "confirmed", "false", "unknown"]]
    assert told.loc["long"].tolist() == [3, 1, 1, 1]
    assert told.loc["new"].tolist() == [2, 2, 0, 0]
    found = recorded_outcomes(base, "long").set_index("outcome")
    assert found.loc["fraud", "unique"] == np.False_  # the other rule alarmed of this customer, too
    assert found.loc["not", "unique"] == np.True_
    assert set(found["month"]) == {"2025-03"}
    base.verify()
    assert recorded_outcomes(base.as_of("2025-02-01"), "long").empty


def test_what_is_recorded_twice_counts_once_and_open_alarms_are_closed_later() -> None:
    base = two_rules()
    alarms = base.alarms(customers(minutes=[40, 50, 60]))
    record_outcomes(base, alarms, outcomes(c0="fraud", c1="unknown"), at="2025-03-01", **DESK)
    events = len(base.log.events)
    again = record_outcomes(base, alarms, outcomes(c0="fraud"), at="2025-03-02", **DESK)
    assert again.empty
    assert len(base.log.events) == events
    record_outcomes(base, alarms, outcomes(c0="not", c1="not", c2="fraud"), at="2025-03-03", **DESK)
    found = recorded_outcomes(base, base["long"].id)
    assert found["outcome"].tolist() == ["fraud", "not", "fraud"]
    assert found["recorded"].str[:10].tolist() == ["2025-03-01", "2025-03-03", "2025-03-03"]


def dated(base: RuleBase, *days: str) -> pd.DataFrame:
    tables = {pd.Timestamp(day): customers(minutes=[40, 50]) for day in days}
    return base.alarms(pd.concat(tables, names=["as_of", "customer_id"]))


def test_a_customer_counts_once_a_month() -> None:
    base = two_rules()
    alarms = dated(base, "2025-03-01", "2025-03-02", "2025-04-01")
    record_outcomes(base, alarms, outcomes(c0="fraud", c1="not"), at="2025-05-01", **DESK)
    found = recorded_outcomes(base, "long")
    assert found.groupby("month").size().to_dict() == {"2025-03": 2, "2025-04": 2}


def test_outcomes_with_a_time_close_the_alarms_before_it() -> None:
    base = two_rules()
    alarms = dated(base, "2025-03-01", "2025-04-01", "2025-05-01")
    known = pd.DataFrame(
        {
            "customer_id": ["c0", "c0", "c1"],
            "time": pd.to_datetime(["2025-03-05", "2025-04-20", "2025-03-02"]),
            "outcome": ["not", "fraud", "not"],
        }
    )
    record_outcomes(base, alarms, known, at="2025-06-01", **DESK)
    found = recorded_outcomes(base, "long").groupby("month")["outcome"].agg(sorted).to_dict()
    assert found == {"2025-03": ["not", "not"], "2025-04": ["fraud", "unknown"], "2025-05": ["unknown", "unknown"]}


def test_outcomes_with_a_date_close_the_alarms_of_that_date() -> None:
    base = two_rules()
    alarms = dated(base, "2025-03-01", "2025-04-01")
    known = outcomes(c0="fraud", c1="not").assign(as_of=pd.Timestamp("2025-04-01"))
    record_outcomes(base, alarms, known, at="2025-06-01", **DESK)
    assert recorded_outcomes(base, "long").groupby("month")["confirmed"].count().to_dict() == {
        "2025-03": 0,
        "2025-04": 2,
    }


def test_what_cannot_be_joined_is_refused_in_words() -> None:
    base = two_rules()
    alarms = base.alarms(customers(minutes=[40, 50]))
    with pytest.raises(ConfigurationError, match="fraud, arrears, not, unknown"):
        record_outcomes(base, alarms, outcomes(c0="maybe"), **DESK)
    with pytest.raises(DataError, match="contradict"):
        record_outcomes(base, alarms, pd.concat([outcomes(c0="not"), outcomes(c0="fraud")]), **DESK)
    with pytest.raises(DataError, match="not in the base"):
        record_outcomes(base, alarms.assign(version="000000000000"), outcomes(c0="not"), **DESK)
    with pytest.raises(DataError, match="have no outcome"):
        record_outcomes(base, alarms, outcomes(c0="not").drop(columns="outcome"), **DESK)
    with pytest.raises(DataError, match="alarms have none"):
        record_outcomes(base, alarms, outcomes(c0="not").assign(time="2025-03-01"), **DESK)
    with pytest.raises(ConfigurationError, match="month, tier, rule"):
        rule_performance(base, by="week")
    assert rule_performance(base).empty
    assert record_outcomes(base, alarms.head(0), outcomes(c0="not"), **DESK).empty


def test_performance_tells_money_and_how_sure_it_is() -> None:
    base = two_rules()
    alarms = base.alarms(customers(minutes=[40.0] * 10))
    known = outcomes(**{f"c{k}": "fraud" if k < 6 else "not" for k in range(8)})
    record_outcomes(base, alarms, known, at="2025-03-01", **DESK)
    row = rule_performance(base).iloc[0]
    assert (row["rule"], row["month"], row["alarms"], row["confirmed"], row["unknown"]) == ("long", "2025-03", 10, 6, 2)
    assert row["precision"] == 0.75
    assert row["low"] < 0.75 < row["high"]
    assert row["saved_loss"] == 600
    assert row["net_benefit"] == 600 - 8 * 4
    assert rule_performance(base, by="tier")["tier"].tolist() == ["match"]
    assert rule_performance(base, by="rule")["confirmed"].tolist() == [6]


# --- selective labels ------------------------------------------------------------------------------------------------

N, ALARMED, RECALL, BASE_RATE = 20_000, 300, 0.4, 0.03


def operator() -> tuple[pd.DataFrame, pd.DataFrame, pd.Series]:
    """Customers of whom 600 are cases; alarms of 300, of which 240 are cases."""
    X = pd.DataFrame({"x": 0.0}, index=pd.RangeIndex(N, name="customer_id"))
    case = pd.Series(0, X.index)
    cases = int(N * BASE_RATE)
    caught = int(cases * RECALL)
    case.iloc[:caught] = 1
    case.iloc[ALARMED : ALARMED + cases - caught] = 1
    return X, X.head(ALARMED), case


def told(case: pd.Series, who: pd.Index) -> pd.DataFrame:
    return pd.DataFrame({"outcome": np.where(case[who] == 1, "fraud", "not")}, index=who)


def test_an_audit_estimates_recall_and_base_rate_without_bias() -> None:
    X, alarms, case = operator()
    found = []
    for seed in range(300):
        audit = audit_sample(X, alarms, share=0.02, random_state=seed)
        found.append(audited_recall(X, alarms, audit, told(case, alarms.index.union(audit.index))))
    rates = np.array([f.base_rate for f in found])
    assert abs(rates.mean() - BASE_RATE) < 3 * rates.std() / np.sqrt(len(rates))
    recalls = np.array([f.recall for f in found])
    assert abs(np.median(recalls) - RECALL) < 0.03
    covered = np.mean([f.low <= RECALL <= f.high for f in found])
    assert covered >= 0.92


def test_looking_only_at_alarms_and_what_an_audit_happened_to_find_is_biased() -> None:
    X, alarms, case = operator()
    audit = audit_sample(X, alarms, share=0.02, random_state=1)
    looked = told(case, alarms.index.union(audit.index))
    naive_rate = (looked["outcome"] == "fraud").mean()
    naive_recall = (looked.loc[alarms.index, "outcome"] == "fraud").sum() / (looked["outcome"] == "fraud").sum()
    assert naive_rate > 5 * BASE_RATE
    assert naive_recall > 2 * RECALL
    estimate = audited_recall(X, alarms, audit, looked)
    assert abs(estimate.base_rate - BASE_RATE) < 0.02


def test_a_sample_is_of_customers_without_an_alarm_and_the_same_for_the_same_seed() -> None:
    X, alarms, _ = operator()
    audit = audit_sample(X, alarms, share=0.01, random_state=3)
    assert len(audit) == round(0.01 * (N - ALARMED))
    assert not audit.index.intersection(alarms.index).size
    pd.testing.assert_frame_equal(audit, audit_sample(X, alarms, share=0.01, random_state=3))
    with pytest.raises(ConfigurationError, match="share"):
        audit_sample(X, alarms, share=0.0)
    with pytest.raises(DataError, match="every customer has an alarm"):
        audit_sample(alarms, alarms)


def test_open_outcomes_are_left_out_and_counted() -> None:
    X, alarms, case = operator()
    audit = audit_sample(X, alarms, share=0.02, random_state=5)
    known = told(case, alarms.index[:200].union(audit.index[:-10]))
    found = audited_recall(X, alarms, audit, known)
    assert found.open == 110
    assert found.customers == N - 100
    assert AuditedRecall.from_state(found.to_state()) == found
    with pytest.raises(DataError, match="audited customers, too"):
        audited_recall(X, alarms, audit, told(case, alarms.index))


def test_weighted_reviews_say_how_many_cases_there_are() -> None:
    """The rule finds a part of the cases; reviews weighed by their chance speak of everybody, unweighed ones do not."""
    rng = np.random.default_rng(1)
    X = customers(minutes=rng.gamma(2, 12, 8_000).tolist())
    fraud = rng.random(8_000) < np.where(X["minutes"] > 60, 0.6, 0.03)
    alarms = two_rules().alarms(X[X["minutes"] > 60])
    audit = audit_sample(X, alarms, share=0.25, random_state=2)
    told = pd.DataFrame({"outcome": np.where(fraud, "fraud", "not")}, X.index)
    told.iloc[::50] = "unknown"
    labels = RuleMonitor.review_labels(alarms, audit, told.reset_index())
    weight = 1 / labels["propensity"]
    assert labels["label"].mean() > 1.5 * fraud.mean()
    assert abs(np.average(labels["label"], weights=weight) / fraud.mean() - 1) < 0.15
    assert not labels.index.isin(X.index[::50]).any()


def test_confirmed_outcomes_become_cases_of_the_contract() -> None:
    from custintel import Warehouse

    told = outcomes(c0="fraud", c1="not", c2="arrears", c3="unknown").assign(
        time="2025-04-30 10:00", loss=[5.0, 0, 7, 0]
    )
    cases = RuleMonitor.confirmed_cases(told.assign(kind=["sim_box", None, None, None]))
    assert cases["kind"].tolist() == ["sim_box", "arrears"]
    wh = Warehouse.from_frames(cases=cases, latest="2025-05-01")
    assert wh.report.frame().loc["cases", "kept"] == 2
    with pytest.raises(ConfigurationError, match="columns are missing: time"):
        RuleMonitor.confirmed_cases(outcomes(c0="fraud"))

"""The decision log: added to, never changed; known again after a restart; seen by the next training."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest

from custintel import UpliftModel, Warehouse
from custintel.decide import Constraints, DecisionLog, Exploration, OfferValues, allocate
from custintel.decide._off_policy_evaluation import evaluate_policy
from custintel.errors import ConfigurationError, DataError, QualityWarning


@pytest.fixture(params=["memory", "folder"])
def log(request: pytest.FixtureRequest, tmp_path) -> DecisionLog:
    return DecisionLog(tmp_path / "log" if request.param == "folder" else None)


def decided(customers: int = 400, seed: int = 1, constraints: Constraints | None = None):
    rng = np.random.default_rng(seed)
    value = pd.DataFrame(rng.normal(2, 3, (customers, 2)), columns=["sms", "call"])
    value.iloc[:20, 1] = np.nan
    value.index = [f"C{i}" for i in range(customers)]
    constraints = constraints or Constraints(budget=150.0, exploration=Exploration(0.1, 0.2, seed))
    return allocate(OfferValues.from_wide(value, {"sms": 0.5, "call": 2.0}), constraints)


def test_an_allocation_is_logged_once(log: DecisionLog) -> None:
    first = log.add(decided(), "2025-06-30", "7", channels={"sms": "sms", "call": "call"})
    again = log.add(decided(), "2025-06-30", "7", channels={"sms": "sms", "call": "call"})
    assert (first.added, again.added, again.known) == (400, 0, 400)
    later = log.add(decided(seed=2), "2025-07-31", "7")
    assert later.added == 400
    frame = log.frame()
    assert len(frame) == len(log) == 800
    assert frame.index.is_unique
    assert frame["propensity_call"].isna().sum() >= 20
    assert set(frame["action"]) == {"none", "sms", "call"}
    assert log.propensities().sum(axis=1).to_numpy() == pytest.approx(1.0)


def test_a_log_is_whole_again_after_a_restart(tmp_path) -> None:
    log = DecisionLog(tmp_path)
    log.add(decided(), "2025-06-30", "7")
    log.record(pd.DataFrame({"customer_id": ["C1"], "as_of": ["2025-06-30"], "outcome": [2.5]}))
    reopened = DecisionLog(tmp_path)
    pd.testing.assert_frame_equal(log.frame(), reopened.frame(), check_dtype=False)
    assert reopened.add(decided(), "2025-06-30", "7").known == 400
    assert len(list(tmp_path.rglob("*.parquet"))) == 2


def test_changed_double_and_impossible_decisions_are_refused(log: DecisionLog) -> None:
    day = pd.DataFrame({"customer_id": ["a"], "as_of": ["2025-06-30"], "action": ["sms"], "propensity": [0.5]})
    day["policy_version"] = "1"
    log.append(day)
    with pytest.raises(ConfigurationError, match="known decisions were changed"):
        log.append(day.assign(action="call"))
    with pytest.raises(ConfigurationError, match="a second decision for a customer and date"):
        log.append(day.assign(decision_id="other"))
    with pytest.raises(ConfigurationError, match="two decisions for a customer and date"):
        log.append(pd.concat([day, day]).assign(as_of="2025-07-31", decision_id=["x", "y"]))
    for propensity in (0.0, 1.1, np.nan):
        with pytest.raises(ConfigurationError, match="not a probability of something that happened"):
            log.append(day.assign(as_of="2025-07-31", propensity=propensity))
    with pytest.raises(ConfigurationError, match="not in the eligible set"):
        log.append(day.assign(as_of="2025-07-31", propensity_sms=np.nan, propensity_none=1.0))
    with pytest.raises(ConfigurationError, match="columns are missing: propensity"):
        log.append(day.drop(columns="propensity"))
    assert len(log) == 1


def test_outcomes_join_and_the_later_one_counts(log: DecisionLog) -> None:
    log.add(decided(), "2025-06-30", "7")
    rows = pd.DataFrame({"customer_id": ["C1", "C2"], "as_of": "2025-06-30", "outcome": [0.0, 1.0]})
    assert tuple(log.record(rows)) == (2, 0)
    assert tuple(log.record(rows)) == (0, 2)
    assert tuple(log.record(rows.assign(outcome=[1.0, 1.0]))) == (1, 1)
    known = log.frame()["outcome"].dropna()
    assert known.to_dict() == {"20250630-C1": 1.0, "20250630-C2": 1.0}
    with pytest.raises(ConfigurationError, match="no such decision"):
        log.record(rows.assign(customer_id=["C1", "Z"]))
    with pytest.raises(ConfigurationError, match="missing or infinite"):
        log.record(rows.assign(outcome=[np.nan, 1.0]))


def test_responses_close_when_their_window_does(log: DecisionLog) -> None:
    log.add(decided(), "2025-06-30", "7", contact_time="2025-07-01 10:00")
    contacts = log.contacts()
    made = contacts[~contacts["control"]]
    answered = contacts.copy()
    quick, late = made.index[0], made.index[1]
    answered.loc[quick, "response_time"] = pd.Timestamp("2025-07-03")
    answered.loc[late, "response_time"] = pd.Timestamp("2025-08-30")
    early = log.responses(answered, 30, as_of="2025-07-10")
    assert early["decision_id"].tolist() == [made.loc[quick, "contact_id"]]
    whole = log.responses(answered, 30, as_of="2025-07-31").set_index("decision_id")["outcome"]
    assert len(whole) == 400
    assert whole.sum() == 1.0
    assert whole[made.loc[late, "contact_id"]] == 0.0
    log.record(log.responses(answered, 30, as_of="2025-07-31"))
    assert log.contacts()["response_time"].notna().sum() == 1


def test_exported_contacts_keep_the_contract(log: DecisionLog) -> None:
    log.add(decided(), "2025-06-30", "7", channels={"sms": "sms", "call": "call"})
    contacts = log.contacts()
    customers = pd.DataFrame({"customer_id": [f"C{i}" for i in range(400)], "billing_type": "prepaid"})
    customers["activation_date"] = "2024-01-01"
    offers = pd.DataFrame({"offer_id": ["sms", "call"]})
    wh = Warehouse.from_frames(contacts=contacts, customers=customers, offers=offers, latest="2025-07-31")
    counts = wh.report.frame().loc["contacts"]
    assert counts["kept"] == counts["rows_in"] == len(contacts)
    frame = log.frame()
    assert (~contacts["control"]).sum() == (frame["action"] != "none").sum()
    held = contacts[contacts["control"]]
    assert len(held) > 0
    assert held["customer_id"].isin(frame.loc[frame["control"] | frame["explored"], "customer_id"]).all()


def test_decisions_are_labels_of_the_next_training(log: DecisionLog) -> None:
    allocation = decided()
    log.add(allocation, "2025-06-30", "7")
    log.record(pd.DataFrame({"customer_id": ["C1", "C2"], "as_of": "2025-06-30", "outcome": [1.0, 0.0]}))
    labels = log.labels()
    assert labels.index.names == ["as_of", "customer_id"]
    assert labels["label"].count() == 2
    made = allocation.decisions
    own = labels.droplevel("as_of")
    assert own.loc[made.index, "treatment"].tolist() == made["offer"].tolist()
    assert np.allclose(own.loc[made.index, "propensity"], made["propensity"])
    assert set(own["policy"]) == {"7"}
    stayed = pd.Series(1.0, labels.index[::2])
    assert log.labels(stayed)["label"].count() == 200


def test_the_experiment_on_an_offer_holds_what_chance_could_have_made_it(log: DecisionLog) -> None:
    log.add(decided(4_000, constraints=Constraints(exploration=Exploration(0.1, 0.5, 1))), "2025-06-30", "7")
    rows = log.labels(offer="call")
    assert set(rows["treatment"]) == {"call", "none"}
    assert rows["propensity_call"].notna().all()  # never the twenty to whom nobody could make it
    treated = rows["treatment"] == "call"
    # with these chances both groups stand for the same customers
    weights = 1 / rows["propensity"]
    assert abs(weights[treated].sum() / len(rows) - 1) < 0.1
    assert abs(weights[~treated].sum() / len(rows) - 1) < 0.1
    with pytest.raises(ConfigurationError, match=r"no decision of the log[\s\S]*allowed: sms, call"):
        log.labels(offer="letter")


def test_a_model_learns_an_effect_from_what_another_model_chose() -> None:
    """Chosen are those who would stay anyway; the logged chances take that out again."""
    rng = np.random.default_rng(3)
    x = pd.Series(rng.random(6_000), [f"C{i}" for i in range(6_000)])
    values = OfferValues.from_wide(pd.DataFrame({"call": x - 0.5}), 1.0)
    allocation = allocate(values, Constraints(exploration=Exploration(0.2, 0.5, 1)))
    called = allocation.decisions["offer"] == "call"
    stays = pd.Series(rng.random(6_000) < 0.3 + 0.5 * x + 0.1 * called, x.index)
    log = DecisionLog()
    log.add(allocation, "2025-06-30", "1")
    outcomes = pd.DataFrame({"customer_id": x.index, "as_of": "2025-06-30", "outcome": stays.astype(float)})
    log.record(outcomes)
    rows = log.labels(offer="call")
    treated = rows["treatment"] != "none"
    plain = rows["label"][treated].mean() - rows["label"][~treated].mean()
    X = x.reindex(rows.index.get_level_values("customer_id")).to_frame("x")
    model = UpliftModel().fit(X, rows["label"], treatment=treated.to_numpy(), propensity=rows["propensity"].to_numpy())
    effect = next(iter(model.effects_.values()))
    assert plain > 0.2
    assert effect.low < 0.1 < effect.high < plain


def test_a_log_can_be_evaluated() -> None:
    log = DecisionLog()
    allocation = decided(customers=3_000)
    log.add(allocation, "2025-06-30", "7")
    rng = np.random.default_rng(0)
    frame = log.frame()
    outcome = (rng.random(3_000) < np.where(frame["action"] == "none", 0.1, 0.4)).astype(float)
    log.record(pd.DataFrame({"decision_id": frame.index, "outcome": outcome}))
    found = evaluate_policy(log, allocation.propensities)
    assert found.estimates.loc["ips", "value"] == pytest.approx(outcome.mean())
    assert found.max_weight == pytest.approx(1.0)


def day(customer: str, action: str = "sms") -> pd.DataFrame:
    row = {"customer_id": [customer], "as_of": ["2025-06-30"], "action": [action], "propensity": [0.5]}
    return pd.DataFrame({**row, "policy_version": ["1"]})


def test_what_another_process_added_is_seen_before_anything_is_added(tmp_path) -> None:
    one, two = DecisionLog(tmp_path), DecisionLog(tmp_path)
    one.append(day("a"))
    with pytest.raises(ConfigurationError, match="known decisions were changed"):
        two.append(day("a", "call"))
    assert tuple(two.append(day("a"))) == (0, 1)
    two.append(day("b"))
    one.record(pd.DataFrame({"customer_id": ["b"], "as_of": ["2025-06-30"], "outcome": [1.0]}))
    two.record(pd.DataFrame({"customer_id": ["b"], "as_of": ["2025-06-30"], "outcome": [0.0]}))
    assert DecisionLog(tmp_path).frame()["outcome"].dropna().tolist() == [0.0]
    assert sorted(path.name[:6] for path in (tmp_path / "decisions").iterdir()) == ["000000", "000001"]


def test_two_writers_of_decisions_wait_for_each_other(tmp_path) -> None:
    def write(who: int) -> list[int]:
        log = DecisionLog(tmp_path)
        return [log.append(day(f"{k}")).added + 0 * who for k in range(12)]

    with ThreadPoolExecutor(3) as pool:
        added = np.array(list(pool.map(write, range(3))))
    assert added.sum(axis=0).tolist() == [1] * 12  # each customer once, whoever came first
    assert DecisionLog(tmp_path).frame()["customer_id"].is_unique
    assert sorted(path.name for path in tmp_path.iterdir()) == ["decisions"]


def test_who_waits_in_vain_for_the_decision_log_is_told_for_whom(tmp_path) -> None:
    from custintel.files.file_lock import locked

    log = DecisionLog(tmp_path, wait=0.1)
    with locked(tmp_path / "log"), pytest.raises(DataError, match=r"process .* since .* waited 0.1 s"):
        log.append(day("a"))
    assert log.append(day("a")).added == 1


def test_a_damaged_newest_file_is_set_aside_and_an_older_one_is_an_error(tmp_path) -> None:
    log = DecisionLog(tmp_path)
    log.append(day("a"))
    log.append(day("b"))
    first, last = sorted((tmp_path / "decisions").iterdir())
    last.write_bytes(last.read_bytes()[:100])
    with pytest.warns(QualityWarning, match="is damaged and is set aside"):
        again = DecisionLog(tmp_path)
    assert again.frame()["customer_id"].tolist() == ["a"]
    assert again.append(day("b")).added == 1
    first.write_bytes(b"")
    with pytest.raises(DataError, match="of the decision log cannot be read"):
        DecisionLog(tmp_path)

"""A policy chooses contacts: it sees no future, the world answers by the truth, and chance keeps to its streams."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from custintel import Warehouse
from custintel.catalogue.model_spec import load_model_spec
from custintel.contracts.table_contracts import TABLES
from custintel.errors import ConfigurationError
from custintel.questions import question_labels
from custintel.questions.question import question_from_spec
from custintel.simulate import SimulationConfig, simulate
from custintel.simulate._campaign_policy import CampaignDay, tables_as_of

if TYPE_CHECKING:
    from custintel.simulate._operator import Operator

STUDY = SimulationConfig.offer_study()
# tables whose small print (seconds, delays, models of devices) is drawn anew each time they are written
DRAWN_ANEW = {"payments", "promises", "dunning", "devices", "addons", "consents"}


class UniformPolicy:
    """Every possible offer, or none, with the same chance; keeps what it was shown."""

    def __init__(self) -> None:
        self.days: list[CampaignDay] = []

    def __call__(self, day: CampaignDay) -> pd.DataFrame:
        self.days.append(day)
        possible = np.column_stack([day.eligible, np.ones(len(day.eligible), dtype=bool)])
        draw = np.random.default_rng(day.random_state).random(possible.shape)
        names = np.array([*day.eligible.columns, "none"], dtype=object)
        chosen = names[np.where(possible, draw, -1).argmax(axis=1)]
        return pd.DataFrame({"offer": chosen, "propensity": 1 / possible.sum(axis=1)}, index=day.eligible.index)


@pytest.fixture(scope="module")
def policy() -> UniformPolicy:
    return UniformPolicy()


@pytest.fixture(scope="module")
def chosen(policy: UniformPolicy) -> Operator:
    """Twelve hundred lines over five months; a policy draws the contacts of four campaigns."""
    return simulate(1_200, 5, 11, STUDY, policy)


@pytest.fixture(scope="module")
def contacts(chosen: Operator) -> pd.DataFrame:
    """The contacts beside their truth; those of the last month still wait for answers."""
    made = chosen.tables["contacts"].to_pandas()
    made["date"] = made["event_time"].dt.normalize()
    truth = chosen.truth["offer_effects"].astype({"customer_id": str, "offer_id": str})
    made = made[made["offer_id"].notna()].merge(truth, on=["date", "customer_id", "offer_id"], how="left")
    return made[made["date"] < "2025-05-01"]


def test_take_up_is_the_truth_within_sampling_error(contacts: pd.DataFrame) -> None:
    taken, chance = contacts["response_time"].notna(), contacts["take_up"]
    for offer, rows in contacts.groupby("offer_id"):
        p = chance[rows.index]
        error = float(np.sqrt((p * (1 - p)).sum()))
        assert abs(float(taken[rows.index].sum() - p.sum())) < 4 * error, offer
    assert len(contacts["offer_id"].unique()) == 5


def test_those_with_a_higher_chance_accept_more_often(contacts: pd.DataFrame) -> None:
    taken, chance = contacts["response_time"].notna(), contacts["take_up"]
    likely = chance > chance.median()
    assert taken[likely].mean() > 2 * taken[~likely].mean()


def test_only_possible_offers_are_made(contacts: pd.DataFrame, chosen: Operator) -> None:
    assert contacts["possible"].mean() > 0.99  # a plan may change between the day shown and the day of the contact
    billing = chosen.tables["customers"].to_pandas().set_index("customer_id")["billing_type"].astype(str)
    assert set(contacts.loc[contacts["offer_id"] == "device", "customer_id"].map(billing)) == {"postpaid"}


def test_both_truths_of_a_contact_agree(contacts: pd.DataFrame, chosen: Operator) -> None:
    effects = chosen.truth["campaign_effects"].astype({"customer_id": str})
    effects["date"] = pd.DatetimeIndex(["2025-02-10", "2025-03-10", "2025-04-10", "2025-05-10"])[
        effects["campaign_id"].str[-1].astype(int) - 1
    ]
    both = contacts.merge(effects, on=["date", "customer_id", "offer_id"], suffixes=("", "_contact"))
    assert len(both) == len(contacts)
    undecided = both["p0"] < 1
    assert np.allclose(both["p0"][undecided], both["p0_contact"][undecided])
    assert np.allclose(both["p1"][undecided], both["p1_contact"][undecided])


def test_an_offer_helps_where_its_effect_is_negative(chosen: Operator) -> None:
    truth = chosen.truth["offer_effects"]
    open_ = truth[(truth["p0"] < 1) & (truth["p0"] > 0)]
    assert ((open_["p1"] < open_["p0"]) == (open_["tau"] < 0)).all()


def test_the_truth_holds_every_candidate_and_offer(chosen: Operator, policy: UniformPolicy) -> None:
    truth = chosen.truth["offer_effects"]
    for day in policy.days:
        lines = truth[truth["date"] == pd.Timestamp(day.date)]
        assert len(lines) == 5 * lines["customer_id"].nunique()
        still = set(lines["customer_id"].astype(str)) & set(day.eligible.index)
        assert len(still) > 0.97 * len(day.eligible)


def test_the_policy_sees_no_row_after_its_day(policy: UniformPolicy) -> None:
    for day in policy.days:
        end = dt.datetime.combine(day.as_of + dt.timedelta(days=1), dt.time())
        assert day.as_of < day.date
        for name, table in day.tables.items():
            contract = TABLES[name]
            late = [c for c in (contract.event_time, contract.arrival_time) if c in table.column_names]
            late += [c.name for c in contract.columns.values() if c.known_at == c.name]
            for column in late:
                latest = pc.max(table[column]).as_py()
                assert latest is None or dt.datetime.fromisoformat(str(latest)[:19]) < end, (name, column)


def test_the_policy_sees_all_that_had_arrived(chosen: Operator, policy: UniformPolicy) -> None:
    for day in policy.days:
        known = tables_as_of(chosen.tables, day.as_of)
        assert day.tables["usage"].equals(known["usage"])
        for name in set(known) - DRAWN_ANEW - {"usage"}:
            assert _rows(day.tables[name]).equals(_rows(known[name])), (day.as_of, name)
        paid, whole = (tables["payments"].to_pandas()["amount"].sum() for tables in (day.tables, known))
        assert abs(paid - whole) <= 0.05 * whole  # payments arrive within two days


def _rows(table: pa.Table) -> pd.DataFrame:
    """Rows in an order that tells nothing, without running identities."""
    frame = table.to_pandas()
    frame = frame.astype({c: object for c in frame if isinstance(frame[c].dtype, pd.CategoricalDtype)})
    keep = [c for c in frame if c not in ("care_id", "contact_id")]
    return frame[keep].sort_values(keep, ignore_index=True, na_position="last")


def test_what_is_known_later_is_hidden() -> None:
    moment = dt.datetime
    table = pa.table(
        {
            "event_time": [moment(2025, 1, 3)] * 3,
            "settled_time": [moment(2025, 1, 9), moment(2025, 2, 2), None],
            "kept": [True, True, None],
        }
    )
    shown = tables_as_of({"promises": table}, dt.date(2025, 1, 31))["promises"]
    assert shown["settled_time"].to_pylist() == [moment(2025, 1, 9), None, None]
    assert shown["kept"].to_pylist() == [True, None, None]


def test_what_was_accepted_changes_bills_and_plans(contacts: pd.DataFrame, chosen: Operator) -> None:
    taken = contacts[contacts["response_time"].notna() & (contacts["date"] < "2025-04-01")]
    bills = chosen.tables["bills"].to_pandas()
    bills["month"] = bills["event_time"].dt.month
    device = set(taken.loc[taken["offer_id"] == "device", "customer_id"])
    charge = bills[bills["customer_id"].isin(device)].pivot_table(
        index="customer_id", columns="month", values="device_charge", aggfunc="sum"
    )
    assert len(charge) > 5
    assert ((charge[5] - charge[2]).round(2) >= 17.5).mean() > 0.8  # a contract may have been renewed since
    plans = chosen.tables["subscriptions"].to_pandas()
    advised = taken.loc[taken["offer_id"] == "plan_advice"].merge(plans, on="customer_id")
    later = advised[advised["start_date"] > advised["date"].dt.date]
    assert later["customer_id"].nunique() > 0.7 * advised["customer_id"].nunique()
    discounts = taken.loc[taken["offer_id"] == "discount", "customer_id"]
    granted = plans[(plans["discount_share"] >= 0.15) & plans["customer_id"].isin(set(discounts))]
    assert set(granted["customer_id"]) == set(discounts)


def test_a_policy_that_contacts_nobody_is_no_campaign() -> None:
    never = replace(STUDY, campaigns=replace(STUDY.campaigns, first_month=99))
    silent, without = simulate(300, 4, 5, STUDY, lambda day: None), simulate(300, 4, 5, never)
    assert silent.tables["contacts"].num_rows == without.tables["contacts"].num_rows == 0
    for name in set(silent.tables) - {"contacts"}:
        assert silent.tables[name].equals(without.tables[name]), name
    for name in ("weekly", "churn", "p_state", "traits"):
        assert silent.truth[name].equals(without.truth[name]), name


def test_the_same_seed_and_policy_give_the_same_operator() -> None:
    first, second = (simulate(300, 3, 8, STUDY, UniformPolicy()) for _ in range(2))
    for name, table in first.tables.items():
        assert table.equals(second.tables[name]), name
    assert first.truth["offer_effects"].equals(second.truth["offer_effects"])
    other = simulate(300, 3, 9, STUDY, UniformPolicy())
    assert not first.tables["contacts"].equals(other.tables["contacts"])


def test_a_line_answers_an_offer_alike_whatever_others_get() -> None:
    def everybody(day: CampaignDay) -> pd.DataFrame:
        return pd.DataFrame({"offer": "service_call", "propensity": 1.0}, index=day.eligible.index)

    def some(day: CampaignDay) -> pd.DataFrame:
        return everybody(day).iloc[::3]

    answers = [simulate(300, 2, 4, STUDY, p).tables["contacts"].to_pandas() for p in (everybody, some)]
    every, few = (a.set_index("customer_id")["response_time"] for a in answers)
    assert few.notna().sum() > 5
    assert every.reindex(few.index).equals(few)


def test_contacts_say_what_chose_them(chosen: Operator) -> None:
    rows = chosen.tables["contacts"].to_pandas()
    assert set(rows["policy"]) == {"UniformPolicy"}
    held = rows[rows["control"]]
    assert held["offer_id"].isna().all()
    assert (held["cost"] == 0).all()
    assert held["response_time"].isna().all()
    assert rows["propensity"].between(0.1, 0.51).all()
    assert set(rows["campaign_id"]) == {f"campaign_{k}" for k in range(1, 5)}
    assert "policy" not in simulate(60, 2, 1).tables["contacts"].column_names


def test_contacts_of_a_log_are_understood() -> None:
    def logged(day: CampaignDay) -> pd.DataFrame:
        customers = day.eligible.index[day.eligible["bonus_data"]][:6]
        return pd.DataFrame(
            {
                "contact_id": [f"d{i}" for i in range(6)], "customer_id": customers, "offer_id": "bonus_data",
                "control": [False] * 4 + [True] * 2, "propensity": 0.5,
            }
        )  # fmt: skip

    rows = simulate(100, 2, 1, STUDY, logged).tables["contacts"].to_pandas()
    assert set(rows["contact_id"]) == {f"d{i}" for i in range(6)}
    assert rows["control"].tolist() == [False] * 4 + [True] * 2
    assert set(rows["offer_id"]) == {"bonus_data"}


def test_a_policy_works_with_the_default_offers() -> None:
    def discounts(day: CampaignDay) -> pd.DataFrame:
        return day.eligible.index[day.eligible["discount"]].to_frame().assign(offer_id="discount", propensity=1.0)

    operator = simulate(150, 2, 3, policy=discounts)
    rows = operator.tables["contacts"].to_pandas()
    assert set(rows["offer_id"]) == {"discount"}
    assert "offer_effects" not in operator.truth
    held = operator.truth["traits"].set_index("customer_id")["hold_out"]
    assert not held.reindex(rows["customer_id"]).any()


def test_a_warehouse_shows_the_policy_its_day() -> None:
    seen = []

    def looks(day: CampaignDay) -> None:
        seen.append((day.as_of, day.wh.period[1].date(), sorted(day.wh.truth)))

    wh = Warehouse.simulate(100, 2, 1, STUDY, policy=looks)
    assert seen == [(dt.date(2025, 1, 31), dt.date(2025, 1, 31), [])]
    assert "offer_effects" in wh.truth
    assert "offer_effects" not in wh.tables


def test_contacts_of_a_policy_are_labels_of_the_shipped_questions() -> None:
    wh = Warehouse.simulate(300, 5, 2, STUDY, policy=_offers_or_holds_back)
    dates = ["2025-01-31", "2025-02-28"]
    made = wh.frame("contacts").set_index("contact_id")
    made = made[made["event_time"] < "2025-04-01"]
    asked = {name: question_from_spec(load_model_spec(name).as_dict()) for name in ("offer", "uplift")}
    offers, effects = (question_labels(wh, dates, question) for question in asked.values())
    contacted = made[~made["control"].astype(bool)]
    assert 0.9 * len(contacted) < len(offers) <= len(contacted)  # those of the population
    assert set(offers["propensity"]) == {0.7}
    assert abs(offers["label"].mean() - contacted["response_time"].notna().mean()) < 0.02
    assert set(effects["treatment"]) == {"control", *offers["offer"].unique()}
    held = effects["treatment"] == "control"
    assert np.allclose(effects["propensity"], np.where(held, 0.3, 0.7))


def _offers_or_holds_back(day: CampaignDay) -> pd.DataFrame:
    """An offer drawn at random, of which three in ten are held back."""
    rng = np.random.default_rng(day.random_state)
    draw = np.where(day.eligible, rng.random(day.eligible.shape), -1)
    drawn = day.eligible.columns.to_numpy()[draw.argmax(axis=1)]
    held = rng.random(len(drawn)) < 0.3
    return pd.DataFrame(
        {
            "offer": np.where(held, "none", drawn),
            "policy_offer": drawn,
            "propensity": np.where(held, 0.3, 0.7),
        },
        index=day.eligible.index,
    )


ROW = {"customer_id": "first", "offer": "bonus_data", "propensity": 0.5}


@pytest.mark.parametrize(
    ("answer", "wrong"),
    [
        (lambda day: [1, 2], "no table of contacts"),
        (lambda day: pd.DataFrame([ROW]).drop(columns="offer"), "columns are missing: offer"),
        (lambda day: pd.DataFrame([ROW]), "no candidate of this day"),
        (lambda day: _row(day, offer="bonus"), "no such offer"),
        (lambda day: _row(day, propensity=0.0), "not a probability"),
        (lambda day: pd.concat([_row(day), _row(day)]), "chosen twice"),
        (lambda day: _row(day, offer="device", possible=False), "not possible for the customer"),
    ],
)
def test_answers_that_cannot_be(answer, wrong: str) -> None:
    with pytest.raises(ConfigurationError, match=wrong) as error:
        simulate(60, 2, 1, STUDY, answer)
    assert "C0000" not in str(error.value)  # no customer in an error


def _row(day: CampaignDay, possible: bool = True, **changed) -> pd.DataFrame:
    column = changed.get("offer") if changed.get("offer") in day.eligible else "bonus_data"
    customer = day.eligible.index[day.eligible[column] == possible][0]
    return pd.DataFrame([{**ROW, "customer_id": customer, **changed}])


def test_a_day_without_a_warehouse_says_so() -> None:
    with pytest.raises(ConfigurationError, match=r"Warehouse\.simulate"):
        simulate(60, 2, 1, STUDY, lambda day: day.wh)

"""Does a policy that learns from its own log earn more, turn by turn? Five offers of a simulated operator.

    python experiments/campaign_loop.py [--customers 2000] [--seeds 1 2 3]

Turn 1: chance chooses the offers. Turn 2: a champion learned from the log of turn 1 chooses, and a quarter of the
customers explore. Turn 3: a second champion has learned from both turns. On the campaign days of turn 3 both champions,
chance and simple rules are judged by the truth of the same customers. Writes docs/benchmarks/campaign_loop.md.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, field, replace
from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from _place import provenance, write_page
from real_tables import markdown

from custintel import FeatureBuilder, OfferPropensity, UpliftModel, Warehouse
from custintel.decide import (
    Audience,
    Champion,
    Constraints,
    DecisionLog,
    Exploration,
    OfferLimits,
    OfferValues,
    allocate,
    compare_policies,
)
from custintel.progress import track
from custintel.questions import Question, question_labels
from custintel.simulate import SimulationConfig

if TYPE_CHECKING:
    from custintel.decide._allocation import Allocation
    from custintel.simulate._campaign_policy import CampaignDay

TOPICS = ["usage", "billing", "contract", "care", "customer", "recharge", "campaigns"]
TURNS = {
    date(2025, 1, 31): 1, date(2025, 2, 28): 1, date(2025, 6, 30): 2, date(2025, 7, 31): 2, date(2025, 11, 30): 3,
    date(2025, 12, 31): 3,
}  # fmt: skip
MONTHS = 16  # the truth follows a contact for 13 weeks
VALUE = 300.0  # u, of a customer who stays
CALLS = 0.25  # calls of a campaign day, as a share of the customers
STAYED = Question("churn", gap_days=9, horizon_days=60)
RESPONSE_DAYS = 30
PRIOR = 0.01  # standard deviation of average effects on staying: a contact changes about a point
ALL_CHANCE = 0.98  # share of the customers for whom chance decides in turn 1


@dataclass(frozen=True)
class LearnedPolicy:
    """What was learned from a log: who accepts, and whom an offer keeps."""

    take: OfferPropensity
    stay: dict[str, UpliftModel]

    def values(self, X: pd.DataFrame, day: CampaignDay) -> pd.DataFrame:
        """Worth of each offer with each customer: margin where it is accepted, and what it changes in staying."""
        worth = self.take.propensity(X, eligible=day.eligible) * day.margin
        for offer, model in self.stay.items():
            worth[offer] += VALUE * _shrunken_effect(model, X)
        return worth - day.offers["contact_cost"]


@dataclass
class Loop:
    """The policy that the simulator asks: it logs, learns from its log, and decides again."""

    seed: int
    log: DecisionLog = field(default_factory=DecisionLog)
    features: list[pd.DataFrame] = field(default_factory=list)
    learned: dict[str, LearnedPolicy] = field(default_factory=dict)
    decided: dict[tuple[date, str], pd.Series] = field(default_factory=dict)
    days: dict[date, CampaignDay] = field(default_factory=dict)
    words: list[str] = field(default_factory=list)

    @property
    def version(self) -> str:
        """The policy in charge."""
        return f"champion {len(self.learned)}" if self.learned else "chance"

    def __call__(self, day: CampaignDay) -> pd.DataFrame | None:
        """Decide on the days of the turns; no campaign on the others."""
        turn = TURNS.get(day.as_of)
        if turn is None:
            return None
        X = FeatureBuilder(TOPICS).build(day.wh, as_of=day.as_of, customers=list(day.eligible.index))
        if turn > 1 and len(self.learned) < turn - 1:
            self.learned[f"champion {turn - 1}"] = self._learn(day.wh, day)
        self.features.append(pd.concat({pd.Timestamp(day.as_of): X}, names=["as_of"]))
        self.days[day.as_of] = replace(day, tables={}, opened=None)  # not the tables of every day
        for name, policy in self.learned.items():
            worth = OfferValues.from_wide(policy.values(X, day))
            self.decided[day.as_of, name] = _allocated(worth, day).decisions["offer"]
        in_charge = self.learned.get(self.version)
        worth = _guesses(day) if in_charge is None else in_charge.values(X, day)
        epsilon = ALL_CHANCE if in_charge is None else 0.25
        exploration = Exploration(0.10, epsilon, day.random_state, hold_out_random_state=self.seed)
        allocation = _allocated(OfferValues.from_wide(worth), day, exploration)
        if turn == 3:
            explored = allocation if in_charge is None else self._by_chance(day)
            self.decided[day.as_of, "chance"] = explored.decisions["offer"]
        self.log.add(
            allocation, as_of=day.as_of, policy_version=self.version, contact_time=pd.Timestamp(day.date),
            channels=day.offers["channel"].to_dict(),
        )  # fmt: skip
        contacts = self.log.contacts()
        return contacts[contacts["event_time"] == pd.Timestamp(day.date)]

    def _by_chance(self, day: CampaignDay) -> Allocation:
        return _allocated(OfferValues.from_wide(_guesses(day)), day, Exploration(0.0, ALL_CHANCE, day.random_state))

    def _learn(self, wh: Warehouse, day: CampaignDay) -> LearnedPolicy:
        """Outcomes from the tables of the day, labels from the log, and two kinds of models from them."""
        self.log.record(self.log.responses(wh.frame("contacts"), RESPONSE_DAYS, day.as_of))
        X = pd.concat(self.features)
        labels = self.log.labels()
        made = labels[(labels["treatment"] != "none") & labels["label"].notna()]
        take = OfferPropensity().fit(
            X.loc[made.index], made["label"], offer=made["treatment"],
            groups=made.index.get_level_values("customer_id"),
        )  # fmt: skip
        left = question_labels(wh, sorted({as_of for as_of, _ in X.index}), STAYED)["label"]
        stay = {offer: _effect_on_staying(self.log.labels(1 - left, offer=offer), X) for offer in day.offers.index}
        told = {offer: model.words()[0].removeprefix("True: ") for offer, model in stay.items()}
        self.words += [f"after turn {1 + len(self.learned)}, {offer}: {words}" for offer, words in told.items()]
        return LearnedPolicy(take, stay)


def _effect_on_staying(rows: pd.DataFrame, X: pd.DataFrame) -> UpliftModel:
    """Effect of an offer from the experiment that the log holds on it; the logged chances make it doubly robust."""
    known = rows[rows["label"].notna()]
    treated = known["treatment"] != "none"
    groups = known.index.get_level_values("customer_id")
    return UpliftModel().fit(
        X.loc[known.index], known["label"], treatment=treated, propensity=known["propensity"], groups=groups
    )


def _shrunken_effect(model: UpliftModel, X: pd.DataFrame) -> pd.Series:
    """Effect on each customer; the average is shrunk by how little is known of it, differences are by the model."""
    found = next(iter(model.effects_.values()))
    kept = PRIOR**2 / (PRIOR**2 + found.error**2)
    effect: pd.Series = model.predict(X).iloc[:, 0] - (1 - kept) * found.effect
    return effect


def _guesses(day: CampaignDay) -> pd.DataFrame:
    """Worth of the offers for somebody who knows nothing: any order will do, since chance decides."""
    draw = np.random.default_rng(day.random_state).random(day.eligible.shape)
    return pd.DataFrame(draw, day.eligible.index, day.eligible.columns)


def _allocated(values: OfferValues, day: CampaignDay, exploration: Exploration | None = None) -> Allocation:
    """The allocation within the calls that the call centre can make."""
    called = {name: OfferLimits(channel="call") for name in day.offers.index[day.offers["channel"] == "call"]}
    limits = Constraints(
        offers=called, channels={"call": round(CALLS * len(day.eligible))}, exploration=exploration or Exploration()
    )
    return allocate(values, limits, audience=Audience(eligible=day.eligible))


def true_worth(wh: Warehouse, day: CampaignDay) -> pd.DataFrame:
    """True worth of each offer with each candidate of a day; 0 for those who were gone on the day of the contact."""
    truth = wh.truth["offer_effects"].astype({"customer_id": str, "offer_id": str})
    truth = truth[(truth["date"] == pd.Timestamp(day.date)) & (truth["weeks"] == 13)]
    cost = truth["offer_id"].map(day.offers["contact_cost"])
    truth["worth"] = truth["take_up"] * truth["margin"] + VALUE * (truth["p0"] - truth["p1"]) - cost
    wide = truth.pivot_table(index="customer_id", columns="offer_id", values="worth")
    return wide.reindex(index=day.eligible.index, columns=day.eligible.columns).fillna(0.0)


def earned(worth: pd.DataFrame, decided: pd.Series) -> float:
    """True worth a customer of some decisions."""
    column = worth.columns.get_indexer(pd.Index(decided.reindex(worth.index)))
    rows = np.arange(len(worth))
    return float(np.where(column >= 0, worth.to_numpy()[rows, column], 0.0).mean())


def judged(wh: Warehouse, loop: Loop) -> pd.DataFrame:
    """One row a campaign day and policy: what it earned a customer, by the truth, and how many it contacted."""
    rows = []
    for as_of, day in loop.days.items():
        worth = true_worth(wh, day)
        decided = {name: offers for (at, name), offers in loop.decided.items() if at == as_of}
        if TURNS[as_of] == 3:
            best = OfferValues.from_wide(worth.where(day.eligible))
            decided["all-knowing"] = _allocated(best, day).decisions["offer"]
            decided["bonus data for all"] = pd.Series("bonus_data", worth.index)
        made = loop.log.frame()
        made = made[made["as_of"] == pd.Timestamp(as_of)].set_index("customer_id")["action"]
        decided["as carried out"] = made
        for name, offers in decided.items():
            contacted = float((offers != "none").mean())
            rows.append((TURNS[as_of], as_of, name, earned(worth, offers), contacted))
    return pd.DataFrame(rows, columns=["turn", "as_of", "policy", "earned", "contacted"])


def challenged(wh: Warehouse, loop: Loop) -> str:
    """What the log alone says of the second champion against the first: outcomes in u of turn 3, doubly robust."""
    days = [day for as_of, day in loop.days.items() if TURNS[as_of] == 3]
    log = loop.log.frame()
    log = log[log["as_of"].isin([pd.Timestamp(day.as_of) for day in days])]
    left = question_labels(wh, [day.as_of for day in days], STAYED)["label"]
    outcome = loop.log.responses(wh.frame("contacts"), RESPONSE_DAYS, wh.period[1]).set_index("decision_id")["outcome"]
    taken = outcome.reindex(log.index).fillna(0.0)
    margin = pd.concat({pd.Timestamp(day.as_of): day.margin.stack() for day in days})
    keys = pd.MultiIndex.from_frame(log[["as_of", "customer_id", "action"]])
    stayed = 1 - left.reindex(pd.MultiIndex.from_frame(log[["as_of", "customer_id"]])).to_numpy()
    gained = taken * margin.reindex(keys).fillna(0.0).to_numpy() + VALUE * stayed
    cost = log["action"].map(days[0].offers["contact_cost"]).fillna(0.0)
    log = log.assign(outcome=gained - cost).set_index(log.index)
    plans = [
        pd.concat([loop.decided[day.as_of, name].rename(str(day.as_of)) for day in days], keys=[d.as_of for d in days])
        for name in ("champion 1", "champion 2")
    ]
    by_decision = pd.MultiIndex.from_arrays([log["as_of"].dt.date, log["customer_id"]])
    first, second = (pd.Series(plan.reindex(by_decision).to_numpy(), log.index) for plan in plans)
    X = pd.concat(loop.features).loc[pd.MultiIndex.from_frame(log[["as_of", "customer_id"]])].set_axis(log.index)
    known = log["outcome"].notna()
    found = compare_policies(log[known], first[known], second[known], features=X[known])
    return Champion("champion 1").challenge("champion 2", found).why


def studied(customers: int, seed: int) -> tuple[pd.DataFrame, Loop, str]:
    """One operator: the loop, and its judgement."""
    loop = Loop(seed)
    wh = Warehouse.simulate(customers, MONTHS, seed, SimulationConfig.offer_study(), policy=loop)
    return judged(wh, loop).assign(seed=seed), loop, challenged(wh, loop)


def main() -> None:
    """Simulate, decide, learn, judge, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--customers", type=int, default=2000)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    options = parser.parse_args()
    studies: list[tuple[pd.DataFrame, Loop, str]] = []
    for seed in track(options.seeds, "operators"):
        studies.append(studied(options.customers, seed))
        table = pd.concat([found for found, _, _ in studies], ignore_index=True)
        print(table[table["seed"] == seed].round(3).to_string(), flush=True)
        write_page("campaign_loop.md", page(table, studies, options))


def page(table: pd.DataFrame, studies: list[tuple[pd.DataFrame, Loop, str]], options: argparse.Namespace) -> str:
    """The benchmark page."""
    seeds = options.seeds[: len(studies)]
    last = table[table["turn"] == 3].groupby(["policy", "seed"])[["earned", "contacted"]].mean().unstack("seed")
    mean = last["earned"].mean(axis=1).sort_values(ascending=False)
    rows = (
        last["earned"]
        .loc[mean.index]
        .add_prefix("seed ")
        .assign(**{"mean u a customer": mean, "contacted": last["contacted"].mean(axis=1)})
    )
    turns = table[table["policy"] == "as carried out"].pivot_table(index="turn", columns="seed", values="earned")
    verdicts = "\n".join(f"- Seed {seed}: {why}." for seed, (_, _, why) in zip(seeds, studies, strict=True))
    words = "\n".join(f"- {line}" for line in studies[0][1].words)
    return f"""# Turns of the loop: a policy that learns from its own log

{provenance()} Written by `experiments/campaign_loop.py`.

Simulated operators of {options.customers:,} lines (seeds {", ".join(map(str, seeds))}) make [five
offers](../simulator.md#five-offers-and-a-policy-that-chooses) on six days. A customer who stays is counted as
{VALUE:g} u, and the call centre can call {CALLS:.0%} of the customers on a day.

1. **Turn 1** (two campaigns): chance chooses among the possible offers and none.
2. **Turn 2** (two campaigns, five months later): champion 1 has learned from the log of turn 1. `OfferPropensity` says
   who accepts; an `UpliftModel` for each offer says whom it keeps, from the decisions that chance could have made
   otherwise, with the logged propensities. Average effects are shrunk towards none by how little is known of them (a
   prior of one point). `allocate` decides; a tenth of the customers is held out, and a quarter of the others explores.
3. **Turn 3** (two campaigns, five months later): champion 2 has learned from both turns.

## What the policies earn in turn 3

True worth of the decisions, in u a customer and campaign, without exploration: chance to accept times margin, plus what
the contact changes in the chance to leave times the value of a customer, less the cost of the contact.

{markdown(_told(rows))}

{_verdict(mean)}

## What was carried out

True worth of the decisions that were carried out, hold-out and exploration included, in u a customer and campaign. This
is what learning costs and brings:

{markdown(_told(turns.add_prefix("seed ")))}

## What the log alone says

The operator does not know the truth. From the outcomes of turn 3 (margin of what was accepted, and {VALUE:g} u for each
customer who stayed), a doubly robust comparison of champion 2 with champion 1 finds, a decision:

{verdicts}

## What the models said about staying (seed {seeds[0]})

{words}
"""


def _told(table: pd.DataFrame) -> pd.DataFrame:
    """Two decimals, and the index as a column of text."""
    return table.reset_index().map(lambda value: f"{value:.2f}" if isinstance(value, float) else str(value))


def _verdict(mean: pd.Series) -> str:
    """Whether the second champion earns more."""
    first, second, chance, best = (mean[name] for name in ("champion 1", "champion 2", "chance", "all-knowing"))
    more = "more" if second > first else "no more"
    return f"""The second champion earns {second:.2f} u a customer, {more} than the first ({first:.2f} u). Chance earns
{chance:.2f} u, and somebody who knows the truth earns {best:.2f} u within the same limits.

Learning pays at the first turn, because who accepts what is soon known. What contacts change in staying is another
matter: the true averages are about half a point, and a log of this size knows each of them to one or two points (see
below). Whether a champion makes the cheap offers that keep customers a little is then largely luck, and so is the order
of the two champions. Differences of a few tenths of a u on a single operator say nothing."""


if __name__ == "__main__":
    main()

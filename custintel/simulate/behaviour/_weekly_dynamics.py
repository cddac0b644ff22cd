"""The weeks of an operator: experience, complaints, campaigns, friends who leave, decisions, contracts."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from custintel.simulate._simulated_days import NEVER, Calendar
from custintel.simulate.behaviour._campaigns import (
    Campaign,
    CampaignLog,
    ChosenContacts,
    add_week_hazard,
    keep_truth,
    launch_campaign,
    launch_chosen,
    weekly_effect,
)
from custintel.simulate.behaviour._care_contacts import CareLog, care_week
from custintel.simulate.behaviour._churn_hazard import (
    Covariates,
    Experience,
    Shocks,
    WeekSituation,
    contract_left,
    exit_delay,
    log_hazard,
    make_covariates,
    next_experience,
)
from custintel.simulate.behaviour._offer_effects import (
    DISCOUNT,
    DISCOUNT_DAYS,
    DISCOUNT_DELAY,
    OffersOnDay,
    PlanFit,
    advised_plan,
    fixed_effects,
    offers_on_day,
    plan_fit,
    situations,
)
from custintel.simulate.billing._plans_and_contracts import SLOW_MB

if TYPE_CHECKING:
    from custintel.simulate._random_streams import Bools, Floats, Ints, RandomStreams
    from custintel.simulate._simulation_config import SimulationConfig
    from custintel.simulate.billing._plans_and_contracts import CurrentPlans, SubscriptionLog, Tariffs
    from custintel.simulate.people._cells_and_mobility import CellDays
    from custintel.simulate.people._make_world import World


HOME, WORK = 0.45, 0.25  # shares of time in the cells that matter most
OUTAGE_HOURS = 5.0  # hours of outage felt after which little more is felt
PEAK_DAY = 0.87  # of the year: mid-November
SERVICE_CREDIT = (300, 1500)  # cents


@dataclass(frozen=True)
class OnNetFriends:
    """On-net ties as sparse rows, with the strength of the friend for the line."""

    row: Ints
    friend: Ints
    strength: Floats
    n: int

    def total(self, values: Floats) -> Floats:
        """Sum of the friends' values by strength."""
        return np.bincount(self.row, self.strength * values[self.friend], self.n).astype(float)


@dataclass(frozen=True)
class WeekRecord:
    """Hazard of one week and who had decided before it: the truth kept for every week."""

    week: int
    hazard: Floats
    active: Bools
    decided: Bools
    experience: Experience


@dataclass
class WeeklyDynamics:
    """State of all lines, week by week."""

    fixed: Covariates
    friends: OnNetFriends
    exposure: Floats  # (weeks, n) outage felt
    quality: Floats
    readiness: Floats  # to call the hotline, mean one
    threshold: Floats
    experience: Experience
    current_plans: CurrentPlans
    subscriptions: SubscriptionLog
    campaigns: CampaignLog
    care: CareLog
    calendar: Calendar
    config: SimulationConfig
    streams: RandomStreams
    decided: Ints
    exit: Ints
    sudden: Bools
    summed: Floats
    bill_shock: Floats  # waiting to be felt
    credit: Ints  # cents granted by care since the last bills
    shock_rate: Floats  # bill shocks a month to be expected
    tariffs: Tariffs
    fit: PlanFit
    data: Floats  # appetite for data
    chosen: ChosenContacts | None = None  # what a policy chose for the month; None: contacts are drawn at random
    weekly: list[WeekRecord] = field(default_factory=list)

    def warm_up(self, weeks: int) -> None:
        """Let some lines have decided before the data begin; those who would have left already are not among ours."""
        rng = self.streams.get("warm_up")
        n = len(self.decided)
        for week in range(-weeks, 0):
            active = (self.fixed.activation <= 7 * week) & (self.decided >= NEVER)
            at = self.situation(7 * week, week, np.zeros(n, dtype=bool))
            decides = rng.random(n) < -np.expm1(-np.exp(log_hazard(self.experience, self.fixed, at, self.config.churn)))
            sudden = rng.random(n) < self.config.churn.sudden
            day = 7 * week + rng.integers(0, 7, n)
            leaves = day + exit_delay(sudden, rng.normal(size=n), self.config.churn)
            now = decides & active & (leaves >= 0)
            self.decided, self.exit = np.where(now, day, self.decided), np.where(now, leaves, self.exit)
            self.sudden = np.where(now, sudden, self.sudden)
        self.threshold[self.decided < NEVER] = 0.0

    def run_week(self, month: int, week: int, service: tuple[Ints, Bools]) -> None:
        """One week; `service` is the last day of service, and who is barred."""
        day = 7 * week
        last, barred = service
        active = (self.fixed.activation <= day) & (last >= day)
        self._contracts(day, active & (self.decided >= NEVER))
        self._campaigns(month, week, active)
        self._remember(week, active)
        at = self.situation(day, week, barred)
        logs = log_hazard(self.experience, self.fixed, at, self.config.churn)
        add_week_hazard(self.campaigns, week, logs, active, self.config.campaigns)
        self.weekly.append(WeekRecord(week, np.exp(logs), active, self.decided < day, self.experience))
        self._decide(week, np.where(active, np.exp(logs), 0.0))

    def situation(self, day: int, week: int, barred: Bools) -> WeekSituation:
        """Where the lines stand in a week."""
        return WeekSituation(
            day=day,
            contract_left=contract_left(self.current_plans.contract_end, day),
            season=season(self.calendar, day),
            barred=barred,
            effect=weekly_effect(self.campaigns, week, self.config.campaigns),
        )

    def left_friends(self, first: int, last: int) -> Floats:
        """Weighted friends whose exit lies between two days."""
        return self.friends.total(((self.exit >= first) & (self.exit <= last)).astype(float))

    def _remember(self, week: int, active: Bools) -> None:
        """Care contacts and the memories of the week."""
        rng = self.streams.get("care", week)
        complaint, money = care_week(
            7 * week, self.experience, (active, self.readiness), self.care, self.config.care, rng
        )
        self.credit += np.where(money, rng.integers(*SERVICE_CREDIT, len(money)), 0)
        shocks = Shocks(
            outage=self.exposure[week],
            bill_shock=self.bill_shock,
            complaint=complaint,
            friends=self.left_friends(7 * week - 7, 7 * week - 1),
            quality=self.quality,
        )
        noise = self.streams.get("satisfaction", week).normal(size=len(active))
        self.experience = next_experience(self.experience, shocks, self.fixed, noise, self.config.churn)
        self.bill_shock = np.zeros(len(active))

    def _decide(self, week: int, hazard: Floats) -> None:
        """Those whose summed hazard passes their threshold decide on a day of the week."""
        rng = self.streams.get("decision", week)
        n = len(hazard)
        before, self.summed = self.summed, self.summed + hazard
        now = (before < self.threshold) & (self.summed >= self.threshold)
        sudden = rng.random(n) < self.config.churn.sudden
        share = np.where(now, (self.threshold - before) / np.maximum(hazard, 1e-12), 0.0)
        day = 7 * week + np.minimum((7 * share).astype(np.int64), 6)
        delay = exit_delay(sudden, rng.normal(size=n), self.config.churn)
        self.decided = np.where(now, day, self.decided)
        self.sudden = np.where(now, sudden, self.sudden)
        self.exit = np.where(now, day + delay, self.exit)

    def _contracts(self, day: int, staying: Bools) -> None:
        """Contracts that ended in the week before are renewed, or run on without a commitment."""
        rng = self.streams.get("renewal", day)
        ended = (self.current_plans.contract_end < day) & (self.current_plans.contract_end >= day - 7) & staying
        renews = np.flatnonzero(ended & (rng.random(len(ended)) < self.config.plans.renewal))
        self.current_plans.commit(renews, np.full(len(renews), day), self.config.plans, rng)
        self.subscriptions.add(self.current_plans, renews, np.full(len(renews), day))

    def offers_on(self, day: int) -> OffersOnDay:
        """What each offer would do to each line on a day."""
        config = self.config.campaigns
        where = situations(day, self.fixed, self.data, self.experience, (self.current_plans, self.fit))
        offers = offers_on_day(
            day, self.campaigns.effects, where, (self.current_plans, self.fit, self.tariffs), config
        )  # fmt: skip
        return replace(offers, possible=offers.possible & self.campaigns.rested(day, config))

    def _campaigns(self, month: int, week: int, active: Bools) -> None:
        """Launch the month's campaigns in the week of their day."""
        config = self.config.campaigns
        day = self.calendar.first[month] + config.day - 1
        if month < config.first_month or week != day // 7:
            return
        offers, staying = self.offers_on(day), active & (self.decided >= NEVER)
        launched = self._launch_random if self.chosen is None else self._launch_chosen
        made = launched(month, (week, day), active, offers)
        if config.truth:
            here = active & ~self.campaigns.hold_out
            keep_truth(self.campaigns, (week, day), (here, staying), offers, made)
        for campaign in made:
            if campaign.offer >= 0:
                self._accept(campaign.offer, campaign.line[campaign.response >= 0], day)

    def _launch_random(self, month: int, at: tuple[int, int], active: Bools, offers: OffersOnDay) -> list[Campaign]:
        """A campaign of each offer, among those who have not decided to leave."""
        staying = active & (self.decided >= NEVER)
        return [
            launch_campaign(
                self.campaigns, (j, *at), staying & offers.possible[j], offers, self.summed,
                (self.config.campaigns, self.streams.get("campaign", month, j)),
            )
            for j in range(len(self.config.campaigns.offers))
        ]  # fmt: skip

    def _launch_chosen(self, month: int, at: tuple[int, int], active: Bools, offers: OffersOnDay) -> list[Campaign]:
        """The contacts that the policy chose, of lines that are still in service."""
        chosen = self.chosen
        assert chosen is not None
        kept = chosen.take(active[chosen.line])
        number = month - self.config.campaigns.first_month
        return launch_chosen(self.campaigns, (number, *at), kept, offers, self.summed, self.streams)

    def _accept(self, offer: int, lines: Ints, day: int) -> None:
        """Grant a discount at once; what changes the plan or the instalments waits for the next billing period."""
        self.campaigns.taken[offer, lines] = day
        kind = self.config.campaigns.offers[offer].kind
        if kind == "discount":
            self._grant(lines, day + DISCOUNT_DELAY)
        elif kind in ("device", "plan_advice"):
            self.campaigns.accepted.append((offer, lines))

    def carry_out(self, starts: Ints) -> None:
        """Carry out what was accepted since the last month, from the day on which each line's period starts."""
        for j, lines in self.campaigns.accepted:
            offer = self.config.campaigns.offers[j]
            if offer.kind == "device":
                self.current_plans.device[lines] += round(100 * offer.instalment)
            else:
                self.current_plans.plan[lines] = advised_plan(self.current_plans, self.fit)[lines]
            self.subscriptions.add(self.current_plans, lines, starts[lines])
        self.campaigns.accepted.clear()

    def _grant(self, lines: Ints, start: int) -> None:
        """A discount that was accepted."""
        self.current_plans.discount_share[lines] = np.maximum(self.current_plans.discount_share[lines], DISCOUNT)
        self.current_plans.discount_end[lines] = start + DISCOUNT_DAYS
        self.subscriptions.add(self.current_plans, lines, np.full(len(lines), start))


def season(calendar: Calendar, day: float) -> float:
    """Season of churn between -1 and 1: high in the fourth quarter, low in the second."""
    return float(np.cos(2 * np.pi * (calendar.year_share(day) - PEAK_DAY)))


def make_on_net_friends(world: World) -> OnNetFriends:
    """Strength of each friend: three times its share of what the line sends to friends on the net, at most 1.5."""
    indptr, friend, weight = world.network.neighbours()
    n = world.population.n
    row = np.repeat(np.arange(n), np.diff(indptr))
    total = np.bincount(row, weight, n)
    strength = np.minimum(1.5, 3.0 * weight / np.maximum(total[row], 1e-9))
    return OnNetFriends(row, friend, np.asarray(strength, dtype=float), n)


def outage_exposure(world: World, kpis: CellDays, weeks: int) -> Floats:
    """Outage felt by each line in each week, from the hours without service where it lives and works."""
    population = world.population
    days = np.minimum(np.arange(7 * weeks), kpis.outage_hours.shape[1] - 1)
    hours = kpis.outage_hours[:, days].reshape(-1, weeks, 7).sum(axis=2)
    felt = HOME * hours[population.home_cell] + WORK * hours[population.work_cell]
    return np.asarray(-np.expm1(-felt / OUTAGE_HOURS).T, dtype=float)


def network_quality(world: World, kpis: CellDays) -> Floats:
    """Standardised quality where the line lives: few drops, little load."""
    drop, load = np.log(kpis.drop_rate.mean(axis=1)), kpis.load.mean(axis=1)
    cell = -(drop - drop.mean()) / drop.std() - (load - load.mean()) / load.std()
    return np.asarray(cell[world.population.home_cell] / np.sqrt(2), dtype=float)


def make_dynamics(
    world: World,
    kpis: CellDays,
    need: Floats,
    contracts: tuple[CurrentPlans, SubscriptionLog, Tariffs],
    calendar: Calendar,
    setup: tuple[SimulationConfig, RandomStreams],
) -> WeeklyDynamics:
    """State of all lines before the first week."""
    config, streams = setup
    population = world.population
    n = population.n
    rng = streams.get("latent")
    fixed = make_covariates(population, need, config.churn)
    effects = fixed_effects(population, fixed.value, config.campaigns, streams.get("offer_effects"))
    return WeeklyDynamics(
        fixed=fixed,
        friends=make_on_net_friends(world),
        exposure=outage_exposure(world, kpis, -(-calendar.total // 7) + 1),
        quality=network_quality(world, kpis),
        readiness=rng.gamma(config.care.dispersion, 1 / config.care.dispersion, n),
        threshold=rng.exponential(size=n),
        experience=Experience.start(fixed, rng, config.churn),
        current_plans=contracts[0],
        subscriptions=contracts[1],
        campaigns=CampaignLog.start(effects, rng.random(n) < config.campaigns.hold_out),
        care=CareLog(),
        calendar=calendar,
        config=config,
        streams=streams,
        decided=np.full(n, NEVER),
        exit=np.full(n, NEVER),
        sudden=np.zeros(n, dtype=bool),
        summed=np.zeros(n),
        bill_shock=np.zeros(n),
        credit=np.zeros(n, dtype=np.int64),
        shock_rate=np.where(population.segment > 0, config.churn.shock_rate, 0.0),
        tariffs=contracts[2],
        fit=plan_fit(population.segment > 0, need, contracts[2], SLOW_MB),
        data=population.traits["data_appetite"],
    )

"""The operator: what happens month by month (usage, rating, bills, payments, recharges), and its tables at the end."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from custintel.errors import Problem, raise_problems
from custintel.progress import track
from custintel.simulate._campaign_policy import ask_policy, no_contacts
from custintel.simulate._random_streams import RandomStreams
from custintel.simulate._simulated_days import NEVER, Calendar
from custintel.simulate._simulation_config import SimulationConfig
from custintel.simulate.behaviour._true_churn_chances import leaving_chances
from custintel.simulate.behaviour._weekly_dynamics import WeeklyDynamics, make_dynamics
from custintel.simulate.billing._payments_and_dunning import Accounts, PaymentLog, make_accounts, pay_bills
from custintel.simulate.billing._plans_and_contracts import (
    CurrentPlans,
    Tariffs,
    expected_need,
    make_current_plans,
    make_tariffs,
)
from custintel.simulate.billing._prepaid_recharges import Wallets, make_wallets, run_wallets
from custintel.simulate.billing._rating_and_bills import (
    AllowanceMeter,
    BillLog,
    Bills,
    RatedMonth,
    make_bills,
    rate_month,
)
from custintel.simulate.fraud._attacks_and_look_alikes import ATTACKS, ExtendedFraud, make_extended_fraud
from custintel.simulate.fraud._extended_fraud_records import FraudContext, add_extended_fraud
from custintel.simulate.fraud._fraud_cases import NEVER_PAYER, FraudLines, add_first_fraud, make_fraud
from custintel.simulate.output._arrow_tables import Identifiers
from custintel.simulate.output._delay_and_dirt import add_delay_and_errors
from custintel.simulate.output._operator_tables import operator_tables, usage_table
from custintel.simulate.output._surveys_promises_devices import DEVICES_A_LINE
from custintel.simulate.output._truth_tables import truth_tables
from custintel.simulate.people._cells_and_mobility import CellDays, cell_days
from custintel.simulate.people._make_world import World, make_world
from custintel.simulate.usage._data_sessions import app_shares, draw_apps, make_tastes
from custintel.simulate.usage._line_activity import ServiceDays, UsageDips, make_activity, without_barred
from custintel.simulate.usage._month_of_usage import UsageEvents, generate_month

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from custintel.simulate._campaign_policy import CampaignPolicy
    from custintel.simulate._random_streams import Bools, Floats, Ints
    from custintel.simulate.people._population import Population


@dataclass(frozen=True)
class Operator:
    """An operator in miniature: its tables as it has them, and the truth apart.

    Attributes
    ----------
    tables : dict of str to pyarrow.Table
        The tables of the contracts, raw and dirty.
    truth : dict of str to pandas.DataFrame
        What only the simulator knows: traits, weekly hazards, churn, chances, effects of campaigns, fraud.
    """

    tables: dict[str, pa.Table]
    truth: dict[str, pd.DataFrame]


def simulate(
    customers: int,
    months: int,
    seed: int,
    config: SimulationConfig | None = None,
    policy: CampaignPolicy | None = None,
) -> Operator:
    """Simulate an operator whose truth is known.

    Parameters
    ----------
    customers : int
        Lines at the start; others join later.
    months : int
        Calendar months of data.
    seed : int
        The same seed gives the same bytes.
    config : SimulationConfig, optional
        Parameters; the defaults follow published and measured figures.
    policy : callable, optional
        Chooses the contacts of every campaign, from the second month on: a function of a `CampaignDay` (the tables as
        of the end of the month before, the candidates, the offers) that returns one row a customer: `customer_id`,
        `offer` ("none" for customers held back) and `propensity`. Without it contacts are drawn at random.

    Examples
    --------
    >>> operator = simulate(customers=60, months=1, seed=1)
    >>> operator.tables["bills"].column_names[:4]
    ['bill_id', 'customer_id', 'account_id', 'event_time']
    >>> def everybody(day):
    ...     return day.eligible.index.to_frame().assign(offer="bonus_data", propensity=1.0)
    >>> operator = simulate(customers=60, months=2, seed=1, policy=everybody)
    >>> set(operator.tables["contacts"]["policy"].to_pylist())
    {'everybody'}
    """
    _check(customers, months, seed)
    state = make_simulation_state(customers, months, seed, config or SimulationConfig())
    if policy is not None:
        state.dynamics.chosen = no_contacts(policy)
    chunks: list[pa.Table] = []
    for month in track(range(months), "simulating months"):
        if policy is not None:
            ask_policy(state, month, chunks, policy)
        chunks.append(run_month(state, month))
    return Operator(operator_tables(state, chunks), truth_tables(state))


def _check(customers: int, months: int, seed: int) -> None:
    """Refuse sizes that make no operator."""
    limits = (("customers", customers, 50, 1_000_000), ("months", months, 1, 60), ("seed", seed, 0, 2**32 - 1))
    raise_problems(
        [
            Problem(name, "out of range", str(value), f"{low} to {high}")
            for name, value, low, high in limits
            if not low <= value <= high
        ]
    )


@dataclass
class SimulationState:
    """Everything that a month changes."""

    config: SimulationConfig
    streams: RandomStreams
    calendar: Calendar
    names: Identifiers
    world: World
    kpis: CellDays
    tariffs: Tariffs
    dynamics: WeeklyDynamics
    accounts: Accounts
    wallets: Wallets
    fraud: FraudLines
    extended: ExtendedFraud | None  # further kinds of fraud
    cycle: Ints  # day of the month on which the line's period ends
    meter: AllowanceMeter
    bills: BillLog
    payments: PaymentLog
    dips: UsageDips
    involuntary: Ints
    death: Ints
    overage: Floats  # share of the data allowance used in the latest billing period
    device: Ints  # number of devices used before, by line
    tastes: Floats  # log weights of the kinds of app, by line
    technology: Ints  # best technology that the line's devices have shown
    chances: list[tuple[int, dict[str, Floats], Bools]] = field(default_factory=list)

    @property
    def postpaid(self) -> Bools:
        """Lines that are billed."""
        return self.world.population.segment > 0

    @property
    def last(self) -> Ints:
        """Last day of service as far as it is settled."""
        return np.asarray(np.minimum.reduce([self.last_without_fraud, self.involuntary, self.fraud.end]))

    @property
    def last_without_fraud(self) -> Ints:
        """Last day if nobody were a fraud: prepaid lines are silent from the exit on."""
        exit_last = np.where(self.postpaid, self.dynamics.exit + 1, self.dynamics.exit - 1)
        involuntary = np.where(self.fraud.kind < 0, self.involuntary, NEVER)
        return np.asarray(np.minimum.reduce([exit_last, involuntary, self.death]))


def make_simulation_state(customers: int, months: int, seed: int, config: SimulationConfig) -> SimulationState:
    """The operator on the morning of its first day."""
    streams = RandomStreams(seed)
    calendar = Calendar(config.start, months)
    world = make_world(customers, months, config.world, streams)
    population, n = world.population, world.population.n
    kpis = cell_days(world.cells, calendar.total, config.world.cells, streams)
    need = expected_need(world)
    tariffs = make_tariffs(config.plans)
    contracts = make_current_plans(population, need, tariffs, config.plans, streams)
    dynamics = make_dynamics(world, kpis, need, (*contracts, tariffs), calendar, (config, streams))
    dynamics.warm_up(config.churn.warm_up_weeks)
    accounts = make_accounts(population, config.bills.cycle_days, config.payments, streams.get("accounts"))
    prepaid = np.flatnonzero(population.segment == 0)
    fraud, extended = _fraud(population, calendar.total, config, streams)
    return SimulationState(
        config=config,
        streams=streams,
        calendar=calendar,
        names=_names(world, accounts, streams),
        world=world,
        kpis=kpis,
        tariffs=tariffs,
        dynamics=dynamics,
        accounts=accounts,
        wallets=make_wallets(
            prepaid, population.activation_day[prepaid], _prepaid_spend(need, contracts[0].plan, tariffs)[prepaid],
            population.traits["liquidity"][prepaid], config.recharges, streams.get("wallets"),
        ),
        fraud=fraud,
        extended=extended,
        cycle=np.where(population.segment == 0, population.activation_day % 28 + 1, accounts.cycle[population.account]),
        meter=AllowanceMeter.zero(n),
        bills=BillLog.empty(n, months),
        payments=PaymentLog(),
        dips=UsageDips.without(n),
        involuntary=np.full(n, NEVER),
        death=_deaths(n, months, config.churn.deaths, calendar, streams),
        overage=np.zeros(n),
        device=np.zeros(n, dtype=np.int64),
        tastes=make_tastes(population, config.apps, streams.get("tastes")),
        technology=population.generation.copy(),
    )  # fmt: skip


def _fraud(
    population: Population, days: int, config: SimulationConfig, streams: RandomStreams
) -> tuple[FraudLines, ExtendedFraud | None]:
    """Fraud of the first kinds, and the further ones where they are asked for."""
    first = make_fraud(population, days, config.fraud, streams.get("fraud"))
    if config.fraud.extended is None:
        return first, None
    return make_extended_fraud(first, population, days, config.fraud.extended, streams)


def _names(world: World, accounts: Accounts, streams: RandomStreams) -> Identifiers:
    """Identities; devices are named for every line and every change of device."""
    n = world.population.n
    sizes = (n, len(accounts.cycle), world.cells.n, n * DEVICES_A_LINE)
    return Identifiers.make(sizes, world.network.alter_number, streams.get("names"))


def _prepaid_spend(need: Floats, plan: Ints, tariffs: Tariffs) -> Floats:
    """Cents a month that a prepaid line is expected to spend."""
    allowance = np.stack([tariffs.seconds / 60, tariffs.sms, tariffs.mb])[:, plan].T
    price = np.stack([tariffs.per_second * 60, tariffs.per_sms, tariffs.per_mb])[:, plan].T
    return np.asarray(np.clip(tariffs.fee[plan] + (np.maximum(need - allowance, 0) * price).sum(axis=1), 100, 6000))


def _deaths(n: int, months: int, rate: float, calendar: Calendar, streams: RandomStreams) -> Ints:
    rng = streams.get("deaths")
    return np.where(rng.random(n) < rate * months, rng.integers(0, calendar.total, n), NEVER)


def run_month(state: SimulationState, month: int) -> pa.Table:
    """One month: weeks of experience, use, rating, bills and payments, top-ups; returns the month's records."""
    first, days = state.calendar.first[month], state.calendar.length(month)
    before = deepcopy(state.dynamics.current_plans)  # in force in the billing periods that end this month
    _upgrade(state, month)
    state.dynamics.carry_out(state.calendar.cycle_day(month, state.cycle))
    service = _service_without_fraud(state, _service(state))
    for week in state.calendar.weeks(month):
        barred = (service.soft_bar <= 7 * week) & (service.bar_end >= 7 * week)
        state.dynamics.run_week(month, week, (state.last_without_fraud, barred))
    state.dips.begin(first, days, state.config.dips, state.streams.get("dips", month))
    events = _usage(state, (first, days))
    rated = rate_month(
        events, (first, days), state.cycle, np.column_stack([before.plan, state.dynamics.current_plans.plan]),
        (state.tariffs, state.config.bills), state.meter,
    )  # fmt: skip
    bills = _bill(state, month, rated, before)
    _pay(state, month, bills)
    state.overage = rated.overage
    _top_up(state, month, rated)
    _record_true_chances(state, month)
    return _records(state, month, events, rated)


def _service(state: SimulationState) -> ServiceDays:
    """Days that decide about use, as settled so far."""
    account = state.world.population.account
    spell = state.accounts.spell_end[account]
    bill = np.where((spell >= 0) & state.postpaid, state.accounts.spell_bill[account], NEVER)
    return ServiceDays(
        activation=state.world.population.activation_day,
        last=state.last,
        fade_from=np.where(state.dynamics.sudden, NEVER, state.dynamics.decided),
        soft_bar=bill + state.config.payments.soft_bar_days,
        hard_bar=bill + state.config.payments.hard_bar_days,
        bar_end=spell,
    )


def _service_without_fraud(state: SimulationState, service: ServiceDays) -> ServiceDays:
    """What decides about use if nobody were a fraud: fraud is laid over the records later, and moves nobody else."""
    honest = state.fraud.kind < 0
    return replace(
        service,
        last=state.last_without_fraud,
        soft_bar=np.where(honest, service.soft_bar, NEVER),
        hard_bar=np.where(honest, service.hard_bar, NEVER),
    )


def _usage(state: SimulationState, month: tuple[int, int]) -> UsageEvents:
    """Records of the month: what people do, then what fraud does."""
    service = _service(state)
    honest = _service_without_fraud(state, service)
    activity = make_activity(honest, state.dips, month, state.config.dips, state.config.churn.fade_weeks)
    events = without_barred(generate_month(state.world, *month, activity, state.streams), honest)
    gone = np.where(state.fraud.kind >= 0, np.minimum(service.soft_bar, service.last + 1), NEVER)
    events = add_first_fraud(
        events, month, (state.fraud, gone), state.world.population, state.config.fraud, state.streams
    )
    if state.extended is None:
        return events
    context = FraudContext(
        month, state.world.population, state.world.network, state.streams.get("fraud_scripts", month[0])
    )
    return add_extended_fraud(
        events, state.fraud, state.extended, np.minimum(service.soft_bar, service.last + 1), context
    )


def _bill(state: SimulationState, month: int, rated: RatedMonth, current_plans: CurrentPlans) -> Bills:
    """Bills of the month; shocks wait for the next week to be felt."""
    population, config = state.world.population, state.config.bills
    state.bills.credit += state.dynamics.credit
    state.dynamics.credit = np.zeros_like(state.dynamics.credit)
    bills = make_bills(
        month, state.calendar, (state.cycle, population.activation_day, state.last, state.postpaid),
        (rated.closed, current_plans, state.tariffs), state.bills, (config, state.streams.get("bill_errors", month)),
    )  # fmt: skip
    shock = state.bills.add(bills, month, config)
    state.dynamics.bill_shock[bills.line] += (
        shock if state.extended is None else shock * ~state.extended.unusual_charges[bills.line]
    )
    return bills


def _pay(state: SimulationState, month: int, bills: Bills) -> None:
    """Payments of the month's bills; accounts that will not pay lose their lines."""
    population, config = state.world.population, state.config.payments
    due = bills.day + state.config.bills.due_days
    account = population.account[bills.line]
    never = state.fraud.kind[bills.line] == NEVER_PAYER
    payments, paid = pay_bills(
        bills,
        due,
        account,
        (state.accounts, state.bills.shocks[-1], never),
        config,
        state.streams.get("payments", month),
    )
    state.payments.made.append(payments)
    state.payments.paid_day.append(paid)
    state.payments.without_money.append(state.accounts.spell_end[account] >= due)
    end = state.accounts.spell_bill + config.termination_days
    ended = (state.accounts.spell_end > end)[population.account] & state.postpaid
    day = np.where(ended, end[population.account], NEVER)
    state.involuntary = np.minimum(state.involuntary, np.where(day >= population.activation_day, day, NEVER))


def _upgrade(state: SimulationState, month: int) -> None:
    """Some of those who used up their allowance take the next larger plan from the next period on."""
    rng = state.streams.get("upgrades", month)
    current_plans = state.dynamics.current_plans
    larger = np.minimum(current_plans.plan + 1, len(state.tariffs.fee) - 1)
    same_kind = state.tariffs.prepaid[larger] == state.tariffs.prepaid[current_plans.plan]
    plans = state.config.plans
    chance = np.where(
        state.tariffs.per_mb[current_plans.plan] > 0, plans.upgrade_after_overage, plans.upgrade_when_slow
    )
    wants = (state.overage > 1.1) & (rng.random(len(larger)) < chance)
    allowed = same_kind & (larger > current_plans.plan) & (state.tariffs.mb[current_plans.plan] > 0)
    lines = np.flatnonzero(wants & allowed & (state.dynamics.decided >= NEVER))
    current_plans.plan[lines] += 1
    state.dynamics.subscriptions.add(current_plans, lines, state.calendar.cycle_day(month, state.cycle[lines]))


def _top_up(state: SimulationState, month: int, rated: RatedMonth) -> None:
    """Days of the prepaid wallets."""
    line = state.wallets.line
    first, days = state.calendar.first[month], state.calendar.length(month)
    renewal = state.calendar.cycle_day(month, state.cycle[line]) - first
    population, last = state.world.population, state.last
    here = (population.activation_day[line] <= first + renewal) & (last[line] >= first + renewal)
    fees = np.zeros((len(line), days), dtype=np.int64)
    fee = state.tariffs.fee[state.dynamics.current_plans.plan[line]].astype(np.int64)
    fees[np.arange(len(line)), renewal] = fee * here
    run_wallets(
        state.wallets, (first, days), (rated.daily[line], fees),
        (population.activation_day[line], last[line], state.dynamics.decided[line]),
        state.config.recharges, state.streams.get("top_ups", month),
    )  # fmt: skip


def _record_true_chances(state: SimulationState, month: int) -> None:
    """Truth about the chances at the month's end, for lines in service."""
    as_of = state.calendar.first[month + 1] - 1
    last_week = state.calendar.weeks(month)[-1]
    service = _service(state)
    barred = (service.soft_bar <= as_of) & (service.bar_end >= as_of)
    here = (service.activation <= as_of) & (service.last > as_of)
    chances = leaving_chances(
        state.dynamics, as_of, last_week, barred,
        (np.minimum(state.involuntary, state.death), np.where(state.fraud.end < NEVER, state.fraud.end + 1, NEVER)),
    )  # fmt: skip
    state.chances.append((as_of, chances, here))


def _swapped_devices(state: SimulationState, first: int, days: int) -> Ints:
    """1 for lines whose SIM moves to the device of a thief in the month."""
    found = np.zeros(len(state.device), dtype=np.int64)
    if state.extended is not None:
        attacked = state.extended.attacks
        day = attacked.start // 86_400
        own = (attacked.kind == ATTACKS.index("sim_swap")) & (day >= first) & (day < first + days)
        found[attacked.line[own]] = 1
    return found


def _records(state: SimulationState, month: int, events: UsageEvents, rated: RatedMonth) -> pa.Table:
    """The month's records as they reach the data."""
    first, days = state.calendar.first[month], state.calendar.length(month)
    gap = int(state.streams.get("feed").integers(30, 330))
    delivered = add_delay_and_errors(
        events, rated.cents, (first, days), gap, state.config.dirt, state.streams.get("dirt", month)
    )
    swap = state.streams.get("devices", month).random(len(state.device)) < 0.022
    state.device = state.device + swap + _swapped_devices(state, first, days)
    np.maximum.at(state.technology, events.line, events.technology)
    shares = app_shares(state.tastes, first, state.config.apps)
    apps = draw_apps(events, shares, state.config.apps, state.streams.get("apps", month))
    return usage_table(state, delivered, (state.device, apps[delivered.place], rated.throttled[delivered.place]))

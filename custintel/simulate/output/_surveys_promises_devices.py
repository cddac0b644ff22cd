"""Tables that follow from what is settled at the end of the simulation: promises to pay, dunning, surveys, devices.

The list of devices holds every device that a line has had, with a model that can do what the records of the line show.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from custintel.simulate.billing._payments_and_dunning import STAGES, OverdueBills, dunning_steps, make_promises
from custintel.simulate.output._arrow_tables import (
    arrow_table,
    boolean_column,
    date_column,
    dictionary_column,
    integer_column,
    money_column,
    running_ids,
    time_column,
)
from custintel.simulate.people._cells_and_mobility import TECHNOLOGIES

if TYPE_CHECKING:
    from custintel.simulate._operator import SimulationState
    from custintel.simulate._random_streams import Bools, Floats, Ints
    from custintel.simulate._simulation_config import SurveyConfig
    from custintel.simulate.behaviour._weekly_dynamics import WeekRecord


CHANNELS, CHANNEL_SHARES = ("sms", "app", "email", "call", "web"), (0.40, 0.25, 0.20, 0.10, 0.05)


@dataclass(frozen=True)
class Answers:
    """Answers of one week."""

    line: Ints
    second: Ints
    score: Ints
    channel: Ints


def ask(week: WeekRecord, config: SurveyConfig, rng: np.random.Generator) -> Answers:
    """Ask some of the active lines; most do not answer, the dissatisfied even less."""
    n = len(week.active)
    experience = week.experience
    asked = week.active & (rng.random(n) < config.a_year / 52)
    answers = rng.random(n) < answer_chance(experience.satisfaction, config)
    line = np.flatnonzero(asked & answers)
    mood = config.satisfaction * experience.satisfaction[line] - config.complaint * experience.complaint[line]
    score = np.rint(config.mean + mood + config.noise * rng.normal(size=len(line)))
    day = 7 * week.week + rng.integers(0, 7, len(line))
    return Answers(
        line=line,
        second=day * 86_400 + rng.integers(9 * 3600, 21 * 3600, len(line)),
        score=np.clip(score, 0, 10).astype(np.int64),
        channel=rng.choice(len(CHANNELS), len(line), p=CHANNEL_SHARES),
    )


def answer_chance(satisfaction: Floats, config: SurveyConfig) -> Floats:
    """Chance that somebody who is asked answers."""
    return np.asarray(1 / (1 + np.exp(-config.answer - config.answer_satisfaction * satisfaction)))


DEVICES_A_LINE = 12
DEVICE_KINDS = ("smartphone", "feature_phone", "router", "machine")
MAKERS = ("Arbor", "Boreal", "Cirrus", "Delta", "Elm")
MAKER_SHARES = (0.34, 0.26, 0.20, 0.12, 0.08)
YEARS = ((10.0, 18.0), (7.0, 14.0), (2.0, 9.0), (0.2, 5.0))  # before the start, by technology 2G to 5G [A]
MODELS = 30  # of each technology
ROUTER, MACHINE = 10, 17  # which of the models are no phones: about three devices in a hundred [A]
DUAL_SIM = (0.35, 0.30, 0.45, 0.55)  # [A]


@dataclass(frozen=True)
class Models:
    """Models by technology: arrays (4, MODELS), the newest first."""

    maker: Ints
    kind: Ints
    launch: Ints  # days since the start, negative
    dual_sim: Bools


def make_models(rng: np.random.Generator) -> Models:
    """Draw the models on the market."""
    shape = (len(YEARS), MODELS)
    low, high = np.array(YEARS).T
    years = np.sort(rng.uniform(low[:, None], high[:, None], shape), axis=1)
    kind = np.zeros(shape, dtype=np.int64)
    kind[0] = DEVICE_KINDS.index("feature_phone")  # 2G phones are no smartphones
    kind[:, ROUTER], kind[:, MACHINE] = DEVICE_KINDS.index("router"), DEVICE_KINDS.index("machine")
    return Models(
        maker=rng.choice(len(MAKERS), shape, p=MAKER_SHARES),
        kind=kind,
        launch=-np.ceil(years * 365.25).astype(np.int64),
        dual_sim=rng.random(shape) < np.array(DUAL_SIM)[:, None],
    )


def choose_models(number: Ints, rng: np.random.Generator) -> Ints:
    """Model of each device among those of its technology: a line's later devices are newer."""
    newest = MODELS * rng.beta(1.0, 1.6 + 0.4 * np.minimum(number, 5))
    return np.minimum(newest.astype(np.int64), MODELS - 1)


DAY = 86_400
NIGHT = 3 * 3600  # when the operator's books are closed


def _overdue(state: SimulationState) -> OverdueBills:
    """All bills with something to pay."""
    made = state.bills.made
    line, day = (np.concatenate([getattr(b, name) for b in made]) for name in ("line", "day"))
    cents, paid = np.concatenate([b.amount for b in made]), np.concatenate(state.payments.paid_day)
    barred = np.concatenate(state.payments.without_money)
    order = np.lexsort((day, line))
    order = order[cents[order] > 0]
    due = day + state.config.bills.due_days
    return OverdueBills(line[order], due[order], paid[order], cents[order], barred[order])


def promises(state: SimulationState) -> pa.Table:
    """Promises to pay, with their outcome if it was known before the end."""
    calendar, bills, rng = state.calendar, _overdue(state), state.streams.get("promises")
    discipline = state.world.population.traits["discipline"][bills.line]
    made = make_promises(bills, discipline, state.config.arrears, rng)
    second = made.day * DAY + rng.integers(8 * 3600, 20 * 3600, len(made.day))
    lag = rng.integers(60, DAY, len(second))
    settled = np.where(made.kept, bills.paid[made.bill], made.promised_day) * DAY + DAY + NIGHT
    still_open = settled >= calendar.total * DAY
    order = np.argsort(second, kind="stable")
    order = order[second[order] < calendar.total * DAY]
    rows = arrow_table(
        order,
        customer_id=state.names.customers.take(pa.array(bills.line[made.bill])),
        event_time=time_column(second, calendar),
        arrival_time=time_column(second + lag, calendar),
        amount=money_column(bills.cents[made.bill]),
        promised_date=date_column(made.promised_day, calendar),
        settled_time=time_column(np.where(still_open, 0, settled), calendar, still_open),
        kept=boolean_column(made.kept, still_open),
    )
    return rows.add_column(0, "promise_id", running_ids("Q", len(order)))


def dunning(state: SimulationState) -> pa.Table:
    """Steps against unpaid bills; warning and suspension come with the bars of the service."""
    calendar, config, rng = state.calendar, state.config, state.streams.get("dunning")
    soft, hard = (bar - config.bills.due_days for bar in (config.payments.soft_bar_days, config.payments.hard_bar_days))
    days = (config.arrears.reminder_days, soft, hard)
    line, day, stage = dunning_steps(_overdue(state), state.last, days)
    second = day * DAY + rng.integers(8 * 3600, 20 * 3600, len(day))
    lag = rng.integers(600, 2 * DAY, len(day))
    order = np.argsort(second, kind="stable")
    order = order[second[order] < calendar.total * DAY]
    rows = arrow_table(
        order,
        customer_id=state.names.customers.take(pa.array(line)),
        event_time=time_column(second, calendar),
        arrival_time=time_column(second + lag, calendar),
        stage=dictionary_column(stage, STAGES),
    )
    return rows.add_column(0, "dunning_id", running_ids("D", len(order)))


def surveys(state: SimulationState) -> pa.Table:
    """Answers to surveys."""
    calendar = state.calendar
    weeks = [w for w in state.dynamics.weekly if w.week >= 0]
    answers = [ask(w, state.config.surveys, state.streams.get("surveys", w.week)) for w in weeks]
    line, second, score, channel = (
        np.concatenate([getattr(a, name) for a in answers]) for name in ("line", "second", "score", "channel")
    )
    lag = state.streams.get("survey_lags").integers(60, 2 * DAY, len(line))
    order = np.argsort(second, kind="stable")
    inside = (second < calendar.total * DAY) & (second // DAY <= state.last[line])
    order = order[inside[order]]
    rows = arrow_table(
        order,
        customer_id=state.names.customers.take(pa.array(line)),
        event_time=time_column(second, calendar),
        arrival_time=time_column(second + lag, calendar),
        score=integer_column(score),
        channel=dictionary_column(channel, CHANNELS),
    )
    return rows.add_column(0, "survey_id", running_ids("S", len(order)))


def devices(state: SimulationState) -> pa.Table:
    """Every device that a line has had, in an order that tells nothing."""
    rng = state.streams.get("device_models")
    models = make_models(rng)
    shown = state.world.population.activation_day < state.calendar.total
    count = np.where(shown, np.minimum(state.device + 1, DEVICES_A_LINE), 0)
    line = np.repeat(np.arange(len(count)), count)
    number = np.arange(len(line)) - np.repeat(count.cumsum() - count, count)
    best = state.technology[line]
    model = choose_models(number, rng)
    maker, kind, launch, dual = (getattr(models, name)[best, model] for name in ("maker", "kind", "launch", "dual_sim"))
    label = [f"{MAKERS[m]} {TECHNOLOGIES[t]}-{i + 1:02d}" for m, t, i in zip(maker, best, model, strict=True)]
    return arrow_table(
        rng.permutation(len(line)),
        device_id=state.names.devices.take(pa.array(line * DEVICES_A_LINE + number)),
        maker=dictionary_column(maker, MAKERS),
        model=pa.array(label, pa.string()),
        kind=dictionary_column(kind, DEVICE_KINDS),
        technology=dictionary_column(best, TECHNOLOGIES),
        launch_date=date_column(launch, state.calendar),
        dual_sim=boolean_column(dual),
    )

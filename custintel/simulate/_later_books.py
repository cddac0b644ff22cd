"""Tables that follow from what is settled at the end: promises, dunning, surveys, devices."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from custintel.simulate import _devices, _surveys
from custintel.simulate._arrears import STAGES, Overdue, dunning_steps, make_promises
from custintel.simulate._cells import TECHNOLOGIES
from custintel.simulate._devices import DEVICES_A_LINE
from custintel.simulate._tables import codes, dates, flags, ids, integers, money, table, times

if TYPE_CHECKING:
    from custintel.simulate._operator import State

__all__ = ["devices", "dunning", "promises", "surveys"]

DAY = 86_400
NIGHT = 3 * 3600  # when the operator's books are closed


def _overdue(state: State) -> Overdue:
    """All bills with something to pay."""
    made = state.bills.made
    line, day = (np.concatenate([getattr(b, name) for b in made]) for name in ("line", "day"))
    cents, paid = np.concatenate([b.amount for b in made]), np.concatenate(state.payments.paid_day)
    barred = np.concatenate(state.payments.without_money)
    order = np.lexsort((day, line))
    order = order[cents[order] > 0]
    due = day + state.config.bills.due_days
    return Overdue(line[order], due[order], paid[order], cents[order], barred[order])


def promises(state: State) -> pa.Table:
    """Promises to pay, with their outcome if it was known before the end."""
    calendar, bills, rng = state.calendar, _overdue(state), state.streams.get("promises")
    discipline = state.world.population.traits["discipline"][bills.line]
    made = make_promises(bills, discipline, state.config.arrears, rng)
    second = made.day * DAY + rng.integers(8 * 3600, 20 * 3600, len(made.day))
    lag = rng.integers(60, DAY, len(second))
    settled = np.where(made.kept, bills.paid[made.bill], made.until) * DAY + DAY + NIGHT
    still_open = settled >= calendar.total * DAY
    order = np.argsort(second, kind="stable")
    order = order[second[order] < calendar.total * DAY]
    rows = table(
        order,
        customer_id=state.names.customers.take(pa.array(bills.line[made.bill])),
        event_time=times(second, calendar),
        arrival_time=times(second + lag, calendar),
        amount=money(bills.cents[made.bill]),
        promised_date=dates(made.until, calendar),
        settled_time=times(np.where(still_open, 0, settled), calendar, still_open),
        kept=flags(made.kept, still_open),
    )
    return rows.add_column(0, "promise_id", ids("Q", len(order)))


def dunning(state: State) -> pa.Table:
    """Steps against unpaid bills; warning and suspension come with the bars of the service."""
    calendar, config, rng = state.calendar, state.config, state.streams.get("dunning")
    soft, hard = (bar - config.bills.due_days for bar in (config.payments.soft_bar_days, config.payments.hard_bar_days))
    days = (config.arrears.reminder_days, soft, hard)
    line, day, stage = dunning_steps(_overdue(state), state.last, days)
    second = day * DAY + rng.integers(8 * 3600, 20 * 3600, len(day))
    lag = rng.integers(600, 2 * DAY, len(day))
    order = np.argsort(second, kind="stable")
    order = order[second[order] < calendar.total * DAY]
    rows = table(
        order,
        customer_id=state.names.customers.take(pa.array(line)),
        event_time=times(second, calendar),
        arrival_time=times(second + lag, calendar),
        stage=codes(stage, STAGES),
    )
    return rows.add_column(0, "dunning_id", ids("D", len(order)))


def surveys(state: State) -> pa.Table:
    """Answers to surveys."""
    calendar = state.calendar
    weeks = [w for w in state.dynamics.weekly if w.week >= 0]
    answers = [_surveys.ask(w, state.config.surveys, state.streams.get("surveys", w.week)) for w in weeks]
    line, second, score, channel = (
        np.concatenate([getattr(a, name) for a in answers]) for name in ("line", "second", "score", "channel")
    )
    lag = state.streams.get("survey_lags").integers(60, 2 * DAY, len(line))
    order = np.argsort(second, kind="stable")
    inside = (second < calendar.total * DAY) & (second // DAY <= state.last[line])
    order = order[inside[order]]
    rows = table(
        order,
        customer_id=state.names.customers.take(pa.array(line)),
        event_time=times(second, calendar),
        arrival_time=times(second + lag, calendar),
        score=integers(score),
        channel=codes(channel, _surveys.CHANNELS),
    )
    return rows.add_column(0, "survey_id", ids("S", len(order)))


def devices(state: State) -> pa.Table:
    """Every device that a line has had, in an order that tells nothing."""
    rng = state.streams.get("device_models")
    models = _devices.make_models(rng)
    shown = state.world.population.activation_day < state.calendar.total
    count = np.where(shown, np.minimum(state.device + 1, DEVICES_A_LINE), 0)
    line = np.repeat(np.arange(len(count)), count)
    number = np.arange(len(line)) - np.repeat(count.cumsum() - count, count)
    best = state.technology[line]
    model = _devices.choose_models(number, rng)
    maker, kind, launch, dual = (getattr(models, name)[best, model] for name in ("maker", "kind", "launch", "dual_sim"))
    label = [f"{_devices.MAKERS[m]} {TECHNOLOGIES[t]}-{i + 1:02d}" for m, t, i in zip(maker, best, model, strict=True)]
    return table(
        rng.permutation(len(line)),
        device_id=state.names.devices.take(pa.array(line * DEVICES_A_LINE + number)),
        maker=codes(maker, _devices.MAKERS),
        model=pa.array(label, pa.string()),
        kind=codes(kind, _devices.KINDS),
        technology=codes(best, TECHNOLOGIES),
        launch_date=dates(launch, state.calendar),
        dual_sim=flags(dual),
    )

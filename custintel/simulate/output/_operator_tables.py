"""The operator's tables and the truth, from the state at the end of the simulation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from custintel.simulate._simulated_days import NEVER
from custintel.simulate.behaviour import _care_contacts as _care
from custintel.simulate.billing import _payments_and_dunning as _payments
from custintel.simulate.billing import _prepaid_recharges as _recharges
from custintel.simulate.billing._rating_and_bills import PARTS
from custintel.simulate.fraud import _fraud_cases as _cases
from custintel.simulate.fraud._attacks_and_look_alikes import ATTACKS
from custintel.simulate.output._addons_and_consents import addons, consents
from custintel.simulate.output._arrow_tables import (
    Column,
    arrow_table,
    boolean_column,
    date_column,
    dictionary_column,
    float_column,
    integer_column,
    money_column,
    running_ids,
    share_column,
    time_column,
)
from custintel.simulate.output._surveys_promises_devices import DEVICES_A_LINE, devices, dunning, promises, surveys
from custintel.simulate.people._cells_and_mobility import CELL_KINDS, COUNTRIES, TECHNOLOGIES
from custintel.simulate.people._contact_network import DESTINATIONS, FOREIGN_PREFIXES
from custintel.simulate.people._population import MOBILE_PREFIXES, OPERATORS
from custintel.simulate.usage._data_sessions import APPS

if TYPE_CHECKING:
    from custintel.simulate._operator import SimulationState
    from custintel.simulate._random_streams import Bools, Bytes, Ints, Singles
    from custintel.simulate.output._delay_and_dirt import DeliveredRecords


SERVICES, DIRECTIONS = ("voice", "sms", "data"), ("in", "out")
SEGMENTS, SEGMENT_CODES = ("consumer", "business", "key_account"), np.array([0, 0, 1, 2])
CHANNELS, CHANNEL_SHARES = ("shop", "web", "dealer", "telesales"), (0.35, 0.25, 0.30, 0.10)
DEALERS, CROOKED_DEALERS = 40, 2
CAUSES = ("voluntary", "port_out", "involuntary", "sim_swap", "number_change", "transfer", "death")
DAY = 86_400
UNIT_COSTS = (
    ("voice_minute_on_net", "min", 0.002), ("voice_minute_off_net", "min", 0.010), ("voice_minute_fixed", "min", 0.012),
    ("voice_minute_international", "min", 0.090), ("termination_revenue_minute", "min", -0.008), ("sms", "sms", 0.003),
    ("data_gb", "GB", 0.10), ("roaming_minute", "min", 0.12), ("roaming_gb", "GB", 1.2), ("care_call", "contact", 6.0),
    ("care_shop", "contact", 5.0), ("care_chat", "contact", 2.5), ("care_web", "contact", 0.1),
    ("care_app", "contact", 0.1),
    ("acquisition_prepaid", "line", 25.0), ("acquisition_postpaid", "line", 90.0), ("bill", "bill", 0.3),
    ("recharge_commission_share", "share", 0.04), ("overhead_month", "line", 3.0),
)  # fmt: skip


def operator_tables(state: SimulationState, chunks: list[pa.Table]) -> dict[str, pa.Table]:
    """All tables."""
    return {
        "customers": _customers(state),
        "accounts": _accounts(state),
        "plans": _plans(state),
        "subscriptions": _subscriptions(state),
        "usage": pa.concat_tables(chunks),
        "bills": _bills(state),
        "payments": _payments_table(state),
        "promises": promises(state),
        "dunning": dunning(state),
        "recharges": _recharges_table(state),
        "care": _care_table(state),
        "surveys": surveys(state),
        "devices": devices(state),
        "offers": _offers(state),
        "contacts": _contacts(state),
        "cells": _cells(state),
        "cell_kpis": _cell_kpis(state),
        "numbering": _numbering(),
        "terminations": _terminations(state),
        "cases": _case_table(state),
        "unit_costs": _unit_costs(),
        "addons": addons(state),
        "consents": consents(state),
    }


def usage_table(state: SimulationState, delivered: DeliveredRecords, details: tuple[Ints, Bytes, Bools]) -> pa.Table:
    """Records of one month; `details`: device number of each line, app of each record, whether it was throttled."""
    device, app, throttled = details
    events, calendar, names = delivered.events, state.calendar, state.names
    is_data = events.other < 0
    event_time = calendar.times(events.time)
    event_time[delivered.epoch] = np.datetime64("1970-01-01", "us")
    cell = np.where(delivered.unknown_cell & (events.cell >= 0), len(names.cells) - 1, events.cell)
    user = events.line if state.extended is None else state.extended.shared_device[events.line]
    devices = np.where(delivered.device, user * DEVICES_A_LINE + device[user] % DEVICES_A_LINE, -1)
    return arrow_table(
        customer_id=dictionary_column(events.line, names.customers),
        event_time=pa.array(event_time),
        arrival_time=time_column(delivered.arrival, calendar),
        service=dictionary_column(events.service, SERVICES),
        direction=dictionary_column(events.direction, DIRECTIONS),
        other_party=dictionary_column(events.other, names.numbers),
        duration_s=pa.array(events.duration_s),
        data_mb=pa.array(events.data_mb, mask=~is_data),
        app=dictionary_column(app, APPS),
        throttled=boolean_column(throttled, ~is_data),
        answered=boolean_column(events.answered, events.service != 0),
        other_operator=dictionary_column(np.where(is_data, -1, events.other_operator), OPERATORS),
        destination=dictionary_column(np.where(is_data, -1, events.destination), DESTINATIONS),
        cell_id=dictionary_column(cell, names.cells),
        technology=dictionary_column(events.technology, TECHNOLOGIES),
        roaming_country=dictionary_column(events.roaming, COUNTRIES),
        device_id=dictionary_column(devices, names.devices),
        charge=money_column(delivered.cents),
    )


def _customers(state: SimulationState) -> pa.Table:
    population, names, calendar = state.world.population, state.names, state.calendar
    rng = state.streams.get("customers")
    n = population.n
    channel = rng.choice(len(CHANNELS), n, p=CHANNEL_SHARES)
    dealer = rng.integers(0, DEALERS, n)
    crooked = state.fraud.kind == _cases.DEALER
    channel = np.where(crooked, CHANNELS.index("dealer"), channel)
    dealer = np.where(crooked, dealer % CROOKED_DEALERS, dealer)
    dealer = np.where(channel == CHANNELS.index("dealer"), dealer, -1)
    prepaid = population.segment == 0
    no_birth = rng.random(n) < state.config.dirt.missing_birth_year * np.where(prepaid, 1.7, 0.3)
    shown = population.activation_day < calendar.total
    household = np.unique(population.household, return_inverse=True)[1]
    return _visible_rows(shown, arrow_table(
        customer_id=names.customers.take(pa.array(np.arange(n))),
        account_id=names.accounts.take(pa.array(population.account)),
        msisdn=pa.array(population.msisdn.tolist(), pa.string()),
        billing_type=dictionary_column(np.where(prepaid, 0, 1), ("prepaid", "postpaid")),
        segment=dictionary_column(SEGMENT_CODES[population.segment], SEGMENTS),
        activation_date=date_column(population.activation_day, calendar),
        birth_year=integer_column(calendar.start.year - population.age, no_birth),
        household_id=pa.array([f"H{i:06d}" for i in household.tolist()]),
        region=pa.array([f"region_{i + 1}" for i in population.region.tolist()]),
        acquisition_channel=dictionary_column(channel, CHANNELS),
        dealer_id=dictionary_column(dealer, [f"D{i + 1:03d}" for i in range(DEALERS)]),
        ported_from=dictionary_column(np.where(population.ported_in, population.elsewhere, -1), OPERATORS),
    ), names.order)  # fmt: skip


def _visible_rows(keep: Bools, made: pa.Table, order: Ints) -> pa.Table:
    """Rows of lines that appear at all, in an order that tells nothing."""
    return made.take(pa.array(order[keep[order]]))


def _accounts(state: SimulationState) -> pa.Table:
    accounts, names = state.accounts, state.names
    n = len(accounts.cycle)
    return arrow_table(
        np.flatnonzero(accounts.opened < state.calendar.total),
        account_id=names.accounts.take(pa.array(np.arange(n))),
        opened_date=date_column(accounts.opened, state.calendar),
        account_type=dictionary_column(SEGMENT_CODES[accounts.kind], SEGMENTS),
        billing_cycle_day=integer_column(accounts.cycle),
        payment_mode=dictionary_column(np.where(accounts.automatic, 0, 1), ("automatic", "manual")),
        credit_score=float_column(accounts.score, accounts.kind == 0),
    )


def _plans(state: SimulationState) -> pa.Table:
    plans = state.config.plans.plans
    validity = state.config.recharges.validity_days
    prepaid = np.array([plan.billing_type == "prepaid" for plan in plans])
    return arrow_table(
        plan_id=pa.array([plan.plan_id for plan in plans]),
        name=pa.array([plan.plan_id.replace("_", " ").title() for plan in plans]),
        billing_type=pa.array([plan.billing_type for plan in plans]),
        monthly_fee=float_column(np.array([plan.fee for plan in plans])),
        included_minutes=float_column(np.array([plan.minutes for plan in plans])),
        included_sms=float_column(np.array([plan.sms for plan in plans])),
        included_data_mb=float_column(np.array([plan.data_gb * 1000 for plan in plans])),
        price_per_minute=float_column(np.array([plan.per_minute for plan in plans])),
        price_per_sms=float_column(np.array([plan.per_sms for plan in plans])),
        price_per_gb=float_column(np.array([plan.per_gb for plan in plans])),
        validity_days=integer_column(np.full(len(plans), validity), ~prepaid),
    )


def _subscriptions(state: SimulationState) -> pa.Table:
    log, calendar = state.dynamics.subscriptions, state.calendar
    line, start = log.column("line").astype(np.int64), log.column("start").astype(np.int64)
    order = np.lexsort((line, start))
    order = order[start[order] < calendar.total]
    months, end = log.column("contract_months").astype(np.int64), log.column("contract_end").astype(np.int64)
    discount = log.column("discount_share")
    discount_end = np.where(discount > 0, log.column("discount_end"), NEVER).astype(np.int64)
    rows = arrow_table(
        order,
        customer_id=state.names.customers.take(pa.array(line)),
        plan_id=pa.array([plan.plan_id for plan in state.config.plans.plans]).take(
            pa.array(log.column("plan").astype(np.int64))
        ),
        start_date=date_column(start, calendar),
        arrival_time=time_column(np.maximum(start, 0) * DAY, calendar, np.ones(len(line), dtype=bool)),
        contract_months=integer_column(months),
        contract_end_date=date_column(np.where(months > 0, end, NEVER), calendar),
        discount_share=share_column(np.asarray(discount, dtype=float)),
        discount_end_date=date_column(discount_end, calendar),
        device_instalment=money_column(log.column("device").astype(np.int64)),
    )
    known = state.world.population.activation_day[line[order]] < calendar.total
    return rows.filter(pa.array(known))


def _bills(state: SimulationState) -> pa.Table:
    made, population, calendar = state.bills.made, state.world.population, state.calendar
    line, day = (np.concatenate([getattr(b, name) for b in made]) for name in ("line", "day"))
    start, end = (np.concatenate([getattr(b, name) for b in made]) for name in ("start", "end"))
    parts = np.concatenate([b.parts for b in made])
    rng = state.streams.get("bill_times")
    made_at = day * DAY + rng.integers(3600, 5 * 3600, len(day))
    columns = {name: money_column(parts[:, i]) for i, name in enumerate(PARTS)}
    premium = parts[:, PARTS.index("premium_charge")]
    columns["premium_charge"] = money_column(premium)
    return arrow_table(
        bill_id=running_ids("B", len(line)),
        customer_id=state.names.customers.take(pa.array(line)),
        account_id=state.names.accounts.take(pa.array(population.account[line])),
        event_time=time_column(made_at, calendar),
        arrival_time=time_column(made_at + 6 * 3600, calendar),
        period_start=date_column(start, calendar),
        period_end=date_column(end, calendar),
        due_date=date_column(day + state.config.bills.due_days, calendar),
        amount=money_column(parts.sum(axis=1)),
        **columns,
    )


def _payments_table(state: SimulationState) -> pa.Table:
    population, calendar = state.world.population, state.calendar
    offsets = np.cumsum([0, *(len(b.line) for b in state.bills.made)])
    bill = np.concatenate([p.bill + o for p, o in zip(state.payments.made, offsets, strict=False)])
    day = np.concatenate([p.day for p in state.payments.made])
    ok = np.concatenate([p.ok for p in state.payments.made])
    line, bill_day = (np.concatenate([getattr(b, name) for b in state.bills.made])[bill] for name in ("line", "day"))
    amount = np.concatenate([b.amount for b in state.bills.made])[bill]
    rng = state.streams.get("payment_times")
    second = day * DAY + rng.integers(6 * 3600, 22 * 3600, len(day))
    order = np.argsort(second, kind="stable")
    order = order[day[order] < calendar.total]
    made = arrow_table(
        order,
        customer_id=state.names.customers.take(pa.array(line)),
        account_id=state.names.accounts.take(pa.array(population.account[line])),
        bill_id=running_ids("B", int(offsets[-1])).take(pa.array(bill)),
        event_time=time_column(second, calendar),
        arrival_time=time_column(second + rng.integers(0, 2 * DAY, len(day)), calendar),
        amount=money_column(amount),
        method=dictionary_column(state.accounts.method[population.account[line]], _payments.METHODS),
        status=dictionary_column(np.where(ok, 0, 1), ("ok", "failed")),
        due_date=date_column(bill_day + state.config.bills.due_days, calendar),
    )
    return made.add_column(0, "payment_id", running_ids("P", len(order)))


def _recharges_table(state: SimulationState) -> pa.Table:
    wallets, calendar = state.wallets, state.calendar
    at, day, second, cents, before, channel = (wallets.column(i) for i in range(6))
    return arrow_table(
        recharge_id=running_ids("R", len(at)),
        customer_id=state.names.customers.take(pa.array(wallets.line[at])),
        event_time=time_column(day * DAY + second, calendar),
        arrival_time=time_column(day * DAY + second + 600, calendar),
        amount=money_column(cents),
        channel=dictionary_column(channel, _recharges.CHANNELS),
        validity_days=integer_column(np.full(len(at), state.config.recharges.validity_days)),
        balance_before=money_column(before),
    )


def _care_table(state: SimulationState) -> pa.Table:
    log, calendar = state.dynamics.care, state.calendar
    second, line = log.column("second"), log.column("line")
    order = np.argsort(second, kind="stable")
    inside = (second < calendar.total * DAY) & (second // DAY <= state.last[line])
    order = order[inside[order]]
    resolved, solved = log.column("resolved"), log.column("solved")
    made = arrow_table(
        order,
        customer_id=state.names.customers.take(pa.array(line)),
        event_time=time_column(second, calendar),
        arrival_time=time_column(second + 900, calendar),
        channel=dictionary_column(log.column("channel"), _care.CHANNELS),
        kind=dictionary_column(log.column("kind"), _care.CONTACT_KINDS),
        topic=dictionary_column(log.column("topic"), state.config.care.topics),
        reopened=boolean_column(log.column("reopened") > 0),
        resolved_time=time_column(resolved, calendar, (resolved < 0) | (resolved >= calendar.total * DAY)),
        solved_well=boolean_column(solved > 0, (solved < 0) | (resolved >= calendar.total * DAY)),
    )
    return made.add_column(0, "care_id", running_ids("K", len(order)))


def _offers(state: SimulationState) -> pa.Table:
    offers = state.config.campaigns.offers
    return arrow_table(
        offer_id=pa.array([offer.offer_id for offer in offers]),
        name=pa.array([offer.name for offer in offers]),
        kind=pa.array([offer.kind for offer in offers]),
        cost=float_column(np.array([offer.cost for offer in offers])),
        price=float_column(np.zeros(len(offers))),
    )


def _contacts(state: SimulationState) -> pa.Table:
    calendar, offers = state.calendar, state.config.campaigns.offers
    log = state.dynamics.campaigns.campaigns
    empty = np.zeros(0, dtype=np.int64)

    def column(name: str) -> Ints:
        return np.concatenate([empty, *(getattr(c, name) for c in log)])

    count = [len(c.line) for c in log]
    number, offer = (
        np.repeat([getattr(c, name) for c in log], count).astype(np.int64) for name in ("campaign", "offer")
    )
    line, second, response = (
        column("line").astype(np.int64),
        column("second").astype(np.int64),
        column("response").astype(np.int64),
    )
    treated = column("treated") > 0
    cost = np.array([o.contact_cost for o in offers])[offer] * treated
    made = arrow_table(
        contact_id=running_ids("N", len(line)),
        customer_id=state.names.customers.take(pa.array(line)),
        event_time=time_column(second, calendar),
        arrival_time=time_column(second, calendar),
        campaign_id=pa.array([f"campaign_{i + 1}" for i in number.tolist()], pa.string()),
        offer_id=_of_offer(offer, [o.offer_id for o in offers]),
        channel=_of_offer(offer, [o.channel for o in offers]),
        control=boolean_column(~treated),
        propensity=share_column(column("propensity").astype(float)),
        cost=float_column(cost),
        response_time=time_column(response, calendar, (response < 0) | (response >= calendar.total * DAY)),
    )
    if state.dynamics.chosen is None:
        return made
    names = np.repeat([c.policy for c in log], count).tolist()
    own = [np.full(len(c.line), None) if c.names is None else c.names for c in log]
    ids = pa.array(np.concatenate([np.zeros(0, dtype=object), *own]), pa.string())
    made = made.set_column(0, "contact_id", pc.coalesce(ids, made["contact_id"]))
    return made.append_column("policy", pa.array(names, pa.string()))


def _of_offer(offer: Ints, names: list[str]) -> Column:
    """A name for each offer; missing where there was none."""
    return pa.array([None if i < 0 else names[i] for i in offer.tolist()], pa.string())


def _cells(state: SimulationState) -> pa.Table:
    cells = state.world.cells
    return arrow_table(
        cell_id=state.names.cells.slice(0, cells.n),
        latitude=float_column(np.round(cells.latitude, 5)),
        longitude=float_column(np.round(cells.longitude, 5)),
        technology=dictionary_column(cells.technology, TECHNOLOGIES),
        kind=dictionary_column(cells.kind, CELL_KINDS),
        region=pa.array([f"region_{i + 1}" for i in cells.region.tolist()]),
    )


def _cell_kpis(state: SimulationState) -> pa.Table:
    cells, days = state.kpis.load.shape

    def kpi(values: Singles) -> Column:
        return share_column(values.T.ravel().astype(float))

    cell, day = np.tile(np.arange(cells), days), np.repeat(np.arange(days), cells)
    return arrow_table(
        cell_id=dictionary_column(cell, state.names.cells.slice(0, cells)),
        event_time=time_column(day * DAY, state.calendar),
        arrival_time=time_column(day * DAY + DAY + 7200, state.calendar),
        drop_rate=kpi(state.kpis.drop_rate),
        busy_hour_load=kpi(state.kpis.load),
        throughput_mbps=kpi(state.kpis.throughput),
        outage_hours=kpi(np.minimum(state.kpis.outage_hours, np.float32(24))),
    )


def _numbering() -> pa.Table:
    rows = [(prefix, OPERATORS[i], "home", "mobile", 0.0) for i, prefix in enumerate(MOBILE_PREFIXES)]
    rows += [("8881", "fixed", "home", "fixed", 0.0), ("8888", "service", "home", "service", 0.0)]
    rows += [("888900", "service", "home", "premium", 0.6), ("100", "service", "home", "service", 0.0)]
    rows += [(p, "foreign", c, "mobile", 0.05) for p, c in zip(FOREIGN_PREFIXES, COUNTRIES, strict=True)]
    prefix, operator, country, kind, risk = (list(column) for column in zip(*rows, strict=True))
    return pa.table({"prefix": prefix, "operator": operator, "country": country, "kind": kind, "risk": risk})


def _terminations(state: SimulationState) -> pa.Table:
    rows = termination_rows(state)
    line, second, lag, cause, destination = (np.concatenate(column) for column in zip(*rows, strict=True))
    order = np.lexsort((line, second))
    order = order[second[order] < state.calendar.total * DAY]
    return arrow_table(
        order,
        customer_id=state.names.customers.take(pa.array(line)),
        event_time=time_column(second, state.calendar),
        arrival_time=time_column(second + lag, state.calendar),
        cause=dictionary_column(cause, CAUSES),
        destination_operator=dictionary_column(destination, OPERATORS),
    )


def termination_rows(state: SimulationState) -> list[tuple[Ints, Ints, Ints, Ints, Ints]]:
    """Ends of lines and events that only look like ends: line, second, arrival lag, cause, destination."""
    population, config = state.world.population, state.config
    rng = state.streams.get("terminations")
    n = population.n
    cause, _ = ends(state)
    clock, lag = rng.integers(8 * 3600, 20 * 3600, n), rng.integers(0, 5 * DAY, n)
    wrong = rng.random(n) < config.dirt.wrong_causes
    ported = (cause == 1) & (state.postpaid | (rng.random(n) < config.churn.port_out_prepaid))
    rows: list[tuple[Ints, Ints, Ints, Ints, Ints]] = []
    for code, chosen, day in (
        (0, (cause == 0) & state.postpaid, state.dynamics.exit), (1, ported, state.dynamics.exit),
        (2, cause == 2, state.involuntary), (6, cause == 6, state.death),
    ):  # fmt: skip
        line = np.flatnonzero(chosen)
        shown = np.where(wrong[line] & (code < 2), 2, code)
        to = np.where((code == 1) & (shown == 1), population.elsewhere[line], -1)
        rows.append((line, day[line] * DAY + clock[line], lag[line], shown, to))
    months = state.calendar.months
    for code, rate in ((3, config.churn.sim_swaps), (4, config.churn.number_changes), (5, config.churn.transfers)):
        day = rng.integers(0, state.calendar.total, n)
        here = (day >= population.activation_day) & (day <= state.last)
        line = np.flatnonzero((rng.random(n) < rate * months) & here)
        rows.append(
            (line, day[line] * DAY + clock[line], lag[line] // 50, np.full(len(line), code), np.full(len(line), -1))
        )
    return rows


def ends(state: SimulationState) -> tuple[Ints, Ints]:
    """Cause and last day of each line that ends within the data; cause -1 if it does not, 7 for fraud lines."""
    exits, population = state.dynamics.exit, state.world.population
    days = np.stack(
        [exits, state.involuntary, state.death, np.where(state.fraud.end < NEVER, state.fraud.end + 1, NEVER)]
    )
    which, day = days.argmin(axis=0), days.min(axis=0)
    own = np.where(population.keeps_number, 1, 0)
    cause = np.choose(which, [own, 2, 6, 7])
    cause = np.where((day >= state.calendar.total) | (population.activation_day >= state.calendar.total), -1, cause)
    return cause, day


def _case_table(state: SimulationState) -> pa.Table:
    fraud, calendar = state.fraud, state.calendar
    rng = state.streams.get("cases")
    found = np.flatnonzero((fraud.kind >= 0) & (fraud.detected < calendar.total))
    honest = np.flatnonzero((fraud.kind < 0) & (state.world.population.activation_day < calendar.total - 10))
    false = rng.choice(
        honest, min(rng.binomial(max(len(found), 1), state.config.fraud.false_labels), len(honest)), replace=False
    )
    owed, written = _write_offs(state)
    arrears = np.flatnonzero(written < calendar.total)
    line = np.concatenate([found, false, arrears])
    start = np.maximum(state.world.population.activation_day[false], 0)
    false_day = start + (rng.random(len(false)) * (calendar.total - start)).astype(np.int64)
    day = np.concatenate([fraud.detected[found], false_day, written[arrears]])
    kinds = (*_cases.FRAUD_KINDS, "arrears", *ATTACKS)
    kind = np.concatenate(
        [fraud.kind[found], rng.integers(0, 2, len(false)), np.full(len(arrears), len(_cases.FRAUD_KINDS))]
    )
    loss = np.concatenate([rng.lognormal(4.5, 0.8, len(found)), np.zeros(len(false)), owed[arrears] / 100])
    second = day * DAY + rng.integers(9 * 3600, 18 * 3600, len(day))
    if state.extended is not None:
        loss[: len(found)] = np.where(state.extended.loss[found] > 0, state.extended.loss[found], loss[: len(found)])
        line, second, kind, loss = _with_attacks(state, (line, second, kind, loss))
    order = np.argsort(second, kind="stable")
    made = arrow_table(
        order,
        customer_id=state.names.customers.take(pa.array(line)),
        event_time=time_column(second, calendar),
        arrival_time=time_column(second + 3600, calendar),
        kind=dictionary_column(kind, kinds),
        loss=float_column(np.round(loss, 2)),
    )
    return made.add_column(0, "case_id", running_ids("F", len(order)))


def _with_attacks(state: SimulationState, rows: tuple[Any, ...]) -> tuple[Any, ...]:
    """Cases of honest lines that were struck, beside the others: line, second, kind, loss."""
    assert state.extended is not None
    attacked = state.extended.attacks
    found = np.flatnonzero(attacked.detected < state.calendar.total)
    second = attacked.detected[found] * DAY + state.streams.get("cases_more").integers(9 * 3600, 18 * 3600, len(found))
    kind = len(_cases.FRAUD_KINDS) + 1 + attacked.kind[found]
    new = (attacked.line[found], second, kind, attacked.loss[found])
    return tuple(np.concatenate([old, new]) for old, new in zip(rows, new, strict=True))


def _write_offs(state: SimulationState) -> tuple[Ints, Ints]:
    """Cents never paid and day of the write-off, by line."""
    n = state.world.population.n
    owed, day = np.zeros(n, dtype=np.int64), np.full(n, NEVER)
    for bills, paid in zip(state.bills.made, state.payments.paid_day, strict=True):
        lost = paid >= NEVER
        owed += np.bincount(bills.line[lost], bills.amount[lost], n).astype(np.int64)
        np.minimum.at(day, bills.line[lost], bills.day[lost] + state.config.payments.write_off_days)
    return owed, day


def _unit_costs() -> pa.Table:
    item, unit, cost = (list(column) for column in zip(*UNIT_COSTS, strict=True))
    return pa.table({"item": item, "unit": unit, "cost": cost})

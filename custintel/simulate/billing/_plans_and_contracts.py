"""Tariffs, and who holds which: the plan fits last year's need plus an error; contracts, devices and promotions."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from custintel.simulate._simulated_days import NEVER

if TYPE_CHECKING:
    from custintel.simulate._random_streams import Bools, Floats, Ints, RandomStreams, Singles
    from custintel.simulate._simulation_config import PlansConfig
    from custintel.simulate.people._contact_network import Network
    from custintel.simulate.people._make_world import World
    from custintel.simulate.people._population import Population


TAX = 1.2  # postpaid prices include it; charges do not
MINUTES_A_CALL, RECORDS_A_SEED, TEXTS_A_SEED = 1.6, 1.3, 7.6
DAYS_A_MONTH = 30.4375
SLOW_MB = 0.03  # cents that a slow MB beyond the allowance is felt to cost


@dataclass(frozen=True)
class Tariffs:
    """The plans as arrays; money in cents without tax."""

    prepaid: Ints
    fee: Floats
    seconds: Floats
    sms: Floats
    mb: Floats
    per_second: Floats
    per_sms: Floats
    per_mb: Floats


def make_tariffs(config: PlansConfig) -> Tariffs:
    """Turn the plans of the configuration into arrays."""
    prepaid = np.array([plan.billing_type == "prepaid" for plan in config.plans])
    cents = np.where(prepaid, 100.0, 100.0 / TAX)

    def column(name: str) -> Floats:
        return np.array([getattr(plan, name) for plan in config.plans], dtype=float)

    return Tariffs(
        prepaid=prepaid.astype(np.int8),
        fee=np.rint(column("fee") * cents),
        seconds=column("minutes") * 60,
        sms=column("sms"),
        mb=column("data_gb") * 1000,
        per_second=column("per_minute") * cents / 60,
        per_sms=column("per_sms") * cents,
        per_mb=column("per_gb") * cents / 1000,
    )


@dataclass
class SubscriptionLog:
    """Rows of the table `subscriptions`, as they come about."""

    rows: list[dict[str, Ints | Floats]] = field(default_factory=list)

    def add(self, current_plans: CurrentPlans, lines: Ints, start: Ints) -> None:
        """Note the present holding of some lines, in force from `start`."""
        self.rows.append(
            {
                "line": lines,
                "start": np.broadcast_to(start, lines.shape).copy(),
                **{name: getattr(current_plans, name)[lines].copy() for name in CurrentPlans.columns},
            }
        )

    def column(self, name: str) -> Ints | Floats:
        """All values of one column."""
        return np.concatenate([row[name] for row in self.rows])


@dataclass
class CurrentPlans:
    """What each line holds now; days count from the start, money in cents."""

    plan: Ints
    contract_months: Ints
    contract_end: Ints  # last day; -NEVER without any
    discount_share: Floats
    discount_end: Ints
    device: Ints  # cents a month
    promotion: Ints  # 1 if the discount came with a contract
    columns: ClassVar[tuple[str, ...]] = (
        "plan",
        "contract_months",
        "contract_end",
        "discount_share",
        "discount_end",
        "device",
    )

    def commit(self, lines: Ints, start: Ints, config: PlansConfig, rng: np.random.Generator) -> None:
        """Begin a new contract on a day, perhaps with a device and a promotion."""
        months = rng.choice(config.contract_months[1:], len(lines), p=_shares(config.contract_shares[1:]))
        self.contract_months[lines] = months
        self.contract_end[lines] = start + np.rint(months * 30.4375).astype(np.int64) - 1
        device = config.device_monthly[0] * rng.lognormal(0, config.device_monthly[1], len(lines))
        bundled = rng.random(len(lines)) < config.device_share
        self.device[lines] = np.where(bundled, np.rint(device * 2) * 50, 0).astype(np.int64)
        promoted = rng.random(len(lines)) < config.promotion
        share = rng.choice(config.promotion_share, len(lines))
        length = rng.choice(config.promotion_months, len(lines))
        self.discount_share[lines] = np.where(promoted, share, 0.0)
        self.discount_end[lines] = np.where(promoted, start + np.rint(length * 30.4375).astype(np.int64) - 1, -NEVER)
        self.promotion[lines] = promoted


def expected_need(world: World) -> Floats:
    """Minutes, texts and MB a month that each line is expected to use: array (n, 3)."""
    network, n = world.network, world.population.n
    voice = _events_sent(network.voice_out, network.voice_in, network, n) * RECORDS_A_SEED * MINUTES_A_CALL
    texts = _events_sent(network.text_out, network.text_in, network, n) * TEXTS_A_SEED / 2
    spread = np.exp(world.config.usage.data.volume_sd**2 / 2)
    data = DAYS_A_MONTH * world.data_levels.sessions * world.data_levels.session_mb * spread
    return np.column_stack([voice, texts, data])


def make_current_plans(
    population: Population, need: Floats, tariffs: Tariffs, config: PlansConfig, streams: RandomStreams
) -> tuple[CurrentPlans, SubscriptionLog]:
    """Give each line a plan and, if postpaid, perhaps a contract; the log holds the first row of each line."""
    rng = streams.get("plans")
    n = population.n
    postpaid = population.segment > 0
    current_plans = CurrentPlans(
        plan=_choose_plan(postpaid, need, tariffs, config, rng),
        contract_months=np.zeros(n, dtype=np.int64),
        contract_end=np.full(n, -NEVER),
        discount_share=np.zeros(n),
        discount_end=np.full(n, -NEVER),
        device=np.zeros(n, dtype=np.int64),
        promotion=np.zeros(n, dtype=np.int64),
    )
    committed = np.flatnonzero(postpaid & (rng.random(n) >= config.contract_shares[0]))
    start = _contract_start(population.activation_day[committed], config, rng)
    current_plans.commit(committed, start, config, rng)
    first = population.activation_day.copy()
    first[committed] = start
    log = SubscriptionLog()
    log.add(current_plans, np.arange(n), first)
    return current_plans, log


def _shares(weights: tuple[float, ...]) -> Floats:
    total = np.array(weights)
    return np.asarray(total / total.sum())


def _events_sent(out: Singles, back: Singles, network: Network, n: int) -> Floats:
    """What each line starts, whichever side of the tie it stands on."""
    on_net = (network.alter >= 0) & (network.alter < n)
    mine = np.bincount(network.ego, out, n)
    theirs = np.bincount(network.alter[on_net], back[on_net], n)
    return np.asarray(mine + theirs)


def _choose_plan(
    postpaid: Bools, need: Floats, tariffs: Tariffs, config: PlansConfig, rng: np.random.Generator
) -> Ints:
    """Cheapest plan for the need as the customer remembers it; some hold a plan that never fitted."""
    felt = need * rng.lognormal(0, config.need_error, need.shape)
    allowance = np.stack([tariffs.seconds / 60, tariffs.sms, tariffs.mb])
    price = np.stack([tariffs.per_second * 60, tariffs.per_sms, np.where(tariffs.per_mb > 0, tariffs.per_mb, SLOW_MB)])
    over = np.maximum(felt[:, :, None] - allowance[None], 0)
    cost = tariffs.fee + (over * price[None]).sum(axis=1)
    cost[postpaid[:, None] == (tariffs.prepaid[None] == 1)] = np.inf
    best = cost.argmin(axis=1)
    unfit = rng.random(len(best)) < config.unsuitable
    other = np.where(np.isinf(cost), -1.0, rng.random(cost.shape)).argmax(axis=1)
    return np.asarray(np.where(unfit, other, best))


def _contract_start(activation: Ints, config: PlansConfig, rng: np.random.Generator) -> Ints:
    """Start of the latest contract: at activation, or renewed since at some time."""
    longest = config.contract_months[-1] * 30
    renewed = np.maximum(activation, -rng.integers(1, int(longest * 1.35), len(activation)))
    return np.where(activation >= 0, activation, renewed)

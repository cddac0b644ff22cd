"""Everybody with a mobile phone in the country, and the lines that are ever ours.

The people universe lists our lines first (0..n-1), then the customers of competitors. Traits come from one correlated
Gaussian whose household and neighbourhood parts are shared, so friends resemble each other.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from custintel.simulate._random_streams import Bools, Bytes, Floats, Ints, RandomStreams, Strings
    from custintel.simulate._usage_config import PeopleConfig
    from custintel.simulate.people._cells_and_mobility import Cells


SEGMENTS = ("prepaid", "postpaid", "business", "key_account")
OPERATORS = ("own", "operator_b", "operator_c", "fixed", "foreign", "service")
TRAITS = (
    "price_sensitivity", "satisfaction", "sociability", "discipline", "liquidity",
    "data_appetite", "mobility", "tolerance", "frailty",
)  # fmt: skip
CORRELATIONS = {
    ("price_sensitivity", "liquidity"): -0.45,
    ("sociability", "data_appetite"): 0.35,
    ("discipline", "liquidity"): 0.5,
    ("sociability", "mobility"): 0.25,
    ("price_sensitivity", "tolerance"): -0.2,
}
MOBILE_PREFIXES = ("88871", "88872", "88873")  # +888 is assigned to no country
MONTH = 30.4375


@dataclass(frozen=True)
class People:
    """Arrays over the whole universe; index < n are our lines."""

    n: int
    operator: Bytes  # index in OPERATORS; 0 for every line that is ever ours
    group: Ints  # household or company
    kind: Bytes  # 0 household, 1 small business, 2 key account
    neighbourhood: Ints
    home_cell: Ints
    work_cell: Ints
    traits: Floats  # (n, len(TRAITS))
    number: Strings


@dataclass(frozen=True)
class Population:
    """Arrays over all lines of ours that ever exist, in line order (the order tells nothing).

    `activation_day` counts from the start of the data: negative is before, otherwise the line joins in the period.
    `elsewhere` is the competitor the line is with before it joins or after it leaves; `ported_in` lines had their
    number there before, `keeps_number` lines would take it there (their exit is a port-out, else the number falls
    silent).
    """

    n: int
    segment: Bytes  # index in SEGMENTS
    traits: dict[str, Floats]
    household: Ints
    account: Ints
    age: Ints
    region: Ints
    activation_day: Ints
    msisdn: Strings
    home_cell: Ints
    work_cell: Ints
    imei: Strings
    generation: Bytes  # of the device: 0 2G .. 3 5G
    chronotype: Floats  # hours
    business: Bools
    elsewhere: Bytes
    ported_in: Bools
    keeps_number: Bools
    people: People


def make_population(
    customers: int, months: int, cells: Cells, config: PeopleConfig, streams: RandomStreams
) -> Population:
    """Draw the universe and our lines: `customers` active at the start plus those who join in `months`."""
    joiners = _joiners(customers, months, config)
    n = customers + sum(joiners)
    people = _make_people(n, round(customers / config.market_shares[0] + sum(joiners) / 2), cells, config, streams)
    traits = {name: people.traits[:n, i].copy() for i, name in enumerate(TRAITS)}
    segment = _segments(people, n, customers, joiners[0], config, streams)
    activation = _activation(segment, traits, joiners, months, config, streams)
    rng = streams.get("lines")
    ages = _ages(segment, people.group[:n], rng)
    shift = np.clip(rng.normal(0, config.chronotype_sd, n), -config.chronotype_limit, config.chronotype_limit)
    shift[segment >= 2] *= config.business_chronotype
    shift += 12 * (rng.random(n) < config.night_workers)
    elsewhere = rng.choice([1, 2], n, p=_competitor_shares(config)).astype(np.int8)
    ported_in = rng.random(n) < config.port_in
    people = _with_issuer_prefix(people, np.where(ported_in, elsewhere, 0))
    return Population(
        n=n,
        segment=segment,
        traits=traits,
        household=people.group[:n].copy(),
        account=_accounts(people, n, config, rng),
        age=ages,
        region=cells.region[people.home_cell[:n]],
        activation_day=activation,
        msisdn=people.number[:n].copy(),
        home_cell=people.home_cell[:n].copy(),
        work_cell=people.work_cell[:n].copy(),
        imei=_imeis(n, rng),
        generation=_generations(traits["data_appetite"], ages, config, rng),
        chronotype=shift,
        business=people.kind[:n] > 0,
        elsewhere=elsewhere,
        ported_in=ported_in,
        keeps_number=rng.random(n) < config.port_out,
        people=people,
    )


def trait_covariance() -> Floats:
    """Correlation matrix of the traits, in the order of `TRAITS`."""
    matrix = np.eye(len(TRAITS))
    for (a, b), value in CORRELATIONS.items():
        i, j = TRAITS.index(a), TRAITS.index(b)
        matrix[i, j] = matrix[j, i] = value
    return matrix


def _joiners(customers: int, months: int, config: PeopleConfig) -> tuple[int, int]:
    """Prepaid and postpaid lines that join during the period."""
    prepaid = config.segment_shares[0] * customers
    return (
        round(prepaid * config.joiners_prepaid * months),
        round((customers - prepaid) * config.joiners_postpaid * months),
    )


def _competitor_shares(config: PeopleConfig) -> Floats:
    others = np.array(config.market_shares[1:])
    return np.asarray(others / others.sum())


def _make_people(n: int, size: int, cells: Cells, config: PeopleConfig, streams: RandomStreams) -> People:
    """Households and companies, where they live and work, and whose customers they are; ours first."""
    rng = streams.get("people")
    group, kind = _groups(size, config, rng)
    home = rng.choice(cells.n, group.max() + 1, p=cells.home_weight)[group]
    neighbourhood = _neighbourhoods(group, home, config, rng)
    operator = _operators(n, (group, kind, neighbourhood), config, rng)
    order = np.concatenate([rng.permutation(np.flatnonzero(operator == 0)), rng.permutation(np.flatnonzero(operator))])
    group, kind, operator, home, neighbourhood = (
        column[order] for column in (group, kind, operator, home, neighbourhood)
    )
    traits = _traits(group, neighbourhood, config, streams)
    return People(
        n=size,
        operator=operator,
        group=group,
        kind=kind,
        neighbourhood=neighbourhood,
        home_cell=home.astype(np.int32),
        work_cell=_work_cells(home, group, kind > 0, cells, rng),
        traits=traits,
        number=_numbers(operator, rng),
    )


def _groups(size: int, config: PeopleConfig, rng: np.random.Generator) -> tuple[Ints, Bytes]:
    """Number the households, small businesses and key accounts; members are neighbours in the array."""
    business, key = round(config.segment_shares[2] * size), round(config.segment_shares[3] * size)
    kinds = np.arange(1, len(config.household_sizes) + 1)
    homes = _cut(size - business - key, rng.choice(kinds, size, p=config.household_sizes))
    firms = _cut(business, rng.geometric(1 / config.business_size, business + 1))
    keys = _cut(key, np.ceil(config.key_account_size * rng.lognormal(0, 0.6, key + 1)).astype(np.int64))
    firms = firms + homes.max() + 1
    keys = keys + (firms.max() if firms.size else homes.max()) + 1
    group = np.concatenate([homes, firms, keys])
    return group, np.repeat(np.arange(3, dtype=np.int8), (len(homes), len(firms), len(keys)))


def _cut(count: int, sizes: Ints) -> Ints:
    """Number `count` members by groups of the given sizes; the last group may be cut short."""
    return np.repeat(np.arange(len(sizes)), sizes)[:count]


def _operators(n: int, people: tuple[Ints, Bytes, Ints], config: PeopleConfig, rng: np.random.Generator) -> Bytes:
    """Operator of each person (by group, kind, neighbourhood): n people are ours, each kind has our market share."""
    group, kind, neighbourhood = people
    codes = np.arange(len(config.market_shares))
    taste = config.local_taste
    score = taste * rng.normal(size=neighbourhood.max() + 1)[neighbourhood]
    score += np.sqrt(1 - taste**2) * rng.normal(size=group.max() + 1)[group]
    common = _assign_by_score(score, kind, np.cumsum(config.market_shares))
    own = rng.choice(codes, len(group), p=config.market_shares)
    loyal = rng.random(len(group)) < np.where(kind > 0, config.company_operator, config.household_operator)
    operator = np.where(loyal, common, own).astype(np.int8)
    ours = rng.permutation(np.flatnonzero((operator == 0) & (kind == 0)))
    others = rng.permutation(np.flatnonzero((operator != 0) & (kind == 0)))
    surplus = int((operator == 0).sum()) - n
    operator[ours[: max(surplus, 0)]] = 1
    operator[others[: max(-surplus, 0)]] = 0
    return operator


def _assign_by_score(score: Floats, kind: Bytes, shares: Floats) -> Ints:
    """Deal the operators by score, so that each kind of customer meets the market shares."""
    result = np.zeros(len(score), dtype=np.int64)
    for k in range(3):
        members = np.flatnonzero(kind == k)
        position = (np.argsort(np.argsort(score[members], kind="stable")) + 0.5) / max(len(members), 1)
        result[members] = np.searchsorted(shares[:-1], position)
    return result


def _neighbourhoods(group: Ints, home: Ints, config: PeopleConfig, rng: np.random.Generator) -> Ints:
    """Blocks of about 60 people inside a cell; a household lives in one block."""
    blocks = np.maximum(1, np.bincount(home) // config.neighbourhood_people)
    block = (rng.random(group.max() + 1)[group] * blocks[home]).astype(np.int64)
    first = np.concatenate([[0], np.cumsum(blocks)[:-1]])
    return np.asarray(first[home] + block)


def _traits(group: Ints, neighbourhood: Ints, config: PeopleConfig, streams: RandomStreams) -> Floats:
    """Correlated standard normal traits with household and neighbourhood parts."""
    rng = streams.get("traits")
    k = len(TRAITS)
    near = rng.normal(size=(neighbourhood.max() + 1, k))[neighbourhood]
    home = rng.normal(size=(group.max() + 1, k))[group]
    own = rng.normal(size=(len(group), k))
    a, b = config.trait_household, config.trait_neighbourhood
    mixed = np.sqrt(a) * home + np.sqrt(b) * near + np.sqrt(1 - a - b) * own
    return np.asarray(mixed @ np.linalg.cholesky(trait_covariance()).T)


def _work_cells(home: Ints, group: Ints, company: Bools, cells: Cells, rng: np.random.Generator) -> Ints:
    """The most attractive of a few cells within a commute; companies work in one place."""
    reach = max(2.0, cells.n / 8)
    rank = np.minimum(rng.exponential(reach, (len(home), 5)).astype(np.int64), cells.n - 1)
    options = cells.nearest[home[:, None], rank]
    taste = np.log(cells.work_weight[options]) + rng.gumbel(size=options.shape)
    work = options[np.arange(len(home)), taste.argmax(axis=1)]
    first = np.zeros(group.max() + 1, dtype=np.int32)
    first[group] = work
    return np.where(company, first[group], work).astype(np.int32)


def _numbers(operator: Bytes, rng: np.random.Generator) -> Strings:
    """Distinct numbers; the prefix tells the operator that issued them."""
    subscriber = rng.permutation(np.arange(len(operator)) * 7 + rng.integers(0, 7, len(operator)))
    return np.array(
        [f"{MOBILE_PREFIXES[o]}{s:07d}" for o, s in zip(operator.tolist(), subscriber.tolist(), strict=True)]
    )


def _with_issuer_prefix(people: People, issuer: Ints) -> People:
    """Give our lines numbers with the prefix of the operator that issued them."""
    prefix = np.array(MOBILE_PREFIXES)[issuer]
    ours = [p + number[len(p) :] for p, number in zip(prefix.tolist(), people.number.tolist(), strict=False)]
    return replace(people, number=np.concatenate([np.array(ours), people.number[len(issuer) :]]))


def _segments(
    people: People, n: int, customers: int, prepaid_joiners: int, config: PeopleConfig, streams: RandomStreams
) -> Bytes:
    """Prepaid or postpaid by price sensitivity, liquidity and household; companies are never prepaid."""
    rng = streams.get("segments")
    segment = (people.kind[:n] + 1).astype(np.int8)
    consumers = np.flatnonzero(segment == 1)
    household = rng.normal(size=people.group.max() + 1)[people.group[consumers]]
    score = 0.5 * people.traits[consumers, 0] - 0.4 * people.traits[consumers, 4] + 0.9 * household
    score = score + rng.normal(0, 0.6, len(consumers))
    prepaid = min(round(config.segment_shares[0] * customers) + prepaid_joiners, len(consumers))
    order = np.argsort(-score, kind="stable")
    segment[consumers[order[:prepaid]]] = 0
    segment[consumers[order[prepaid:]]] = 1
    return segment


def _activation(
    segment: Bytes,
    traits: dict[str, Floats],
    joiners: tuple[int, int],
    months: int,
    config: PeopleConfig,
    streams: RandomStreams,
) -> Ints:
    """Day of activation: tenure before the start (frail lines are younger) or a day of the period for joiners."""
    rng = streams.get("activation")
    n = len(segment)
    mean = np.where(segment == 0, *config.tenure_months)
    survivor = np.exp(-0.25 * traits["frailty"] + 0.2 * traits["satisfaction"])
    tenure = np.minimum(rng.exponential(mean * survivor), config.tenure_cap_months * rng.uniform(0.8, 1, n))
    day = -np.ceil(tenure * MONTH).astype(np.int64) - 1
    for kind, count in zip((segment == 0, segment != 0), joiners, strict=True):
        new = rng.choice(np.flatnonzero(kind), count, replace=False)
        day[new] = rng.integers(0, max(1, int(months * MONTH) - 1), count)
    return day


def _ages(segment: Bytes, group: Ints, rng: np.random.Generator) -> Ints:
    """Age of the user; a household has adults of one generation and sometimes teenagers."""
    generation = rng.normal(46, 15, group.max() + 1)[group]
    teen = (segment < 2) & (rng.random(len(segment)) < 0.12)
    age = np.where(teen, rng.uniform(12, 20, len(segment)), generation + rng.normal(0, 4, len(segment)))
    return np.clip(age, 12, 94).astype(np.int64)


def _accounts(people: People, n: int, config: PeopleConfig, rng: np.random.Generator) -> Ints:
    """Payer of each line: the company, the household (70 %), or the user alone."""
    group = people.group[:n]
    shared = (people.kind[:n] > 0) | (rng.random(n) < config.household_payer)
    key = np.where(shared, group, people.group.max() + 1 + np.arange(n))
    return np.asarray(np.unique(key, return_inverse=True)[1])


def _imeis(n: int, rng: np.random.Generator) -> Strings:
    model = rng.zipf(1.6, n) % 400
    return np.array([f"35{m:06d}{s:07d}" for m, s in zip(model.tolist(), rng.permutation(n).tolist(), strict=True)])


def _generations(appetite: Floats, age: Ints, config: PeopleConfig, rng: np.random.Generator) -> Bytes:
    """Device generation: newer with data appetite, older with age."""
    score = 0.6 * appetite - 0.02 * (age - 45) + rng.normal(0, 0.8, len(age))
    edges = np.quantile(score, np.cumsum(config.device_generation)[:-1])
    return np.asarray(np.searchsorted(edges, score), dtype=np.int8)

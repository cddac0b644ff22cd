"""People: counts, segments, traits, accounts, numbers."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest

from custintel.simulate._random_streams import RandomStreams
from custintel.simulate._usage_config import CellsConfig, PeopleConfig
from custintel.simulate.people._cells_and_mobility import make_cells
from custintel.simulate.people._population import CORRELATIONS, TRAITS, Population, make_population, trait_covariance


@lru_cache
def population(customers: int = 4_000, months: int = 12, seed: int = 1) -> Population:
    streams = RandomStreams(seed)
    return make_population(customers, months, make_cells(customers, CellsConfig(), streams), PeopleConfig(), streams)


@pytest.mark.parametrize(("customers", "months"), [(10, 1), (37, 3), (500, 6), (4_000, 12)])
def test_exactly_the_wanted_lines_are_active_at_the_start(customers: int, months: int) -> None:
    people = population(customers, months)
    assert (people.activation_day < 0).sum() == customers
    assert (people.activation_day >= 0).sum() == people.n - customers
    assert people.activation_day.max() < months * 31


@pytest.mark.parametrize(("segment", "share"), [(0, 0.50), (1, 0.40), (2, 0.08), (3, 0.02)])
def test_segments_of_the_base(segment: int, share: float) -> None:
    people = population()
    assert (people.segment[people.activation_day < 0] == segment).mean() == pytest.approx(share, abs=0.015)


@pytest.mark.parametrize(("prepaid", "monthly"), [(True, 0.033), (False, 0.013)])
def test_joiners_a_month(prepaid: bool, monthly: float) -> None:
    people = population()
    kind = (people.segment == 0) == prepaid
    joined = people.activation_day >= 0
    assert (kind & joined).sum() / 12 / (kind & ~joined).sum() == pytest.approx(monthly, rel=0.05)


@pytest.mark.parametrize(("pair", "value"), list(CORRELATIONS.items()))
def test_traits_are_correlated(pair: tuple[str, str], value: float) -> None:
    traits = population().traits
    assert np.corrcoef(traits[pair[0]], traits[pair[1]])[0, 1] == pytest.approx(value, abs=0.06)


def test_traits_are_standard_and_frailty_stands_alone() -> None:
    matrix = np.array([population().traits[name] for name in TRAITS])
    assert np.abs(matrix.mean(axis=1)).max() < 0.1
    assert np.abs(matrix.std(axis=1) - 1).max() < 0.06
    assert np.abs(np.corrcoef(matrix)[-1, :-1]).max() < 0.06


def test_covariance_is_positive_definite() -> None:
    assert np.linalg.eigvalsh(trait_covariance()).min() > 0.1


def test_households_resemble_each_other() -> None:
    people = population().people
    order = np.argsort(people.group, kind="stable")
    same = people.group[order][1:] == people.group[order][:-1]
    first, second = people.traits[order[:-1]][same], people.traits[order[1:]][same]
    alike = np.corrcoef(first[:, 0], second[:, 0])[0, 1]
    assert alike == pytest.approx(PeopleConfig().trait_household + PeopleConfig().trait_neighbourhood, abs=0.05)
    assert (people.operator[order[:-1]] == people.operator[order[1:]])[same].mean() > 0.5


def test_accounts() -> None:
    people = population()
    lines = np.bincount(people.account)
    assert (lines > 0).all()
    assert lines[np.unique(people.account[people.segment == 3])].max() >= 10
    consumers = people.segment < 2
    group = np.bincount(people.household)[people.household]
    shared = lines[people.account[consumers & (group > 1)]] > 1
    assert 0.4 < shared.mean() < 0.8


def test_numbers_are_distinct_and_tell_the_operator() -> None:
    lines = population()
    people = lines.people
    assert len(np.unique(people.number)) == people.n
    issuer = np.concatenate([np.where(lines.ported_in, lines.elsewhere, 0), people.operator[lines.n :]])
    prefixes = np.unique([number[:5] + str(o) for number, o in zip(people.number, issuer, strict=True)])
    assert prefixes.tolist() == ["888710", "888721", "888732"]
    assert (people.number[: lines.n] == lines.msisdn).all()


def test_order_of_lines_tells_nothing() -> None:
    people = population()
    index = np.arange(people.n)
    for column in (people.activation_day, people.segment, people.traits["frailty"], people.household):
        assert abs(np.corrcoef(index, column)[0, 1]) < 0.05


def test_same_seed_same_people_other_seed_others() -> None:
    again, other = population.__wrapped__(300, 2, 5), population.__wrapped__(300, 2, 6)
    assert (population(300, 2, 5).msisdn == again.msisdn).all()
    assert not np.array_equal(again.traits["liquidity"], other.traits["liquidity"])

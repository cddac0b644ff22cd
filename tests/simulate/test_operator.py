"""The whole operator: its tables keep the contracts, its bytes follow the seed, its mechanisms keep apart."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from custintel.contracts.table_contracts import TABLES
from custintel.errors import ConfigurationError
from custintel.simulate import SimulationConfig, simulate
from custintel.simulate._simulation_config import DirtConfig, FraudConfig

if TYPE_CHECKING:
    from custintel.simulate._operator import Operator


def small(seed: int, config: SimulationConfig | None = None, months: int = 2) -> Operator:
    return simulate(customers=150, months=months, seed=seed, config=config)


def test_every_table_has_exactly_the_columns_of_its_contract(operator: Operator) -> None:
    # number_range is filled where numbers are replaced by pseudonyms, policy where a policy chose the contacts
    elsewhere = {"number_range", "policy"}
    assert {name: table.column_names for name, table in operator.tables.items()} == {
        name: [column for column in contract.columns if column not in elsewhere] for name, contract in TABLES.items()
    }


@pytest.mark.parametrize("name", [name for name, contract in TABLES.items() if contract.key])
def test_keys_are_unique(operator: Operator, name: str) -> None:
    keys = operator.tables[name].select(list(TABLES[name].key)).to_pandas()
    assert not keys.duplicated().any()


def test_references_are_kept(clean: Operator) -> None:
    for name, contract in TABLES.items():
        for column, rule in contract.columns.items():
            if rule.references:
                known = set(clean.tables[rule.references].column(TABLES[rule.references].key[0]).to_pylist())
                assert set(clean.tables[name].column(column).to_pylist()) - {None} <= known, (name, column)


def test_no_event_lies_after_the_data(operator: Operator) -> None:
    end = dt.datetime(2026, 1, 1, 1)  # a wrong clock may add an hour
    for name, contract in TABLES.items():
        if contract.event_time and contract.event_time.endswith("time"):
            assert pc.max(operator.tables[name].column(contract.event_time)).as_py() <= end, name


def test_the_same_seed_gives_the_same_bytes() -> None:
    first, second = small(4), small(4)
    for name, table in first.tables.items():
        assert _bytes(table) == _bytes(second.tables[name]), name
    for name, frame in first.truth.items():
        assert frame.equals(second.truth[name]), name


def _bytes(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()


def test_another_seed_gives_another_operator() -> None:
    assert not small(4).tables["usage"].equals(small(5).tables["usage"])


def test_switching_fraud_off_moves_no_call() -> None:
    base = replace(SimulationConfig(), dirt=DirtConfig.clean())
    honest = small(6, replace(base, fraud=FraudConfig(intensity=0)), months=4)
    crooked = small(6, replace(base, fraud=FraudConfig(intensity=300)), months=4)
    fraud = set(crooked.truth["cases"].customer_id)
    assert set(crooked.truth["cases"].kind) >= {"sim_box", "dealer"}
    assert _calls(honest, fraud).equals(_calls(crooked, fraud))


def _calls(operator: Operator, fraud: set[str]):
    """Records between lines that are no fraud, in order."""
    customers = operator.tables["customers"].select(["customer_id", "msisdn"]).to_pandas()
    numbers = set(customers.msisdn[customers.customer_id.isin(fraud)])
    names = ["customer_id", "event_time", "service", "other_party", "duration_s", "data_mb"]
    usage = operator.tables["usage"].select(names).to_pandas()
    keep = ~usage.customer_id.isin(fraud) & ~usage.other_party.isin(numbers)
    return usage[keep].reset_index(drop=True)


def test_switching_dirt_off_changes_no_bill() -> None:
    delivered = small(8)
    spotless = small(8, replace(SimulationConfig(), dirt=DirtConfig.clean()))
    for name in ("bills", "payments", "recharges", "care"):
        assert delivered.tables[name].equals(spotless.tables[name]), name


@pytest.mark.parametrize(("customers", "months", "seed"), [(0, 12, 1), (100, 0, 1), (100, 12, -1)])
def test_sizes_that_make_no_operator(customers: int, months: int, seed: int) -> None:
    with pytest.raises(ConfigurationError, match="out of range"):
        simulate(customers, months, seed)


def test_the_truth_stays_out_of_the_tables(operator: Operator) -> None:
    latent = set(operator.truth["traits"].columns) - {"customer_id"}
    assert not any(latent & set(table.column_names) for table in operator.tables.values())


def test_line_names_tell_nothing(operator: Operator) -> None:
    churn = operator.truth["churn"].set_index("customer_id").exit_date
    names = operator.tables["customers"].column("customer_id").to_pandas().astype(str)
    left = names.map(churn).notna().to_numpy().astype(float)
    order, number = np.arange(len(names)), names.str[1:].astype(int)
    assert abs(np.corrcoef(order, left)[0, 1]) < 0.08
    assert abs(np.corrcoef(number, left)[0, 1]) < 0.08

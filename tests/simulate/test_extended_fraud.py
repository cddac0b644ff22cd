"""All kinds of fraud: each follows its recipe, changes over time, is found late or never, and has innocent doubles."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from custintel.contracts.table_contracts import TABLES
from custintel.simulate import SimulationConfig, simulate
from custintel.simulate._simulation_config import DirtConfig, ExtendedFraudConfig, FraudConfig

if TYPE_CHECKING:
    from custintel.simulate._operator import Operator

MONTHS = 6
EVERY = {"sim_box", "never_payer", "dealer", "scam_dialler", "wangiri", "irsf", "pbx", "sim_swap"}


def study(seed: int = 3, intensity: float = 60.0, **extended: object) -> Operator:
    config = SimulationConfig.fraud_study(intensity)
    further = replace(ExtendedFraudConfig(), **extended)  # type: ignore[arg-type]
    config = replace(config, fraud=replace(config.fraud, extended=further))
    return simulate(customers=1200, months=MONTHS, seed=seed, config=config)


@pytest.fixture(scope="module")
def operator() -> Operator:
    return study()


@pytest.fixture(scope="module")
def cases(operator: Operator) -> pd.DataFrame:
    return operator.truth["cases"]


@pytest.fixture(scope="module")
def usage(operator: Operator) -> pd.DataFrame:
    frame = operator.tables["usage"].to_pandas()
    return frame[frame["service"] != "data"]


def of_kind(usage: pd.DataFrame, cases: pd.DataFrame, kind: str) -> pd.DataFrame:
    """Records of the lines of a kind while they are it."""
    own = cases[cases["kind"] == kind].set_index("customer_id")
    rows = usage[usage["customer_id"].isin(own.index)]
    start = rows["customer_id"].map(own["start_date"]).to_numpy()
    end = rows["customer_id"].map(own["end_date"]).fillna(pd.Timestamp.max).to_numpy()
    when = pd.to_datetime(rows["event_time"]).to_numpy()
    return rows[(when >= start) & (when <= end + np.timedelta64(2, "D"))]


def test_every_kind_is_there(cases: pd.DataFrame, operator: Operator) -> None:
    assert set(cases["kind"]) == EVERY
    assert set(operator.tables["cases"].to_pandas()["kind"]) <= EVERY | {"arrears"}
    absent = {"number_range", "policy"}  # filled where numbers are replaced by pseudonyms, and where a model chose
    assert {name: t.column_names for name, t in operator.tables.items()} == {
        name: [column for column in contract.columns if column not in absent] for name, contract in TABLES.items()
    }


def test_the_late_kind_begins_with_the_last_third(cases: pd.DataFrame) -> None:
    start = pd.to_datetime(cases.loc[cases["kind"] == "scam_dialler", "start_date"])
    assert (start >= pd.Timestamp("2025-05-01")).all()
    assert (cases.loc[cases["kind"] == "sim_box", "regime"].nunique()) == 3


def test_diallers_call_strangers_shortly(usage: pd.DataFrame, cases: pd.DataFrame) -> None:
    out = of_kind(usage, cases, "scam_dialler").query("direction == 'out' and service == 'voice'")
    assert (out["duration_s"] <= 15).mean() > 0.6
    a_day = out.groupby(["customer_id", pd.to_datetime(out["event_time"]).dt.date], observed=True)["other_party"]
    assert a_day.size().median() > 150
    assert (a_day.nunique() / a_day.size()).median() > 0.8


def test_wangiri_rings_a_moment_and_few_call_back(usage: pd.DataFrame, cases: pd.DataFrame) -> None:
    rows = of_kind(usage, cases, "wangiri").query("service == 'voice'")
    out = rows[rows["direction"] == "out"]
    assert out["duration_s"].median() <= 3
    back = rows[(rows["direction"] == "in") & (rows["duration_s"] >= 25)]
    assert 0.001 < len(back) / len(out) < 0.05


def test_stolen_sims_and_switchboards_call_dear_numbers_in_parallel(usage: pd.DataFrame, cases: pd.DataFrame) -> None:
    for kind in ("irsf", "pbx"):
        out = of_kind(usage, cases, kind).query("destination in ['international', 'premium'] and direction == 'out'")
        out = out.sort_values(["customer_id", "event_time"])
        begin, end = (
            pd.to_datetime(out["event_time"]),
            pd.to_datetime(out["event_time"]) + pd.to_timedelta(out["duration_s"].fillna(0), "s"),
        )
        same = out["customer_id"].eq(out["customer_id"].shift())
        assert (same & (begin < end.shift())).mean() > 0.4, kind
        assert out["duration_s"].median() > 100, kind


def test_switchboards_are_struck_outside_office_hours_at_first(usage: pd.DataFrame, cases: pd.DataFrame) -> None:
    early = cases[(cases["kind"] == "pbx") & (cases["regime"] < 2)]
    out = of_kind(usage, early, "pbx").query("destination in ['international', 'premium']")
    when = pd.to_datetime(out["event_time"])
    quiet = (when.dt.hour >= 20) | (when.dt.hour < 7) | (when.dt.day_of_week >= 5)
    assert len(out) > 20
    assert quiet.mean() > 0.4  # three in ten hours of a usual day are quiet, and hardly any of a firm's calls


def test_boxes_become_human_in_the_last_regime(usage: pd.DataFrame, cases: pd.DataFrame) -> None:
    def share_in(regimes: list[int]) -> float:
        own = cases[(cases["kind"] == "sim_box") & cases["regime"].isin(regimes)]
        rows = of_kind(usage, own, "sim_box")
        return float((rows["direction"] == "in").mean())

    assert share_in([2]) > share_in([0, 1]) + 0.05


def test_rings_share_a_device(operator: Operator, cases: pd.DataFrame) -> None:
    calls = operator.tables["usage"].to_pandas()
    ring = cases[(cases["kind"] == "sim_box") & (cases["ring"] == cases.loc[cases["kind"] == "sim_box", "ring"].min())]
    own = calls[calls["customer_id"].isin(ring["customer_id"]) & calls["device_id"].notna()]
    assert own.groupby("device_id", observed=True)["customer_id"].nunique().max() > 2


def test_never_payers_of_whom_some_call_abroad_pay_nothing(operator: Operator, cases: pd.DataFrame) -> None:
    never = cases.loc[cases["kind"] == "never_payer", "customer_id"]
    paid = operator.tables["payments"].to_pandas().query("status == 'ok'")
    assert not paid["customer_id"].isin(never).any()


def test_some_are_never_found_and_the_rest_late(cases: pd.DataFrame) -> None:
    further = cases[cases["kind"].isin(["irsf", "pbx", "sim_swap", "wangiri", "scam_dialler"])]
    found = further["detected_date"].notna()
    assert 0.65 < found.mean() < 0.95
    delay = pd.to_datetime(further["detected_date"]) - pd.to_datetime(further["start_date"])
    assert (delay.dropna().dt.days >= 1).all()
    assert delay[further["kind"] == "irsf"].dt.days.median() <= 2


def test_doubles_are_at_least_as_many_and_innocent(operator: Operator, cases: pd.DataFrame) -> None:
    looks = operator.truth["look_alikes"]
    counts, kinds = looks["look"].value_counts(), cases["kind"].value_counts()
    assert counts["courier"] >= kinds["sim_box"]
    assert counts["alarm"] >= kinds["dealer"]
    assert counts["expatriate"] >= kinds["irsf"]
    assert not set(looks["customer_id"]) & set(cases["customer_id"])


def test_couriers_alone_make_a_published_rule_wrong(usage: pd.DataFrame, cases: pd.DataFrame) -> None:
    calls = usage[usage["service"] == "voice"]
    by = calls.groupby("customer_id", observed=True)
    out = calls[calls["direction"] == "out"].groupby("customer_id", observed=True)
    busy = by.size() > 300
    outgoing = (out.size() / by.size()) > 0.6
    distinct = (out["other_party"].nunique() / out.size()) > 0.5
    fired = busy & outgoing.reindex(busy.index, fill_value=False) & distinct.reindex(busy.index, fill_value=False)
    fraud = cases.loc[cases["kind"].isin(["sim_box", "scam_dialler"]), "customer_id"]
    assert fired.sum() >= 10
    assert pd.Series(fired.index[fired]).isin(fraud).mean() < 0.8


def test_the_same_seed_gives_the_same_bytes() -> None:
    one, two = (simulate(200, 3, 5, SimulationConfig.fraud_study(200.0)) for _ in range(2))
    for name, table in one.tables.items():
        assert table.equals(two.tables[name]), name


def test_nobody_else_calls_differently() -> None:
    config = replace(SimulationConfig.fraud_study(100.0), dirt=DirtConfig.clean())
    plain = replace(config, fraud=replace(config.fraud, extended=None))
    with_extended, without = simulate(300, 4, 6, config), simulate(300, 4, 6, plain)
    fraud_or_look_alike = set(with_extended.truth["cases"]["customer_id"]) | set(
        with_extended.truth["look_alikes"]["customer_id"]
    )
    assert _calls(with_extended, fraud_or_look_alike).equals(_calls(without, fraud_or_look_alike))
    assert with_extended.truth["weekly"].equals(without.truth["weekly"])


def _calls(operator: Operator, fraud_or_look_alike: set[str]) -> pd.DataFrame:
    """Records between lines that are neither fraud nor look like it, in order."""
    customers = operator.tables["customers"].to_pandas()
    numbers = set(customers.loc[customers["customer_id"].isin(fraud_or_look_alike), "msisdn"])
    usage = operator.tables["usage"].to_pandas()
    kept = usage[~usage["customer_id"].isin(fraud_or_look_alike) & ~usage["other_party"].isin(numbers)]
    columns = ["customer_id", "event_time", "service", "direction", "other_party", "duration_s"]
    return kept.loc[kept["service"] != "data", columns].sort_values(columns, ignore_index=True)


def test_by_default_there_are_only_the_first_three_kinds() -> None:
    assert SimulationConfig().fraud.extended is None
    usual = simulate(300, 3, 1, SimulationConfig(fraud=FraudConfig(intensity=100)))
    assert set(usual.truth["cases"]["kind"]) <= {"sim_box", "never_payer", "dealer"}
    assert "look_alikes" not in usual.truth


def test_check_32_fraud_lines_a_year_undetected_and_lag() -> None:
    intensity, customers = 20.0, 3000
    found = simulate(customers, 6, 11, SimulationConfig.fraud_study(intensity)).truth["cases"]
    a_year = len(found) / customers * 2 / intensity
    assert 0.006 <= a_year <= 0.012
    assert 0.15 <= found["detected_date"].isna().mean() <= 0.25
    lag = (pd.to_datetime(found["detected_date"]) - pd.to_datetime(found["start_date"])).dt.days
    assert 4 <= lag.median() <= 10

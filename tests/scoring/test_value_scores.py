"""The list of values is written by the same door as other scores."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from custintel import Warehouse, score
from custintel.artifact import Model
from custintel.cli._main import app
from custintel.errors import ConfigurationError
from custintel.scoring._value_scores import value_tiers
from custintel.value import ValueModel, value_table

if TYPE_CHECKING:
    from pathlib import Path

AS_OF = "2025-08-31"


@pytest.fixture(scope="module")
def operator() -> Warehouse:
    return Warehouse.simulate(customers=150, months=8, seed=3)


@pytest.fixture(scope="module")
def saved(operator: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> Path:
    table = value_table(operator, ["2025-03-31", "2025-05-31"], known_by=AS_OF, horizon=3)
    model = Model("value", table.fit(ValueModel(horizon=3, n_jobs=1)), {"tiers": {"public": [120.0, 360.0, 720.0]}})
    return model.save(tmp_path_factory.mktemp("model") / "value")


def test_a_saved_model_scores_values_with_tiers(operator: Warehouse, saved: Path, tmp_path: Path) -> None:
    found = score(saved, operator, as_of=AS_OF, out=tmp_path / "values.parquet")
    assert found["pv"].is_monotonic_decreasing
    assert found["total"].sub(found[["hv", "cv", "pv"]].sum(axis=1)).abs().max() < 1e-6
    public = found[(found["segment"] != "key_account") & found["annualised"].notna()]
    assert set(public["tier"]) <= {"bronze", "silver", "gold", "platinum"}
    assert (public.loc[public["annualised"] >= 720.0, "tier"] == "platinum").all()
    assert (public.loc[public["annualised"] < 120.0, "tier"] == "bronze").all()
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "values.parquet"), found, check_dtype=False)


@pytest.mark.parametrize(
    ("accounts", "names"),
    [
        (4, set()),
        (5, {"bronze", "silver"}),
        (19, {"bronze", "silver"}),
        (20, {"bronze", "silver", "gold"}),
        (99, {"bronze", "silver", "gold"}),
        (100, {"bronze", "silver", "gold", "platinum"}),
    ],
)
def test_few_key_accounts_have_tiers_or_a_reason(accounts: int, names: set[str]) -> None:
    """All key accounts came out blank when there were fewer than a hundred different values."""
    keys = pd.DataFrame({"annualised": np.arange(1.0, accounts + 1) * 1e4, "segment": "key_account"})
    public = pd.DataFrame({"annualised": np.arange(1.0, 401.0), "segment": "consumer"})
    found = value_tiers(pd.concat([public, keys], ignore_index=True))
    mine = found.tail(accounts)
    assert set(mine["tier"]) == (names or {""})
    assert (mine["tier_reason"] == "").all() == (accounts >= 100)
    assert mine["tier_reason"].str.contains(f"only {accounts} different").all() or accounts >= 100
    assert (found.head(400)["tier_reason"] == "").all()
    assert (found["tier"].ne("") | found["tier_reason"].ne("")).all()
    assert mine["tier"].iloc[-1] == max(names, key=["bronze", "silver", "gold", "platinum"].index, default="")


def test_kept_thresholds_may_be_fewer() -> None:
    keys = pd.DataFrame({"annualised": [1e4, 5e4, np.nan], "segment": "key_account"})
    found = value_tiers(keys, {"key accounts": [2e4]})
    assert found["tier"].tolist() == ["bronze", "silver", ""]
    assert found["tier_reason"].tolist() == ["", "", "the annualised value is not known"]


def test_every_blank_tier_has_a_reason(operator: Warehouse, saved: Path) -> None:
    found = score(saved, operator, as_of=AS_OF)
    assert (found["tier"].ne("") | found["tier_reason"].ne("")).all()


def test_values_need_tables(saved: Path) -> None:
    with pytest.raises(ConfigurationError, match="needs a warehouse"):
        score(saved, table=pd.DataFrame({"customer_id": ["a"]}))


def test_command_writes_the_list(operator: Warehouse, saved: Path, tmp_path: Path) -> None:
    operator.save(tmp_path / "tables")
    out = tmp_path / "values.csv"
    asked = ["value", str(tmp_path / "tables"), "--model", str(saved), "--as-of", AS_OF, "--out", str(out)]
    done = CliRunner().invoke(app, asked)
    assert done.exit_code == 0, done.output
    assert "potential value" in done.output
    assert pd.read_csv(out)["customer_id"].is_unique

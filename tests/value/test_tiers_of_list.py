"""Tiers of a list without frozen thresholds."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from custintel.value.tiers_of_list import value_tiers


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

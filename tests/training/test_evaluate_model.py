"""Medians of columns, over all customers and by peer group; the stored best model of simulated operators."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from custintel import FeatureBuilder
from custintel.training.evaluate_model import describe_columns, p_observable


@pytest.fixture
def X() -> pd.DataFrame:
    kinds = ["prepaid"] * 50 + ["postpaid"] * 40 + ["hybrid"] * 5
    return pd.DataFrame(
        {
            "billing_type": pd.Categorical(kinds),
            "bill": [np.nan] * 50 + [10.0] * 10 + [30.0] * 20 + [50.0] * 8 + [np.nan] * 2 + [99.0] * 5,
            "complaint": pd.Series([False] * 45 + [True] * 50, dtype="boolean"),
        }
    )


@pytest.mark.parametrize(
    ("column", "kind", "expected"),
    [
        ("bill", "prepaid", {"median": None, "missing": 1.0, "at_median": 0.0}),
        ("bill", "postpaid", {"median": 30.0, "missing": 0.05, "at_median": 0.5}),
        ("billing_type", "prepaid", {"median": "prepaid", "missing": 0.0, "at_median": 1.0}),
        ("complaint", "prepaid", {"median": "False", "missing": 0.0, "at_median": 0.9}),
    ],
)
def test_peers(X: pd.DataFrame, column: str, kind: str, expected: dict[str, object]) -> None:
    entries = {entry["column"]: entry for entry in describe_columns(X, peer_column="billing_type")}
    assert entries[column]["peers"][kind] == expected


def test_median_of_all_stays_and_small_groups_have_none(X: pd.DataFrame) -> None:
    bill = describe_columns(X, peer_column="billing_type")[1]
    assert bill["median"] == 30.0
    assert list(bill["peers"]) == ["postpaid", "prepaid"]


@pytest.mark.parametrize("peer_column", [None, "absent"])
def test_without_a_peer_column(X: pd.DataFrame, peer_column: str | None) -> None:
    assert all("peers" not in entry for entry in describe_columns(X, peer_column=peer_column))


def test_plain_json(X: pd.DataFrame) -> None:
    entries = describe_columns(X, peer_column="billing_type")
    assert json.loads(json.dumps(entries, allow_nan=False)) == entries


def test_the_stored_ceiling_reads_only_features_of_the_catalogue() -> None:
    known = set(FeatureBuilder().describe()["column"])
    assert set(p_observable().feature_names) <= known

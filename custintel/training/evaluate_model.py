"""What is kept with a model besides its metrics: decile cut-offs, column descriptions, and a model to compare with."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from custintel.artifact import Model, load_model
from custintel.learners.feature_contract import MIN_LEVEL_COUNT

if TYPE_CHECKING:
    from collections.abc import Mapping

_LEAST_PEERS = 30  # of fewer customers a median tells little, and perhaps too much


def decile_edges(p: pd.Series) -> list[float]:
    """Nine cut-offs, highest first: a score at or above the first is in decile 1.

    >>> decile_edges(pd.Series(np.arange(1, 101) / 100))[:2]
    [0.91, 0.81]
    """
    ordered = np.sort(p.to_numpy(np.float64))[::-1]
    places = np.ceil(np.arange(1, 10) * len(ordered) / 10).astype(int) - 1
    return [float(edge) for edge in ordered[places]]


def describe_columns(
    X: pd.DataFrame, catalogue: pd.DataFrame | None = None, peer_column: str | None = None
) -> list[dict[str, Any]]:
    """One entry a column: the words of the catalogue, and the median to compare a customer with.

    With a peer column, `peers` has the same for each peer group, and how many of the peers have that value.

    >>> X = pd.DataFrame({"bill": [30.0] * 40 + [None] * 40, "billing_type": ["postpaid"] * 40 + ["prepaid"] * 40})
    >>> describe_columns(X, peer_column="billing_type")[0]["peers"]["prepaid"]
    {'median': None, 'missing': 1.0, 'at_median': 0.0}
    """
    entries = {} if catalogue is None else {str(row["column"]): row for row in catalogue.to_dict("records")}
    peer_groups = _peer_groups(X, peer_column)
    return [
        {
            "column": str(n),
            **_dictionary_entry(entries.get(str(n), {})),
            "median": _median_or_mode(X[n]),
            **_facts_by_peer_group(X[n], peer_groups),
        }
        for n in X.columns
    ]


def _peer_groups(X: pd.DataFrame, peer_column: str | None) -> dict[str, Any]:
    """Rows of each peer group that is large enough."""
    if peer_column is None or peer_column not in X.columns:
        return {}
    peer_groups = X[peer_column].astype(object)
    counts = peer_groups.value_counts()
    return {
        str(k): (peer_groups == k).to_numpy(bool) for k in sorted(counts.index, key=str) if counts[k] >= _LEAST_PEERS
    }


def _facts_by_peer_group(column: pd.Series, peer_groups: Mapping[str, Any]) -> dict[str, Any]:
    """Median, share of missing values and share of values equal to the median, for each peer group."""
    return {"peers": {kind: _peer_facts(column[rows]) for kind, rows in peer_groups.items()}} if peer_groups else {}


def _peer_facts(column: pd.Series) -> dict[str, Any]:
    median = _median_or_mode(column)
    known = column.dropna()
    alike = (known == median) if isinstance(median, float) else (known.astype(str) == median)
    shares = {"missing": 1 - len(known) / len(column), "at_median": float(alike.sum()) / len(column)}
    return {"median": median, **{name: round(share, 4) for name, share in shares.items()}}


def _dictionary_entry(row: Mapping[Any, Any]) -> dict[str, Any]:
    """Name, unit and meaning of missing, as plain values."""
    keys = ("about", "about_zh", "unit", "missing", "family", "feature", "reason", "window")
    return {key: _plain(row[key]) for key in keys if key in row and not _absent(row[key])}


def _absent(value: Any) -> bool:
    return value is None or (isinstance(value, float) and np.isnan(value)) or value is pd.NA


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _median_or_mode(column: pd.Series) -> float | str | None:
    """Median of numbers, most frequent value of everything else if enough customers have it."""
    filled = column.dropna()
    if filled.empty:
        return None
    if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
        return float(np.float64(filled.median()))
    counts = filled.astype(str).value_counts()
    # what few customers have in common is their personal data
    return str(counts[counts == counts.max()].index.min()) if counts.max() >= MIN_LEVEL_COUNT else None


def p_observable() -> Model:
    """The best churn model that sees only the tables: fitted on ten simulated operators, stored with the release.

    A model of one simulated operator is judged by what it lacks to this one; ``wh.truth["p_state"]`` knows the hidden
    causes as well and is never a goal. It holds for the shipped features and the default simulator; the script that
    fitted it is ``experiments/simulator_quality.py``.

    Raises
    ------
    ModelError
        When the stored model is missing or damaged.

    Examples
    --------
    >>> "tenure_days" in p_observable().feature_names
    True
    """
    return load_model(Path(str(resources.files("custintel.simulate"))) / "p_observable")

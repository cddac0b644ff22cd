"""What each column adds to the suspicion of a customer.

The detector weighs five component scores. The model's share of the log-odds is exact by column (tree SHAP). What rules
and anomaly add beyond their means has no exact share by column: it is dealt out among the columns of the rule that the
customer resembles most, and among columns by how far the customer is in their tails. All of it adds up to the log-odds
before calibration.

>>> shares = tail_shares(pd.DataFrame({"calls": [0.99, 0.5], "cells": [0.5, 0.5]}))
>>> shares.round(2).to_numpy().tolist()
[[1.0, 0.0], [0.5, 0.5]]
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Sequence

    from custintel.rules import RuleBase

_SMALLEST_TAIL = 1e-3


def tail_shares(peer_shares: pd.DataFrame) -> pd.DataFrame:
    """Share of each column in how unusual a customer is, by its percentile among peers; rows add up to 1."""
    middle = peer_shares.fillna(0.5).to_numpy(np.float64)
    tail = np.log(1 / np.maximum(2 * np.minimum(middle, 1 - middle), _SMALLEST_TAIL))
    total = tail.sum(axis=1, keepdims=True)
    width = max(tail.shape[1], 1)
    shares = np.divide(tail, total, out=np.full(tail.shape, 1.0 / width), where=total > 0)
    return pd.DataFrame(shares, peer_shares.index, peer_shares.columns)


def nearest_rule_shares(bases: Sequence[tuple[RuleBase, Sequence[Any]]], X: pd.DataFrame) -> pd.DataFrame:
    """Share of each column of the rule that a customer resembles most: the same for all that the rule reads.

    `bases` are rule bases with the states of the rules that count. Without any rule that X can answer all columns
    share alike.
    """
    nearest, columns = _nearest_rules(bases, X)
    shares = np.full((len(X), X.shape[1]), 1.0 / max(X.shape[1], 1))
    place = {str(name): k for k, name in enumerate(X.columns)}
    for rule, read in enumerate(columns):
        rows = nearest == rule
        shares[rows] = 0.0
        for name in read:
            shares[np.ix_(rows, [place[name]])] = 1.0 / len(read)
    return pd.DataFrame(shares, X.index, X.columns)


def _nearest_rules(
    bases: Sequence[tuple[RuleBase, Sequence[Any]]], X: pd.DataFrame
) -> tuple[np.ndarray, list[list[str]]]:
    """The number of the most similar rule of each row (-1 without rules), and the columns that each rule reads."""
    found, columns = [], list[list[str]]()
    for base, states in bases:
        usable = base.restricted_to(X.columns)
        similarity = usable.similarity(X, *states)
        found.append(similarity.to_numpy(np.float64))
        columns += [sorted(usable[str(name)].columns) for name in similarity.columns]
    if not columns:
        return np.full(len(X), -1), columns
    return np.argmax(np.hstack(found), axis=1), columns

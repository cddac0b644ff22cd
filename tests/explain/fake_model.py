"""A model whose contributions are known by hand: a weight times the distance from a centre."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd


class FakeModel:
    """Contribution of a number: weight x (value - centre); of a category: a table; of a missing value: 0.5 x weight."""

    name = "churn"
    version = "3"

    def __init__(self, weights: dict[str, Any], centres: dict[str, float], metadata: dict[str, Any]) -> None:
        self.weights, self.centres, self.metadata = weights, centres, {"name": "churn", **metadata}
        self.feature_names = list(weights)

    def contributions(self, X: pd.DataFrame) -> pd.DataFrame:
        return pd.DataFrame({name: self._one(X[name], name) for name in self.feature_names}, index=X.index)

    def _one(self, values: pd.Series, name: str) -> np.ndarray:
        weight = self.weights[name]
        if isinstance(weight, dict):
            return values.astype(object).map(weight).fillna(0.0).to_numpy(float)
        numbers = values.astype(float).to_numpy()
        return weight * np.where(np.isnan(numbers), 0.5, numbers - self.centres.get(name, 0.0))

    def predict_proba(self, X: pd.DataFrame) -> pd.Series:
        total = self.contributions(X).sum(axis=1)
        return pd.Series(1 / (1 + np.exp(-total.to_numpy())), X.index)

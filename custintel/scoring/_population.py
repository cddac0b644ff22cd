"""Whom a model scores as of a date: the active customers its specification speaks of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from custintel.builder import FeatureBuilder
from custintel.dates import read_day
from custintel.errors import DataError, DateError
from custintel.labels import churn_population
from custintel.training import churn_definition, in_population

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from custintel.artifact import Model
    from custintel.dates import AsOf
    from custintel.warehouse import Warehouse

__all__ = ["features_of_the_day", "scoring_date"]


def scoring_date(wh: Warehouse, as_of: AsOf | None) -> pd.Timestamp:
    """The as-of date, by default the last day of the data; a date that the data cannot answer is refused."""
    first, last = (pd.Timestamp(date) for date in wh.period)
    if as_of is None:
        return last
    date = pd.Timestamp(read_day(as_of))
    if not first <= date <= last:
        raise DateError(
            f"the as-of date lies outside the data\n  given: {date.date()}\n"
            f"  allowed: {first.date()} to {last.date()}\n  hint: load the newer data first, or leave as_of out"
        )
    return date


def features_of_the_day(
    model: Model, wh: Warehouse, date: pd.Timestamp, features_path: str | Path | None
) -> tuple[pd.DataFrame, int]:
    """Features of the model's population, one row a customer, and the number of customers outside it."""
    spec: Mapping[str, Any] = model.metadata.get("spec") or {}
    population = churn_population(wh, date, churn_definition(spec))
    customers = population.index.get_level_values("customer_id").astype(str).sort_values()
    if customers.empty:
        raise DataError(f"nobody to score as of {date.date()}: no customer was active in the days before")
    families = (spec.get("features") or {}).get("families") or None
    builder = FeatureBuilder(families, features_path, skip_unavailable=True)
    X = builder.build(wh, date)
    chosen = X.loc[customers]
    chosen = chosen[in_population(chosen, spec.get("population") or {})]
    if chosen.empty:
        raise DataError(f"nobody to score as of {date.date()}: no active customer meets population.where")
    return chosen, len(X) - len(chosen)

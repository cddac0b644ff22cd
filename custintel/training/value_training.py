"""The value model of ``models/NAME.yaml``, fitted on everything that is known."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from custintel.builder import FeatureBuilder
from custintel.catalogue.model_spec import load_model_spec
from custintel.dates import read_dates
from custintel.errors import ConfigurationError, DateError, QualityWarning
from custintel.questions.question import question_from_spec
from custintel.training.dataset import in_population, without_excluded
from custintel.value import ValueModel, value_table
from custintel.value.value_backtest import learning_dates
from custintel.value.value_training_table import value_features

if TYPE_CHECKING:
    from pathlib import Path

    from custintel.catalogue.model_spec import ModelSpec
    from custintel.dates import AsOf
    from custintel.warehouse import Warehouse


def fit_value_model(
    wh: Warehouse,
    name: str = "value",
    known_by: AsOf | None = None,
    models_path: str | Path | None = None,
    horizon: int | None = None,
) -> ValueModel:
    """Fit the value model of a specification on past dates, from what was known on a day.

    Parameters
    ----------
    wh : Warehouse
        The operator's tables.
    name : str
        Name of the specification; its question is of kind ``future_margin``.
    known_by : date, optional
        The day on which the model learns; the last day of the data by default.
    models_path : path, optional
        Folder with own models.
    horizon : int, optional
        Months ahead instead of those of the specification. One that is longer than what the data know is refused; the
        specification's is shortened to that, with a `QualityWarning`.

    Returns
    -------
    ValueModel
        For `custintel.value.customer_value`.

    Raises
    ------
    ConfigurationError
        When the specification asks another question, or the horizon asked for is longer than the data.
    DateError
        When there is no past date to learn from.
    """
    spec = load_model_spec(name, models_path)
    blank = value_model(spec)
    last = wh.period[1] if known_by is None else min(pd.Timestamp(read_dates(known_by)[0]), wh.period[1])
    whole = last if last.is_month_end else last - pd.offsets.MonthEnd(1)
    days = learning_dates(wh, whole)
    if not days:
        raise DateError(
            f"no past date to learn value from\n  given: data from {wh.period[0].date()} to {last.date()}\n"
            f"  hint: about {blank.horizon + 7} months are needed for a horizon of {blank.horizon}"
        )
    blank.set_params(horizon=_horizon(blank, horizon, _months_between(days[0], whole)))
    costs = spec.question.get("unit_costs") or None
    X = _chosen(value_features(wh, days, FeatureBuilder(spec.topics, skip_unavailable=True), costs), spec)
    table = value_table(wh, days, last, blank.horizon, costs, X, question_from_spec(spec.as_dict()).outcome)
    fitted: ValueModel = table.fit(blank)
    return fitted


def _months_between(first: pd.Timestamp, last: pd.Timestamp) -> int:
    """Whole months from the end of one month to the end of another."""
    return 12 * (last.year - first.year) + last.month - first.month


def _horizon(model: ValueModel, asked: int | None, known: int) -> int:
    """The months ahead to learn: those asked for, or those of the specification as far as the data know them."""
    wanted = model.horizon if asked is None else asked
    if wanted <= known or model.extrapolate:
        return int(wanted)
    if asked is not None:
        raise ConfigurationError(
            f"the horizon is longer than the data\n  given: {asked} months\n"
            f"  allowed: 1 to {known}, the months known after the first date to learn from\n"
            f"  hint: --horizon {known} (horizon={known}), or load older data"
        )
    warnings.warn(
        f"the horizon is shortened from {wanted} to {known} months, because no more is known of past customers\n"
        "  hint: values of different horizons do not compare; --horizon (horizon=) sets it",
        QualityWarning,
        stacklevel=3,
    )
    return known


def value_model(spec: ModelSpec) -> ValueModel:
    """An unfitted model with the horizon and the parameters of a specification."""
    if spec.question.get("kind") != "future_margin":
        raise ConfigurationError(
            f"{spec.name} is no model of value\n  given: question of kind {spec.question.get('kind')}\n"
            "  allowed: future_margin\n  hint: custintel.train trains models of churn"
        )
    params: dict[str, Any] = dict(spec.learner.get("params") or {})
    return ValueModel(horizon=int(spec.question.get("horizon_months", 12)), **params)


def _chosen(X: pd.DataFrame, spec: ModelSpec) -> pd.DataFrame:
    """Rows of the population and columns not left out."""
    return without_excluded(X[np.asarray(in_population(X, spec.population))], spec)

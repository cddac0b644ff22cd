"""Estimators with scikit-learn's interface on data frames.

A learner takes any customer table as it is (numbers, text, categories, dates, missing values) and an outcome, and gives
probabilities, amounts, months, effects or a rank. `TableClassifier` tells two classes or more apart, and
`ChurnClassifier` is the same with the defaults for churn; `TableRegressor` expects amounts; `ChurnSurvival` says when
customers leave, and why; `OfferPropensity` which offer they would take; `UpliftModel` what a treatment changes;
`AnomalyScore` how unusual a customer is; `ProfitThreshold` whom to contact. `own_estimator` lets a model file name a
classifier or regressor of scikit-learn's or the user's own. Every learner explains a row by contributions that add up, and writes what it has
learned as plain data and text (``to_state``, ``from_state``). Learners know no warehouse, no YAML and no MLflow.

>>> import pandas as pd
>>> table = pd.DataFrame({"plan": ["S", "M"] * 30, "bill": range(60)})
>>> left = [1] * 30 + [0] * 30
>>> model = TableClassifier(effort="fast").fit(table, left)
>>> model.predict(table.iloc[[0, 59]]).tolist()
[1, 0]
>>> model.contributions(table.head(1)).columns.tolist()
['plan', 'bill']
"""

from __future__ import annotations

from custintel.learners._anomaly_score import AnomalyScore
from custintel.learners._churn_classifier import ChurnClassifier
from custintel.learners._churn_survival import ChurnSurvival
from custintel.learners._offer_propensity import OfferPropensity
from custintel.learners._profit_threshold import ProfitThreshold
from custintel.learners._table_classifier import TableClassifier
from custintel.learners._table_regressor import TableRegressor
from custintel.learners._uplift_model import UpliftModel

__all__ = [
    "AnomalyScore",
    "ChurnClassifier",
    "ChurnSurvival",
    "OfferPropensity",
    "ProfitThreshold",
    "TableClassifier",
    "TableRegressor",
    "UpliftModel",
]

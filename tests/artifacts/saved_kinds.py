"""One small saved model of every kind, and how each is used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from custintel.artifact import Model
from custintel.credit import CreditScorecard
from custintel.fraud import FraudDetector
from custintel.learners import (
    AnomalyScore,
    ChurnClassifier,
    ChurnSurvival,
    OfferPropensity,
    TableClassifier,
    TableRegressor,
    UpliftModel,
)
from custintel.learners.own_estimator import OwnEstimator
from custintel.rules import LearnSettings, Rule, RuleBase
from custintel.value import TierForecast, ValueModel, ValueTiers

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ROWS = 400
_rng = np.random.default_rng(5)
TABLE = pd.DataFrame(
    {
        "plan": _rng.choice(list("ABCDEFGHIJ"), ROWS),
        "minutes": np.where(_rng.random(ROWS) < 0.1, np.nan, _rng.gamma(2, 50, ROWS)),
        "day_charge": _rng.gamma(2, 5, ROWS),
        "eve_charge": _rng.gamma(2, 4, ROWS),
        "night_charge": _rng.gamma(2, 3, ROWS),
        "run_rate": _rng.gamma(2, 10, ROWS),
        "since": pd.Timestamp("2025-01-01") + pd.to_timedelta(_rng.integers(0, 300, ROWS), unit="D"),
    },
    index=pd.Index([f"c{i}" for i in range(ROWS)], name="customer_id"),
)
ODDS = (TABLE["plan"] < "D") * 2.0 + (TABLE["minutes"].fillna(0) < 60) * 1.5 - 1.5
LEFT = _rng.random(ROWS) < 1 / (1 + np.exp(-ODDS))
MONTHS = np.ceil(_rng.exponential(4 + 6 * ~LEFT)).clip(1, 9)
CAUSES = np.where(LEFT, _rng.choice(["silent", "port"], ROWS), None)
CLASSES = np.where(TABLE["minutes"] > 90, "busy", "quiet")
FUTURE = TABLE["run_rate"].to_numpy()[:, None] + _rng.normal(0, 2, (ROWS, 6))


def _churn() -> Any:
    return ChurnClassifier(n_jobs=1).fit(TABLE, np.where(LEFT, "yes", "no"))


def _classes() -> Any:
    return TableClassifier(effort="fast", n_jobs=1).fit(TABLE, np.where(LEFT, "left", CLASSES))


def _amounts() -> Any:
    return TableRegressor(n_jobs=1).fit(TABLE, np.where(LEFT, 0.0, FUTURE[:, 0]))


def _own() -> Any:
    return OwnEstimator("sklearn.linear_model.Ridge").fit(TABLE, FUTURE[:, 0])


def _survival() -> Any:
    return ChurnSurvival(extrapolate=True).fit(TABLE, MONTHS, cause=CAUSES)


def _value() -> Any:
    return ValueModel(horizon=6, extrapolate=True).fit(TABLE, FUTURE, months=MONTHS, cause=CAUSES)


def _offers() -> Any:
    offer = np.where(np.arange(ROWS) % 2, "more_data", "discount")
    facts = pd.DataFrame({"price": [5.0, 3.0]}, index=["more_data", "discount"])
    model = OfferPropensity(eligible={"discount": "minutes < 90"})
    return model.fit(TABLE, LEFT, offer=offer, attributes=facts)


def _uplift() -> Any:
    treated = _rng.random(ROWS) < 0.5
    return UpliftModel(learner="s").fit(TABLE, (LEFT & ~treated).astype(int), treatment=treated, propensity="constant")


def _scorecard() -> Any:
    return CreditScorecard().fit(TABLE, LEFT.astype(int))


def _anomaly() -> Any:
    return AnomalyScore(trees=5).fit(TABLE)


def _tiers() -> Any:
    return ValueTiers().fit(TABLE[["run_rate"]])


def _tier_forecast() -> Any:
    tiers = ValueTiers(names=("low", "high")).fit(TABLE[["run_rate"]])
    later = np.where(LEFT, "left", tiers.tier_of(TABLE[["run_rate"]]))
    return TierForecast(annual="run_rate", effort="fast", n_jobs=1).fit(TABLE, later, tiers=tiers)


def _fraud() -> Any:
    rules = RuleBase()
    rules.add(Rule("quiet", "minutes < 40"), by="expert", reason="known")
    settings = LearnSettings(max_rules=3, max_candidates=50, folds=3)
    kinds = np.where(TABLE["plan"] < "C", "sim_box", "never_payer")
    return FraudDetector(rules=rules, settings=settings).fit(TABLE, LEFT.astype(int), kinds=kinds)


MAKERS: dict[str, Callable[[], Any]] = {
    "churn": _churn,
    "classes": _classes,
    "amounts": _amounts,
    "own": _own,
    "survival": _survival,
    "value": _value,
    "offers": _offers,
    "uplift": _uplift,
    "scorecard": _scorecard,
    "anomaly": _anomaly,
    "tiers": _tiers,
    "tier_forecast": _tier_forecast,
    "fraud": _fraud,
}
METADATA = {
    "version": "7",
    "decile_edges": [0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1],
    "features": [{"column": "minutes", "about": "Minutes", "unit": "min"}],
}


def save_all(home: Path) -> list[str]:
    """Save a model of every kind under its name."""
    for name, make in MAKERS.items():
        Model(name, make(), METADATA).save(home / name)
    return list(MAKERS)


def use(model: Model) -> list[np.ndarray]:
    """What a user asks of a model; every number must be one, chances must be chances."""
    X, estimator = TABLE.head(60), model.estimator
    found = _USES[type(estimator).__name__](estimator, X)
    if type(estimator).__name__ == "ChurnClassifier":
        from custintel.scoring import score

        found.append(score(model, table=X.reset_index(), id_column="customer_id")["decile"].to_numpy(np.float64))
    repr(model)
    return [np.asarray(one, dtype=np.float64) for one in found]


def _use_churn(m: Any, X: pd.DataFrame) -> list[Any]:
    _chances(m.predict_proba(X))
    m.predict(X)
    return [m.predict_proba(X), m.contributions(X), m.feature_importance()]


def _use_amounts(m: Any, X: pd.DataFrame) -> list[Any]:
    quantiles = m.predict_quantiles(X)
    assert (np.diff(quantiles.to_numpy(), axis=1) >= -1e-9).all(), "quantiles that cross"
    return [m.predict(X), m.contributions(X), quantiles]


def _use_survival(m: Any, X: pd.DataFrame) -> list[Any]:
    _chances(m.survival(X))
    return [m.survival(X), *m.incidence(X).values(), m.predict(X), m.contributions(X)]


def _use_offers(m: Any, X: pd.DataFrame) -> list[Any]:
    found = m.propensity(X).fillna(0.5)
    _chances(found)
    return [found, m.rank(X)["probability"]]


def _use_uplift(m: Any, X: pd.DataFrame) -> list[Any]:
    m.words()
    return [m.predict(X), m.standard_error(X)]


def _use_scorecard(m: Any, X: pd.DataFrame) -> list[Any]:
    m.reasons(X)
    _chances(m.predict_proba(X))
    return [m.points(X), m.predict_proba(X)]


def _use_tier_forecast(m: Any, X: pd.DataFrame) -> list[Any]:
    _chances(m.predict_proba(X))
    m.predict(X)
    m.tier_today(X)
    return [m.predict_proba(X), m.contributions(X)]


def _use_fraud(m: Any, X: pd.DataFrame) -> list[Any]:
    _chances(m.predict_proba(X))
    m.alarms(X)
    decided = m.decide(X)[["probability", "expected_loss", "net_benefit"]]
    return [m.predict_proba(X), m.predict_kind_proba(X), decided, m.component_scores(X)]


_USES: dict[str, Callable[[Any, pd.DataFrame], list[Any]]] = {
    "ChurnClassifier": _use_churn,
    "TableClassifier": _use_churn,
    "TableRegressor": _use_amounts,
    "OwnEstimator": lambda m, X: [m.predict(X), m.contributions(X)],
    "ChurnSurvival": _use_survival,
    "ValueModel": lambda m, X: [m.predict(X), m.contributions(X)],
    "OfferPropensity": _use_offers,
    "UpliftModel": _use_uplift,
    "CreditScorecard": _use_scorecard,
    "AnomalyScore": lambda m, X: [m.score_samples(X), m.peer_shares(X).fillna(0.5)],
    "TierForecast": _use_tier_forecast,
    "ValueTiers": lambda m, X: [m.transform(X[["run_rate"]])],
    "FraudDetector": _use_fraud,
}


def _chances(values: Any) -> None:
    found = np.asarray(values, dtype=np.float64)
    assert ((found >= -1e-9) & (found <= 1 + 1e-9)).all(), "chances beyond 0 to 1"

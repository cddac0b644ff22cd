"""The adapter of `OfferPropensity`: which of many offers a customer would take up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pandas as pd

from custintel.adapters.adapter import (
    LearnerAdapter,
    LearnerSettings,
    Metric,
    MetricWords,
    ScoreColumn,
    TrainingRows,
    customers_of_rows,
    intervals,
    metric_suffix,
)
from custintel.errors import ConfigurationError, DataError
from custintel.learners import OfferPropensity
from custintel.metrics import calibration, discrimination
from custintel.metrics.confidence_intervals import wilson
from custintel.reports.model.own_section import BarChart, Line, LineChart, Section, Table, Text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from custintel.reports.model.evaluation import Evaluation


_MOST_OFFERS = 3
_FEWEST_ANSWERS = 5
_FEWEST_CONTACTS = 30
_BINS = 5
_SINGLE = "offer"


class OfferPropensityAdapter(LearnerAdapter):
    """`OfferPropensity` from the door: offers ranked by the chance that each is taken up."""

    learner: ClassVar[str] = "OfferPropensity"
    targets: ClassVar[tuple[str, ...]] = ("response",)
    rank_by: ClassVar[str] = "probability_1"
    metric_words: ClassVar[Mapping[str, MetricWords]] = {
        "auc": MetricWords("AUC over all offers", "How often a taken offer had the higher chance", 3, 0.5, 1.0),
        "auc_within_offers": MetricWords(
            "AUC within an offer", "The same among contacts of one offer, mean over the offers", 3, 0.5, 1.0
        ),
        "log_loss": MetricWords("Log loss", "How far the chances are from what happened; less is better", 4),
        "log_loss_of_rates": MetricWords(
            "Log loss of the rates", "The same if everybody had the take-up rate of the offer; less is better", 4
        ),
        "ece": MetricWords("Calibration error", "How far chances lie from shares, on average; less is better", 4),
    }

    def new_estimator(self, settings: LearnerSettings) -> OfferPropensity:
        """A model of all offers with the parameters of its specification."""
        if settings.constraints:
            raise ConfigurationError(
                f"OfferPropensity takes no constraints\n  given: {', '.join(settings.constraints)}\n"
                "  hint: conditions for an offer go into learner: params: eligible"
            )
        return OfferPropensity(**settings.keywords())

    def fit(self, estimator: Any, rows: TrainingRows) -> Any:
        """Learn from contacts with their offers; one offer for all where none is named."""
        return estimator.fit(rows.X, rows.y, offer=rows.answer("offer"), groups=rows.groups)

    def predict(self, estimator: Any, X: pd.DataFrame) -> pd.DataFrame:
        """The likeliest offers of each customer with their chances, among those that the customer may have."""
        return _ranked(estimator.propensity(X))

    def judged(self, estimator: Any, rows: TrainingRows) -> pd.DataFrame:
        """The same, and the chance of the offer that was made, whether or not the customer may have it today."""
        chances = estimator.propensity(rows.X)
        made = _offers_made(rows)
        place = chances.columns.get_indexer(pd.Index(made))
        open_chances = _chances_without_rules(estimator, rows.X)
        own = np.where(place >= 0, open_chances.to_numpy()[np.arange(len(rows)), np.maximum(place, 0)], np.nan)
        rate = float(np.nanmean(own)) if np.isfinite(own).any() else 0.0
        return _ranked(chances).assign(probability=np.where(np.isfinite(own), own, rate), offer=made)

    def columns(self, estimator: Any) -> tuple[ScoreColumn, ...]:
        """Up to three offers and their chances."""
        found = []
        for k in range(1, min(_MOST_OFFERS, len(estimator.offers_)) + 1):
            found.append(ScoreColumn(f"offer_{k}", "category", f"{_ORDINALS[k]} offer that the customer may have"))
            found.append(ScoreColumn(f"probability_{k}", "share", f"Chance that offer_{k} is taken up if it is made"))
        return tuple(found)

    def metrics(
        self,
        rows: TrainingRows,
        predicted: pd.DataFrame,
        costs: Mapping[str, float],  # noqa: ARG002
        random_state: int,
    ) -> dict[str, Metric]:
        """How well the chances of the offers made tell who took them up: over all offers, within, and by offer."""
        names, codes = np.unique(predicted["offer"].to_numpy(dtype=str), return_inverse=True)
        rates = _rates(rows.y.to_numpy(np.float64), codes)
        score = np.column_stack([predicted["probability"], codes, rates])
        groups = customers_of_rows(rows.X.index)
        found = intervals(_OVERALL, rows.y.to_numpy(np.float64), score, groups, random_state)
        told = [k for k in range(len(names)) if _can_be_told(rows.y[codes == k])]
        found["ece"]["low"] = max(found["ece"]["low"], 0.0)
        own = {f"auc_{metric_suffix(names[k])}": _auc_of(k) for k in told} if len(names) > 1 else {}
        return {**found, **intervals(own, rows.y.to_numpy(np.float64), score, groups, random_state)}

    def sections(self, evaluation: Evaluation) -> tuple[Section, ...]:
        """Take-up and calibration of each offer, and which offers come first."""
        assert evaluation.predicted is not None
        told = evaluation.predicted.assign(taken=evaluation.y.to_numpy(np.float64))
        return (_take_up_section(told), _first_offers_section(told))

    def headline(self, evaluation: Evaluation) -> tuple[str, ...]:
        """What is taken up, and whether the model knows by whom."""
        assert evaluation.predicted is not None
        metrics = evaluation.model.metadata["metrics"]
        offers, rate = evaluation.predicted["offer"].nunique(), float(evaluation.y.mean())
        made = f"Of {len(evaluation.y):,} contacts with {offers} offer{'' if offers == 1 else 's'}"
        caveat = "Take-up is not effect: who takes an offer might have bought anyway."
        verdict = _verdict(metrics["auc"], metrics["auc_within_offers"])
        return (verdict, f"{made}, {rate:.1%} were taken up. {caveat}")

    def check(self, rows: TrainingRows, where: str) -> None:
        """Enough offers that were taken up, and enough that were not."""
        taken = int(rows.y.sum())
        if min(taken, len(rows) - taken) < _FEWEST_ANSWERS:
            raise DataError(
                f"too few answers in {where}\n  given: {taken} offers taken up, {len(rows) - taken} not\n"
                f"  allowed: at least {_FEWEST_ANSWERS} of each\n  hint: more months of campaigns, or a longer horizon"
            )


_ORDINALS = {1: "Likeliest", 2: "Second likeliest", 3: "Third likeliest"}


def _ranked(chances: pd.DataFrame) -> pd.DataFrame:
    """offer_1, probability_1, ... from customers x offers; a customer who may have fewer has empty ones."""
    values = chances.fillna(-1.0).to_numpy()
    order = np.argsort(-values, axis=1, kind="stable")[:, :_MOST_OFFERS]
    names, found = np.asarray(chances.columns, dtype=object), {}
    for k in range(order.shape[1]):
        chance = values[np.arange(len(values)), order[:, k]]
        found[f"offer_{k + 1}"] = np.where(chance >= 0, names[order[:, k]], "")
        # the list is sorted by the first chance: who may have no offer stands at its end
        found[f"probability_{k + 1}"] = np.where(chance >= 0, chance, 0.0 if k == 0 else np.nan)
    return pd.DataFrame(found, index=chances.index)


def _chances_without_rules(estimator: OfferPropensity, X: pd.DataFrame) -> pd.DataFrame:
    """Chances of all offers: an offer that was made is judged, whatever the rules say today."""
    if not estimator.eligible:
        return estimator.propensity(X)
    every = OfferPropensity.from_state(*estimator.to_state())
    every.eligible = None
    return every.propensity(X)


def _offers_made(rows: TrainingRows) -> np.ndarray:
    """The offer of each contact."""
    offer = rows.answer("offer")
    return np.full(len(rows), _SINGLE, dtype=object) if offer is None else offer.astype(str).to_numpy(dtype=object)


def _rates(y: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """The take-up rate of the offer of each row."""
    return np.asarray((np.bincount(codes, y) / np.maximum(np.bincount(codes), 1))[codes])


def _can_be_told(taken: Any) -> bool:
    """Whether an offer has enough answers of both kinds for a metric of its own."""
    yes = int(np.sum(taken))
    return min(yes, len(taken) - yes) >= _FEWEST_ANSWERS


def _auc(y: np.ndarray, p: np.ndarray) -> float:
    """The AUC; one half where a draw has answers of one kind alone."""
    return discrimination.auc(y, p) if 0 < y.sum() < len(y) else 0.5


def _auc_of(code: int) -> Callable[[np.ndarray, np.ndarray], float]:
    def metric(y: np.ndarray, score: np.ndarray) -> float:
        mine = score[:, 1] == code
        return _auc(y[mine], score[mine, 0])

    return metric


def _auc_within_offers(y: np.ndarray, score: np.ndarray) -> float:
    """Mean AUC of the offers, each with the weight of its pairs of a taken and a refused contact."""
    found, weights = [0.5], [1e-9]
    for code in np.unique(score[:, 1]):
        mine = score[:, 1] == code
        yes = float(y[mine].sum())
        found.append(_auc(y[mine], score[mine, 0]))
        weights.append(yes * (float(mine.sum()) - yes))
    return float(np.average(found, weights=weights))


def _log_loss(y: np.ndarray, p: np.ndarray) -> float:
    bounded = np.clip(p, 1e-6, 1 - 1e-6)
    return float(-np.mean(y * np.log(bounded) + (1 - y) * np.log(1 - bounded)))


_OVERALL: Mapping[str, Callable[[Any, Any], float]] = {
    "auc": lambda y, score: _auc(y, score[:, 0]),
    "auc_within_offers": _auc_within_offers,
    "log_loss": lambda y, score: _log_loss(y, score[:, 0]),
    "log_loss_of_rates": lambda y, score: _log_loss(y, score[:, 2]),
    "ece": lambda y, score: calibration.ece_score(y, score[:, 0], _BINS),
}


def _verdict(auc: Metric, within: Metric) -> str:
    """Whether the model knows who takes up what."""
    span = f"{auc['value']:.2f} ({auc['low']:.2f} to {auc['high']:.2f})"
    if auc["low"] <= 0.5:
        return f"The chances do not tell reliably who takes up an offer: AUC {span}"
    if within["low"] <= 0.5:
        return f"The model tells which offers are taken up (AUC {span}), but not reliably by whom"
    return f"The model tells who takes up which offer: AUC {span}"


def _take_up_section(told: pd.DataFrame) -> Section:
    """Predicted beside measured take-up of each offer, and calibration where contacts are enough."""
    rows = []
    for name, part in told.groupby("offer"):
        low, high = wilson(float(part["taken"].sum()), float(len(part)))
        rows.append((str(name), len(part), int(part["taken"].sum()), 100 * float(part["taken"].mean()),
                     100 * low, 100 * high, 100 * float(part["probability"].mean())))  # fmt: skip
    columns = ("Offer", "Contacts", "Taken up", "Taken up, %", "from, %", "to, %", "Predicted, %")
    table = Table(columns, tuple(rows), "Take-up by offer", "Contacts that the model has not seen; 95 % intervals.", 1)
    lines = tuple(
        _calibration_line(str(name), part) for name, part in told.groupby("offer") if len(part) >= _LEAST_DRAWN
    )
    caption = "Contacts of each offer in groups of equal size; on the dashed line chances are true."
    chart = LineChart("Calibration by offer", "predicted chance", "share taken up", lines[:4], caption, True)
    lead = "How many took up each offer, and whether the predicted chances say the same."
    return Section("Take-up of the offers", lead, (table, *((chart,) if lines else ())))


_LEAST_DRAWN = _BINS * _FEWEST_CONTACTS


def _calibration_line(name: str, part: pd.DataFrame) -> Line:
    """Mean chance and share taken up in groups of contacts."""
    chances = part[["probability", "taken"]].sort_values("probability", kind="stable").to_numpy(np.float64)
    means = np.array([group.mean(axis=0) for group in np.array_split(chances, _BINS)])
    return Line(name, tuple(means[:, 0].tolist()), tuple(means[:, 1].tolist()))


def _first_offers_section(told: pd.DataFrame) -> Section:
    """For how many customers each offer comes first, and what was taken up where the first offer was made."""
    shares = told.loc[told["offer_1"] != "", "offer_1"].value_counts(normalize=True)
    chart = BarChart("The likeliest offer", tuple(map(str, shares.index)), tuple(100 * shares.to_numpy()),
                     "Share of customers for whom an offer has the highest chance, %.", 1)  # fmt: skip
    first = told["offer"] == told["offer_1"]
    said = "Nobody was made the offer that the model ranks first." if not first.any() else _first_sentence(told, first)
    return Section("Which offer first", "The ranking by chance of take-up among the offers open to a customer.",
                   (Text((said, _CAVEAT)), chart))  # fmt: skip


_CAVEAT = (
    "The likeliest offer need not be the best one: a cheap offer is taken up often and may change nothing. Decide by "
    "uplift and cost where there is a control group."
)


def _first_sentence(told: pd.DataFrame, first: pd.Series) -> str:
    made, taken = int(first.sum()), float(told.loc[first, "taken"].mean())
    low, high = wilson(float(told.loc[first, "taken"].sum()), float(made))
    others = told.loc[~first, "taken"]
    rest = f" Of {len(others):,} contacts with another offer, {others.mean():.1%} were." if len(others) else ""
    share = f"{taken:.1%} ({low:.1%} to {high:.1%})"
    return f"Of {made:,} contacts that made the offer ranked first, {share} were taken up.{rest}"

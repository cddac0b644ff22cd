"""`CreditScorecard`: points that add up to a score, monotone in every column."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd
from scipy.special import expit
from sklearn.utils.validation import check_is_fitted

from custintel.credit._limit_rule import LimitRule
from custintel.credit._scorecard_bins import Bins, BinSettings, information_value, learn_bins
from custintel.errors import ConfigurationError, Problem, raise_problems
from custintel.learners.base_estimators import EventClassifier, TableEstimator, integer_seed
from custintel.learners.ensemble.blend_and_calibration import log_loss_raw
from custintel.learners.ensemble.inner_folds import fold_of_rows
from custintel.learners.ensemble.logistic_regression import fit_positive
from custintel.learners.feature_contract import MIN_LEVEL_COUNT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from custintel.learners.saved_state_schemas import EstimatorState


_PENALTIES = (0.3, 3.0, 30.0)
_FOLDS = 5
_FEWEST_FOR_FOLDS = 50
_MOST_BANDS = 26  # letters


class CreditScorecard(EventClassifier, TableEstimator):
    """Scorecard of weights of evidence: whole points for each bin of each column, which add up to the score.

    A higher score is a better customer; every `pdo` points double the odds good : bad. Each number is cut into bins
    whose bad rate only rises or only falls, and every column keeps its direction in the sum, because weights cannot
    turn negative: a customer with more arrears never gets more points for it. The card is the model: probabilities are
    computed from the whole points.

    Parameters
    ----------
    monotone : mapping of str to {-1, 1}, optional
        Columns whose rise is bad (1) or good (-1); otherwise the data say.
    pdo : float
        Points that double the odds.
    base_score, base_odds : float
        Score at which the odds good : bad are `base_odds`.
    least_iv : float
        Columns of a smaller information value are left out.
    bins : BinSettings, optional
        How columns are cut.
    band_count : int
        Score bands of about equal size among the customers learned from; A is the best.
    limits : mapping, optional
        How credit limits follow from the score; without it there are none. ``loss_budget``: the loss of a customer over
        the horizon of the score that is accepted on average, in u. ``lgd``, ``utilisation``, ``floor`` and ``cap``: as
        in `LimitSettings`. ``tenure_days`` and ``mean_bill``: the columns of X with the tenure in days and the mean
        bill in u, ``tenure_days`` and ``bill_mean_180d`` unless you name others.
    pos_label : object, optional
        The label of bad customers. Without it a known word for yes (yes, true, churned, bad, fraud, ...) is bad, of
        numbers the larger one, otherwise the rarer label, with a warning.
    min_level_count : int
        Levels of a category that fewer customers have are pooled into one; none of them is kept in the model.
    random_state : int, RandomState or None
        Seed of the folds that choose the penalty.

    Attributes
    ----------
    classes_ : array
        Both labels, sorted: the order of the columns of `predict_proba`.
    pos_label_ : object
        The label of bad customers.
    points_ : DataFrame
        The card: column, bin (in words), points, woe, share of customers, bad_rate, customers' number of the bin.
    information_value_ : Series
        Information value of every column, highest first.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> late = rng.poisson(1, 2000)
    >>> X = pd.DataFrame({"late_bills": late, "plan": rng.choice(["S", "M"], 2000)})
    >>> bad = rng.random(2000) < expit(late - 3)
    >>> card = CreditScorecard().fit(X, bad)
    >>> bool(card.points(pd.DataFrame({"late_bills": [0, 5], "plan": ["S", "S"]})).diff().iloc[1] < 0)
    True
    """

    def __init__(  # noqa: PLR0913 - scikit-learn wants every parameter here
        self,
        *,
        monotone: Mapping[str, int] | None = None,
        pdo: float = 20.0,
        base_score: float = 600.0,
        base_odds: float = 50.0,
        least_iv: float = 0.01,
        bins: BinSettings | None = None,
        band_count: int = 5,
        limits: Mapping[str, Any] | None = None,
        pos_label: Any = None,
        min_level_count: int = MIN_LEVEL_COUNT,
        random_state: Any = 0,
    ) -> None:
        self.monotone = monotone
        self.pdo = pdo
        self.base_score = base_score
        self.base_odds = base_odds
        self.least_iv = least_iv
        self.bins = bins
        self.band_count = band_count
        self.limits = limits
        self.pos_label = pos_label
        self.min_level_count = min_level_count
        self.random_state = random_state

    def fit(self, X: Any, y: Any, groups: Any = None) -> Self:
        """Learn bins, weights and points.

        Parameters
        ----------
        X : data frame or array
            One row a customer (or a customer and a date).
        y : array-like
            Two values; which one is bad, `pos_label` tells.
        groups : array-like, optional
            Customer of each row: rows of one customer stay on one side of the folds that choose the penalty.
        """
        target = self._learn_event(y)
        table, matrix = self._learn_table(X, target, groups=groups)
        self._check_params()
        bins = self._learn_bins(matrix, target)
        values = {name: information_value(found, target.mean()) for name, found in bins.items()}
        self.information_value_ = pd.Series(values, name="information_value").sort_values(ascending=False)
        kept = [name for name in bins if values[name] >= self.least_iv] or list(bins)
        Z = self._risk({name: bins[name] for name in kept}, matrix)
        beta = fit_positive(Z, target, self._penalty(Z, target, groups))
        self._write_card({n: (bins[n], b) for n, b in zip(kept, beta[1:], strict=True)}, float(beta[0]))
        score = self.points(table)
        self.band_edges_ = np.unique(np.quantile(score, np.linspace(0, 1, self.band_count + 1)[1:-1]).round()).tolist()
        rule = self._limit_rule()
        self.limit_factor_ = None if rule is None else rule.factor(table, self.event_probability(table))
        return self

    def points(self, X: Any) -> pd.Series:
        """Score of each customer: the sum of its points; higher is better."""
        parts = self.points_by_column(X)
        return parts.sum(axis=1).astype(np.int64).rename("score")

    def points_by_column(self, X: Any) -> pd.DataFrame:
        """Points of each customer for each column of the card."""
        check_is_fitted(self)
        matrix, positions = self.encode(X), self._column_positions()
        found = {n: np.asarray(self.card_[n])[b.bin_of(matrix[:, positions[n]])] for n, b in self.bins_.items()}
        index = X.index if isinstance(X, pd.DataFrame) else pd.RangeIndex(len(matrix))
        base = pd.DataFrame({"(base)": np.full(len(matrix), self.base_points_)}, index=index)
        return base.assign(**found)

    def band(self, X: Any) -> pd.Series:
        """Score band of each customer: A is the best."""
        score = self.points(X)
        worse = len(self.band_edges_) - np.searchsorted(self.band_edges_, score, side="left")
        return pd.Series(_letters(len(self.band_edges_) + 1)[worse], score.index, name="band")

    def credit_limit(self, X: pd.DataFrame) -> pd.Series:
        """Credit limit of each customer in u, by its own risk, tenure and mean bill; missing where those are."""
        check_is_fitted(self)
        rule = self._limit_rule()
        if rule is None or self.limit_factor_ is None:
            raise ConfigurationError('the scorecard was fitted without limits\n  hint: limits={"loss_budget": 1.0}')
        return rule.limit(X, self.event_probability(X), self.limit_factor_)

    @property
    def limit_columns(self) -> tuple[str, ...]:
        """The columns of X that limits are computed from; none without limits."""
        rule = self._limit_rule()
        return () if rule is None else rule.columns

    def _limit_rule(self) -> LimitRule | None:
        return None if self.limits is None else LimitRule.from_settings(self.limits)

    def contributions(self, X: Any, kernel: Any = None) -> pd.DataFrame:  # noqa: ARG002 - a card has no trees
        """What each column adds to the log-odds of being bad.

        The points that a customer lacks to the average of the column, in log-odds. They add up, with
        `expected_value_`, to the log-odds; columns that are not on the card add 0.
        """
        parts, means = self.points_by_column(X).drop(columns="(base)"), self._mean_points()
        found = (means - parts) / self._factor
        return found.reindex(columns=self.contract_.names, fill_value=0.0)

    @property
    def expected_value_(self) -> float:
        """Log-odds of being bad at the average points of every column; contributions start here."""
        return float((self._offset - self.base_points_ - self._mean_points().sum()) / self._factor)

    def event_log_odds(self, X: Any) -> np.ndarray:
        """Log-odds of being bad, from the points."""
        return np.asarray((self._offset - self.points(X).to_numpy()) / self._factor)

    def event_probability(self, X: Any) -> np.ndarray:
        """Probability of being bad, from the points."""
        return np.asarray(expit(self.event_log_odds(X)))

    def reasons(self, X: Any, count: int = 3) -> pd.DataFrame:
        """Columns that cost each customer most points against the best bin, with the bin in words.

        Returns
        -------
        DataFrame
            Index of `X`; reason_1, reason_2, ... as text ``column: bin (-points)``; missing where none costs points.
        """
        parts = self.points_by_column(X).drop(columns="(base)")
        best = pd.Series({name: max(points) for name, points in self.card_.items()}, dtype=float)
        lost = (best - parts).to_numpy() if len(best) else np.zeros((len(parts), 0))
        matrix, positions = self.encode(X), self._column_positions()
        told = [self._reason_texts(name, self.bins_[name].bin_of(matrix[:, positions[name]]), lost[:, k])
                for k, name in enumerate(self.bins_)]  # fmt: skip
        texts = np.array(told, dtype=object).T.reshape(len(parts), -1)
        order = np.argsort(-lost, axis=1, kind="stable")[:, :count]
        texts[lost <= 0] = None
        found = np.take_along_axis(texts, order, axis=1)
        return pd.DataFrame(found, index=parts.index, columns=[f"reason_{k + 1}" for k in range(found.shape[1])])

    def bands(self, X: Any, y: Any, count: int = 5) -> pd.DataFrame:
        """Score bands of about equal size on customers the card has not seen: their odds, bad rate and scores.

        Returns
        -------
        DataFrame
            One row a band, best first: lowest and highest score, customers, bad, bad_rate, expected (by the card).
        """
        score, target = self.points(X), (np.asarray(y) == self.pos_label_).astype(float)
        edges = np.unique(np.quantile(score, np.linspace(0, 1, count + 1)[1:-1]).round())
        band = np.searchsorted(edges, score, side="left")
        frame = pd.DataFrame({"band": band, "score": score.to_numpy(), "bad": target, "p": self.event_probability(X)})
        by = frame.groupby("band")
        found = pd.DataFrame(
            {
                "lowest": by["score"].min(), "highest": by["score"].max(), "customers": by.size(),
                "bad": by["bad"].sum().astype(int), "bad_rate": by["bad"].mean(), "expected": by["p"].mean(),
            }
        )  # fmt: skip
        found = found.iloc[::-1].reset_index(drop=True)
        return found.set_axis(pd.Index(_letters(len(found)), name="band"), axis=0)

    @property
    def points_(self) -> pd.DataFrame:
        """The card."""
        rows = [
            {"column": name, "bin": self._bin_text(name, k), "points": points[k], "woe": self.bins_[name].woe[k],
             "share": self.bins_[name].share[k], "bad_rate": self.bins_[name].bad_rate[k]}
            for name, points in self.card_.items()
            for k in range(len(points))
        ]  # fmt: skip
        base = {"column": "(base)", "bin": "every customer", "points": self.base_points_, "woe": 0.0, "share": 1.0}
        return pd.DataFrame([{**base, "bad_rate": self.bad_rate_}, *rows])

    @staticmethod
    def saved_state() -> type[EstimatorState]:
        """What the state in a file looks like; see `custintel.learners.saved_state_schemas`."""
        from custintel.credit._saved_state_schema import CreditScorecardState

        return CreditScorecardState

    def to_state(self) -> tuple[dict[str, Any], dict[str, str]]:
        """Everything learned as plain data; there are no boosters."""
        state = self._table_state()
        given = state["params"]
        given["bins"] = None if given["bins"] is None else vars(given["bins"])
        given["monotone"] = None if given["monotone"] is None else dict(given["monotone"])
        rule = self._limit_rule()
        given["limits"] = None if rule is None else rule.to_state()
        return {
            **state,
            "params": given,
            **self._event_state(),
            "bins": [[name, bins.to_state()] for name, bins in self.bins_.items()],
            "card": [[name, list(points)] for name, points in self.card_.items()],
            "base_points": self.base_points_,
            "band_edges": self.band_edges_,
            "limit_factor": self.limit_factor_,
            "bad_rate": self.bad_rate_,
            "information_value": [[name, value] for name, value in self.information_value_.items()],
        }, {}

    @classmethod
    def from_state(cls, state: Mapping[str, Any], boosters: Mapping[str, str] | None = None) -> Self:  # noqa: ARG003
        """Read back what `to_state` gave; the points are the same."""
        given = dict(state["params"])
        given["bins"] = None if given["bins"] is None else BinSettings(**given["bins"])
        given["limits"] = None if given.get("limits") is None else dict(given["limits"])
        card = cls._from_table_state({**state, "params": given})
        card._take_event(state)
        card.bins_ = {name: Bins.from_state(bins) for name, bins in state["bins"]}
        card.card_ = {name: tuple(points) for name, points in state["card"]}
        card.base_points_, card.bad_rate_ = state["base_points"], state["bad_rate"]
        card.band_edges_, card.limit_factor_ = list(state["band_edges"]), state["limit_factor"]
        card.information_value_ = pd.Series(dict(state["information_value"]), dtype=float, name="information_value")
        return card

    # --- inside ----------------------------------------------------------------------------------------------------

    @property
    def _factor(self) -> float:
        return self.pdo / math.log(2)

    @property
    def _offset(self) -> float:
        return self.base_score - self._factor * math.log(self.base_odds)

    def _mean_points(self) -> pd.Series:
        """The average points of each column among the customers learned from."""
        means = {name: float(np.dot(self.bins_[name].share, points)) for name, points in self.card_.items()}
        return pd.Series(means, dtype=float)

    def _learn_bins(self, matrix: np.ndarray, y: np.ndarray) -> dict[str, Bins]:
        settings, signs = self.bins or BinSettings(), dict(self.monotone or {})
        return {
            c.name: learn_bins(matrix[:, k], y, settings, levels=len(c.categories), direction=signs.get(c.name, 0))
            for k, c in enumerate(self.contract_.used)
        }

    def _risk(self, bins: Mapping[str, Bins], matrix: np.ndarray) -> np.ndarray:
        """Weights of evidence, turned so that more is worse (customers x columns)."""
        positions, out = self._column_positions(), np.empty((len(matrix), len(bins)))
        for k, (name, own) in enumerate(bins.items()):
            out[:, k] = -own.weight_of_evidence(matrix[:, positions[name]])
        return out

    def _penalty(self, Z: np.ndarray, y: np.ndarray, groups: Any) -> float:
        """The penalty with the least log loss on left-out folds; a middle one for few customers."""
        if min(y.sum(), len(y) - y.sum()) < _FEWEST_FOR_FOLDS or not Z.shape[1]:
            return _PENALTIES[1]
        together = None if groups is None else np.asarray(groups)
        fold = fold_of_rows(y, _FOLDS, together, integer_seed(self.random_state))
        return min(_PENALTIES, key=lambda penalty: _left_out_loss(Z, y, fold, penalty))

    def _write_card(self, parts: Mapping[str, tuple[Bins, float]], intercept: float) -> None:
        """Whole points; the intercept, and what the bins have in common, is the base that everybody gets."""
        used = {name: (bins, weight) for name, (bins, weight) in parts.items() if weight > 0}
        self.bins_ = {name: bins for name, (bins, _) in used.items()}
        self.card_ = {n: tuple(_rounded(self._factor * w * woe) for woe in b.woe) for n, (b, w) in used.items()}
        self.base_points_ = _rounded(self._offset - self._factor * intercept)
        rates = [float(np.dot(b.share, b.bad_rate)) for b, _ in parts.values()]
        self.bad_rate_ = rates[0] if rates else float("nan")

    def _column_positions(self) -> dict[str, int]:
        return {c.name: k for k, c in enumerate(self.contract_.used)}

    def _reason_texts(self, name: str, bin_of: np.ndarray, lost: np.ndarray) -> list[str]:
        texts = [self._bin_text(name, k) for k in range(len(self.card_[name]))]
        return [f"{name}: {texts[k]} (-{cost:.0f})" for k, cost in zip(bin_of, lost, strict=True)]

    def _bin_text(self, name: str, k: int) -> str:
        bins = self.bins_[name]
        if k == len(bins.woe) - 1:
            return "missing"
        if bins.codes:
            levels = self.contract_.used[self._column_positions()[name]].categories
            return ", ".join(level for level, own in zip(levels, bins.codes, strict=True) if own == k)
        low = f"above {bins.limits[k - 1]:g}" if k else ""
        high = f"up to {bins.limits[k]:g}" if k < len(bins.limits) else ""
        return ", ".join(part for part in (low, high) if part) or "any"

    def _check_params(self) -> None:
        known = {c.name: c.kind == "category" for c in self.contract_.columns}
        found = [
            Problem(f"monotone[{name!r}]", "no such number", name, ", ".join(n for n, c in known.items() if not c))
            for name in (self.monotone or {})
            if known.get(name, True)
        ]
        found += [
            Problem(f"monotone[{n!r}]", "unknown direction", repr(way), "1 (more is worse), -1")
            for n, way in (self.monotone or {}).items()
            if way not in (-1, 1)
        ]
        found += [
            Problem(name, "must be above 0", str(getattr(self, name)))
            for name in ("pdo", "base_odds")
            if getattr(self, name) <= 0
        ]
        if not 1 <= self.band_count <= _MOST_BANDS:
            found.append(Problem("band_count", "no number of bands", str(self.band_count), f"1 to {_MOST_BANDS}"))
        raise_problems(found)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        return tags


def _letters(count: int) -> np.ndarray:
    """A, B, C, ... for the bands from the best one on."""
    return np.array([chr(ord("A") + k) for k in range(count)], dtype=object)


def _left_out_loss(Z: np.ndarray, y: np.ndarray, fold: np.ndarray, penalty: float) -> float:
    raw = np.empty(len(y))
    for k in np.unique(fold):
        away = fold == k
        beta = fit_positive(Z[~away], y[~away], penalty)
        raw[away] = beta[0] + Z[away] @ beta[1:]
    return log_loss_raw(y, raw, np.ones(len(y)))


def _rounded(points: float) -> int:
    return math.floor(points + 0.5)

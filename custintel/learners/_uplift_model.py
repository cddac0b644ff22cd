"""`UpliftModel`: what a treatment changes for each customer, how sure that is, and whether it is anything at all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Self

import numpy as np
import pandas as pd
from scipy.stats import norm
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from custintel.errors import Problem, raise_problems
from custintel.learners._treatment_design import TreatmentDesign, clip_propensities, read_arms, read_design
from custintel.learners._uplift_meta_learners import (
    META_LEARNERS,
    EffectModel,
    UpliftData,
    fit_effect,
    fit_nuisance,
    pseudo_outcomes,
)
from custintel.learners.base_estimators import TableEstimator, integer_seed, lightgbm_threads, numeric_target
from custintel.learners.check_input import binary_target
from custintel.learners.ensemble.lightgbm_boosters import Boosters, Objective
from custintel.learners.feature_contract import MIN_LEVEL_COUNT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


MetaLearner = Literal["dr", "r", "x", "t", "s", "auto"]
_FOLDS = 5
_CONFIDENT = 1.96


class ArmEffect(NamedTuple):
    """Average effect of an arm against control, with 95 % interval, and whether effects differ between customers."""

    effect: float
    error: float
    low: float
    high: float
    slope: float
    slope_p: float

    @property
    def detectable(self) -> bool:
        """Whether the average effect is told apart from zero."""
        return self.low > 0 or self.high < 0

    @property
    def differs(self) -> bool:
        """Whether the model knows for whom the effect is larger: predicted differences go with real ones (p < 0.05)."""
        return self.slope_p < 0.05


@dataclass(frozen=True)
class _FittedArm:
    """One arm fitted: its effect before shrinking, the mean around which it is shrunk, the share that is kept."""

    effect: EffectModel
    learner: str
    centre: float
    mean: float
    share: float

    def predict(self, raw: np.ndarray) -> np.ndarray:
        return np.asarray(self.mean + self.share * (raw - self.centre))


class UpliftModel(TableEstimator):
    """Effect of one or several treatments on each customer, from an experiment.

    Nuisance models are cross-fitted; the default learner regresses doubly robust pseudo-outcomes on the customer with
    shallow boosted trees. The predicted differences between customers are then shrunk towards the average effect by
    what fits customers the model has not seen: where nothing is known about for whom a treatment works, everybody gets
    the average.

    Parameters
    ----------
    learner : {"dr", "r", "x", "t", "s", "auto"}
        Meta-learner; ``auto`` takes ``dr`` unless another one is better by more than one standard error.
    control : object, optional
        Name of the control arm; found by its name (0, control, none, ...) when not given.
    observational : bool
        Accept data that nobody randomised: propensities are then estimated, and results are named observational.
        Unknown reasons for being treated stay in the effects.
    pos_label : object, optional
        The label of the outcome that counts as 1, where the outcome has two labels that are no numbers. Without it a
        known word for yes (yes, true, churned, ...) is it, otherwise the rarer label, with a warning.
    min_level_count : int
        Levels of a category that fewer customers have are pooled into one; none of them is kept in the model.
    random_state : int, RandomState or None
        Seed of folds and boosting.
    n_jobs : int, optional
        Threads of LightGBM; None: one for small tables.

    Attributes
    ----------
    arms_ : list
        Treatments, without control.
    effects_ : dict of arm to ArmEffect
        Average effects and whether they differ between customers.
    design_ : str
        ``randomised``, ``logged`` or ``observational``.
    overlap_ : DataFrame
        Propensities of the arms; with extreme ones effects rest on few customers.
    contract_, feature_names_in_, n_features_in_
        Columns seen in `fit`.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X = pd.DataFrame({"price_sensitive": rng.random(2000) < 0.5, "noise": rng.random(2000)})
    >>> treated = rng.random(2000) < 0.5
    >>> y = (rng.random(2000) < 0.1 + 0.3 * (treated & X["price_sensitive"])).astype(int)
    >>> model = UpliftModel().fit(X, y, treatment=treated, propensity="constant")
    >>> model.predict(X.iloc[:200]).groupby(X["price_sensitive"].iloc[:200]).mean().round(1)
                     True
    price_sensitive
    False             0.0
    True             0.3
    >>> print(model.words()[0])
    True: changes the outcome by +0.156 on average (+0.123 to +0.188); the model knows for whom
    """

    arms_: list[Any]
    effects_: dict[Any, ArmEffect]
    design_: str
    overlap_: pd.DataFrame
    fits_: dict[Any, _FittedArm]

    def __init__(  # noqa: PLR0913 - scikit-learn wants every parameter here
        self,
        *,
        learner: MetaLearner = "dr",
        control: Any = None,
        observational: bool = False,
        pos_label: Any = None,
        min_level_count: int = MIN_LEVEL_COUNT,
        random_state: Any = 0,
        n_jobs: int | None = None,
    ) -> None:
        self.learner = learner
        self.control = control
        self.observational = observational
        self.pos_label = pos_label
        self.min_level_count = min_level_count
        self.random_state = random_state
        self.n_jobs = n_jobs

    def fit(self, X: Any, y: Any, treatment: Any = None, propensity: Any = None, groups: Any = None) -> Self:
        """Learn from an experiment.

        Parameters
        ----------
        X : data frame or array
            Customers as they were before the treatment.
        y : array-like
            Outcome: 0 and 1, two labels (`pos_label`), or amounts. Lower may be better (churn): effects keep the sign
            of the outcome.
        treatment : array-like
            What each customer got; one of the arms is control.
        propensity : {"constant"}, float, array-like or DataFrame
            How treatments were given: ``constant`` for a randomised experiment with the same chances for all; the
            logged probability of what was done, one a row; or a frame with one column an arm, missing where the
            customer could not have been given the arm (several campaigns, each with a control group of its own).
        groups : array-like, optional
            Customer of each row, when some are there several times.

        Raises
        ------
        DataError
            Without treatment, with one arm only, with propensities outside (0, 1), and when nothing is said about how
            treatments were given.
        """
        target = _outcome(y, self.pos_label)
        self._check_params()
        _, matrix = self._learn_table(X, target, groups=groups)
        arms, arm = read_arms(treatment, self.control, len(target))
        fold = _folds(arm, None if groups is None else np.asarray(groups), integer_seed(self.random_state))
        design = self._design(matrix, (arms, arm), fold, propensity)
        objective: Objective = "probability" if np.isin(target, (0.0, 1.0)).all() else "amount"
        training = self._training_table(matrix, target)
        threads = lightgbm_threads(self.n_jobs, matrix.size)
        data = UpliftData(training, design, fold, objective, integer_seed(self.random_state), threads)
        self._fit_arms(data, groups)
        return self

    def predict(self, X: Any) -> pd.DataFrame:
        """Effect of each arm on each customer (customers x arms), on the scale of the outcome."""
        check_is_fitted(self)
        matrix = self.encode(X)
        threads = lightgbm_threads(self.n_jobs, matrix.size)
        found = {a: one.predict(one.effect.predict(matrix, threads)) for a, one in self.fits_.items()}
        return self._frame(found, X)

    def standard_error(self, X: Any) -> pd.DataFrame:
        """Standard error of each effect: of the average, and of the differences (spread of the cross-fitted models)."""
        check_is_fitted(self)
        matrix = self.encode(X)
        threads = lightgbm_threads(self.n_jobs, matrix.size)
        found = {}
        for a, one in self.fits_.items():
            own = one.share * one.effect.by_fold(matrix, threads)
            folds = len(own)
            spread = (folds - 1) / folds * ((own - own.mean(axis=0)) ** 2).sum(axis=0)
            found[a] = np.sqrt(spread + self.effects_[a].error ** 2)
        return self._frame(found, X)

    @available_if(lambda model: model.additive_)  # type: ignore[untyped-decorator]
    def contributions(
        self, X: Any, kernel: Callable[[Any, np.ndarray], np.ndarray] | None = None, arm: Any = None
    ) -> pd.DataFrame:
        """Contributions of every column to the effect, that of the best arm for each customer (`best_arms`).

        They add up, with the average effect that contributions start from, to `predict`. What is shrunk in the effect
        is shrunk in them: where nothing is known about for whom an arm works, all are 0. Effects of the learners t and
        s are differences of probabilities, which are no sums over columns: they have no contributions.

        Parameters
        ----------
        X : data frame or array
            Customers.
        kernel : callable, optional
            ``kernel(booster, matrix)`` gives tree SHAP values (rows x (columns + 1), the last one the expected value);
            LightGBM's own when None.
        arm : object, optional
            The arm explained; for each customer the best one when None.
        """
        matrix = self.encode(X)
        best = self.best_arms(X) if arm is None else np.full(len(matrix), arm, dtype=object)
        threads = lightgbm_threads(self.n_jobs, matrix.size)
        out = np.zeros((len(matrix), matrix.shape[1]))
        for name, one in self.fits_.items():
            mine = np.flatnonzero(best == name)
            if len(mine) and one.share > 0:
                out[mine] = one.share * one.effect.contributions(matrix[mine], kernel, threads)[:, :-1]
        used = [c.name for c in self.contract_.used]
        index = X.index if isinstance(X, pd.DataFrame) else None
        return pd.DataFrame(out, index=index, columns=used).reindex(columns=self.contract_.names, fill_value=0.0)

    @property
    def additive_(self) -> bool:
        """Whether effects are sums over columns, so that `contributions` explains them."""
        return all(one.effect.additive for one in self.fits_.values())

    def feature_importance(self) -> pd.Series:
        """Share of each column in what the effects learned (mean over the arms, as far as differences are kept).

        Shares sum to 1; all are 0 where no difference between customers was kept.
        """
        check_is_fitted(self)
        used = [c.name for c in self.contract_.used]
        total = np.sum([one.share * one.effect.importance(len(used)) for one in self.fits_.values()], axis=0)
        shares = pd.Series(total / max(float(total.sum()), 1e-300), index=used, name="importance")
        return shares.sort_values(ascending=False, kind="stable")

    def best_arms(self, X: Any) -> np.ndarray:
        """The arm with the largest expected effect on each customer; arms with evidence of a gain come before others.

        Of several arms the one with the largest expected effect is too often the one of which least is known.
        """
        effects = self.predict(X)
        known = [self.effects_[arm].detectable or self.effects_[arm].differs for arm in self.arms_]
        gains = (effects - _CONFIDENT * self.standard_error(X) > 0) & known
        some = gains.any(axis=1).to_numpy()[:, None]
        chosen = np.where(some & ~gains.to_numpy(), -np.inf, effects.to_numpy()).argmax(axis=1)
        return np.asarray(np.asarray(self.arms_, dtype=object)[chosen])

    @property
    def smallest_contribution_(self) -> float:
        """Contributions below this say nothing: a tenth of the error of the average effect.

        Where it is not known for whom any arm works more than for others, none says anything (infinity).
        """
        known = [found.error for found in self.effects_.values() if found.differs]
        return float(0.1 * min(known)) if known else float("inf")

    def words(self) -> list[str]:
        """What was found, one sentence an arm."""
        caveat = "" if self.design_ != "observational" else " [observational: not an experiment]"
        return [f"{arm}: {_sentence(found)}{caveat}" for arm, found in self.effects_.items()]

    def summary(self) -> pd.DataFrame:
        """One row an arm: average effect with interval, learner, share of the differences that was kept, verdicts."""
        rows = [
            {
                "arm": arm, "effect": e.effect, "low": e.low, "high": e.high, "detectable": e.detectable,
                "differs": e.differs, "slope": e.slope, "learner": self.fits_[arm].learner,
                "kept": self.fits_[arm].share, "design": self.design_,
            }
            for arm, e in self.effects_.items()
        ]  # fmt: skip
        return pd.DataFrame(rows).set_index("arm")

    def to_state(self) -> tuple[dict[str, Any], dict[str, str]]:
        """Everything learned as plain data, and the boosters as LightGBM text."""
        check_is_fitted(self)
        states: list[dict[str, Any]] = []
        texts: dict[str, str] = {}
        for k, (arm, one) in enumerate(self.fits_.items()):
            parts = []
            for j, (boosters, weight) in enumerate(one.effect.parts):
                state, own = boosters.to_state(f"effect_{k}_{j}")
                parts.append({"boosters": state, "weight": weight})
                texts.update(own)
            states.append(
                {
                    "arm": arm, "learner": one.learner, "centre": one.centre, "mean": one.mean, "share": one.share,
                    "parts": parts, "arm_column": one.effect.arm_column, "effect": list(self.effects_[arm]),
                }
            )  # fmt: skip
        state = {
            **self._table_state(),
            "arms": states,
            "design": self.design_,
            "overlap": self.overlap_.to_dict("records"),
        }
        return state, texts

    @classmethod
    def from_state(cls, state: Mapping[str, Any], texts: Mapping[str, str]) -> Self:
        """Read back what `to_state` gave; predictions are the same."""
        model = cls._from_table_state(state)
        model.design_, model.overlap_ = state["design"], pd.DataFrame(state["overlap"])
        model.arms_ = [one["arm"] for one in state["arms"]]
        model.effects_ = {one["arm"]: ArmEffect(*one["effect"]) for one in state["arms"]}
        model.fits_ = {one["arm"]: _arm_from(one, texts) for one in state["arms"]}
        return model

    def _design(
        self, matrix: np.ndarray, arms: tuple[tuple[Any, ...], np.ndarray], fold: np.ndarray, propensity: Any
    ) -> TreatmentDesign:
        names, arm = arms
        if propensity is None and self.observational:
            return TreatmentDesign(names, arm, self._estimated(matrix, arm, fold), "observational")
        return read_design(names, arm, propensity)

    def _estimated(self, matrix: np.ndarray, arm: np.ndarray, fold: np.ndarray) -> np.ndarray:
        """Propensities by boosters that have not seen the row."""
        columns = []
        for k in range(int(arm.max()) + 1):
            given = self._training_table(matrix, (arm == k).astype(np.float64))
            nothing = TreatmentDesign((), arm, np.empty((0, 0)), "")
            data = UpliftData(
                given, nothing, fold, "probability", integer_seed(self.random_state), lightgbm_threads(self.n_jobs, 0)
            )
            columns.append(data.out_of_fold(data.boost(matrix, given.y, np.arange(len(arm)), "probability"), matrix))
        return clip_propensities(np.column_stack(columns))

    def _fit_arms(self, data: UpliftData, groups: Any) -> None:
        design = data.design
        self.design_, self.overlap_, self.arms_ = design.kind, design.overlap(), list(design.arms[1:])
        nuisance = fit_nuisance(data)
        self.effects_, self.fits_ = {}, {}
        names = META_LEARNERS if self.learner == "auto" else (self.learner,)
        for k, name in enumerate(self.arms_, 1):
            rows = np.flatnonzero(design.possible(k))
            psi = pseudo_outcomes(data, nuisance, k)[rows]
            tried = {one: fit_effect(one, data, nuisance, k) for one in names}
            chosen = _best_learner({one: effect.out_of_fold[rows] for one, effect in tried.items()}, psi)
            effect = tried[chosen]
            unseen = effect.out_of_fold[rows]
            mean, centre = float(psi.mean()), float(unseen.mean())
            share = _shrinkage(unseen - centre, psi - mean)
            self.fits_[name] = _FittedArm(effect, chosen, centre, mean, share)
            own = None if groups is None else np.asarray(groups)[rows]
            self.effects_[name] = _average_effect(psi, effect.untuned[rows], own)

    def _frame(self, found: dict[Any, np.ndarray], X: Any) -> pd.DataFrame:
        return pd.DataFrame(found, index=X.index if isinstance(X, pd.DataFrame) else None)

    def _check_params(self) -> None:
        allowed = (*META_LEARNERS, "auto")
        if self.learner not in allowed:
            raise_problems([Problem("learner", "unknown", str(self.learner), ", ".join(allowed))])


def _outcome(y: Any, pos_label: Any) -> np.ndarray:
    """Amounts as they are; of two labels that are no numbers, or with `pos_label`, 1.0 for the event."""
    numbers = y is None or np.issubdtype(np.asarray(y).dtype, np.number)
    if pos_label is None and (numbers or _are_numbers(y)):
        return numeric_target(y)
    return binary_target(y, pos_label).y


def _are_numbers(y: Any) -> bool:
    """Numbers kept as objects: Decimals, or integers with missing ones."""
    values = pd.Series(np.asarray(y, dtype=object)).dropna()
    return not values.map(lambda value: isinstance(value, str | bool | np.bool_)).any()


def _folds(arm: np.ndarray, groups: np.ndarray | None, random_state: int) -> np.ndarray:
    """Folds with the same share of each arm; rows of one customer together."""
    rng = np.random.default_rng(random_state)
    if groups is not None:
        codes = np.unique(groups, return_inverse=True)[1].ravel()
        return np.asarray((rng.permutation(codes.max() + 1) % _FOLDS)[codes])
    fold = np.empty(len(arm), dtype=np.int64)
    for k in np.unique(arm):
        members = rng.permutation(np.flatnonzero(arm == k))
        fold[members] = np.arange(len(members)) % _FOLDS
    return fold


def _best_learner(out_of_fold: dict[str, np.ndarray], psi: np.ndarray) -> str:
    """The first learner, unless another one's loss is smaller by more than one standard error of the difference."""
    losses = {name: (psi - psi.mean() - _shrunk(tau, psi)) ** 2 for name, tau in out_of_fold.items()}
    first = next(iter(losses))
    best = min(losses, key=lambda name: losses[name].mean())
    gain = losses[first] - losses[best]
    error = float(gain.std() / np.sqrt(len(gain)))
    return best if gain.mean() > error > 0 else first


def _shrunk(tau: np.ndarray, psi: np.ndarray) -> np.ndarray:
    centred = tau - tau.mean()
    return np.asarray(_shrinkage(centred, psi - psi.mean()) * centred)


def _shrinkage(differences: np.ndarray, psi: np.ndarray) -> float:
    """Share of the predicted differences that fits unseen customers best, between nothing and all."""
    spread = float(differences @ differences)
    if spread <= 1e-12 * len(differences):
        return 0.0
    return float(np.clip(differences @ psi / spread, 0.0, 1.0))


def _average_effect(psi: np.ndarray, predicted: np.ndarray, groups: Any) -> ArmEffect:
    """Average with its error, and the slope of pseudo-outcomes on predicted differences (best linear predictor).

    Differences are looked at over all folds together. Within folds the test would say so where nothing differs in 8 of
    100 experiments: pseudo-outcomes of other folds come from models that have seen the fold that is tested.

    Source: Chernozhukov, Demirer, Duflo, Fernandez-Val (2018), generic machine learning inference.
    """
    mean = float(psi.mean())
    error = _standard_error(psi - mean, groups)
    differences, away = predicted - predicted.mean(), psi - mean
    spread = float(differences @ differences)
    if spread <= 1e-12 * len(psi):
        return ArmEffect(mean, error, mean - _CONFIDENT * error, mean + _CONFIDENT * error, 0.0, 1.0)
    slope = float(differences @ away) / spread
    left = away - slope * differences
    slope_error = _standard_error(differences * left, groups) * len(psi) / spread
    p = float(norm.sf(slope / max(slope_error, 1e-12)))
    return ArmEffect(mean, error, mean - _CONFIDENT * error, mean + _CONFIDENT * error, slope, p)


def _standard_error(away: np.ndarray, groups: Any) -> float:
    """Standard error of a mean; rows of one customer count as one."""
    if groups is not None:
        away_by = np.bincount(np.unique(np.asarray(groups), return_inverse=True)[1].ravel(), weights=away)
        return float(np.sqrt((away_by**2).sum()) / len(away))
    return float(np.sqrt((away**2).sum()) / len(away))


def _sentence(found: ArmEffect) -> str:
    span = f"({found.low:+.3f} to {found.high:+.3f})"
    known = "the model knows for whom" if found.differs else "no difference between customers is detectable"
    if not found.detectable and not found.differs:
        return f"no detectable uplift: {found.effect:+.3f} on average {span}, and {known}"
    if not found.detectable:
        return f"no effect on average that could be told from none {span}, but {known}"
    return f"changes the outcome by {found.effect:+.3f} on average {span}; {known}"


def _arm_from(state: Mapping[str, Any], texts: Mapping[str, str]) -> _FittedArm:
    parts = tuple((Boosters.from_state(p["boosters"], texts), float(p["weight"])) for p in state["parts"])
    effect = EffectModel(parts, np.empty(0), np.empty(0), state["arm_column"])
    return _FittedArm(effect, state["learner"], state["centre"], state["mean"], state["share"])

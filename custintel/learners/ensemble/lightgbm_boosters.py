"""LightGBM on an encoded matrix, for any question: one small booster for each inner fold, their mean as the answer.

The number of rounds is the minimum of the *mean* validation curve. Every row also gets the prediction of the booster
that has not seen it: what cross-fitting (uplift, value) and honest error measures need.

>>> rng = np.random.default_rng(0)
>>> matrix = rng.normal(size=(400, 2))
>>> found = fit_boosters(TrainingTable(matrix, 3 * matrix[:, 0]), "amount")
>>> bool(np.corrcoef(found.out_of_fold, matrix[:, 0])[0, 1] > 0.9)
True
>>> found.boosters.predict(matrix).shape
(400,)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from scipy.special import expit

from custintel.errors import ModelError
from custintel.learners.ensemble.check_lightgbm_text import booster_columns, read_booster
from custintel.learners.ensemble.inner_folds import inner_splits

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


Objective = Literal["probability", "amount"]
"""`probability`: y is 0 or 1; `amount`: y is any number, the mean is what is asked."""

Kernel = Callable[[Any, np.ndarray], np.ndarray]
"""Tree SHAP values of a booster on a matrix: rows x (columns + 1), the last one the expected value."""

LIGHTGBM_OBJECTIVES = {"probability": ("binary", "binary_logloss"), "amount": ("regression", "l2")}
"""LightGBM's name of each objective, and of its loss."""
_CHUNK = 100_000


@dataclass(frozen=True)
class TrainingTable:
    """An encoded customer table with its outcome: what boosters learn from.

    Attributes
    ----------
    matrix : array of shape (rows, columns)
        Encoded table (`FeatureContract.encode`); NaN is missing.
    y : array of shape (rows,)
        Outcome.
    weight : array of shape (rows,), optional
        Weight of each row.
    categorical : tuple of int
        Positions of columns that hold codes of categories.
    monotone : tuple of int
        1, -1 or 0 for each column; empty for none.
    """

    matrix: np.ndarray
    y: np.ndarray
    weight: np.ndarray | None = None
    categorical: tuple[int, ...] = ()
    monotone: tuple[int, ...] = ()


@dataclass(frozen=True)
class TreeSettings:
    """Size of the trees, learning rate and penalties of the boosting."""

    leaves: int
    min_leaf: int
    learning_rate: float = 0.05
    column_share: float = 0.5
    l2: float = 5.0
    rounds: int = 1500


def choose_tree_settings(rows: int) -> TreeSettings:
    """Shallow trees for few rows, larger ones for many.

    >>> choose_tree_settings(500).leaves, choose_tree_settings(1_000_000).leaves
    (4, 31)
    """
    if rows < 2_000:
        return TreeSettings(4, max(3, min(20, rows // 20)))
    if rows < 20_000:
        return TreeSettings(8, 30)
    if rows < 200_000:
        return TreeSettings(15, 100, 0.08)
    return TreeSettings(31, 200, 0.1, 0.8, rounds=1000)


@dataclass(frozen=True)
class Boosters:
    """Boosters as text; their mean (of log-odds for probabilities) is the prediction."""

    texts: tuple[str, ...]
    objective: Objective
    models: tuple[Any, ...] = field(default=(), repr=False, compare=False)

    def __post_init__(self) -> None:
        # always read from text, so that what is saved and loaded predicts the same
        object.__setattr__(self, "models", tuple(read_booster(t) for t in self.texts))

    def raw(self, matrix: np.ndarray, threads: int = 1) -> np.ndarray:
        """Mean of the boosters before the link: log-odds, or amounts."""
        out = np.zeros(len(matrix))
        for start in range(0, len(matrix), _CHUNK):
            rows = slice(start, start + _CHUNK)
            for model in self.models:
                out[rows] += model.predict(matrix[rows], raw_score=True, num_threads=threads)
        return out / len(self.models)

    def predict(self, matrix: np.ndarray, threads: int = 1) -> np.ndarray:
        """Probabilities or amounts."""
        return inverse_link(self.raw(matrix, threads), self.objective)

    def contributions(self, matrix: np.ndarray, threads: int = 1, kernel: Kernel | None = None) -> np.ndarray:
        """Exact contributions to `raw`: rows x (columns + 1), the last one the expected value.

        `kernel` gives those of one booster on a matrix; LightGBM's own when None.
        """
        if kernel is not None:
            return np.asarray(np.mean([kernel(model, matrix) for model in self.models], axis=0))
        parts = [np.asarray(m.predict(matrix, pred_contrib=True, num_threads=threads)) for m in self.models]
        return np.asarray(np.mean(parts, axis=0))

    def importance(self, columns: int) -> np.ndarray:
        """Share of each column in the gain of all trees; sums to 1 unless nothing was learned."""
        gain = np.sum([m.feature_importance("gain") for m in self.models], axis=0, dtype=np.float64)
        return np.asarray(gain / max(float(gain.sum()), 1e-300)).reshape(columns)

    def to_state(self, name: str) -> tuple[dict[str, Any], dict[str, str]]:
        """Plain data, and the texts under names that start with `name`."""
        texts = {f"{name}_{k}": text for k, text in enumerate(self.texts)}
        return {"objective": self.objective, "texts": list(texts)}, texts

    @classmethod
    def from_state(cls, state: Mapping[str, Any], texts: Mapping[str, str]) -> Boosters:
        """Read back what `to_state` gave."""
        return cls(tuple(texts[name] for name in state["texts"]), state["objective"])

    @classmethod
    def of_texts(cls, texts: Sequence[str], objective: Objective) -> Boosters:
        """Boosters from texts that somebody may have changed: each is checked before LightGBM reads it."""
        if len({booster_columns(text) for text in texts}) != 1:
            raise ModelError("boosters that are used together do not read the same columns, or there are none")
        return cls(tuple(texts), objective)

    def __getstate__(self) -> dict[str, Any]:
        return {"texts": self.texts, "objective": self.objective}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self.__post_init__()


class FittedBoosters(NamedTuple):
    """Boosters, and for each row the prediction of the booster that has not seen it.

    The number of rounds is chosen on all rows. For tests of what was learned that is not honest enough: in `untuned`
    the booster of each fold has as many rounds as the other folds alone would choose (only where asked for).
    """

    boosters: Boosters
    out_of_fold: np.ndarray
    untuned: Boosters | None = None


def fit_boosters(  # noqa: PLR0913 - how boosters are fitted, spelled out
    training: TrainingTable,
    objective: Objective,
    *,
    fold: np.ndarray | None = None,
    trees: TreeSettings | None = None,
    random_state: int = 0,
    threads: int = 1,
    untuned: bool = False,
) -> FittedBoosters:
    """One booster for each fold, all with the same number of rounds.

    Parameters
    ----------
    training : TrainingTable
        Matrix, outcome, weights.
    objective : {"probability", "amount"}
        What y is.
    fold : array of int, optional
        Fold of each row, 0 to k - 1 (`fold_of_rows` keeps customers together); five random folds when None.
    trees : TreeSettings, optional
        How the trees grow; chosen by the number of rows when None.
    random_state, threads : int
        Seed of folds and boosting; threads of LightGBM (0: one a core).
    untuned : bool
        Also give boosters whose rounds were chosen without their own fold.
    """
    import lightgbm as lgb

    rows = len(training.y)
    trees = trees or choose_tree_settings(rows)
    if fold is None:
        fold = np.random.default_rng(random_state).permutation(rows) % 5
    splits = inner_splits(fold, int(fold.max()) + 1)
    curves: list[list[float]] = []
    stop = lgb.early_stopping(max(30, int(3 / trees.learning_rate)), verbose=False)
    result = lgb.cv(
        _params(training, trees, objective, (random_state, threads)),
        _dataset(training, (random_state, threads)),
        num_boost_round=trees.rounds,
        folds=splits,
        callbacks=[_keep_curves(curves), stop] if untuned else [stop],
        return_cvbooster=True,
    )
    models = result["cvbooster"]
    best = models.best_iteration
    out_of_fold = np.empty(rows)
    for model, (_, valid) in zip(models.boosters, splits, strict=True):
        out_of_fold[valid] = model.predict(
            training.matrix[valid], raw_score=True, num_iteration=best, num_threads=threads
        )
    texts = tuple(model.model_to_string(num_iteration=best) for model in models.boosters)
    found = FittedBoosters(Boosters(texts, objective), inverse_link(out_of_fold, objective))
    return found._replace(untuned=_untuned(models.boosters, np.array(curves), objective)) if untuned else found


def _keep_curves(curves: list[list[float]]) -> Any:
    """A callback that keeps the loss of every fold after each round; the result of `cv` has their mean alone."""

    def keep(env: Any) -> None:
        curves.append([float(told[0][2]) for told in env.model.eval_valid()])

    keep.order = 5  # type: ignore[attr-defined]  # before early stopping, which ends the round
    return keep


def _untuned(models: list[Any], curves: np.ndarray, objective: Objective) -> Boosters:
    """The booster of each fold with the rounds that are best for the other folds."""
    others = curves.sum(axis=1, keepdims=True) - curves
    rounds = others.argmin(axis=0) + 1
    texts = (model.model_to_string(num_iteration=int(n)) for model, n in zip(models, rounds, strict=True))
    return Boosters(tuple(texts), objective)


def inverse_link(raw: np.ndarray, objective: Objective) -> np.ndarray:
    """Raw scores on the scale of the outcome."""
    return np.asarray(expit(raw)) if objective == "probability" else raw


def _dataset(training: TrainingTable, run: tuple[int, int]) -> Any:
    import lightgbm as lgb

    return lgb.Dataset(
        training.matrix,
        training.y,
        weight=training.weight,
        categorical_feature=list(training.categorical),
        params=_data_params(run),
        free_raw_data=False,
    )


def _data_params(run: tuple[int, int]) -> dict[str, Any]:
    random_state, threads = run
    return {
        "verbosity": -1,
        "num_threads": threads,
        "min_data_in_bin": 3,
        "feature_pre_filter": False,
        "data_random_seed": random_state,
        "deterministic": True,
        "force_row_wise": True,
    }


def _params(training: TrainingTable, trees: TreeSettings, objective: Objective, run: tuple[int, int]) -> dict[str, Any]:
    name, metric = LIGHTGBM_OBJECTIVES[objective]
    constraints = {"monotone_constraints": list(training.monotone)} if any(training.monotone) else {}
    return {
        **_data_params(run),
        **constraints,
        "objective": name,
        "metric": metric,
        "num_leaves": trees.leaves,
        "min_data_in_leaf": trees.min_leaf,
        "min_sum_hessian_in_leaf": 1e-2,
        "learning_rate": trees.learning_rate,
        "feature_fraction": trees.column_share,
        "bagging_fraction": 0.8,
        "bagging_freq": 1,
        "lambda_l2": trees.l2,
        "cat_smooth": 100.0,
        "cat_l2": 100.0,
        "max_cat_to_onehot": 8,
        "seed": run[0],
    }

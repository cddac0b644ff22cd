"""`EnsembleEstimator`: what `TableClassifier` and `TableRegressor` share: parameters, contract, explanation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from custintel.errors import Problem, raise_problems
from custintel.learners.base_estimators import CELLS_FOR_ONE_THREAD, lightgbm_threads
from custintel.learners.check_input import as_table

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from custintel.learners.ensemble._effort import Effort
    from custintel.learners.ensemble._ensemble import Ensemble
    from custintel.learners.feature_contract import FeatureContract


_TREE_PARAMS = ("leaves", "min_leaf", "learning_rate", "column_share", "l2")


class EnsembleEstimator(BaseEstimator):  # type: ignore[misc]
    """An estimator of any customer table whose core is an `Ensemble` of boosters and a linear part."""

    monotone: Mapping[str, int] | None
    effort: Effort
    n_jobs: int | None
    contract_: FeatureContract
    ensemble_: Ensemble

    def encode(self, X: Any) -> np.ndarray:
        """Matrix of the used columns (`contract_.used`) that the boosters and the linear part read."""
        check_is_fitted(self)
        return self.contract_.encode(as_table(self, X, fitting=False))

    def feature_importance(self) -> pd.Series:
        """Share of each column in what the model learned (gain of the trees, spread of the linear part); sums to 1."""
        check_is_fitted(self)
        used = [c.name for c in self.contract_.used]
        shares = pd.Series(self._importance(len(used)), index=used, name="importance")
        return shares.sort_values(ascending=False, kind="stable")

    def _importance(self, columns: int) -> np.ndarray:
        return self.ensemble_.importance(columns)

    def _threads(self, matrix: np.ndarray) -> int:
        return lightgbm_threads(self.n_jobs, matrix.size)

    def _explained(
        self, ensemble: Ensemble, matrix: np.ndarray, kernel: Callable[[Any, np.ndarray], np.ndarray] | None
    ) -> np.ndarray:
        """Contributions of the used columns to the raw scores of an ensemble."""
        return ensemble.contributions(matrix, self._threads(matrix), kernel)

    def _as_frame(self, parts: np.ndarray, X: Any) -> pd.DataFrame:
        """Contributions with their columns' names; columns that the model does not use contribute 0."""
        used = [c.name for c in self.contract_.used]
        index = X.index if isinstance(X, pd.DataFrame) else None
        return pd.DataFrame(parts, index=index, columns=used).reindex(columns=self.contract_.names, fill_value=0.0)

    def _learning_matrix(self, table: pd.DataFrame) -> np.ndarray:
        """The encoded table; seven digits are enough to place a cut, and half the memory where memory counts."""
        return self.contract_.encode(table, np.float32 if table.size > CELLS_FOR_ONE_THREAD else np.float64)

    def _given_trees(self) -> dict[str, Any]:
        """Properties of the trees as the user gave them; None where they are chosen."""
        return {name: getattr(self, name) for name in _TREE_PARAMS}

    def _levels(self) -> np.ndarray:
        """Number of categories of each used column; 0 for numbers."""
        return np.array([len(c.categories) for c in self.contract_.used], dtype=np.int64)

    def _signs(self) -> tuple[int, ...]:
        """The constraint of each used column."""
        signs = dict(self.monotone or {})
        return tuple(int(signs.get(c.name, 0)) for c in self.contract_.used)

    def _plain_params(self) -> dict[str, Any]:
        """Parameters as plain data."""
        params: dict[str, Any] = self.get_params()
        plain = {**params, "monotone": None if params["monotone"] is None else dict(params["monotone"])}
        if not isinstance(plain["random_state"], int | type(None)):
            plain["random_state"] = None
        return plain

    def _take_contract(self, contract: FeatureContract, named: bool) -> None:
        """Set what scikit-learn knows about the columns of a model that was read."""
        self.contract_ = contract
        self.n_features_in_ = len(contract.columns)
        if named:
            self.feature_names_in_ = np.asarray(contract.names, dtype=object)

    def _check_params(self) -> None:
        raise_problems([*self._effort_problems(), *self._monotone_problems()])

    def _effort_problems(self) -> list[Problem]:
        if self.effort in ("auto", "full", "fast"):
            return []
        return [Problem("effort", "unknown value", repr(self.effort), "auto, full, fast")]

    def _monotone_problems(self) -> list[Problem]:
        kinds = {c.name: c.kind for c in self.contract_.columns}
        problems = []
        for name, sign in (self.monotone or {}).items():
            where = f"monotone[{name!r}]"
            if name not in kinds:
                problems.append(Problem(where, "no such column", name, ", ".join(kinds)))
            elif kinds[name] == "category":
                hint = "only numbers and dates can be monotone"
                problems.append(Problem(where, "a category has no order", hint=hint))
            if sign not in (-1, 0, 1):
                problems.append(Problem(where, "unknown direction", repr(sign), "1 (rises with the column), -1, 0"))
        return problems

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        tags.input_tags.categorical = True
        return tags

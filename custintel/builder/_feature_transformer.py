"""WarehouseFeatures: features as a step of a scikit-learn pipeline."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from custintel.builder._feature_builder import FeatureBuilder
from custintel.errors import ConfigurationError, DataError
from custintel.warehouse import Warehouse

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import numpy.typing as npt
    import pandas as pd

    from custintel.builder.row_request import Rows
    from custintel.dates import AsOf


class WarehouseFeatures(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Customers and dates in, features out: one row for each, in order and with their index.

    Each row is answered as of its own date, whatever the other rows are: in a cross-validation, too, no feature knows
    more than its date does. Nothing is learned from the rows. Folds share the warehouse, which is never copied; it
    cannot be sent to other processes, so leave ``n_jobs`` at None. Every fit asks the tables again: where that takes
    long, build once with `FeatureBuilder` and cross-validate the frame; the values are the same.

    Parameters
    ----------
    wh : Warehouse
        The operator's tables. ``set_params`` gives a fitted pipeline the tables of a later day.
    topics : list of str, optional
        Topics wanted, or single families of them; all by default.
    features_path : str or path, optional
        A folder of YAML files that add families to topics or replace shipped ones.
    columns : list of str, optional
        Only these columns, in this order; patterns such as ``events_*`` are allowed.
    as_of : date, optional
        The date of all rows, when they bring none of their own.

    Attributes
    ----------
    feature_names_out_ : list of str
        The columns that come out.

    Examples
    --------
    >>> import pandas as pd
    >>> calls = pd.DataFrame({"customer_id": ["a", "a", "b"], "service": "voice", "direction": "out",
    ...                       "event_time": pd.to_datetime(["2025-06-02", "2025-06-20", "2025-04-05"])})
    >>> step = WarehouseFeatures(Warehouse.from_frames(usage=calls), columns=["events_7d", "events_90d"])
    >>> rows = pd.DataFrame({"customer_id": ["b", "a"], "as_of": ["2025-06-20", "2025-06-03"]})
    >>> step.fit_transform(rows)
       events_7d  events_90d
    0        0.0         1.0
    1        1.0         1.0
    """

    def __init__(
        self,
        wh: Warehouse | None = None,
        topics: Iterable[str] | None = None,
        features_path: str | Path | None = None,
        columns: Iterable[str] | None = None,
        as_of: AsOf | None = None,
    ) -> None:
        self.wh = wh
        self.topics = topics
        self.features_path = features_path
        self.columns = columns
        self.as_of = as_of

    def fit(self, X: Rows, y: Any = None) -> WarehouseFeatures:
        """Settle which columns come out; the rows are not looked at.

        Parameters
        ----------
        X : DataFrame
            Rows with ``customer_id`` and ``as_of``, as columns or index levels; other columns are left alone.
        y : ignored
            For the sake of pipelines.
        """
        del X, y
        self.builder_ = FeatureBuilder(self.topics, self.features_path, self.columns)
        self.feature_names_out_ = self.builder_.columns_of(self._warehouse())
        return self

    def transform(self, X: Rows) -> pd.DataFrame:
        """The features of each row as of its date.

        Parameters
        ----------
        X : DataFrame
            Rows as in `fit`.
        """
        check_is_fitted(self)
        found = self.builder_.build(self._warehouse(), self.as_of, rows=X)
        absent = [column for column in self.feature_names_out_ if column not in found.columns]
        if absent:
            raise DataError(
                f"{len(absent)} columns of fit cannot be computed from these tables: {', '.join(absent[:5])}\n"
                "  hint: give the tables that were there in fit"
            )
        return found[self.feature_names_out_]

    def get_feature_names_out(self, input_features: Any = None) -> npt.NDArray[np.object_]:
        """Names of the columns that come out.

        Parameters
        ----------
        input_features : ignored
            For the sake of pipelines.
        """
        del input_features
        check_is_fitted(self)
        return np.asarray(self.feature_names_out_, dtype=object)

    def _warehouse(self) -> Warehouse:
        if not isinstance(self.wh, Warehouse):
            raise ConfigurationError(
                f"no warehouse to ask\n  given: {type(self.wh).__name__}\n"
                "  allowed: WarehouseFeatures(Warehouse.open(...))"
            )
        return self.wh

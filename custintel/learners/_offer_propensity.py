"""`OfferPropensity`: which of many offers a customer would take up, among those open to them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd
from scipy.special import expit, logit
from sklearn.utils.validation import check_is_fitted

from custintel.errors import DataError, Problem, raise_problems
from custintel.expressions.parse import parse
from custintel.learners.base_estimators import TableEstimator, integer_seed, lightgbm_threads
from custintel.learners.check_input import as_table, binary_target
from custintel.learners.ensemble.inner_folds import fold_of_rows
from custintel.learners.ensemble.lightgbm_boosters import Boosters, TrainingTable, fit_boosters
from custintel.learners.feature_contract import MIN_LEVEL_COUNT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


_FOLDS = 5
_PRIOR = 50.0
_SINGLE_OFFER = "offer"


class OfferPropensity(TableEstimator):
    """Chance that a customer takes up each of many offers.

    One model for all offers learns from every contact, with the offer (and what is known about it) among its columns,
    so that offers with few contacts lean on the others; the mean of each offer is then set right, drawn towards the
    common one where contacts are few. Offers that a customer may not have are missing, never 0.

    Take-up is not effect: who takes an offer might have bought anyway. For decisions use `UpliftModel` where there is
    a randomised control group.

    Parameters
    ----------
    eligible : mapping of str to str, optional
        For each offer a condition on the columns of X, such as ``"in_contract = 0 and tenure_days > 90"``; offers
        without one are open to all. A condition on a missing value is not met.
    pos_label : object, optional
        The label of those who took the offer. Without it a known word for yes (yes, true, ...) is it, of numbers the
        larger one, otherwise the rarer label, with a warning.
    min_level_count : int
        Levels of a category that fewer customers have are pooled into one; none of them is kept in the model.
    random_state : int, RandomState or None
        Seed.
    n_jobs : int, optional
        Threads of LightGBM; None: one for small tables.

    Attributes
    ----------
    offers_ : list of str
        Offers seen in `fit`.
    contacts_ : dict of str to int
        Contacts of each offer.
    contract_, feature_names_in_, n_features_in_
        Columns seen in `fit`.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X = pd.DataFrame({"data_gb": rng.gamma(2, 5, 3000)})
    >>> offer = rng.choice(["more_data", "discount"], 3000)
    >>> taken = rng.random(3000) < np.where((offer == "more_data") & (X["data_gb"] > 10), 0.4, 0.05)
    >>> model = OfferPropensity(eligible={"discount": "data_gb < 30"}).fit(X, taken, offer=offer)
    >>> model.propensity(pd.DataFrame({"data_gb": [2.0, 20.0, 40.0]})).round(1)
       discount  more_data
    0       0.0        0.1
    1       0.1        0.3
    2       NaN        0.3
    """

    offers_: list[str]
    contacts_: dict[str, int]

    def __init__(
        self,
        *,
        eligible: Mapping[str, str] | None = None,
        pos_label: Any = None,
        min_level_count: int = MIN_LEVEL_COUNT,
        random_state: Any = 0,
        n_jobs: int | None = None,
    ) -> None:
        self.eligible = eligible
        self.pos_label = pos_label
        self.min_level_count = min_level_count
        self.random_state = random_state
        self.n_jobs = n_jobs

    def fit(
        self, X: Any, y: Any, offer: Any = None, attributes: pd.DataFrame | None = None, groups: Any = None
    ) -> Self:
        """Learn from contacts.

        Parameters
        ----------
        X : data frame or array
            Customers as they were before the contact, one row a contact.
        y : array-like
            Whether the offer was taken up: two values (`pos_label`).
        offer : array-like, optional
            Offer of each contact; one offer for all when not given.
        attributes : DataFrame, optional
            Numbers known about the offers (price, discount, data volume), indexed by offer: new offers without
            contacts can then be judged by them.
        groups : array-like, optional
            Customer of each row, when some were contacted several times.
        """
        target = binary_target(y, self.pos_label).y
        table, matrix = self._learn_table(X, target, offer, groups=groups)
        self._check_rules(table)
        names = _offer_names(offer, len(target))
        self.offers_ = sorted(set(names))
        self.contacts_ = {name: int((names == name).sum()) for name in self.offers_}
        self.attributes_ = _offer_attributes(attributes, self.offers_)
        random_state = integer_seed(self.random_state)
        fold = fold_of_rows(target, _FOLDS, None if groups is None else np.asarray(groups), random_state)
        fold = np.unique(fold, return_inverse=True)[1].ravel()
        training = self._table_with_offer(self._with_offer(matrix, names), target)
        threads = lightgbm_threads(self.n_jobs, training.matrix.size)
        found = fit_boosters(training, "probability", fold=fold, random_state=random_state, threads=threads)
        self.boosters_ = found.boosters
        self.shifts_ = _offer_shifts(found.out_of_fold, target, names)
        return self

    def propensity(
        self, X: Any, eligible: pd.DataFrame | None = None, attributes: pd.DataFrame | None = None
    ) -> pd.DataFrame:
        """Chance of each offer (customers x offers); missing where a customer may not have it.

        Parameters
        ----------
        X : data frame or array
            Customers.
        eligible : DataFrame, optional
            Customers x offers, true where allowed; together with the rules of the constructor.
        attributes : DataFrame, optional
            New offers by their attributes; only when `fit` was given attributes.
        """
        check_is_fitted(self, "boosters_")
        table = as_table(self, X, fitting=False)
        matrix = self.contract_.encode(table)
        known = self.attributes_ if attributes is None else pd.concat([self.attributes_, self._new_offers(attributes)])
        offers = [*self.offers_, *([] if attributes is None else attributes.index.astype(str))]
        threads = lightgbm_threads(self.n_jobs, matrix.size * len(offers))
        found = {}
        for name in offers:
            asked = self._with_offer(matrix, np.full(len(matrix), name, dtype=object), known)
            raw = self.boosters_.raw(asked, threads) + self.shifts_.get(name, 0.0)
            found[name] = np.where(self._is_eligible(name, table), expit(raw), np.nan)
        frame = pd.DataFrame(found, index=X.index if isinstance(X, pd.DataFrame) else None)
        return frame if eligible is None else frame.where(_aligned_eligibility(eligible, frame))

    def predict(self, X: Any) -> np.ndarray:
        """The likeliest offer of each customer; empty where none is allowed."""
        chances = self.propensity(X)
        best = chances.fillna(-1.0).to_numpy().argmax(axis=1)
        names = np.asarray(chances.columns, dtype=object)[best]
        return np.where(chances.notna().any(axis=1), names, "")

    def rank(self, X: Any, k: int = 3, **given: Any) -> pd.DataFrame:
        """The k likeliest offers of each customer: rank, offer, probability, contacts of that offer in training.

        Parameters
        ----------
        X : data frame or array
            Customers.
        k : int
            Offers for each customer at most.
        **given
            As in `propensity`.
        """
        chances = self.propensity(X, **given)
        name = str(chances.index.name or "customer")
        wide = chances.rename_axis(index=name).reset_index()
        long = wide.melt(id_vars=name, var_name="offer", value_name="probability").dropna()
        frame = long.sort_values("probability", ascending=False, kind="stable").set_index(name)
        frame["rank"] = frame.groupby(level=0).cumcount() + 1
        frame["contacts"] = frame["offer"].map(self.contacts_).fillna(0).astype(np.int64)
        kept = frame[frame["rank"] <= k].set_index("rank", append=True).sort_index()
        return kept[["offer", "probability", "contacts"]]

    def contributions(
        self, X: Any, kernel: Callable[[Any, np.ndarray], np.ndarray] | None = None, offer: str | None = None
    ) -> pd.DataFrame:
        """Exact contributions of every column to the log-odds of the likeliest offer of each customer.

        With what the offer itself brings (`starting_log_odds`) they add up to the log-odds of its probability. A
        customer who may have no offer has contributions of 0.

        Parameters
        ----------
        X : data frame or array
            Customers.
        kernel : callable, optional
            ``kernel(booster, matrix)`` gives tree SHAP values (rows x (columns + 1), the last one the expected value);
            LightGBM's own when None.
        offer : str, optional
            The offer explained; for each customer the likeliest one when None.
        """
        index = X.index if isinstance(X, pd.DataFrame) else None
        parts = self._explained(X, offer, kernel)[0]
        used = [c.name for c in self.contract_.used]
        return pd.DataFrame(parts, index=index, columns=used).reindex(columns=self.contract_.names, fill_value=0.0)

    def starting_log_odds(self, X: Any, offer: str | None = None) -> np.ndarray:
        """The log-odds from which `contributions` start: the average customer's, and what the offer itself brings."""
        return self._explained(X, offer, None)[1]

    def feature_importance(self) -> pd.Series:
        """Share of each column of the customer in what the trees learned, the offer's own apart; sums to 1."""
        check_is_fitted(self, "boosters_")
        used = [c.name for c in self.contract_.used]
        gain = self.boosters_.importance(len(used) + 1 + self.attributes_.shape[1])[: len(used)]
        shares = pd.Series(gain / max(float(gain.sum()), 1e-300), index=used, name="importance")
        return shares.sort_values(ascending=False, kind="stable")

    def to_state(self) -> tuple[dict[str, Any], dict[str, str]]:
        """Everything learned as plain data, and the boosters as LightGBM text."""
        check_is_fitted(self, "boosters_")
        boosters, texts = self.boosters_.to_state("take_up")
        state = {
            **self._table_state(),
            "offers": self.offers_,
            "contacts": self.contacts_,
            "attributes": {str(c): self.attributes_[c].to_dict() for c in self.attributes_.columns},
            "shifts": self.shifts_,
            "boosters": boosters,
        }  # fmt: skip
        return state, texts

    @classmethod
    def from_state(cls, state: Mapping[str, Any], texts: Mapping[str, str]) -> Self:
        """Read back what `to_state` gave; predictions are the same."""
        model = cls._from_table_state(state)
        model.offers_, model.contacts_ = list(state["offers"]), dict(state["contacts"])
        model.attributes_ = pd.DataFrame(state["attributes"], index=None if state["attributes"] else model.offers_)
        model.shifts_ = dict(state["shifts"])
        model.boosters_ = Boosters.from_state(state["boosters"], texts)
        return model

    def _explained(self, X: Any, offer: str | None, kernel: Any) -> tuple[np.ndarray, np.ndarray]:
        """Contributions of the customer's columns, and where they start, for one offer a row."""
        names = self.predict(X) if offer is None else np.full(len(X), offer, dtype=object)
        matrix = self.encode(X)
        asked = self._with_offer(matrix, np.where(names == "", self.offers_[0], names))
        parts = self.boosters_.contributions(asked, lightgbm_threads(self.n_jobs, asked.size), kernel)
        shift = np.array([self.shifts_.get(str(name), 0.0) for name in names])
        own = np.where((names == "")[:, None], 0.0, parts[:, : matrix.shape[1]])
        return own, parts[:, matrix.shape[1] :].sum(axis=1) + shift

    def _table_with_offer(self, asked: np.ndarray, target: np.ndarray) -> TrainingTable:
        used = self.contract_.used
        categorical = (*(k for k, c in enumerate(used) if c.categories), len(used))
        return TrainingTable(asked, target, None, categorical)

    def _with_offer(self, matrix: np.ndarray, names: np.ndarray, known: pd.DataFrame | None = None) -> np.ndarray:
        """The code of the offer (missing for new ones) and its attributes beside the customer's columns."""
        table = self.attributes_ if known is None else known
        codes = pd.Index(self.offers_).get_indexer(pd.Index(names)).astype(np.float64)
        codes[codes < 0] = np.nan
        facts = table.reindex(names).to_numpy(np.float64)
        return np.asfortranarray(np.column_stack([matrix, codes, facts]))

    def _is_eligible(self, name: str, table: pd.DataFrame) -> np.ndarray:
        rule = (self.eligible or {}).get(name)
        if rule is None:
            return np.ones(len(table), dtype=bool)
        return np.asarray(parse(rule, f"eligible[{name!r}]").numpy(table) == 1)

    def _new_offers(self, attributes: pd.DataFrame) -> pd.DataFrame:
        known = list(self.attributes_.columns)
        if not known:
            raise DataError("offers without contacts need attributes, and fit was given none\n  hint: fit(attributes=)")
        absent = [c for c in known if c not in attributes.columns]
        if absent:
            raise DataError(f"attributes are missing for the new offers: {', '.join(absent)}")
        return attributes[known].set_axis(attributes.index.astype(str), axis=0)

    def _check_rules(self, table: pd.DataFrame) -> None:
        problems = []
        for name, rule in (self.eligible or {}).items():
            unknown = sorted(parse(rule, f"eligible[{name!r}]").columns - set(table.columns))
            if unknown:
                problems.append(Problem(f"eligible[{name!r}]", "reads columns that X has not", ", ".join(unknown)))
        raise_problems(problems)


def _offer_names(offer: Any, rows: int) -> np.ndarray:
    """The offer of each contact; one offer for all where none is named."""
    if offer is None:
        return np.full(rows, _SINGLE_OFFER, dtype=object)
    return np.asarray(offer, dtype=object).astype(str)


def _offer_attributes(given: pd.DataFrame | None, offers: list[str]) -> pd.DataFrame:
    if given is None:
        return pd.DataFrame(index=offers)
    frame = given.set_axis(given.index.astype(str), axis=0).apply(pd.to_numeric, errors="coerce")
    absent = [name for name in offers if name not in frame.index]
    if absent:
        raise DataError(f"attributes are missing for offers: {', '.join(absent)}")
    found: pd.DataFrame = frame.loc[offers].astype(np.float64)
    return found


def _offer_shifts(unseen: np.ndarray, target: np.ndarray, names: np.ndarray) -> dict[str, float]:
    """What sets the mean of each offer right on the log-odds scale, drawn towards 0 where contacts are few."""
    found = {}
    for name in sorted(set(names)):
        mine = names == name
        expected = float(unseen[mine].mean())
        seen = (target[mine].sum() + _PRIOR * expected) / (mine.sum() + _PRIOR)
        found[name] = float(logit(np.clip(seen, 1e-9, 1 - 1e-9)) - logit(np.clip(expected, 1e-9, 1 - 1e-9)))
    return found


def _aligned_eligibility(eligible: pd.DataFrame, frame: pd.DataFrame) -> pd.DataFrame:
    absent = [str(c) for c in frame.columns if c not in eligible.columns]
    if absent:
        raise DataError(f"eligible has no column for offers: {', '.join(absent)}\n  hint: true for all is a column too")
    return eligible.reindex(index=frame.index, columns=frame.columns).fillna(False).astype(bool)

"""Reason codes: the groups of columns that raise a customer's score most, as sentences in two languages."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from custintel.errors import ConfigurationError
from custintel.explain._peer_groups import PeerGroups
from custintel.explain.column_descriptions import (
    ColumnDescription,
    ReasonGroups,
    column_descriptions,
    reason_groups,
    score_meaning,
)
from custintel.explain.reason_words import check_languages, direction_words, missing_words, quantity_writer, words
from custintel.html.number_format import round_for_readers, round_significant

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from custintel.artifact import Model


# a reason group that moves the odds by less than three percent is no reason; learners whose contributions are no
# log-odds say for themselves what is too small (`smallest_contribution_`)
SMALLEST_CONTRIBUTION = 0.03
_BLOCK_CELLS = 6_000_000

Matrix = NDArray[np.float64]
Indices = NDArray[np.intp]


def reasons(
    model: Model,
    X: pd.DataFrame,
    top: int = 3,
    languages: Sequence[str] = ("en", "zh"),
    groups: ReasonGroups | None = None,
) -> pd.DataFrame:
    """Say for each customer which reason groups raise the score most.

    The contributions of the columns of one reason group are added up, so that three reasons are three different ones.
    A customer with fewer groups that raise the score gets fewer reasons; the rest stays empty. A reason is an
    association that the model uses, not a proven cause.

    Where the model names a peer column (the billing type), values are compared with the median of the customer's peers,
    and a value that does not set the customer apart from them is no reason: its contribution is left out of the
    group. That is a missing value, a yes or no, or a category that 95 % of the peers have (such as the missing
    bills of prepaid customers), and a number equal to the peers' median.

    Parameters
    ----------
    model : Model
        A trained model; its metadata give names, units and medians.
    X : DataFrame
        Features of the customers.
    top : int
        Number of reasons a customer.
    languages : sequence of str
        Languages of the sentences: en, zh.
    groups : mapping, optional
        Reason group to columns (patterns such as ``events_*`` allowed). Default: the groups the model carries,
        else one group for each feature over all its windows.

    Returns
    -------
    DataFrame
        Index as `X`; for each k: reason_k_en, reason_k_zh, reason_k_code (the reason group), reason_k_contribution
        (to the log-odds; NaN where there is no reason).

    Examples
    --------
    >>> class Tiny:
    ...     metadata = {"name": "churn", "features": [{"column": "silent", "about": "Days without a call",
    ...                 "about_zh": "未通话天数", "unit": "d", "median": 1}]}
    ...     feature_names = ["silent"]
    ...     def contributions(self, X):
    ...         return X - 1.0
    >>> found = reasons(Tiny(), pd.DataFrame({"silent": [21.0, 0.0]}), top=1)
    >>> found["reason_1_en"].tolist()
    ['Days without a call: 21 days (typical: 1 day), raises the risk', '']
    >>> found["reason_1_zh"][0]
    '未通话天数：21 天（一般为 1 天），风险升高'
    """
    if top < 1:
        raise ConfigurationError(f"top must be at least 1\n  given: {top}\n  hint: three reasons are usual")
    check_languages(tuple(languages))
    explainer = Explainer.of(model, groups)
    blocks = [explainer.explain_rows(X.iloc[rows], top, tuple(languages)) for rows in _blocks(X)]
    return pd.concat(blocks) if len(blocks) > 1 else blocks[0]


def _blocks(X: pd.DataFrame) -> Iterator[slice]:
    """Cut the rows so that the contributions of one block stay small."""
    size = max(1_024, _BLOCK_CELLS // max(1, X.shape[1]))
    yield from (slice(start, start + size) for start in range(0, max(1, len(X)), size))


@dataclass(frozen=True)
class Explainer:
    """The contributions of a model turned into reason groups and sentences."""

    contributions: Callable[[pd.DataFrame], pd.DataFrame]
    metadata: dict[str, Any]
    groups: ReasonGroups | None = None
    up: bool = True
    hidden_categories: frozenset[tuple[str, str]] = frozenset()  # rare categories that must not be shown
    hidden_columns: frozenset[str] = frozenset()  # columns whose values would tell who the customer is
    coarse: bool = False  # for a page that names nobody: three significant digits, dates as years
    smallest: float = SMALLEST_CONTRIBUTION

    @classmethod
    def of(cls, model: Model, groups: ReasonGroups | None = None) -> Explainer:
        """Explain what raises the score of this model."""
        return cls(model.contributions, model.metadata, groups, smallest=smallest_contribution(model))

    def explain_rows(self, X: pd.DataFrame, top: int, languages: tuple[str, ...]) -> pd.DataFrame:
        """Return the reasons of one block of rows."""
        C = self.contributions(X)
        columns, peers = [str(column) for column in C.columns], PeerGroups.of(self.metadata, X)
        descriptions = column_descriptions(self.metadata, columns)
        names, best, sums = self._sums_by_group(_own_contributions(C, X, peers, descriptions), columns)
        order = _largest_groups(sums, top)
        chosen_columns: list[int] = np.unique(best).tolist()
        writers = {
            c: self._reason_writer(descriptions[columns[c]], _values(X, C.columns[c]), peers) for c in chosen_columns
        }
        result: dict[str, Any] = {}
        for k in range(top):
            result |= self._rank(k, order, (names, best, sums), writers, languages)
        return pd.DataFrame(result, index=X.index)

    def _sums_by_group(self, C: Matrix, columns: list[str]) -> tuple[NDArray[np.object_], Indices, Matrix]:
        """Add the contributions up by reason group; keep the column that contributes most in each."""
        signed = C if self.up else -C
        of_column = reason_groups(self.metadata, columns, self.groups)
        names = list(dict.fromkeys(of_column.values()))
        places = {name: np.array([i for i, c in enumerate(columns) if of_column[c] == name]) for name in names}
        best = np.empty((len(C), len(names)), np.intp)
        sums = np.empty((len(C), len(names)))
        for g, name in enumerate(names):
            part = signed[:, places[name]]
            best[:, g] = places[name][part.argmax(axis=1)]
            sums[:, g] = part.sum(axis=1)
        return np.array(names, dtype=object), best, sums

    def _reason_writer(self, column: ColumnDescription, values: pd.Series, peers: PeerGroups) -> _ReasonWriter:
        """Prepare the sentences of one column."""
        table = not self.metadata.get("features") or not column.family
        return _ReasonWriter(
            column, values, score_meaning(self.metadata), "table" if table else column.family, self, peers
        )

    def _rank(
        self,
        k: int,
        order: Indices,
        found: tuple[NDArray[np.object_], Indices, Matrix],
        writers: dict[int, _ReasonWriter],
        languages: tuple[str, ...],
    ) -> dict[str, Any]:
        """Return the columns of the k-th reason."""
        names, best, sums = found
        rows = np.arange(len(order))
        if k >= order.shape[1]:
            chosen, weight = np.full(len(order), -1), np.full(len(order), np.nan)
            codes = np.full(len(order), "", dtype=object)
        else:
            weight = sums[rows, order[:, k]]
            real = weight >= self.smallest
            chosen = np.where(real, best[rows, order[:, k]], -1)
            codes = np.where(real, names[order[:, k]], "")
            weight = np.where(real, weight if self.up else -weight, np.nan)
        texts = {f"reason_{k + 1}_{lang}": _sentences_of_rows(chosen, writers, lang) for lang in languages}
        return {**texts, f"reason_{k + 1}_code": codes, f"reason_{k + 1}_contribution": weight}


def smallest_contribution(model: Model) -> float:
    """The sum of contributions below which a reason group is no reason."""
    return float(getattr(getattr(model, "estimator", None), "smallest_contribution_", SMALLEST_CONTRIBUTION))


def _values(X: pd.DataFrame, column: Any) -> pd.Series:
    """The values of a column; none where it was not given, because the model learned from it that it tells nothing."""
    return X[column] if column in X.columns else pd.Series(np.nan, index=X.index)


def _own_contributions(
    C: pd.DataFrame, X: pd.DataFrame, peers: PeerGroups, descriptions: Mapping[str, ColumnDescription]
) -> Matrix:
    """Return the contributions; nothing for a value that does not set a customer apart from the peers."""
    own = C.to_numpy(np.float64, copy=True)
    for place, column in enumerate(C.columns):
        entry = descriptions[str(column)].entry
        if entry.get("peers") and column in X.columns:
            own[peers.is_common(entry, X[column]), place] = 0.0
    return own


def _largest_groups(sums: Matrix, top: int) -> Indices:
    """Return the reason groups with the largest sums of each row, largest first; ties by order of the groups."""
    top = min(top, sums.shape[1])
    order: Indices = np.argsort(-sums, axis=1, kind="stable")[:, :top]
    return order


def _sentences_of_rows(chosen: Indices, writers: dict[int, _ReasonWriter], language: str) -> NDArray[np.object_]:
    """Return a sentence for each row; empty where no column was chosen."""
    texts = np.full(len(chosen), "", dtype=object)
    for column in np.unique(chosen[chosen >= 0]):
        rows = np.flatnonzero(chosen == column)
        texts[rows] = writers[column].sentences(rows, language)
    return texts


@dataclass(frozen=True)
class _ReasonWriter:
    """One column's values in a block of rows, and how to say them."""

    column: ColumnDescription
    values: pd.Series
    meaning: str
    family: str
    explainer: Explainer
    peers: PeerGroups

    def sentences(self, rows: Indices, language: str) -> NDArray[np.object_]:
        """Return one sentence for each of these rows, compared with the median of the customer's own peers."""
        texts, peer_groups = np.empty(len(rows), dtype=object), self.peers.groups[rows]
        for group in pd.unique(peer_groups):
            own = np.flatnonzero(peer_groups == group)
            texts[own] = self._sentences(rows[own], str(group), language)
        return texts

    def _sentences(self, rows: Indices, group: str, language: str) -> NDArray[np.object_]:
        """Return the sentences of customers of one peer group; each distinct value is put into words once."""
        codes, distinct = pd.factorize(self._rounded_values(rows), use_na_sentinel=False)
        texts = np.empty(len(distinct), dtype=object)
        texts[:] = self._sentences_of_values(distinct, group, language)
        return texts[codes]

    def _rounded_values(self, rows: Indices) -> pd.Series | Matrix:
        """Return the values as they will be shown: numbers rounded, so that few are distinct."""
        values = self.values.iloc[rows]
        if pd.api.types.is_bool_dtype(values.dtype) or not pd.api.types.is_numeric_dtype(values.dtype):
            return values.astype(object)
        numbers = values.to_numpy(np.float64, na_value=np.nan)
        return round_for_readers(numbers) if self.column.unit not in ("share", "relative") else np.round(numbers, 3)

    def _sentences_of_values(self, values: Any, group: str, language: str) -> list[str]:
        """Return one sentence for each value."""
        peers = self.column.median_of(group)
        median = (
            None if peers.median is None or _is_missing(peers.median) else self._value_words(peers.median, language)
        )
        frames = {form: self._sentence_frame(form, median, language) for form in ("plain", "compared", "same")}
        texts = []
        for value in values:
            text = self._value_words(value, language)
            # most peers have none either: their median is that of the others, no comparison for this one
            alone = median is None or (peers.often_missing and _is_missing(value))
            before, after = frames["plain" if alone else "same" if text == median else "compared"]
            texts.append(f"{before}{text}{after}")
        return texts

    def _sentence_frame(self, form: str, median: str | None, language: str) -> tuple[str, str]:
        """Return what stands before and after the value in a sentence."""
        direction = direction_words(self.meaning, language, self.explainer.up)
        about = self.column.name(language)
        parts = str(words()["sentence"][language][form]).split("{value}")
        before, after = (part.format(about=about, typical=median, direction=direction) for part in parts)
        return before, after

    def _value_words(self, value: object, language: str) -> str:
        """Return a value in words: number with unit, yes or no, date, category."""
        if _is_missing(value):
            return missing_words(self.column.feature, self.family, language)
        if self.column.column in self.explainer.hidden_columns:
            return str(words()["value"][language]["rare"])
        if isinstance(value, bool | np.bool_):
            return str(words()["value"][language]["true" if value else "false"])
        if isinstance(value, int | float | np.integer | np.floating):
            shown = float(round_significant(value)) if self.explainer.coarse else float(value)
            return quantity_writer(self.column.unit, language)(shown)
        if isinstance(value, pd.Timestamp | np.datetime64 | date):
            return str(pd.Timestamp(value).year if self.explainer.coarse else pd.Timestamp(value).date())
        if (self.column.column, str(value)) in self.explainer.hidden_categories:
            return str(words()["value"][language]["rare"])
        return str(value)


def _is_missing(value: Any) -> bool:
    """Tell a missing scalar."""
    if isinstance(value, float):
        return value != value
    return bool(pd.isna(value)) if pd.api.types.is_scalar(value) else False

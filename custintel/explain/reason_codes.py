"""Why this customer: the matters that move a score most, as sentences."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from custintel.errors import ConfigurationError
from custintel.explain._peer_groups import Peers
from custintel.explain.column_descriptions import ColumnNote, Groups, column_notes, direction_kind, matters
from custintel.explain.reason_words import check_languages, direction_words, missing_words, quantity_writer, words
from custintel.html.number_format import rounded, significant

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from custintel.artifact import Model


# a matter that moves the odds by less than three percent is no reason
SMALLEST_CONTRIBUTION = 0.03
_BLOCK_CELLS = 6_000_000

Cells = NDArray[np.float64]
Picks = NDArray[np.intp]


def reasons(
    model: Model,
    X: pd.DataFrame,
    top: int = 3,
    languages: Sequence[str] = ("en", "zh"),
    groups: Groups | None = None,
) -> pd.DataFrame:
    """Say for each customer which matters raise the score most.

    Columns that speak of the same matter are added up, so that three reasons are three different matters.
    A customer with fewer raising matters gets fewer reasons; the rest stays empty. A reason is an
    association that the model uses, not a proven cause.

    Where the model names a peer column (the way of billing), typical values are those of the customer's peers,
    and a value that does not set the customer apart from them is no reason: its contribution is left out of the
    matter. That is a missing value, a yes or no, or a category that 95 % of the peers have (such as the missing
    bills of prepaid customers), and a number equal to the peers' median.

    Parameters
    ----------
    model : Model
        A trained model; its metadata give names, units and typical values.
    X : DataFrame
        Features of the customers.
    top : int
        Number of reasons a customer.
    languages : sequence of str
        Languages of the sentences: en, zh.
    groups : mapping, optional
        Matter to columns (patterns such as ``events_*`` allowed). Default: the groups the model carries,
        else one matter for each feature over all its windows.

    Returns
    -------
    DataFrame
        Index as `X`; for each k: reason_k_en, reason_k_zh, reason_k_code (the matter), reason_k_contribution
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
    blocks = [explainer.block(X.iloc[rows], top, tuple(languages)) for rows in _blocks(X)]
    return pd.concat(blocks) if len(blocks) > 1 else blocks[0]


def _blocks(X: pd.DataFrame) -> Iterator[slice]:
    """Cut the rows so that the contributions of one block stay small."""
    size = max(1_024, _BLOCK_CELLS // max(1, X.shape[1]))
    yield from (slice(start, start + size) for start in range(0, max(1, len(X)), size))


@dataclass(frozen=True)
class Explainer:
    """The contributions of a model turned into matters and sentences."""

    contributions: Callable[[pd.DataFrame], pd.DataFrame]
    metadata: dict[str, Any]
    groups: Groups | None = None
    up: bool = True
    suppressed: frozenset[tuple[str, str]] = frozenset()  # rare categories that must not be shown
    unsaid: frozenset[str] = frozenset()  # columns whose values would tell who the customer is
    coarse: bool = False  # for a page that names nobody: three significant digits, dates as years

    @classmethod
    def of(cls, model: Model, groups: Groups | None = None) -> Explainer:
        """Explain what raises the score of this model."""
        return cls(model.contributions, model.metadata, groups)

    def block(self, X: pd.DataFrame, top: int, languages: tuple[str, ...]) -> pd.DataFrame:
        """Return the reasons of one block of rows."""
        C = self.contributions(X)
        columns, peers = [str(column) for column in C.columns], Peers.of(self.metadata, X)
        notes = column_notes(self.metadata, columns)
        names, best, sums = self._by_matter(_own(C, X, peers, notes), columns)
        order = _leading(sums, top)
        said: list[int] = np.unique(best).tolist()
        speakers = {c: self._speaker(notes[columns[c]], _values(X, C.columns[c]), peers) for c in said}
        result: dict[str, Any] = {}
        for k in range(top):
            result |= self._rank(k, order, (names, best, sums), speakers, languages)
        return pd.DataFrame(result, index=X.index)

    def _by_matter(self, C: Cells, columns: list[str]) -> tuple[NDArray[np.object_], Picks, Cells]:
        """Add the contributions up by matter; keep the column that says most in each."""
        signed = C if self.up else -C
        of_column = matters(self.metadata, columns, self.groups)
        names = list(dict.fromkeys(of_column.values()))
        places = {name: np.array([i for i, c in enumerate(columns) if of_column[c] == name]) for name in names}
        best = np.empty((len(C), len(names)), np.intp)
        sums = np.empty((len(C), len(names)))
        for g, name in enumerate(names):
            part = signed[:, places[name]]
            best[:, g] = places[name][part.argmax(axis=1)]
            sums[:, g] = part.sum(axis=1)
        return np.array(names, dtype=object), best, sums

    def _speaker(self, note: ColumnNote, values: pd.Series, peers: Peers) -> _Speaker:
        """Prepare the sentences of one column."""
        table = not self.metadata.get("features") or not note.family
        return _Speaker(note, values, direction_kind(self.metadata), "table" if table else note.family, self, peers)

    def _rank(
        self,
        k: int,
        order: Picks,
        found: tuple[NDArray[np.object_], Picks, Cells],
        speakers: dict[int, _Speaker],
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
            real = weight >= SMALLEST_CONTRIBUTION
            chosen = np.where(real, best[rows, order[:, k]], -1)
            codes = np.where(real, names[order[:, k]], "")
            weight = np.where(real, weight if self.up else -weight, np.nan)
        texts = {f"reason_{k + 1}_{lang}": _texts(chosen, speakers, lang) for lang in languages}
        return {**texts, f"reason_{k + 1}_code": codes, f"reason_{k + 1}_contribution": weight}


def _values(X: pd.DataFrame, column: Any) -> pd.Series:
    """The values of a column; none where it was not given, because the model learned from it that it tells nothing."""
    return X[column] if column in X.columns else pd.Series(np.nan, index=X.index)


def _own(C: pd.DataFrame, X: pd.DataFrame, peers: Peers, notes: Mapping[str, ColumnNote]) -> Cells:
    """Return the contributions; nothing for a value that does not set a customer apart from the peers."""
    own = C.to_numpy(np.float64, copy=True)
    for place, column in enumerate(C.columns):
        entry = notes[str(column)].entry
        if entry.get("peers") and column in X.columns:
            own[peers.shared(entry, X[column]), place] = 0.0
    return own


def _leading(sums: Cells, top: int) -> Picks:
    """Return the matters with the largest sums of each row, largest first; ties by order of the matters."""
    top = min(top, sums.shape[1])
    order: Picks = np.argsort(-sums, axis=1, kind="stable")[:, :top]
    return order


def _texts(chosen: Picks, speakers: dict[int, _Speaker], language: str) -> NDArray[np.object_]:
    """Return a sentence for each row; empty where no column was chosen."""
    texts = np.full(len(chosen), "", dtype=object)
    for column in np.unique(chosen[chosen >= 0]):
        rows = np.flatnonzero(chosen == column)
        texts[rows] = speakers[column].sentences(rows, language)
    return texts


@dataclass(frozen=True)
class _Speaker:
    """One column's values in a block of rows, and how to say them."""

    note: ColumnNote
    values: pd.Series
    kind: str
    family: str
    explainer: Explainer
    peers: Peers

    def sentences(self, rows: Picks, language: str) -> NDArray[np.object_]:
        """Return one sentence for each of these rows, compared with the customer's own peers."""
        texts, kinds = np.empty(len(rows), dtype=object), self.peers.kinds[rows]
        for kind in pd.unique(kinds):
            own = np.flatnonzero(kinds == kind)
            texts[own] = self._sentences(rows[own], str(kind), language)
        return texts

    def _sentences(self, rows: Picks, kind: str, language: str) -> NDArray[np.object_]:
        """Return the sentences of customers of one kind; each distinct value is put into words once."""
        codes, distinct = pd.factorize(self._shown(rows), use_na_sentinel=False)
        texts = np.empty(len(distinct), dtype=object)
        texts[:] = self._phrased(distinct, kind, language)
        return texts[codes]

    def _shown(self, rows: Picks) -> pd.Series | Cells:
        """Return the values as they will be shown: numbers rounded, so that few are distinct."""
        values = self.values.iloc[rows]
        if pd.api.types.is_bool_dtype(values.dtype) or not pd.api.types.is_numeric_dtype(values.dtype):
            return values.astype(object)
        numbers = values.to_numpy(np.float64, na_value=np.nan)
        return rounded(numbers) if self.note.unit not in ("share", "relative") else np.round(numbers, 3)

    def _phrased(self, values: Any, kind: str, language: str) -> list[str]:
        """Return one sentence for each value."""
        typical = self.note.typical(kind)
        usual = None if typical.median is None or _is_missing(typical.median) else self._said(typical.median, language)
        frames = {form: self._frame(form, usual, language) for form in ("plain", "compared", "same")}
        texts = []
        for value in values:
            text = self._said(value, language)
            # most peers have none either: their median is that of the others, no comparison for this one
            alone = usual is None or (typical.often_missing and _is_missing(value))
            before, after = frames["plain" if alone else "same" if text == usual else "compared"]
            texts.append(f"{before}{text}{after}")
        return texts

    def _frame(self, form: str, usual: str | None, language: str) -> tuple[str, str]:
        """Return what stands before and after the value in a sentence."""
        direction = direction_words(self.kind, language, self.explainer.up)
        about = self.note.name(language)
        parts = str(words()["sentence"][language][form]).split("{value}")
        before, after = (part.format(about=about, typical=usual, direction=direction) for part in parts)
        return before, after

    def _said(self, value: object, language: str) -> str:
        """Return a value in words: number with unit, yes or no, date, category."""
        if _is_missing(value):
            return missing_words(self.note.feature, self.family, language)
        if self.note.column in self.explainer.unsaid:
            return str(words()["value"][language]["rare"])
        if isinstance(value, bool | np.bool_):
            return str(words()["value"][language]["true" if value else "false"])
        if isinstance(value, int | float | np.integer | np.floating):
            shown = float(significant(value)) if self.explainer.coarse else float(value)
            return quantity_writer(self.note.unit, language)(shown)
        if isinstance(value, pd.Timestamp | np.datetime64 | date):
            return str(pd.Timestamp(value).year if self.explainer.coarse else pd.Timestamp(value).date())
        if (self.note.column, str(value)) in self.explainer.suppressed:
            return str(words()["value"][language]["rare"])
        return str(value)


def _is_missing(value: Any) -> bool:
    """Tell a missing scalar."""
    if isinstance(value, float):
        return value != value
    return bool(pd.isna(value)) if pd.api.types.is_scalar(value) else False

"""What drives the scores: importance, dependence and three examples, from a sample of exact contributions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from custintel.explain.column_descriptions import ColumnDescription, column_descriptions, reason_groups
from custintel.explain.reason_codes import Explainer, smallest_contribution
from custintel.html.number_format import round_for_readers, round_significant
from custintel.identifiers import are_identifiers
from custintel.reports.model.evaluation import SMALLEST_GROUP, merge_small_bins, smooth_small_bins

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from custintel.reports.model.evaluation import Evaluation


SAMPLE = 3_000
LISTED = 20
_MANY, _OWN = 50, 0.9  # of so many rows, the share with a value of its own that makes a column tell who it is
_FEW = 12  # so many distinct values are shown as bars


@dataclass(frozen=True)
class ExplainedSample:
    """Some out-of-time rows with their contributions."""

    X: pd.DataFrame
    C: NDArray[np.float64]
    descriptions: dict[str, ColumnDescription]
    reason_groups: dict[str, str]
    least: int = SMALLEST_GROUP  # customers that a group needs to be shown

    @classmethod
    def draw(cls, evaluation: Evaluation, size: int = SAMPLE) -> ExplainedSample:
        """Take rows at random (always the same ones) and explain them."""
        X, least = evaluation.X, evaluation.smallest_group
        if len(X) > size:
            X = X.iloc[np.sort(np.random.default_rng(0).choice(len(X), size, replace=False))]
        C = evaluation.model.contributions(X)
        metadata, columns = evaluation.model.metadata, [str(c) for c in C.columns]
        X = X[list(C.columns)].set_axis(columns, axis=1)
        return cls(
            X, C.to_numpy(np.float64), column_descriptions(metadata, columns), reason_groups(metadata, columns), least
        )

    @property
    def strength(self) -> NDArray[np.float64]:
        """Mean absolute contribution of each column."""
        strength: NDArray[np.float64] = np.abs(self.C).mean(axis=0) if len(self.C) else np.zeros(self.C.shape[1])
        return strength


def importance_facts(sample: ExplainedSample) -> dict[str, Any]:
    """Return the strongest columns, and the share of each family."""
    strength, columns = sample.strength, list(sample.X.columns)
    total = float(strength.sum()) or 1.0
    order = np.argsort(-strength, kind="stable")
    of_family: dict[str, float] = {}
    for place in order:
        family = sample.descriptions[columns[place]].family
        of_family[family] = of_family.get(family, 0.0) + float(strength[place]) / total
    listed = [place for place in order[:LISTED] if strength[place] > 0]
    return {
        "rows": len(sample.X),
        "columns": len(columns),
        "used": int((strength > 0).sum()),
        "features": [_column_importance(sample.descriptions[columns[i]], float(strength[i]), total) for i in listed],
        "families": [
            {"family": name, "share": share} for name, share in sorted(of_family.items(), key=lambda f: (-f[1], f[0]))
        ],
    }


def _column_importance(note: ColumnDescription, value: float, total: float) -> dict[str, Any]:
    """Return one line of the importance chart."""
    about = note.name("en")
    return {"column": note.column, "about": about, "family": note.family, "value": value, "share": value / total}


def dependence_facts(sample: ExplainedSample, count: int = 6) -> list[dict[str, Any]]:
    """Return, for the strongest column of each of the strongest reason groups, how its values move the score."""
    columns, seen = list(sample.X.columns), set[str]()
    found: list[dict[str, Any]] = []
    for place in np.argsort(-sample.strength, kind="stable"):
        column = columns[place]
        if len(found) == count or sample.strength[place] <= 0:
            break
        if sample.reason_groups[column] in seen:
            continue
        facts = _dependence_of(sample.X[column], sample.C[:, place], sample.least)
        if not facts["bins"]:
            continue
        seen.add(sample.reason_groups[column])
        note = sample.descriptions[column]
        found.append({"column": column, "about": note.name("en"), "unit": note.unit, **facts})
    return found


def _dependence_of(values: pd.Series, effect: NDArray[np.float64], least: int) -> dict[str, Any]:
    """Return bins with their mean contribution and number of rows."""
    missing = values.isna().to_numpy()
    facts = {"missing": _bin(effect[missing]) if missing.sum() >= least else None}
    known, effect = values[~missing], effect[~missing]
    plain_number = pd.api.types.is_numeric_dtype(values.dtype) and not pd.api.types.is_bool_dtype(values.dtype)
    if not plain_number:
        return {"kind": "category", **facts, "bins": _categories(known.astype(str).to_numpy(object), effect, least)}
    numbers = known.to_numpy(np.float64)
    if len(np.unique(numbers)) <= _FEW or len(numbers) < 2 * least:
        return {"kind": "few", **facts, "bins": _few_values(numbers, effect, least)}
    return {"kind": "number", **facts, **_number_bins(numbers, effect, least)}


def _bin(effect: NDArray[np.float64]) -> dict[str, Any]:
    """Return the mean contribution of some rows, and their number."""
    return {"mean": float(effect.mean()), "rows": len(effect)}


def smallest_category(rows: int, least: int = SMALLEST_GROUP) -> int:
    """Return how many rows a category needs to be named in a report: fewer could point at a person."""
    return max(least, min(rows // 50, 20))


def _categories(values: NDArray[np.object_], effect: NDArray[np.float64], least: int) -> list[dict[str, Any]]:
    """Return the frequent categories, strongest first; the others together."""
    names, codes, counts = np.unique(values, return_inverse=True, return_counts=True)
    often = np.argsort(-counts, kind="stable")[:_FEW]
    kept = [i for i in often if counts[i] >= smallest_category(len(values), least)]
    bins = [{"label": str(names[i]), **_bin(effect[codes == i])} for i in kept]
    bins.sort(key=lambda b: -b["mean"])
    rest = ~np.isin(codes, kept)
    return [*bins, {"label": None, **_bin(effect[rest])}] if rest.sum() >= least else bins


def _few_values(values: NDArray[np.float64], effect: NDArray[np.float64], least: int) -> list[dict[str, Any]]:
    """Return one bin for each of a few numbers; a thin upper end is taken together, another thin one left out."""
    kept, counts = np.unique(values, return_counts=True)
    if len(values) < least:
        return []
    cell = smallest_category(len(values), least)
    while len(kept) > 1 and (counts[-1] < cell or len(kept) > _FEW):
        kept, counts = kept[:-1], np.append(counts[:-2], counts[-2:].sum())
    open_ended = float(values.max()) > float(kept[-1])
    often = [v for v, count in zip(kept[:-1], counts[:-1], strict=True) if count >= least]
    bins = [{"value": float(v), "more": False, **_bin(effect[values == v])} for v in often]
    return [*bins, {"value": float(kept[-1]), "more": open_ended, **_bin(effect[values >= kept[-1]])}]


def _number_bins(values: NDArray[np.float64], effect: NDArray[np.float64], least: int) -> dict[str, Any]:
    """Return bins of equal numbers of rows for the curve, and of equal width for the distribution."""
    low, high = (float(v) for v in np.quantile(values, [0.01, 0.99]))
    if not high > low:
        low, high = float(values.min()), float(values.max())
    bend = _bend(values, low, high)
    parts = [*np.linspace(0, 1, min(17, len(values) // least + 1))[:-1], 0.97, 0.99, 1.0]
    edges = np.unique(np.quantile(values, parts))
    place = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, len(edges) - 2)
    place = merge_small_bins(np.bincount(place, minlength=len(edges) - 1), least)[place]
    middles = np.array([np.clip(np.median(values[place == b]), low, high) for b in np.unique(place)])
    at = middles[np.searchsorted(np.unique(place), place)]
    bins = [{"value": float(v), **_contribution_range(effect[at == v])} for v in np.unique(middles)]
    shown = np.log1p(np.clip(values, 0, None) / bend) if bend else values
    ends = np.log1p(np.array([low, high]) / bend) if bend else np.array([low, high])
    counts, _ = np.histogram(np.clip(shown, *ends), bins=24, range=(float(ends[0]), float(ends[1])))
    low, high = (float(end) for end in round_for_readers(np.array([low, high])))
    return {"low": low, "high": high, "bend": bend, "bins": bins, "histogram": smooth_small_bins(counts, least)}


def _bend(values: NDArray[np.float64], low: float, high: float) -> float:
    """Return where a long tail starts to be compressed (0: straight axis)."""
    middle = float(np.median(values))
    return max(middle, high / 100) if low >= 0 and high > 8 * middle else 0.0


def _contribution_range(effect: NDArray[np.float64]) -> dict[str, Any]:
    """Return mean and the middle 80 % of the contributions, and the number of rows."""
    low, high = np.quantile(effect, [0.1, 0.9])
    return {**_bin(effect), "low": float(low), "high": float(high)}


def examples_facts(evaluation: Evaluation) -> list[dict[str, Any]]:
    """Return three customers without a name: one of high, one of middling, one of low score, with their reasons."""
    p = evaluation.p.to_numpy(np.float64)
    if not len(p):
        return []
    places = {
        "high": _row_at_percentile(p, 0.97),
        "middle": _row_at_percentile(p, 0.6),
        "low": _row_at_percentile(p, 0.1),
    }
    X = evaluation.X.iloc[list(places.values())]
    model, hidden = evaluation.model, _rare_categories(evaluation.X, X, evaluation.smallest_group)
    hidden_columns = _identifying_columns(evaluation.X)
    up, down = (
        Explainer(
            model.contributions,
            model.metadata,
            up=up,
            hidden_categories=hidden,
            hidden_columns=hidden_columns,
            coarse=True,
            smallest=smallest_contribution(model),
        ).explain_rows(X, 3, ("en", "zh"))
        for up in (True, False)
    )
    return [
        {"level": level, "probability": float(np.round(p[place], 3)), "percentile": float(np.mean(p <= p[place])),
         "up": _reason_texts(up.iloc[i]), "down": _reason_texts(down.iloc[i])}
        for i, (level, place) in enumerate(places.items())
    ]  # fmt: skip


def _row_at_percentile(p: NDArray[np.float64], share: float) -> int:
    """Return the row whose score stands at this share of the order."""
    return int(np.argsort(p, kind="stable")[min(len(p) - 1, int(share * len(p)))])


def _rare_categories(X: pd.DataFrame, few: pd.DataFrame, smallest: int) -> frozenset[tuple[str, str]]:
    """Return the categories of a few rows that too few customers share."""
    least, hidden = smallest_category(len(X), smallest), set()
    for column in X.columns:
        if pd.api.types.is_numeric_dtype(X[column].dtype):
            continue
        often = X[column].value_counts(dropna=False)
        hidden |= {(str(column), str(v)) for v in few[column].dropna() if int(often[v]) < least}
    return frozenset(hidden)


def _identifying_columns(X: pd.DataFrame) -> frozenset[str]:
    """Return the columns of which nearly every row has its own value, even as it would be shown."""
    return frozenset(str(column) for column in X.columns if _mostly_distinct(X[column].dropna()))


def _mostly_distinct(values: pd.Series) -> bool:
    if len(values) < _MANY:
        return False
    if pd.api.types.is_datetime64_any_dtype(values.dtype):
        return False  # shown as years
    if pd.api.types.is_numeric_dtype(values.dtype) and not are_identifiers(values):
        values = pd.Series(round_significant(values.to_numpy(np.float64)))
    return values.nunique() > _OWN * len(values)


def _reason_texts(row: pd.Series) -> list[dict[str, Any]]:
    """Return the sentences of one customer."""
    told = []
    for k in range(1, 4):
        if row[f"reason_{k}_en"]:
            contribution = float(np.round(row[f"reason_{k}_contribution"], 2))
            told.append({"en": row[f"reason_{k}_en"], "zh": row[f"reason_{k}_zh"], "contribution": contribution})
    return told

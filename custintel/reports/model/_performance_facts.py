"""How good the scores are: metrics with intervals, deciles, gain, calibration, profit, and stability over time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from custintel import metrics
from custintel.metrics import calibration as calibration_metrics
from custintel.metrics import campaign_profit, confidence_intervals, discrimination, gain_tables
from custintel.reports.model.evaluation import SMALLEST_GROUP, largest_group_count, smooth_small_bins

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from custintel.reports.model.evaluation import Evaluation


COSTS = {"clv": 200.0, "offer_cost": 10.0, "contact_cost": 1.0, "alpha": 6.0, "beta": 14.0}
BOOTSTRAP_DRAWS = 200
_BOOTSTRAP_ROWS = 20_000  # larger tables are sampled for the intervals, and the intervals narrowed accordingly
_Z = 1.96


@dataclass(frozen=True)
class SortedScores:
    """Labels and probabilities in order of the score, highest first; ties keep the order of the rows."""

    y: NDArray[np.float64]
    p: NDArray[np.float64]
    customers: NDArray[Any] | None  # set when customers occur on several dates
    least: int = SMALLEST_GROUP  # customers that a group needs to be shown

    @classmethod
    def of(cls, evaluation: Evaluation) -> SortedScores:
        """Sort the rows of an evaluation."""
        p = evaluation.p.to_numpy(np.float64)
        order = np.argsort(-p, kind="stable")
        return cls(
            evaluation.y.to_numpy(np.float64)[order],
            p[order],
            _customers(evaluation.X.index, order),
            evaluation.smallest_group,
        )

    @property
    def rate(self) -> float | None:
        """Share of positives."""
        return float(self.y.mean()) if len(self.y) else None

    def groups(self, most: int) -> int:
        """How many groups of equal size can be shown."""
        count = len(self.y) if self.customers is None else len(np.unique(self.customers))
        return largest_group_count(count, most, self.least)

    @property
    def both_classes(self) -> bool:
        """Whether ordering can be judged at all."""
        return len(np.unique(self.y)) == 2


def _customers(index: pd.Index, order: NDArray[np.intp]) -> NDArray[Any] | None:
    """Return a number for each customer when rows repeat them."""
    if not isinstance(index, pd.MultiIndex):
        return None
    codes = np.asarray(index.codes[-1])[order]
    return codes if len(np.unique(codes)) < len(codes) else None


def costs_of(metadata: Mapping[str, Any]) -> dict[str, float]:
    """Return the costs of the model's specification, filled up with the usual ones."""
    spec = metadata.get("spec")
    given = spec.get("costs") if isinstance(spec, Mapping) else None
    known = {k: float(v) for k, v in (given or {}).items() if k in COSTS and v is not None}
    return {**COSTS, **known}


def score_metrics(scored: SortedScores, metadata: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return each measure with its interval, what chance would give, and the best possible value."""
    costs: dict[str, Any] = dict(costs_of(metadata))
    rate = scored.rate or 0.0
    constant = float(campaign_profit.constant_policy_profit(scored.y, **costs)) if len(scored.y) else 0.0
    most = float(discrimination.max_lift(scored.y)) if rate else None
    table: list[tuple[str, Callable[..., Any], float | None, float | None]] = [
        ("auc", discrimination.auc, 0.5, 1.0),
        ("average_precision", discrimination.average_precision, rate, 1.0),
        ("lift", metrics.lift_score, 1.0, most),
        ("brier", calibration_metrics.brier, rate * (1 - rate), 0.0),
        ("ece", metrics.ece_score, None, 0.0),
        ("empc", partial(metrics.empc_score, **costs), constant, None),
    ]
    return [_metric(scored, metadata, name, function, chance, best) for name, function, chance, best in table]


def own_metrics(evaluation: Evaluation) -> list[dict[str, Any]]:
    """Return the learner's own measures with their words; those of yes-or-no questions have a place of their own."""
    found: Mapping[str, Mapping[str, float]] = evaluation.model.metadata.get("metrics") or {}
    return [
        {"name": name, **found[name], **words, "title": words["name"]}
        for name, words in evaluation.metric_words.items()
        if name in found
    ]


def _metric(
    scored: SortedScores,
    metadata: Mapping[str, Any],
    name: str,
    function: Callable[..., Any],
    chance: float | None,
    best: float | None,
) -> dict[str, Any]:
    """Return one measure; unknown (None) where a single class leaves it undefined."""
    facts: dict[str, Any] = {"name": name, "value": None, "low": None, "high": None, "chance": chance, "best": best}
    if not scored.both_classes:
        return facts
    value = float(function(scored.y, scored.p))
    low, high = _known_interval(metadata, name, value) or _interval(scored, function, value)
    # models of earlier versions carry intervals that lie beside the value, or beyond what is possible
    least, most = confidence_intervals.metric_bounds(function, scored.y)
    return {**facts, "value": value, "low": min(max(low, least), value), "high": max(min(high, most), value)}


def _known_interval(metadata: Mapping[str, Any], name: str, value: float) -> tuple[float, float] | None:
    """Return the interval that training found, if it belongs to the same value."""
    known = metadata.get("metrics") or {}
    entry = known.get(name, known.get("lift_10") if name == "lift" else None)
    if not isinstance(entry, Mapping) or entry.get("low") is None or entry.get("high") is None:
        return None
    same = entry.get("value") is not None and abs(float(entry["value"]) - value) < 1e-9
    return (float(entry["low"]), float(entry["high"])) if same else None


def _interval(scored: SortedScores, function: Callable[..., Any], value: float) -> tuple[float, float]:
    """Draw customers again and again; from large tables fewer, and narrow the interval to the full size."""
    rows = len(scored.y)
    keep = np.arange(rows)
    if rows > _BOOTSTRAP_ROWS:
        keep = np.sort(np.random.default_rng(0).choice(rows, _BOOTSTRAP_ROWS, replace=False))
    groups = None if scored.customers is None else scored.customers[keep]
    y, p = scored.y[keep], scored.p[keep]
    _, low, high = confidence_intervals.bootstrap_interval(
        function, y, p, n_resamples=BOOTSTRAP_DRAWS, random_state=0, groups=groups
    )
    if len(keep) == rows:
        return low, high
    centre, shrink = float(function(y, p)), float(np.sqrt(len(keep) / rows))
    return value + (low - centre) * shrink, value + (high - centre) * shrink


def deciles_facts(scored: SortedScores) -> list[dict[str, Any]]:
    """Return ten groups of equal size, highest scores first; fewer where they would be small."""
    groups = scored.groups(10)
    if not groups:
        return []
    found = gain_tables.gain_table(scored.y, scored.p, groups).rename(columns={"group": "decile"})
    last = found["cumulative_customers"].to_numpy()
    scores = [float(part.mean()) for part in np.split(scored.p, last[:-1])]
    return [_decile(row, score) for row, score in zip(found.to_dict("records"), scores, strict=True)]


def _decile(row: Mapping[Any, Any], score: float) -> dict[str, Any]:
    """Return one group with the interval of its rate."""
    low, high = confidence_intervals.wilson(row["targets"], row["customers"])
    return {
        "decile": row["decile"], "rows": row["customers"], "positives": row["targets"], "rate": row["rate"],
        "low": low, "high": high, "score": score, "lift": row["lift"], "found": row["gain"],
    }  # fmt: skip


def gain_facts(scored: SortedScores) -> dict[str, Any] | None:
    """Return which share of the positives stands in the first share of the customers, at each per cent."""
    groups = scored.groups(100)
    if not scored.y.sum() or not groups:
        return None
    share = np.linspace(0, 1, 101)
    reached = np.concatenate([[0.0], np.cumsum(scored.y)]) / scored.y.sum()
    known = np.unique(np.round(np.linspace(0, len(scored.y), groups + 1)).astype(np.int64))
    captured = np.interp(share * len(scored.y), known, reached[known])
    ideal = np.minimum(1.0, share / max(scored.rate or 1.0, 1e-12))
    return {"share": share.tolist(), "captured": captured.tolist(), "ideal": ideal.tolist()}


def calibration_facts(scored: SortedScores, bins: int = 10) -> dict[str, Any]:
    """Return mean score beside observed rate in bins of equal size, and how the scores are spread."""
    points: list[dict[str, Any]] = []
    if not scored.groups(1):
        return {"points": points, "histogram": [], "edges": [0.0, 1.0]}
    count = min(scored.groups(bins), max(1, len(scored.y) // 20))
    for rows in np.array_split(np.arange(len(scored.y)), count)[::-1]:
        if len(rows):
            positives = float(scored.y[rows].sum())
            low, high = confidence_intervals.wilson(positives, len(rows))
            points.append(
                {"score": float(scored.p[rows].mean()), "rate": positives / len(rows), "low": low, "high": high,
                 "rows": len(rows)}
            )  # fmt: skip
    counts, edges = np.histogram(scored.p, bins=40, range=(0.0, 1.0))
    return {
        "points": points,
        "histogram": smooth_small_bins(counts, scored.least),
        "edges": [float(edges[0]), float(edges[-1])],
    }


def profit_facts(scored: SortedScores, metadata: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return profit per customer of the base by campaign size, under the costs of the specification."""
    groups = scored.groups(100)
    if not groups:
        return None
    costs = costs_of(metadata)
    accepted = costs["alpha"] / (costs["alpha"] + costs["beta"])
    terms: dict[str, Any] = {
        "clv": costs["clv"],
        "take_up": accepted,
        "offer_cost": costs["offer_cost"],
        "contact_cost": costs["contact_cost"],
    }
    curve = campaign_profit.profit_curve(scored.y, scored.p, points=groups, **terms)
    share, each = curve["share"].to_numpy(), curve["profit"].to_numpy() / len(scored.y)
    best = int(np.argmax(each))
    half = _half_interval(scored, _profit_by_customer(scored, int(curve["contacts"].iloc[best]), terms))
    return {
        "costs": costs, "accepted": accepted, "share": share.tolist(), "profit": each.tolist(),
        "best_share": float(share[best]), "best_profit": float(each[best]), "low": float(each[best]) - half,
        "high": float(each[best]) + half, "contact_all": float(each[-1]),
        "best_score": float(curve["cutoff"].iloc[best]) if best else None,
    }  # fmt: skip


def _profit_by_customer(scored: SortedScores, contacts: int, terms: Mapping[str, float]) -> NDArray[np.float64]:
    """Return what each customer brings when the first ones are contacted."""
    kept = terms["take_up"] * (terms["clv"] - terms["offer_cost"]) - terms["contact_cost"]
    each = np.where(scored.y == 1, kept, -terms["offer_cost"] - terms["contact_cost"])
    gains: NDArray[np.float64] = np.where(np.arange(len(each)) < contacts, each, 0.0)
    return gains


def _half_interval(scored: SortedScores, gains: NDArray[np.float64]) -> float:
    """Return half the 95 % interval of a mean; rows of the same customer count as one."""
    rows = len(gains)
    if rows < 2:
        return 0.0
    away = gains - gains.mean()
    if scored.customers is not None:
        away = np.bincount(scored.customers, weights=away)
    return float(_Z * np.sqrt(np.square(away).sum()) / rows)


def stability_facts(evaluation: Evaluation) -> dict[str, Any]:
    """Return how alike the scores are between training and test, and how the model did on each date."""
    return {"psi": _psi(evaluation), "dates": _by_date(evaluation)}


def _psi(evaluation: Evaluation) -> float | None:
    """Return the population stability index of the score, if the training scores are known."""
    if evaluation.train_p is None or not len(evaluation.train_p) or not evaluation.rows:
        return None
    return float(metrics.psi(evaluation.train_p.to_numpy(np.float64), evaluation.p.to_numpy(np.float64)))


def _auc_of(part: pd.DataFrame) -> float | None:
    """Return the AUC of some rows, if both outcomes occur among them."""
    if part["y"].nunique() != 2:
        return None
    return float(discrimination.auc(part["y"].to_numpy(), part["p"].to_numpy()))


def _by_date(evaluation: Evaluation) -> list[dict[str, Any]]:
    """Return rows, rate, mean score and AUC of each test date."""
    index = evaluation.X.index
    if not isinstance(index, pd.MultiIndex):
        return []
    frame = pd.DataFrame({"y": evaluation.y.to_numpy(np.float64), "p": evaluation.p.to_numpy(np.float64)})
    parts = frame.groupby(index.get_level_values(0).to_numpy(), sort=True)
    return [
        {"as_of": as_of, "rows": len(part), "rate": float(part["y"].mean()), "score": float(part["p"].mean()),
         "auc": _auc_of(part)}
        for as_of, part in parts
        if len(part) >= evaluation.smallest_group
    ]  # fmt: skip

"""Uplift: did the contact change anything, and does the ranking know for whom?

Treated and control customers are compared within the first customers of a ranking. The curve is
``Q(k) = Y_T(k) - Y_C(k) N_T(k) / N_C(k)``: responses beyond what as many control customers would have given. The
coefficient relates its area above the random line to that of the perfect ranking; libraries differ in this, so results
name their formula and must not be compared with those of another.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
from scipy.integrate import trapezoid

from custintel.errors import DataError, Problem, raise_problems

if TYPE_CHECKING:
    from collections.abc import Sequence


FORMULA = "(A(Q) - A(random)) / (A(perfect) - A(random)), Q(k) = Y_T(k) - Y_C(k) N_T(k) / N_C(k)"


class Qini(NamedTuple):
    """Qini coefficient with the 95 % interval of a bootstrap, and the formula it was computed by."""

    value: float
    low: float
    high: float
    formula: str = FORMULA

    @property
    def detectable(self) -> bool:
        """Whether the interval lies above zero: the ranking is better than a random one."""
        return self.low > 0


class Comparison(NamedTuple):
    """Difference of two rankings on the same customers, its 95 % interval, and the chance that it is none."""

    difference: float
    low: float
    high: float
    p_value: float


class _Rows(NamedTuple):
    y: np.ndarray
    score: np.ndarray
    treated: np.ndarray
    weight: np.ndarray


def qini_curve(y_true: Any, uplift: Any, treated: Any, sample_weight: Any = None) -> pd.DataFrame:
    """The Qini curve: incremental responses when the first k customers are treated.

    Parameters
    ----------
    y_true : array-like
        Outcome: 0 and 1, or amounts.
    uplift : array-like
        Score by which customers are ranked, highest first; ties stand in one step.
    treated : array-like of bool
        Whether the customer was treated; the others are control.
    sample_weight : array-like, optional
        Weight of each row: 1 / propensity of what was done, when it differs between customers.

    Returns
    -------
    DataFrame
        customers, share, incremental (Q), random (the line to the end point).

    Examples
    --------
    >>> curve = qini_curve([1, 0, 0, 1], [0.9, 0.8, 0.2, 0.1], [True, False, True, False])
    >>> curve["incremental"].tolist()
    [0.0, 1.0, 1.0, 1.0, 0.0]
    """
    return _curve(_rows(y_true, uplift, treated, sample_weight))


def qini_score(
    y_true: Any, uplift: Any, treated: Any, sample_weight: Any = None, n_resamples: int = 200, random_state: int = 0
) -> Qini:
    """The Qini coefficient of a ranking; 1 is perfect, 0 random; outcomes must be 0 and 1.

    Parameters
    ----------
    y_true, uplift, treated, sample_weight
        As in `qini_curve`.
    n_resamples : int
        Bootstrap repeats for the interval (customers drawn within treated and control); 0 for none.
    random_state : int
        Seed of the bootstrap.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> treated, effect = rng.random(4000) < 0.5, rng.random(4000) * 0.3
    >>> y = (rng.random(4000) < 0.1 + effect * treated).astype(int)
    >>> qini_score(y, effect, treated).detectable
    True
    """
    rows = _rows(y_true, uplift, treated, sample_weight)
    _check_binary(rows.y)
    value = _qini(rows)
    if n_resamples == 0:
        return Qini(value, float("nan"), float("nan"))
    drawn = [_qini(_drawn(rows, rng)) for rng in _generators(random_state, n_resamples)]
    low, high = _ends(value, drawn)
    return Qini(value, low, high)


def uplift_at(y_true: Any, uplift: Any, treated: Any, share: float = 0.3, sample_weight: Any = None) -> float:
    """Mean outcome of treated less that of control among the first share of all customers.

    Parameters
    ----------
    y_true, uplift, treated, sample_weight
        As in `qini_curve`.
    share : float
        Share of all customers, by rank (ties in the order of the rows).

    Examples
    --------
    >>> uplift_at([1, 0, 0, 1], [0.9, 0.8, 0.2, 0.1], [True, False, True, False], share=0.5)
    1.0
    """
    if not 0 < share <= 1:
        raise_problems([Problem("share", "not a share", str(share), "above 0, up to 1")])
    return _effect(_top(_rows(y_true, uplift, treated, sample_weight), share))


def uplift_table(y_true: Any, uplift: Any, treated: Any, sample_weight: Any = None, groups: int = 10) -> pd.DataFrame:
    """Predicted against measured uplift in groups of equal size, highest predicted first.

    Parameters
    ----------
    y_true, uplift, treated, sample_weight
        As in `qini_curve`; the scores must be predicted effects.
    groups : int
        Number of groups.

    Returns
    -------
    DataFrame
        group, customers, treated, control, predicted, measured, low and high (95 %).

    Examples
    --------
    >>> table = uplift_table([1, 0, 0, 1], [0.9, 0.8, 0.2, 0.1], [True, False, True, False], groups=2)
    >>> table["measured"].tolist()
    [1.0, -1.0]
    """
    rows = _rows(y_true, uplift, treated, sample_weight)
    order = np.argsort(-rows.score, kind="stable")
    return pd.DataFrame([_group(k, _take(rows, part)) for k, part in enumerate(np.array_split(order, groups), 1)])


def compare_uplift(  # noqa: PLR0913 - two rankings of one experiment
    y_true: Any,
    first: Any,
    second: Any,
    treated: Any,
    sample_weight: Any = None,
    n_resamples: int = 500,
    random_state: int = 0,
) -> Comparison:
    """Qini of one ranking less that of another, by a paired bootstrap: both see the same drawn customers.

    Parameters
    ----------
    y_true, treated, sample_weight
        As in `qini_curve`.
    first, second : array-like
        The two scores.
    n_resamples, random_state : int
        Bootstrap.

    Returns
    -------
    Comparison
        Difference with its 95 % interval; the p value is the share of draws in which the first is not better.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> treated, effect = rng.random(4000) < 0.5, rng.random(4000) * 0.3
    >>> y = (rng.random(4000) < 0.1 + effect * treated).astype(int)
    >>> compare_uplift(y, effect, rng.random(4000), treated, n_resamples=100).p_value < 0.05
    True
    """
    one, two = _rows(y_true, first, treated, sample_weight), _rows(y_true, second, treated, sample_weight)
    _check_binary(one.y)
    drawn = []
    for rng in _generators(random_state, n_resamples):
        part = _drawn_places(one.treated, rng)
        drawn.append(_qini(_take(one, part)) - _qini(_take(two, part)))
    difference = _qini(one) - _qini(two)
    low, high = _ends(difference, drawn)
    worse = (np.sum(np.asarray(drawn) <= 0) + 1) / (n_resamples + 1)
    return Comparison(difference, low, high, float(worse))


def _ends(value: float, drawn: Sequence[float]) -> tuple[float, float]:
    """Both ends of a percentile interval, which reaches to the value itself where few draws are skewed."""
    low, high = np.quantile(drawn, [0.025, 0.975])
    return float(min(low, value)), float(max(high, value))


def _rows(y_true: Any, uplift: Any, treated: Any, sample_weight: Any) -> _Rows:
    given = {"y_true": y_true, "uplift": uplift, "treated": treated}
    arrays = {name: np.asarray(value) for name, value in given.items()}
    lengths = {name: len(value) for name, value in arrays.items()}
    if len(set(lengths.values())) != 1:
        raise DataError(f"y_true, uplift and treated have different lengths\n  given: {lengths}")
    took = arrays["treated"].astype(bool)
    if took.all() or not took.any():
        raise DataError(
            "one arm only: uplift compares treated customers with control customers\n"
            f"  given: {int(took.sum())} treated, {int((~took).sum())} control"
        )
    values = {name: arrays[name].astype(np.float64) for name in ("y_true", "uplift")}
    bad = [name for name, value in values.items() if not np.isfinite(value).all()]
    if bad:
        raise DataError(f"missing or infinite values in {', '.join(bad)}")
    return _Rows(values["y_true"], values["uplift"], took, _weights(sample_weight, took))


def _weights(sample_weight: Any, treated: np.ndarray) -> np.ndarray:
    if sample_weight is None:
        return np.ones(len(treated))
    found = np.asarray(sample_weight, dtype=np.float64)
    if len(found) != len(treated) or not np.isfinite(found).all() or (found <= 0).any():
        raise DataError("weights must be positive, one a row\n  hint: 1 / propensity of what was done")
    # both arms stand for the same customers
    return np.asarray(np.where(treated, found / found[treated].mean(), found / found[~treated].mean()))


def _check_binary(y_true: np.ndarray) -> None:
    if not np.isin(y_true, (0.0, 1.0)).all():
        raise DataError("the Qini coefficient needs outcomes of 0 and 1\n  hint: qini_curve and uplift_at take amounts")


def _take(rows: _Rows, part: np.ndarray) -> _Rows:
    return _Rows(*(value[part] for value in rows))


def _curve(rows: _Rows) -> pd.DataFrame:
    order = np.argsort(-rows.score, kind="stable")
    score = rows.score[order]
    ends = np.append(np.flatnonzero(np.diff(score)), len(score) - 1)
    treated, weight = rows.treated[order], rows.weight[order]
    sums = [np.cumsum(v)[ends] for v in (treated * weight, ~treated * weight, rows.y[order] * treated * weight,
                                         rows.y[order] * ~treated * weight)]  # fmt: skip
    n_t, n_c, y_t, y_c = sums
    q = y_t - np.divide(y_c * n_t, n_c, out=np.zeros(len(ends)), where=n_c > 0)
    customers = np.append(0, ends + 1)
    q = np.append(0.0, q)
    return pd.DataFrame(
        {
            "customers": customers,
            "share": customers / len(score),
            "incremental": q,
            "random": q[-1] * customers / len(score),
        }
    )


def _area(curve: pd.DataFrame, column: str) -> float:
    return float(trapezoid(curve[column], curve["customers"]))


def _qini(rows: _Rows) -> float:
    """As in scikit-uplift 0.5.1 (`qini_auc_score`): the perfect ranking puts responders treated first."""
    curve = _curve(rows)
    more_control = rows.y[~rows.treated].sum() > rows.y[rows.treated].sum()
    best = 2.0 * (rows.y == rows.treated) + (rows.y if more_control else rows.treated)
    perfect = _curve(rows._replace(score=best))
    room = _area(perfect, "incremental") - _area(curve, "random")
    return (_area(curve, "incremental") - _area(curve, "random")) / room if room else 0.0


def _generators(random_state: int, n_resamples: int) -> list[np.random.Generator]:
    return np.random.default_rng(random_state).spawn(n_resamples)


def _drawn_places(treated: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Rows drawn with replacement within each arm."""
    arms = [np.flatnonzero(treated), np.flatnonzero(~treated)]
    return np.concatenate([rng.choice(arm, len(arm)) for arm in arms])


def _drawn(rows: _Rows, rng: np.random.Generator) -> _Rows:
    return _take(rows, _drawn_places(rows.treated, rng))


def _top(rows: _Rows, share: float) -> _Rows:
    most = max(1, int(len(rows.y) * share))
    return _take(rows, np.argsort(-rows.score, kind="stable")[:most])


def _effect(rows: _Rows) -> float:
    if rows.treated.all() or not rows.treated.any():
        return float("nan")
    means = [np.average(rows.y[arm], weights=rows.weight[arm]) for arm in (rows.treated, ~rows.treated)]
    return float(means[0] - means[1])


def _group(number: int, rows: _Rows) -> dict[str, float]:
    effect, error = _effect(rows), _error(rows)
    return {
        "group": number, "customers": len(rows.y), "treated": int(rows.treated.sum()),
        "control": int((~rows.treated).sum()), "predicted": float(rows.score.mean()), "measured": effect,
        "low": effect - 1.96 * error, "high": effect + 1.96 * error,
    }  # fmt: skip


def _error(rows: _Rows) -> float:
    parts = [rows.y[arm].var() / arm.sum() for arm in (rows.treated, ~rows.treated) if arm.any()]
    return float(np.sqrt(sum(parts)))

"""From the log-odds of candidates to one calibrated probability; everything is chosen by out-of-fold log loss.

*Blending* gives each candidate a weight by greedy selection with replacement, in twentieths, which cannot overfit the
way free weights do: a candidate that adds nothing gets nothing. *Calibration* maps the blended log-odds to a
probability: unchanged, by Platt's or the beta map, or by isotonic regression. Every map rises strictly, so that
calibration never changes the ranking of customers.

>>> Calibration("platt", slope=2.0, intercept=-1.0).probability(np.array([0.5]))
array([0.5])
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from scipy.special import expit, logit

if TYPE_CHECKING:
    from collections.abc import Mapping


def log_loss_raw(y: np.ndarray, raw: np.ndarray, weight: np.ndarray) -> float:
    """Mean log loss of log-odds `raw`, weighted.

    >>> round(log_loss_raw(np.array([0.0, 1.0]), np.zeros(2), np.ones(2)), 6)
    0.693147
    """
    return float(np.average(np.logaddexp(0.0, raw) - y * raw, weights=weight))


def squared_loss(y: np.ndarray, raw: np.ndarray, weight: np.ndarray) -> float:
    """Mean squared error of amounts `raw`, weighted.

    >>> squared_loss(np.array([0.0, 3.0]), np.array([0.0, 1.0]), np.ones(2))
    2.0
    """
    return float(np.average((y - raw) ** 2, weights=weight))


Loss = Callable[[np.ndarray, np.ndarray, np.ndarray], float]
Method = Literal["none", "platt", "beta", "isotonic"]
_EDGE = 1e-6
_ISOTONIC_TARGETS = 1000
_TILT = 0.01
# a richer map must earn its place: gain in mean log loss over the next simpler one
_LEAST_GAIN = 2e-4


@dataclass(frozen=True)
class Calibration:
    """A strictly rising map from log-odds to probability."""

    method: Method = "none"
    slope: float = 1.0
    slope_low: float = 1.0
    intercept: float = 0.0
    knots_x: tuple[float, ...] = ()
    knots_y: tuple[float, ...] = ()

    def log_odds(self, raw: np.ndarray) -> np.ndarray:
        """Calibrated log-odds."""
        if self.method == "isotonic":
            return np.asarray(logit(self._interpolate(raw)))
        if self.method == "beta":
            # ln p and -ln(1-p) of the raw probability, each with its own slope
            bent = self.slope_low * np.logaddexp(0, raw) - self.slope * np.logaddexp(0, -raw)
            return np.asarray(self.intercept + bent)
        return self.intercept + self.slope * raw

    def probability(self, raw: np.ndarray) -> np.ndarray:
        """Calibrated probability."""
        return np.asarray(expit(self.log_odds(raw)))

    def _interpolate(self, raw: np.ndarray) -> np.ndarray:
        stairs = np.interp(raw, self.knots_x, self.knots_y)
        mixed = (1 - _TILT) * stairs + _TILT * expit(raw)
        return np.asarray(np.clip(mixed, _EDGE * expit(raw), 1 - _EDGE * expit(-raw)))

    def to_state(self) -> dict[str, Any]:
        """Plain data for the artifact."""
        return {**asdict(self), "knots_x": list(self.knots_x), "knots_y": list(self.knots_y)}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Calibration:
        """Read back what `to_state` gave."""
        return cls(**{**state, "knots_x": tuple(state["knots_x"]), "knots_y": tuple(state["knots_y"])})


def choose_calibration(y: np.ndarray, raw: np.ndarray, weight: np.ndarray, fold: np.ndarray) -> Calibration:
    """The simplest map whose cross-fitted log loss is not beaten by more than a small gain."""
    methods: list[Method] = ["none", "platt", "beta"]
    if min(y.sum(), len(y) - y.sum()) >= _ISOTONIC_TARGETS:
        methods.append("isotonic")
    chosen: Method = "none"
    best = log_loss_raw(y, raw, weight)
    for method in methods[1:]:
        loss = _cross_fitted_loss(method, y, raw, weight, fold)
        if loss < best - _LEAST_GAIN:
            chosen, best = method, loss
    return _fit(chosen, y, raw, weight)


def _cross_fitted_loss(method: Method, y: np.ndarray, raw: np.ndarray, weight: np.ndarray, fold: np.ndarray) -> float:
    out = np.empty(len(y))
    for k in np.unique(fold):
        train, valid = fold != k, fold == k
        out[valid] = _fit(method, y[train], raw[train], weight[train]).log_odds(raw[valid])
    return log_loss_raw(y, out, weight)


def _fit(method: Method, y: np.ndarray, raw: np.ndarray, weight: np.ndarray) -> Calibration:
    if method == "none":
        return Calibration()
    if method == "isotonic":
        return _fit_isotonic(y, raw, weight)
    return _fit_slopes(method, y, raw, weight)


def _fit_slopes(method: Method, y: np.ndarray, raw: np.ndarray, weight: np.ndarray) -> Calibration:
    from scipy.optimize import minimize

    def as_map(v: np.ndarray) -> Calibration:
        low = v[2] if method == "beta" else v[1]
        return Calibration(method, float(np.exp(v[1])), float(np.exp(low)), float(v[0]))

    start = np.zeros(3 if method == "beta" else 2)
    # slopes on the log scale stay positive; a weak prior keeps separable samples finite
    found = minimize(
        lambda v: log_loss_raw(y, as_map(v).log_odds(raw), weight) + 1e-6 * float(v[1:] @ v[1:]),
        start,
        method="L-BFGS-B",
        bounds=[(-20, 20)] + [(-5, 3)] * (len(start) - 1),
    )
    return as_map(found.x)


def _fit_isotonic(y: np.ndarray, raw: np.ndarray, weight: np.ndarray) -> Calibration:
    from sklearn.isotonic import IsotonicRegression

    model = IsotonicRegression(y_min=_EDGE, y_max=1 - _EDGE, out_of_bounds="clip").fit(raw, y, sample_weight=weight)
    return Calibration(
        "isotonic",
        knots_x=tuple(float(v) for v in model.X_thresholds_),
        knots_y=tuple(float(v) for v in model.y_thresholds_),
    )


_STEPS = 20


def blend_weights(raw: np.ndarray, y: np.ndarray, weight: np.ndarray, loss: Loss = log_loss_raw) -> np.ndarray:
    """Weights, one a row of `raw` (candidates x customers), that add up to 1 and make the loss small.

    >>> y = np.array([0.0, 1.0, 0.0, 1.0])
    >>> good, noise = 4 * y - 2, np.array([1.0, -1.0, 1.0, -1.0])
    >>> blend_weights(np.array([noise, good]), y, np.ones(4)).tolist()
    [0.0, 1.0]
    """
    counts = np.zeros(len(raw))
    total = np.zeros(raw.shape[1])
    for step in range(_STEPS):
        losses = [loss(y, (total + r) / (step + 1), weight) for r in raw]
        best = int(np.argmin(losses))
        counts[best] += 1
        total += raw[best]
    return np.asarray(counts / counts.sum())

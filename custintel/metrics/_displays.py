"""Pictures of a ranking: gain, lift, profit, reliability and Qini, drawn by matplotlib in the manner of scikit-learn.

Customers with equal scores are one step: between its ends the curve is straight, which is what contacting some of them
at random brings. The order of the rows therefore changes no picture.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np

from custintel.errors import Problem, raise_problems
from custintel.metrics._calibration import calibration_table, ece_score
from custintel.metrics._campaign import amounts, contact_value, money_column
from custintel.metrics._curve_display import CurveDisplay, probabilities, target, thinned
from custintel.metrics._ranking import Ranking, rank
from custintel.metrics._uplift import qini_curve

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

__all__ = ["GainDisplay", "LiftDisplay", "ProfitDisplay", "QiniDisplay", "ReliabilityDisplay"]


class _RankingDisplay(CurveDisplay):
    """A picture that needs outcomes and scores only."""

    @classmethod
    def from_estimator(cls, estimator: Any, X: Any, y: Any, *, ax: Any = None, **how: Any) -> Self:
        """Score the customers and draw.

        Parameters
        ----------
        estimator : classifier
            Fitted, two classes, with ``predict_proba``.
        X, y
            Customers that it has not seen, and their outcomes.
        ax : matplotlib Axes, optional
            Where to draw.
        **how
            As for `from_predictions`.
        """
        how = {"name": type(estimator).__name__, **how}
        return cls.from_predictions(target(estimator, y), probabilities(estimator, X), ax=ax, **how)

    @classmethod
    def from_predictions(cls, y: Any, p: Any, *, name: str | None = None, ax: Any = None, **line: Any) -> Self:
        """Draw from outcomes and scores.

        Parameters
        ----------
        y, p : array-like
            Outcomes (0, 1) and scores.
        name : str, optional
            Name in the legend.
        ax : matplotlib Axes, optional
            Where to draw.
        **line
            Settings of the line.
        """
        return cls._of(y, p, name).plot(ax, **line)

    @classmethod
    def _of(cls, y: Any, p: Any, name: str | None) -> Self:
        raise NotImplementedError


class GainDisplay(_RankingDisplay):
    """Share of all targets found among the top x of customers, beside chance and the perfect ranking.

    Parameters
    ----------
    x, y : array
        Shares of customers and of targets found.
    rate : float
        Share of targets, for the perfect ranking.
    name : str, optional
        Name in the legend.

    Examples
    --------
    >>> display = GainDisplay.from_predictions([1, 1, 0, 0], [0.9, 0.4, 0.5, 0.1])
    >>> display.line_.get_ydata().tolist()
    [0.0, 0.5, 0.5, 1.0, 1.0]
    """

    x_label = "share of customers, highest scores first"
    y_label = "share of targets found"

    def __init__(self, x: np.ndarray, y: np.ndarray, rate: float, name: str | None = None) -> None:
        super().__init__(x, y, name)
        self.rate = rate

    @classmethod
    def _of(cls, y: Any, p: Any, name: str | None) -> Self:
        r = rank(y, p)
        _check_targets(r)
        ends = _cutoffs(r)
        found = _before(r.y, ends)
        return cls(ends / len(r.y), found / found[-1], r.rate, name)

    def _references(self) -> Mapping[str, tuple[list[float], list[float]]]:
        return {"chance": ([0.0, 1.0], [0.0, 1.0]), "perfect": ([0.0, self.rate, 1.0], [0.0, 1.0, 1.0])}


class LiftDisplay(_RankingDisplay):
    """How many times more targets the top x of customers hold than the base.

    Parameters
    ----------
    x, y : array
        Shares of customers and lift.
    name : str, optional
        Name in the legend.

    Examples
    --------
    >>> display = LiftDisplay.from_predictions([1, 1, 0, 0], [0.9, 0.8, 0.5, 0.1])
    >>> display.line_.get_ydata().round(2).tolist()
    [2.0, 2.0, 1.33, 1.0]
    """

    x_label = "share of customers, highest scores first"
    y_label = "lift"

    @classmethod
    def _of(cls, y: Any, p: Any, name: str | None) -> Self:
        r = rank(y, p)
        _check_targets(r)
        ends = _cutoffs(r)[1:]
        return cls(ends / len(r.y), _before(r.y, ends) / ends / r.rate, name)

    def _references(self) -> Mapping[str, tuple[list[float], list[float]]]:
        return {"chance": ([0.0, 1.0], [1.0, 1.0])}


class ProfitDisplay(_RankingDisplay):
    """Profit per customer of the base when the top x are contacted, beside contacting none and contacting all.

    Parameters
    ----------
    x, y : array
        Shares of customers and profit per customer of the base, in the currency of `clv`.
    name : str, optional
        Name in the legend.

    Attributes
    ----------
    best_share, best_profit : float
        The best size of the campaign on these customers and what it earns: chosen with the outcomes known, so what a
        campaign earns later is a little less.
    line_, ax_, figure_
        What was drawn.

    Examples
    --------
    >>> display = ProfitDisplay.from_predictions([1, 0, 1, 0], [0.9, 0.1, 0.8, 0.2])
    >>> display.best_share, round(display.best_profit, 2)
    (0.5, 28.0)
    """

    x_label = "share of customers contacted, highest scores first"
    y_label = "profit per customer of the base"

    def __init__(self, x: np.ndarray, y: np.ndarray, name: str | None = None) -> None:
        super().__init__(x, y, name)
        best = int(np.argmax(y))
        self.best_share, self.best_profit = float(x[best]), float(y[best])

    @classmethod
    def from_predictions(  # noqa: PLR0913 - the economics of one campaign
        cls, y: Any, p: Any, *, clv: Any = 200.0, d: Any = 10.0, f: float = 1.0, take_up: float = 0.3,
        name: str | None = None, ax: Any = None, **line: Any,
    ) -> Self:  # fmt: skip
        """Draw from outcomes and scores.

        Parameters
        ----------
        y, p : array-like
            Outcomes (0, 1) and scores; `contact_value` as score ranks by expected profit.
        clv, d : float or array-like
            Value of a customer who is kept and cost of the offer, for all or for each customer.
        f, take_up : float
            Cost of a contact, share of contacted churners who accept and stay.
        name : str, optional
            Name in the legend.
        ax : matplotlib Axes, optional
            Where to draw.
        **line
            Settings of the line.
        """
        r = rank(y, p)
        value, offer = (amounts(key, v, r.y.shape)[r.order] for key, v in (("clv", clv), ("d", d)))
        ends = _cutoffs(r)
        profit = _before(contact_value(r.y, value, offer, f, take_up), ends)
        return cls(ends / len(r.y), profit / len(r.y), name).plot(ax, **line)

    @classmethod
    def from_estimator(
        cls, estimator: Any, X: Any, y: Any, *, clv: Any = 200.0, d: Any = 10.0, ax: Any = None, **how: Any
    ) -> Self:
        """Score the customers and draw, ranked by probability.

        Parameters
        ----------
        estimator : classifier
            Fitted, two classes, with ``predict_proba``.
        X, y
            Customers that it has not seen, and their outcomes.
        clv, d : float, array-like or str
            Value of a kept customer and cost of the offer; a text names a column of X.
        ax : matplotlib Axes, optional
            Where to draw.
        **how
            As for `from_predictions`.
        """
        clv, d = (money_column(v, X) if isinstance(v, str) else v for v in (clv, d))
        return super().from_estimator(estimator, X, y, clv=clv, d=d, ax=ax, **how)

    def _references(self) -> Mapping[str, tuple[list[float], list[float]]]:
        return {"contact none": ([0.0, 1.0], [0.0, 0.0]), "contact all": ([0.0, 1.0], [float(self.y[-1])] * 2)}


class ReliabilityDisplay(_RankingDisplay):
    """Observed rate by predicted probability, with 95 % intervals: whether 20 % means one in five.

    Parameters
    ----------
    table : DataFrame
        As from `calibration_table`.
    name : str, optional
        Name in the legend; with the expected calibration error when drawn from predictions.

    Examples
    --------
    >>> display = ReliabilityDisplay.from_predictions([0, 0, 1, 1], [0.1, 0.3, 0.6, 0.8], bins=2)
    >>> display.line_.get_ydata().tolist()
    [0.0, 1.0]
    """

    x_label = "predicted probability"
    y_label = "observed rate"

    def __init__(self, table: pd.DataFrame, name: str | None = None) -> None:
        super().__init__(table["predicted"].to_numpy(), table["observed"].to_numpy(), name)
        self.table = table

    @classmethod
    def from_predictions(
        cls, y: Any, p: Any, *, bins: int = 10, name: str | None = None, ax: Any = None, **line: Any
    ) -> Self:
        """Draw from outcomes and probabilities.

        Parameters
        ----------
        y, p : array-like
            Outcomes (0, 1) and probabilities.
        bins : int
            Number of bins of equal counts.
        name : str, optional
            Name in the legend.
        ax : matplotlib Axes, optional
            Where to draw.
        **line
            Settings of the line.
        """
        found = np.asarray(p, dtype=np.float64)
        if ((found < 0) | (found > 1)).any():
            worst = f"{found.min():g} to {found.max():g}"
            raise_problems([Problem("p", "reliability is about probabilities", worst, "0 to 1")])
        error = f"ECE {ece_score(y, found, bins):.3f}"
        return cls(calibration_table(y, found, bins), f"{name} ({error})" if name else error).plot(ax, **line)

    def _draw(self, settings: dict[str, Any]) -> Any:
        away = np.stack([self.y - self.table["low"], self.table["high"] - self.y]).clip(0.0)
        settings = {"marker": "o", "capsize": 2, **settings}
        return self.ax_.errorbar(self.x, self.y, yerr=away, **settings).lines[0]

    def _references(self) -> Mapping[str, tuple[list[float], list[float]]]:
        return {"perfectly reliable": ([0.0, 1.0], [0.0, 1.0])}


class QiniDisplay(CurveDisplay):
    """Incremental responses when the top x of customers by uplift are treated, beside treating at random.

    Parameters
    ----------
    x, y : array
        Shares of customers and incremental responses (Q of `qini_curve`).
    name : str, optional
        Name in the legend.

    Examples
    --------
    >>> display = QiniDisplay.from_predictions([1, 0, 0, 1], [0.9, 0.8, 0.2, 0.1], [True, False, True, False])
    >>> display.line_.get_ydata().tolist()
    [0.0, 1.0, 1.0, 1.0, 0.0]
    """

    x_label = "share of customers treated, highest uplift first"
    y_label = "incremental responses"

    @classmethod
    def from_predictions(
        cls, y: Any, uplift: Any, treated: Any, weight: Any = None, *,
        name: str | None = None, ax: Any = None, **line: Any,
    ) -> Self:  # fmt: skip
        """Draw from outcomes, uplift scores and treatments.

        Parameters
        ----------
        y, uplift, treated, weight
            As in `qini_curve`.
        name : str, optional
            Name in the legend.
        ax : matplotlib Axes, optional
            Where to draw.
        **line
            Settings of the line.
        """
        curve = qini_curve(y, uplift, treated, weight)
        rows = thinned(np.arange(len(curve)))
        return cls(curve["share"].to_numpy()[rows], curve["incremental"].to_numpy()[rows], name).plot(ax, **line)

    def _references(self) -> Mapping[str, tuple[list[float], list[float]]]:
        return {"at random": ([0.0, 1.0], [0.0, float(self.y[-1])])}


def _cutoffs(r: Ranking) -> np.ndarray:
    """Customers above each cut-off, from none to all; equal scores are not parted."""
    return thinned(np.append(r.starts, len(r.y)))


def _before(amounts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    return np.asarray(np.append(0.0, np.cumsum(amounts))[ends])


def _check_targets(r: Ranking) -> None:
    if not r.y.any():
        raise_problems([Problem("y", "no targets: there is nothing to find", "only 0", "both 0 and 1")])

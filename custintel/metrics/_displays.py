"""Pictures of a ranking: gain, lift, profit, reliability and Qini, drawn by matplotlib in the manner of scikit-learn.

Customers with equal scores are one step: between its ends the curve is straight, which is what contacting some of them
at random brings. The order of the rows therefore changes no picture.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from custintel.errors import DataError, MissingExtraError, Problem, raise_problems, rows_at
from custintel.metrics.calibration import calibration_table, ece_score
from custintel.metrics.individual_profit import amounts, contact_value, money_column
from custintel.metrics.score_ranking import Ranking, event_of, event_probability, rank
from custintel.metrics.uplift_metrics import qini_curve

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd


_POINTS = 1000


class CurveDisplay:
    """A curve of one model; `plot` draws it, also on the axes of another to compare models on the same customers.

    Parameters
    ----------
    x, y : array
        Points of the curve.
    name : str, optional
        Name in the legend.

    Attributes
    ----------
    ax_, figure_, line_
        What was drawn, after `plot`.
    """

    x_label: ClassVar[str] = ""
    y_label: ClassVar[str] = ""
    ax_: Any
    figure_: Any
    line_: Any

    def __init__(self, x: np.ndarray, y: np.ndarray, name: str | None = None) -> None:
        self.x, self.y, self.name = x, y, name

    def plot(self, ax: Any = None, name: str | None = None, **line: Any) -> Self:
        """Draw the curve, and the reference once on each axes.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw; a new figure otherwise.
        name : str, optional
            Name in the legend instead of the one given before.
        **line
            Settings of the line, as for ``ax.plot``.
        """
        self.ax_ = _axes() if ax is None else ax
        self.figure_ = self.ax_.figure
        settings = {"label": name or self.name, **line}
        self.line_ = self._draw(settings)
        self._draw_reference_once()
        self.ax_.set(xlabel=self.x_label, ylabel=self.y_label)
        if self.ax_.get_legend_handles_labels()[1]:
            self.ax_.legend()
        return self

    def _draw(self, settings: dict[str, Any]) -> Any:
        return self.ax_.plot(self.x, self.y, **settings)[0]

    def _draw_reference_once(self) -> None:
        """A reference drawn before, by another model on this axes, is not drawn again."""
        drawn = [line.get_xydata() for line in self.ax_.lines if line.get_gid() == "reference"]
        for label, (x, y) in self._references().items():
            # sums in another order differ in their last digits
            if not any(np.shape(xy)[0] == len(x) and np.allclose(xy, np.column_stack([x, y])) for xy in drawn):
                style = {"color": "0.55", "linestyle": _STYLES.get(label, "--"), "linewidth": 1.0}
                self.ax_.plot(x, y, label=label, gid="reference", **style)

    def _references(self) -> Mapping[str, tuple[list[float], list[float]]]:
        return {}


_STYLES = {"perfect": ":", "contact all": ":"}


def thinned(ends: np.ndarray) -> np.ndarray:
    """At most a thousand cut-offs, the first and the last among them: no picture shows more."""
    if len(ends) <= _POINTS:
        return ends
    return ends[np.linspace(0, len(ends) - 1, _POINTS).round().astype(np.int64)]


def probabilities(estimator: Any, X: Any) -> np.ndarray:
    """Probability of the event."""
    if not hasattr(estimator, "predict_proba"):
        raise DataError(
            f"a picture needs probabilities\n  given: {type(estimator).__name__} without predict_proba\n"
            "  hint: from_predictions takes scores of any kind"
        )
    return event_probability(estimator, X)


def target(estimator: Any, y: Any) -> np.ndarray:
    """Outcomes as 0 and 1, whatever the two classes are called."""
    found = np.asarray(y)
    known = list(estimator.classes_)
    if len(known) != 2:
        raise DataError(f"a picture needs a classifier of two classes\n  given: {len(known)}: {known[:5]}")
    strangers = set(np.unique(found).tolist()) - set(known)
    if strangers:
        given = rows_at(~np.isin(found, known))
        raise DataError(f"outcomes the classifier does not know\n  given: {given}\n  allowed: {known}")
    return np.asarray(found == event_of(estimator), dtype=np.float64)


def _axes() -> Any:
    try:
        from matplotlib import pyplot
    except ImportError as error:
        raise MissingExtraError("matplotlib", "plot", "a picture of a metric") from error
    return pyplot.subplots()[1]


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
    def from_predictions(
        cls, y_true: Any, y_score: Any, *, name: str | None = None, ax: Any = None, **line: Any
    ) -> Self:
        """Draw from outcomes and scores.

        Parameters
        ----------
        y_true, y_score : array-like
            Outcomes (0, 1) and scores.
        name : str, optional
            Name in the legend.
        ax : matplotlib Axes, optional
            Where to draw.
        **line
            Settings of the line.
        """
        return cls._of(y_true, y_score, name).plot(ax, **line)

    @classmethod
    def _of(cls, y_true: Any, y_score: Any, name: str | None) -> Self:
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
    def _of(cls, y_true: Any, y_score: Any, name: str | None) -> Self:
        r = rank(y_true, y_score)
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
    def _of(cls, y_true: Any, y_score: Any, name: str | None) -> Self:
        r = rank(y_true, y_score)
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
        cls, y_true: Any, y_score: Any, *, clv: Any = 200.0, offer_cost: Any = 10.0, contact_cost: float = 1.0,
        take_up: float = 0.3, name: str | None = None, ax: Any = None, **line: Any,
    ) -> Self:  # fmt: skip
        """Draw from outcomes and scores.

        Parameters
        ----------
        y_true, y_score : array-like
            Outcomes (0, 1) and scores; `contact_value` as score ranks by expected profit.
        clv, offer_cost : float or array-like
            Value of a customer who is kept and cost of the offer, for all or for each customer.
        contact_cost, take_up : float
            Cost of a contact, share of contacted churners who accept and stay.
        name : str, optional
            Name in the legend.
        ax : matplotlib Axes, optional
            Where to draw.
        **line
            Settings of the line.
        """
        r = rank(y_true, y_score)
        value, offer = (amounts(key, v, r.y.shape)[r.order] for key, v in (("clv", clv), ("offer_cost", offer_cost)))
        ends = _cutoffs(r)
        profit = _before(contact_value(r.y, value, offer, contact_cost, take_up), ends)
        return cls(ends / len(r.y), profit / len(r.y), name).plot(ax, **line)

    @classmethod
    def from_estimator(
        cls, estimator: Any, X: Any, y: Any, *, clv: Any = 200.0, offer_cost: Any = 10.0, ax: Any = None, **how: Any
    ) -> Self:
        """Score the customers and draw, ranked by probability.

        Parameters
        ----------
        estimator : classifier
            Fitted, two classes, with ``predict_proba``.
        X, y
            Customers that it has not seen, and their outcomes.
        clv, offer_cost : float, array-like or str
            Value of a kept customer and cost of the offer; a text names a column of X.
        ax : matplotlib Axes, optional
            Where to draw.
        **how
            As for `from_predictions`.
        """
        clv, offer_cost = (money_column(v, X) if isinstance(v, str) else v for v in (clv, offer_cost))
        return super().from_estimator(estimator, X, y, clv=clv, offer_cost=offer_cost, ax=ax, **how)

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
    >>> display = ReliabilityDisplay.from_predictions([0, 0, 1, 1], [0.1, 0.3, 0.6, 0.8], n_bins=2)
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
        cls, y_true: Any, y_score: Any, *, n_bins: int = 10, name: str | None = None, ax: Any = None, **line: Any
    ) -> Self:
        """Draw from outcomes and probabilities.

        Parameters
        ----------
        y_true, y_score : array-like
            Outcomes (0, 1) and probabilities.
        n_bins : int
            Number of bins of equal counts.
        name : str, optional
            Name in the legend.
        ax : matplotlib Axes, optional
            Where to draw.
        **line
            Settings of the line.
        """
        found = np.asarray(y_score, dtype=np.float64)
        if ((found < 0) | (found > 1)).any():
            worst = f"{found.min():g} to {found.max():g}"
            raise_problems([Problem("y_score", "reliability is about probabilities", worst, "0 to 1")])
        error = f"ECE {ece_score(y_true, found, n_bins):.3f}"
        return cls(calibration_table(y_true, found, n_bins), f"{name} ({error})" if name else error).plot(ax, **line)

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
        cls, y_true: Any, uplift: Any, treated: Any, sample_weight: Any = None, *,
        name: str | None = None, ax: Any = None, **line: Any,
    ) -> Self:  # fmt: skip
        """Draw from outcomes, uplift scores and treatments.

        Parameters
        ----------
        y_true, uplift, treated, sample_weight
            As in `qini_curve`.
        name : str, optional
            Name in the legend.
        ax : matplotlib Axes, optional
            Where to draw.
        **line
            Settings of the line.
        """
        curve = qini_curve(y_true, uplift, treated, sample_weight)
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
        raise_problems([Problem("y_true", "no targets: there is nothing to find", "only 0", "both 0 and 1")])

"""What all pictures of metrics share: a curve with a name, drawn on an axes of matplotlib, as scikit-learn does it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from custintel.errors import DataError, MissingExtraError, rows_at
from custintel.metrics._event import event_of, event_probability

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["CurveDisplay", "probabilities", "target", "thinned"]

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

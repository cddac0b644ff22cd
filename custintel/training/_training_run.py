"""What a training gives back."""

from __future__ import annotations

import html
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from custintel.artifact import Model
    from custintel.reports.model.evaluation import Evaluation
    from custintel.training._write_mlflow_run import TrackedRun


@dataclass(frozen=True)
class Run:
    """A trained, judged and (unless told otherwise) tracked model.

    Attributes
    ----------
    model : Model
        The model to score with.
    evaluation : Evaluation
        The rows it was judged on; what a report is made of.
    tracked : Tracked or None
        Where it stands in MLflow.

    Examples
    --------
    >>> table = __import__("pandas").DataFrame({"bill": range(60), "left": [0, 1] * 30})
    >>> run = __import__("custintel").train("churn", table=table, target="left", tracking=False)  # doctest: +SKIP
    >>> run.metrics["auc"]["value"]  # doctest: +SKIP
    """

    model: Model
    evaluation: Evaluation
    tracked: TrackedRun | None = None

    @property
    def metrics(self) -> Mapping[str, Mapping[str, float]]:
        """Value, low and high end of the 95 % interval by metric."""
        judged: Mapping[str, Mapping[str, float]] = self.model.metadata["metrics"]
        return judged

    @property
    def run_id(self) -> str | None:
        """MLflow's name of the run."""
        return None if self.tracked is None else self.tracked.run_id

    @property
    def model_version(self) -> str | None:
        """Number of the version in MLflow's registry."""
        return None if self.tracked is None else self.tracked.version

    def report(self, path: str | Path, smallest_group: int | None = None) -> Path:
        """Write the report (HTML, and its JSON twin beside it).

        Groups of fewer than `smallest_group` customers (10, if not given) are merged or left out.
        """
        from custintel.reports.model.model_report import write_report

        least = self.evaluation.smallest_group if smallest_group is None else smallest_group
        write_report(replace(self.evaluation, smallest_group=least), path)
        return Path(path)

    def __repr__(self) -> str:
        lines = [f"Run of {self.model!r}", *(f"  {name:<18}{shown}" for name, shown in self._shown())]
        if self.tracked is not None:
            lines.append(
                f"  models:/{self.model.name}/{self.tracked.version} ({self.tracked.alias}) in {self.tracked.store}"
            )
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        rows = "".join(f"<tr><td>{html.escape(n)}</td><td>{html.escape(s)}</td></tr>" for n, s in self._shown())
        return f"<b>{html.escape(repr(self.model))}</b><table>{rows}</table>"

    def _shown(self) -> list[tuple[str, str]]:
        """Metrics as text, with their intervals."""
        return [(n, f"{m['value']:.4f}  ({m['low']:.4f} to {m['high']:.4f})") for n, m in self.metrics.items()]

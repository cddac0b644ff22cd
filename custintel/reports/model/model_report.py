"""The report of a model: its facts as plain data (the JSON twin), and the page that is drawn from them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from custintel._version import __version__
from custintel.explain.column_descriptions import score_meaning
from custintel.html.page import json_ready, write_page_and_json
from custintel.reports.model import _importance_facts as _importance
from custintel.reports.model import _performance_facts as _performance
from custintel.reports.model import _provenance_facts as _provenance
from custintel.reports.model._report_page import render_html

if TYPE_CHECKING:
    from pathlib import Path

    from custintel.reports.model.evaluation import Evaluation


FORMAT_VERSION = 1


def build_report(evaluation: Evaluation) -> dict[str, Any]:
    """Return everything the report says as plain data: aggregates only, no customer identities.

    Parameters
    ----------
    evaluation : Evaluation
        A model beside rows it has not seen.

    Returns
    -------
    dict
        JSON-able; `render_html` draws the page from it alone.

    Examples
    --------
    >>> import pandas as pd
    >>> from custintel.reports.model.evaluation import Evaluation
    >>> class Tiny:
    ...     name, version, metadata, feature_names = "churn", "1", {"name": "churn"}, ["silent"]
    ...     def contributions(self, X):
    ...         return X - 0.5
    >>> X = pd.DataFrame({"silent": [1.0, 0.0] * 50})
    >>> report = build_report(Evaluation(Tiny(), X, y=X["silent"], p=0.1 + 0.8 * X["silent"]))
    >>> report["metrics"][0]["name"], report["metrics"][0]["value"]
    ('auc', 1.0)
    """
    metadata = evaluation.model.metadata
    yes_no = evaluation.is_yes_or_no
    report = {
        "format": "custintel report",
        "format_version": FORMAT_VERSION,
        "library_version": __version__,
        "outcome": _outcome(metadata),
        "card": _provenance.card_facts(evaluation),
        "population": _provenance.population_facts(evaluation),
        "target_type": "yes_no" if yes_no else str(metadata["target_type"]),
        "headline": list(evaluation.headline),
        **(_event_facts(evaluation) if yes_no else {}),
        "own_metrics": _performance.own_metrics(evaluation),
        "own_sections": list(evaluation.sections),
        **_explanation_facts(evaluation),
        "stability": _performance.stability_facts(evaluation) if yes_no else {"psi": None, "dates": []},
        "quality": _provenance.quality_facts(evaluation),
        "leaks": _provenance.leaks_facts(evaluation),
        "tuning": _provenance.tuning_facts(evaluation),
        "notes": list(evaluation.notes),
        "extra": dict(evaluation.extra),
    }
    result: dict[str, Any] = json_ready(report)
    return result


def _event_facts(evaluation: Evaluation) -> dict[str, Any]:
    """How good probabilities of a yes are."""
    scored, metadata = _performance.SortedScores.of(evaluation), evaluation.model.metadata
    return {
        "rate": scored.rate,
        "metrics": _performance.score_metrics(scored, metadata),
        "deciles": _performance.deciles_facts(scored),
        "gain": _performance.gain_facts(scored),
        "calibration": _performance.calibration_facts(scored),
        "profit": _performance.profit_facts(scored, metadata),
    }


def _explanation_facts(evaluation: Evaluation) -> dict[str, Any]:
    """What the model goes by, where its learner explains a row by contributions; nothing otherwise."""
    if not getattr(evaluation.model, "explained", True):
        return {"importance": {"features": [], "families": []}, "dependence": [], "examples": []}
    sample = _importance.ExplainedSample.draw(evaluation)
    return {
        "importance": _importance.importance_facts(sample),
        "dependence": _importance.dependence_facts(sample),
        "examples": _importance.examples_facts(evaluation),
    }


def _outcome(metadata: Mapping[str, Any]) -> str:
    """Tell churn from other outcomes, for the choice of words."""
    said = f"{metadata.get('name')} {metadata.get('target')}".lower()
    return "churn" if score_meaning(metadata) == "risk" and "churn" in said else "other"


def write_report(report: Mapping[str, Any] | Evaluation, path: str | Path) -> Path:
    """Write the page and its twin beside it; each is complete or not there at all.

    Parameters
    ----------
    report : mapping or Evaluation
        What `build_report` returned, or the evaluation itself, or the content of a twin read back from JSON.
    path : path
        Where the HTML goes; the twin gets the same name with ``.json``.

    Returns
    -------
    Path
        The HTML file.

    Examples
    --------
    >>> write_report({"format": "something else"}, "report.html")
    Traceback (most recent call last):
        ...
    custintel.errors.DataError: this is not a report of custintel
      given: 'something else', version None
      allowed: 'custintel report', version 1
    """
    facts = report if isinstance(report, Mapping) else build_report(report)
    return write_page_and_json(render_html(facts), facts, path)

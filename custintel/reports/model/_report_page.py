"""The page: one HTML file drawn from the twin alone, readable offline and on paper."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from custintel.errors import DataError
from custintel.html.page import escape, page
from custintel.reports.model._headline_and_key_metrics import asks_yes_or_no, header, key_metrics, texts, used_leaks
from custintel.reports.model._importance_sections import (
    card_section,
    examples_section,
    importance_section,
    quality_section,
    stability_section,
    tuning_section,
)
from custintel.reports.model._performance_sections import (
    deciles_section,
    metrics_section,
    own_metrics_section,
    population_section,
    profit_section,
)
from custintel.reports.model.own_section import draw_sections

Facts = Mapping[str, Any]


def render_html(report: Facts) -> str:
    """Return the report as one HTML page without any reference to anything outside.

    Parameters
    ----------
    report : mapping
        What `build_report` returned, or the same read back from JSON.

    Examples
    --------
    >>> render_html({})
    Traceback (most recent call last):
        ...
    custintel.errors.DataError: this is not a report of custintel
      given: None, version None
      allowed: 'custintel report', version 1
    """
    _check(report)
    body = "\n".join(block for part in _ORDER if (block := part(report)))
    title = str(texts()["title"].format(name=report["card"]["name"]))
    return page(title, body, language=texts()["language"])


def _check(report: Facts) -> None:
    """Refuse what is not a report, or one of a later format."""
    if report.get("format") != "custintel report" or report.get("format_version") != 1:
        raise DataError(
            "this is not a report of custintel\n"
            f"  given: {report.get('format')!r}, version {report.get('format_version')}\n"
            "  allowed: 'custintel report', version 1"
        )


def _event_sections(report: Facts) -> str:
    """How good probabilities of a yes are; nothing for other answers."""
    if not asks_yes_or_no(report):
        return ""
    return "\n".join(part(report) for part in (metrics_section, deciles_section, profit_section))


def _own_sections(report: Facts) -> str:
    """What the learner adds."""
    return draw_sections(report.get("own_sections") or [])


def _leak_alert(report: Facts) -> str:
    """Warn of leaks before anything else is read."""
    if not report["leaks"]:
        return ""
    t, look = texts()["alert"], "alert" if used_leaks(report) else "alert calm"
    items = "".join(f"<li>{_leak(leak)}</li>" for leak in report["leaks"])
    lead = t["lead" if used_leaks(report) else "left_out"]
    return f'<div class="{look}" role="alert"><h2>{t["title"]}</h2><p>{lead}</p><ul>{items}</ul></div>'


def _leak(leak: Facts) -> str:
    """Say which column is suspicious, and why."""
    t = texts()["alert"]
    said = t["item"].format(column=leak["column"], why=leak["why"] or t["reported"])
    if leak["single_auc"] is not None:
        said += t["auc"].format(auc=f"{leak['single_auc']:.3f}")
    return escape(said + t["used" if leak["used"] else "unused"])


def _notes(report: Facts) -> str:
    """List what the reader must know."""
    items = "".join(f"<li>{escape(note)}</li>" for note in report["notes"])
    return f'<div class="note"><ul>{items}</ul></div>' if items else ""


def _footer(report: Facts) -> str:
    """Say what made the page."""
    return f"<footer>{escape(texts()['footer'].format(library=report['library_version']))}</footer>"


_ORDER: tuple[Callable[[Facts], str], ...] = (
    header,
    _leak_alert,
    key_metrics,
    _notes,
    population_section,
    _event_sections,
    own_metrics_section,
    _own_sections,
    importance_section,
    examples_section,
    stability_section,
    quality_section,
    tuning_section,
    card_section,
    _footer,
)

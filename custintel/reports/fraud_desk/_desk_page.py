"""The page of the report in HTML, drawn from the facts alone: the order of its sections and its style sheet."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from custintel.errors import DataError
from custintel.html.page import escape, page
from custintel.reports.fraud_desk import _desk_sections as sections
from custintel.rules.rule_evidence import report_texts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


FORMAT, VERSION = "custintel desk report", 1


def fraud_desk_html(report: Mapping[str, Any]) -> str:
    """Return the report as one HTML page without any reference to anything outside.

    Parameters
    ----------
    report : mapping
        What `FraudDeskReport.to_dict` returned, or the same read back from JSON.

    Examples
    --------
    >>> fraud_desk_html({})
    Traceback (most recent call last):
        ...
    custintel.errors.DataError: this is no report of a fraud desk
      given: None, version None
      allowed: 'custintel desk report', version 1
    """
    _check(report)
    t = report_texts(report["language"])
    body = "\n".join(block for part in _ORDER if (block := part(report, t)))
    return page(t["title"].format(month=report["month"]), body, language=t["language"], more_style=style())


def _check(report: Mapping[str, Any]) -> None:
    given = report.get("format"), report.get("format_version")
    if given != (FORMAT, VERSION):
        raise DataError(
            "this is no report of a fraud desk\n"
            f"  given: {given[0]!r}, version {given[1]}\n  allowed: {FORMAT!r}, version {VERSION}"
        )


def _notes(report: Mapping[str, Any], t: Any) -> str:
    del report
    items = "".join(f"<li>{escape(t['notes'][name])}</li>" for name in ("expected", "saved", "unproven"))
    return f'<div class="note below"><b>{escape(t["notes"]["title"])}</b><ul>{items}</ul></div>'


def _footer(report: Mapping[str, Any], t: Any) -> str:
    return f"<footer>{escape(t['footer'].format(library=report['library_version']))}</footer>"


_ORDER: tuple[Callable[[Any, Any], str], ...] = (
    sections.header_section,
    sections.tiles_section,
    sections.cases_section,
    sections.rules_section,
    sections.performance_section,
    sections.learned_section,
    sections.catches_section,
    sections.life_section,
    sections.unused_section,
    sections.delay_section,
    _notes,
    _footer,
)


@cache
def style() -> str:
    """Return what the desk's report adds to the style sheet of reports."""
    return files("custintel.reports.fraud_desk").joinpath("desk.css").read_text(encoding="utf-8")

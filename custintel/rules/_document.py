"""The page on the built-in rules, generated from their YAML."""

from __future__ import annotations

from typing import TYPE_CHECKING

from custintel.catalogue import Catalogue
from custintel.rules._builtin import builtin_rules

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from custintel.rules._rule import Rule

__all__ = ["rules_markdown"]

_HEAD = """\
# Built-in rules

Generated from `models/rules/*.yaml` (do not edit: `python docs/generate.py`). Amounts are in the operator's currency
unit `u`. Limits are start values, to be fitted to an operator with `custintel.rules.fit_parameters`. *Severity* goes
from 1 (look when there is time) to 5 (stop now); *loss* is what a true case costs that is not stopped.
"""
_COLUMNS = ("rule", "kind", "meaning", "含义", "when", "action", "severity", "loss", "source")
_TITLES = {"fraud": "Fraud", "arrears": "Arrears", "abuse": "Abuse"}


def rules_markdown(rules: Iterable[Rule] | None = None) -> str:
    """Rules as a Markdown page, with their conditions in words; the built-in ones by default.

    Parameters
    ----------
    rules : iterable of Rule, optional
        Other rules.

    Examples
    --------
    >>> from custintel.rules import Rule
    >>> print(rules_markdown([Rule("long_calls", "minutes_30d > 6000", kind="sim_box")]).splitlines()[-1])
    | `long_calls` | sim_box |  |  | Minutes of calls, last 30 days more than 6000 |  | 3 | 0 |  |
    """
    given = builtin_rules() if rules is None else list(rules)
    names = {entry.column: entry.about for entry in Catalogue.load().entries()}
    parts = [_section(title, [r for r in given if r.category == key], names) for key, title in _TITLES.items()]
    return "\n".join([f"{_HEAD}\n{len(given)} rules.\n", *(part for part in parts if part)])


def _section(title: str, rules: list[Rule], names: Mapping[str, str]) -> str:
    head = f"| {' | '.join(_COLUMNS)} |\n{'|---' * len(_COLUMNS)}|\n"
    rows = "\n".join(_row(rule, names) for rule in rules)
    return f"## {title}\n\n{head}{rows}\n" if rules else ""


def _row(rule: Rule, names: Mapping[str, str]) -> str:
    cells = [
        f"`{rule.name}`", rule.kind, rule.about, rule.about_zh, rule.words(names), rule.action,
        str(rule.severity), f"{rule.loss:g}", rule.source,
    ]  # fmt: skip
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"

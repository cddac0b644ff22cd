"""Rules as YAML: what is known about fraud and arrears, apart from the machinery.

>>> text = '''
... rules:
...   night_burst:
...     when: intl_minutes_1d > most and tenure_days <= 90
...     parameters: {most: 30}
...     kind: irsf
...     about: Many minutes abroad on a new line
... '''
>>> rules_from_yaml(text)[0].expression.text
'intl_minutes_1d > 30 AND tenure_days <= 90'
"""

from __future__ import annotations

import math
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import yaml

from custintel.errors import ConfigurationError, Problem, raise_problems
from custintel.files.yaml_reader import read_yaml
from custintel.rules._rule import Rule

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


_KEYS = tuple(f.name for f in fields(Rule) if f.name != "name")
_NUMBERS = ("severity", "loss", "review_cost")


def rules_from_yaml(text: str, file: str = "rules") -> list[Rule]:
    """Rules of a YAML text: a mapping ``rules:`` of names to their fields; all mistakes are listed at once.

    Parameters
    ----------
    text : str
        The document.
    file : str
        Where it stands, for messages.
    """
    found, problems = read_yaml(text, file)
    given = None if found is None else found.plain()
    content = given.get("rules") if isinstance(given, dict) else None
    if not isinstance(content, dict):
        raise_problems(problems or [Problem(file, "no rules in it", allowed="rules: {name: {when: ...}}")])
        raise AssertionError
    rules = [rule for name, entry in content.items() if (rule := _rule(str(name), entry, file, problems)) is not None]
    raise_problems(problems)
    return rules


def rules_to_yaml(rules: Iterable[Rule]) -> str:
    """A YAML text that `rules_from_yaml` reads back; fields at their defaults are left out."""
    content = {rule.name: _short(rule) for rule in rules}
    return yaml.safe_dump({"rules": content}, allow_unicode=True, sort_keys=False, width=120)


def _short(rule: Rule) -> dict[str, Any]:
    usual = Rule(rule.name, rule.when).to_state()
    return {key: value for key, value in rule.to_state().items() if key == "when" or value != usual[key]} | {
        "when": rule.when
    }


def _rule(name: str, entry: Any, file: str, problems: list[Problem]) -> Rule | None:
    where = f"{file}: rule {name}"
    if isinstance(entry, dict):  # a key without a value is one that was not given
        entry = {key: value for key, value in entry.items() if value is not None}
    if not isinstance(entry, dict) or "when" not in entry:
        problems.append(Problem(where, "no expression", allowed="when: minutes_1d > 600"))
        return None
    wrong = [Problem(where, "unknown key", key, ", ".join(_KEYS)) for key in sorted(set(entry) - set(_KEYS))]
    wrong += [
        Problem(where, f"{key} is not {_KINDS[_kind_of(key)]}", str(value))
        for key, value in entry.items()
        if key in _KEYS and not _CHECKS[_kind_of(key)](value)
    ]
    if wrong:
        problems += wrong
        return None
    try:
        rule = Rule(name, **{**entry, "parents": tuple(entry.get("parents", ()))})
        problems += rule.problems()
    except ConfigurationError as error:
        problems += error.problems
        return None
    return rule


def _kind_of(key: str) -> str:
    return key if key in ("parameters", "parents") else "number" if key in _NUMBERS else "text"


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


_KINDS = {
    "number": "a number",
    "text": "a text",
    "parameters": "a mapping of names to numbers",
    "parents": "a list of texts",
}
_CHECKS: dict[str, Callable[[Any], bool]] = {
    "number": _is_number,
    "text": lambda value: isinstance(value, str),
    "parameters": lambda value: isinstance(value, dict) and all(map(_is_number, value.values())),
    "parents": lambda value: isinstance(value, list) and all(isinstance(v, str) for v in value),
}

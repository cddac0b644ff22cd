"""The words of reason sentences, in English and Chinese: units, yes and no, missing values, directions.

They stand in ``reason_words.yaml``. Values are written as a person would say them:

>>> quantity(21.0, "d", "en"), quantity(21.0, "d", "zh"), quantity(0.354, "share", "en")
('21 days', '21 天', '35 %')
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import yaml

from custintel.errors import ConfigurationError
from custintel.html.number_format import short_number

if TYPE_CHECKING:
    from collections.abc import Callable


@cache
def words() -> dict[str, Any]:
    """Return the words of reason sentences, from reason_words.yaml."""
    text = files("custintel.explain").joinpath("reason_words.yaml").read_text(encoding="utf-8")
    loaded: dict[str, Any] = yaml.safe_load(text)
    return loaded


def check_languages(languages: tuple[str, ...]) -> None:
    """Refuse a language that has no words."""
    allowed = tuple(words()["sentence"])
    unknown = [language for language in languages if language not in allowed]
    if unknown:
        raise ConfigurationError(
            f"no reason sentences in this language\n  given: {', '.join(unknown)}\n  allowed: {', '.join(allowed)}\n"
            "  hint: add the language to custintel/explain/reason_words.yaml"
        )


def quantity(value: float, unit: str, language: str) -> str:
    """Write a number with its unit in one language."""
    return quantity_writer(unit, language)(value)


@cache
def quantity_writer(unit: str, language: str) -> Callable[[float], str]:
    """Return a function that writes numbers of this unit; thousands of values are written at a time."""
    entry = words()["unit"].get(unit, {"en": unit, "zh": unit})
    name, times, grouped = str(entry.get(language, unit)), entry.get("times", 1), entry.get("grouped", True)
    one = str(entry.get("one", name)) if language == "en" else name
    space = " " if entry.get("space", {}).get(language, True) and name else ""
    yes_no = words()["value"][language] if entry.get("words") else {}

    def write(value: float) -> str:
        if yes_no and value in (0.0, 1.0):
            return str(yes_no["true" if value else "false"])
        number = short_number(_scaled(value, times) if times != 1 else value, grouped)
        return f"{number}{space}{one if number == '1' else name}"

    return write


def _scaled(value: float, times: float) -> float:
    """Turn a share into a percentage, without decimals from ten percent on."""
    scaled = value * times
    return float(round(scaled)) if abs(scaled) >= 10 else scaled


def missing_words(feature: str, family: str, language: str) -> str:
    """Say what a missing value means: of this feature, else in its family."""
    entries = words()["missing"]
    return str((words()["missing_feature"].get(feature) or entries.get(family, entries["other"]))[language])


def direction_words(kind: str, language: str, up: bool) -> str:
    """Say which way a matter moves the score; `kind` is risk or score."""
    return str(words()["direction"][kind][language]["up" if up else "down"])

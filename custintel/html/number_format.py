"""How figures are written in the report: counts, shares, money, dates.

>>> count(12345), percent(0.1234), percent(0.0042), number(0.84213, 3), when("2025-06-30")
('12,345', '12.3 %', '0.42 %', '0.842', '30 Jun 2025')
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import yaml

from custintel.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

# Numbers, units and categories as a person would say them, in English and Chinese.
#
# >>> human_number(1234.5), human_number(12.34), human_number(3.456), human_number(0.0341)
# ('1,234', '12.3', '3.46', '0.034')
# >>> quantity(21.0, "d", "en"), quantity(21.0, "d", "zh"), quantity(0.354, "share", "en")
# ('21 days', '21 天', '35 %')


@cache
def words() -> dict[str, Any]:
    """Return the words of reason sentences, from words.yaml."""
    text = files("custintel.html").joinpath("words.yaml").read_text(encoding="utf-8")
    loaded: dict[str, Any] = yaml.safe_load(text)
    return loaded


def check_languages(languages: tuple[str, ...]) -> None:
    """Refuse a language that has no words."""
    allowed = tuple(words()["sentence"])
    unknown = [language for language in languages if language not in allowed]
    if unknown:
        raise ConfigurationError(
            f"no reason sentences in this language\n  given: {', '.join(unknown)}\n  allowed: {', '.join(allowed)}\n"
            "  hint: add the language to custintel/html/words.yaml"
        )


def rounded(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Round for human readers: three digits above one, two below; whole numbers from 100 on.

    >>> rounded(np.array([1234.5, 12.34, 3.456, 0.0341, -0.0, np.nan]))
    array([1.234e+03, 1.230e+01, 3.460e+00, 3.400e-02, 0.000e+00,       nan])
    """
    size = np.abs(values)
    with np.errstate(divide="ignore", invalid="ignore"):
        small = np.where(size > 0, 1 - np.floor(np.log10(size)), 0.0)
    digits = np.select([size >= 100, size >= 10, size >= 1], [0.0, 1.0, 2.0], small)
    scale = 10.0 ** np.clip(np.nan_to_num(digits), 0, 12)
    with np.errstate(invalid="ignore", over="ignore"):
        result: NDArray[np.float64] = np.where(size < 1e15, np.round(values * scale) / scale, values) + 0.0
    return result


def significant(values: Any, digits: int = 3) -> NDArray[np.float64]:
    """Round to significant digits, for pages on which no value may be told exactly.

    >>> significant([880000831495.0, 1234.5, 0.03412, 0.0, np.nan])
    array([8.80e+11, 1.23e+03, 3.41e-02, 0.00e+00,      nan])
    """
    numbers = np.asarray(values, np.float64)
    sizes = np.abs(np.where(np.isfinite(numbers) & (numbers != 0), numbers, 1.0))
    scale = 10.0 ** (digits - 1 - np.floor(np.log10(sizes)))
    result: NDArray[np.float64] = np.round(numbers * scale) / scale
    return result


def human_number(value: float, grouped: bool = True) -> str:
    """Write a number with few digits and, if `grouped`, commas between thousands."""
    size = abs(value)
    if not math.isfinite(value):
        return "∞" if value > 0 else "-∞"
    digits = (
        0 if size >= 100 or size == 0 else 1 if size >= 10 else 2 if size >= 1 else 1 - math.floor(math.log10(size))
    )
    text = f"{value:,.{min(digits, 12)}f}" if grouped else f"{value:.{min(digits, 12)}f}"
    text = text.rstrip("0").rstrip(".") if digits else text
    return "0" if text == "-0" else text


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
        number = human_number(_scaled(value, times) if times != 1 else value, grouped)
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


UNKNOWN = "n/a"
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def count(value: float | None) -> str:
    """Write a count with commas."""
    return UNKNOWN if value is None else f"{int(value):,}"


def number(value: float | None, digits: int = 2) -> str:
    """Write a number with fixed decimals."""
    if value is None:
        return UNKNOWN
    text = f"{value:,.{digits}f}"
    return text.replace("-", "−", 1) if float(text.replace(",", "")) else text.lstrip("-")


def signed(value: float, digits: int = 2) -> str:
    """Write a number with its sign.

    >>> signed(0.5), signed(-0.5), signed(0)
    ('+0.50', '−0.50', '0.00')
    """
    text = number(value, digits)
    return text if value <= 0 or not text.strip("0.") else f"+{text}"


def percent(value: float | None) -> str:
    """Write a share as a percentage with about three digits."""
    if value is None:
        return UNKNOWN
    scaled = value * 100
    digits = 0 if abs(scaled) >= 99.95 or scaled == 0 else 1 if abs(scaled) >= 1 else 2
    return f"{number(scaled, digits)} %"


def share(value: float | None) -> str:
    """Write a share as a whole percentage.

    >>> share(0.416), share(1.0)
    ('42 %', '100 %')
    """
    return UNKNOWN if value is None else f"{number(value * 100, 0)} %"


def when(value: str | None) -> str:
    """Write an ISO date as a person would."""
    if not value:
        return UNKNOWN
    day = date.fromisoformat(value[:10])
    return f"{day.day} {MONTHS[day.month - 1]} {day.year}"


# Make facts plain: what JSON can hold, few digits, no NaN, no identity of a customer.
#
# >>> plain({"as_of": pd.Timestamp("2025-06-30"), "auc": np.float64(0.123456789), "none": float("nan")})
# {'as_of': '2025-06-30', 'auc': 0.123457, 'none': None}


DIGITS = 6


def plain(value: Any) -> Any:
    """Return the value as dict, list, str, int, float, bool or None."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset | np.ndarray | pd.Series | pd.Index):
        return [plain(item) for item in value]
    if value is None or isinstance(value, str | bool):
        return value
    return _scalar(value)


def _scalar(value: Any) -> Any:
    """Return one number, date or other scalar as JSON can hold it."""
    if isinstance(value, np.bool_):
        return bool(value)
    if isinstance(value, int | np.integer):
        return int(value)
    if isinstance(value, float | np.floating):
        return _float(float(value))
    if isinstance(value, pd.Timestamp | np.datetime64 | date):
        return _date(pd.Timestamp(value))
    return None if value is pd.NaT or value is pd.NA else str(value)


def _float(value: float) -> float | None:
    """Keep six digits; what is not finite is unknown."""
    return float(f"{value:.{DIGITS}g}") if math.isfinite(value) else None


def _date(value: Any) -> str | None:
    """Write a date without its midnight."""
    if pd.isna(value):
        return None
    return str(value.date() if value == value.normalize() else value.isoformat(timespec="seconds"))

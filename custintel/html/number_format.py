"""Numbers as a reader wants them: counts, shares, percentages, dates, and values with few digits.

>>> count(12345), percent(0.1234), percent(0.0042), number(0.84213, 3), format_date("2025-06-30")
('12,345', '12.3 %', '0.42 %', '0.842', '30 Jun 2025')
>>> short_number(1234.5), short_number(12.34), short_number(3.456), short_number(0.0341)
('1,234', '12.3', '3.46', '0.034')
"""

from __future__ import annotations

import math
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def round_for_readers(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Round for human readers: three digits above one, two below; whole numbers from 100 on.

    >>> round_for_readers(np.array([1234.5, 12.34, 3.456, 0.0341, -0.0, np.nan]))
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


def round_significant(values: Any, digits: int = 3) -> NDArray[np.float64]:
    """Round to significant digits, for pages on which no value may be told exactly.

    >>> round_significant([880000831495.0, 1234.5, 0.03412, 0.0, np.nan])
    array([8.80e+11, 1.23e+03, 3.41e-02, 0.00e+00,      nan])
    """
    numbers = np.asarray(values, np.float64)
    sizes = np.abs(np.where(np.isfinite(numbers) & (numbers != 0), numbers, 1.0))
    scale = 10.0 ** (digits - 1 - np.floor(np.log10(sizes)))
    result: NDArray[np.float64] = np.round(numbers * scale) / scale
    return result


def short_number(value: float, grouped: bool = True) -> str:
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


def format_date(value: str | None) -> str:
    """Write an ISO date as a person would."""
    if not value:
        return UNKNOWN
    day = date.fromisoformat(value[:10])
    return f"{day.day} {MONTHS[day.month - 1]} {day.year}"

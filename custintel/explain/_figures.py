"""How figures are written in the report: counts, shares, money, dates.

>>> count(12345), percent(0.1234), percent(0.0042), number(0.84213, 3), when("2025-06-30")
('12,345', '12.3 %', '0.42 %', '0.842', '30 Jun 2025')
"""

from __future__ import annotations

from datetime import date

from custintel.explain._words import human_number

__all__ = ["MONTHS", "UNKNOWN", "count", "human_number", "number", "percent", "share", "signed", "when"]

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

"""The statistics of a distribution, a group at a time.

Moments are those of the population; kurtosis is not excess (a normal distribution has 3). Skewness and kurtosis of
values that are all equal are 0, as in bandicoot. They are taken about the mean of their own group, in a second pass:
sums of powers would lose their digits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from custintel.builder import Step
from custintel.indicators._table import KEYS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from custintel.indicators._rules import Rules

__all__ = ["statistics_steps"]


def statistics_steps(name: str, values: Step, rules: Rules, columns: Sequence[str] = ("x",)) -> list[Step]:
    """Steps from values to a table ``name`` with ``x_mean, x_std, ...`` of each group of the keys."""
    if rules.summary == "default":
        body = ", ".join(f"avg({x}) as {x}_mean, stddev_pop({x}) as {x}_std" for x in columns)
        sql = f"select {KEYS}, {body}\nfrom {values.name}\ngroup by {KEYS}"
        return [values, Step(name, sql, f"{name}: mean and spread")]
    first = Step(f"{name}_centre", _centre_sql(values.name, columns), f"{name}: centre and ends of each group")
    moments = Step(f"{name}_moments", _moments_sql(values.name, first.name, columns), f"{name}: moments about the mean")
    last = Step(name, _shape_sql(first.name, moments.name, columns), f"{name}: seven statistics")
    return [values, first, moments, last]


def _centre_sql(values: str, columns: Sequence[str]) -> str:
    found = ", ".join(
        f"avg({x}) as {x}_mean, median({x}) as {x}_median, min({x}) as {x}_min, max({x}) as {x}_max" for x in columns
    )
    return f"select {KEYS}, {found}\nfrom {values}\ngroup by {KEYS}"


def _moments_sql(values: str, centre: str, columns: Sequence[str]) -> str:
    powers = ", ".join(
        f"sum({' * '.join([f'{x}_off'] * k)}) / count({x}_off) as {x}_m{k}" for x in columns for k in (2, 3, 4)
    )
    off = ", ".join(f"v.{x} - c.{x}_mean as {x}_off" for x in columns)
    joined = f"select {KEYS}, {off} from {values} as v join {centre} as c using ({KEYS})"
    return f"select {KEYS}, {powers}\nfrom (\n    {joined}\n)\ngroup by {KEYS}"


def _shape_sql(centre: str, moments: str, columns: Sequence[str]) -> str:
    body = ",\n    ".join(line for x in columns for line in _shape_columns(x))
    return f"select {KEYS},\n    {body}\nfrom {centre} join {moments} using ({KEYS})"


def _shape_columns(x: str) -> tuple[str, ...]:
    flat = f"when {x}_min = {x}_max or {x}_m2 = 0 then 0"
    return (
        f"{x}_mean, {x}_median, {x}_min, {x}_max",
        f"case {flat} else sqrt({x}_m2) end as {x}_std",
        f"case {flat} else {x}_m3 / pow({x}_m2, 1.5) end as {x}_skewness",
        f"case {flat} else {x}_m4 / ({x}_m2 * {x}_m2) end as {x}_kurtosis",
    )

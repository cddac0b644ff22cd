"""What the parts of a saved estimator look like, as pydantic models: types, ranges, and what must fit together.

A file that was changed may hold anything. Whatever would end in an endless loop, a huge piece of memory, a number that
is none or an error in the middle of scoring is refused when it is read. Unknown keys are passed over.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

Finite = Annotated[float, Field(allow_inf_nan=False, ge=-1e300, le=1e300)]
Positive = Annotated[float, Field(allow_inf_nan=False, gt=0, le=1e300)]
Chance = Annotated[float, Field(allow_inf_nan=False, ge=-1e-9, le=1 + 1e-9)]
Count = Annotated[int, Field(ge=0, le=2**53)]
Short = Annotated[str, Field(max_length=10_000)]
AnyOf = str | int | float | bool | None
"""A label as JSON gives it."""

_USED = ("number", "date", "category")
_MOST_THREADS = 1024


class Part(BaseModel):
    """A part of a saved estimator: a text is no number, and a number no text."""

    model_config = ConfigDict(strict=True, extra="ignore")


class ColumnState(Part):
    """A column of the contract."""

    name: Short
    kind: Literal["number", "date", "category", "constant", "empty", "identifier", "forbidden"]
    categories: list[Short]
    low: Finite | None
    high: Finite | None
    missing: Count
    unreadable: Count
    pooled_levels: Count = 0
    pooled_share: Chance = 0.0

    @model_validator(mode="after")
    def _fits(self) -> ColumnState:
        need(len(set(self.categories)) == len(self.categories), "categories occur twice")
        need(self.kind != "category" or bool(self.categories), "a category without levels")
        need(self.kind in ("category", "constant") or not self.categories, "levels of what is no category")
        need(not self.pooled_levels or bool(self.categories), "pooled levels without a pool")
        need(None in (self.low, self.high) or self.low <= self.high, "low is above high")  # type: ignore[operator]
        return self


class Params(Part):
    """Parameters that something is started with; the others are looked at by the estimator itself."""

    model_config = ConfigDict(strict=True, extra="allow")
    n_jobs: Annotated[int, Field(ge=-_MOST_THREADS, le=_MOST_THREADS)] | None = None
    random_state: Annotated[int, Field(ge=-(2**63), lt=2**63)] | None = None


class TableState(Part):
    """What every estimator of customer tables has."""

    params: Params
    named: bool
    contract: list[ColumnState]

    @model_validator(mode="after")
    def _names_once(self) -> TableState:
        names = [column.name for column in self.contract]
        need(len(set(names)) == len(names), "a column occurs twice")
        return self


class BoosterNames(Part):
    """Boosters that are used together."""

    objective: Literal["probability", "amount"]
    texts: Annotated[list[Short], Field(min_length=1)]

    def check(self, columns: dict[str, int], expected: int) -> None:
        """All of them are there and read the columns that they will be given."""
        need(all(name in columns for name in self.texts), "a booster is missing")
        need(all(columns[name] == expected for name in self.texts), "a booster reads other columns than the table's")


class CalibrationState(Part):
    """A rising map from log-odds to probability."""

    method: Literal["none", "platt", "beta", "isotonic"]
    slope: Positive
    slope_low: Positive
    intercept: Finite
    knots_x: list[Finite]
    knots_y: list[Chance]

    @model_validator(mode="after")
    def _fits(self) -> CalibrationState:
        need(len(self.knots_x) == len(self.knots_y), "knots_x and knots_y differ in length")
        need(self.method != "isotonic" or bool(self.knots_x), "an isotonic map without knots")
        need(rising(self.knots_x) and rising(self.knots_y), "the map falls")
        return self


class BlockState(Part):
    """How a column enters the linear part."""

    column: Count
    levels: Count
    low: Finite
    high: Finite
    fill: Finite
    centre: Finite
    scale: Positive
    knots: list[Finite]
    flag: bool

    @property
    def width(self) -> int:
        """Number of weights."""
        return self.levels or 1 + len(self.knots) + int(self.flag)


class LinearState(Part):
    """The linear part."""

    blocks: list[BlockState]
    means: list[Finite]
    intercept: Finite
    weights: list[Finite]

    @model_validator(mode="after")
    def _fits(self) -> LinearState:
        width = sum(block.width for block in self.blocks)
        need(len(self.weights) == len(self.means) == width, "weights, means and columns differ in number")
        columns = [block.column for block in self.blocks]
        need(columns == sorted(set(columns)), "a column has two blocks")
        need(all(block.low <= block.high for block in self.blocks), "low is above high")
        return self


class SumsState(Part):
    """Columns that are added up."""

    groups: list[Annotated[list[Count], Field(min_length=1)]]
    means: list[list[Finite]]

    @model_validator(mode="after")
    def _fits(self) -> SumsState:
        need(list(map(len, self.groups)) == list(map(len, self.means)), "means of sums that are not there")
        return self


class EnsembleState(Part):
    """Boosters and linear part with their weights."""

    booster_weights: list[Chance]
    linear: LinearState
    linear_weight: Chance
    sums: SumsState
    expected_value: Finite
    drifting: bool = False

    def check(self, contract: list[ColumnState], columns: dict[str, int]) -> None:
        """What the table, the boosters and the weights must have in common."""
        names = [f"booster_{k}" for k in range(len(self.booster_weights))]
        total = sum(self.booster_weights) + self.linear_weight
        need(abs(total - 1) < 1e-6, "the weights do not add up to 1")
        own = used(contract)
        need(all(j < len(own) for group in self.sums.groups for j in group), "a sum of columns that are not there")
        need(set(names) == set(columns), "there are more or fewer boosters than weights")
        wide = len(own) + len(self.sums.groups)
        need(all(columns[name] == wide for name in names), "a booster reads other columns than the table's")
        levels = [len(c.categories) if c.kind == "category" else 0 for c in own] + [0] * len(self.sums.groups)
        for block in self.linear.blocks:
            need(block.column < wide, "the linear part reads a column that is not there")
            need(block.levels == levels[block.column], "the linear part reads other categories than the table's")


def used(contract: list[ColumnState]) -> list[ColumnState]:
    """The columns that models read."""
    return [column for column in contract if column.kind in _USED]


def rising(values: Any) -> bool:
    """Whether numbers never fall."""
    return bool((np.diff(np.asarray(values, dtype=np.float64)) >= 0).all())


def need(fact: bool, wrong: str) -> None:
    """Say what does not fit; pydantic adds where."""
    if not fact:
        raise ValueError(wrong)

"""What the parts of a saved estimator look like, as pydantic models: types, ranges, and what must fit together.

A file that was changed may hold anything. Whatever would end in an endless loop, a huge piece of memory, a number that
is none or an error in the middle of scoring is refused when it is read. Unknown keys are passed over.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

FiniteFloat = Annotated[float, Field(allow_inf_nan=False, ge=-1e300, le=1e300)]
PositiveFloat = Annotated[float, Field(allow_inf_nan=False, gt=0, le=1e300)]
Probability = Annotated[float, Field(allow_inf_nan=False, ge=-1e-9, le=1 + 1e-9)]
Count = Annotated[int, Field(ge=0, le=2**53)]
ShortText = Annotated[str, Field(max_length=10_000)]
Label = str | int | float | bool | None
"""A label as JSON gives it."""

_USED = ("number", "date", "category")
_MOST_THREADS = 1024


class StateModel(BaseModel):
    """A part of a saved estimator: a text is no number, and a number no text."""

    model_config = ConfigDict(strict=True, extra="ignore")


class ColumnState(StateModel):
    """A column of the contract."""

    name: ShortText
    kind: Literal["number", "date", "category", "constant", "empty", "identifier", "forbidden"]
    categories: list[ShortText]
    low: FiniteFloat | None
    high: FiniteFloat | None
    missing: Count
    unreadable: Count
    pooled_levels: Count = 0
    pooled_share: Probability = 0.0

    @model_validator(mode="after")
    def _fits(self) -> ColumnState:
        require(len(set(self.categories)) == len(self.categories), "categories occur twice")
        require(self.kind != "category" or bool(self.categories), "a category without levels")
        require(self.kind in ("category", "constant") or not self.categories, "levels of what is no category")
        require(not self.pooled_levels or bool(self.categories), "pooled levels without a pool")
        require(None in (self.low, self.high) or self.low <= self.high, "low is above high")  # type: ignore[operator]
        return self


class Params(StateModel):
    """Parameters that something is started with; the others are looked at by the estimator itself."""

    model_config = ConfigDict(strict=True, extra="allow")
    n_jobs: Annotated[int, Field(ge=-_MOST_THREADS, le=_MOST_THREADS)] | None = None
    random_state: Annotated[int, Field(ge=-(2**63), lt=2**63)] | None = None


class TableState(StateModel):
    """What every estimator of customer tables has."""

    params: Params
    named: bool
    contract: list[ColumnState]

    @model_validator(mode="after")
    def _names_once(self) -> TableState:
        names = [column.name for column in self.contract]
        require(len(set(names)) == len(names), "a column occurs twice")
        return self


class BoostersState(StateModel):
    """Boosters that are used together."""

    objective: Literal["probability", "amount"]
    texts: Annotated[list[ShortText], Field(min_length=1)]

    def check(self, columns: dict[str, int], expected: int) -> None:
        """All of them are there and read the columns that they will be given."""
        require(all(name in columns for name in self.texts), "a booster is missing")
        require(all(columns[name] == expected for name in self.texts), "a booster reads other columns than the table's")


class CalibrationState(StateModel):
    """A rising map from log-odds to probability."""

    method: Literal["none", "platt", "beta", "isotonic"]
    slope: PositiveFloat
    slope_low: PositiveFloat
    intercept: FiniteFloat
    knots_x: list[FiniteFloat]
    knots_y: list[Probability]

    @model_validator(mode="after")
    def _fits(self) -> CalibrationState:
        require(len(self.knots_x) == len(self.knots_y), "knots_x and knots_y differ in length")
        require(self.method != "isotonic" or bool(self.knots_x), "an isotonic map without knots")
        require(never_falls(self.knots_x) and never_falls(self.knots_y), "the map falls")
        return self


class AmountCalibrationState(StateModel):
    """A map from a blend to amounts that never falls."""

    knots_x: list[FiniteFloat]
    knots_y: list[FiniteFloat]
    factor: PositiveFloat
    shift: FiniteFloat
    floor: FiniteFloat | None

    @model_validator(mode="after")
    def _fits(self) -> AmountCalibrationState:
        require(len(self.knots_x) == len(self.knots_y), "knots_x and knots_y differ in length")
        require(never_falls(self.knots_x) and never_falls(self.knots_y), "the map falls")
        require(self.floor in (None, 0.0), "a floor other than zero")
        return self


class AmountQuantilesState(StateModel):
    """Levels of the expected amount and the shape at each."""

    levels: Annotated[list[FiniteFloat], Field(min_length=1, max_length=1000)]
    shapes: list[Annotated[list[FiniteFloat], Field(min_length=99, max_length=99)]]
    boosters: BoostersState | None
    least: PositiveFloat | None

    @model_validator(mode="after")
    def _fits(self) -> AmountQuantilesState:
        require(len(self.levels) == len(self.shapes), "levels and shapes differ in number")
        require(never_falls(self.levels) and all(map(never_falls, self.shapes)), "quantiles that fall")
        return self


class ColumnBasisState(StateModel):
    """How a column enters the linear part."""

    column: Count
    levels: Count
    low: FiniteFloat
    high: FiniteFloat
    fill: FiniteFloat
    centre: FiniteFloat
    scale: PositiveFloat
    knots: list[FiniteFloat]
    flag: bool

    @property
    def width(self) -> int:
        """Number of weights."""
        return self.levels or 1 + len(self.knots) + int(self.flag)


class DesignState(StateModel):
    """How a table becomes the columns of a linear model."""

    blocks: list[ColumnBasisState]
    means: list[FiniteFloat]

    @model_validator(mode="after")
    def _design_fits(self) -> DesignState:
        require(len(self.means) == sum(block.width for block in self.blocks), "means and columns differ in number")
        columns = [block.column for block in self.blocks]
        require(columns == sorted(set(columns)), "a column has two blocks")
        require(all(block.low <= block.high for block in self.blocks), "low is above high")
        return self

    def check(self, contract: list[ColumnState], further: int = 0) -> None:
        """Blocks read columns of the table, with its categories."""
        own = used_columns(contract)
        levels = [len(c.categories) if c.kind == "category" else 0 for c in own] + [0] * further
        for block in self.blocks:
            require(block.column < len(levels), "the linear part reads a column that is not there")
            require(block.levels == levels[block.column], "the linear part reads other categories than the table's")


class LinearState(DesignState):
    """The linear part."""

    intercept: FiniteFloat
    weights: list[FiniteFloat]

    @model_validator(mode="after")
    def _fits(self) -> LinearState:
        require(len(self.weights) == len(self.means), "weights, means and columns differ in number")
        return self


class ColumnSumsState(StateModel):
    """Columns that are added up."""

    groups: list[Annotated[list[Count], Field(min_length=1)]]
    means: list[list[FiniteFloat]]

    @model_validator(mode="after")
    def _fits(self) -> ColumnSumsState:
        require(list(map(len, self.groups)) == list(map(len, self.means)), "means of sums that are not there")
        return self


class EnsembleState(StateModel):
    """Boosters and linear part with their weights."""

    booster_weights: list[Probability]
    linear: LinearState
    linear_weight: Probability
    sums: ColumnSumsState
    expected_value: FiniteFloat
    drifting: bool = False

    def check(self, contract: list[ColumnState], columns: dict[str, int]) -> None:
        """What the table, the boosters and the weights must have in common."""
        names = [f"booster_{k}" for k in range(len(self.booster_weights))]
        total = sum(self.booster_weights) + self.linear_weight
        require(abs(total - 1) < 1e-6, "the weights do not add up to 1")
        own = used_columns(contract)
        require(all(j < len(own) for group in self.sums.groups for j in group), "a sum of columns that are not there")
        require(set(names) == set(columns), "there are more or fewer boosters than weights")
        wide = len(own) + len(self.sums.groups)
        require(all(columns[name] == wide for name in names), "a booster reads other columns than the table's")
        self.linear.check(contract, len(self.sums.groups))


def used_columns(contract: list[ColumnState]) -> list[ColumnState]:
    """The columns that models read."""
    return [column for column in contract if column.kind in _USED]


def never_falls(values: Any) -> bool:
    """Whether numbers never fall."""
    return bool((np.diff(np.asarray(values, dtype=np.float64)) >= 0).all())


def require(fact: bool, wrong: str) -> None:
    """Say what does not fit; pydantic adds where."""
    if not fact:
        raise ValueError(wrong)

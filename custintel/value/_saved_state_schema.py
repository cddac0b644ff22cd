"""What the saved states of value models and tiers look like; see `custintel.learners.saved_state_schemas`."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, model_validator

from custintel.learners.saved_state_schema_parts import (
    BoostersState,
    FiniteFloat,
    Label,
    ShortText,
    StateModel,
    TableState,
    never_falls,
    require,
    used_columns,
)
from custintel.learners.saved_state_schemas import ChurnSurvivalState, EstimatorState, Months, TableClassifierState


class ForecastState(StateModel):
    """Margin of those who stay."""

    weights: Annotated[list[Annotated[list[FiniteFloat], Field(min_length=3, max_length=3)]], Field(min_length=3)]
    boosters: BoostersState | None


class ValueParams(StateModel):
    """Parameters that value is computed with."""

    horizon: Annotated[int, Field(ge=1, le=120)] = 24
    annual_discount: Annotated[float, Field(gt=-0.5, lt=10)] = 0.1


class ValueModelState(TableState, EstimatorState):
    """`ValueModel`."""

    forecast: ForecastState
    survival: ChurnSurvivalState | None
    after_exit: FiniteFloat
    mean_run_rate: FiniteFloat = 0.0
    observed_months: Months | None

    def check(self, columns: dict[str, int]) -> None:
        """Both parts read the table."""
        ValueParams.model_validate(self.params.model_dump())
        if self.forecast.boosters is not None:
            self.forecast.boosters.check(columns, len(used_columns(self.contract)) + 1)
        if self.survival is not None:
            self.survival.check(columns)
            same = [c.name for c in self.survival.contract] == [c.name for c in self.contract]
            require(same, "survival reads another table")


class TiersParams(StateModel):
    """Parameters that tiers are followed with."""

    names: Annotated[list[ShortText], Field(min_length=2, max_length=1000)]
    smoothing: Annotated[int, Field(ge=1, le=120)] = 3
    confirmation: Annotated[int, Field(ge=1, le=120)] = 2
    hysteresis: Annotated[float, Field(ge=0, lt=1)] = 0.1
    valid_from: Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")] | None = None


class ValueTiersState(EstimatorState):
    """`ValueTiers`."""

    params: dict[str, Any]
    thresholds: Annotated[dict[str, list[FiniteFloat]], Field(min_length=1)]
    columns: Annotated[int, Field(ge=1, le=10_000)] | None
    column_names: list[ShortText] | None

    @model_validator(mode="after")
    def _fits(self) -> ValueTiersState:
        params = TiersParams.model_validate(self.params)
        require(len(set(params.names)) == len(params.names), "a tier occurs twice")
        for limits in self.thresholds.values():
            require(len(limits) == len(params.names) - 1, "thresholds of other tiers")
            require(never_falls(limits), "thresholds fall")
        require(self.column_names is None or len(self.column_names) == self.columns, "columns that are not counted")
        return self


class TierForecastState(TableState, EstimatorState):
    """`TierForecast`."""

    classes: Annotated[list[Label], Field(min_length=2, max_length=1001)]
    tiers: ValueTiersState | None
    reach: TableClassifierState

    def check(self, columns: dict[str, int]) -> None:
        """The classes are those of the tiers, and the classifier reads this table."""
        require(len(set(map(str, self.classes))) == len(self.classes), "a class occurs twice")
        if self.tiers is not None:
            names = TiersParams.model_validate(self.tiers.params).names
            require(self.classes[1:] == names, "classes of other tiers")
        known = {column.name for column in self.contract}
        require(known <= {column.name for column in self.reach.contract}, "the classifier reads another table")
        self.reach.check(columns)

"""What a saved fraud detector looks like: its file is checked against this before anything is read from it."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from custintel.learners.saved_state_schema_parts import (
    BoostersState,
    CalibrationState,
    FiniteFloat,
    PositiveFloat,
    Probability,
    StateModel,
    TableState,
    require,
    used_columns,
)
from custintel.learners.saved_state_schemas import AnomalyScoreState, ClassesState, EstimatorState, TableClassifierState

_COMPONENTS = ["model", "rules", "expert_similarity", "expert_matches", "anomaly"]
_FIVE = Field(min_length=len(_COMPONENTS), max_length=len(_COMPONENTS))


class _Kinds(StateModel):
    """Boosters of the kinds."""

    boosters: dict[str, BoostersState]
    prior: dict[str, Probability]


class _Parts(StateModel):
    """What the detector is put together from."""

    model: TableClassifierState
    anomaly: AnomalyScoreState
    kinds: _Kinds | None = None


class _Settings(StateModel):
    """How rules are mined; columns that nothing may read."""

    forbidden: list[str] | None = None


class _Params(StateModel):
    """Parameters that are read when customers are judged."""

    loss: Annotated[float, Field(ge=0, le=1e300)] | str = 200.0
    review_cost: Annotated[float, Field(ge=0, le=1e300)] = 5.0
    settings: _Settings | None = None
    rules: list[dict[str, Any]] | None = None


class FraudState(TableState, ClassesState, EstimatorState):
    """`FraudDetector`."""

    mined: list[dict[str, Any]] | None
    weights: list[Annotated[tuple[str, FiniteFloat], Field(strict=False)]]
    means: Annotated[list[FiniteFloat], _FIVE]
    spreads: Annotated[list[PositiveFloat], _FIVE]
    calibration: CalibrationState
    threshold: Probability
    legitimate_share: Annotated[float, Field(gt=0, le=1)]
    parts: _Parts

    def check(self, columns: dict[str, int]) -> None:
        """All parts read columns of the table."""
        self.check_classes()
        require([name for name, _ in self.weights] == ["intercept", *_COMPONENTS], "weights of other component scores")
        params = _Params.model_validate(self.params.model_dump())
        names = {column.name for column in self.contract}
        require(not isinstance(params.loss, str) or params.loss in names, "the column of losses is not there")
        self.parts.model.check(_own(columns, "model_"))
        self.parts.anomaly.check({})
        for part in (self.parts.model, self.parts.anomaly):
            require({column.name for column in part.contract} <= names, "a part reads columns that are not there")
            require(
                used_columns(part.contract) == used_columns(self.contract),
                "a part reads other columns than the detector",
            )
        if self.parts.kinds is not None:
            self._check_kinds(self.parts.kinds, _own(columns, "kinds_"))

    def _check_kinds(self, kinds: _Kinds, columns: dict[str, int]) -> None:
        require(set(kinds.boosters) <= set(kinds.prior), "kinds without a share")
        require(sum(kinds.prior.values()) < 1 + 1e-6, "shares of more than all")
        for one in kinds.boosters.values():
            one.check(columns, len(used_columns(self.contract)))


def _own(columns: dict[str, int], prefix: str) -> dict[str, int]:
    return {name.removeprefix(prefix): count for name, count in columns.items() if name.startswith(prefix)}

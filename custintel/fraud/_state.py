"""What a saved `FraudDetector` looks like; see `custintel.estimators.states`."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from custintel.estimators.states import (
    AnomalyState,
    BoosterNames,
    CalibrationState,
    Chance,
    ChurnState,
    ClassesState,
    Finite,
    Part,
    Positive,
    State,
    TableState,
    need,
    used,
)

__all__ = ["FraudState"]

_VIEWS = ["model", "rules", "expert_similarity", "expert_matches", "anomaly"]
_FIVE = Field(min_length=len(_VIEWS), max_length=len(_VIEWS))


class _Kinds(Part):
    """Boosters of the kinds."""

    boosters: dict[str, BoosterNames]
    prior: dict[str, Chance]


class _Parts(Part):
    """What the detector is put together from."""

    model: ChurnState
    anomaly: AnomalyState
    kinds: _Kinds | None = None


class _Settings(Part):
    """How rules are mined; columns that nothing may read."""

    forbidden: list[str] | None = None


class _Params(Part):
    """Parameters that are read when customers are judged."""

    loss: Annotated[float, Field(ge=0, le=1e300)] | str = 200.0
    review_cost: Annotated[float, Field(ge=0, le=1e300)] = 5.0
    settings: _Settings | None = None
    rules: list[dict[str, Any]] | None = None


class FraudState(TableState, ClassesState, State):
    """`FraudDetector`."""

    mined: list[dict[str, Any]] | None
    weights: list[Annotated[tuple[str, Finite], Field(strict=False)]]
    means: Annotated[list[Finite], _FIVE]
    spreads: Annotated[list[Positive], _FIVE]
    calibration: CalibrationState
    threshold: Chance
    parts: _Parts

    def check(self, columns: dict[str, int]) -> None:
        """All parts read columns of the table."""
        self.check_classes()
        need([name for name, _ in self.weights] == ["intercept", *_VIEWS], "weights of other views")
        params = _Params.model_validate(self.params.model_dump())
        names = {column.name for column in self.contract}
        need(not isinstance(params.loss, str) or params.loss in names, "the column of losses is not there")
        self.parts.model.check(_own(columns, "model_"))
        self.parts.anomaly.check({})
        for part in (self.parts.model, self.parts.anomaly):
            need({column.name for column in part.contract} <= names, "a part reads columns that are not there")
        if self.parts.kinds is not None:
            self._check_kinds(self.parts.kinds, _own(columns, "kinds_"))

    def _check_kinds(self, kinds: _Kinds, columns: dict[str, int]) -> None:
        need(set(kinds.boosters) <= set(kinds.prior), "kinds without a share")
        need(sum(kinds.prior.values()) < 1 + 1e-6, "shares of more than all")
        for one in kinds.boosters.values():
            one.check(columns, len(used(self.contract)))


def _own(columns: dict[str, int], prefix: str) -> dict[str, int]:
    return {name.removeprefix(prefix): count for name, count in columns.items() if name.startswith(prefix)}

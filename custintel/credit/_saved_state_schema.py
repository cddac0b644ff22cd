"""What the saved state of `CreditScorecard` looks like; see `custintel.learners.saved_state_schemas`."""

from __future__ import annotations

from typing import Annotated, TypeVar

from pydantic import Field

from custintel.learners.saved_state_schema_parts import (
    FiniteFloat,
    PositiveFloat,
    Probability,
    ShortText,
    StateModel,
    TableState,
    never_falls,
    require,
    used_columns,
)
from custintel.learners.saved_state_schemas import ClassesState, EstimatorState

_T = TypeVar("_T")
_Pair = Annotated[tuple[ShortText, _T], Field(strict=False)]  # JSON has lists only
_Points = Annotated[int, Field(ge=-(10**9), le=10**9)]


class BinsState(StateModel):
    """Bins of a column."""

    limits: list[FiniteFloat]
    codes: list[Annotated[int, Field(ge=0)]]
    woe: Annotated[list[FiniteFloat], Field(min_length=1)]
    share: list[Probability]
    bad_rate: list[Annotated[float, Field(ge=0, le=1)]]

    def check(self, levels: int, points: list[int]) -> None:
        """The card has points for each bin; the last bin is that of missing values."""
        bins = len(self.woe)
        require(len(points) == len(self.share) == len(self.bad_rate) == bins, "points, shares or rates of other bins")
        require(never_falls(self.limits), "limits of bins fall")
        require(bool(self.codes) == bool(levels), "bins of categories for numbers, or the other way round")
        if levels:
            require(len(self.codes) == levels and max(self.codes) < bins, "codes of other categories")
        else:
            require(len(self.limits) == bins - 2 or (bins == 1 and not self.limits), "limits of other bins")


class LimitRuleState(StateModel):
    """How limits follow from the score."""

    loss_budget: PositiveFloat
    lgd: PositiveFloat
    utilisation: PositiveFloat
    floor: FiniteFloat
    cap: PositiveFloat
    tenure_days: ShortText
    mean_bill: ShortText


class ScorecardParams(StateModel):
    """Parameters that points are computed with."""

    pdo: PositiveFloat = 20.0
    base_score: FiniteFloat = 600.0
    base_odds: PositiveFloat = 50.0
    limits: LimitRuleState | None = None


class CreditScorecardState(TableState, ClassesState, EstimatorState):
    """`CreditScorecard`."""

    bins: list[_Pair[BinsState]]
    card: list[_Pair[list[_Points]]]
    base_points: _Points
    band_edges: Annotated[list[FiniteFloat], Field(max_length=25)]
    limit_factor: PositiveFloat | None
    bad_rate: float
    information_value: list[_Pair[float]]

    def check(self, columns: dict[str, int]) -> None:
        """Every column of the card has its bins."""
        require(not columns, "a scorecard has no boosters")
        self.check_classes()
        params = ScorecardParams.model_validate(self.params.model_dump())
        require(never_falls(self.band_edges), "edges of bands fall")
        require((params.limits is None) == (self.limit_factor is None), "limits without a factor, or a factor without")
        levels = {c.name: len(c.categories) if c.kind == "category" else 0 for c in used_columns(self.contract)}
        bins, card = dict(self.bins), dict(self.card)
        require(len(bins) == len(self.bins) and list(bins) == [name for name, _ in self.card], "bins of other columns")
        require(set(bins) <= set(levels), "points for columns that are not there")
        for name, one in bins.items():
            one.check(levels[name], card[name])

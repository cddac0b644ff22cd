"""How much is tried for a table: inner folds and candidates by its size.

Small tables get shallow candidates, five folds and averaging; large ones get one booster and a hold-out. Where random
folds flatter (`_drift`), other candidates are averaged instead of chosen.

>>> plan_fit(5_000, 800, "auto").folds, plan_fit(1_000_000, 90_000, "auto").used
(5, 1)
>>> plan_fit(60, 9, "auto").candidates          # too few churners for anything but a strong ridge
()
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

from custintel.learners.ensemble._boosted_candidates import CandidateSettings

Effort = Literal["auto", "full", "fast"]
MANY_COLUMNS = 60
"""Columns above which numbers enter the ridge as they are, without hinges."""

MOST_REFITTED_CELLS = 2_000_000
"""Cells of a table above which one fit of each candidate is enough."""

_FEWEST_TARGETS = 20
_SMALL = 20_000
_LARGE = 200_000
_HOLD_OUT = 50_000
_STEADY_CANDIDATES = (
    CandidateSettings(3, 100, 0.08, 0.2, 30.0, 1500),
    CandidateSettings(15, 100, 0.08, 0.5, 5.0, 1000),
)
# randomly placed cuts are blurred where values move beyond what was seen
_RANDOM_CUT_CANDIDATES = (
    CandidateSettings(20, 10, 0.06, 0.7, 1.0, 2500, random_cuts=True),
    CandidateSettings(8, 20, 0.06, 0.4, 5.0, 1500, random_cuts=True),
)


@dataclass(frozen=True)
class FitPlan:
    """Inner folds, how many of them are used, candidates, size of the linear part, boosters of all rows."""

    folds: int
    used: int
    candidates: tuple[CandidateSettings, ...]
    linear_rows: int = 20_000
    hinges: bool = True
    refits: int = 0
    drift_candidates: tuple[CandidateSettings, ...] = ()


def plan_fit(rows: int, minority: int, effort: Effort) -> FitPlan:
    """The plan for a table of `rows` customers, `minority` of them in the smaller class."""
    if minority < _FEWEST_TARGETS:
        return FitPlan(0, 0, ())
    if effort == "fast" or (effort == "auto" and rows > _LARGE):
        return FitPlan(max(5, rows // _HOLD_OUT), 1, (CandidateSettings(31, 100, 0.1, 0.8, 5.0, 1000),), hinges=False)
    if effort == "auto" and rows > _SMALL:
        return FitPlan(4, 4, _STEADY_CANDIDATES, drift_candidates=(*_STEADY_CANDIDATES, *_RANDOM_CUT_CANDIDATES))
    return FitPlan(
        5, 5, _small_table_candidates(), refits=3, drift_candidates=(*_STEADY_CANDIDATES, *_RANDOM_CUT_CANDIDATES)
    )


def override(plan: FitPlan, given: dict[str, Any]) -> FitPlan:
    """Put the values that the user fixed in place of the automatic ones; equal candidates are kept once."""
    fixed = {name: value for name, value in given.items() if value is not None}

    def changed(candidates: tuple[CandidateSettings, ...]) -> tuple[CandidateSettings, ...]:
        return tuple(dict.fromkeys(replace(shape, **fixed) for shape in candidates))

    return replace(plan, candidates=changed(plan.candidates), drift_candidates=changed(plan.drift_candidates))


def _small_table_candidates() -> tuple[CandidateSettings, ...]:
    return (
        CandidateSettings(4, 20, 0.05, 0.5, 5.0, 1500),
        CandidateSettings(20, 12, 0.04, 0.8, 3.0, 1500),
        CandidateSettings(20, 10, 0.06, 0.7, 1.0, 2500, random_cuts=True),
    )

"""How much work a table deserves: inner folds and candidate shapes by its size.

Small tables get shallow candidates, five folds and averaging; large ones get one booster and a hold-out. Where random
folds flatter (`_drift`), other shapes are averaged instead of chosen.

>>> plan_fit(5_000, 800, "auto").folds, plan_fit(1_000_000, 90_000, "auto").used
(5, 1)
>>> plan_fit(60, 9, "auto").shapes          # too few churners for anything but a strong ridge
()
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

from custintel.learners.ensemble._boosted_candidates import Shape

Effort = Literal["auto", "full", "fast"]
_FEWEST_TARGETS = 20
_SMALL = 20_000
_LARGE = 200_000
_HOLD_OUT = 50_000
_STEADY = (Shape(3, 100, 0.08, 0.2, 30.0, 1500), Shape(15, 100, 0.08, 0.5, 5.0, 1000))
# randomly placed cuts are blurred where values move beyond what was seen
_RANDOM = (
    Shape(20, 10, 0.06, 0.7, 1.0, 2500, random_cuts=True),
    Shape(8, 20, 0.06, 0.4, 5.0, 1500, random_cuts=True),
)


@dataclass(frozen=True)
class Plan:
    """Inner folds, how many of them are used, candidate shapes, size of the linear part, boosters of all rows."""

    folds: int
    used: int
    shapes: tuple[Shape, ...]
    linear_rows: int = 20_000
    hinges: bool = True
    refits: int = 0
    drifting_shapes: tuple[Shape, ...] = ()


def plan_fit(rows: int, minority: int, effort: Effort) -> Plan:
    """The plan for a table of `rows` customers, `minority` of them in the smaller class."""
    if minority < _FEWEST_TARGETS:
        return Plan(0, 0, ())
    if effort == "fast" or (effort == "auto" and rows > _LARGE):
        return Plan(max(5, rows // _HOLD_OUT), 1, (Shape(31, 100, 0.1, 0.8, 5.0, 1000),), hinges=False)
    if effort == "auto" and rows > _SMALL:
        return Plan(4, 4, _STEADY, drifting_shapes=(*_STEADY, *_RANDOM))
    return Plan(5, 5, _small_shapes(), refits=3, drifting_shapes=(*_STEADY, *_RANDOM))


def override(plan: Plan, given: dict[str, Any]) -> Plan:
    """Put the values that the user fixed in place of the automatic ones; equal shapes are kept once."""
    fixed = {name: value for name, value in given.items() if value is not None}

    def changed(shapes: tuple[Shape, ...]) -> tuple[Shape, ...]:
        return tuple(dict.fromkeys(replace(shape, **fixed) for shape in shapes))

    return replace(plan, shapes=changed(plan.shapes), drifting_shapes=changed(plan.drifting_shapes))


def _small_shapes() -> tuple[Shape, ...]:
    return (
        Shape(4, 20, 0.05, 0.5, 5.0, 1500),
        Shape(20, 12, 0.04, 0.8, 3.0, 1500),
        Shape(20, 10, 0.06, 0.7, 1.0, 2500, random_cuts=True),
    )

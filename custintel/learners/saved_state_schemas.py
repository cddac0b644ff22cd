"""What the saved state of each learner looks like, and the check of a state that comes from a file.

Value, credit and fraud keep the states of their learners in their own rooms.

>>> check_state({"class": "ChurnClassifier", "params": {}, "named": 1}, {})
Traceback (most recent call last):
    ...
custintel.errors.ModelError: no ChurnClassifier that custintel saved, 5 mistakes
  classes: is missing
  named: should be a valid boolean
  contract: is missing
  ensemble: is missing
  calibration: is missing
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from pydantic import Field, ValidationError

from custintel.errors import ModelError
from custintel.learners.saved_state_schema_parts import (
    AmountCalibrationState,
    AmountQuantilesState,
    BoostersState,
    CalibrationState,
    DesignState,
    EnsembleState,
    FiniteFloat,
    Label,
    Params,
    Probability,
    ShortText,
    StateModel,
    TableState,
    never_falls,
    require,
    used_columns,
)

if TYPE_CHECKING:
    from collections.abc import Mapping


_DTYPE = re.compile(r"object|[<>|=]?(?:b1|[iu][1248]|f[248]|U[0-9]{1,4}|S[0-9]{1,4})")
Months = Annotated[int, Field(ge=1, le=600)]
_MOST_SHOWN = 6


class EstimatorState(StateModel):
    """A saved estimator; `check` says what must fit the boosters beside it, by name the columns each reads."""

    def check(self, columns: dict[str, int]) -> None:
        """Raise a ValueError with what does not fit."""
        require(not columns, "boosters that nothing reads")


class LabelsState(StateModel):
    """The labels of a classifier."""

    classes: Annotated[list[Label], Field(min_length=2, max_length=30)]
    classes_dtype: ShortText | None = None

    def check_labels(self) -> None:
        """All different, and of the type they are said to have."""
        require(self.classes_dtype is None or bool(_DTYPE.fullmatch(self.classes_dtype)), "labels of an unknown type")
        labels = np.asarray(self.classes, dtype=self.classes_dtype).tolist()
        require(labels == self.classes and len(set(labels)) == len(labels), f"the labels are not {len(labels)}")


class ClassesState(LabelsState):
    """Both labels of a classifier, and which of them is the event."""

    classes: Annotated[list[Label], Field(min_length=2, max_length=2)]
    pos_label: Label = None

    def check_classes(self) -> None:
        """Two different labels, one of which is the event."""
        self.check_labels()
        require(self.pos_label is None or self.pos_label in self.classes, "the event is none of the labels")


class TableClassifierState(TableState, ClassesState, EstimatorState):
    """`TableClassifier` and `ChurnClassifier`."""

    ensemble: EnsembleState
    calibration: CalibrationState

    def check(self, columns: dict[str, int]) -> None:
        """Classes are two, and all parts read the same columns."""
        self.check_classes()
        self.ensemble.check(self.contract, columns)


class ClassEnsembleState(StateModel):
    """One class against all others."""

    ensemble: EnsembleState
    calibration: CalibrationState


class SeveralClassesState(TableState, LabelsState, EstimatorState):
    """`TableClassifier` of three classes or more."""

    class_ensembles: Annotated[list[ClassEnsembleState], Field(min_length=3, max_length=30)]

    def check(self, columns: dict[str, int]) -> None:
        """Each class has its part, and all parts read the same columns."""
        self.check_labels()
        require(len(self.classes) == len(self.class_ensembles), "there are more or fewer classes than parts")
        known: set[str] = set()
        for k, one in enumerate(self.class_ensembles):
            start = f"class_{k}_"
            own = {name.removeprefix(start): count for name, count in columns.items() if name.startswith(start)}
            one.ensemble.check(self.contract, own)
            known |= {start + name for name in own}
        require(known == set(columns), "boosters that nothing reads")


class TableRegressorState(TableState, EstimatorState):
    """`TableRegressor`."""

    ensemble: EnsembleState
    calibration: AmountCalibrationState
    quantiles: AmountQuantilesState

    def check(self, columns: dict[str, int]) -> None:
        """The boosters of amount and distance are there and read the columns of the table."""
        distance = self.quantiles.boosters
        names = set() if distance is None else set(distance.texts)
        self.ensemble.check(self.contract, {name: n for name, n in columns.items() if name not in names})
        if distance is not None:
            distance.check(columns, len(used_columns(self.contract)) + 1)
            require(distance.objective == "amount", "distances that are no numbers")


class OwnParams(Params):
    """Parameters of `OwnEstimator`: the class by name, and its own parameters."""

    learner: ShortText
    params: dict[str, Any]


class OwnEstimatorState(TableState, EstimatorState):
    """`OwnEstimator`; what its class has learned is looked at by that class."""

    params: OwnParams
    design: DesignState
    medians: list[FiniteFloat]
    inner: dict[str, Any]
    classes: Annotated[list[Label], Field(min_length=2, max_length=30)] | None
    classes_dtype: ShortText | None = None
    pos_label: Label = None
    start: Annotated[list[FiniteFloat], Field(min_length=1, max_length=30)]

    def check(self, columns: dict[str, int]) -> None:  # noqa: ARG002 - the texts beside it are those of its class
        """Classes differ, and the design reads the columns of the table."""
        self.design.check(self.contract)
        require(bool(self.design.blocks), "a design without columns")
        require(len(self.medians) == len(used_columns(self.contract)), "medians of other columns")
        require(set(self.inner) in ({"attributes"}, {"state"}), "a learner without a state")
        require(all(isinstance(part, dict) for part in self.inner.values()), "a state that is none")
        if self.classes is not None:
            LabelsState(classes=self.classes, classes_dtype=self.classes_dtype).check_labels()
            require(len(self.classes) > 2 or self.pos_label in self.classes, "the event is none of the labels")


class ChurnSurvivalState(TableState, EstimatorState):
    """`ChurnSurvival`."""

    causes: Annotated[list[ShortText], Field(min_length=1)]
    observed_months: Months
    hazards: dict[str, list[Probability]]
    blend: dict[str, Annotated[list[FiniteFloat], Field(min_length=2, max_length=2)]]
    boosters: dict[str, BoostersState]

    def check(self, columns: dict[str, int]) -> None:
        """Every cause has its hazards."""
        causes = set(self.causes)
        require(len(causes) == len(self.causes), "a cause occurs twice")
        require(set(self.hazards) == set(self.blend) == causes, "hazards of other causes")
        require(set(self.boosters) <= causes, "boosters of other causes")
        require(all(len(v) == self.observed_months for v in self.hazards.values()), "hazards of other months")
        require(all(0 <= share <= 1 for share, _ in self.blend.values()), "a share beyond 0 to 1")
        for one in self.boosters.values():
            one.check(columns, len(used_columns(self.contract)) + 1)
            require(one.objective == "probability", "hazards that are no chances")


class OfferPropensityState(TableState, EstimatorState):
    """`OfferPropensity`."""

    offers: Annotated[list[ShortText], Field(min_length=1)]
    contacts: dict[str, Annotated[int, Field(ge=0)]]
    attributes: dict[str, dict[str, Annotated[float, Field(ge=-1e300, le=1e300)] | None]]
    shifts: dict[str, FiniteFloat]
    boosters: BoostersState

    def check(self, columns: dict[str, int]) -> None:
        """Every offer is known everywhere."""
        from custintel.expressions.parse import parse

        offers = set(self.offers)
        require(len(offers) == len(self.offers), "an offer occurs twice")
        require(set(self.contacts) == set(self.shifts) == offers, "contacts or shifts of other offers")
        require(all(set(facts) == offers for facts in self.attributes.values()), "attributes of other offers")
        self.boosters.check(columns, len(used_columns(self.contract)) + 1 + len(self.attributes))
        names = {column.name for column in self.contract}
        for rule in dict(self.params.model_dump().get("eligible") or {}).values():
            require(isinstance(rule, str) and parse(rule).columns <= names, "a rule reads columns that are not there")


class EffectState(StateModel):
    """Boosters of an effect, and what they count."""

    boosters: BoostersState
    weight: FiniteFloat


class ArmState(StateModel):
    """An arm of an experiment."""

    arm: Label
    learner: Literal["dr", "r", "x", "t", "s"]
    centre: FiniteFloat
    mean: FiniteFloat
    share: Probability
    parts: Annotated[list[EffectState], Field(min_length=1)]
    arm_column: Annotated[int, Field(ge=1, le=1000)] | None
    effect: Annotated[list[FiniteFloat], Field(min_length=6, max_length=6)]


class UpliftModelState(TableState, EstimatorState):
    """`UpliftModel`."""

    arms: Annotated[list[ArmState], Field(min_length=1)]
    design: Literal["randomised", "logged", "observational"]
    overlap: list[dict[str, Label]]

    def check(self, columns: dict[str, int]) -> None:
        """Arms are different, and their parts fit one another."""
        require(len({one.arm for one in self.arms}) == len(self.arms), "an arm occurs twice")
        own = len(used_columns(self.contract))
        for one in self.arms:
            require(len({len(part.boosters.texts) for part in one.parts}) == 1, "parts of different folds")
            for part in one.parts:
                part.boosters.check(columns, own + (one.arm_column is not None))


class TreeState(StateModel):
    """A tree of the isolation forest."""

    left: Annotated[list[int], Field(min_length=1, max_length=1_000_000)]
    right: list[int]
    column: list[int]
    limit: list[FiniteFloat]
    length: list[Annotated[float, Field(ge=0, le=1e6)]]

    def check(self, columns: int) -> None:
        """A child comes after its node, and each node has one parent."""
        left, right = np.asarray(self.left), np.asarray(self.right)
        size = len(left)
        require(len({size, len(right), len(self.column), len(self.limit), len(self.length)}) == 1, "a torn tree")
        own, inner = np.arange(size), left >= 0
        require(bool(((right >= 0) == inner).all()), "a node with one child")
        children = np.sort(np.concatenate([left[inner], right[inner]]))
        require(np.array_equal(children, own[1:]), "a node without a parent, or with two")
        require(bool((left[inner] > own[inner]).all() and (right[inner] > own[inner]).all()), "a node before itself")
        require(all(0 <= c < columns for c in self.column), "a tree reads a column that is not there")


class AnomalyScoreState(TableState, EstimatorState):
    """`AnomalyScore`."""

    frequencies: dict[str, list[Probability]]
    percentiles: dict[str, list[list[FiniteFloat | None]]]
    forest: Annotated[list[TreeState], Field(max_length=100_000)]
    references: Annotated[list[list[FiniteFloat]], Field(min_length=3, max_length=3)]

    def check(self, columns: dict[str, int]) -> None:
        """Percentiles, frequencies and trees are those of the columns."""
        require(not columns, "anomalies have no boosters")
        own = used_columns(self.contract)
        expected = {str(k): len(c.categories) + 1 for k, c in enumerate(own) if c.kind == "category"}
        require({k: len(v) for k, v in self.frequencies.items()} == expected, "frequencies of other categories")
        require("" in self.percentiles, "percentiles of everybody are missing")
        for knots in self.percentiles.values():
            require(len(knots) == len(own), "percentiles of other columns")
            require(all(_are_quantiles(row) for row in knots), "percentiles that fall or are torn")
        require(all(len(r) == 1001 and never_falls(r) for r in self.references), "references that fall or are torn")
        for tree in self.forest:
            tree.check(len(own))
        names = {column.name for column in self.contract}
        require(set(self.params.model_dump().get("peers") or ()) <= names, "peers that are not there")


class MetadataState(StateModel):
    """What scoring and reports read of the metadata; all of it may be missing."""

    version: Label = None
    source: Label = None
    target: Label = None
    peer_column: Label = None
    spec: dict[str, Any] | None = None
    windows: dict[str, Any] | None = None
    features: list[dict[str, Any]] | None = None
    decile_edges: Annotated[list[FiniteFloat], Field(min_length=9, max_length=9)] | None = None
    target_type: Label = None
    score_columns: list[dict[str, str]] | None = None
    metrics: dict[str, Any] | None = None


_STATES: dict[str, type[EstimatorState]] = {
    "ChurnClassifier": TableClassifierState,
    "TableClassifier": TableClassifierState,
    "TableRegressor": TableRegressorState,
    "OwnEstimator": OwnEstimatorState,
    "ChurnSurvival": ChurnSurvivalState,
    "OfferPropensity": OfferPropensityState,
    "UpliftModel": UpliftModelState,
    "AnomalyScore": AnomalyScoreState,
}


def check_state(
    state: Mapping[str, Any], columns: Mapping[str, int], kinds: Mapping[str, type[EstimatorState]] = _STATES
) -> None:
    """Raise when the state of an estimator is none that its class writes.

    Parameters
    ----------
    state : mapping
        What ``to_state`` gave, read from a file.
    columns : mapping of str to int
        For each booster beside it the number of columns that it reads.
    kinds : mapping of str to class
        What the states of each class look like.

    Raises
    ------
    ModelError
        With what is wrong; no values are shown.
    """
    name = state.get("class")
    kind = kinds.get(name) if isinstance(name, str) else None
    if kind is TableClassifierState and "class_ensembles" in state:
        kind = SeveralClassesState
    if kind is None:
        raise ModelError(f"no such kind of model\n  allowed: {', '.join(sorted(kinds))}")
    try:
        kind.model_validate(state).check(dict(columns))
    except ValidationError as error:
        raise ModelError(f"no {name} that custintel saved, {_problems_text(error)}") from None
    except ValueError as error:
        raise ModelError(f"no {name} that custintel saved: {error}") from None


def check_metadata(metadata: Any) -> None:
    """Raise when metadata are none that scoring and reports can read.

    Examples
    --------
    >>> check_metadata({"decile_edges": [0.5]})
    Traceback (most recent call last):
        ...
    custintel.errors.ModelError: no metadata that custintel saved, 1 mistake
      decile_edges: List should have at least 9 items after validation, not 1
    """
    try:
        MetadataState.model_validate(metadata)
    except ValidationError as error:
        raise ModelError(f"no metadata that custintel saved, {_problems_text(error)}") from None


def _problems_text(error: ValidationError) -> str:
    """Where and what, without the values, which may be a customer's."""
    found = [(".".join(map(str, e["loc"])), e["msg"]) for e in error.errors(include_input=False, include_url=False)]
    lines = [f"  {where}: {_plain(what)}" for where, what in Counter(found)]
    more = ["  ..."] if len(lines) > _MOST_SHOWN else []
    count = f"{len(lines)} mistake{'s' if len(lines) > 1 else ''}"
    return "\n".join([count, *lines[:_MOST_SHOWN], *more])


def _plain(message: str) -> str:
    return {"Field required": "is missing"}.get(message, message.removeprefix("Input ").removeprefix("Value error, "))


def _are_quantiles(row: list[float | None]) -> bool:
    known = [v for v in row if v is not None]
    return len(row) == 101 and len(known) in (0, 101) and never_falls(known)

"""Row expressions computed with NumPy on a pandas frame, with SQL's three-valued logic.

Every node becomes values plus a mask of what is missing. A comparison with a missing value is missing; ``and`` is
false as soon as one side is false; ``case`` takes a branch only when its condition is true.
"""

from __future__ import annotations

import operator
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial, reduce
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from sqlglot import exp

from custintel.dates import read_day
from custintel.errors import DataError
from custintel.expressions._operator_chains import CHAINS, chain_terms
from custintel.expressions.whitelist import AGGREGATES, AS_OF

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray


@dataclass(frozen=True)
class _Values:
    """Values of one node; what stands under the mask has no meaning."""

    values: NDArray[Any]
    missing: NDArray[np.bool_]

    @property
    def true(self) -> NDArray[np.bool_]:
        """Where a condition is known to hold."""
        held: NDArray[np.bool_] = _as_bool(self.values) & ~self.missing
        return held


def evaluate(tree: exp.Expression, frame: pd.DataFrame, as_of: object = None) -> NDArray[Any]:
    """Values of a row expression: floats (missing is NaN; true is 1), texts (None) or times (NaT)."""
    if tree.find(*AGGREGATES) is not None:
        raise DataError(f"an aggregate cannot be computed row by row\n  given: {tree.sql('duckdb')}")
    return _plain(_Evaluator(frame, as_of).value(tree))


def _plain(found: _Values) -> NDArray[Any]:
    if found.values.dtype == object:
        return _filled(found.values, found.missing, None)
    if found.values.dtype.kind == "M":
        return _filled(found.values, found.missing, np.array("NaT", found.values.dtype))
    return _filled(found.values.astype(np.float64), found.missing, np.nan)


def _filled(values: NDArray[Any], missing: NDArray[np.bool_], fill: object) -> NDArray[Any]:
    result = values.copy()
    result[missing] = fill
    return result


class _Evaluator:
    """Walks a tree from the leaves; one method a kind of node."""

    def __init__(self, frame: pd.DataFrame, as_of: object) -> None:
        self.frame, self.as_of, self.rows = frame, as_of, len(frame)

    def value(self, node: exp.Expression) -> _Values:
        for kind, compute in _BY_NODE:
            if isinstance(node, kind):
                return compute(self, node)
        raise DataError(f"no value for {node.key}")  # pragma: no cover - the whitelist is covered by a test

    def parts(self, node: exp.Expression) -> list[_Values]:
        return [self.value(part) for part in node.iter_expressions()]

    def column(self, node: exp.Expression) -> _Values:
        if node.name == AS_OF and AS_OF not in self.frame.columns:
            return self.constant(None if self.as_of is None else pd.Timestamp(read_day(self.as_of)).to_datetime64())
        if node.name not in self.frame.columns:
            known = ", ".join(map(str, self.frame.columns))
            raise DataError(f"the table has no column {node.name}\n  given: {known}")
        return _from_series(self.frame[node.name])

    def constant(self, value: object) -> _Values:
        missing = np.full(self.rows, value is None)
        kind: Any = object if isinstance(value, str) else None
        return _Values(np.full(self.rows, 0.0 if value is None else value, dtype=kind), missing)

    def literal(self, node: exp.Expression) -> _Values:
        return self.constant(str(node.this) if node.args.get("is_string") else float(node.this))

    def boolean(self, node: exp.Expression) -> _Values:
        return self.constant(bool(node.this))

    def null(self, _node: exp.Expression) -> _Values:
        return self.constant(None)

    def date(self, node: exp.Expression) -> _Values:
        return self.constant(np.datetime64(node.name, "ns"))

    def inner(self, node: exp.Expression) -> _Values:
        return self.value(node.this)

    def negative(self, node: exp.Expression) -> _Values:
        found = self.value(node.this)
        return _Values(-_as_float(found.values), found.missing)

    def negation(self, node: exp.Expression) -> _Values:
        found = self.value(node.this)
        return _Values(~_as_bool(found.values), found.missing)

    def both(self, node: exp.Expression) -> _Values:
        return _and(*self.parts(node))

    def either(self, node: exp.Expression) -> _Values:
        left, right = self.parts(node)
        known = left.true | right.true
        return _Values(known, (left.missing | right.missing) & ~known)

    def is_null(self, node: exp.Expression) -> _Values:
        return _Values(self.value(node.this).missing, np.zeros(self.rows, dtype=bool))

    def compare(self, node: exp.Expression) -> _Values:
        left, right = self.parts(node)
        return _compare(_COMPARISONS[type(node)], left, right)

    def one_of(self, node: exp.Expression) -> _Values:
        found = self.value(node.this)
        hits = [_compare(operator.eq, found, self.value(item)).true for item in node.expressions]
        return _Values(reduce(operator.or_, hits), found.missing)

    def between(self, node: exp.Expression) -> _Values:
        found, low, high = (self.value(node.args[part]) for part in ("this", "low", "high"))
        return _and(_compare(operator.ge, found, low), _compare(operator.le, found, high))

    def arithmetic(self, node: exp.Expression) -> _Values:
        # term by term from the left, as an engine reads the text: groups would change the last digits
        terms = chain_terms(node) if isinstance(node, CHAINS) else [node.this, node.expression]
        return reduce(partial(_calculate, _ARITHMETIC[type(node)]), map(self.value, terms))

    def division(self, node: exp.Expression) -> _Values:
        above, below = self.parts(node)
        under = _as_float(below.values)
        missing = above.missing | below.missing | (under == 0)
        with np.errstate(over="ignore", invalid="ignore"):
            return _Values(_as_float(above.values) / np.where(under == 0, 1.0, under), missing)

    def case(self, node: exp.Expression) -> _Values:
        default = node.args.get("default")
        result = self.value(default) if default is not None else self.constant(None)
        for branch in reversed(node.args["ifs"]):
            result = _choose(self.value(branch.this).true, self.value(branch.args["true"]), result)
        return result

    def coalesce(self, node: exp.Expression) -> _Values:
        return reduce(lambda first, later: _choose(~first.missing, first, later), self.parts(node))

    def nullif(self, node: exp.Expression) -> _Values:
        found, unwanted = self.parts(node)
        return _Values(found.values, found.missing | _compare(operator.eq, found, unwanted).true)

    def extreme(self, node: exp.Expression) -> _Values:
        better = operator.le if isinstance(node, exp.Least) else operator.ge

        def pick(first: _Values, second: _Values) -> _Values:
            return _choose(second.missing | _compare(better, first, second).true, first, second)

        return reduce(pick, self.parts(node))

    def absolute(self, node: exp.Expression) -> _Values:
        found = self.value(node.this)
        return _Values(np.abs(_as_float(found.values)), found.missing)

    def floor(self, node: exp.Expression) -> _Values:
        found = self.value(node.this)
        return _Values(np.floor(_as_float(found.values)), found.missing)

    def logarithm(self, node: exp.Expression) -> _Values:
        found = self.value(node.this)
        values = _as_float(found.values)
        return _Values(np.log(np.where(values > 0, values, 1.0)), found.missing | (values <= 0))

    def root(self, node: exp.Expression) -> _Values:
        found = self.value(node.this)
        values = _as_float(found.values)
        return _Values(np.sqrt(np.where(values >= 0, values, 0.0)), found.missing | (values < 0))

    def year(self, node: exp.Expression) -> _Values:
        found = self.value(node.this)
        return _Values(_as_time(found.values).astype("datetime64[Y]").astype(np.float64) + 1970, found.missing)

    def month(self, node: exp.Expression) -> _Values:
        found = self.value(node.this)
        months = _as_time(found.values).astype("datetime64[M]").astype(np.int64)
        return _Values((months % 12 + 1).astype(np.float64), found.missing)

    def named(self, node: exp.Expression) -> _Values:
        return _NAMED[str(node.this).lower()](self, node)

    def days_between(self, node: exp.Expression) -> _Values:
        start, end = self.parts(node)
        first, last = (_as_time(side.values).astype("datetime64[D]") for side in (start, end))
        return _Values((last - first).astype(np.float64), start.missing | end.missing)

    def seconds_between(self, node: exp.Expression) -> _Values:
        start, end = self.parts(node)
        first, last = (_as_time(side.values).astype("datetime64[us]") for side in (start, end))
        return _Values((last - first).astype(np.float64) / 1_000_000, start.missing | end.missing)

    def distance_km(self, node: exp.Expression) -> _Values:
        parts = self.parts(node)
        first_lat, first_lon, last_lat, last_lon = (np.radians(_as_float(part.values)) for part in parts)
        north, east = np.sin((last_lat - first_lat) / 2), np.sin((last_lon - first_lon) / 2)
        chord = np.minimum(north * north + np.cos(first_lat) * np.cos(last_lat) * east * east, 1.0)
        return _Values(12_742 * np.arcsin(np.sqrt(chord)), reduce(operator.or_, (part.missing for part in parts)))


def _and(left: _Values, right: _Values) -> _Values:
    known_false = (~left.missing & ~_as_bool(left.values)) | (~right.missing & ~_as_bool(right.values))
    return _Values(~known_false, (left.missing | right.missing) & ~known_false)


def _calculate(compute: Callable[[Any, Any], Any], left: _Values, right: _Values) -> _Values:
    with np.errstate(over="ignore", invalid="ignore"):  # what stands under the mask may be anything
        return _Values(compute(_as_float(left.values), _as_float(right.values)), left.missing | right.missing)


def _compare(compare: Callable[[Any, Any], Any], left: _Values, right: _Values) -> _Values:
    missing = left.missing | right.missing
    known = ~missing
    values = np.zeros(len(missing), dtype=bool)
    first, second = _alike(left.values[known], right.values[known])
    try:
        values[known] = compare(first, second)
    except TypeError as error:
        raise DataError("a text and a number cannot be put in order\n  hint: compare texts with texts") from error
    return _Values(values, missing)


def _alike(left: NDArray[Any], right: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    kinds = {left.dtype.kind, right.dtype.kind}
    if kinds == {"M"} or kinds == {"O"}:
        return left, right
    if "M" in kinds:
        return _as_time(left), _as_time(right)
    return (left, right) if "O" in kinds else (_as_float(left), _as_float(right))


def _choose(take: NDArray[np.bool_], first: _Values, second: _Values) -> _Values:
    missing = np.where(take, first.missing, second.missing)
    one, other = _common(first, second)
    return _Values(np.where(take, one, other), missing)


def _common(first: _Values, second: _Values) -> tuple[NDArray[Any], NDArray[Any]]:
    """Values of one type; a side that is missing everywhere takes the type of the other."""
    one, other = first.values, second.values
    if one.dtype.kind == other.dtype.kind:
        return one, other
    if first.missing.all():
        return np.resize(other, len(one)), other
    if second.missing.all():
        return one, np.resize(one, len(other))
    return _alike(one, other) if "O" not in (one.dtype.kind, other.dtype.kind) else (one.astype(object), other)


def _from_series(series: pd.Series[Any]) -> _Values:
    missing = series.isna().to_numpy(dtype=bool)
    if pd.api.types.is_bool_dtype(series.dtype):
        return _Values(series.fillna(False).to_numpy(dtype=bool), missing)
    if pd.api.types.is_numeric_dtype(series.dtype):
        return _Values(series.to_numpy(dtype=np.float64, na_value=np.nan), missing)
    if pd.api.types.is_datetime64_any_dtype(series.dtype):
        return _Values(series.to_numpy(dtype="datetime64[ns]"), missing)
    return _from_objects(series.astype(object).to_numpy(), missing)


def _from_objects(values: NDArray[Any], missing: NDArray[np.bool_]) -> _Values:
    known = values[~missing]
    if not len(known):  # nothing known is of any type
        return _Values(np.zeros(len(values)), missing)
    if all(isinstance(v, (bool, np.bool_)) for v in known):
        return _Values(_filled(values, missing, False).astype(bool), missing)
    if all(isinstance(v, (date, datetime)) for v in known):
        times = pd.to_datetime(pd.Series(_filled(values, missing, None)))
        return _Values(times.to_numpy(dtype="datetime64[ns]"), missing)
    if not any(isinstance(v, str) for v in known):
        return _Values(_filled(values, missing, np.nan).astype(np.float64), missing)
    return _Values(_filled(values, missing, None), missing)


def _as_float(values: NDArray[Any]) -> NDArray[np.float64]:
    if values.dtype == object:
        raise DataError("a text where a number is needed")
    return values.astype(np.float64)


def _as_bool(values: NDArray[Any]) -> NDArray[np.bool_]:
    if values.dtype == object:
        raise DataError("a text where a condition is needed")
    return values.astype(bool)


def _as_time(values: NDArray[Any]) -> NDArray[np.datetime64]:
    if values.dtype.kind == "f":  # only an all-missing column has no type of its own
        return np.full(len(values), np.datetime64("1970-01-01"), dtype="datetime64[ns]")
    try:
        return values.astype("datetime64[ns]")
    except (TypeError, ValueError) as error:
        raise DataError("a value that is no day where a day is needed\n  hint: read the column as dates") from error


_COMPARISONS: dict[type, Callable[[Any, Any], Any]] = {
    exp.EQ: operator.eq,
    exp.NEQ: operator.ne,
    exp.GT: operator.gt,
    exp.GTE: operator.ge,
    exp.LT: operator.lt,
    exp.LTE: operator.le,
}
_ARITHMETIC: dict[type, Callable[[Any, Any], Any]] = {
    exp.Add: operator.add,
    exp.Sub: operator.sub,
    exp.Mul: operator.mul,
}
_BY_NODE: Sequence[tuple[Any, Callable[[_Evaluator, Any], _Values]]] = (
    (exp.Column, _Evaluator.column),
    (exp.Literal, _Evaluator.literal),
    (exp.Boolean, _Evaluator.boolean),
    (exp.Null, _Evaluator.null),
    (exp.Cast, _Evaluator.date),
    (exp.Paren, _Evaluator.inner),
    (exp.Neg, _Evaluator.negative),
    (exp.Not, _Evaluator.negation),
    (exp.And, _Evaluator.both),
    (exp.Or, _Evaluator.either),
    (exp.Is, _Evaluator.is_null),
    (exp.In, _Evaluator.one_of),
    (exp.Between, _Evaluator.between),
    (tuple(_COMPARISONS), _Evaluator.compare),
    (tuple(_ARITHMETIC), _Evaluator.arithmetic),
    (exp.Div, _Evaluator.division),
    (exp.Case, _Evaluator.case),
    (exp.Coalesce, _Evaluator.coalesce),
    (exp.Nullif, _Evaluator.nullif),
    ((exp.Least, exp.Greatest), _Evaluator.extreme),
    (exp.Abs, _Evaluator.absolute),
    (exp.Floor, _Evaluator.floor),
    (exp.Ln, _Evaluator.logarithm),
    (exp.Sqrt, _Evaluator.root),
    (exp.Year, _Evaluator.year),
    (exp.Month, _Evaluator.month),
    (exp.Anonymous, _Evaluator.named),
)
_NAMED: dict[str, Callable[[_Evaluator, Any], _Values]] = {
    "days_between": _Evaluator.days_between,
    "seconds_between": _Evaluator.seconds_between,
    "distance_km": _Evaluator.distance_km,
}

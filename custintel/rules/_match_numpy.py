"""Match and similarity of rules on a table of features, in numpy.

A condition that is met counts 1; one that is not met counts its nearness (`Ramp`) if it has one, otherwise 0; on a
missing value it counts 0 and is *unknown*. A rule that asks for all its conditions is similar by half their mean and
half their least; of alternatives the most similar counts. So similarity is 1 exactly where the rule matches.

>>> import pandas as pd
>>> from custintel.expressions.parse import parse
>>> from custintel.rules.rule_condition import condition_tree
>>> X = pd.DataFrame({"minutes": [40.0, 20.0, None], "abroad": [True, True, True]})
>>> table = TableMatcher(X, {})
>>> rule = condition_tree(parse("minutes > 30 and abroad"))
>>> table.match(rule).tolist(), table.similarity(rule).tolist()
([True, False, False], [1.0, 0.25, 0.25])
"""

from __future__ import annotations

import operator
from functools import reduce
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from sqlglot import exp

from custintel.rules._rule_columns import read_as_numbers
from custintel.rules.rule_condition import COMPARE, AllOf, Condition, Node

if TYPE_CHECKING:
    from collections.abc import Mapping

    from custintel.expressions.expression import Expression
    from custintel.rules._similarity import Ramp


class TableMatcher:
    """Features of many customers, and the ramps of conditions; every subject is computed once.

    Texts that are numbers are numbers where a condition compares them with numbers, as they were when rules were
    learned, and missing if they are none; they are texts for every other condition.
    """

    def __init__(self, X: pd.DataFrame, ramps: Mapping[Condition, Ramp]) -> None:
        self.X, self.ramps = X, ramps
        self._subjects: dict[tuple[str, bool], np.ndarray] = {}
        self._near: dict[Condition, np.ndarray] = {}

    def subject(self, condition: Condition) -> np.ndarray:
        """Values of the left side: floats with NaN, or objects with None."""
        read = (condition.subject, condition.is_numeric)
        if read not in self._subjects:
            table = self._with_numbers(condition.expression) if condition.is_numeric else self.X
            self._subjects[read] = condition.expression.numpy(table)
        return self._subjects[read]

    def _with_numbers(self, subject: Expression) -> pd.DataFrame:
        wanted = [name for name in _calculated(subject) if name in self.X and _is_text(self.X[name])]
        return read_as_numbers(self.X[sorted(subject.columns)], wanted) if wanted else self.X

    def unknown(self, condition: Condition) -> np.ndarray:
        """Where the condition cannot be told, because its value is missing."""
        if condition.comparison in ("null", "known"):
            return np.zeros(len(self.X), dtype=bool)
        return _missing(self.subject(condition))

    def met(self, condition: Condition) -> np.ndarray:
        """Where the condition is known to hold."""
        x = self.subject(condition)
        missing = _missing(x)
        if condition.comparison in ("null", "known"):
            return missing if condition.comparison == "null" else ~missing
        return np.asarray(_compared(x, condition) & ~missing)

    def near(self, condition: Condition) -> np.ndarray:
        """1 where met, else nearness."""
        if condition not in self._near:
            met = self.met(condition)
            ramp = self.ramps.get(condition)
            rest = np.zeros(len(met)) if ramp is None else ramp.nearness(self.subject(condition))
            self._near[condition] = np.where(met, 1.0, rest)
        return self._near[condition]

    def match(self, node: Node) -> np.ndarray:
        """Where a rule matches."""
        if isinstance(node, Condition):
            return self.met(node)
        join = operator.and_ if isinstance(node, AllOf) else operator.or_
        return np.asarray(reduce(join, (self.match(part) for part in node.parts)))

    def similarity(self, node: Node) -> np.ndarray:
        """Similarity of every row to a rule, 0 to 1."""
        if isinstance(node, Condition):
            return self.near(node)
        parts = [self.similarity(part) for part in node.parts]
        if isinstance(node, AllOf):
            return np.asarray(0.5 * (reduce(operator.add, parts) / len(parts)) + 0.5 * reduce(np.minimum, parts))
        return np.asarray(reduce(np.maximum, parts))


def _calculated(subject: Expression) -> list[str]:
    """Columns whose values are compared or calculated with, not asked for one of theirs as in `plan = 'S'`."""
    columns = list(subject.tree.find_all(exp.Column))
    asked = {column.name for column in columns if column.find_ancestor(exp.Predicate) is not None}
    return sorted({column.name for column in columns} - asked)


def _is_text(column: pd.Series) -> bool:
    return not pd.api.types.is_numeric_dtype(column.dtype) and not pd.api.types.is_datetime64_any_dtype(column.dtype)


def _missing(x: np.ndarray) -> np.ndarray:
    if x.dtype == object:
        return np.array([v is None for v in x], dtype=bool)
    return np.asarray(np.isnan(x))


def _compared(x: np.ndarray, condition: Condition) -> np.ndarray:
    value = condition.value
    if condition.comparison in ("in", "not in"):
        assert isinstance(value, tuple)
        hits = [x == v for v in value]
        found = np.asarray(reduce(operator.or_, hits), dtype=bool)
        return found if condition.comparison == "in" else ~found
    return np.asarray(COMPARE[condition.comparison](x, value), dtype=bool)

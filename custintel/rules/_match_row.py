"""Rules on one row of features at a time, for streams: no frame, no engine, well under a millisecond for 100 rules.

>>> from custintel.rules._rule_set import RuleSet
>>> look = RowMatcher(RuleSet.compile({"burst": "minutes > 30 and tenure_days <= 90", "odd": "plan = 'X'"}))
>>> look({"minutes": 50.0, "tenure_days": 10, "plan": None})
{'burst': 1.0, 'odd': 0.0}
"""

from __future__ import annotations

import operator
from bisect import bisect_right
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd
from sqlglot import exp

from custintel.rules._failing_rules import (
    check_any_rule_works,
    missing_columns_text,
    reason_without_data,
    warn_of_failing_rules,
)
from custintel.rules._match_numpy import TableMatcher
from custintel.rules.rule_condition import COMPARE, AllOf, Condition, Node, conditions

if TYPE_CHECKING:
    from custintel.rules._rule_set import RuleSet
    from custintel.rules._similarity import Ramp


_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    **COMPARE,
    "in": lambda x, values: x in values,
    "not in": lambda x, values: x not in values,
}


class RowMatcher:
    """Similarity of one row to every rule of a set; 1 where it matches.

    Parameters
    ----------
    rules : RuleSet
        The rules, compiled.
    """

    def __init__(self, rules: RuleSet) -> None:
        self.names = list(rules.nodes)
        self.columns = rules.columns
        self.set_aside: dict[str, str] = {}
        self._subjects = {(c.subject, c.is_numeric): _reader(c) for c in rules.conditions}
        places = {c: k for k, c in enumerate(rules.conditions)}
        self._near = [((c.subject, c.is_numeric), _nearness(c, rules.ramps.get(c))) for c in rules.conditions]
        self._rules = [_combined(node, places) for node in rules.nodes.values()]
        self._read = [[places[c] for c in conditions(node)] for node in rules.nodes.values()]
        self._needed = [
            sorted({n for c in conditions(node) for n in c.expression.columns}) for node in rules.nodes.values()
        ]

    def __call__(self, row: Mapping[str, Any]) -> dict[str, float]:
        """Similarity to each rule.

        A rule that cannot be answered is similar to nothing; `set_aside` names it with the reason, and so does a
        `QualityWarning` when it happens for the first time.

        Parameters
        ----------
        row : mapping
            Features by name; a missing value is None or NaN.

        Raises
        ------
        DataError
            When no rule can be answered.
        """
        try:
            values = {subject: read(row) for subject, read in self._subjects.items()}
            near = [nearness(values[subject]) for subject, nearness in self._near]
        except Exception:  # a column is not there, or a value is of another type
            return self._one_by_one(row)
        return {name: rule(near) for name, rule in zip(self.names, self._rules, strict=True)}

    def _one_by_one(self, row: Mapping[str, Any]) -> dict[str, float]:
        """Every rule by itself, so that one that fails takes no other one with it."""
        found, aside = dict.fromkeys(self.names, 0.0), {}
        for k, name in enumerate(self.names):
            try:
                found[name] = self._answer(k, row)
            except Exception as error:
                aside[name] = missing_columns_text(self._needed[k], row) or reason_without_data(error)
        check_any_rule_works(aside, len(self.names))
        warn_of_failing_rules({name: reason for name, reason in aside.items() if name not in self.set_aside})
        self.set_aside |= aside
        return found

    def _answer(self, k: int, row: Mapping[str, Any]) -> float:
        near: dict[int, float] = {}
        for place in self._read[k]:
            subject, nearness = self._near[place]
            near[place] = nearness(self._subjects[subject](row))
        return self._rules[k](near)


Reader = Callable[[Mapping[str, Any]], Any]


def _reader(condition: Condition) -> Reader:
    """How a subject is read from a row: columns and arithmetic at once, the rest as it is read from a table."""
    expression = condition.expression
    if isinstance(expression.tree, exp.Column):
        name, known = expression.tree.name, _as_number if condition.is_numeric else _known
        return lambda row: known(row[name])
    calculated = _calculated(expression.tree)
    if calculated is not None:
        return lambda row: _known(calculated(row))
    columns = sorted(expression.columns)
    return lambda row: _known(TableMatcher(pd.DataFrame({c: [row[c]] for c in columns}), {}).subject(condition)[0])


def _calculated(node: exp.Expression) -> Reader | None:
    """Arithmetic of columns and numbers on one row; None for anything else."""
    if isinstance(node, exp.Column):
        name = node.name
        return lambda row: _number(row[name])
    if isinstance(node, exp.Literal) and not node.is_string:
        value = float(node.name)
        return lambda _row: value
    if isinstance(node, exp.Paren):
        return _calculated(node.this)
    if type(node) not in _ARITHMETIC:
        return None
    parts = [_calculated(part) for part in node.iter_expressions()]
    known = [part for part in parts if part is not None]
    return _applied(_ARITHMETIC[type(node)], known) if len(known) == len(parts) else None


def _applied(calculate: Callable[..., Any], parts: list[Reader]) -> Reader:
    def value(row: Mapping[str, Any]) -> float | None:
        found = [part(row) for part in parts]
        return None if None in found else calculate(*found)

    return value


def _number(value: Any) -> float | None:
    known = _as_number(value)
    return None if known is None else float(known)


def _as_number(value: Any) -> Any:
    """A text as the number that it says, missing if it says none; other values as they are."""
    known = _known(value)
    return _known(pd.to_numeric(pd.Series([known]), errors="coerce").iloc[0]) if isinstance(known, str) else known


_ARITHMETIC: dict[type[exp.Expression], Callable[..., Any]] = {
    exp.Add: operator.add,
    exp.Sub: operator.sub,
    exp.Mul: operator.mul,
    exp.Neg: operator.neg,
    exp.Div: lambda above, below: above / below if below else None,
}


def _known(value: Any) -> Any:
    """None for missing, in all its dresses."""
    if value is None or value is pd.NA or value is pd.NaT or value != value:
        return None
    return value


def _nearness(condition: Condition, ramp: Ramp | None) -> Callable[[Any], float]:
    if condition.comparison == "null":
        return lambda x: float(x is None)
    if condition.comparison == "known":
        return lambda x: float(x is not None)
    compare, value = _COMPARE[condition.comparison], condition.value

    def near(x: Any) -> float:
        if x is None:
            return 0.0
        if compare(x, value):
            return 1.0
        return 0.0 if ramp is None else _interpolated(float(x), ramp.values, ramp.nearness_at)

    return near


def _interpolated(x: float, values: tuple[float, ...], near: tuple[float, ...]) -> float:
    if x <= values[0]:
        return near[0]
    k = bisect_right(values, x)
    if k == len(values):
        return near[-1]
    return near[k - 1] + (x - values[k - 1]) * ((near[k] - near[k - 1]) / (values[k] - values[k - 1]))


Near = list[float] | dict[int, float]
"""Nearness of conditions by their place."""


def _combined(node: Node, places: Mapping[Condition, int]) -> Callable[[Near], float]:
    if isinstance(node, Condition):
        return operator.itemgetter(places[node])
    parts = [_combined(part, places) for part in node.parts]
    if not isinstance(node, AllOf):
        return lambda near: max(part(near) for part in parts)
    count = len(parts)

    def every(near: Near) -> float:
        found = [part(near) for part in parts]
        return 0.5 * (sum(found) / count) + 0.5 * min(found)

    return every

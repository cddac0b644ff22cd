"""Limits of rules fitted to an operator: percentiles of its legitimate customers, rounded as a person would.

A rule that fires too often is tightened, all its limits together: each goes the same part of the way from its own
percentile to the most extreme customer, so that ladders of limits stay ladders. A limit is moved when a parameter is
compared as it stands (``dialled_calls_7d >= calls``). What is written as a number in the rule (``tenure_days <= 90``),
and parameters inside arithmetic, belong to the kind of fraud and are not moved.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from sqlglot import exp

from custintel.errors import DataError, Problem, raise_problems
from custintel.expressions.parse import parse
from custintel.rules._rule_set import RuleSet

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import pandas as pd

    from custintel.expressions.expression import Expression
    from custintel.rules._rule import Rule


_HALVINGS = 10

_RISING: dict[type[exp.Expression], bool] = {exp.GT: True, exp.GTE: True, exp.LT: False, exp.LTE: False}


@dataclass(frozen=True)
class _Limit:
    """A parameter, its value, what legitimate customers have of what it limits, and whether more is suspect."""

    name: str
    value: float
    values: np.ndarray
    rising: bool

    def tightened(self, part: float) -> float:
        """The limit moved by a part (0 to 1) of the customers beyond it, rounded towards fewer alarms."""
        if part == 0 or not len(self.values):
            return self.value
        sign = 1 if self.rising else -1
        beyond = float(np.mean(sign * self.values >= sign * self.value))
        found = sign * float(np.quantile(sign * self.values, 1 - (1 - part) * beyond))
        return sign * max(sign * self.value, sign * _outward(found, self.rising))


def fit_parameters(rules: Iterable[Rule], X: pd.DataFrame, share: float = 0.001) -> list[Rule]:
    """Tighten the limits of rules so that each fires on at most a share of legitimate customers.

    Start values that keep to the share stay as they are. They are never loosened: a limit that nobody reaches may mean
    that there is no such fraud here, or that amounts are in another unit (`Rule.with_parameters` first).

    Parameters, result and errors: `RuleMiner.fit_parameters`.

    Examples
    --------
    >>> import pandas as pd
    >>> from custintel.rules import Rule
    >>> X = pd.DataFrame({"calls": np.arange(1000.0)})
    >>> fitted = fit_parameters([Rule("busy", "calls >= most", parameters={"most": 50})], X, share=0.01)
    >>> fitted[0].expression.text
    'calls >= 990'
    """
    if not 0 < share < 1:
        raise_problems([Problem("share", "not a share of customers", str(share), "between 0 and 1")])
    given = list(rules)
    absent = sorted({name for rule in given for name in rule.columns} - set(map(str, X.columns)))
    if absent or not len(X):
        raise DataError(f"limits cannot be fitted\n  missing: {', '.join(absent) or 'customers'}")
    return [_fitted(rule, X, share) for rule in given]


def _fitted(rule: Rule, X: pd.DataFrame, share: float) -> Rule:
    limits = list(_limits(rule, X))
    if not limits or _fires(rule, X) <= share:
        return rule
    loose, tight = 0.0, 1.0
    for _ in range(_HALVINGS):
        middle = (loose + tight) / 2
        if _fires(_at(rule, limits, middle), X) <= share:
            tight = middle
        else:
            loose = middle
    found = _at(rule, limits, tight)
    return rule if found.version == rule.version else replace(found, origin="derived", parents=(rule.id,))


def _at(rule: Rule, limits: list[_Limit], part: float) -> Rule:
    """The rule tightened; a parameter that limits several things takes the value that is strictest for all of them."""
    found: dict[str, float] = {}
    for limit in limits:
        value = limit.tightened(part)
        strictest = max if limit.rising else min
        found[limit.name] = strictest(found.get(limit.name, value), value)
    return rule.with_parameters(**found)


def _fires(rule: Rule, X: pd.DataFrame) -> float:
    return float(RuleSet.from_nodes({rule.name: rule.node}).match(X)[rule.name].mean())


def _limits(rule: Rule, X: pd.DataFrame) -> Iterator[_Limit]:
    for node in parse(rule.when, f"rule {rule.name}").tree.find_all(*_RISING):
        if node.find_ancestor(exp.Not) is None:
            for name, subject, rising in _sides(node, rule):
                values = subject.numpy(X)
                yield _Limit(name, float(rule.parameters[name]), values[np.isfinite(values)], rising)


def _sides(node: exp.Expression, rule: Rule) -> Iterator[tuple[str, Expression, bool]]:
    """The parameter of a comparison, what it limits, and whether more is suspect."""
    rising = _RISING[type(node)]
    for limit, subject, more in ((node.expression, node.this, rising), (node.this, node.expression, not rising)):
        if isinstance(limit, exp.Column) and limit.name in rule.parameters:
            read = parse(subject.sql("duckdb", normalize_functions="lower"), f"rule {rule.name}")
            if read.columns and not read.columns & set(rule.parameters):
                yield limit.name, read, more


def _outward(value: float, rising: bool) -> float:
    """Two digits, up for "more than" and down for "less than".

    >>> _outward(123.4, True), _outward(0.0377, False), _outward(250.0, True)
    (130.0, 0.037, 250.0)
    """
    if value == 0:
        return 0.0
    digits = 1 - math.floor(math.log10(abs(value)))
    scaled = round(value * 10.0**digits, 9)
    return float(round((math.ceil(scaled) if rising else math.floor(scaled)) / 10.0**digits, max(digits, 0)))

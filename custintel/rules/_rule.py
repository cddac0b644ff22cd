"""One rule: what it says, what it means, what follows from it."""

from __future__ import annotations

import hashlib
import re
from dataclasses import asdict, dataclass, field, replace
from difflib import get_close_matches
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, get_args

from sqlglot import exp

from custintel.errors import ConfigurationError, Problem
from custintel.expressions.check_types import ValueType, type_problems
from custintel.expressions.parse import parse
from custintel.rules.rule_condition import Condition, Node, condition_tree, conditions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from custintel.expressions.expression import Expression


Category = Literal["fraud", "arrears", "abuse"]
Origin = Literal["expert", "mined", "anomaly", "derived"]
_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_MOST_CONDITIONS = 40


@dataclass(frozen=True)
class Rule:
    """A rule of fraud, arrears or abuse over the features of one customer.

    Parameters
    ----------
    name : str
        Short name in small letters.
    when : str
        Boolean SQL expression over features; names of `parameters` stand for their values.
    category : {"fraud", "arrears", "abuse"}
        What it is about.
    kind : str
        Kind of fraud or arrears, such as ``irsf`` or ``never_payer``.
    parameters : mapping of str to float
        Limits by name, to be fitted to an operator.
    about, about_zh : str
        The rule in one sentence.
    action, action_zh : str
        What to do about an alarm.
    severity : int
        1 (look when there is time) to 5 (stop now).
    loss : float
        Expected loss of a true case that is not stopped, in u.
    review_cost : float
        Cost of looking at one alarm, in u.
    source : str
        Where the rule comes from.
    origin : {"expert", "mined", "anomaly", "derived"}
        Who found it.
    parents : tuple of str
        Rules (name@version) it was derived from.

    Examples
    --------
    >>> rule = Rule("night_burst", "intl_minutes_1d > 30 and tenure_days <= 90")
    >>> rule.id == Rule("night_burst", "90 >= tenure_days and (intl_minutes_1d > 30)").id
    True
    >>> rule.words()
    'intl_minutes_1d more than 30 and tenure_days at most 90'
    """

    name: str
    when: str
    category: Category = "fraud"
    kind: str = ""
    parameters: Mapping[str, float] = field(default_factory=dict)
    about: str = ""
    about_zh: str = ""
    action: str = ""
    action_zh: str = ""
    severity: int = 3
    loss: float = 0.0
    review_cost: float = 0.0
    source: str = ""
    origin: Origin = "expert"
    parents: tuple[str, ...] = ()

    @cached_property
    def expression(self) -> Expression:
        """The expression with the values of its parameters."""
        return _filled(parse(self.when, f"rule {self.name}"), self.parameters)

    @cached_property
    def node(self) -> Node:
        """The conditions of the rule."""
        return condition_tree(self.expression)

    @cached_property
    def version(self) -> str:
        """Hash of the canonical conditions: equal for rules that say the same."""
        return hashlib.sha256(str(self.node).encode()).hexdigest()[:12]

    @property
    def id(self) -> str:
        """``name@version``."""
        return f"{self.name}@{self.version}"

    @property
    def columns(self) -> frozenset[str]:
        """Features that the rule reads."""
        return self.expression.columns

    def words(self, names: Mapping[str, str] | None = None, language: Literal["en", "zh"] = "en") -> str:
        """The conditions in English or Chinese; `names` gives words for features."""
        return self.expression.words(names, language)

    def with_parameters(self, **values: float) -> Rule:
        """The same rule with other limits.

        Examples
        --------
        >>> Rule("a", "minutes > most", parameters={"most": 30}).with_parameters(most=45).expression.text
        'minutes > 45'
        """
        return replace(self, parameters={**self.parameters, **values})

    def to_state(self) -> dict[str, Any]:
        """Plain data."""
        return {**asdict(self), "parameters": dict(self.parameters), "parents": list(self.parents)}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Rule:
        """Read back what `to_state` gave."""
        return cls(**{**state, "parents": tuple(state.get("parents", ()))})

    def problems(self, columns: Mapping[str, ValueType | None] | None = None) -> list[Problem]:
        """What is wrong with the rule apart from an expression that cannot be read, which raises.

        Parameters
        ----------
        columns : mapping of str to type or None, optional
            All columns that it may read, with their types as far as they are known (`column_types`).
        """
        where = f"rule {self.name}"
        found = []
        if not _NAME.fullmatch(self.name):
            found.append(Problem(where, "not a name of a rule", repr(self.name), "small letters, digits and _"))
        if self.category not in get_args(Category):
            found.append(Problem(where, "unknown category", str(self.category), ", ".join(get_args(Category))))
        if self.origin not in get_args(Origin):
            found.append(Problem(where, "unknown origin", str(self.origin), ", ".join(get_args(Origin))))
        if self.severity not in range(1, 6):
            found.append(Problem(where, "severity is not a whole number", str(self.severity), "1 to 5"))
        if min(self.loss, self.review_cost) < 0:
            found.append(Problem(where, "a negative amount", f"{self.loss}, {self.review_cost}", "0 or more"))
        if len(conditions(self.node)) > _MOST_CONDITIONS:
            found.append(Problem(where, "too many conditions", hint="write several rules"))
        return [*found, *self._parameter_problems(where), *self._content_problems(where, columns)]

    def _content_problems(self, where: str, columns: Mapping[str, ValueType | None] | None) -> list[Problem]:
        """Types that do not go together, columns that there are not, conditions that could not be read again."""
        types = {name: kind for name, kind in (columns or {}).items() if kind is not None}
        # a text may say a number, and is read as one where it is compared with numbers
        found = type_problems(self.expression, {name: kind for name, kind in types.items() if kind != "text"})
        found += [p for c in conditions(self.node) for p in _bare_column_problems(c, types, self.expression)]
        if columns is not None:
            found += [_unknown_column(name, columns, where) for name in sorted(self.columns - set(columns))]
        for condition in conditions(self.node):
            try:
                _ = condition.expression, condition.parsed
            except ConfigurationError as error:
                found += error.problems
        return found

    def _parameter_problems(self, where: str) -> list[Problem]:
        read = parse(self.when, where).columns
        unused = sorted(set(self.parameters) - read)
        return [Problem(where, "parameters that the expression does not read", ", ".join(unused))] if unused else []


def _bare_column_problems(
    condition: Condition, types: Mapping[str, ValueType], expression: Expression
) -> list[Problem]:
    """A column that stands for a condition, as in `not abroad`, but does not hold yes and no."""
    tree = condition.expression.tree
    if not (isinstance(condition.value, bool) and isinstance(tree, exp.Column)):
        return []
    kind = types.get(tree.name, "condition")
    if kind == "condition":
        return []
    hint = f"say what is asked of it, such as {tree.name} {'> 0' if kind == 'number' else 'is not null'}"
    given = f"{tree.name} in {expression.text[:200]}"
    return [Problem(expression.where, f"a {kind} where a condition is needed", given, "a column of yes and no", hint)]


def _unknown_column(name: str, columns: Mapping[str, ValueType | None], where: str) -> Problem:
    close = get_close_matches(name, columns, n=3)
    hint = f"did you mean {' or '.join(close)}?" if close else ""
    return Problem(where, "reads a column that there is not", name, f"the {len(columns)} columns given", hint)


def _filled(expression: Expression, parameters: Mapping[str, float]) -> Expression:
    """Names of parameters replaced by their numbers, in the tree and not in the text."""
    return expression.with_numbers(parameters) if parameters else expression

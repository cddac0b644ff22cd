"""Several rules compiled together: on frames, as SQL, and row by row, with the same numbers.

>>> import pandas as pd
>>> rules = RuleSet.compile({"a": "minutes > 30 and tenure_days <= 90"})
>>> rules.similarity(pd.DataFrame({"minutes": [50.0, 10.0], "tenure_days": [10.0, 10.0]}))["a"].tolist()
[1.0, 0.25]
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from custintel.expressions.parse import parse
from custintel.rules._failing_rules import (
    check_any_rule_works,
    missing_columns_text,
    reason_without_data,
    report_failing_rules,
)
from custintel.rules._match_numpy import TableMatcher
from custintel.rules._similarity import Profile, Ramp, percentile_exceedance, ramp_before
from custintel.rules.rule_condition import Condition, Node, condition_tree, conditions

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


_CHUNK = 200_000


@dataclass(frozen=True)
class RuleSet:
    """Rules by identity, and the ramps of their conditions."""

    nodes: Mapping[str, Node]
    ramps: Mapping[Condition, Ramp] = field(default_factory=dict)
    profiles: Mapping[str, Profile] = field(default_factory=dict)

    @classmethod
    def compile(cls, rules: Mapping[str, str], profiles: Mapping[str, Profile] | None = None) -> RuleSet:
        """From expressions by identity, and the distributions of legitimate customers by subject."""
        return cls.from_nodes(
            {name: condition_tree(parse(text, f"rule {name}")) for name, text in rules.items()}, profiles
        )

    @classmethod
    def from_nodes(cls, nodes: Mapping[str, Node], profiles: Mapping[str, Profile] | None = None) -> RuleSet:
        """From the conditions of rules by identity."""
        return cls(nodes, _ramps(nodes, profiles or {}), profiles or {})

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """All different conditions of all rules."""
        return tuple(dict.fromkeys(c for node in self.nodes.values() for c in conditions(node)))

    @property
    def columns(self) -> list[str]:
        """Features that the rules read."""
        return sorted({name for c in self.conditions for name in c.expression.columns})

    def match(self, X: pd.DataFrame) -> pd.DataFrame:
        """Which rules match which rows.

        A rule that cannot be answered (a column that is not there, a text where it calculates) matches nobody: it is
        named in a `QualityWarning` and in ``attrs["set_aside"]`` of the result, with the reason.

        Parameters
        ----------
        X : DataFrame
            Features, one row a customer.

        Raises
        ------
        DataError
            When no rule can be answered.
        """
        return self._chunked(X, "match", bool)

    def similarity(self, X: pd.DataFrame) -> pd.DataFrame:
        """How similar every row is to every rule, 0 to 1; 1 exactly where it matches.

        Rules that cannot be answered are similar to nobody, and reported as by `match`.

        Parameters
        ----------
        X : DataFrame
            Features, one row a customer.
        """
        return self._chunked(X, "similarity", np.float64)

    def exceedance(self, X: pd.DataFrame) -> pd.DataFrame:
        """How far every row is beyond the limits of every rule, 0 to 1, in percentiles of legitimate customers.

        The mean over the conditions that have a limit and a profile; 0 for a rule without any.

        Parameters
        ----------
        X : DataFrame
            Features, one row a customer.
        """
        table = TableMatcher(X, self.ramps)
        past = {c: self._exceedance_of(table, c) for c in self.conditions if c in self.ramps and _is_answered(table, c)}
        found = {id_: _mean([past[c] for c in conditions(n) if c in past], len(X)) for id_, n in self.nodes.items()}
        return pd.DataFrame(found, index=X.index, columns=list(self.nodes))

    def _exceedance_of(self, table: TableMatcher, condition: Condition) -> np.ndarray:
        x, limit = table.subject(condition), float(condition.value)  # type: ignore[arg-type]
        return percentile_exceedance(
            self.profiles[condition.subject], limit, x, rising=condition.comparison in (">", ">=")
        )

    def only(self, names: Iterable[str]) -> RuleSet:
        """The set with some of its rules."""
        kept = set(names)
        return replace(self, nodes={id_: node for id_, node in self.nodes.items() if id_ in kept})

    def _chunked(self, X: pd.DataFrame, what: Literal["match", "similarity"], dtype: type) -> pd.DataFrame:
        out: np.ndarray = np.zeros((len(X), len(self.nodes)), dtype=dtype, order="F")
        aside = self._without_columns(X)
        for start in range(0, len(X), _CHUNK):
            rows = slice(start, start + _CHUNK)
            table = TableMatcher(X.iloc[rows], self.ramps)
            for k, (id_, node) in enumerate(self.nodes.items()):
                if id_ not in aside:
                    try:
                        out[rows, k] = getattr(table, what)(node)
                    except Exception as error:  # whatever is wrong with one rule, the others answer
                        aside[id_] = reason_without_data(error)
        out[:, [id_ in aside for id_ in self.nodes]] = 0
        check_any_rule_works(aside, len(self.nodes))
        return report_failing_rules(pd.DataFrame(out, index=X.index, columns=list(self.nodes)), aside)

    def _without_columns(self, X: pd.DataFrame) -> dict[str, str]:
        known = [str(name) for name in X.columns]
        read = {id_: {name for c in conditions(n) for name in c.expression.columns} for id_, n in self.nodes.items()}
        return {id_: wrong for id_, names in read.items() if (wrong := missing_columns_text(names, known))}


def _is_answered(table: TableMatcher, condition: Condition) -> bool:
    try:
        table.subject(condition)
    except Exception:  # the rule is reported where its similarity is computed
        return False
    return True


def _mean(parts: list[np.ndarray], rows: int) -> np.ndarray:
    return np.asarray(np.mean(parts, axis=0)) if parts else np.zeros(rows)


def learn_profiles(nodes: Mapping[str, Node], legitimate: pd.DataFrame) -> dict[str, Profile]:
    """Distribution of every ordered subject of the rules among legitimate customers."""
    table = TableMatcher(legitimate, {})
    found = {}
    for condition in (c for node in nodes.values() for c in conditions(node) if c.is_threshold):
        if condition.subject not in found and _is_answered(table, condition):
            profile = Profile.learn(np.asarray(table.subject(condition), dtype=np.float64))
            if profile is not None:
                found[condition.subject] = profile
    return found


def _ramps(nodes: Mapping[str, Node], profiles: Mapping[str, Profile]) -> dict[Condition, Ramp]:
    ordered = (c for node in nodes.values() for c in conditions(node) if c.is_threshold and c.subject in profiles)
    return {
        c: ramp_before(profiles[c.subject], float(c.value), rising=c.comparison in (">", ">="))  # type: ignore[arg-type]
        for c in dict.fromkeys(ordered)
    }

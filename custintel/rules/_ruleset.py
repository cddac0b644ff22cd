"""Several rules compiled together: on frames, as SQL, and row by row, with the same numbers.

>>> import pandas as pd
>>> rules = RuleSet.compile({"a": "minutes > 30 and tenure_days <= 90"})
>>> rules.similarity(pd.DataFrame({"minutes": [50.0, 10.0], "tenure_days": [10.0, 10.0]}))["a"].tolist()
[1.0, 0.25]
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from custintel.expressions import parse
from custintel.rules._condition import Condition, Node, condition_of, conditions
from custintel.rules._grid import as_numbers
from custintel.rules._matching import Table
from custintel.rules._ramp import Profile, Ramp, beyond, ramp_of

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["RuleSet", "learn_profiles", "with_numbers"]

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
        return cls.of({name: condition_of(parse(text, f"rule {name}")) for name, text in rules.items()}, profiles)

    @classmethod
    def of(cls, nodes: Mapping[str, Node], profiles: Mapping[str, Profile] | None = None) -> RuleSet:
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

        Parameters
        ----------
        X : DataFrame
            Features, one row a customer.
        """
        return self._chunked(X, "match", bool)

    def similarity(self, X: pd.DataFrame) -> pd.DataFrame:
        """How similar every row is to every rule, 0 to 1; 1 exactly where it matches.

        Parameters
        ----------
        X : DataFrame
            Features, one row a customer.
        """
        return self._chunked(X, "similarity", np.float64)

    def clearness(self, X: pd.DataFrame) -> pd.DataFrame:
        """How far every row is beyond the limits of every rule, 0 to 1, in percentiles of legitimate customers.

        The mean over the conditions that have a limit and a profile; 0 for a rule without any.

        Parameters
        ----------
        X : DataFrame
            Features, one row a customer.
        """
        table = Table(X, self.ramps)
        past = {c: self._beyond(table, c) for c in self.conditions if c in self.ramps}
        found = {id_: _mean([past[c] for c in conditions(n) if c in past], len(X)) for id_, n in self.nodes.items()}
        return pd.DataFrame(found, index=X.index, columns=list(self.nodes))

    def _beyond(self, table: Table, condition: Condition) -> np.ndarray:
        x, limit = table.subject(condition), float(condition.value)  # type: ignore[arg-type]
        return beyond(self.profiles[condition.subject], limit, x, rising=condition.sign in (">", ">="))

    def _chunked(self, X: pd.DataFrame, what: str, dtype: type) -> pd.DataFrame:
        out: np.ndarray = np.empty((len(X), len(self.nodes)), dtype=dtype, order="F")
        for start in range(0, len(X), _CHUNK):
            rows = slice(start, start + _CHUNK)
            table = Table(X.iloc[rows], self.ramps)
            for k, node in enumerate(self.nodes.values()):
                out[rows, k] = getattr(table, what)(node)
        return pd.DataFrame(out, index=X.index, columns=list(self.nodes))


def _mean(parts: list[np.ndarray], rows: int) -> np.ndarray:
    return np.asarray(np.mean(parts, axis=0)) if parts else np.zeros(rows)


def learn_profiles(nodes: Mapping[str, Node], legitimate: pd.DataFrame) -> dict[str, Profile]:
    """Distribution of every ordered subject of the rules among legitimate customers."""
    table = Table(legitimate, {})
    found = {}
    for condition in (c for node in nodes.values() for c in conditions(node) if c.ordered):
        if condition.subject not in found:
            profile = Profile.learn(np.asarray(table.subject(condition), dtype=np.float64))
            if profile is not None:
                found[condition.subject] = profile
    return found


def _ramps(nodes: Mapping[str, Node], profiles: Mapping[str, Profile]) -> dict[Condition, Ramp]:
    ordered = (c for node in nodes.values() for c in conditions(node) if c.ordered and c.subject in profiles)
    return {
        c: ramp_of(profiles[c.subject], float(c.value), rising=c.sign in (">", ">="))  # type: ignore[arg-type]
        for c in dict.fromkeys(ordered)
    }


def with_numbers(rules: RuleSet, X: pd.DataFrame) -> pd.DataFrame:
    """Texts that are numbers as numbers where a rule orders them, as they were when rules were learned."""
    ordered = {name for c in rules.conditions if c.ordered for name in c.expression.columns}
    texts = [n for n in sorted(ordered) if n in X and not pd.api.types.is_numeric_dtype(X[n].dtype)]
    return as_numbers(X, texts) if texts else X

"""A trial of a rule on a table of customers: how often it fires, on whom, and how often it is right."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from custintel.errors import DataError
from custintel.html.number_format import count, percent, share
from custintel.identifiers import names_of_columns
from custintel.learners.check_input import binary_target
from custintel.metrics.confidence_intervals import wilson
from custintel.rules._alarms import AlarmSettings, find_alarms
from custintel.rules._match_numpy import TableMatcher
from custintel.rules._rule_set import RuleSet
from custintel.rules.rule_evidence import report_texts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from custintel.rules._rule_base import RuleBase
    from custintel.rules.rule_states import RuleEntry

_EXAMPLES = 3


@dataclass(frozen=True)
class RuleTrial:
    """What a rule does on a table.

    Attributes
    ----------
    entry : RuleEntry
        The rule, its state and evidence.
    rows, unknown : int
        Customers, and those of whom it does not fire and at least one condition cannot be told.
    conditions : mapping of str to float
        Share of customers that meet each condition.
    tiers : DataFrame
        Index match, resembles: alarms; with a target also hits, precision, low, high (Wilson, 95 %), recall.
    examples : DataFrame
        The nearest customers of each tier, as alarms.
    """

    entry: RuleEntry
    rows: int
    unknown: int
    conditions: Mapping[str, float]
    tiers: pd.DataFrame
    examples: pd.DataFrame

    def words(self, language: str = "en") -> list[str]:
        """The result in sentences."""
        t = report_texts(language)["trial"]
        fired, near = (int(n) for n in self.tiers["alarms"].to_numpy())
        said = [t["fires"].format(fired=count(fired), rows=count(self.rows), share=percent(fired / self.rows))]
        said += [t["near"].format(near=count(near))] if near else []
        said += [t["unknown"].format(unknown=count(self.unknown))] if self.unknown else []
        return [*said, *self._judged(t)]

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "rule": self.entry.rule.id,
            "state": self.entry.state,
            "rows": self.rows,
            "unknown": self.unknown,
            "conditions": dict(self.conditions),
            "tiers": self.tiers.to_dict("index"),
            "examples": self.examples.reset_index().to_dict("records"),
        }

    def _judged(self, t: Mapping[str, str]) -> list[str]:
        """What the target says, and whether it bears out the stated precision."""
        if "hits" not in self.tiers:
            return []
        row: dict[Any, float] = self.tiers.loc["match"].to_dict()
        if not row["alarms"]:
            return [t["silent"]]
        shares = {key: percent(float(row[key])) for key in ("precision", "low", "high", "recall")}
        said = [t["right"].format(hits=count(row["hits"]), alarms=count(row["alarms"]), **shares)]
        stated = self.entry.evidence.get("precision")
        if stated is None:
            return said
        form = "keeps" if row["precision"] >= stated else "below" if row["high"] < stated else "doubt"
        return [*said, t[form].format(stated=share(float(stated)))]


def try_rule(
    base: RuleBase, name: str, X: pd.DataFrame, y: Any = None, settings: AlarmSettings | None = None
) -> RuleTrial:
    """Try a rule, in whatever state it is, on customers.

    Parameters, result and errors: `RuleBase.try_rule`.

    Examples
    --------
    >>> from custintel.rules import RuleBase
    >>> base = RuleBase()
    >>> rule = base.propose("burst", "minutes > 30", by="me")
    >>> X = pd.DataFrame({"minutes": [40.0, 50.0, 3.0, None]})
    >>> for line in try_rule(base, "burst", X, [1, 0, 0, 0]).words():
    ...     print(line)
    It fires on 2 of 4 customers (50.0 %).
    Of 1 more it cannot be told, because a value is missing.
    1 of 2 alarms are cases: 50.0 % (9.5 % to 90.5 %); it finds 100 % of all cases.
    """
    entry, settings = base.entry(name), settings or AlarmSettings()
    _check(entry, X)
    id_ = entry.rule.id
    rules = RuleSet.from_nodes({id_: entry.rule.node}, base.compile(entry.state).profiles)
    near = rules.similarity(X)[id_].to_numpy()
    limit = float(entry.evidence.get("resembles_from", settings.resembles))
    where = {"match": near >= 1, "resembles": (near >= limit) & (near < 1)}
    table = TableMatcher(X, rules.ramps)
    unknown = np.any([table.unknown(c) for c in rules.conditions], axis=0) & ~where["match"]
    met = {c.text: float(table.met(c).mean()) for c in rules.conditions}
    target = None if y is None else binary_target(y).y
    tiers = pd.DataFrame({tier: _counts(fired, target) for tier, fired in where.items()}).T
    return RuleTrial(entry, len(X), int(unknown.sum()), met, tiers, _examples(entry, rules, X, (near, settings, limit)))


def _check(entry: RuleEntry, X: pd.DataFrame) -> None:
    absent = sorted(entry.rule.columns - set(map(str, X.columns)))
    if absent:
        given = ", ".join(names_of_columns(X.columns)[:20])
        raise DataError(f"the table lacks features of the rule: {', '.join(absent)}\n  given: {given}")
    if X.empty:
        raise DataError("the table has no rows to try the rule on")


def _counts(fired: np.ndarray, target: np.ndarray | None) -> dict[str, float]:
    n = int(fired.sum())
    if target is None:
        return {"alarms": n}
    hits, cases = int(target[fired].sum()), int(target.sum())
    low, high = wilson(hits, n)
    precision, recall = (hits / n if n else np.nan), (hits / cases if cases else np.nan)
    return {"alarms": n, "hits": hits, "precision": precision, "low": low, "high": high, "recall": recall}


def _examples(
    entry: RuleEntry, rules: RuleSet, X: pd.DataFrame, near: tuple[np.ndarray, AlarmSettings, float]
) -> pd.DataFrame:
    """The first matches and the nearest resemblances."""
    similarity, settings, limit = near
    matches = np.flatnonzero(similarity >= 1)[:_EXAMPLES]
    order = np.argsort(-similarity, kind="stable")
    close = [k for k in order if limit <= similarity[k] < 1][:_EXAMPLES]
    rows = X.iloc[[*matches, *close]]
    found = find_alarms(
        {entry.rule.id: entry}, rules, rows, replace(settings, resembles=min(settings.resembles, limit))
    )
    return found[["tier", "similarity", "matched", "missed", "unknown"]]

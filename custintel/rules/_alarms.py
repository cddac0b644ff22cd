"""Alarms: which rules a customer matches or resembles and why, in words; and the cases that alarms make."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from custintel.errors import Problem, raise_problems
from custintel.identifiers import identifier_index
from custintel.rules._match_numpy import TableMatcher
from custintel.rules.rule_condition import AllOf, AnyOf, Condition, Node

if TYPE_CHECKING:
    from collections.abc import Mapping

    from custintel.rules._rule_set import RuleSet
    from custintel.rules.rule_states import RuleEntry


Language = Literal["en", "zh"]
_COLUMNS = (
    "rule", "version", "category", "kind", "tier", "similarity", "matched", "missed", "unknown", "precision",
    "expected_loss", "severity", "action",
)  # fmt: skip
_UNPROVEN = 0.5
_COMPARISONS_IN_WORDS = {
    "en": {">": "more than", ">=": "at least", "<": "less than", "<=": "at most"},
    "zh": {">": "大于", ">=": "不小于", "<": "小于", "<=": "不大于"},
}
_WORDS = {
    "en": {"missed": "{subject} {sign} {limit}: {value}, {distance} off", "unknown": "{subject}: not known"},
    "zh": {"missed": "{subject}{sign}{limit}：{value}，相差{distance}", "unknown": "{subject}：未知"},
}


@dataclass(frozen=True)
class AlarmSettings:
    """From when on a customer resembles a rule, and how alarms are worded.

    Parameters
    ----------
    resembles : float
        Least similarity of an alarm of tier *resembles*; a rule's own evidence (``resembles_from``) comes first.
    language : {"en", "zh"}
        Language of conditions and actions.
    names : mapping of str to str
        Words for features, such as those of `FeatureBuilder.words`.

    Examples
    --------
    >>> from custintel.rules import RuleBase
    >>> base = RuleBase()
    >>> rule = base.propose("burst", "minutes > 30", by="an analyst")
    >>> X = pd.DataFrame({"minutes": [40.0]}, index=pd.Index(["a"], name="customer_id"))
    >>> base.alarms(X, AlarmSettings(names={"minutes": "Minutes abroad"}), "proposed")["matched"].tolist()
    [['Minutes abroad more than 30']]
    """

    resembles: float = 0.85
    language: Language = "en"
    names: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not 0 < self.resembles <= 1:
            raise_problems([Problem("resembles", "not a similarity", str(self.resembles), "above 0, up to 1")])


def find_alarms(
    entries: Mapping[str, RuleEntry], rules: RuleSet, X: pd.DataFrame, settings: AlarmSettings
) -> pd.DataFrame:
    """One row a customer and rule that matches or resembles, most urgent first within a customer.

    Returns
    -------
    DataFrame
        Index of `X`, customers as text; rule, version, category, kind, tier (match or resembles), similarity, matched,
        missed (with the distance) and unknown conditions in words, precision (what its evidence says of this tier),
        expected loss (precision x loss of the rule, in u), severity, action. Rules that could not be answered are named
        in ``attrs["set_aside"]``.
    """
    near = rules.similarity(X)
    similarity, aside = near.to_numpy(), near.attrs.get("set_aside", {})
    limits = np.array([np.inf if id_ in aside else _limit(entries[id_], settings) for id_ in rules.nodes])
    row, rule = np.nonzero(similarity >= limits)
    wording = _ConditionWording(TableMatcher(X.iloc[np.unique(row)], rules.ramps), settings)
    place = {r: k for k, r in enumerate(np.unique(row))}
    ids = list(rules.nodes)
    rows = [
        _facts(entries[ids[j]], float(similarity[i, j]), settings.language)
        | wording.conditions_in_words(rules.nodes[ids[j]], place[i])
        for i, j in zip(row, rule, strict=True)
    ]
    found = pd.DataFrame(rows, index=identifier_index(X.index[row]), columns=list(_COLUMNS))
    order = np.lexsort((-found["similarity"].to_numpy(float), -found["severity"].to_numpy(float), row))
    found = found.iloc[order]
    found.attrs.update(near.attrs)
    return found


def alarms_to_cases(alarms: pd.DataFrame) -> pd.DataFrame:
    """Alarms of one customer joined into one case, the costliest first.

    Parameters, result and errors: `RuleBase.cases`.
    """
    frame = alarms.reset_index()
    by = frame.groupby("customer_id", sort=False, dropna=False)
    out = pd.DataFrame(
        {
            "alarms": by.size(),
            "rules": by["rule"].agg(_distinct),
            "kinds": by["kind"].agg(_distinct),
            "tier": by["tier"].agg(lambda tiers: "match" if "match" in set(tiers) else tiers.iloc[0]),
            "similarity": by["similarity"].max(),
            "expected_loss": by["expected_loss"].max(),
            "severity": by["severity"].max(),
            "action": by["action"].first(),
        }
    )
    if "as_of" in frame:
        out.insert(0, "first", by["as_of"].min())
        out.insert(1, "last", by["as_of"].max())
    out = out.reset_index()
    out.index = pd.Index([_case_name(row) for row in out.to_dict("records")], name="case")
    order = ["expected_loss", "severity", "similarity", "customer_id"]
    return out.sort_values(order, ascending=[False, False, False, True])


def _case_name(row: Mapping[Any, Any]) -> str:
    """The same customer and first day give the same case, whoever computes it."""
    return hashlib.sha256(f"{row['customer_id']}|{row.get('first', '')}".encode()).hexdigest()[:10]


def _distinct(values: pd.Series) -> list[str]:
    return list(dict.fromkeys(str(v) for v in values if v))


def _limit(entry: RuleEntry, settings: AlarmSettings) -> float:
    return float(entry.evidence.get("resembles_from", settings.resembles))


def _facts(entry: RuleEntry, similarity: float, language: Language) -> dict[str, Any]:
    rule, tier = entry.rule, "match" if similarity >= 1 else "resembles"
    key = "precision" if tier == "match" else "precision_resembles"
    precision = float(entry.evidence.get(key, _UNPROVEN * similarity))
    action = rule.action_zh if language == "zh" and rule.action_zh else rule.action
    return {
        "rule": rule.name, "version": rule.version, "category": rule.category, "kind": rule.kind, "tier": tier,
        "similarity": similarity, "precision": precision, "expected_loss": precision * rule.loss,
        "severity": rule.severity, "action": action,
    }  # fmt: skip


class _ConditionWording:
    """Says which conditions of a rule a customer meets, misses by how much, or leaves unknown."""

    def __init__(self, table: TableMatcher, settings: AlarmSettings) -> None:
        self.table, self.settings = table, settings

    def conditions_in_words(self, node: Node, row: int) -> dict[str, list[str]]:
        words: dict[str, list[str]] = {"matched": [], "missed": [], "unknown": []}
        for condition in self._relevant(node, row):
            if self.table.met(condition)[row]:
                words["matched"].append(self._condition(condition))
            elif self.table.unknown(condition)[row]:
                words["unknown"].append(self._word("unknown", subject=self._subject(condition)))
            else:
                words["missed"].append(self._missed(condition, row))
        return words

    def _relevant(self, node: Node, row: int) -> list[Condition]:
        """All conditions of an *all*, those of the nearest branch of an *any*."""
        if isinstance(node, Condition):
            return [node]
        if isinstance(node, AnyOf):
            return self._relevant(max(node.parts, key=lambda part: self.table.similarity(part)[row]), row)
        assert isinstance(node, AllOf)
        return [c for part in node.parts for c in self._relevant(part, row)]

    def _condition(self, condition: Condition) -> str:
        return condition.parsed.words(self.settings.names, self.settings.language)

    def _subject(self, condition: Condition) -> str:
        return condition.expression.words(self.settings.names, self.settings.language)

    def _missed(self, condition: Condition, row: int) -> str:
        if not condition.is_threshold:
            return self._condition(condition)
        value, limit = float(self.table.subject(condition)[row]), float(condition.value)  # type: ignore[arg-type]
        sign = _COMPARISONS_IN_WORDS[self.settings.language][condition.comparison]
        return self._word(
            "missed",
            subject=self._subject(condition),
            sign=sign,
            limit=f"{limit:g}",
            value=f"{value:.4g}",
            distance=f"{abs(limit - value):.3g}",
        )

    def _word(self, key: str, **parts: str) -> str:
        return _WORDS[self.settings.language][key].format(**parts)

"""What speaks for a rule: its evidence, in sentences.

>>> from custintel.rules import RuleBase
>>> base = RuleBase()
>>> rule = base.propose("burst", "minutes > 30", by="me")
>>> base.add_evidence("burst", {"precision": 0.8, "alarms": 31, "hits": 28}, by="me")
>>> describe_evidence(base.entry("burst"))
['28 of 31 alarms confirmed so far.', 'Precision of at least 80 % stated.']
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import yaml

from custintel.html.number_format import count, number, percent, share

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from custintel.rules.rule_states import RuleEntry


@cache
def report_texts(language: str) -> dict[str, Any]:
    """The texts about rules and their evidence, and those of the report of the fraud desk, in a language.

    >>> report_texts("en")["tiers"]["match"], report_texts("zh")["tiers"]["match"]
    ('matches', '符合')
    """
    text = files("custintel.rules").joinpath(f"desk_{language}.yaml").read_text(encoding="utf-8")
    loaded: dict[str, Any] = yaml.safe_load(text)
    return loaded


_PROOF = ("hits", "alarms", "customers", "precision", "recall")
_MOST = 4


def describe_evidence(entry: RuleEntry, language: str = "en") -> list[str]:
    """What speaks for a rule, in sentences.

    Parameters
    ----------
    entry : RuleEntry
        A version of a rule with its evidence (`RuleBase.entry`).
    language : {"en", "zh"}
        In which language.
    """
    parents = [parent.split("@")[0] for parent in entry.rule.parents]
    return evidence_sentences(evidence_facts(entry.evidence), parents, report_texts(language))


def evidence_facts(evidence: Mapping[str, Any]) -> dict[str, Any]:
    """The proof if it is whole; else the first plain facts that were kept."""
    if all(isinstance(evidence.get(key), int | float) for key in _PROOF):
        return {"proof": {key: evidence[key] for key in _PROOF}}
    facts = {key: value for key, value in evidence.items() if isinstance(value, int | float | str)}
    return {"facts": dict(list(facts.items())[:_MOST])}


def evidence_sentences(evidence: Mapping[str, Any], parents: Sequence[str], t: Mapping[str, Any]) -> list[str]:
    """Say facts of evidence, with the rules it was derived from first."""
    e = t["evidence"]
    said = [e["parents"].format(parents=", ".join(parents))] if parents else []
    said += [_proof(evidence["proof"], e)] if "proof" in evidence else _facts(dict(evidence.get("facts", {})), e)
    return said or [e["none"]]


def _proof(proof: Mapping[str, Any], e: Mapping[str, str]) -> str:
    counts = {key: count(proof[key]) for key in ("customers", "hits", "alarms")}
    return e["proof"].format(**counts, precision=share(proof["precision"]), recall=percent(proof["recall"]))


def _facts(facts: dict[str, Any], e: Mapping[str, str]) -> list[str]:
    said = []
    if {"hits", "alarms"} <= set(facts):
        said.append(e["trial"].format(confirmed=count(facts.pop("hits")), closed=count(facts.pop("alarms"))))
    if "precision" in facts:
        said.append(e["precision"].format(precision=share(facts.pop("precision"))))
    return [*said, *(e["fact"].format(name=k.replace("_", " "), value=_value(v)) for k, v in facts.items())]


def _value(value: Any) -> str:
    return number(value, 3).rstrip("0").rstrip(".") if isinstance(value, float) else str(value)

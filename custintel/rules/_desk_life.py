"""What the log of the rule base says about a month: changes of rules, and what was learned."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from custintel.rules._evidence import evidence_facts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from custintel.rules._desk_material import Desk
    from custintel.rules._states import Entry

__all__ = ["learned", "life"]

Event = dict[str, Any]


def life(desk: Desk) -> dict[str, Any]:
    """One line a rule that changed in the month, the latest first, and how many changes of each kind there were."""
    lines: dict[str, Event] = {}
    counts: Counter[str] = Counter()
    for event in _changes(desk):
        counts["added" if event["new"] else event["states"][-1]] += 1
        lines[event["rule"]] = _joined(lines.pop(event["rule"], None), event)
    head = desk.base.head[:12]
    return {
        "rules": list(reversed(lines.values())),
        "counts": counts,
        "events": len(desk.base.log.events),
        "head": head,
    }


def _changes(desk: Desk) -> Iterator[Event]:
    """Events of the month that added or moved a rule, with the state before."""
    state: dict[str, str] = {}
    for event in desk.base.log.events:
        if event["event"] not in ("added", "moved"):
            continue
        before, state[event["rule"]] = state.get(event["rule"]), event["state"]
        if str(event["time"])[:7] == str(desk.month):
            yield _change(event, before)


def _change(event: Mapping[str, Any], before: str | None) -> Event:
    name, _, version = str(event["rule"]).partition("@")
    states = [event["state"]] if before is None else [before, event["state"]]
    told = {key: str(event.get(key, "")) for key in ("by", "reason")}
    return {
        "rule": name,
        "version": version,
        "time": event["time"][:10],
        "new": before is None,
        "states": states,
        **told,
    }


def _joined(earlier: Event | None, later: Event) -> Event:
    """Several changes of one rule as one chain of states."""
    if earlier is None or earlier["version"] != later["version"]:
        return later
    return {**later, "new": earlier["new"], "states": [*earlier["states"], *later["states"][-1:]]}


def learned(desk: Desk) -> list[dict[str, Any]]:
    """Rules of the month that the data proposed, with their evidence."""
    added = {
        str(event["rule"]): str(event["time"])[:10]
        for event in desk.base.log.events
        if event["event"] == "added" and str(event["time"])[:7] == str(desk.month)
    }
    entries = {id_: entry for id_, entry in desk.base.entries.items() if entry.rule.origin != "expert"}
    return [_learned(entry, added[id_], desk) for id_, entry in entries.items() if id_ in added]


def _learned(entry: Entry, time: str, desk: Desk) -> dict[str, Any]:
    rule = entry.rule
    return {
        "rule": rule.name,
        "words": desk.rule_words(rule),
        "when": rule.expression.text,
        "origin": rule.origin,
        "state": entry.state,
        "time": time,
        "parents": [parent.split("@")[0] for parent in rule.parents],
        "evidence": evidence_facts(entry.evidence),
    }

"""The life of rules: moves, versions, time travel, a log that cannot be changed unseen."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pandas as pd
import pytest

from custintel.errors import ConfigurationError, DataError
from custintel.rules import RuleBase

if TYPE_CHECKING:
    from pathlib import Path

WHO = {"by": "an analyst", "reason": "three cases"}


def with_rule(base: RuleBase, when: str = "minutes > 30") -> RuleBase:
    base.propose("burst", when, by="an analyst")
    base.shadow("burst", **WHO)
    base.activate("burst", **WHO)
    return base


def test_nothing_becomes_active_that_was_not_in_the_shadow() -> None:
    base = RuleBase()
    base.propose("burst", "minutes > 30")
    with pytest.raises(ConfigurationError, match="cannot go from proposed to active"):
        base.activate("burst", **WHO)
    base.shadow("burst", **WHO)
    with pytest.raises(ConfigurationError, match="a person and a reason"):
        base.activate("burst", by="", reason="")


def test_a_new_version_replaces_the_old_one_when_it_becomes_active() -> None:
    base = with_rule(RuleBase())
    first = base["burst"].id
    with_rule(base, "minutes > 45")
    assert base.entries[first].state == "retired"
    assert base["burst"].expression.text == "minutes > 45"
    assert len(base.in_state()) == 1


def test_the_same_words_in_another_order_are_the_same_version() -> None:
    base = RuleBase()
    base.propose("burst", "minutes > 30 and tenure_days <= 90")
    with pytest.raises(ConfigurationError, match="in the base already"):
        base.propose("burst", "(90 >= tenure_days) and minutes > 30")


def test_every_state_comes_back_at_its_time() -> None:
    base = RuleBase()
    days = ["2025-01-01", "2025-02-01", "2025-03-01", "2025-04-01"]
    base.add(base_rule(), at=days[0])
    for day, state in zip(days[1:], ["shadow", "active", "watch"], strict=True):
        base.change_state("burst", state, at=day, **WHO)  # type: ignore[arg-type]
    seen = [base.as_of(day).entry("burst").state for day in days]
    assert seen == ["proposed", "shadow", "active", "watch"]
    assert base.diff(days[1], days[3]).to_dict("records") == [
        {"rule": base["burst"].id, "before": "shadow", "after": "watch"}
    ]
    with pytest.raises(ConfigurationError, match="past state"):
        base.as_of(days[1]).retire("burst", **WHO)
    with pytest.raises(DataError, match="before the last"):
        base.retire("burst", at="2025-01-02", **WHO)


def base_rule():  # type: ignore[no-untyped-def]
    from custintel.rules import Rule

    return Rule("burst", "minutes > 30")


def test_rollback_adds_events_and_keeps_the_history() -> None:
    base = RuleBase()
    base.add(base_rule(), at="2025-01-01")
    base.change_state("burst", "shadow", at="2025-02-01", **WHO)
    base.change_state("burst", "rejected", at="2025-03-01", **WHO)
    before = len(base.log.events)
    base.rollback("2025-02-15", by="head", reason="rejected by mistake", at="2025-04-01")
    assert base.entry("burst").state == "shadow"
    assert len(base.log.events) == before + 1
    assert base.as_of("2025-03-15").entry("burst").state == "rejected"


def test_a_file_keeps_the_base_and_what_another_process_did_is_seen(tmp_path: Path) -> None:
    place = tmp_path / "rules.jsonl"
    one = with_rule(RuleBase(place))
    two = RuleBase(place)
    pd.testing.assert_frame_equal(one.frame(), two.frame())
    one.retire("burst", **WHO)
    with pytest.raises(ConfigurationError, match="cannot go from retired to retired"):
        two.retire("burst", **WHO)
    two.change_state("burst", "proposed", **WHO)
    one.shadow("burst", **WHO)
    pd.testing.assert_frame_equal(one.frame(), RuleBase(place).frame())


@pytest.mark.parametrize("how", ["changed", "removed", "swapped", "cut"])
def test_a_tampered_log_is_detected(tmp_path: Path, how: str) -> None:
    place = tmp_path / "rules.jsonl"
    base = with_rule(RuleBase(place))
    lines = place.read_text().splitlines()
    if how == "changed":
        lines[1] = json.dumps({**json.loads(lines[1]), "by": "somebody else"})
    elif how == "removed":
        del lines[1]
    elif how == "swapped":
        lines[1], lines[2] = lines[2], lines[1]
    else:
        del lines[-1]
    place.write_text("\n".join(lines) + "\n")
    if how == "cut":
        RuleBase(place).verify()
        with pytest.raises(DataError, match="cut off"):
            RuleBase(place).verify(head=base.head)
    else:
        with pytest.raises(DataError, match="was changed"):
            RuleBase(place)

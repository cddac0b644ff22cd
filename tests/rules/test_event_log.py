"""The log of the rule base: nothing bricks it, nothing acknowledged is lost, nothing impossible is believed."""

from __future__ import annotations

import hashlib
import json
import os
import re
import resource
import subprocess
import sys
import threading
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from custintel.errors import ConfigurationError, CustintelError, DataError, QualityWarning
from custintel.rules import Rule, RuleBase

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

WHO = {"by": "an analyst", "reason": "three cases"}
T = "2025-01-01T00:00:00.000000Z"


def in_file(place: Path) -> RuleBase:
    base = RuleBase(place)
    base.propose("burst", "minutes > 30", by="an analyst")
    base.shadow("burst", **WHO)
    return base


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


# --- texts -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sign", ["\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\x1c", "\r", "\n", "\r\n", "\x00", "客"])
def test_any_sign_in_a_reason_is_read_again(tmp_path: Path, sign: str) -> None:
    base = in_file(tmp_path / "rules.jsonl")
    base.activate("burst", by=f"a{sign}b", reason=f"one{sign}two")
    again = RuleBase(tmp_path / "rules.jsonl")
    assert (again.entry("burst").by, again.entry("burst").reason) == (f"a{sign}b", f"one{sign}two")
    again.retire("burst", **WHO)
    assert RuleBase(tmp_path / "rules.jsonl").entry("burst").state == "retired"


@pytest.mark.parametrize(
    "evidence",
    [{2: 1, 10: 1}, {"a": {True: 1, None: 2}}, {"a": (1, (2, 3))}, {1.5: 1, "b": [None, -0.0, 1e-300, 2**80]}],
    ids=str,
)
def test_what_is_kept_is_what_is_read_again(tmp_path: Path, evidence: dict[Any, Any]) -> None:
    base = in_file(tmp_path / "rules.jsonl")
    base.add_evidence("burst", evidence, by="me")
    again = RuleBase(tmp_path / "rules.jsonl")
    assert again.log.events == base.log.events
    assert dict(again.entry("burst").evidence) == dict(base.entry("burst").evidence)


@pytest.mark.parametrize("evidence", [{"a": float("nan")}, {"a": np.int64(1)}, {"a": "\ud800"}, {"a": {1}}, {(1,): 2}])
def test_what_is_no_plain_data_is_refused_before_anything_is_written(tmp_path: Path, evidence: dict[Any, Any]) -> None:
    base = in_file(tmp_path / "rules.jsonl")
    before = (tmp_path / "rules.jsonl").read_bytes()
    with pytest.raises(ConfigurationError, match="not plain data"):
        base.add_evidence("burst", evidence, by="me")
    assert (tmp_path / "rules.jsonl").read_bytes() == before
    base.add_evidence("burst", {"a": 1}, by="me")
    assert len(RuleBase(tmp_path / "rules.jsonl").log.events) == 3


# --- a torn tail and a full disk -------------------------------------------------------------------------------------


@pytest.mark.parametrize("kept", [1, 20, -1])
def test_a_line_that_was_cut_off_is_kept_aside_and_said(tmp_path: Path, kept: int) -> None:
    place = tmp_path / "rules.jsonl"
    in_file(place).activate("burst", by="an analyst", reason="三 cases")
    whole = place.read_bytes()
    *lines, last = whole.splitlines(keepends=True)
    cut = last.rstrip(b"\n")[:kept]
    place.write_bytes(b"".join(lines) + cut)
    with pytest.warns(QualityWarning, match=rf"the last line of .* was cut off \({len(cut)} bytes\)(.|\n)*is kept in"):
        base = RuleBase(place)
    assert base.entry("burst").state == "shadow"
    (aside,) = tmp_path.glob("*.torn-*")
    assert aside.read_bytes() == cut
    base.activate("burst", by="an analyst", reason="三 cases")
    assert RuleBase(place).entry("burst").state == "active"


def test_a_base_that_is_open_while_another_one_is_killed_goes_on(tmp_path: Path) -> None:
    place = tmp_path / "rules.jsonl"
    base = in_file(place)
    with place.open("ab") as file:
        file.write(b'{"event": "mov')
    with pytest.warns(QualityWarning, match="was cut off"):
        base.activate("burst", **WHO)
    assert RuleBase(place).entry("burst").state == "active"


def test_only_the_end_of_the_last_line_is_missing(tmp_path: Path) -> None:
    place = tmp_path / "rules.jsonl"
    in_file(place)
    place.write_bytes(place.read_bytes().rstrip(b"\n"))
    base = RuleBase(place)
    base.activate("burst", **WHO)
    base.retire("burst", **WHO)
    assert [event["event"] for event in RuleBase(place).log.events] == ["added", "moved", "moved", "moved"]


def test_a_file_of_zeros_after_the_last_line_is_set_aside(tmp_path: Path) -> None:
    place = tmp_path / "rules.jsonl"
    in_file(place)
    with place.open("ab") as file:
        file.write(bytes(4096))
    with pytest.warns(QualityWarning, match="4096 bytes"):
        assert RuleBase(place).entry("burst").state == "shadow"


def test_where_nothing_can_be_written_the_torn_tail_stays_where_it_is(tmp_path: Path) -> None:
    place = tmp_path / "rules.jsonl"
    in_file(place)
    with place.open("ab") as file:
        file.write(b"torn")
    (tmp_path / "rules.jsonl.lock").mkdir()  # no lock can be made: what a read-only folder does, to root as well
    with pytest.warns(QualityWarning, match="it is left where it is"):
        base = RuleBase(place)
    assert base.entry("burst").state == "shadow"
    with pytest.raises(CustintelError, match="cannot be written"):
        base.activate("burst", **WHO)
    assert place.read_bytes().endswith(b"\ntorn")


@contextmanager
def disk_of(size: int) -> Iterator[None]:
    """No file can grow beyond a size: what a full disk does to a write."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("room", [0, 1, 100])
def test_a_full_disk_leaves_the_base_as_it_was(tmp_path: Path, room: int) -> None:
    place = tmp_path / "rules.jsonl"
    base = in_file(place)
    before = place.read_bytes()
    with disk_of(len(before) + room), pytest.raises(CustintelError, match="nothing was added"):
        base.activate("burst", **WHO)
    assert place.read_bytes() == before
    assert base.entry("burst").state == RuleBase(place).entry("burst").state == "shadow"
    base.activate("burst", **WHO)
    assert RuleBase(place).entry("burst").state == "active"
    assert files(tmp_path) == ["rules.jsonl"]


def test_a_new_version_and_the_retirement_of_the_old_one_are_written_together(tmp_path: Path) -> None:
    place = tmp_path / "rules.jsonl"
    base = in_file(place)
    base.activate("burst", **WHO)
    base.propose("burst", "minutes > 45")
    base.shadow("burst", **WHO)
    before = place.read_bytes()
    base.activate("burst", **WHO)
    added = len(place.read_bytes()) - len(before)
    place.write_bytes(before)
    again = RuleBase(place)
    with disk_of(len(before) + added - 1), pytest.raises(CustintelError, match="nothing was added"):
        again.activate("burst", **WHO)
    assert [entry.state for entry in RuleBase(place).entries.values()] == ["active", "shadow"]


# --- impossible events -----------------------------------------------------------------------------------------------


def sealed(*contents: dict[str, Any]) -> list[dict[str, Any]]:
    """Events that fit their hashes, as somebody who knows how they are made would forge them."""
    events: list[dict[str, Any]] = []
    for k, content in enumerate(contents, 1):
        event = {"time": T, "by": "x", "reason": "y", **content, "seq": k}
        event["previous"] = events[-1]["hash"] if events else ""
        line = json.dumps(event, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        events.append({**event, "hash": hashlib.sha256(line.encode()).hexdigest()})
    return events


RULE = Rule("burst", "minutes > 30")
ADDED = {"event": "added", "rule": RULE.id, "content": RULE.to_state(), "state": "proposed", "evidence": {}}
SHADOW = {"event": "moved", "rule": RULE.id, "state": "shadow", "evidence": {}}
IMPOSSIBLE: dict[str, tuple[list[dict[str, Any]], str]] = {
    "state": ([ADDED, {**SHADOW, "state": "king"}], "event 2 .* to king"),
    "skipped move": ([ADDED, {**SHADOW, "state": "active"}], "event 2 .* from proposed to active"),
    "beginning": ([{**ADDED, "state": "active"}], "event 1 .* cannot begin as 'active'"),
    "nobody": ([ADDED, {**SHADOW, "by": " "}], "event 2 .* needs a person and a reason"),
    "no reason": ([ADDED, {**SHADOW, "reason": ""}], "event 2 .* needs a person and a reason"),
    "unknown rule": ([{**SHADOW}], "event 1 .* there is no rule burst"),
    "unknown event": ([ADDED, {**SHADOW, "event": "crowned"}], "event 2 .*'crowned' is no event"),
    "another version": ([{**ADDED, "content": Rule("burst", "texts > 3").to_state()}], "event 1 .* another version's"),
    "twice": ([ADDED, ADDED], "event 2 .* added twice"),
    "earlier": ([ADDED, {**SHADOW, "time": "2024-12-31T00:00:00.000000Z"}], "event 2 .* earlier than the one before"),
    "rollback to what never was": (
        [ADDED, {**SHADOW, "state": "active", "rollback_to": T}], "event 2 .* was not 'active' at that time"
    ),
    "form": ([{**ADDED, "content": {"name": "burst", "wen": "minutes > 30"}}], "event 1 .* not of the form"),
    "no rule in it": ([{"event": "noted", "evidence": {}}], "event 1 .* not of the form"),
}  # fmt: skip


PROFILES: dict[str, Any] = {
    "nothing": {"values": [], "shares": []},
    "texts": {"values": ["a", "b"], "shares": [0.1, 0.9]},
    "nulls": {"values": [1.0, None], "shares": [0.1, 0.9]},
    "falling": {"values": [2.0, 1.0], "shares": [0.1, 0.9]},
    "falling shares": {"values": [1.0, 2.0], "shares": [0.9, 0.1]},
    "shortened": {"values": [1.0, 2.0, 3.0], "shares": [0.1, 0.9]},
    "shares beyond 1": {"values": [1.0, 2.0], "shares": [0.1, 9.0]},
    "yes": {"values": [True, 2.0], "shares": [0.1, 0.9]},
    "no list": {"values": "12", "shares": "12"},
}
SCORE = {"rules": [RULE.id], "numbers": [], "threshold": 0.5, "trees": None, "weights": None, "calibration": {}}
WEIGHTS: dict[str, Any] = {"intercept": -1.0, "match": [0.5], "resemble": [0.0]}
WRONG_WEIGHTS: dict[str, dict[str, Any]] = {
    "infinite": {"match": ["inf"]},
    "nulls": {"resemble": [None]},
    "yes": {"match": [True]},
    "too large": {"intercept": 10**400},
    "below zero": {"match": [-0.5]},
    "shortened": {"match": []},
    "of two rules": {"match": [0.5, 0.5], "resemble": [0.0, 0.0]},
}
IMPOSSIBLE |= {
    f"weights {name}": (
        [ADDED, {"event": "combined", "score": {**SCORE, "weights": {**WEIGHTS, **wrong}}}],
        "event 2 .* the weights of its score",
    )
    for name, wrong in WRONG_WEIGHTS.items()
}
IMPOSSIBLE |= {
    f"calibration with {name}": (
        [ADDED, {"event": "combined", "score": {**SCORE, "calibration": calibration}}],
        "event 2 .* the calibration of its score",
    )
    for name, calibration in (("null", {"slope": None}), ("huge", {"knots_x": [10**400]}), ("nothing", None))
}
IMPOSSIBLE |= {
    f"profile of {name}": ([ADDED, {"event": "profiled", "profiles": {"minutes": state}}], "event 2 .* a profile")
    for name, state in PROFILES.items()
}
IMPOSSIBLE |= {
    "who is no text": ([{**ADDED, "by": 5}], "event 1 .* by and reason are not texts"),
    "why is no text": ([ADDED, {**SHADOW, "reason": ["x"]}], "event 2 .* by and reason are not texts"),
    "evidence": ([{**ADDED, "evidence": [1]}], "event 1 .* evidence is no mapping"),
    "score of another rule": (
        [ADDED, {"event": "combined", "score": {**SCORE, "rules": ["other@0"]}}], "event 2 .* rules that there are not"
    ),
    "score of no list": ([ADDED, {"event": "combined", "score": {**SCORE, "numbers": 3}}], "event 2 .* no columns"),
    "threshold": ([ADDED, {"event": "combined", "score": {**SCORE, "threshold": "x"}}], "event 2 .* no probability"),
    **{f"time {time}": ([{**ADDED, "time": time}], "event 1 .* not one of UTC") for time in (
        "zzz", "2025-01-01", "2025-01-01T00:00:00.000000+00:00", "9999", "2025-02-30T00:00:00.000000Z", 5
    )},
}  # fmt: skip


@pytest.mark.parametrize("at", ["2206-12-01", "9999-01-01T00:00"])
def test_a_time_that_has_not_come_yet_is_refused_and_stops_nothing(tmp_path: Path, at: str) -> None:
    base = in_file(tmp_path / "rules.jsonl")
    for write in (
        lambda: base.activate("burst", at=at, **WHO),
        lambda: base.add_evidence("burst", {"a": 1}, by="me", at=at),
        lambda: base.add(Rule("other", "minutes > 3"), at=at),
    ):
        with pytest.raises(ConfigurationError, match="a time that has not come yet"):
            write()
    base.activate("burst", **WHO)
    assert RuleBase(tmp_path / "rules.jsonl").entry("burst").state == "active"


def test_a_log_that_ends_in_the_future_can_still_be_written() -> None:
    base = RuleBase.from_events(sealed({**ADDED, "time": "2206-12-01T00:00:00.000000Z"}))
    with pytest.warns(QualityWarning, match=r"a time that has not come yet(.|\n)*2206(.|\n)*mistyped year"):
        base.shadow("burst", **WHO)
    assert base.entry("burst").state == "shadow"
    RuleBase.from_events(base.log.events)


@pytest.mark.parametrize("what", IMPOSSIBLE)
def test_sealed_events_that_no_base_writes_are_refused(tmp_path: Path, what: str) -> None:
    contents, said = IMPOSSIBLE[what]
    events = sealed(*contents)
    with pytest.raises(DataError, match=f"the log of the rule base was changed: {said}"):
        RuleBase.from_events(events)
    place = tmp_path / "rules.jsonl"
    place.write_text("".join(json.dumps(event) + "\n" for event in events))
    with pytest.raises(DataError, match=said):
        RuleBase(place)


def test_a_rollback_is_believed_because_it_can_be_checked(tmp_path: Path) -> None:
    base = RuleBase(tmp_path / "rules.jsonl")
    base.add(RULE, at="2025-01-01")
    for day, state in (("2025-02-01", "shadow"), ("2025-03-01", "active"), ("2025-04-01", "retired")):
        base.change_state("burst", state, at=day, **WHO)  # type: ignore[arg-type]
    base.rollback("2025-03-15", by="head", reason="retired by mistake", at="2025-05-01")
    base.rollback("2024-12-31", by="head", reason="back to nothing", at="2025-05-02")
    assert RuleBase(tmp_path / "rules.jsonl").entry("burst").state == "retired"
    assert base.as_of("2025-05-01").entry("burst").state == "active"


def test_a_line_that_does_not_fit_is_refused_again_and_again(tmp_path: Path) -> None:
    place = tmp_path / "rules.jsonl"
    base = in_file(place)
    with place.open("ab") as file:
        file.write(b'{"event": "moved"}\n')
    for _ in range(2):
        with pytest.raises(DataError, match=r"event 3 of .* does not fit its hash"):
            base.activate("burst", **WHO)
    assert len(base.log.events) == 2


def test_a_rule_that_can_no_longer_be_read_is_set_aside_and_the_others_stay(tmp_path: Path) -> None:
    """A base of an earlier version may hold a rule that is too large today."""
    large = {**RULE.to_state(), "name": "large", "when": f"least({', '.join(['a'] * 600)}) > 1"}
    other = {**ADDED, "rule": "large@0123456789ab", "content": large}
    moved = {**SHADOW, "rule": "large@0123456789ab"}
    place = tmp_path / "rules.jsonl"
    place.write_text("".join(json.dumps(e) + "\n" for e in sealed(other, ADDED, moved, SHADOW)))
    with pytest.warns(QualityWarning, match=r"rule large@0123456789ab can no longer be read and is set aside"):
        base = RuleBase(place)
    assert base.entry("burst").state == "shadow"
    assert "large" not in base


def test_a_score_of_a_rule_that_can_no_longer_be_read_is_refused_with_its_name(tmp_path: Path) -> None:
    large = {**RULE.to_state(), "name": "large", "when": f"least({', '.join(['a'] * 600)}) > 1"}
    other = {**ADDED, "rule": "large@0123456789ab", "content": large}
    weights = {"intercept": -1.0, "match": [0.5, 0.5], "resemble": [0.0, 0.0]}
    score = {**SCORE, "rules": [RULE.id, "large@0123456789ab"], "weights": weights}
    place = tmp_path / "rules.jsonl"
    place.write_text("".join(json.dumps(e) + "\n" for e in sealed(other, ADDED, {"event": "combined", "score": score})))
    with pytest.warns(QualityWarning, match="can no longer be read"):
        base = RuleBase(place)
    for use in (base.score, base.score_parts, base.decide):
        with pytest.raises(DataError, match=r"can no longer be read\n  given: large@0123456789ab: (.|\n)*learn_score"):
            use(pd.DataFrame({"minutes": [40.0]}))


# --- several writers -------------------------------------------------------------------------------------------------

TWO_WRITERS = """
import os, sys
from custintel.rules import RuleBase
children = []
for who in range(2):
    child = os.fork()
    if not child:
        base = RuleBase(sys.argv[1], wait=60)
        for k in range(60):
            base.add_evidence("burst", {f"{who}-{k}": k}, by=f"writer {who}")
        os._exit(0)
    children.append(child)
sys.exit(max(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children))
"""

KILLED = """
import os, random, signal, sys, time
from custintel.rules import RuleBase
rng = random.Random(0)
for run in range(20):
    out, into = os.pipe()
    child = os.fork()
    if not child:
        base = RuleBase(sys.argv[1], wait=60)
        for k in range(10_000):
            base.add_evidence("burst", {f"{run}-{k}": "x" * 3000}, by="a writer")
            os.write(into, f"{run}-{k}\\n".encode())
    os.close(into)
    first = os.read(out, 100)  # it is at work
    time.sleep(rng.uniform(0, 0.05))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    with os.fdopen(out, "rb") as file:
        sys.stdout.write((first + file.read()).decode())
"""


def run(script: str, place: Path) -> str:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", script, str(place)]
    return subprocess.run(command, env=environment, check=True, capture_output=True, text=True, timeout=200).stdout


def test_two_writers_wait_for_each_other_and_lose_nothing(tmp_path: Path) -> None:
    place = tmp_path / "rules.jsonl"
    in_file(place)
    run(TWO_WRITERS, place)
    base = RuleBase(place)
    assert len(base.log.events) == 2 + 120
    assert set(base.entry("burst").evidence) == {f"{who}-{k}" for who in range(2) for k in range(60)}
    assert files(tmp_path) == ["rules.jsonl"]


KILLED_WITHIN_A_WRITE = """
import os, signal, sys
from custintel.rules import RuleBase
write = os.write
def half(handle, data):
    if b'"1-1"' in bytes(data):
        write(handle, data[: len(data) // 2])
        os.kill(os.getpid(), signal.SIGKILL)
    return write(handle, data)
for run in range(3):
    out, into = os.pipe()
    child = os.fork()
    if not child:
        base, os.write = RuleBase(sys.argv[1], wait=60), half
        for k in range(2):
            base.add_evidence("burst", {f"{run}-{k}": "x" * 3000}, by="a writer")
            write(into, f"{run}-{k}\\n".encode())
        os._exit(0)
    os.close(into)
    os.waitpid(child, 0)
    with os.fdopen(out, "rb") as file:
        sys.stdout.write(file.read().decode())
"""


def reopened(place: Path) -> RuleBase:
    """The base after a kill: the last line may have been cut off, which is a warning and no fault."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "the last line of .* was cut off", QualityWarning)
        return RuleBase(place, wait=1)


def check_nothing_acknowledged_is_lost(place: Path, acknowledged: list[str]) -> None:
    """Every acknowledged event is in the base; what was cut off and set aside was never acknowledged."""
    base = reopened(place)
    assert set(acknowledged) <= set(base.entry("burst").evidence)
    runs = len({name.split("-")[0] for name in acknowledged})
    assert len(base.log.events) - 2 - len(acknowledged) <= runs  # the last of each run may be written, but not told
    base.activate("burst", **WHO)
    torn = list(place.parent.glob("rules.jsonl.torn-*"))
    assert files(place.parent) == sorted(["rules.jsonl", *(path.name for path in torn)])
    for path in torn:
        assert not set(re.findall(r'"(\d+-\d+)"', path.read_text())) & set(acknowledged)
        assert not path.read_bytes().endswith(b"\n")


def test_a_writer_killed_at_any_moment_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    place = tmp_path / "rules.jsonl"
    in_file(place)
    acknowledged = run(KILLED, place).split()
    assert len({name.split("-")[0] for name in acknowledged}) == 20
    check_nothing_acknowledged_is_lost(place, acknowledged)


def test_a_writer_killed_within_a_write_leaves_a_torn_tail_that_was_not_acknowledged(tmp_path: Path) -> None:
    place = tmp_path / "rules.jsonl"
    in_file(place)
    acknowledged = run(KILLED_WITHIN_A_WRITE, place).split()
    assert acknowledged == ["0-0", "0-1", "1-0", "2-0", "2-1"]
    (torn,) = tmp_path.glob("rules.jsonl.torn-*")
    assert b'"1-1"' in torn.read_bytes()
    check_nothing_acknowledged_is_lost(place, acknowledged)


def test_who_waits_in_vain_is_told_for_whom(tmp_path: Path) -> None:
    place = tmp_path / "rules.jsonl"
    in_file(place)
    from custintel.files.file_lock import locked

    base = RuleBase(place, wait=0.1)
    said = rf"being written by another process\n  given: process {os.getpid()} on .* since .* UTC; waited 0.1 s"
    with locked(place), pytest.raises(DataError, match=said):
        base.activate("burst", **WHO)
    assert base.entry("burst").state == "shadow"
    base.activate("burst", **WHO)
    assert files(tmp_path) == ["rules.jsonl"]


def test_a_lock_that_was_left_behind_blocks_nobody(tmp_path: Path) -> None:
    place = tmp_path / "rules.jsonl"
    base = in_file(place)
    (tmp_path / "rules.jsonl.lock").write_text("process 1 on gone since 2020-01-01 00:00:00 UTC")
    base.activate("burst", **WHO)
    assert files(tmp_path) == ["rules.jsonl"]


def test_threads_that_write_to_one_file_wait_for_each_other(tmp_path: Path) -> None:
    place = tmp_path / "rules.jsonl"
    in_file(place)
    failed: list[Exception] = []

    def write(who: int) -> None:
        try:
            base = RuleBase(place)
            for k in range(15):
                base.add_evidence("burst", {f"{who}-{k}": k}, by=f"writer {who}")
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=write, args=(who,)) for who in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert len(RuleBase(place).log.events) == 2 + 45


def test_a_later_event_costs_what_an_early_one_did(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from custintel.files.append_only_file import AppendOnlyFile
    from custintel.rules.rule_states import ReplayedLog

    cost = {"bytes read": 0, "events replayed": 0, "files synced": 0}
    look, apply = AppendOnlyFile._new_bytes, ReplayedLog._apply

    def counted_look(file: AppendOnlyFile) -> bytes:
        found = look(file)
        cost["bytes read"] += len(found)
        return found

    def counted_apply(replay: ReplayedLog, event: Any) -> None:
        cost["events replayed"] += 1
        apply(replay, event)

    monkeypatch.setattr(AppendOnlyFile, "_new_bytes", counted_look)
    monkeypatch.setattr(ReplayedLog, "_apply", counted_apply)
    monkeypatch.setattr(os, "fsync", lambda _handle: cost.update({"files synced": cost["files synced"] + 1}))
    base = in_file(tmp_path / "rules.jsonl")
    costs = {}
    for k in range(3, 1_001):
        before = dict(cost)
        base.add_evidence("burst", {"precision": k / 1_000}, by="a review")
        costs[k] = {name: cost[name] - before[name] for name in cost}
    assert costs[100] == costs[1_000] == {"bytes read": 0, "events replayed": 1, "files synced": 1}
    assert len(RuleBase(tmp_path / "rules.jsonl").log.events) == 1_000

"""What an event of the rule log costs, early and late: bytes read, events replayed, milliseconds; and opening a base.

    python experiments/rule_log_cost.py [EVENTS]

Time depends on the disk (each event is synced); bytes and events do not.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from custintel.files.append_only_file import AppendOnlyFile
from custintel.rules import RuleBase
from custintel.rules.rule_states import ReplayedLog

COST = {"bytes read": 0, "events replayed": 0}


def count() -> None:
    """Let the library count what it reads and replays."""
    look, apply = AppendOnlyFile._new_bytes, ReplayedLog._apply

    def counted_look(file: AppendOnlyFile) -> bytes:
        found = look(file)
        COST["bytes read"] += len(found)
        return found

    def counted_apply(replay: ReplayedLog, event: dict[str, object]) -> None:
        COST["events replayed"] += 1
        apply(replay, event)

    AppendOnlyFile._new_bytes, ReplayedLog._apply = counted_look, counted_apply  # type: ignore[method-assign,assignment]


def main(events: int) -> None:
    """Add events, and print what they cost."""
    count()
    with tempfile.TemporaryDirectory() as home:
        place = Path(home) / "rules.jsonl"
        base = RuleBase(place)
        base.propose("burst", "minutes > 30", by="an analyst")
        base.shadow("burst", by="an analyst", reason="three cases")
        costs = np.zeros((events + 1, 3))
        for k in range(3, events + 1):
            before, start = list(COST.values()), time.perf_counter()
            base.add_evidence("burst", {"precision": k / events}, by="a review")
            costs[k, 2] = 1e3 * (time.perf_counter() - start)
            costs[k, :2] = np.array(list(COST.values())) - before
        for last in (100, 1_000, 10_000):
            if last <= events:
                read, replayed, milliseconds = np.median(costs[last - 50 : last + 1], axis=0)
                print(f"event {last:,}: {read:.0f} bytes read, {replayed:.0f} replayed, {milliseconds:.2f} ms (median)")
        start = time.perf_counter()
        RuleBase(place)
        size = place.stat().st_size / 1e6
        print(f"opening {events:,} events ({size:.1f} MB), verified and replayed: {time.perf_counter() - start:.2f} s")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)

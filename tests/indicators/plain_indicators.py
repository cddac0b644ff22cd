"""A few indicators in plain Python, written from their definitions: one customer, records as tuples.

A record is (time, service, direction, other party, seconds, antenna).
"""

from __future__ import annotations

import math
from collections import Counter
from datetime import datetime, time, timedelta
from itertools import pairwise
from statistics import fmean, median, pstdev

Record = tuple[datetime, str, str, str, float, str]
SPLITS = [(w, d) for w in ("allweek", "weekday", "weekend") for d in ("allday", "day", "night")]


def is_night(moment: datetime) -> bool:
    return moment.time() <= time(7) or moment.time() >= time(19)


def within(records: list[Record], week: str, day: str) -> list[Record]:
    """The records of a split, in order of time."""
    chosen = [
        r
        for r in records
        if (week == "allweek" or (week == "weekend") == (r[0].isoweekday() > 5))
        and (day == "allday" or (day == "night") == is_night(r[0]))
    ]
    return sorted(chosen, key=lambda r: (r[0], r[2] == "out", r[1] == "sms"))


def moments(x: list[float]) -> dict[str, float | None]:
    """Seven statistics of the population."""
    names = ("mean", "std", "median", "skewness", "kurtosis", "min", "max")
    if not x:
        return dict.fromkeys(names)
    mean, std = fmean(x), pstdev(x)
    shape = [sum((v - mean) ** k for v in x) / len(x) / std**k if std and min(x) < max(x) else 0.0 for k in (3, 4)]
    return dict(zip(names, [mean, std, median(x), *shape, min(x), max(x)], strict=True))


def fewest(counts: list[float]) -> int:
    """How many of the greatest make up 80 %."""
    target, taken = math.ceil(sum(counts) * 8 / 10), 0
    for value in sorted(counts, reverse=True):
        if target <= 0:
            break
        target, taken = target - value, taken + 1
    return taken


def entropy(counts: list[float]) -> float:
    return -sum(c / sum(counts) * math.log(c / sum(counts)) for c in counts)


def conversations(records: list[Record]) -> list[list[Record]]:
    """Texts with one contact less than an hour apart, with no call between them."""
    found: list[list[Record]] = []
    for other in {r[3] for r in records}:
        open_one: list[Record] = []
        last: datetime | None = None
        for r in [r for r in records if r[3] == other]:
            if last is None or r[0] - last >= timedelta(hours=1) or r[1] == "voice":
                found.append(open_one)
                open_one = []
            if r[1] == "sms":
                open_one.append(r)
            last = r[0]
        found.append(open_one)
    return [one for one in found if one]


def antennas(records: list[Record]) -> Counter[str]:
    """Half hours at each antenna."""
    bins: dict[datetime, list[str]] = {}
    for r in records:
        bins.setdefault(r[0].replace(minute=r[0].minute // 30 * 30, second=0), []).append(r[5])
    # the most frequent; of several the one seen first
    return Counter(max(seen, key=lambda a, seen=seen: (seen.count(a), -seen.index(a))) for seen in bins.values())


def indicators(records: list[Record]) -> dict[str, float | None]:
    """All splits of one customer."""
    return {key: value for split in SPLITS for key, value in _split(within(records, *split), "__".join(split))}


def _split(records: list[Record], split: str) -> list[tuple[str, float | None]]:
    calls, texts = ([r for r in records if r[1] == s] for s in ("voice", "sms"))
    found = [(f"active_days__{split}__callandtext", len({r[0].date() for r in records}) or None)]
    for name, some in (("call", calls), ("text", texts)):
        found += [(f"{key}__{split}__{name}{end}", value) for key, end, value in _service(some)]
    lengths = Counter[str]()
    for r in calls:
        lengths[r[3]] += r[4]
    found += [(f"call_duration__{split}__call__{s}", v) for s, v in moments([r[4] for r in calls]).items()]
    share = fewest(list(lengths.values())) / len(lengths) if calls else None
    found += [(f"percent_pareto_durations__{split}__call", share)]
    places = antennas(records)
    found += [
        (f"number_of_antennas__{split}", len(places) or None),
        (f"entropy_of_antennas__{split}", entropy(list(places.values())) if places else None),
        (f"frequent_antennas__{split}", fewest(list(places.values())) if places else None),
    ]
    return found + [(f"{key}__{split}__callandtext{end}", value) for key, end, value in _talks(records)]


def _service(records: list[Record]) -> list[tuple[str, str, float | None]]:
    n, counts = len(records), Counter(r[3] for r in records)
    out = Counter(r[3] for r in records if r[2] == "out")
    gaps = [(b[0] - a[0]).total_seconds() for a, b in pairwise(records)]
    distributions = {
        "interactions_per_contact": [float(c) for c in counts.values()],
        "balance_of_contacts": [out[c] / n for c in counts],
        "interevent_time": gaps,
    }
    values = {
        "number_of_interactions": n,
        "number_of_interaction_out": sum(out.values()),
        "number_of_contacts": len(counts),
        "percent_nocturnal": sum(is_night(r[0]) for r in records) / max(n, 1),
        "entropy_of_contacts": entropy(list(counts.values())),
        "percent_pareto_interactions": fewest(list(counts.values())) / max(len(counts), 1),
    }
    found = [(key, "", value if n else None) for key, value in values.items()]
    return found + [(key, f"__{s}", v) for key, x in distributions.items() for s, v in moments(x).items()]


def _talks(records: list[Record]) -> list[tuple[str, str, float | None]]:
    talks = conversations(records)
    received = [t for t in talks if t[0][2] == "in"]
    answered = [t for t in received if any(r[2] == "out" for r in t)]
    pairs = [(a, b) for t in talks for a, b in pairwise(t) if (a[2], b[2]) == ("in", "out")]
    delays = [s for a, b in pairs if (s := (b[0] - a[0]).total_seconds()) > 0]
    started = (len(talks) - len(received)) / len(talks) if talks else 0.0
    found: list[tuple[str, str, float | None]] = [
        ("percent_initiated_conversations", "", started if records else None),
        ("response_rate_text", "", len(answered) / len(received) if received else None),
    ]
    return found + [("response_delay_text", f"__{s}", v) for s, v in moments(delays).items()]

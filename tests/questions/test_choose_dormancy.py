"""Choosing from data how long a silence must be."""

from __future__ import annotations

import pandas as pd
import pytest

from custintel.errors import ConfigurationError, DataError
from custintel.questions import choose_dormancy
from custintel.warehouse import Warehouse

YEAR = pd.date_range("2025-01-01", "2025-12-31")
TYPES = {
    # name: silent from March on for so many days (None: for ever)
    "week": 7,
    "month": 31,
    "two_months": 62,
    "gone": None,
}


def operator(last: str = "2025-12-31", **lines: int) -> Warehouse:
    """So many lines of each type; a line is used every day outside its silence."""
    days = YEAR[last >= YEAR.strftime("%Y-%m-%d")]
    parts = []
    for name, count in lines.items():
        silent = TYPES[name]
        back = YEAR[59] + pd.Timedelta(days=silent) if silent else pd.Timestamp("2026-01-01")
        used = days[(days < YEAR[59]) | (days >= back)]
        parts += [pd.DataFrame({"customer_id": f"{name}{n}", "event_time": used}) for n in range(count)]
    return Warehouse.from_frames(usage=pd.concat(parts).assign(service="sms", direction="out"))


@pytest.mark.parametrize(
    ("lines", "settings", "expected"),
    [
        # silent 5 days: all return but the gone; from 10 days on the holiday is over
        ({"week": 60, "gone": 60}, {}, 10),
        ({"week": 60, "month": 60, "gone": 60}, {}, 35),
        ({"week": 60, "month": 60, "gone": 60}, {"days": (15, 30, 60, 90)}, 60),
        # 4 of 64 come back after 30 days: 6.25 %
        ({"month": 4, "gone": 60}, {}, 35),
        ({"month": 4, "gone": 60}, {"most": 0.07}, 5),
        # exactly the limit is too many
        ({"month": 4, "gone": 60}, {"most": 4 / 64}, 35),
        ({"month": 60, "two_months": 60, "gone": 10}, {"days": (15, 30)}, None),
        # back after the days ahead is not back: after 40 silent days another 22 pass
        ({"two_months": 60, "gone": 60}, {"ahead": 20}, 5),
    ],
)
def test_shortest_silence(lines, settings, expected):
    assert choose_dormancy(operator(**lines), **settings).days == expected


def test_lengths_with_few_silences_are_not_judged():
    """After 35 days only the 10 gone are silent: nobody comes back, but ten lines prove nothing."""
    choice = choose_dormancy(operator(month=60, gone=10))
    assert choice.days is None
    assert choice.curve.set_index("silent_days")["enough"].loc[[30, 35]].tolist() == [True, False]
    assert "At none of the lengths that can be judged (up to 30 days of silence)" in choice.words
    assert "60 days: 0 of 10 came back within 90 days (0.0 %, too few to judge)" in choice.words


def test_words_show_the_curve_at_the_usual_lengths():
    words = choose_dormancy(operator(week=60, month=60, gone=60)).words.splitlines()
    assert words[0] == "After 35 days of silence fewer than 5 % of the lines come back within 90 days."
    assert [line.split(":")[0] for line in words[1:]] == ["15 days", "30 days", "35 days", "60 days", "90 days"]
    assert words[1] == "15 days: 60 of 120 came back within 90 days (50.0 %)"


@pytest.mark.parametrize(
    ("wh", "settings", "error", "message"),
    [
        ({"gone": 60, "week": 60, "last": "2025-03-20"}, {}, DataError, "horizon is longer than the data"),
        ({"gone": 3, "week": 3}, {}, DataError, "at most 6 that could be watched"),
        ({"gone": 60}, {"days": (), "ahead": 0, "most": 5}, ConfigurationError, "3 mistakes"),
    ],
)
def test_refusals(wh, settings, error, message):
    with pytest.raises(error, match=message):
        choose_dormancy(operator(**wh), **settings)

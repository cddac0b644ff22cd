"""Exit times as literal tables: one life, one expected month and cause."""

from __future__ import annotations

import pandas as pd
import pytest

from custintel.errors import ConfigurationError, DataError
from custintel.questions import Question, exit_times
from custintel.warehouse import Warehouse

AS_OF = "2025-06-30"
END = "2025-12-31"

# days with outgoing events from January to ..., end of the line (cause, day); expected months, cause
POSTPAID = [
    ("stays", "12-31", None, 6, None),
    ("asks to go in the first month", "07-20", ("voluntary", "07-01"), 1, "voluntary"),
    ("ports out on the last day of month 2", "08-31", ("port_out", "08-31"), 2, "voluntary"),
    ("ports out on the first day of month 3", "08-31", ("port_out", "09-01"), 3, "voluntary"),
    ("is disconnected", "10-01", ("involuntary", "10-15"), 4, "involuntary"),
    ("dies", "10-01", ("death", "11-02"), 5, "death"),
    ("migrates", "12-31", ("migration", "08-01"), 6, None),
    ("swaps the card", "12-31", ("sim_swap", "08-01"), 6, None),
    ("leaves on the last day", "12-31", ("voluntary", "12-31"), 6, "voluntary"),
]
PREPAID = [
    ("stays", "12-31", None, 5, None),
    ("falls silent", "08-14", None, 2, "voluntary"),
    ("falls silent, but not long enough to be sure", "12-10", None, 5, None),
    ("falls silent on the last day of a whole month that can be judged", "11-29", None, 5, "voluntary"),
    # 1 December can be judged, but of those who stay nothing is known in December
    ("falls silent in a month that is not over", "11-30", None, 5, None),
    ("is blocked, then silent", "08-14", ("involuntary", "08-01"), 2, "involuntary"),
]


def operator(rows: list[tuple[str, str, tuple[str, str] | None, int, str | None]], billing_type: str) -> Warehouse:
    calls, ends = [], []
    for name, last, end, *_ in rows:
        days = pd.date_range("2025-01-01", f"2025-{last}")
        calls.append(pd.DataFrame({"customer_id": name, "event_time": days, "service": "sms", "direction": "out"}))
        if end:
            ends.append({"customer_id": name, "event_time": f"2025-{end[1]}", "cause": end[0]})
    clock = pd.DataFrame(
        {"customer_id": "clock", "event_time": pd.to_datetime(["2025-01-01", END]), "service": "sms", "direction": "in"}
    )
    names = [*[row[0] for row in rows], "clock"]
    customers = pd.DataFrame({"customer_id": names, "billing_type": billing_type, "activation_date": "2025-01-01"})
    customers["account_id"] = ["A1" if "stays" in n or n == "falls silent" else f"A{n}" for n in names]
    given = pd.DataFrame(ends, columns=["customer_id", "event_time", "cause"])
    tables = {"usage": pd.concat([*calls, clock]), "customers": customers}
    return Warehouse.from_frames(**tables, **({"terminations": given} if ends else {}))


@pytest.fixture(scope="module")
def postpaid() -> Warehouse:
    return operator(POSTPAID, "postpaid")


@pytest.fixture(scope="module")
def prepaid() -> Warehouse:
    return operator(PREPAID, "prepaid")


@pytest.mark.parametrize(("name", "months", "cause"), [(r[0], r[3], r[4]) for r in POSTPAID])
def test_postpaid_line(postpaid: Warehouse, name: str, months: int, cause: str | None) -> None:
    row = exit_times(postpaid, AS_OF).loc[(pd.Timestamp(AS_OF), name)]
    assert (row["months"], None if pd.isna(row["cause"]) else row["cause"]) == (months, cause)


@pytest.mark.parametrize(("name", "months", "cause"), [(r[0], r[3], r[4]) for r in PREPAID])
def test_prepaid_line(prepaid: Warehouse, name: str, months: int, cause: str | None) -> None:
    row = exit_times(prepaid, AS_OF).loc[(pd.Timestamp(AS_OF), name)]
    assert (row["months"], None if pd.isna(row["cause"]) else row["cause"]) == (months, cause)


def test_an_account_stays_as_long_as_one_of_its_lines(prepaid: Warehouse) -> None:
    accounts = exit_times(prepaid, AS_OF, level="account")
    row = accounts.loc[(pd.Timestamp(AS_OF), "A1")]
    assert (row["months"], row["lines"]) == (5, 2)
    assert pd.isna(row["cause"])


def test_in_the_middle_of_a_month_nobody_has_left_in_it(postpaid: Warehouse) -> None:
    """Otherwise all those watched in that month would have left in it."""
    then = exit_times(postpaid, AS_OF, known_by="2025-10-20")
    row = then.loc[(pd.Timestamp(AS_OF), "is disconnected")]
    assert row["months"] == 3
    assert pd.isna(row["cause"])


@pytest.mark.parametrize(
    ("postpaid_end", "months", "cause"),
    [
        # the prepaid line is watched to the end of November only; whether it was here later nobody knows
        ("2025-12-10", 5, None),
        ("2025-09-10", 5, None),
    ],
)
def test_account_with_a_line_still_here_has_not_left(postpaid_end: str, months: int, cause: str | None) -> None:
    days = pd.date_range("2025-01-01", END)
    calls = pd.DataFrame({"event_time": days, "service": "sms", "direction": "out"})
    customers = pd.DataFrame({"customer_id": ["post", "pre"], "billing_type": ["postpaid", "prepaid"]})
    wh = Warehouse.from_frames(
        usage=pd.concat([calls.assign(customer_id="post"), calls.assign(customer_id="pre")]),
        customers=customers.assign(activation_date="2025-01-01", account_id="A"),
        terminations=pd.DataFrame({"customer_id": ["post"], "event_time": [postpaid_end], "cause": ["voluntary"]}),
    )
    row = exit_times(wh, AS_OF, level="account").loc[(pd.Timestamp(AS_OF), "A")]
    assert (row["months"], None if pd.isna(row["cause"]) else row["cause"]) == (months, cause)


def test_until_hides_what_came_later(postpaid: Warehouse) -> None:
    then = exit_times(postpaid, AS_OF, known_by="2025-09-30")
    assert then["months"].max() == 3
    assert pd.isna(then.loc[(pd.Timestamp(AS_OF), "is disconnected"), "cause"])
    assert then.loc[(pd.Timestamp(AS_OF), "ports out on the first day of month 3"), "cause"] == "voluntary"


def test_the_population_is_that_of_the_labels(postpaid: Warehouse) -> None:
    short = exit_times(postpaid, AS_OF, Question("churn", active_within_days=1))
    assert "clock" not in short.index.get_level_values("customer_id")


def test_accounts_need_a_table_that_knows_them() -> None:
    calls = pd.DataFrame({"customer_id": "a", "event_time": pd.date_range("2025-01-01", END), "service": "sms"})
    wh = Warehouse.from_frames(usage=calls.assign(direction="out"))
    with pytest.raises(DataError, match="account"):
        exit_times(wh, AS_OF, level="account")
    with pytest.raises(ConfigurationError, match="level"):
        exit_times(wh, AS_OF, level="household")  # type: ignore[arg-type]

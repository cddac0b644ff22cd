"""Contacts of campaigns as of training dates: each counts once, at the latest date that lies before it by the gap.

A contact is learned from with the features of a date before it, never with those of its own day. Of the dates asked
about the latest one with ``as_of + gap < day of the contact <= as_of + gap + horizon`` is taken, so that denser dates
mean fresher features and not the same contact twice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from custintel.builder.sql_steps import with_sql
from custintel.errors import ConfigurationError, DataError
from custintel.functions.function_context import Step
from custintel.questions.outcome_labels import population_steps, read_days

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from custintel.questions.question import Question
    from custintel.warehouse import Warehouse


_OPTIONAL = {
    "campaign_id": "varchar",
    "offer_id": "varchar",
    "control": "boolean",
    "propensity": "double",
    "response_time": "timestamp",
}


def dates_with_contacts(wh: Warehouse, dates: list[pd.Timestamp], question: Question) -> list[pd.Timestamp]:
    """Those of the dates that have a contact to learn from."""
    check_contacts(wh, question, ())
    contacts = wh.relation("contacts")
    days = pd.to_datetime(wh.engine.sql(f"select distinct event_date as day from {contacts}")["day"])
    apart = pd.Timedelta(days=question.gap_days)
    found = set()
    for day in days:
        earlier = [
            date for date in dates if date + apart < day <= date + apart + pd.Timedelta(days=question.horizon_days)
        ]
        found |= {max(earlier)} if earlier else set()
    return sorted(found)


def read_contacts(wh: Warehouse, as_of: Any, question: Question) -> pd.DataFrame:
    """Contacts with customers of the population, one row each, in the order of date, customer, day.

    Columns: as_of, customer_id, contact_id, day, campaign, offer, control, propensity, response_day, billing_type; of
    offers, only those that the question names, if it names any.
    """
    days, _ = read_days(wh, as_of)
    steps = [*population_steps(wh, days, question.outcome), _dated_step(wh, question), _chosen_step()]
    frame = wh.engine.sql(f"{with_sql(steps)}\norder by 1, 2, 4, 3")
    for name in ("as_of", "day", "response_day"):
        frame[name] = pd.to_datetime(frame[name]).astype("datetime64[ns]")
    frame["propensity"] = frame["propensity"].astype("float64")
    return _of_named_offers(frame, question)


def check_contacts(wh: Warehouse, question: Question, needed: Sequence[str]) -> None:
    """The table and the columns without which the kind of question cannot be answered."""
    if "contacts" not in wh.tables:
        raise DataError(
            f"labels of kind {question.kind} need the table contacts\n  given: {', '.join(wh.tables) or 'no tables'}\n"
            "  hint: one row a contact of a campaign, those held back as control included"
        )
    absent = [name for name in needed if name not in wh.columns("contacts")]
    if absent:
        raise DataError(
            f"labels of kind {question.kind} need column(s) of contacts that are not there: {', '.join(absent)}"
        )


def closed_contact(day: pd.Series, last: date, window: int) -> pd.Series:
    """Whether the days after each contact in which an answer counts lie within the data."""
    return day + pd.Timedelta(days=window) <= pd.Timestamp(last)


def _dated_step(wh: Warehouse, question: Question) -> Step:
    """Every contact beside every date that may learn from it; the latest of them has place 1."""
    gap, end = question.gap_days, question.end_days
    known = wh.columns("contacts")
    facts = {name: f"c.{name}" if name in known else f"cast(null as {kind})" for name, kind in _OPTIONAL.items()}
    sql = f"""\
select
    d.as_of,
    c.customer_id,
    c.contact_id,
    c.event_date as day,
    {facts["campaign_id"]} as campaign,
    {facts["offer_id"]} as offer,
    coalesce({facts["control"]}, false) as control,
    {facts["propensity"]} as propensity,
    cast({facts["response_time"]} as date) as response_day,
    row_number() over (partition by c.contact_id order by d.as_of desc) as place
from {wh.relation("contacts")} as c
join as_of_dates as d on c.event_date > d.as_of + {gap} and c.event_date <= d.as_of + {end}"""
    return Step("dated_contacts", sql, "contacts beside the dates that may learn from them, the latest date first")


def _chosen_step() -> Step:
    sql = """\
select
    c.as_of,
    c.customer_id,
    c.contact_id,
    c.day,
    c.campaign,
    c.offer,
    c.control,
    c.propensity,
    c.response_day,
    p.billing_type
from dated_contacts as c
join population as p on p.customer_id = c.customer_id and p.as_of = c.as_of
where c.place = 1"""
    return Step("chosen_contacts", sql, "each contact once, with customers of the population")


def _of_named_offers(frame: pd.DataFrame, question: Question) -> pd.DataFrame:
    """The contacts of the offers that the question names; all where it names none."""
    named = question.settings.get("offers")
    if not named:
        return frame
    wanted = [named] if isinstance(named, str) else [str(name) for name in named]
    found = sorted(frame["offer"].dropna().unique())
    unknown = [name for name in wanted if name not in found]
    if unknown and len(frame):
        raise ConfigurationError(
            f"no contact makes an offer of the question\n  given: {', '.join(unknown)}\n  allowed: {', '.join(found)}"
        )
    return frame[frame["offer"].isin(wanted)].reset_index(drop=True)

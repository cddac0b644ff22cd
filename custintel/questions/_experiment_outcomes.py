"""Labels of kind ``experiment``: what came of customers who were contacted, and of those held back as control.

Everybody who was drawn for the experiment keeps an answer, whatever happened afterwards: an outcome that another cause
cut short is no missing label here, because leaving out rows by what came after the contact would undo the chance by
which the two groups are alike.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from custintel.builder.aggregation.day_buckets import date_sql
from custintel.builder.sql_steps import with_sql
from custintel.errors import DataError
from custintel.functions.function_context import Step
from custintel.questions._arrears_and_fraud import counted_events_step
from custintel.questions._campaign_contacts import check_contacts, read_contacts
from custintel.questions._churn_exits import exits_step, first_exits_step, silences_step
from custintel.questions._expression_labels import expression_labels
from custintel.questions._outcome import Outcome
from custintel.questions.question import Question
from custintel.questions.service_history import activity_step, billing_step, dates_step, endings_step, lines_step

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from custintel.warehouse import Warehouse


CONTROL = "control"
"""The arm of those who were held back."""

_CONTACT = "contact"  # the arm of campaigns whose offer is not known
_FEWEST = 5


def experiment_labels(wh: Warehouse, as_of: Any, question: Question) -> pd.DataFrame:
    """The outcome in the window from each contact on, for those contacted and those held back.

    Parameters
    ----------
    wh : Warehouse
        The operator's tables; ``contacts`` with the flag ``control`` is needed.
    as_of : date or list of dates
        The dates asked about. A contact belongs to the latest of them that lies before it by the gap.
    question : Question
        Of kind experiment. Contacts in (date + gap, date + gap + horizon] are learned from. Its settings: ``window``
        (``30d`` by default), the days from that of the contact on in which the outcome counts; ``outcome``: stayed (the
        default), in_service, paid, or an expression over the rows of a table; ``offers``: those asked about, all by
        default.

    Returns
    -------
    pandas.DataFrame
        Index (as_of, customer_id), rows may repeat; ``label`` 1.0, 0.0, an amount, or missing (the window is not over
        yet), ``treatment`` (the offer made, or ``control``), ``offer`` (that of the campaign, for control rows too),
        ``propensity`` of what was done among the rows of the experiment, ``outcome_date`` and ``billing_type``.

    Raises
    ------
    DataError
        Without the table ``contacts``, or without a control group.
    """
    check_contacts(wh, question, ("control",))
    check_control_group(wh)
    rows = read_contacts(wh, as_of, question)
    rows["offer"] = rows["offer"].fillna(_CONTACT)
    rows = _with_both_groups(rows)
    outcome = question.settings.get("outcome", "stayed")
    answers = _expression_answers if isinstance(outcome, dict) else _named_answers
    found = rows.merge(answers(wh, rows, outcome, question), on=["day", "customer_id"], how="inner")
    found["treatment"] = np.where(found["control"].astype(bool), CONTROL, found["offer"])
    found["propensity"] = experiment_propensities(found)
    columns = ["label", "treatment", "offer", "propensity", "outcome_date", "billing_type"]
    ordered = found.sort_values(["as_of", "customer_id", "day"], kind="stable")
    return ordered.set_index(["as_of", "customer_id"])[columns]


def check_control_group(wh: Warehouse) -> None:
    """Refuse contacts of which none, or all, were held back: nothing could be compared."""
    contacts = wh.relation("contacts")
    counts = wh.engine.sql(
        f"select control, count(*) as contacts from {contacts} where control is not null group by control"
    )
    held = int(counts.loc[counts["control"].astype(bool), "contacts"].sum())
    made = int(counts["contacts"].sum()) - held
    if min(held, made) < _FEWEST:
        what = "the experiment has no control group" if made else "the experiment has nobody who was contacted"
        raise DataError(
            f"{what}\n  given: {made:,} contacts made, {held:,} held back (control)\n"
            f"  allowed: at least {_FEWEST} of each\n"
            "  hint: hold back some customers of each campaign at random, and log them (control = true); without them "
            "no effect of a contact can be told from chance"
        )


def experiment_propensities(rows: pd.DataFrame) -> pd.Series:
    """The chance of what was done, among the rows of the experiment.

    Where a campaign logged the same chance for all who were contacted and the same for all held back, the two are made
    to add up to 1: the log holds neither those who were drawn for nothing, nor their chance. Chances that differ from
    customer to customer are taken as they are. Without a complete log, the shares of both groups stand for the chances.

    >>> rows = pd.DataFrame({"campaign": "c", "offer": "o", "day": 1, "control": [False, False, True],
    ...                      "propensity": [0.06, 0.06, 0.03]})
    >>> experiment_propensities(rows).round(3).tolist()
    [0.667, 0.667, 0.333]
    """
    campaign = rows["campaign"].fillna(rows["day"].astype(str)).astype(str) + "\x1f" + rows["offer"]
    logged = rows["propensity"].where(rows["propensity"].between(0, 1, inclusive="neither"))
    facts = pd.DataFrame({"campaign": campaign, "held": rows["control"].astype(bool), "logged": logged})
    groups = facts.groupby(["campaign", "held"])["logged"].agg(["size", "count", "nunique", "mean"])
    total = groups.groupby(level="campaign").transform("sum")
    constant = groups["nunique"].eq(1).groupby(level="campaign").transform("all")
    keys = pd.MultiIndex.from_frame(facts[["campaign", "held"]])
    share, chance = groups["size"] / total["size"], (groups["mean"] / total["mean"]).where(constant)
    complete = (total["size"] == total["count"]).loc[keys].to_numpy()
    own = chance.loc[keys].set_axis(rows.index).fillna(logged)
    return own.where(complete, share.loc[keys].set_axis(rows.index)).rename("propensity")


def _with_both_groups(rows: pd.DataFrame) -> pd.DataFrame:
    """The contacts of offers that were both made and held back; of the others nothing can be learned."""
    control = rows["control"].astype(bool)
    held, made = set(rows.loc[control, "offer"]), set(rows.loc[~control, "offer"])
    return rows[rows["offer"].isin(held & made)].reset_index(drop=True)


def _expression_answers(wh: Warehouse, rows: pd.DataFrame, outcome: Any, question: Question) -> pd.DataFrame:
    """label and outcome_date of each day and customer, by an expression over the rows of a table."""
    if rows.empty:
        return _no_answers(rows)
    own = {key: value for key, value in outcome.items() if key not in ("source", "target")}
    asked = Question(
        source=outcome["source"],
        target=outcome["target"],
        horizon_days=question.window_days,
        settings=own,
    )
    days = sorted(set(rows["day"] - pd.Timedelta(days=1)))
    found = expression_labels(wh, days, asked)["label"].reset_index()
    day = found["as_of"] + pd.Timedelta(days=1)
    return found[["customer_id", "label"]].assign(
        day=day, outcome_date=pd.Series(pd.NaT, found.index, "datetime64[ns]")
    )


def _no_answers(rows: pd.DataFrame) -> pd.DataFrame:
    return rows[["day", "customer_id"]].assign(label=1.0, outcome_date=rows["day"])


def _named_answers(wh: Warehouse, rows: pd.DataFrame, name: Any, question: Question) -> pd.DataFrame:
    """label and outcome_date of each day and customer of the contacts in service the day before."""
    if rows.empty:
        return _no_answers(rows)
    window, last = question.window_days, wh.period[1].date()
    outcome = Outcome(gap_days=0, horizon_days=window, dormancy_days=question.dormancy_days)
    steps = [*_contacted_steps(wh, rows), *_event_steps(wh, name, outcome, last), _first_step()]
    frame = wh.engine.sql(with_sql(steps))
    for column in ("as_of", "outcome_date"):
        frame[column] = pd.to_datetime(frame[column]).astype("datetime64[ns]")
    inside = frame["outcome_date"] <= frame["as_of"] + pd.Timedelta(days=window)
    counted = inside & (frame["cause"].isin(_COUNTED[name]) if name in _COUNTED else True)
    label = (~counted).astype("float64").where(_closed(frame, name, outcome, last))
    return pd.DataFrame(
        {
            "day": frame["as_of"] + pd.Timedelta(days=1),
            "customer_id": frame["customer_id"],
            "label": label,
            "outcome_date": frame["outcome_date"].where(counted),
        }
    )


_COUNTED: Mapping[str, Sequence[str]] = {"stayed": ("voluntary", "port_out", "dormancy")}


def _closed(frame: pd.DataFrame, name: str, outcome: Outcome, last: date) -> pd.Series:
    """Whether the window of each row, with the silence that a prepaid exit takes to be seen, lies within the data."""
    silence = frame["billing_type"].eq("prepaid").to_numpy() & (name != "paid")
    days = np.where(silence, outcome.days_needed("prepaid"), outcome.end_days)
    return frame["as_of"] + pd.to_timedelta(days, unit="D") <= pd.Timestamp(last)


def _contacted_steps(wh: Warehouse, rows: pd.DataFrame) -> list[Step]:
    """The customers of the contacts, as of the day before, as the population of the outcome."""
    days = sorted({day.date() for day in rows["day"] - pd.Timedelta(days=1)})
    first, final = date_sql(days[0]), date_sql(days[-1])
    sql = f"""\
select distinct d.as_of, t.customer_id, coalesce(b.billing_type, c.billing_type) as billing_type
from {wh.relation("contacts")} as t
join as_of_dates as d on t.event_date = d.as_of + 1
join lines as c on c.customer_id = t.customer_id
left join billing as b on b.customer_id = t.customer_id and b.as_of = d.as_of
where t.event_date > {first} and t.event_date <= {final} + 1
    and not exists (select 1 from endings as e where e.customer_id = t.customer_id and e.day <= d.as_of)"""
    population = Step("population", sql, "those contacted or held back, in service the day before")
    return [dates_step(days), activity_step(wh), endings_step(wh), lines_step(wh), billing_step(wh), population]


def _event_steps(wh: Warehouse, name: str, outcome: Outcome, last: date) -> list[Step]:
    """The steps of the events that count against the outcome."""
    if name == "paid":
        return [counted_events_step(wh, replace(outcome, kind="arrears"))]
    return [silences_step(outcome.dormancy_days, last), exits_step(outcome), first_exits_step()]


def _first_step() -> Step:
    sql = """\
select p.as_of, p.customer_id, p.billing_type, x.cause, x.day as outcome_date
from population as p
left join first_exits as x on x.as_of = p.as_of and x.customer_id = p.customer_id"""
    return Step("answers", sql, "the first event after each contact")

"""A policy chooses whom campaigns contact: what it is shown on a campaign day, and what it may answer.

On a campaign day a policy sees the tables as they had reached the operator by the end of the month before
(`CampaignDay`), and returns one row a customer: `customer_id`, `offer` ("none": held back) and `propensity`, the chance
with which it chose this. It may add `policy_offer`, the offer that was held back, and `contact_id`. Rows of the table
`contacts` (`control`, `offer_id`) will do as well.

The world answers: offers are accepted with their true chances, contacts change the hazard of
leaving, and what was accepted changes the bills.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, time, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from custintel.contracts.table_contracts import TABLES
from custintel.errors import ConfigurationError, Problem, raise_problems
from custintel.identifiers import identifier_text, names_of_columns
from custintel.simulate._simulated_days import Calendar
from custintel.simulate.behaviour._campaigns import ChosenContacts
from custintel.simulate.output._operator_tables import operator_tables
from custintel.simulate.output._surveys_promises_devices import devices

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import date

    from custintel.simulate._operator import SimulationState
    from custintel.simulate._random_streams import Bools
    from custintel.simulate.behaviour._offer_effects import OffersOnDay


NO_OFFER = "none"
_NEEDED = ("customer_id", "offer", "propensity")
_BEGINS = {"customers": "activation_date", "accounts": "opened_date"}


@dataclass(frozen=True)
class CampaignDay:
    """What an operator knows when it decides on a campaign.

    Attributes
    ----------
    as_of : datetime.date
        Last day that the tables know: the end of the month before.
    date : datetime.date
        Day on which the contacts are made.
    tables : mapping of str to pyarrow.Table
        The operator's tables, without any row or value that had not arrived by the end of `as_of`.
    eligible : pandas.DataFrame
        The candidates (customers in service) x offers: true where the offer may be made.
    margin : pandas.DataFrame
        Same shape: what acceptance is planned to bring in a year, in u, costs included; missing where not eligible.
    offers : pandas.DataFrame
        Index offer_id: name, kind, channel, contact_cost and cost in u.
    random_state : int
        Seed for the policy's own chance; another one on each day.
    """

    as_of: date
    date: date
    tables: Mapping[str, pa.Table] = field(repr=False)
    eligible: pd.DataFrame = field(repr=False)
    margin: pd.DataFrame = field(repr=False)
    offers: pd.DataFrame = field(repr=False)
    random_state: int
    opened: Callable[[Mapping[str, pa.Table], datetime], Any] | None = field(default=None, repr=False)

    @cached_property
    def wh(self) -> Any:
        """The tables as a `Warehouse`, checked when first asked for; for policies of `Warehouse.simulate`."""
        if self.opened is None:
            raise ConfigurationError(
                "this day has tables but no warehouse\n  hint: Warehouse.simulate(..., policy=...)"
            )
        return self.opened(self.tables, datetime.combine(self.as_of + timedelta(days=1), time()))


class CampaignPolicy(Protocol):
    """A function that chooses contacts; its name, or its attribute `version`, is logged."""

    def __call__(self, day: CampaignDay, /) -> pd.DataFrame | None:
        """Choose: columns customer_id, offer, propensity; None for no campaign."""
        ...


def ask_policy(state: SimulationState, month: int, chunks: list[pa.Table], policy: CampaignPolicy) -> None:
    """Let the policy choose the contacts of a month that is about to run."""
    config = state.config.campaigns
    if month < config.first_month:
        return
    first = state.calendar.first[month]
    offers = state.dynamics.offers_on(first + config.day - 1)
    here = _candidates(state, first - 1)
    shown = _campaign_day(state, month, chunks, (here, offers))
    answer = policy(shown)
    state.dynamics.chosen = _chosen(state, answer, shown, _policy_name(policy))


def no_contacts(policy: CampaignPolicy) -> ChosenContacts:
    """What is chosen before a policy has chosen anything."""
    none = np.zeros(0, dtype=np.int64)
    return ChosenContacts(none, none, np.zeros(0, dtype=bool), np.zeros(0), _policy_name(policy))


def tables_as_of(tables: Mapping[str, pa.Table], day: date) -> dict[str, pa.Table]:
    """Tables without the rows and values that had not arrived by the end of a day.

    >>> calls = pa.table({"event_time": [datetime(2025, 1, 5), datetime(2025, 1, 5)],
    ...                   "arrival_time": [datetime(2025, 1, 5), datetime(2025, 1, 9)]})
    >>> tables_as_of({"usage": calls}, datetime(2025, 1, 6).date())["usage"].num_rows
    1
    """
    return {name: _table_as_of(name, table, day) for name, table in tables.items()}


def _table_as_of(name: str, table: pa.Table, day: date) -> pa.Table:
    contract = TABLES[name]
    for moment in (contract.event_time, contract.arrival_time, _BEGINS.get(name)):
        if moment is not None and moment in table.column_names:
            table = table.filter(_known(table[moment], day))
    shown = table
    for column in contract.columns.values():
        if column.known_at is not None and column.name in table.column_names:
            values = table[column.name]
            hidden = pc.if_else(_known(table[column.known_at], day), values, pa.scalar(None, values.type))
            shown = shown.set_column(table.column_names.index(column.name), column.name, hidden)
    return shown


def _known(values: pa.ChunkedArray, day: date) -> pa.ChunkedArray:
    """Whether a time lies before the end of the day; a missing one does."""
    end = datetime.combine(day + timedelta(days=1), time())
    limit = pa.scalar(end.date() if pa.types.is_date(values.type) else end, values.type)
    return pc.fill_null(pc.less(values, limit), fill_value=True)


def _campaign_day(
    state: SimulationState, month: int, chunks: list[pa.Table], lines: tuple[Bools, OffersOnDay]
) -> CampaignDay:
    here, offers = lines
    calendar, config = state.calendar, state.config.campaigns
    as_of = calendar.date(calendar.first[month] - 1)
    made = operator_tables(state, chunks)
    made["devices"] = devices(replace(state, calendar=Calendar(calendar.start, month)))
    index = pd.Index(state.names.customers.to_numpy(zero_copy_only=False)[here], name="customer_id", dtype=object)
    names = [offer.offer_id for offer in config.offers]
    possible = offers.possible[:, here].T
    margin = np.where(possible, offers.margin[:, here].T, np.nan)
    return CampaignDay(
        as_of=as_of,
        date=calendar.date(calendar.first[month] + config.day - 1),
        tables=tables_as_of(made, as_of),
        eligible=pd.DataFrame(possible, index, names),
        margin=pd.DataFrame(margin, index, names),
        offers=_offer_frame(state),
        random_state=int(state.streams.get("policy", month).integers(2**32)),
    )


def _offer_frame(state: SimulationState) -> pd.DataFrame:
    columns = ("offer_id", "name", "kind", "channel", "contact_cost", "cost")
    rows = [[getattr(offer, name) for name in columns] for offer in state.config.campaigns.offers]
    return pd.DataFrame(rows, columns=list(columns)).set_index("offer_id")


def _candidates(state: SimulationState, as_of: int) -> Bools:
    """Lines in service at the end of a day that are not of the simulator's own hold-out."""
    here = (state.world.population.activation_day <= as_of) & (state.last > as_of)
    return np.asarray(here & ~state.dynamics.campaigns.hold_out)


def _policy_name(policy: CampaignPolicy) -> str:
    return str(getattr(policy, "version", None) or getattr(policy, "__name__", type(policy).__name__))


def _chosen(state: SimulationState, answer: Any, shown: CampaignDay, name: str) -> ChosenContacts:
    """The answer of a policy as arrays."""
    rows = _checked_answer(answer, shown)
    everybody = pd.Index(state.names.customers.to_numpy(zero_copy_only=False))
    versions = list(rows["policy_version"].unique()) if "policy_version" in rows else []
    return ChosenContacts(
        line=everybody.get_indexer(pd.Index(rows["customer_id"])),
        offer=pd.Index(shown.offers.index).get_indexer(pd.Index(rows["shown"])),
        treated=(rows["offer"] != NO_OFFER).to_numpy(dtype=bool),
        propensity=rows["propensity"].to_numpy(dtype=float),
        policy=str(versions[0]) if len(versions) == 1 else name,
        names=rows["contact_id"].astype(str).to_numpy(dtype=object) if "contact_id" in rows else None,
    )


def _checked_answer(answer: Any, shown: CampaignDay) -> pd.DataFrame:
    """Rows of customer_id, offer, propensity and `shown`, the offer made or held back; refuse what cannot be."""
    if answer is None:
        answer = pd.DataFrame(columns=list(_NEEDED))
    raise_problems(_frame_problems(answer))
    rows = _named_columns(answer)
    absent = [column for column in _NEEDED if column not in rows]
    if absent:
        given = ", ".join(names_of_columns(rows.columns))
        raise_problems([Problem("policy", f"columns are missing: {', '.join(absent)}", given, ", ".join(_NEEDED))])
    rows = rows.assign(customer_id=identifier_text(rows["customer_id"]), offer=rows["offer"].fillna(NO_OFFER))
    wanted = rows["policy_offer"].fillna(NO_OFFER) if "policy_offer" in rows else NO_OFFER
    rows["shown"] = rows["offer"].where(rows["offer"] != NO_OFFER, wanted)
    raise_problems(_row_problems(rows, shown))
    return rows


def _named_columns(answer: pd.DataFrame) -> pd.DataFrame:
    """The answer with the columns that are read, whether it is a list of decisions or of contacts."""
    indexed = "customer_id" not in answer.columns and answer.index.name == "customer_id"
    rows = answer.reset_index() if indexed else answer.reset_index(drop=True)
    rows = rows.rename(columns={"decision_id": "contact_id"} if "contact_id" not in rows else {})
    if "offer" in rows or "offer_id" not in rows:
        return rows
    held = rows["control"].astype(bool) if "control" in rows else pd.Series(data=False, index=rows.index)
    return rows.assign(offer=rows["offer_id"].mask(held, NO_OFFER), policy_offer=rows["offer_id"])


def _frame_problems(answer: Any) -> list[Problem]:
    if isinstance(answer, pd.DataFrame):
        return []
    hint = "return None, or an empty frame, when nobody is to be contacted"
    return [Problem("policy", "no table of contacts", type(answer).__name__, "pandas.DataFrame", hint)]


def _row_problems(rows: pd.DataFrame, shown: CampaignDay) -> list[Problem]:
    customer = shown.eligible.index.get_indexer(pd.Index(rows["customer_id"]))
    offer = pd.Index(shown.offers.index).get_indexer(pd.Index(rows["offer"]))
    made = (rows["offer"] != NO_OFFER).to_numpy()
    chance = pd.to_numeric(rows["propensity"], errors="coerce").to_numpy(dtype=float)
    possible = shown.eligible.to_numpy()[customer, offer] if len(rows) else np.zeros(0, dtype=bool)
    allowed = ", ".join([*map(str, shown.offers.index), NO_OFFER])
    known = (customer >= 0) & (offer >= 0)
    wrong = (
        ("customer_id", "no candidate of this day", customer < 0, "customers of `eligible`"),
        ("customer_id", "chosen twice", rows["customer_id"].duplicated().to_numpy(), "one row a customer"),
        ("offer", "no such offer", made & (offer < 0), allowed),
        ("offer", "not possible for the customer", made & known & ~possible, "true in `eligible`"),
        ("propensity", "not a probability of something that happened", ~((chance > 0) & (chance <= 1)), "(0, 1]"),
    )
    return [
        Problem(f"policy: {where}", what, f"{int(bad.sum())} of {len(rows)} rows", may)
        for where, what, bad, may in wrong
        if bad.any()
    ]

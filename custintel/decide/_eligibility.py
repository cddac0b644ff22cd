"""Who may get which offer: eligibility, the contacts of the last weeks, households."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from custintel.dates import read_day, read_time_column
from custintel.errors import Problem, raise_problems
from custintel.identifiers import identifier_index, identifier_text, names_of_columns

if TYPE_CHECKING:
    from collections.abc import Mapping

    from custintel.dates import AsOf
    from custintel.decide.constraints import Constraints, ContactPolicy


@dataclass(frozen=True)
class Audience:
    """What is known about the customers besides values.

    Attributes
    ----------
    eligible : pandas.DataFrame, optional
        Customers x offers, true where the offer may be made; customers or offers that are absent may not.
    household : pandas.Series, optional
        Household of each customer, indexed by customer_id; missing: a household of its own.
    contacts : pandas.DataFrame, optional
        Recent contacts: customer_id, event_time, offer_id or kind, and optionally control (not counted).
    as_of : date or str, optional
        Day of the decision; needed with `contacts`.

    Examples
    --------
    >>> from custintel.decide import Constraints, allocate
    >>> values = pd.DataFrame({"call": [9.0, 5.0]}, index=pd.Index(["a", "b"], name="customer_id"))
    >>> audience = Audience(eligible=pd.DataFrame({"call": [False, True]}, index=["a", "b"]))
    >>> allocate(values, Constraints(), audience=audience).decisions["offer"].tolist()
    ['none', 'call']
    """

    eligible: pd.DataFrame | None = None
    household: pd.Series | None = None
    contacts: pd.DataFrame | None = None
    as_of: AsOf | None = None

    def __post_init__(self) -> None:
        for name in ("eligible", "household"):  # customers are text, as in the values and in the log
            table = getattr(self, name)
            if isinstance(table, (pd.DataFrame, pd.Series)):
                object.__setattr__(self, name, table.set_axis(identifier_index(table.index)))
        if self.contacts is not None and "customer_id" in self.contacts.columns:
            texts = identifier_text(self.contacts["customer_id"])
            object.__setattr__(self, "contacts", self.contacts.assign(customer_id=texts))


def allowed_offers(value: pd.DataFrame, constraints: Constraints, audience: Audience) -> np.ndarray:
    """Customers x offers: true where nothing forbids the offer."""
    value = value.set_axis(identifier_index(value.index))
    allowed = np.isfinite(np.asarray(value, dtype=np.float64))
    if audience.eligible is not None:
        allowed &= _eligible(audience.eligible, value)
    if constraints.contact is not None:
        raise_problems(_contact_problems(audience))
        allowed &= _uncontacted(value, constraints, audience)
    return np.asarray(allowed)


def households(value: pd.DataFrame, constraints: Constraints, audience: Audience) -> np.ndarray | None:
    """Code of the household of each customer when there is a limit."""
    if constraints.household_limit is None:
        return None
    household = audience.household
    if household is None or household.index.duplicated().any():
        wrong = "household_limit needs the households" if household is None else "a customer has several households"
        hint = "Audience(household=...): a Series indexed by customer_id"
        raise_problems([Problem("audience.household", wrong, "", "one household a customer", hint)])
        return None
    found = household.reindex(identifier_index(value.index))
    codes = np.array(pd.factorize(found)[0], dtype=np.int64)
    alone = codes < 0
    codes[alone] = codes.max(initial=-1) + 1 + np.arange(alone.sum())
    return codes


def _eligible(eligible: pd.DataFrame, value: pd.DataFrame) -> np.ndarray:
    if eligible.index.duplicated().any() or eligible.columns.duplicated().any():
        raise_problems([Problem("audience.eligible", "customers or offers occur twice", "", "once each")])
    shared = [c for c in value.columns if c in eligible.columns]
    if not shared:
        given = ", ".join(map(str, eligible.columns))
        raise_problems(
            [Problem("audience.eligible", "no column is an offer", given, ", ".join(map(str, value.columns)))]
        )
    known = eligible.reindex(index=value.index, columns=value.columns)
    return np.asarray(known.astype(object).where(known.notna(), False).astype(bool))


def _contact_problems(audience: Audience) -> list[Problem]:
    contacts = audience.contacts
    if contacts is None or audience.as_of is None:
        hint = "Audience(contacts=wh.frame('contacts'), as_of='2025-06-30'); an empty frame says there were none"
        return [Problem("audience.contacts", "the contact policy needs recent contacts and a day", "", "", hint)]
    absent = [name for name in ("customer_id", "event_time") if name not in contacts.columns]
    if not {"offer_id", "kind"} & set(contacts.columns):
        absent.append("offer_id (or kind)")
    given = ", ".join(names_of_columns(contacts.columns))
    return [Problem("audience.contacts", f"columns are missing: {', '.join(absent)}", given)] if absent else []


def _uncontacted(value: pd.DataFrame, constraints: Constraints, audience: Audience) -> np.ndarray:
    """True where the contacts of the rolling period and the blocking windows leave room."""
    policy, contacts = constraints.contact, audience.contacts
    assert policy is not None
    assert contacts is not None
    assert audience.as_of is not None
    day = pd.Timestamp(read_day(audience.as_of, "audience.as_of"))
    made = _made(contacts, day)
    age = (day - made["event_time"].dt.normalize()).dt.days
    row = value.index.get_indexer(pd.Index(made["customer_id"]))
    known = row >= 0
    recent = np.bincount(row[known & (age < policy.days).to_numpy()], minlength=len(value))
    allowed = np.repeat((recent < policy.at_most)[:, None], value.shape[1], axis=1)
    kinds = {str(o): _kind(str(o), constraints) for o in value.columns}
    for blocked, rows in _blocked(policy, _kinds_of(made, constraints), age, row):
        columns = [j for j, name in enumerate(kinds.values()) if name == blocked]
        allowed[np.ix_(rows, np.array(columns, dtype=np.int64))] = False
    return np.asarray(allowed)


def _made(contacts: pd.DataFrame, day: pd.Timestamp) -> pd.DataFrame:
    """Contacts that were made up to the day; those held back as control were not."""
    times = read_time_column(contacts["event_time"], "contacts.event_time")
    keep = times < day + pd.Timedelta(days=1)
    if "control" in contacts.columns:
        keep &= ~contacts["control"].astype("boolean").fillna(False).astype(bool)
    return contacts.assign(event_time=times)[keep]


def _kind(offer: str, constraints: Constraints) -> str:
    limits = constraints.offers.get(offer)
    return offer if limits is None or limits.kind is None else limits.kind


def _kinds_of(made: pd.DataFrame, constraints: Constraints) -> np.ndarray:
    if "kind" in made.columns:
        return made["kind"].astype(str).to_numpy(dtype=object)
    names: Mapping[str, str] = {o: _kind(o, constraints) for o in made["offer_id"].astype(str).unique()}
    return made["offer_id"].astype(str).map(names).to_numpy(dtype=object)


def _blocked(policy: ContactPolicy, kinds: np.ndarray, age: pd.Series, row: np.ndarray) -> list[tuple[str, np.ndarray]]:
    """For each window the blocked kind and the rows of the customers."""
    found = []
    for window in policy.blocking:
        hit = (row >= 0) & (kinds == window.after) & (age < window.days).to_numpy()
        found.append((window.blocks, np.unique(row[hit])))
    return found

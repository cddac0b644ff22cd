"""Community of interest: does a customer call the same people as an account that was closed for fraud?

Who comes back under a new name still calls the same people. The contact network of a line is its most frequent contacts
with their shares; two contact networks are compared by weighted Dice (twice what they share over what both have) and
Hellinger affinity (Cortes, Pregibon, Volinsky 2001; Hill et al. 2006).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from custintel.dates import read_day
from custintel.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from custintel.warehouse import Warehouse


_NEEDED = ("customer_id", "other_party", "events")


def contact_counts(wh: Warehouse, as_of: Any, days: int = 90) -> pd.DataFrame:
    """Calls and texts of each customer with each other number in the days up to a date, as they were known then.

    Parameters
    ----------
    wh : Warehouse
        With table ``usage``.
    as_of : date
        Last day.
    days : int
        Days looked back.

    Returns
    -------
    DataFrame
        customer_id, other_party, events.
    """
    day = read_day(as_of)
    return wh.engine.sql(
        f"select customer_id, other_party, count(*) as events from {wh.relation('usage')}\n"
        f"where visible_date <= date '{day}' and event_date > date '{day}' - {int(days)} and other_party is not null\n"
        "group by customer_id, other_party order by customer_id, other_party"
    )


def contact_network_similarity(
    contacts: pd.DataFrame, cases: Iterable[Any], *, size: int = 20, max_callers: int = 1000
) -> pd.DataFrame:
    """How similar each customer's contact network is to the nearest one of a closed fraud or debtor account.

    Parameters
    ----------
    contacts : DataFrame
        customer_id, other_party, events: of the customers and of the closed accounts.
    cases : iterable
        Customer ids of closed fraud or debtor accounts. A case is never compared with itself.
    size : int
        Number of most frequent contacts that make a contact network.
    max_callers : int
        Numbers with more callers than this (hot lines, banks) say nothing about a customer and are left out.

    Returns
    -------
    DataFrame
        Index customer_id; dice and hellinger (0 to 1), and the case that is nearest (missing where none shares a
        contact).

    Examples
    --------
    >>> contacts = pd.DataFrame({"customer_id": ["a", "a", "old", "old", "b"],
    ...                          "other_party": ["x", "y", "x", "y", "z"], "events": [3, 1, 6, 2, 5]})
    >>> contact_network_similarity(contacts, ["old"])
                 dice  hellinger nearest
    customer_id
    a             1.0        1.0     old
    b             0.0        0.0     NaN
    old           0.0        0.0     NaN
    """
    networks = _contact_networks(contacts, size, max_callers)
    closed = networks[networks["customer_id"].isin(set(cases))]
    pairs = networks.merge(closed, on="other_party", suffixes=("", "_case"))
    pairs = pairs[pairs["customer_id"] != pairs["customer_id_case"]]
    pairs = pairs.assign(
        dice=np.minimum(pairs["share"], pairs["share_case"]), hellinger=np.sqrt(pairs["share"] * pairs["share_case"])
    )
    both = pairs.groupby(["customer_id", "customer_id_case"], as_index=False)[["dice", "hellinger"]].sum()
    best = both.sort_values(["hellinger", "customer_id_case"], ascending=[False, True]).drop_duplicates("customer_id")
    everybody = pd.Index(np.sort(contacts["customer_id"].unique()), name="customer_id")
    found = best.set_index("customer_id").rename(columns={"customer_id_case": "nearest"}).reindex(everybody)
    found[["dice", "hellinger"]] = found[["dice", "hellinger"]].fillna(0.0).clip(0.0, 1.0)
    return found[["dice", "hellinger", "nearest"]]


def _contact_networks(contacts: pd.DataFrame, size: int, max_callers: int) -> pd.DataFrame:
    """The most frequent contacts of each customer and their shares, which add up to 1."""
    absent = [name for name in _NEEDED if name not in contacts]
    if absent:
        raise DataError(f"contacts lack {', '.join(absent)}\n  hint: contact_counts(wh, as_of) gives them")
    callers = contacts.groupby("other_party")["customer_id"].transform("nunique")
    known = contacts[callers <= max_callers].sort_values(
        ["customer_id", "events", "other_party"], ascending=[True, False, True]
    )
    top = known[known.groupby("customer_id").cumcount() < size]
    share = top["events"] / top.groupby("customer_id")["events"].transform("sum")
    return top[["customer_id", "other_party"]].assign(share=share)

"""What fraud costs until it is found: the cost of an account under a review budget, and the delay of detection."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from custintel.dates import read_time_column
from custintel.identifiers import identifier_text


def cost_per_account(
    y_true: Any, y_score: Any, budget: int, loss: Any = 200.0, review_cost: float = 5.0, stopped: float = 1.0
) -> float:
    """Cost of one account when the `budget` accounts of highest score are reviewed and cases among them stopped.

    Parameters
    ----------
    y_true : array-like
        1 for cases.
    y_score : array-like
        Higher is reviewed first; ties are split evenly (as the mean over all orders).
    budget : int
        How many accounts are reviewed.
    loss : float or array-like
        Loss of a case that is not stopped, in u.
    review_cost : float
        Cost of one review, in u.
    stopped : float
        Share of the loss that stopping a case saves.

    Examples
    --------
    >>> cost_per_account([1, 0, 0, 1], [0.9, 0.5, 0.2, 0.1], budget=1, loss=100.0, review_cost=4.0)
    26.0
    """
    truth, rank = np.asarray(y_true, dtype=np.float64), np.asarray(y_score, dtype=np.float64)
    lost = truth * np.broadcast_to(np.asarray(loss, dtype=np.float64), truth.shape)
    budget = min(int(budget), len(truth))
    if budget == 0:
        return float(lost.sum() / len(truth))
    cut = np.sort(rank)[::-1][budget - 1]
    above, tied = rank > cut, rank == cut
    share = (budget - above.sum()) / tied.sum()
    saved = stopped * (lost[above].sum() + share * lost[tied].sum())
    return float((lost.sum() - saved + budget * review_cost) / len(truth))


def detection_delay(alarms: pd.DataFrame, cases: pd.DataFrame) -> pd.DataFrame:
    """Days from the true start of each case to the first alarm on its customer, by kind.

    Parameters
    ----------
    alarms : DataFrame
        customer_id and as_of (columns or index): the days on which a customer had an alarm.
    cases : DataFrame
        customer_id, kind, start_date; end_date (the day the case ended or was stopped by other means) if known:
        alarms after it are no detections.

    Returns
    -------
    DataFrame
        One row a kind and one for all: cases, detected, share, and quartiles of the delay in days (of those detected).

    Examples
    --------
    >>> alarms = pd.DataFrame({"customer_id": ["a", "a"], "as_of": pd.to_datetime(["2025-01-05", "2025-01-09"])})
    >>> cases = pd.DataFrame({"customer_id": ["a", "b"], "kind": "sim_box", "start_date": pd.Timestamp("2025-01-02")})
    >>> detection_delay(alarms, cases).loc["sim_box", ["cases", "detected", "median"]].tolist()
    [2.0, 1.0, 3.0]
    """
    alarmed = alarms.reset_index()[["customer_id", "as_of"]]
    alarmed = alarmed.assign(customer_id=identifier_text(alarmed["customer_id"]))
    alarmed = alarmed.assign(as_of=read_time_column(alarmed["as_of"], "alarms.as_of"))
    begun = cases.reset_index(drop=True)
    begun = begun.assign(start_date=read_time_column(begun["start_date"], "cases.start_date"))
    begun = begun.assign(customer_id=identifier_text(begun["customer_id"]))
    pairs = begun.reset_index(names="case").merge(alarmed, on="customer_id")
    inside = pairs["as_of"] >= pairs["start_date"]
    if "end_date" in pairs:
        ends = read_time_column(pairs["end_date"], "cases.end_date")
        inside &= ends.isna() | (pairs["as_of"] <= ends)
    first = pairs[inside].groupby("case")["as_of"].min().reindex(begun.index)
    days = (first - begun["start_date"]).dt.days
    by_kind = {str(kind): _row(days[begun["kind"] == kind]) for kind in sorted(begun["kind"].unique())}
    return pd.DataFrame({**by_kind, "all": _row(days)}).T.rename_axis("kind")


def _row(days: pd.Series) -> dict[str, float]:
    found = days.dropna()
    quarters = np.quantile(found, [0.25, 0.5, 0.75]) if len(found) else np.full(3, np.nan)
    return {
        "cases": float(len(days)),
        "detected": float(len(found)),
        "share": len(found) / len(days) if len(days) else np.nan,
        "quartile_1": float(quarters[0]),
        "median": float(quarters[1]),
        "quartile_3": float(quarters[2]),
    }

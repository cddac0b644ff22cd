"""A random look at customers without an alarm: only it shows what the rules miss."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from custintel.errors import DataError, Problem, raise_problems
from custintel.identifiers import identifier_index, identifier_text
from custintel.metrics.confidence_intervals import wilson

if TYPE_CHECKING:
    from collections.abc import Mapping


_CASES = ("fraud", "arrears")


@dataclass(frozen=True)
class AuditedRecall:
    """What the rules catch and what they miss, from alarms and an audit.

    Parameters
    ----------
    recall, low, high : float
        Estimated share of all cases on which a rule raised an alarm, and its 95 % interval.
    base_rate : float
        Estimated share of customers that are cases.
    caught : int
        Confirmed among the alarmed.
    missed : float
        Estimated number of cases without an alarm.
    customers, audited, open : int
        Customers that the estimate speaks of; looked at in the audit; alarmed or audited without a known outcome,
        which are left out.
    """

    recall: float
    low: float
    high: float
    base_rate: float
    caught: int
    missed: float
    customers: int
    audited: int
    open: int

    def to_state(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> AuditedRecall:
        """Read back what `to_state` gave."""
        return cls(**state)


def audit_sample(X: pd.DataFrame, alarms: pd.DataFrame, *, share: float = 0.015, random_state: int = 0) -> pd.DataFrame:
    """Customers to be looked at although nothing speaks against them: a random sample of those without an alarm.

    Parameters, result and errors: `RuleMonitor.audit_sample`.

    Examples
    --------
    >>> X = pd.DataFrame({"minutes": range(1000)}, index=pd.RangeIndex(1000, name="customer_id"))
    >>> len(audit_sample(X, X.head(100), share=0.02))
    18
    """
    if not 0 < share <= 1:
        raise_problems([Problem("share", "not a share of customers", str(share), "above 0, up to 1")])
    everybody = _named(X)
    free = everybody[~identifier_index(everybody).isin(_customers(alarms))].sort_values()
    if not len(free):
        raise DataError("every customer has an alarm: there is nobody to audit\n  hint: look at the rules first")
    drawn = max(1, round(share * len(free)))
    chosen = np.sort(np.random.default_rng(random_state).choice(len(free), drawn, replace=False))
    return pd.DataFrame({"probability": drawn / len(free)}, index=free[chosen].rename("customer_id"))


def audited_recall(X: pd.DataFrame, alarms: pd.DataFrame, audit: pd.DataFrame, outcomes: pd.DataFrame) -> AuditedRecall:
    """Recall of the rules and share of cases among all customers, without the bias of looking only at alarms.

    Each case found in the audit stands for as many customers as its probability of being drawn says (Horvitz and
    Thompson 1952); the interval is Wilson's for the share of cases among the audited.

    Parameters, result and errors: `RuleMonitor.audited_recall`.
    """
    known = _known(outcomes)
    alarmed = _customers(X).intersection(_customers(alarms))
    audit = audit.set_axis(identifier_index(audit.index))
    closed, looked = alarmed.intersection(known.index), audit.index.intersection(known.index)
    if not len(looked):
        raise DataError("no customer of the audit has a known outcome\n  hint: outcomes of audited customers, too")
    free = len(_customers(X)) - len(alarmed)
    weight = free / audit.loc[looked, "probability"].rdiv(1).sum() / audit.loc[looked, "probability"]
    return _estimate(known[closed], known[looked], weight.to_numpy(), free, len(alarmed) + len(audit))


def review_labels(alarms: pd.DataFrame, audit: pd.DataFrame, outcomes: pd.DataFrame) -> pd.DataFrame:
    """What reviews found out, as labels of the next training, with the chance that the customer was looked at.

    Parameters, result and errors: `RuleMonitor.review_labels`.
    """
    known = _known(outcomes)
    alarmed = _customers(alarms).intersection(known.index)
    audit = audit.set_axis(identifier_index(audit.index))
    looked = audit.index.intersection(known.index).difference(alarmed)
    chance = pd.concat([pd.Series(1.0, alarmed), audit.loc[looked, "probability"]])
    frame = pd.DataFrame({"label": known[chance.index].astype(float), "propensity": chance.astype(float)})
    return frame.rename_axis("customer_id").sort_index()


def confirmed_cases(outcomes: pd.DataFrame) -> pd.DataFrame:
    """Confirmed outcomes as rows of the contract table `cases`.

    Parameters, result and errors: `RuleMonitor.confirmed_cases`.
    """
    frame = outcomes.reset_index() if outcomes.index.name == "customer_id" else outcomes
    absent = [name for name in ("customer_id", "outcome", "time") if name not in frame]
    if absent:
        given = ", ".join(map(str, frame.columns))
        raise_problems([Problem("outcomes", f"columns are missing: {', '.join(absent)}", given, "", _CASE_HINT)])
    found = frame[frame["outcome"].isin(_CASES)]
    customer, time = identifier_text(found["customer_id"]), pd.to_datetime(found["time"])
    kind = found["kind"].fillna(found["outcome"]) if "kind" in found else found["outcome"]
    table = pd.DataFrame(
        {
            "case_id": "review-" + time.dt.strftime("%Y%m%d-") + customer,
            "customer_id": customer,
            "event_time": time,
            "arrival_time": time,
            "kind": kind,
            "loss": found.get("loss", np.nan),
        }
    )
    return table.drop_duplicates("case_id").reset_index(drop=True)


_CASE_HINT = "a case needs the time at which it was confirmed: features and labels before it must not know it"


def _estimate(closed: pd.Series, looked: pd.Series, weight: np.ndarray, free: int, asked: int) -> AuditedRecall:
    caught, missed = int(closed.sum()), float(weight @ looked.to_numpy(float))
    low, high = wilson(missed / free * len(looked), len(looked))
    customers = len(closed) + free
    return AuditedRecall(
        recall=_share(caught, missed),
        low=_share(caught, high * free),
        high=_share(caught, low * free),
        base_rate=(caught + missed) / customers,
        caught=caught,
        missed=missed,
        customers=customers,
        audited=len(looked),
        open=asked - len(closed) - len(looked),
    )


def _share(caught: float, missed: float) -> float:
    return caught / (caught + missed) if caught + missed > 0 else float("nan")


def _named(table: pd.DataFrame) -> pd.Index:
    """Each customer once, as the table names them."""
    index = table.index
    return (index.get_level_values("customer_id") if "customer_id" in index.names else index).unique()


def _customers(table: pd.DataFrame) -> pd.Index:
    """Each customer once, as text: tables of different readers meet here."""
    return identifier_index(_named(table)).unique()


def _known(outcomes: pd.DataFrame) -> pd.Series:
    """1 for cases, 0 for others, by customer; unknown ones left out."""
    frame = outcomes.set_index("customer_id") if "customer_id" in outcomes else outcomes
    frame = frame.set_axis(identifier_index(frame.index))
    known = frame.loc[frame["outcome"].isin([*_CASES, "not"]), "outcome"]
    return known.isin(_CASES).groupby(level=0).max().astype(int)

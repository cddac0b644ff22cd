"""What became of alarms: the words of analysts, read as confirmed, refuted, or not known.

>>> verdicts(pd.Series(["fraud", "not", "unknown", True])).tolist()
[True, False, None, True]
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from custintel.errors import DataError, rows_at
from custintel.identifiers import identifier_text

if TYPE_CHECKING:
    from custintel.rules._base import RuleBase

__all__ = ["closed_alarms", "customer_verdicts", "flat", "verdicts"]

_CONFIRMED = ("fraud", "arrears", "abuse", "confirmed", "true", "yes", "1", "1.0")
_REFUTED = ("not", "legitimate", "refuted", "false", "no", "0", "0.0")
_OPEN = ("unknown", "open", "", "nan", "none", "nat", "<na>")
_TIMES = ("time", "closed", "event_time", "as_of", "month")


def verdicts(outcomes: pd.Series) -> pd.Series:
    """True for confirmed, False for refuted, missing for what is not known."""
    said = outcomes.astype(str).str.strip().str.lower()
    unread = sorted(set(said) - {*_CONFIRMED, *_REFUTED, *_OPEN})
    if unread:
        raise DataError(
            f"an outcome that cannot be read\n  given: {rows_at(said.isin(unread))}\n"
            f"  allowed: {', '.join(_CONFIRMED[:4])}; {', '.join(_REFUTED[:3])}; unknown"
        )
    told = [True if word in _CONFIRMED else False if word in _REFUTED else None for word in said]
    return pd.Series(told, outcomes.index, dtype=object)


def closed_alarms(outcomes: pd.DataFrame, alarms: pd.DataFrame, base: RuleBase) -> pd.DataFrame:
    """Alarms whose outcome is known: rule, customer_id, tier, time, confirmed; one row each.

    Parameters
    ----------
    outcomes : DataFrame
        ``outcome``, and ``rule`` (name or name@version) or ``customer_id`` or both; ``time`` where known. Without
        ``rule`` an outcome is that of all alarms on the customer.
    alarms : DataFrame
        What was alarmed of.
    base : RuleBase
        Where the rules are looked up.
    """
    given = _given(outcomes)
    if "rule" not in given:
        pairs = flat(alarms)[["customer_id", "rule", "tier"]].drop_duplicates(["customer_id", "rule"])
        given = given.drop(columns=["tier"], errors="ignore").merge(pairs, on="customer_id")
    given = given[given["confirmed"].notna()].copy()
    names = {id_: entry.rule.name for id_, entry in base.entries.items()}
    given["rule"] = given["rule"].astype(str).map(lambda said: names.get(said, said.split("@")[0]))
    given["confirmed"] = given["confirmed"].astype(bool)
    return given.reindex(columns=["rule", "customer_id", "tier", "time", "confirmed"])


def _given(outcomes: pd.DataFrame) -> pd.DataFrame:
    frame = flat(outcomes)
    if "customer_id" not in frame and "alarm" in frame:  # a mark of customer and month where ids are not kept
        frame = frame.assign(customer_id=identifier_text(frame["alarm"]))
    if "outcome" not in frame or not {"rule", "customer_id"} & set(frame.columns):
        raise DataError(
            f"these are no outcomes of alarms\n  given: {', '.join(map(str, frame.columns))}\n"
            "  allowed: outcome, with rule or customer_id, and time"
        )
    frame = frame.assign(confirmed=verdicts(frame["outcome"]))
    time = next((frame[name] for name in _TIMES if name in frame), pd.Series(None, frame.index, dtype=object))
    return frame.assign(time=_naive(time))


def customer_verdicts(outcomes: pd.DataFrame) -> dict[str, bool]:
    """Of each customer with an outcome: whether any was confirmed."""
    given = _given(outcomes)
    if "customer_id" not in given:
        return {}
    known = given[given["confirmed"].notna()]
    return {str(name): bool(any(told)) for name, told in known.groupby("customer_id")["confirmed"]}


def flat(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with customers (and dates) as columns, customers as texts."""
    levels = [name for name in frame.index.names if name]
    plain = frame.reset_index([name for name in levels if name not in frame.columns]) if levels else frame
    return plain.assign(customer_id=identifier_text(plain["customer_id"])) if "customer_id" in plain else plain


def _naive(time: Any) -> pd.Series:
    """UTC without its mark, so that times of all sources can be compared."""
    naive: pd.Series = pd.to_datetime(time, utc=True, format="ISO8601").dt.tz_localize(None)
    return naive

"""Tiers given by hand: checked when they are read, and put in place of computed ones while they hold."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from custintel.dates import read_time_column
from custintel.errors import Problem, QualityWarning, raise_problems
from custintel.identifiers import identifier_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_KEYS = ("customer_id", "tier", "reason", "expires")


def checked_overrides(overrides: pd.DataFrame, names: Sequence[str], start: pd.Timestamp) -> pd.DataFrame:
    """Tiers given by hand, each with a reason and a last day, with dates read; all mistakes are raised together.

    Parameters
    ----------
    overrides : DataFrame
        ``customer_id``, ``tier``, ``reason``, ``expires`` and perhaps ``since``.
    names : sequence of str
        The tiers.
    start : Timestamp
        First day of the months to be decided.
    """
    absent = [key for key in _KEYS if key not in overrides]
    if absent:
        raise_problems([Problem("overrides", "columns are missing", ", ".join(absent), ", ".join(_KEYS))])
    frame = overrides.reset_index(drop=True)
    since = frame["since"] if "since" in frame else pd.Series(pd.NaT, index=frame.index)
    since = read_time_column(since, "overrides.since")
    frame = frame.assign(since=since, expires=read_time_column(frame["expires"], "overrides.expires"))
    problems = [p for row in frame.to_dict("records") for p in _problems(row, names, start)]
    raise_problems([*problems, *_overlaps(frame)])
    return frame


def apply_overrides(found: pd.DataFrame, overrides: pd.DataFrame) -> pd.DataFrame:
    """Put tiers given by hand in place of computed ones in the months that they cover, even in part."""
    overrides = overrides.assign(customer_id=identifier_text(overrides["customer_id"]))
    rows = pd.DataFrame({"customer_id": identifier_text(found["customer_id"]), "month": found["month"].to_numpy()})
    known = overrides["customer_id"].isin(rows["customer_id"])
    if not known.all():
        who = ", ".join(map(str, overrides.loc[~known, "customer_id"].head(5)))
        warnings.warn(
            f"{int((~known).sum())} overrides of customers without a row: {who}", QualityWarning, stacklevel=4
        )
    both = rows.assign(row=np.arange(len(found))).merge(overrides[[*_KEYS, "since"]], on="customer_id")
    late = both["month"] + pd.offsets.MonthEnd(0) < both["since"]
    both = both[~late & (both["month"] <= both["expires"])]
    for name in ("tier", "reason"):
        content = found[name].to_numpy(dtype=object, copy=True)
        content[both["row"]] = both[name]
        found[name] = pd.Series(content, dtype=object, index=found.index)
    return found


def _problems(row: Mapping[Any, Any], names: Sequence[str], start: pd.Timestamp) -> list[Problem]:
    where, found = f"override of {row['customer_id']}", []
    if row["tier"] not in names:
        found.append(Problem(where, "unknown tier", str(row["tier"]), ", ".join(names)))
    if not isinstance(row["reason"], str) or not row["reason"].strip():
        found.append(Problem(where, "no reason", hint="write why, for those who will ask"))
    return found + _date_problems(where, row["since"], row["expires"], start)


def _date_problems(where: str, since: Any, expires: Any, start: pd.Timestamp) -> list[Problem]:
    if pd.isna(expires):
        return [Problem(where, "no expiry", hint="every override ends; give its last day")]
    if not pd.isna(since) and expires < since:
        return [Problem(where, "expires before it begins", f"{since:%Y-%m-%d} to {expires:%Y-%m-%d}")]
    if expires < start:
        hint = "take expired overrides out of the table, or renew them"
        return [Problem(where, "has expired", f"{expires:%Y-%m-%d}", f"{start:%Y-%m-%d} or later", hint)]
    return []


def _overlaps(frame: pd.DataFrame) -> list[Problem]:
    """Two overrides of one customer on one day: which of them would hold?"""
    ordered = frame.sort_values(["customer_id", "since"], na_position="first", kind="stable")
    earlier = ordered.groupby("customer_id")["expires"].shift()
    double = earlier.notna() & (ordered["since"].isna() | (ordered["since"] <= earlier))
    hint = "end the first the day before the second begins"
    return [
        Problem(f"override of {who}", "two on the same day", hint=hint)
        for who in ordered.loc[double, "customer_id"].drop_duplicates()
    ]

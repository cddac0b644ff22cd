"""The out-of-time split: train on dates whose labels were known on the test date, test on the last labelled date.

With a gap of 15 days, a horizon of 60 and a silence of 30 days, a label is known 105 days after its date:

>>> dates = pd.date_range("2025-02-28", periods=7, freq="ME")
>>> split = split_in_time(dates, known_after=105)
>>> [str(date.date()) for date in split.train], str(split.test.date())
(['2025-02-28', '2025-03-31', '2025-04-30'], '2025-08-31')
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from custintel.errors import DataError, DateError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


@dataclass(frozen=True)
class TimeSplit:
    """As-of dates to learn from, and the one to be judged on."""

    train: tuple[pd.Timestamp, ...]
    test: pd.Timestamp


def split_in_time(dates: Sequence[pd.Timestamp], known_after: int, history_days: int = 60) -> TimeSplit:
    """Split labelled dates; a train date is at least `known_after` days before the test date."""
    ordered = sorted(pd.Timestamp(date) for date in dates)
    if ordered:
        latest = ordered[-1] - pd.Timedelta(days=known_after)
        train = tuple(date for date in ordered if date <= latest)
        if train:
            return TimeSplit(train, ordered[-1])
    raise DateError(_too_short(ordered, known_after, history_days))


def months_needed(known_after: int, history_days: int) -> int:
    """Calendar months of data from which one train date and one test date are possible.

    The first as-of date needs `history_days` before it, its label `known_after` days to the test date, and the test
    date's label as many days again; dates stand at month ends, so up to a month is lost at each.

    >>> months_needed(known_after=105, history_days=60)
    11
    """
    start = pd.Timestamp("2025-01-01")  # a February counts against us
    first = _month_end(start + pd.Timedelta(days=history_days - 1))
    test = _month_end(first + pd.Timedelta(days=known_after))
    end = test + pd.Timedelta(days=known_after)
    return (end.year - start.year) * 12 + end.month - start.month + 1


def _month_end(date: pd.Timestamp) -> pd.Timestamp:
    return date + pd.offsets.MonthEnd(0)


def _too_short(dates: Sequence[pd.Timestamp], known_after: int, history_days: int) -> str:
    """Message for a history that does not allow an out-of-time test."""
    given = ", ".join(str(date.date()) for date in dates) or "none"
    return (
        "the data are too short for an out-of-time test\n"
        f"  given: as-of dates with closed labels: {given}\n"
        f"  allowed: a test date at least {known_after} days after a train date (its labels are known by then)\n"
        f"  hint: about {months_needed(known_after, history_days)} months of data are needed "
        f"({history_days} days of history, then twice {known_after} days until a label is known)"
    )


# Folds for judging parameters: stratified by label, all rows of a customer on one side, later dates where there are.
#
# Tables with as-of dates are judged as the model will be used: it learns from earlier dates and other customers and
# answers for later dates. How far apart the dates stand, `about` says in words:
#
# >>> import pandas as pd
# >>> rows = pd.MultiIndex.from_product([pd.date_range("2025-01-31", periods=4, freq="ME"), range(60)])
# >>> y = pd.Series([0, 1] * 120, index=rows.set_names(["as_of", "customer_id"]))
# >>> judging = judging_folds(y, y.index.get_level_values("customer_id"), seed=0, known_after=50)
# >>> print(judging.about)
# out of time: learned from as-of dates to 2025-02-28, judged on 2025-04-30, other customers; 3 folds, 2 repeats


Rows = npt.NDArray[np.intp]
Fold = tuple[Rows, Rows]

_FOLDS = 3
_REPEATS = 2
_ROWS_TO_REPEAT = 20_000
_FEWEST = 10


@dataclass(frozen=True)
class Judging:
    """Folds of the search, folds of the last comparison (the same, repeated), and how they were cut, in words."""

    search: tuple[Fold, ...]
    final: tuple[Fold, ...]
    about: str


@dataclass(frozen=True)
class Eras:
    """Rows that may be learned from, rows that are judged, the dates they have, and this in words."""

    early: npt.NDArray[np.bool_]
    late: npt.NDArray[np.bool_]
    learned: pd.DatetimeIndex
    judged: pd.DatetimeIndex
    about: str

    def judgeable(self, y: pd.Series) -> bool:
        """Whether both sides have enough of both answers."""
        return _judgeable(y, (np.flatnonzero(self.early), np.flatnonzero(self.late)))


def fold_rows(y: pd.Series, groups: Any, folds: int, seed: int) -> Iterator[Fold]:
    """Row numbers to learn from and to judge on.

    >>> y = pd.Series([0, 1] * 6)
    >>> [len(test) for _, test in fold_rows(y, None, 3, 0)]
    [4, 4, 4]
    """
    rare = int(min(y.sum(), len(y) - y.sum()))
    if rare < folds:
        raise DataError(
            f"too few rows of one class for {folds} folds\n  given: {rare} of {len(y)} rows\n"
            f"  allowed: at least {folds} of each class"
        )
    if groups is None:
        return iter(StratifiedKFold(folds, shuffle=True, random_state=seed).split(np.zeros(len(y)), y))
    splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    return iter(splitter.split(np.zeros(len(y)), y, np.asarray(groups)))


def judging_folds(y: pd.Series, groups: Any, seed: int, known_after: int = 0) -> Judging:
    """Folds for comparing parameters, repeated for small tables.

    Parameters
    ----------
    y : Series
        Labels; an index level `as_of` makes the folds out of time.
    groups : array-like, optional
        Customer of each row.
    seed : int
        Seed of the first repeat; the second one takes the next number.
    known_after : int
        Days until a label is known: learned and judged dates stand so far apart, if the dates allow it.
    """
    eras = eras_of(y, known_after)
    repeats = _REPEATS if len(y) <= _ROWS_TO_REPEAT else 1
    cut = [tuple(_cut(y, groups, eras, seed + k)) for k in range(repeats)]
    if eras is not None and not all(_judgeable(y, fold) for folds in cut for fold in folds):
        eras, cut = None, [tuple(_cut(y, groups, None, seed + k)) for k in range(repeats)]
    about = "cross-validation" if eras is None else eras.about
    repeated = f", {repeats} repeats" if repeats > 1 else ""
    return Judging(cut[0], sum(cut, ()), f"{about}; {_FOLDS} folds{repeated}")


def _cut(y: pd.Series, groups: Any, eras: Eras | None, seed: int) -> Iterator[Fold]:
    for learn, test in fold_rows(y, groups, _FOLDS, seed):
        if eras is None:
            yield learn, test
        else:
            yield learn[eras.early[learn]], test[eras.late[test]]


def folds_in_time(y: pd.Series, groups: Any, eras: Eras, folds: int, seed: int) -> list[Fold]:
    """Learn from earlier dates, judge on later ones; with `groups` on other customers, a fold of them at a time.

    >>> dates = pd.to_datetime(["2025-01-31"] * 20 + ["2025-02-28"] * 20)
    >>> y = pd.Series([0, 1] * 20, index=pd.Index(dates, name="as_of"))
    >>> eras = eras_of(y)
    >>> [(len(learn), len(test)) for learn, test in folds_in_time(y, None, eras, 5, 0)]
    [(20, 20)]
    >>> folds = folds_in_time(y, list(range(20)) * 2, eras, 5, 0)
    >>> [(len(learn), len(test)) for learn, test in folds]
    [(16, 4), (16, 4), (16, 4), (16, 4), (16, 4)]
    """
    if groups is None:
        return [(np.flatnonzero(eras.early), np.flatnonzero(eras.late))]
    return [(learn[eras.early[learn]], test[eras.late[test]]) for learn, test in fold_rows(y, groups, folds, seed)]


def eras_of(y: pd.Series, known_after: int = 0) -> Eras | None:
    """Dates of the last third are judged; None without two dates."""
    if "as_of" not in y.index.names:
        return None
    dates = pd.DatetimeIndex(y.index.get_level_values("as_of"))
    days = dates.dropna().unique().sort_values()
    if len(days) < 2:
        return None
    judged = days[-max(1, len(days) // 3) :]
    before = days[days < judged[0]]
    apart = before[before <= judged[0] - pd.Timedelta(days=known_after)]
    learned = apart if len(apart) else before
    overlap = "" if len(apart) else " (closer than labels are known: there are no earlier dates)"
    span = " to ".join(dict.fromkeys(str(d.date()) for d in (judged[0], judged[-1])))
    about = f"out of time: learned from as-of dates to {learned[-1].date()}, judged on {span}{overlap}, other customers"
    return Eras(np.asarray(dates.isin(learned)), np.asarray(dates.isin(judged)), learned, judged, about)


def _judgeable(y: pd.Series, fold: Fold) -> bool:
    """Enough of both answers on both sides."""
    return all(min(y.iloc[rows].sum(), len(rows) - y.iloc[rows].sum()) >= _FEWEST for rows in fold)

"""The out-of-time split of training and test dates, and the folds on which parameters are compared.

A model learns from dates whose labels were known on the test date, and the test date is the last labelled one. With a
gap of 15 days, a horizon of 60 and a silence of 30 days, a label is known 105 days after its date:

>>> dates = pd.date_range("2025-02-28", periods=7, freq="ME")
>>> split = split_in_time(dates, label_delay_days=105)
>>> [str(date.date()) for date in split.train], str(split.test.date())
(['2025-02-28', '2025-03-31', '2025-04-30'], '2025-08-31')

Folds are stratified by label and hold all rows of a customer on one side. Where rows have dates, a fold learns from
earlier dates and other customers and is judged on later dates, as the model will be used:

>>> rows = pd.MultiIndex.from_product([pd.date_range("2025-01-31", periods=4, freq="ME"), range(90)])
>>> y = pd.Series([0, 1] * 180, index=rows.set_names(["as_of", "customer_id"]))
>>> folds = tuning_folds(y, y.index.get_level_values("customer_id"), random_state=0, label_delay_days=50)
>>> print(folds.description)
out of time: learned from as-of dates to 2025-02-28, judged on 2025-04-30, other customers; 3 folds, 2 repeats
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from custintel.adapters.adapter import LEAST_ROWS_OF_A_CLASS
from custintel.errors import DataError, DateError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


Rows = npt.NDArray[np.intp]
Fold = tuple[Rows, Rows]

_FOLDS = 3
_REPEATS = 2
_ROWS_TO_REPEAT = 20_000


@dataclass(frozen=True)
class TimeSplit:
    """As-of dates to learn from, and the one to be judged on."""

    train: tuple[pd.Timestamp, ...]
    test: pd.Timestamp


def split_in_time(dates: Sequence[pd.Timestamp], label_delay_days: int, history_days: int = 60) -> TimeSplit:
    """Split labelled dates; a train date is at least `label_delay_days` days before the test date."""
    ordered = sorted(pd.Timestamp(date) for date in dates)
    if ordered:
        latest = ordered[-1] - pd.Timedelta(days=label_delay_days)
        train = tuple(date for date in ordered if date <= latest)
        if train:
            return TimeSplit(train, ordered[-1])
    raise DateError(_too_short(ordered, label_delay_days, history_days))


def months_needed(label_delay_days: int, history_days: int) -> int:
    """Calendar months of data from which one train date and one test date are possible.

    The first as-of date needs `history_days` before it, its label `label_delay_days` to the test date, and the
    test date's label as many days again; dates stand at month ends, so up to a month is lost at each.

    >>> months_needed(label_delay_days=105, history_days=60)
    11
    """
    start = pd.Timestamp("2025-01-01")  # a February counts against us
    first = _month_end(start + pd.Timedelta(days=history_days - 1))
    test = _month_end(first + pd.Timedelta(days=label_delay_days))
    end = test + pd.Timedelta(days=label_delay_days)
    return (end.year - start.year) * 12 + end.month - start.month + 1


def _month_end(date: pd.Timestamp) -> pd.Timestamp:
    return date + pd.offsets.MonthEnd(0)


def _too_short(dates: Sequence[pd.Timestamp], label_delay_days: int, history_days: int) -> str:
    """Message for a history that does not allow an out-of-time test."""
    given = ", ".join(str(date.date()) for date in dates) or "none"
    return (
        "the data are too short for an out-of-time test\n"
        f"  given: as-of dates with closed labels: {given}\n"
        f"  allowed: a test date at least {label_delay_days} days after a train date (its labels are known by then)\n"
        f"  hint: about {months_needed(label_delay_days, history_days)} months of data are needed "
        f"({history_days} days of history, then twice {label_delay_days} days until a label is known)"
    )


def rows_of_a_third(groups: np.ndarray, events: np.ndarray, random_state: int) -> npt.NDArray[np.bool_]:
    """Rows of groups drawn by lot until they hold a third of the events, and of others until they hold a third.

    A group stands on one side. Groups differ in size: a ring of fraudsters has many rows, and one that would take more
    than half of the events away from learning is not drawn.

    >>> groups = np.array(["a", "a", "b", "b", "c", "c"])
    >>> int(rows_of_a_third(groups, np.array([1, 0, 1, 1, 1, 1]), 0).sum())
    2
    """
    number = np.unique(groups.astype(str), return_inverse=True)[1].ravel()
    inside = np.bincount(number, events)
    rng = np.random.default_rng(random_state)
    drawn = np.zeros(len(inside), dtype=bool)
    for weight in (inside, np.where(inside > 0, 0, np.bincount(number))):
        drawn[_drawn_groups(weight, rng.permutation(np.flatnonzero(weight)))] = True
    return np.asarray(drawn[number])


def _drawn_groups(weight: np.ndarray, order: np.ndarray) -> list[int]:
    """Groups in their order until they weigh a third of all, without those that would bring them above a half."""
    total, so_far, drawn = weight.sum(), 0.0, list[int]()
    for group in order:
        if so_far >= total / 3:
            break
        if so_far + weight[group] <= total / 2:
            so_far += weight[group]
            drawn.append(int(group))
    return drawn


@dataclass(frozen=True)
class TuningFolds:
    """Folds of the search, folds of the last comparison (the same, repeated), and how they were cut, in words."""

    search: tuple[Fold, ...]
    final: tuple[Fold, ...]
    description: str


@dataclass(frozen=True)
class OutOfTimeRows:
    """Rows that may be learned from, rows that are judged, the dates they have, and this in words."""

    train_rows: npt.NDArray[np.bool_]
    test_rows: npt.NDArray[np.bool_]
    train_dates: pd.DatetimeIndex
    test_dates: pd.DatetimeIndex
    description: str


def binary_answer(y: pd.Series, target: str) -> pd.Series:
    """An answer of any kind as 0 and 1, for folds with enough of both: above the median, or the most frequent class.

    >>> binary_answer(pd.Series([0.0, 0.0, 5.0, 9.0]), "amount").tolist()
    [0, 0, 1, 1]
    """
    cut = y if y.isin([0, 1]).all() else y > y.median() if target != "class" else y == y.mode().iloc[0]
    return pd.Series(cut.to_numpy(np.int64), index=y.index, name=y.name)


def stratified_folds(y: pd.Series, groups: Any, folds: int, random_state: int) -> Iterator[Fold]:
    """Row numbers to learn from and to judge on.

    >>> y = pd.Series([0, 1] * 6)
    >>> [len(test) for _, test in stratified_folds(y, None, 3, 0)]
    [4, 4, 4]
    """
    rare = int(min(y.sum(), len(y) - y.sum()))
    if rare < folds:
        raise DataError(
            f"too few rows of one class for {folds} folds\n  given: {rare} of {len(y)} rows\n"
            f"  allowed: at least {folds} of each class"
        )
    if groups is None:
        return iter(StratifiedKFold(folds, shuffle=True, random_state=random_state).split(np.zeros(len(y)), y))
    splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=random_state)
    return iter(splitter.split(np.zeros(len(y)), y, np.asarray(groups)))


def tuning_folds(y: pd.Series, groups: Any, random_state: int, label_delay_days: int = 0) -> TuningFolds:
    """Folds for comparing parameters, repeated for small tables.

    Parameters
    ----------
    y : Series
        Labels; an index level `as_of` makes the folds out of time.
    groups : array-like, optional
        Customer of each row.
    random_state : int
        Seed of the first repeat; the second one takes the next number.
    label_delay_days : int
        Days until a label is known: learned and judged dates stand so far apart, if the dates allow it.
    """
    out_of_time = out_of_time_rows(y, label_delay_days)
    repeats = _REPEATS if len(y) <= _ROWS_TO_REPEAT else 1
    cut = [tuple(_folds(y, groups, out_of_time, random_state + k)) for k in range(repeats)]
    if out_of_time is not None and not all(_both_classes_present(y, fold) for folds in cut for fold in folds):
        out_of_time, cut = None, [tuple(_folds(y, groups, None, random_state + k)) for k in range(repeats)]
    description = "cross-validation" if out_of_time is None else out_of_time.description
    repeated = f", {repeats} repeats" if repeats > 1 else ""
    return TuningFolds(cut[0], sum(cut, ()), f"{description}; {_FOLDS} folds{repeated}")


def _folds(y: pd.Series, groups: Any, out_of_time: OutOfTimeRows | None, random_state: int) -> Iterator[Fold]:
    for learn, test in stratified_folds(y, groups, _FOLDS, random_state):
        if out_of_time is None:
            yield learn, test
        else:
            yield learn[out_of_time.train_rows[learn]], test[out_of_time.test_rows[test]]


def out_of_time_folds(
    y: pd.Series, groups: Any, out_of_time: OutOfTimeRows, folds: int, random_state: int
) -> list[Fold]:
    """Learn from earlier dates, judge on later ones; with `groups` on other customers, a fold of them at a time.

    >>> dates = pd.to_datetime(["2025-01-31"] * 20 + ["2025-02-28"] * 20)
    >>> y = pd.Series([0, 1] * 20, index=pd.Index(dates, name="as_of"))
    >>> out_of_time = out_of_time_rows(y)
    >>> [(len(learn), len(test)) for learn, test in out_of_time_folds(y, None, out_of_time, 5, 0)]
    [(20, 20)]
    >>> folds = out_of_time_folds(y, list(range(20)) * 2, out_of_time, 5, 0)
    >>> [(len(learn), len(test)) for learn, test in folds]
    [(16, 4), (16, 4), (16, 4), (16, 4), (16, 4)]
    """
    if groups is None:
        return [(np.flatnonzero(out_of_time.train_rows), np.flatnonzero(out_of_time.test_rows))]
    return [
        (learn[out_of_time.train_rows[learn]], test[out_of_time.test_rows[test]])
        for learn, test in stratified_folds(y, groups, folds, random_state)
    ]


def out_of_time_rows(y: pd.Series, label_delay_days: int = 0) -> OutOfTimeRows | None:
    """Dates of the last third are judged; None without two dates."""
    if "as_of" not in y.index.names:
        return None
    dates = pd.DatetimeIndex(y.index.get_level_values("as_of"))
    days = dates.dropna().unique().sort_values()
    if len(days) < 2:
        return None
    test_dates = days[-max(1, len(days) // 3) :]
    before = days[days < test_dates[0]]
    apart = before[before <= test_dates[0] - pd.Timedelta(days=label_delay_days)]
    train_dates = apart if len(apart) else before
    overlap = "" if len(apart) else " (closer than labels are known: there are no earlier dates)"
    span = " to ".join(dict.fromkeys(str(d.date()) for d in (test_dates[0], test_dates[-1])))
    about = (
        f"out of time: learned from as-of dates to {train_dates[-1].date()}, judged on {span}{overlap}, other customers"
    )
    return OutOfTimeRows(
        np.asarray(dates.isin(train_dates)), np.asarray(dates.isin(test_dates)), train_dates, test_dates, about
    )


def _both_classes_present(y: pd.Series, fold: Fold) -> bool:
    """Enough of both answers on both sides."""
    return all(min(y.iloc[rows].sum(), len(rows) - y.iloc[rows].sum()) >= LEAST_ROWS_OF_A_CLASS for rows in fold)

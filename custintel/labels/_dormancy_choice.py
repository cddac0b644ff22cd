"""The shortest silence after which few lines come back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from custintel.errors import DataError, Problem, raise_problems
from custintel.labels._dormancy import dormancy_curve

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from custintel.warehouse import Warehouse

__all__ = ["DormancyChoice", "choose_dormancy"]

_SHOWN = (15, 30, 60, 90)
_ASKED = tuple(range(5, 95, 5))
_FEWEST_SILENCES = 50


@dataclass(frozen=True)
class DormancyChoice:
    """Answer of `choose_dormancy`.

    Attributes
    ----------
    days : int or None
        Days of silence to take as ``ChurnDefinition.dormancy_days``; None when no length asked about qualifies.
    curve : DataFrame
        silent_days, silences, returned, share_back, and ``enough``: silences enough to judge that length.
    ahead : int
        Days over which a line may come back.
    most : float
        Share that may come back.
    """

    days: int | None
    curve: pd.DataFrame
    ahead: int
    most: float

    @property
    def words(self) -> str:
        """The answer, and the curve at 15, 30, 60 and 90 days (or at what was asked), in plain English."""
        shown = self.curve[self.curve["silent_days"].isin({*_SHOWN, self.days})]
        lines = [_point(row, self.ahead) for row in (shown if len(shown) else self.curve).itertuples()]
        return "\n".join([self._answer(), *lines])

    def _answer(self) -> str:
        limit = f"fewer than {100 * self.most:.3g} % of the lines come back within {self.ahead} days"
        if self.days is not None:
            return f"After {self.days} days of silence {limit}."
        judged = self.curve.loc[self.curve["enough"], "silent_days"]
        return f"At none of the lengths that can be judged (up to {judged.max()} days of silence) do {limit}."


def choose_dormancy(wh: Warehouse, days: Sequence[int] = _ASKED, ahead: int = 90, most: float = 0.05) -> DormancyChoice:
    """Days of silence after which a prepaid line can be taken to be gone.

    The shortest of `days` after which fewer than `most` of the silent lines come back within `ahead` days. A length is
    judged by at least 50 silences that could be watched to the end.

    Parameters
    ----------
    wh : Warehouse
        The operator's tables.
    days : list of int
        Lengths of silence asked about, in days; 5, 10, ... 90 by default.
    ahead : int
        Days over which a line may come back.
    most : float
        Share of silent lines that may come back, between 0 and 1.

    Raises
    ------
    DataError
        When the data are too short, or too few lines fall silent, to judge any of the lengths.

    Examples
    --------
    >>> import pandas as pd
    >>> from custintel.warehouse import Warehouse
    >>> year = pd.date_range("2025-01-01", "2025-12-31")
    >>> holiday = (year >= "2025-03-01") & (year < "2025-03-13")
    >>> gone = year < "2025-05-01"
    >>> lives = {f"h{n}": year[~holiday] for n in range(60)} | {f"g{n}": year[gone] for n in range(60)}
    >>> calls = pd.concat([pd.DataFrame({"customer_id": k, "event_time": v}) for k, v in lives.items()])
    >>> wh = Warehouse.from_frames(usage=calls.assign(service="sms", direction="out"))
    >>> choice = choose_dormancy(wh)
    >>> choice.days
    15
    >>> print(choice.words)
    After 15 days of silence fewer than 5 % of the lines come back within 90 days.
    15 days: 0 of 60 came back within 90 days (0.0 %)
    30 days: 0 of 60 came back within 90 days (0.0 %)
    60 days: 0 of 60 came back within 90 days (0.0 %)
    90 days: 0 of 60 came back within 90 days (0.0 %)
    """
    asked = sorted(set(days))
    _check(asked, ahead, most)
    curve = dormancy_curve(wh, asked, ahead)
    curve = curve.assign(enough=curve["silences"] >= _FEWEST_SILENCES)
    if not curve["enough"].any():
        raise DataError(_too_little(wh, curve, ahead))
    return DormancyChoice(_shortest(curve[curve["enough"]], most), curve, ahead, most)


def _check(days: Sequence[int], ahead: int, most: float) -> None:
    problems = []
    if not days or days[0] < 1:
        problems.append(Problem("days", "not lengths of silence", str(list(days)), "one or more whole numbers from 1"))
    if ahead < 1:
        problems.append(Problem("ahead", "not a number of days", str(ahead), "1 or more"))
    if not 0 < most < 1:
        problems.append(Problem("most", "not a share", str(most), "between 0 and 1"))
    raise_problems(problems)


def _shortest(judged: pd.DataFrame, most: float) -> int | None:
    fits = judged.loc[judged["share_back"] < most, "silent_days"]
    return int(fits.min()) if len(fits) else None


def _too_little(wh: Warehouse, curve: pd.DataFrame, ahead: int) -> str:
    first, last = wh.period
    shortest = int(curve["silent_days"].min())
    have = (last - first).days + 1
    asked = f"a silence of {shortest} days and {ahead} days after it"
    if have < shortest + ahead + 1:
        return (
            f"the horizon is longer than the data\n  given: {have} days of data\n"
            f"  allowed: {shortest + ahead + 1} or more, for {asked}\n  hint: a smaller `ahead`, or more months of data"
        )
    most = int(curve["silences"].max())
    return (
        f"too few silences of prepaid lines to choose from\n  given: at most {most} that could be watched to the end\n"
        f"  allowed: {_FEWEST_SILENCES} or more at one length, for {asked}\n"
        "  hint: more lines or months, or set ChurnDefinition(dormancy_days=30) by rule"
    )


def _point(row: Any, ahead: int) -> str:
    n, back, of = int(row.silent_days), int(row.returned), int(row.silences)
    share = f"{100 * back / of:.1f} %" if of else "nothing known"
    few = "" if row.enough else ", too few to judge"
    return f"{n} days: {back} of {of} came back within {ahead} days ({share}{few})"

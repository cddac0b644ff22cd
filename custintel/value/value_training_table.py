"""What a value model learns from and is asked about: features and past margins as of dates, and what came after."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from custintel.builder import FeatureBuilder
from custintel.dates import read_dates
from custintel.errors import DataError, DateError
from custintel.progress import track
from custintel.questions import exit_times
from custintel.value._monthly_margin import monthly_margin, value_column
from custintel.value._past_and_future_margin import future_margin, margin_columns
from custintel.value.tiers_of_list import KEY_ACCOUNT

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from custintel.dates import AsOf
    from custintel.questions import Question
    from custintel.warehouse import Warehouse


_MEMBERSHIP_TABLES = {"usage", "customers", "terminations"}
VALUE_FAMILIES = (
    "volumes",
    "bills",
    "payment_behaviour",
    "open_bills",
    "recharges",
    "care_contacts",
    "current_plan",
    "customer_profile",
    "on_net_and_off_net",
    "data_use",
)
"""Families of features that tell how long customers stay and what they will bring."""


@dataclass(frozen=True)
class ValueTable:
    """Rows for `ValueModel.fit`, all with index (as_of, customer_id).

    Attributes
    ----------
    X : DataFrame
        Features and past margins as of each date.
    margins : DataFrame
        Margin in months 1, 2, ... after the date; missing where not known yet, after an exit what still came.
    months, cause : Series
        Months to exit, or watched, and why (`custintel.questions.exit_times`).
    unit : str
        ``margin`` or ``revenue_value``.
    """

    X: pd.DataFrame
    margins: pd.DataFrame
    months: pd.Series
    cause: pd.Series
    unit: str

    @property
    def groups(self) -> np.ndarray:
        """Customer of each row."""
        return np.asarray(self.X.index.get_level_values("customer_id"))

    def fit(self, model: Any) -> Any:
        """Fit a value model on this table.

        Parameters
        ----------
        model : ValueModel
            The model; it is fitted in place.

        Returns
        -------
        ValueModel
            The same model, fitted.
        """
        return model.fit(self.X, self.margins, months=self.months, cause=self.cause, groups=self.groups)


def value_features(
    wh: Warehouse,
    as_of: AsOf | Sequence[AsOf],
    topics: Iterable[str] | FeatureBuilder | None = None,
    costs: Mapping[str, float] | None = None,
) -> pd.DataFrame:
    """Features of all lines in service and their past margins, as known at each date.

    Parameters
    ----------
    wh : Warehouse
        The operator's tables.
    as_of : date or list of dates
        Month ends for a model that is to learn; any day for one that is asked.
    topics : list of str or FeatureBuilder, optional
        Topics or families of features, or a builder of them. By default ``VALUE_FAMILIES``, of which those without
        their tables are left out; one that you name must be there.
    costs : mapping, optional
        Unit costs over those of the table.

    Returns
    -------
    pandas.DataFrame
        Index (as_of, customer_id); the columns of `FeatureBuilder` and of `margin_columns`.
    """
    days = [pd.Timestamp(day) for day in read_dates(as_of)]
    found = past_margins(wh, days, costs)
    X = _builder(topics).build(wh, days)
    if not isinstance(X.index, pd.MultiIndex):
        X = pd.concat({days[0]: X}, names=["as_of", "customer_id"])
    return X.join(found.reindex(X.index))


def past_margins(
    wh: Warehouse, as_of: Sequence[pd.Timestamp], costs: Mapping[str, float] | None = None
) -> pd.DataFrame:
    """`margin_columns` of every line as known at each date; index (as_of, customer_id)."""
    past = {day: margin_columns(billed_margin(wh, day, costs), day) for day in track(as_of, "past margins")}
    return pd.concat(past, names=["as_of", "customer_id"])


def billed_margin(
    wh: Warehouse, known_by: pd.Timestamp | None = None, costs: Mapping[str, float] | None = None
) -> pd.DataFrame:
    """`monthly_margin` without the first month of the tables, where customers are billed.

    Bills follow the use that they charge for. The first month has all costs and few bills; as a past month it would
    make every margin look as if it were rising.
    """
    margin = monthly_margin(wh, known_by, costs)
    if "bills" not in wh.tables:
        return margin
    whole = margin.index.get_level_values("month") >= wh.period[0] + pd.DateOffset(months=1)
    return margin[whole] if whole.any() else margin


def key_accounts(wh: Warehouse) -> list[str]:
    """Lines of key accounts; none where no table tells."""
    if "customers" not in wh.tables or "segment" not in wh.columns("customers"):
        return []
    told = wh.engine.sql(f"select customer_id from {wh.relation('customers')} where segment = '{KEY_ACCOUNT}'")
    return [str(name) for name in told["customer_id"]]


def _builder(topics: Iterable[str] | FeatureBuilder | None) -> FeatureBuilder:
    if isinstance(topics, FeatureBuilder):
        return topics
    return FeatureBuilder(VALUE_FAMILIES, skip_unavailable=True) if topics is None else FeatureBuilder(topics)


def value_table(  # noqa: PLR0913  (dates, and what one may wish to set about them)
    wh: Warehouse,
    as_of: Sequence[AsOf],
    known_by: AsOf | None = None,
    horizon: int = 24,
    costs: Mapping[str, float] | None = None,
    X: pd.DataFrame | None = None,
    question: Question | None = None,
) -> ValueTable:
    """What a value model may learn on a day: past dates, their features, and what had come after them by that day.

    Parameters
    ----------
    wh : Warehouse
        The operator's tables.
    as_of : list of dates
        Ends of months.
    known_by : date, optional
        The day on which the model learns; nothing after it is used. The last day of the data by default.
    horizon : int
        Months ahead.
    costs : mapping, optional
        Unit costs over those of the table.
    X : DataFrame, optional
        `value_features` of these dates (and perhaps more), when they are there already.
    question : Question, optional
        Dormancy and population of exits.

    Raises
    ------
    DateError
        When a date is not the end of a month, or no month after it is known.
    DataError
        For a plain log of purchases, where no table tells who is still a customer.

    Examples
    --------
    >>> from custintel.warehouse import Warehouse
    >>> calls = pd.DataFrame({"customer_id": "a", "event_time": pd.date_range("2025-01-01", "2025-05-31")})
    >>> calls = calls.assign(service="voice", direction="out", duration_s=60)
    >>> topups = pd.DataFrame({"recharge_id": ["1", "2"], "customer_id": "a", "amount": [10.0, 15.0],
    ...                        "event_time": pd.to_datetime(["2025-02-05", "2025-04-05"])})
    >>> wh = Warehouse.from_frames(usage=calls, recharges=topups)
    >>> X = FeatureBuilder(columns=["events_30d"]).build(wh, ["2025-03-31"])
    >>> value_table(wh, ["2025-03-31"], horizon=1, X=X).margins
    month                      1
    as_of      customer_id
    2025-03-31 a            15.0
    """
    days = [pd.Timestamp(day) for day in read_dates(as_of)]
    last = wh.period[1] if known_by is None else min(pd.Timestamp(read_dates(known_by)[0]), wh.period[1])
    late = [str(day.date()) for day in days if day + pd.offsets.MonthEnd(1) > last]
    if late:
        raise DateError(
            f"nothing is known yet of what came after\n  given: {', '.join(late)}\n"
            f"  allowed: ends of months at least a month before {last.date()}"
        )
    X = value_features(wh, days, costs=costs) if X is None else X
    # a line belongs to the table if it could be watched: in service and active at the date
    exits = exit_times(wh, days, question, known_by=last)
    exits = exits.loc[exits.index.intersection(X.index)]
    refuse_purchase_log(wh, len(exits), int(X.index.get_level_values("as_of").isin(days).sum()))
    margin = monthly_margin(wh, last, costs)
    parts = {day: future_margin(margin, day, exits.loc[day].index, horizon) for day in days if day in exits.index}
    margins = pd.concat(parts, names=["as_of", "customer_id"]).reindex(exits.index)
    return ValueTable(X.loc[exits.index], margins, exits["months"], exits["cause"], value_column(margin))


def refuse_purchase_log(wh: Warehouse, active: int, lines: int) -> None:
    """Where purchases are all that is known, silence is no exit: most customers would be taken to be gone."""
    if _MEMBERSHIP_TABLES & set(wh.tables) or 2 * active >= lines:
        return
    raise DataError(
        "these tables are a log of purchases: nothing tells who is still a customer, and most would count as gone\n"
        f"  given: tables {', '.join(sorted(wh.tables))}; {active} of {lines} lines were active of late\n"
        "  allowed: a table of usage, customers or terminations, or at least half of the lines active\n"
        "  hint: without a contract customers come back when they like: BetaGeometricNBD and GammaGamma on "
        "purchase_summary(purchases, as_of=...) value them (docs/models/tiers.md)"
    )

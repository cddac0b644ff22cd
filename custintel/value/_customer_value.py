"""`customer_value`: historical, current and potential value of every customer, in windows that may be added."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from custintel.dates import read_dates
from custintel.errors import ConfigurationError, DataError, Problem, raise_problems, rows_at
from custintel.identifiers import identifier_text
from custintel.learners import ChurnSurvival
from custintel.questions import exit_times
from custintel.questions.outcome_labels import outcome_population
from custintel.value._monthly_margin import monthly_margin
from custintel.value._past_and_future_margin import past_value
from custintel.value._value_model import discount_factors
from custintel.value.value_training_table import refuse_purchase_log, value_features

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from custintel.dates import AsOf
    from custintel.value._value_model import ValueModel
    from custintel.warehouse import Warehouse


Level = Literal["line", "account"]
_MONEY = ["hv", "cv", "run_rate", "annualised", "pv", "cross_sell", "total"]


@dataclass(frozen=True)
class ValueTerms:
    """Windows, interest and what is added to lines.

    Parameters
    ----------
    current_months : int
        Months of the current window (N).
    compounded_at : float, optional
        Interest a year at which historical value is carried forward; nominal when None.
    costs : mapping, optional
        Unit costs over those of the table ``unit_costs``.
    account_types : tuple of str
        Kinds of account that the level of accounts is about; an operator that names none has accounts of two or more
        lines there.
    account_items : DataFrame, optional
        What belongs to an account and to none of its lines: ``account_id``, ``month``, ``amount`` (costs negative).
    account_stays : DataFrame, optional
        For accounts: share of each month ahead that the account is expected to be here (accounts x months), as
        `account_stays` tells. Without it an account stays as long as any of its lines, lines leaving independently,
        which is too hopeful where a contract ends as a whole.
    leave_out_empty : bool
        Leave out accounts to which no line ever belonged; they are an error otherwise.

    Examples
    --------
    >>> ValueTerms(current_months=0)
    Traceback (most recent call last):
        ...
    custintel.errors.ConfigurationError: 1 mistake found
      ValueTerms: current_months is too small
        given: 0
        allowed: 1 or more
    """

    current_months: int = 3
    compounded_at: float | None = None
    costs: Mapping[str, float] | None = None
    account_types: tuple[str, ...] = ("key_account",)
    account_items: pd.DataFrame | None = None
    account_stays: pd.DataFrame | None = None
    leave_out_empty: bool = False

    def __post_init__(self) -> None:
        problems = []
        if self.current_months < 1:
            problems.append(Problem("ValueTerms", "current_months is too small", str(self.current_months), "1 or more"))
        needed = {"account_id", "month", "amount"}
        if self.account_items is not None and not needed <= set(self.account_items.columns):
            given = ", ".join(map(str, self.account_items.columns))
            problems.append(Problem("ValueTerms", "account_items lack columns", given, ", ".join(sorted(needed))))
        raise_problems(problems)


def customer_value(  # noqa: PLR0913  (a date, a model, and what one may wish to set about them)
    wh: Warehouse,
    as_of: AsOf,
    model: ValueModel | None = None,
    *,
    level: Level = "line",
    terms: ValueTerms | None = None,
    cross_sell: pd.Series | None = None,
    X: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Historical (HV), current (CV) and potential value (PV) as of a date; total = HV + CV + PV.

    HV is sunk: it says whom to thank. Decisions use PV alone, or the change of PV that an action causes.

    Parameters
    ----------
    wh : Warehouse
        The operator's tables; only what had happened and arrived by the date is used.
    as_of : date
        The date.
    model : ValueModel, optional
        A fitted model; without one there is no PV, and no total.
    level : {"line", "account"}
        Lines; or accounts of `ValueTerms.account_types`, each the sum of its lines and of its own items. The two are
        answered apart, so that one quantile never mixes them.
    terms : ValueTerms, optional
        Windows, interest, account items.
    cross_sell : Series, optional
        `net_cross_sell` of each line; added to PV.
    X : DataFrame, optional
        Features of the lines that the model is asked about, index customer_id, when they are there already; lines
        without features are taken to be gone.

    Returns
    -------
    pandas.DataFrame
        Index customer_id (or account_id), in u: ``hv``, ``cv``, ``run_rate`` (u a month), ``annualised``,
        ``pv``, ``cross_sell``, ``total``; ``active_months``; ``segment`` (lines) or ``lines`` (accounts); flags
        ``short_history``, ``dormant`` (silent for longer than the model's customers: taken to be gone),
        ``revenue_value`` (no costs are known: all money is revenue) and ``extrapolated`` (the horizon is longer than
        customers were watched).

    Raises
    ------
    DataError
        For accounts without lines, and when no table tells which line belongs to which account. With a model, for a
        plain log of purchases (top-ups or bills alone, most customers silent): silence is no exit there, and
        `BetaGeometricNBD` with `GammaGamma` on `purchase_summary` is the way to value them.

    Examples
    --------
    >>> from custintel.warehouse import Warehouse
    >>> months = pd.date_range("2025-01-31", periods=6, freq="ME")
    >>> bills = pd.DataFrame({"bill_id": range(6), "customer_id": "a", "amount": 10.0, "event_time": months})
    >>> wh = Warehouse.from_frames(bills=bills.astype({"bill_id": str}))
    >>> customer_value(wh, "2025-06-30")[["hv", "cv", "annualised", "revenue_value"]]
                   hv    cv  annualised  revenue_value
    customer_id
    a            20.0  30.0       120.0           True
    """
    terms = terms or ValueTerms()
    if level not in ("line", "account"):
        raise ConfigurationError(f"unknown level\n  given: {level!r}\n  allowed: line, account")
    day = pd.Timestamp(read_dates(as_of)[0])
    margin = monthly_margin(wh, day, terms.costs)
    found = past_value(margin, day, terms.current_months, terms.compounded_at)
    in_service = margin.index.get_level_values("month") == margin.index.get_level_values("month").max()
    here = found.index.isin(margin[in_service].index.get_level_values("customer_id"))
    stays, amount = _months_ahead(wh, day, (model, X), found.index[here], terms)
    if level == "account":
        return _accounts(wh, (day, found, stays, amount), model, (terms, cross_sell))
    lines = found.assign(pv=np.nan)[here]
    if model is not None:
        value = (stays * amount + (1 - stays) * model.after_exit_).to_numpy() @ _discount(model, stays.shape[1])
        lines["pv"] = pd.Series(value, stays.index).reindex(lines.index)
        lines["dormant"] = (stays.to_numpy() == 0).all(axis=1)
    return _with_total(lines.assign(segment=_segments(wh, lines.index)), model, cross_sell)


def account_stays(
    wh: Warehouse, as_of: AsOf, past: Sequence[AsOf], months: int, terms: ValueTerms | None = None
) -> pd.DataFrame:
    """Share of each month ahead that an account is expected to be here, learned at the level of accounts.

    A `ChurnSurvival` of the accounts of `ValueTerms.account_types` alone, on the means of their lines' features and
    the number of lines; an account has left when none of the lines it had is left. With few accounts or few exits it
    is the common survival of all of them.

    Parameters
    ----------
    wh : Warehouse
        The operator's tables.
    as_of : date
        The date asked about; nothing after it is used.
    past : list of dates
        Dates before it to learn from.
    months : int
        Months ahead.
    terms : ValueTerms, optional
        Which accounts.

    Returns
    -------
    pandas.DataFrame
        Index account_id, columns 1 to `months`; for ``ValueTerms(account_stays=...)``.

    Raises
    ------
    ConfigurationError
        For more months than accounts were watched.
    """
    terms = terms or ValueTerms()
    day = pd.Timestamp(read_dates(as_of)[0])
    days = [pd.Timestamp(one) for one in read_dates(past)]
    X = value_features(wh, [*days, day], costs=terms.costs)
    accounts = _account_features(X, _owners(wh, day, terms))
    exits = exit_times(wh, days, level="account", known_by=day)
    exits = exits.loc[exits.index.intersection(accounts.index)]
    groups = exits.index.get_level_values("account_id").to_numpy()
    model = ChurnSurvival().fit(accounts.loc[exits.index], exits["months"], cause=exits["cause"], groups=groups)
    after = model.survival(accounts.xs(day, level="as_of"), months)
    before = after.shift(axis=1, fill_value=1.0)
    return (before + after) / 2


def net_cross_sell(take: pd.DataFrame, offers: pd.DataFrame) -> pd.Series:
    """Value of what each customer may still buy: take x (margin less what it eats of other products) - cost.

    Parameters
    ----------
    take : DataFrame
        Customers x offers: chance to take the offer within the horizon, missing or 0 where held already. After a
        randomised test give the *uplift* of that chance instead: who would have bought anyway adds nothing.
    offers : DataFrame
        Index offer: ``margin`` (u a month), ``months`` (expected discounted months held), ``cost`` (u, one contact or
        offer), and, optionally, ``cannibalised`` (margin a month that is lost on products held).

    Raises
    ------
    ConfigurationError
        For offers without money, or chances outside -1 to 1.

    Examples
    --------
    >>> take = pd.DataFrame({"tv": [0.2, 0.0]}, index=pd.Index(["a", "b"], name="customer_id"))
    >>> offers = pd.DataFrame({"margin": [5.0], "months": [10.0], "cost": [1.0], "cannibalised": [1.0]}, index=["tv"])
    >>> net_cross_sell(take, offers).tolist()
    [7.0, 0.0]
    """
    problems = []
    absent = [str(name) for name in take.columns if name not in offers.index]
    lacking = [name for name in ("margin", "months", "cost") if name not in offers.columns]
    if absent:
        problems.append(Problem("offers", "no money for some offers", ", ".join(absent), "a row for each"))
    if lacking:
        problems.append(Problem("offers", "missing columns", ", ".join(lacking), "margin, months, cost"))
    chance = take.fillna(0.0).to_numpy(dtype=np.float64)
    if (np.abs(chance) > 1).any():
        problems.append(Problem("take", "not chances", f"{chance.min():g} to {chance.max():g}", "-1 to 1"))
    raise_problems(problems)
    own = offers.reindex(take.columns)
    eaten = own["cannibalised"].fillna(0.0) if "cannibalised" in own else 0.0
    worth = ((own["margin"] - eaten) * own["months"]).to_numpy(dtype=np.float64)
    # nobody is offered what is not worth asking: no chance, no cost
    value = chance * worth - np.where(chance != 0, own["cost"].to_numpy(dtype=np.float64), 0.0)
    return pd.Series(value.sum(axis=1), index=take.index, name="cross_sell")


def _months_ahead(
    wh: Warehouse,
    day: pd.Timestamp,
    asked: tuple[ValueModel | None, pd.DataFrame | None],
    lines: pd.Index[Any],
    terms: ValueTerms,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Share of each month that a line is expected to be here, and its margin while here; dormant lines are gone."""
    model, X = asked
    if model is None:
        empty = pd.DataFrame(np.zeros((len(lines), 0)), index=lines)
        return empty, empty
    if X is None:
        X = value_features(wh, day, costs=terms.costs).droplevel("as_of")
        active = _active_lines(wh, day, X.index)
        refuse_purchase_log(wh, len(X.index.intersection(active)), len(X))
        X = X.loc[X.index.intersection(active)]
    X = X.loc[X.index.intersection(lines)]
    read = [column.name for column in model.contract_.used]  # what was constant or empty in training is not asked for
    names = read if hasattr(model, "feature_names_in_") else X.columns
    lacking = [str(name) for name in names if name not in X.columns]
    if lacking:
        raise DataError(
            f"{len(lacking)} columns of the model cannot be computed from these tables: {', '.join(lacking[:5])}\n"
            "  hint: fit the model on custintel.value.value_table of the same tables"
        )
    stays, margin = (pd.DataFrame(values, X.index) for values in model.by_month(X[list(names)]))
    return stays.reindex(lines, fill_value=0.0), margin.reindex(lines, fill_value=0.0)


def _active_lines(wh: Warehouse, day: pd.Timestamp, lines: pd.Index[Any]) -> pd.Index[Any]:
    """Lines of which a model has seen the like: active of late; all where no table tells."""
    if not {"usage", "recharges"} & set(wh.tables):
        return lines
    return outcome_population(wh, day).index.get_level_values("customer_id")


def _discount(model: ValueModel | None, months: int) -> np.ndarray:
    return discount_factors(months, 0.0 if model is None else model.annual_discount)


def _with_total(frame: pd.DataFrame, model: ValueModel | None, cross_sell: pd.Series | None) -> pd.DataFrame:
    """Cross-sell, total and flags."""
    more = 0.0 if cross_sell is None else cross_sell.reindex(frame.index).fillna(0.0)
    frame = frame.assign(cross_sell=more)
    frame["total"] = frame["hv"] + frame["cv"] + frame["pv"] + frame["cross_sell"]
    frame["extrapolated"] = model is not None and _is_extrapolated(model)
    others = [column for column in frame.columns if column not in _MONEY]
    return frame[[*_MONEY, *others]]


def _is_extrapolated(model: ValueModel) -> bool:
    return model.observed_months_ is not None and model.horizon > model.observed_months_


def _segments(wh: Warehouse, lines: pd.Index[Any]) -> np.ndarray:
    if "customers" not in wh.tables or "segment" not in wh.columns("customers"):
        return np.full(len(lines), None, dtype=object)
    told = wh.engine.sql(f"select customer_id, segment from {wh.relation('customers')}")
    return np.asarray(told.set_index("customer_id")["segment"].reindex(lines).astype(object))


def _accounts(
    wh: Warehouse,
    past: tuple[pd.Timestamp, pd.DataFrame, pd.DataFrame, pd.DataFrame],
    model: ValueModel | None,
    how: tuple[ValueTerms, pd.Series | None],
) -> pd.DataFrame:
    """Sums over the lines of each account, and what belongs to the account itself."""
    day, found, stays, amount = past
    terms, cross_sell = how
    owner = _owners(wh, day, terms)
    lines = found.assign(account_id=owner.reindex(found.index)).dropna(subset=["account_id"])
    by = lines.groupby("account_id")
    sums = by[["hv", "cv", "run_rate", "annualised"]].sum()
    flags = by["revenue_value"].any()
    here = owner.reindex(stays.index)
    sums = sums.assign(
        active_months=by["active_months"].max(),
        short_history=by["active_months"].max() < terms.current_months,
        revenue_value=flags,
        lines=here.value_counts().reindex(sums.index).fillna(0).astype(np.int64),
    )
    items = _account_items(terms, day, sums.index)
    sums[["hv", "cv", "run_rate"]] += items[["hv", "cv", "run_rate"]]
    sums["annualised"] = 12 * sums["run_rate"]
    sums["pv"] = np.nan
    if model is not None:
        ahead = _account_months(stays, amount, here, terms.account_stays, model.after_exit_)
        own = ahead["stays"].mul(items["run_rate"].reindex(ahead["stays"].index), axis=0)
        value = (ahead["margin"] + own).to_numpy() @ _discount(model, stays.shape[1])
        sums["pv"] = pd.Series(value, ahead["stays"].index).reindex(sums.index).fillna(0.0)
    extra = None if cross_sell is None else cross_sell.groupby(owner.reindex(cross_sell.index)).sum()
    return _with_total(sums.rename_axis("account_id"), model, extra)


def _account_months(
    stays: pd.DataFrame, amount: pd.DataFrame, owner: pd.Series, given: pd.DataFrame | None, after_exit: float
) -> dict[str, pd.DataFrame]:
    """By account and month: chance to stay, and expected margin of its lines.

    An account that stays loses lines, too: a line stays with its own chance over that of any line of the account.
    """
    inside = owner.notna().to_numpy()
    stays, amount, owner = stays[inside], amount[inside], owner[inside]
    any_line = 1 - (1 - stays).groupby(owner).prod()
    if given is None:
        return {"stays": any_line, "margin": (stays * amount + (1 - stays) * after_exit).groupby(owner).sum()}
    lacking = any_line.index[(any_line > 0).any(axis=1)].difference(given.index)
    if len(lacking) or given.shape[1] < any_line.shape[1]:
        raise DataError(
            "account_stays does not tell of all accounts and months\n"
            f"  given: {len(given)} accounts x {given.shape[1]} months\n"
            f"  missing: {len(lacking)} accounts\n"
            f"  allowed: {len(any_line)} accounts x {any_line.shape[1]} months"
        )
    own = given.reindex(any_line.index, fill_value=0.0).iloc[:, : any_line.shape[1]].set_axis(any_line.columns, axis=1)
    scale = own / any_line.clip(lower=1e-9)
    joint = (stays * scale.loc[owner].set_axis(stays.index)).clip(upper=1.0)
    return {"stays": own, "margin": (joint * amount + (1 - joint) * after_exit).groupby(owner).sum()}


def _owners(wh: Warehouse, day: pd.Timestamp, terms: ValueTerms) -> pd.Series:
    """Account of each line, of the accounts asked about."""
    if "customers" not in wh.tables or "account_id" not in wh.columns("customers"):
        raise DataError("no table tells which account a line belongs to\n  allowed: customers with account_id")
    told = wh.engine.sql(f"select customer_id, account_id from {wh.relation('customers')}").dropna()
    owner = told.set_index("customer_id")["account_id"]
    asked = _open_accounts(wh, day, terms)
    if asked is None:
        size = owner.value_counts()
        return owner[owner.isin(size[size >= 2].index)]
    empty = sorted(set(asked) - set(owner))
    if empty and not terms.leave_out_empty:
        raise DataError(
            f"{len(empty)} account(s) without lines\n"
            "  allowed: every account named by a line in customers\n"
            "  hint: ValueTerms(leave_out_empty=True) leaves them out"
        )
    return owner[owner.isin(asked)]


def _open_accounts(wh: Warehouse, day: pd.Timestamp, terms: ValueTerms) -> list[str] | None:
    """Accounts of the kinds wanted that were open at the date; None where kinds are not known."""
    if "accounts" not in wh.tables or "account_type" not in wh.columns("accounts"):
        return None
    accounts = wh.frame("accounts")
    if "opened_date" in accounts:
        opened = pd.to_datetime(accounts["opened_date"])
        accounts = accounts[opened.isna() | (opened <= day)]
    return list(accounts.loc[accounts["account_type"].isin(terms.account_types), "account_id"])


def _account_features(X: pd.DataFrame, owner: pd.Series) -> pd.DataFrame:
    """Means of the numeric features of the lines of each account, and how many lines it has."""
    numbers = X.select_dtypes(["number", "bool"]).astype(np.float64)
    line = X.index.get_level_values("customer_id")
    inside = line.isin(owner.index)
    keys = [X.index.get_level_values("as_of")[inside], owner.reindex(line[inside]).to_numpy()]
    by = numbers[inside].groupby(keys)
    return by.mean().assign(lines=by.size()).rename_axis(["as_of", "account_id"])


def _account_items(terms: ValueTerms, day: pd.Timestamp, accounts: pd.Index[Any]) -> pd.DataFrame:
    """Historical, current and monthly amount of what belongs to accounts themselves."""
    if terms.account_items is None:
        return pd.DataFrame(0.0, index=accounts, columns=["hv", "cv", "run_rate"])
    items = terms.account_items.assign(account_id=identifier_text(terms.account_items["account_id"], "account_id"))
    unknown = sorted(set(items["account_id"].dropna()) - set(accounts.astype(str)))
    if unknown:
        raise DataError(
            f"account_items name {len(unknown)} account(s) that are not asked about\n"
            f"  given: {rows_at(items['account_id'].astype(str).isin(unknown))}\n"
            "  hint: only accounts of ValueTerms.account_types with lines are"
        )
    month = pd.Series(pd.to_datetime(items["month"])).dt.to_period("M").dt.start_time
    following = (day + pd.Timedelta(days=1)).to_period("M").to_timestamp()
    start = following - pd.DateOffset(months=terms.current_months)
    age = (following.year - month.dt.year) * 12 + following.month - month.dt.month - 1
    grown = items["amount"] * (1 + (terms.compounded_at or 0.0)) ** (age / 12)
    hv = grown.where(month < start, 0.0).groupby(items["account_id"]).sum()
    cv = (
        items["amount"].where(month.between(start, following, inclusive="left"), 0.0).groupby(items["account_id"]).sum()
    )
    found = pd.DataFrame({"hv": hv, "cv": cv, "run_rate": cv / terms.current_months})
    return found.reindex(accounts).fillna(0.0)

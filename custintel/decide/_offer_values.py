"""What each offer is worth with each customer: incremental value, cost, and how sure the value is.

>>> effect = pd.DataFrame({"discount": [0.10, 0.01], "call": [0.06, 0.02]}, index=["a", "b"])
>>> values = OfferValues.from_effects(effect, pd.Series({"a": 600.0, "b": 90.0}), {"discount": 24.0, "call": 6.0})
>>> values.value
   discount  call
a      36.0  30.0
b     -23.1  -4.2
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from custintel.errors import ConfigurationError, Problem, raise_problems, rows_at
from custintel.identifiers import identifier_index, identifier_text, names_of_columns

NO_OFFER = "none"
"""Name of the action that does nothing."""

Costs = pd.DataFrame | Mapping[str, float] | float
_LONG = ("customer_id", "offer", "value")


@dataclass(frozen=True)
class OfferValues:
    """Customers x offers: what the offer adds, net of its cost, and what it costs.

    Attributes
    ----------
    value : pandas.DataFrame
        Incremental value, net of cost, in u: rows are customers, columns offers. NaN: the offer is not possible.
    cost : pandas.DataFrame
        What the budget pays, in u; same rows and columns.
    se : pandas.DataFrame, optional
        Standard error of the value.

    Raises
    ------
    ConfigurationError
        Customers or offers occur twice, values are infinite, costs are negative or missing, shapes differ.

    Examples
    --------
    >>> effect = pd.DataFrame({"call": [0.06, 0.02]}, index=pd.Index(["a", "b"], name="customer_id"))
    >>> OfferValues.from_effects(effect, pd.Series({"a": 600.0, "b": 90.0}), {"call": 6.0}).value
                 call
    customer_id
    a            30.0
    b            -4.2
    """

    value: pd.DataFrame
    cost: pd.DataFrame
    se: pd.DataFrame | None = None

    def __post_init__(self) -> None:
        raise_problems(_problems_of(self))

    @property
    def offers(self) -> tuple[str, ...]:
        """Names of the offers."""
        return tuple(map(str, self.value.columns))

    @classmethod
    def from_wide(cls, value: pd.DataFrame, cost: Costs = 0.0, se: pd.DataFrame | None = None) -> OfferValues:
        """From a frame with a row a customer and a column an offer.

        Parameters
        ----------
        value : pandas.DataFrame
            Incremental value net of cost, in u.
        cost : DataFrame, mapping of offer to number, or number
            Cost of an offer, in u.
        se : pandas.DataFrame, optional
            Standard errors.

        Examples
        --------
        >>> OfferValues.from_wide(pd.DataFrame({"sms": [1.0]}, index=["a"]), {"sms": 0.1}).cost
           sms
        a  0.1
        """
        raise_problems(_frame_problems("value", value))
        named = value.set_axis([str(c) for c in value.columns], axis=1)
        errors = None if se is None else _aligned(se, named, "se")
        return cls(named, _spread(cost, named), errors)

    @classmethod
    def from_long(cls, frame: pd.DataFrame) -> OfferValues:
        """From rows of customer_id, offer, value and optionally cost and se; absent pairs are not possible.

        Parameters
        ----------
        frame : pandas.DataFrame
            One row for each customer and offer.

        Examples
        --------
        >>> rows = pd.DataFrame({"customer_id": ["a", "a", "b"], "offer": ["x", "y", "y"], "value": [1.0, 2.0, 3.0]})
        >>> OfferValues.from_long(rows).value
                       x    y
        customer_id
        a            1.0  2.0
        b            NaN  3.0
        """
        if "customer_id" in frame:
            frame = frame.assign(customer_id=identifier_text(frame["customer_id"]))
        raise_problems(_long_problems(frame))
        who, customers = pd.factorize(frame["customer_id"])
        what, offers = pd.factorize(frame["offer"].astype(str), sort=True)
        index = pd.Index(customers, name="customer_id", dtype=object)

        def wide(column: str, missing: float) -> pd.DataFrame:
            table = np.full((len(index), len(offers)), missing)
            table[who, what] = pd.to_numeric(frame[column]).to_numpy(dtype=np.float64)
            return pd.DataFrame(table, index=index, columns=list(offers))

        cost = wide("cost", 0.0) if "cost" in frame else wide("value", 0.0) * 0.0
        return cls(wide("value", np.nan), cost.fillna(0.0), wide("se", np.nan) if "se" in frame else None)

    @classmethod
    def from_effects(
        cls, effect: pd.DataFrame, value: pd.Series | float, cost: Costs = 0.0, se: pd.DataFrame | None = None
    ) -> OfferValues:
        """What an offer adds: ``effect * value - cost``, customer by customer.

        Parameters
        ----------
        effect : pandas.DataFrame
            Change of a probability that each offer causes (uplift), as a share: 0.04 is four points more likely to
            stay. Rows are customers, columns offers.
        value : Series or number
            What the event is worth, in u: for churn the potential value of the customer, who would otherwise be lost.
        cost : DataFrame, mapping or number
            Cost of making the offer, in u.
        se : pandas.DataFrame, optional
            Standard errors of the effects; those of the values are ``se * |value|``.

        Returns
        -------
        OfferValues
            Ready for `allocate`.

        Raises
        ------
        ConfigurationError
            Customers of the effects have no value, or an effect is not between -1 and 1.

        Examples
        --------
        >>> effect = pd.DataFrame({"sms": [0.02]}, index=["a"])
        >>> OfferValues.from_effects(effect, 500.0, 1.0, se=effect / 2).se
           sms
        a  5.0
        """
        raise_problems(_frame_problems("effect", effect) + _effect_problems(effect, value))
        worth = _like(value, effect.index) if isinstance(value, pd.Series) else pd.Series(float(value), effect.index)
        gain = effect.mul(worth, axis=0)
        costs = _spread(cost, gain)
        errors = None if se is None else _aligned(se, effect, "se").mul(worth.abs(), axis=0)
        return cls.from_wide(gain - costs, costs, errors)

    def lower_bound(self, z: float) -> np.ndarray:
        """Lower confidence value ``value - z * se``; the value itself when z is 0.

        Parameters
        ----------
        z : float
            Number of standard errors; 1.64 is exceeded by the truth 95 times in 100.

        Raises
        ------
        ConfigurationError
            z is negative, or there are no standard errors.
        """
        if z == 0:
            return np.array(self.value, dtype=np.float64)
        if z > 0 and self.se is not None:
            return np.asarray(self.value - z * self.se, dtype=np.float64)
        wrong = "there are no standard errors" if z > 0 else "must not be negative"
        hint = "OfferValues.from_wide(value, cost, se=...), or a column `se`"
        told = Problem("risk", wrong, str(z), "0 or more, with standard errors", hint)
        raise ConfigurationError(f"1 mistake found\n  {told}", [told])


def as_offer_values(given: Any) -> OfferValues:
    """`OfferValues` from what `allocate` was given: such values, a long frame, or a wide frame of values."""
    if isinstance(given, OfferValues):
        return given
    if not isinstance(given, pd.DataFrame):
        raise_problems([Problem("values", "not a table", type(given).__name__, "OfferValues, long or wide DataFrame")])
    if {"offer", "value"} & set(given.columns):
        return OfferValues.from_long(given)
    return OfferValues.from_wide(given)


def _spread(cost: Costs, like: pd.DataFrame) -> pd.DataFrame:
    """Costs as a frame of the shape of the values."""
    if isinstance(cost, pd.DataFrame):
        return _aligned(cost, like, "cost")
    if isinstance(cost, Mapping):
        absent = [c for c in like.columns if c not in cost]
        if absent:
            given = ", ".join(map(str, cost))
            raise_problems([Problem("cost", f"no cost for: {', '.join(absent)}", given, "a number for each offer")])
        each = np.array([float(cost[c]) for c in like.columns])
    else:
        each = np.full(like.shape[1], float(cost))
    return pd.DataFrame(np.tile(each, (len(like), 1)), index=like.index, columns=like.columns)


def _aligned(frame: pd.DataFrame, like: pd.DataFrame, where: str) -> pd.DataFrame:
    problems = _frame_problems(where, frame)
    raise_problems(problems)
    named = frame.set_axis([str(c) for c in frame.columns], axis=1)
    absent = [str(c) for c in like.columns if c not in named.columns]
    named, wanted = named.set_axis(identifier_index(named.index)), identifier_index(like.index)
    lost = wanted.difference(named.index)
    if absent:
        problems.append(Problem(where, f"no column for offers: {', '.join(absent)}", ", ".join(named.columns)))
    if len(lost):
        problems.append(Problem(where, f"{len(lost)} customer(s) have no row", rows_at(wanted.isin(lost))))
    raise_problems(problems)
    return named.reindex(index=wanted, columns=like.columns).set_axis(like.index)


def _like(value: pd.Series, customers: pd.Index) -> pd.Series:
    """The values of these customers; 7 and "7" are the same one."""
    found = value.set_axis(identifier_index(value.index)).reindex(identifier_index(customers))
    return found.set_axis(customers)


def _problems_of(values: OfferValues) -> list[Problem]:
    problems = _frame_problems("value", values.value)
    if problems:
        return problems
    value = np.asarray(values.value, dtype=np.float64)
    if NO_OFFER in values.value.columns:
        hint = "leave the column out: doing nothing is worth 0 and always possible"
        problems.append(Problem("value", f"an offer is called {NO_OFFER!r}", NO_OFFER, "another name", hint))
    if np.isinf(value).any():
        where = [str(values.value.columns[j]) for j in np.flatnonzero(np.isinf(value).any(axis=0)).tolist()]
        hint = "NaN says that an offer is not possible"
        problems.append(Problem("value", "infinite values", ", ".join(where), "finite numbers, NaN", hint))
    for name, frame in (("cost", values.cost), ("se", values.se)):
        if frame is not None:
            problems += _amount_problems(name, frame, value)
    return problems


def _amount_problems(name: str, frame: pd.DataFrame, value: np.ndarray) -> list[Problem]:
    if frame.shape != value.shape:
        return [Problem(name, "not of the shape of value", str(frame.shape), str(value.shape))]
    amount = np.asarray(frame, dtype=np.float64)[np.isfinite(value)]
    bad = int((~(amount >= 0) | np.isinf(amount)).sum())
    if not bad:
        return []
    return [Problem(name, f"{bad} negative, missing or infinite value(s)", f"{bad} of {len(amount)}", "0 or more")]


def _frame_problems(where: str, frame: Any) -> list[Problem]:
    if not isinstance(frame, pd.DataFrame):
        hint = "rows are customers (index customer_id), columns are offers"
        return [Problem(where, "not a DataFrame", type(frame).__name__, "pandas.DataFrame", hint)]
    if frame.shape[0] == 0 or frame.shape[1] == 0:
        given = f"{frame.shape[0]} customers, {frame.shape[1]} offers"
        return [Problem(where, "the table is empty", given, "one customer and one offer at least")]
    problems = []
    customers = identifier_index(frame.index)
    again = customers.duplicated()
    if again.any():
        wrong = f"{customers[again].nunique()} customer(s) occur more than once"
        problems.append(Problem(where, wrong, rows_at(again), "once each"))
    twice = frame.columns[frame.columns.duplicated()].unique()
    if len(twice):
        wrong = f"{len(twice)} offer(s) occur more than once"
        problems.append(Problem(where, wrong, f"for example {twice[0]}", "once each"))
    if frame.index.hasnans:
        problems.append(Problem(where, f"{int(np.sum(frame.index.isna()))} row(s) without customer_id"))
    texts = [str(name) for name, kind in frame.dtypes.items() if not pd.api.types.is_numeric_dtype(kind)]
    if texts:
        hint = "set the customer as index: frame.set_index('customer_id')" if "customer_id" in texts else ""
        problems.append(Problem(where, f"columns that are not numbers: {', '.join(texts)}", "", "numbers", hint))
    return problems


def _long_problems(frame: pd.DataFrame) -> list[Problem]:
    absent = [name for name in _LONG if name not in frame.columns]
    if absent:
        hint = "one row for each customer and offer; or a wide frame with a column for each offer"
        given = ", ".join(names_of_columns(frame.columns))
        return [Problem("values", f"columns are missing: {', '.join(absent)}", given, ", ".join(_LONG), hint)]
    problems = [
        Problem("values", f"{int(frame[name].isna().sum())} row(s) without {name}", "", "a name in each row")
        for name in _LONG[:2]
        if frame[name].isna().any()
    ]
    if frame.duplicated(["customer_id", "offer"]).any():
        row = frame.loc[frame.duplicated(["customer_id", "offer"]), ["customer_id", "offer"]].iloc[0]
        problems.append(
            Problem("values", "a customer has the same offer twice", f"{row.iloc[0]}, {row.iloc[1]}", "one row a pair")
        )
    return problems + ([] if len(frame) else [Problem("values", "the table is empty")])


def _effect_problems(effect: pd.DataFrame, value: Any) -> list[Problem]:
    problems = []
    numbers = effect.to_numpy(dtype=np.float64, na_value=np.nan)
    if (np.abs(numbers[np.isfinite(numbers)]) > 1).any():
        hint = "effects are shares of 1: four points are 0.04"
        worst = f"from {np.nanmin(numbers)} to {np.nanmax(numbers)}"
        problems.append(Problem("effect", "not a change of a probability", worst, "-1 to 1", hint))
    if isinstance(value, pd.Series):
        known = identifier_index(value.index[value.notna()])
        lost = identifier_index(effect.index).difference(known)
        if len(lost):
            wrong = f"{len(lost)} customer(s) of the effects have no value"
            problems.append(
                Problem(
                    "value", wrong, rows_at(identifier_index(effect.index).isin(lost)), "a number for each customer"
                )
            )
    return problems

"""What each line earned in each month: net revenue less what serving it cost.

``margin`` = revenue + interconnect received - network - care - campaigns - billing and top-up commission - acquisition
and device subsidy, spread over time - expected bad debt - overhead. Every part is a column, and the parts add up. Where
no unit costs are known the result is *revenue value*: a margin must not be guessed.

- *Revenue* of a bill: its amount without tax and device instalments (which pay for the device), after discounts and
  credits, in the month the bill was made. Of prepaid lines: top-ups without tax, in the month they were bought. Not
  what was consumed of them: credit that expires is earned, too, and every operator has top-ups, but few have balances.
- *Tax in top-ups* is ``recharge_tax_share``, or else the share of tax in the operator's own bills.
- *Bad debt*: a bill not paid 30, 60, 90 days after it was due costs 10, 20, 40 % of its amount in the month that day
  falls in, so 70 % in all; what was set aside comes back on the day it is paid after all.
- *Acquisition*: the cost of the sale and the commission of its channel, a 24th in each of the first 24 months.
- *Subsidy*: ``device_subsidy`` of each commitment with a device, in equal parts over the months of the commitment.
- *Service* of a prepaid line ends 90 days after its last event of its own, other lines' with their end.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from custintel.builder.aggregation.day_buckets import date_sql
from custintel.builder.sql_steps import with_sql
from custintel.contracts.time_checks import ENDS
from custintel.dates import read_dates
from custintel.errors import DataError, DateError, Problem, raise_problems
from custintel.functions.function_context import Step
from custintel.questions.service_history import activity_step, endings_step, lines_step

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import date

    from custintel.dates import AsOf
    from custintel.warehouse import Warehouse


MARGIN_PARTS = (
    "revenue",
    "interconnect",
    "network",
    "care",
    "campaigns",
    "billing",
    "acquisition",
    "subsidy",
    "bad_debt",
    "overhead",
)
"""Columns that add up to the margin; costs are negative."""

ACQUISITION_MONTHS = 24
_SILENT_DAYS = 90
_DEBT = ((30, 0.10), (60, 0.20), (90, 0.40))
_RATES = ("recharge_commission_share", "recharge_tax_share", "bad_debt_factor")
_CARE = {"hotline": "care_call", "shop": "care_shop", "chat": "care_chat", "web": "care_web", "app": "care_app"}
_CHANNELS = ("shop", "web", "dealer", "telesales")
_DESTINATIONS = ("on_net", "off_net", "fixed", "international", "premium", "service")

COST_ITEMS = (
    *(f"voice_minute_{name}" for name in _DESTINATIONS),
    "termination_revenue_minute",
    "sms",
    "data_gb",
    "roaming_minute",
    "roaming_gb",
    *_CARE.values(),
    "bill",
    *_RATES,
    "acquisition_prepaid",
    "acquisition_postpaid",
    *(f"commission_{name}" for name in _CHANNELS),
    "device_subsidy",
    "overhead_month",
)
"""Unit costs that count; those that are not given are zero."""


def monthly_margin(
    wh: Warehouse,
    known_by: AsOf | None = None,
    costs: Mapping[str, float] | None = None,
    months: Sequence[AsOf] | None = None,
) -> pd.DataFrame:
    """Margin of every line in every whole month of service, with its parts.

    Parameters
    ----------
    wh : Warehouse
        The operator's tables; bills or recharges at least.
    known_by : date, optional
        Only what had happened and arrived by the end of that day; the last day of the data by default.
    costs : mapping of str to float, optional
        Unit costs in u by item, over those of the table ``unit_costs`` (`docs/models/value.md` lists the items).
    months : list of dates, optional
        Only the months of these days; all whole months by default.

    Returns
    -------
    pandas.DataFrame
        Index (customer_id, month), the month as its first day; columns `MARGIN_PARTS` and ``margin``. Without any unit
        costs ``revenue_value`` alone. Months of service without any event are there, too, with what they cost.

    Raises
    ------
    DataError
        Without bills and recharges, or when the data hold no whole month.
    DateError
        When a month is asked for that the data do not cover from its first to its last day.

    Examples
    --------
    >>> from custintel.warehouse import Warehouse
    >>> bills = pd.DataFrame({"bill_id": ["1", "2"], "customer_id": "a", "amount": [36.0, 24.0], "tax": [6.0, 4.0],
    ...                       "event_time": pd.to_datetime(["2025-01-31", "2025-02-28"])})
    >>> wh = Warehouse.from_frames(bills=bills)
    >>> monthly_margin(wh)["revenue_value"].tolist()
    [20.0]
    >>> monthly_margin(wh, costs={"bill": 0.5})["margin"].tolist()
    [19.5]
    """
    if not {"bills", "recharges"} & set(wh.tables):
        raise DataError("no table tells what customers paid\n  allowed: bills, recharges")
    unit_costs = _unit_costs(wh, costs)
    last = wh.period[1].date()
    if known_by is not None:
        last = min(last, read_dates(known_by)[0])
    chosen = _chosen_months(_whole_months(wh, last), months)
    rows = _amounts_by_part(wh, last, unit_costs)
    spine = _spine(wh, last, chosen)
    parts = rows.pivot_table(index=["customer_id", "month"], columns="part", values="amount", aggfunc="sum")
    # what comes after the last month of service (a final bill, a bad debt) belongs to the line all the same
    parts = parts[parts.index.get_level_values("month").isin(chosen)]
    found = parts.reindex(spine.index.union(parts.index)).reindex(columns=list(MARGIN_PARTS)).fillna(0.0)
    if not unit_costs:
        return found[["revenue"]].rename(columns={"revenue": "revenue_value"})
    found.loc[spine.index, "overhead"] = -unit_costs.get("overhead_month", 0.0)
    found.loc[spine.index, "acquisition"] = _acquisition(spine, unit_costs)
    found["subsidy"] = _subsidy(wh, last, found.index, unit_costs)
    return found.assign(margin=found[list(MARGIN_PARTS)].sum(axis=1))


def value_column(frame: pd.DataFrame) -> str:
    """What the money of a monthly frame is: margin, or only revenue value.

    >>> value_column(pd.DataFrame({"revenue_value": [1.0]}))
    'revenue_value'
    """
    return "margin" if "margin" in frame else "revenue_value"


def _chosen_months(whole: pd.DatetimeIndex, months: Sequence[AsOf] | None) -> pd.DatetimeIndex:
    if months is None:
        return whole
    asked = pd.DatetimeIndex(sorted({pd.Timestamp(day).replace(day=1) for day in read_dates(months, repeated=True)}))
    absent = asked.difference(whole)
    if len(absent):
        given = ", ".join(f"{month:%Y-%m}" for month in absent[:5])
        raise DateError(
            f"{len(absent)} month(s) are not whole in the data\n  given: {given}\n"
            f"  allowed: {whole[0]:%Y-%m} to {whole[-1]:%Y-%m}"
        )
    return asked


def _unit_costs(wh: Warehouse, costs: Mapping[str, float] | None) -> dict[str, float]:
    """Unit costs by item; empty when none are known."""
    given = dict(costs or {})
    problems = [Problem(f"costs[{k!r}]", "not a number", str(v)) for k, v in given.items() if not _is_number(v)]
    problems += [
        Problem(f"costs[{k!r}]", "unknown item", k, ", ".join(COST_ITEMS)) for k in given if k not in COST_ITEMS
    ]
    problems += [
        Problem(f"costs[{k!r}]", "not a share", str(v), "0 to 1") for k, v in given.items() if _bad_share(k, v)
    ]
    raise_problems(problems)
    if "unit_costs" not in wh.tables:
        return given
    table = wh.engine.sql(f"select item, cost from {wh.relation('unit_costs')}")
    return {**dict(zip(table["item"], table["cost"].astype(float), strict=True)), **given}


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and bool(np.isfinite(value))


def _bad_share(name: str, value: Any) -> bool:
    return name in _RATES[:2] and _is_number(value) and not 0 <= value <= 1


def _whole_months(wh: Warehouse, last: date) -> pd.DatetimeIndex:
    """First days of the months that the data cover from their first to their last day."""
    first = pd.Timestamp(wh.period[0].date())
    start = first if first.day == 1 else first + pd.offsets.MonthBegin(1)
    end = pd.Timestamp(last) + pd.Timedelta(days=1)
    months = pd.date_range(start, end - pd.Timedelta(days=1), freq="MS")
    months = months[months + pd.offsets.MonthBegin(1) <= end]
    if not len(months):
        raise DataError(f"no whole month in the data\n  given: {first.date()} to {last}")
    return months


def _spine(wh: Warehouse, last: date, months: pd.DatetimeIndex) -> pd.DataFrame:
    """Every line in every whole month in which it was in service on some day, with its first day and billing type."""
    lines = _with_payers(wh, wh.engine.sql(_service_sql(wh, last)), last)
    began = pd.to_datetime(lines["began"]).astype("datetime64[ns]")
    ended = pd.to_datetime(lines["ended"]).astype("datetime64[ns]")
    frame = lines.assign(began=began, ended=ended).merge(pd.DataFrame({"month": months}), how="cross")
    following = frame["month"] + pd.offsets.MonthBegin(1)
    inside = (frame["began"] < following) & (frame["ended"].isna() | (frame["ended"] >= frame["month"]))
    return frame[inside].set_index(["customer_id", "month"]).sort_index()


def _service_sql(wh: Warehouse, last: date) -> str:
    """First and last day of service of each line; a prepaid line that stays silent is out of it after 90 days."""
    told = "customers" in wh.tables and "acquisition_channel" in wh.columns("customers")
    channel = "o.acquisition_channel" if told else "cast(null as varchar)"
    join = f"\nleft join {wh.relation('customers')} as o on o.customer_id = c.customer_id" if told else ""
    known = date_sql(last)
    sql = f"""\
select c.customer_id, c.began, c.billing_type, {channel} as channel, case
        when c.billing_type = 'prepaid' and a.day + {_SILENT_DAYS} < coalesce(e.day, {known})
            then a.day + {_SILENT_DAYS}
        else e.day
    end as ended
from lines as c
left join (select customer_id, min(day) as day from known_endings group by customer_id) as e
    on e.customer_id = c.customer_id
left join (
    select customer_id, max(day) as day from activity
    where own = 1 and day <= {known} and seen <= {known} group by customer_id
) as a on a.customer_id = c.customer_id{join}"""
    steps = [activity_step(wh), lines_step(wh), _known_endings_step(wh, last)]
    return with_sql([*steps, Step("service", sql, "lines with first and last day")])


def _with_payers(wh: Warehouse, lines: pd.DataFrame, last: date) -> pd.DataFrame:
    """Where no table of customers tells who there is: also those known from bills or top-ups alone."""
    if "customers" in wh.tables:
        return lines
    parts = [
        f"select customer_id, event_date as began from {wh.relation(t)} where visible_date <= {date_sql(last)}"
        for t in ("bills", "recharges")
        if t in wh.tables
    ]
    paid = wh.engine.sql("\nunion all\n".join(parts)).groupby("customer_id", as_index=False)["began"].min()
    more = paid[~paid["customer_id"].isin(lines["customer_id"])]
    if lines.empty:
        alone: pd.DataFrame = more.assign(billing_type=None, ended=pd.NaT)
        return alone
    return lines if more.empty else pd.concat([lines, more], ignore_index=True)  # their other columns are missing


def _known_endings_step(wh: Warehouse, last: date) -> Step:
    """Ends of lines that had happened and arrived."""
    if "terminations" not in wh.tables:
        return replace(endings_step(wh), name="known_endings")
    causes = ", ".join(f"'{cause}'" for cause in ENDS)
    sql = f"""\
select customer_id, event_date as day from {wh.relation("terminations")}
where cause in ({causes}) and event_date <= {date_sql(last)} and visible_date <= {date_sql(last)}"""
    return Step("known_endings", sql, "ends of lines that had happened and arrived")


def _acquisition(spine: pd.DataFrame, unit_costs: Mapping[str, float]) -> pd.Series:
    month = pd.DatetimeIndex(spine.index.get_level_values("month"))
    began = pd.DatetimeIndex(spine["began"])
    age = (month.year - began.year) * 12 + month.month - began.month
    price = spine["billing_type"].map(lambda kind: unit_costs.get(f"acquisition_{kind}", 0.0)).astype(float)
    if "channel" in spine:
        price += spine["channel"].map(lambda channel: unit_costs.get(f"commission_{channel}", 0.0)).astype(float)
    return -(price / ACQUISITION_MONTHS).where(age < ACQUISITION_MONTHS, 0.0)


def _subsidy(wh: Warehouse, last: date, index: pd.Index[Any], unit_costs: Mapping[str, float]) -> pd.Series | float:
    """The subsidy of every commitment with a device, over its months while the line is in service."""
    price = float(unit_costs.get("device_subsidy", 0.0))
    needed = {"device_instalment", "contract_months"}
    if not price or "subscriptions" not in wh.tables or not needed <= set(wh.columns("subscriptions")):
        return 0.0
    sql = f"""\
select customer_id, cast(date_trunc('month', start_date) as date) as first, contract_months as length
from {wh.relation("subscriptions")}
where device_instalment > 0 and event_date <= {date_sql(last)} and visible_date <= {date_sql(last)}"""
    sold = wh.engine.sql(sql)
    length = sold["length"].where(sold["length"] > 0, ACQUISITION_MONTHS).astype(np.int64)
    row = np.repeat(np.arange(len(sold)), length)
    step = np.arange(len(row)) - np.repeat(np.cumsum(length) - length, length)
    month = pd.to_datetime(sold["first"]).dt.to_period("M").to_numpy()[row] + step
    spread = pd.DataFrame(
        {
            "customer_id": sold["customer_id"].to_numpy()[row],
            "month": pd.PeriodIndex(month, freq="M").to_timestamp(),
            "amount": -price / length.to_numpy()[row],
        }
    )
    return spread.groupby(["customer_id", "month"])["amount"].sum().reindex(index).fillna(0.0)


def _amounts_by_part(wh: Warehouse, last: date, unit_costs: Mapping[str, float]) -> pd.DataFrame:
    """Customer, month, part, amount: one query over all tables that are there."""
    parts = list(_part_sqls(wh, last, unit_costs))
    sql = "\nunion all\n".join(
        f"select customer_id, event_date, '{part}' as part, amount from ({text}) as x" for part, text in parts
    )
    month = "cast(date_trunc('month', event_date) as date)"
    step = Step("amounts", sql, "what was earned and what it cost, by day")
    totals = f"""\
select customer_id, {month} as month, part, sum(amount) as amount
from amounts
group by customer_id, {month}, part"""
    frame = wh.engine.sql(with_sql([step, Step("totals", totals, "by month")]))
    return frame.assign(month=pd.to_datetime(frame["month"]), amount=frame["amount"].astype(float))


def _part_sqls(wh: Warehouse, last: date, unit_costs: Mapping[str, float]) -> Iterator[tuple[str, str]]:
    def source(table: str) -> str:
        return f"{wh.relation(table)} where visible_date <= {date_sql(last)} and event_date <= {date_sql(last)}"

    if "bills" in wh.tables:
        yield "revenue", f"select customer_id, event_date, {_net_bill_sql(wh)} as amount from {source('bills')}"
        yield "billing", _cost_per_row_sql(source("bills"), unit_costs.get("bill", 0.0))
        if _can_tell_debt(wh):
            factor = unit_costs.get("bad_debt_factor", 1.0)
            for days, share in _DEBT:
                yield "bad_debt", _debt_sql(wh, last, days, share * factor)
                yield "bad_debt", _paid_sql(wh, last, days, share * factor)
    if "recharges" in wh.tables:
        net = 1 - unit_costs.get("recharge_tax_share", _tax_share(wh, last))
        yield "revenue", f"select customer_id, event_date, amount * {net!r} as amount from {source('recharges')}"
        share = unit_costs.get("recharge_commission_share", 0.0)
        yield "billing", f"select customer_id, event_date, amount * {-share!r} as amount from {source('recharges')}"
    if "usage" in wh.tables:
        yield "interconnect", _usage_sql(source("usage"), _interconnect_sql(wh, unit_costs))
        yield "network", _usage_sql(source("usage"), _network_cost_sql(wh, unit_costs))
    if "care" in wh.tables and "channel" in wh.columns("care"):
        price = _case_sql("channel", _care_costs(unit_costs))
        yield "care", f"select customer_id, event_date, -({price}) as amount from {source('care')}"
    if "contacts" in wh.tables and "cost" in wh.columns("contacts"):
        yield "campaigns", f"select customer_id, event_date, -coalesce(cost, 0) as amount from {source('contacts')}"


def _net_bill_sql(wh: Warehouse) -> str:
    left_out = [c for c in ("tax", "device_charge") if c in wh.columns("bills")]
    return " - ".join(["amount", *(f"coalesce({c}, 0)" for c in left_out)])


def _cost_per_row_sql(source: str, price: float) -> str:
    return f"select customer_id, event_date, {-float(price)!r} as amount from {source}"


def _can_tell_debt(wh: Warehouse) -> bool:
    return "payments" in wh.tables and {"bill_id"} <= set(wh.columns("payments")) and "due_date" in wh.columns("bills")


def _debt_sql(wh: Warehouse, last: date, days: int, share: float) -> str:
    """A share of each bill not paid so many days after it was due, on that day."""
    return f"""\
select b.customer_id, b.due_date + {days} as event_date, -b.amount * {share!r} as amount
from {_bills_paid(wh, last)}
where b.amount > 0 and b.due_date + {days} <= {date_sql(last)} and b.visible_date <= {date_sql(last)}
    and (p.paid is null or p.paid > b.due_date + {days})"""


def _paid_sql(wh: Warehouse, last: date, days: int, share: float) -> str:
    """The same share given back on the day such a bill is paid after all."""
    return f"""\
select b.customer_id, p.paid as event_date, b.amount * {share!r} as amount
from {_bills_paid(wh, last)}
where b.amount > 0 and b.visible_date <= {date_sql(last)} and p.paid > b.due_date + {days}"""


def _bills_paid(wh: Warehouse, last: date) -> str:
    """Bills with the day on which it was seen that they had been paid."""
    ok = "status = 'ok' and " if "status" in wh.columns("payments") else ""
    return f"""{wh.relation("bills")} as b
left join (
    select bill_id, min(greatest(visible_date, event_date)) as paid from {wh.relation("payments")}
    where {ok}event_date <= {date_sql(last)} and visible_date <= {date_sql(last)} group by bill_id
) as p on p.bill_id = b.bill_id"""


def _tax_share(wh: Warehouse, last: date) -> float:
    """Share of tax in what is billed, before credits: top-ups are taxed like bills where nothing else is said."""
    if "bills" not in wh.tables or "tax" not in wh.columns("bills"):
        return 0.0
    taxed = " - ".join(
        ["amount", *(f"coalesce({c}, 0)" for c in ("device_charge", "credit") if c in wh.columns("bills"))]
    )
    sql = (
        f"select sum(coalesce(tax, 0)), sum({taxed}) from {wh.relation('bills')} where visible_date <= {date_sql(last)}"
    )
    tax, total = wh.engine.rows(sql)[0]
    tax, total = (float(str(value or 0)) for value in (tax, total))
    return tax / total if total > 0 else 0.0


def _usage_sql(source: str, amount: str) -> str:
    return f"select customer_id, event_date, sum({amount}) as amount from {source} group by customer_id, event_date"


def _interconnect_sql(wh: Warehouse, unit_costs: Mapping[str, float]) -> str:
    paid = -unit_costs.get("termination_revenue_minute", 0.0)
    if "destination" not in wh.columns("usage"):
        return "0.0"
    own = "service = 'voice' and direction = 'in' and destination in ('off_net', 'fixed', 'international')"
    return f"case when {own} then coalesce(duration_s, 0) / 60.0 * {paid!r} else 0.0 end"


def _network_cost_sql(wh: Warehouse, unit_costs: Mapping[str, float]) -> str:
    columns = set(wh.columns("usage"))
    minutes = "coalesce(duration_s, 0) / 60.0" if "duration_s" in columns else "0.0"
    volume = "coalesce(data_mb, 0) / 1000.0" if "data_mb" in columns else "0.0"
    by_kind = {
        d: unit_costs.get(f"voice_minute_{d}", unit_costs.get("voice_minute_off_net", 0.0)) for d in _DESTINATIONS
    }
    voice = (
        _case_sql("destination", by_kind)
        if "destination" in columns
        else repr(unit_costs.get("voice_minute_off_net", 0.0))
    )
    abroad = "roaming_country is not null" if "roaming_country" in columns else "false"
    return f"""\
-(case
    when service = 'voice' and {abroad} then {minutes} * {unit_costs.get("roaming_minute", 0.0)!r}
    when service = 'voice' and direction = 'out' then {minutes} * ({voice})
    when service = 'sms' and direction = 'out' then {unit_costs.get("sms", 0.0)!r}
    when service = 'data' and {abroad} then {volume} * {unit_costs.get("roaming_gb", 0.0)!r}
    when service = 'data' then {volume} * {unit_costs.get("data_gb", 0.0)!r}
    else 0.0 end)"""


def _care_costs(unit_costs: Mapping[str, float]) -> dict[str, float]:
    return {channel: unit_costs.get(item, 0.0) for channel, item in _CARE.items()}


def _case_sql(column: str, values: Mapping[str, float]) -> str:
    whens = " ".join(f"when '{name}' then {float(value)!r}" for name, value in values.items())
    return f"case {column} {whens} else 0.0 end"

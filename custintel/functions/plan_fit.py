"""Plan fit: what the same use would cost under every plan of the same billing type."""

from __future__ import annotations

from typing import TYPE_CHECKING

from custintel.functions._declared import Reads, sql_function

if TYPE_CHECKING:
    from custintel.functions._question import Question
    from custintel.functions._step import Step

__all__ = ["plan_fit"]

_ALLOWANCES = ("included_minutes", "included_sms", "included_data_mb")
_PRICES = ("price_per_minute", "price_per_sms", "price_per_gb")
_TRACE = 0.005


@sql_function(
    "plan_fit",
    reads=[
        Reads("usage", required=("service", "direction", "duration_s", "data_mb"), optional=("destination",), days=90),
        Reads("subscriptions", required=("plan_id",)),
        Reads("plans", required=("plan_id", "billing_type", "monthly_fee"), optional=(*_ALLOWANCES, *_PRICES)),
    ],
    gives={
        "plan_cost": (),
        "cheapest_cost": (),
        "cheapest_plan": (),
        "plan_gap": (),
        "cheaper_plans": (),
        "beyond_cost": (),
    },
)
def plan_fit(question: Question) -> list[Step]:
    """Cost a month under the present plan and the cheapest, for the use of the last 90 days.

    List prices: fee, and what goes beyond the allowance; no discounts, no device. Use is what plans include: outgoing
    calls and texts (not abroad, premium or service) and data. For those who came less than 90 days ago it is
    stretched to 30 days from the days they have been with us. Where a plan has no price beyond its allowance, more is
    free.
    """
    return [_use(question), _plan(question), _costs(question), _answer(question)]


def _use(question: Question) -> Step:
    outgoing = "direction = 'out' and coalesce(destination, '') not in ('international', 'premium', 'service')"
    sql = f"""select
    customer_id,
    as_of,
    coalesce(sum(case when {outgoing} and service = 'voice' then cast(duration_s as double) / 60 end), 0) as minutes,
    cast(count(case when {outgoing} and service = 'sms' then 1 end) as double) as texts,
    coalesce(sum(case when service = 'data' then cast(data_mb as double) end), 0) as mb
from (
{question.rows("usage")}
) as u
group by customer_id, as_of"""
    return question.step("use", sql, "use of the last 90 days that plans include")


def _plan(question: Question) -> Step:
    sql = f"""select s.customer_id, s.as_of, s.plan_id, p.billing_type,
    30.0 / least(greatest(date_diff('day', s.first_day, s.as_of) + 1, 1), 90) as month
from (
    select
        customer_id,
        as_of,
        plan_id,
        min(event_date) over (partition by customer_id, as_of) as first_day,
        row_number() over (partition by customer_id, as_of order by event_date desc, plan_id desc) as place
    from (
{question.rows("subscriptions")}
    ) as r
) as s
join (
{question.listed("plans")}
) as p on p.plan_id = s.plan_id
where s.place = 1"""
    return question.step("plan", sql, "the plan in force, and what makes a month of the use")


def _costs(question: Question) -> Step:
    def beyond(use: str, allowance: str, price: str, unit: str = "") -> str:
        used = f"u.{use} * cast(c.month as double) - coalesce(cast(p.{allowance} as double), 0)"
        return f"greatest({used}, 0){unit} * coalesce(cast(p.{price} as double), 0)"

    sql = f"""select
    c.customer_id,
    c.as_of,
    p.plan_id,
    case when p.plan_id = c.plan_id then 1 else 0 end as present,
    cast(p.monthly_fee as double) as fee,
    cast(p.monthly_fee as double)
        + {beyond("minutes", "included_minutes", "price_per_minute")}
        + {beyond("texts", "included_sms", "price_per_sms")}
        + {beyond("mb", "included_data_mb", "price_per_gb", " / 1000")} as cost
from {question.name}_plan as c
join {question.name}_use as u on u.customer_id = c.customer_id and u.as_of = c.as_of
join (
{question.listed("plans")}
) as p on p.billing_type = c.billing_type and p.monthly_fee is not null"""
    return question.step("costs", sql, "what the use would cost under each plan")


def _answer(question: Question) -> Step:
    sql = f"""select
    customer_id,
    as_of,
    max(plan_cost) as plan_cost,
    min(cost) as cheapest_cost,
    max(case when place = 1 then plan_id end) as cheapest_plan,
    max(plan_cost) - min(cost) as plan_gap,
    case when max(plan_cost) is not null then count(case when cost < plan_cost - {_TRACE} then 1 end) end
        as cheaper_plans,
    max(case when present = 1 then cost - fee end) as beyond_cost
from (
    select
        *,
        max(case when present = 1 then cost end) over (partition by customer_id, as_of) as plan_cost,
        row_number() over (partition by customer_id, as_of order by cost, present desc, plan_id) as place
    from {question.name}_costs
) as c
group by customer_id, as_of"""
    return question.step("answer", sql, "the present plan against the cheapest")

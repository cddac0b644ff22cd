"""With whom: the diversity of contacts, the distributions over contacts, and conversations by text.

A conversation is a run of texts with one contact less than an hour apart; a call, or an hour's silence, ends it. A
split sees only its own records. Parts of a week and of a day last an hour at least, so nothing that lies between two of
its records less than an hour apart can be outside the split, and the record before (of all) decides.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from custintel.functions.function_context import Step
from custintel.indicators._call_records import RECORD_ORDER
from custintel.indicators._indicator_tables import (
    BOTH,
    CALLS,
    GROUP,
    KEYS,
    TEXTS,
    Indicator,
    IndicatorTable,
    split_rows_sql,
    statistics_steps,
)

if TYPE_CHECKING:
    from custintel.indicators._indicator_options import IndicatorOptions


PARETO = "cast(0.8 as double)"
"""The share that the fewest of them make up."""


def contact_tables(options: IndicatorOptions) -> list[IndicatorTable]:
    """Diversity of contacts, and the distributions over contacts."""
    per_contact = _per_contact_steps(options)
    return [_diversity(per_contact), _talk_time(per_contact), _per_contact(per_contact, options)]


def _per_contact_steps(options: IndicatorOptions) -> list[Step]:
    keys = "line, period, week_part, day_part, service, party"
    sums = "count(*) as n, count_if(outgoing) as n_out, sum(seconds) as s"
    cells = f"select {keys}, {sums}\nfrom records\nwhere party is not null\ngroup by {keys}"
    columns = ["line", "period", "service", "party", "n", "n_out", "s"]
    source = split_rows_sql(options, columns, "contact_cells")
    added = "sum(n) as n, sum(n_out) as n_out, coalesce(sum(s), 0) as s"
    whole = f"select {KEYS}, party, {added}\nfrom ({source})\ngroup by {KEYS}, party"
    totals = f"select {KEYS}, sum(n) as all_n, sum(s) as all_s\nfrom contact\ngroup by {KEYS}"
    return [
        Step("contact_cells", cells, "interactions with each contact by part of the week and the day"),
        Step("contact", whole, "interactions with each contact in each split"),
        Step("totals", totals, "interactions and seconds of each split"),
    ]


def _diversity(per_contact: list[Step]) -> IndicatorTable:
    sql = f"""select {KEYS},
    sum(k) as contacts,
    ln(any_value(all_n)) - sum(k * n * ln(n)) / any_value(all_n) as entropy,
    {pareto_count_sql("n", "all_n")} / sum(k) as pareto
from ({value_counts_sql("contact", "n")}) join totals using ({KEYS})
group by {KEYS}"""
    last = Step("contacts", sql, "diversity of contacts")
    both = (CALLS, TEXTS)
    return IndicatorTable(
        (*per_contact, last),
        (
            Indicator("number_of_contacts", "contacts", both),
            Indicator("entropy_of_contacts", "entropy", both),
            Indicator("percent_pareto_interactions", "pareto", both),
        ),
    )


def value_counts_sql(relation: str, x: str) -> str:
    """How many (k) have each value of x, and what those with more have together: far fewer rows to sort than items."""
    levels = f"select {KEYS}, {x}, count(*) as k from {relation} group by {KEYS}, {x}"
    over = f"partition by {GROUP} + split order by {x} desc rows between unbounded preceding and 1 preceding"
    return f"\n    select *, coalesce(sum({x} * k) over ({over}), 0) as before\n    from ({levels})\n"


def pareto_count_sql(x: str, total: str) -> str:
    """The fewest items that make up 80 % of the total, rounded up."""
    missing = f"ceil({PARETO} * {total}) - before"
    return f"sum(case when {x} > 0 then greatest(0, least(k, ceil(({missing}) / {x}))) else 0 end)"


def _talk_time(per_contact: list[Step]) -> IndicatorTable:
    calls = f"(select {KEYS}, s from contact where service = {CALLS})"
    sql = f"""select {KEYS}, {pareto_count_sql("s", "all_s")} / sum(k) as pareto
from ({value_counts_sql(calls, "s")}) join totals using ({KEYS})
group by {KEYS}"""
    last = Step("talk_time", sql, "contacts by seconds talked")
    return IndicatorTable((*per_contact, last), (Indicator("percent_pareto_durations", "pareto", (CALLS,)),))


def _per_contact(per_contact: list[Step], options: IndicatorOptions) -> IndicatorTable:
    """Interactions with a contact, and the balance: outgoing ones as a share of ALL interactions of the split."""
    balance = [
        # the shape of a distribution does not change with its scale: whole numbers until here
        f"n_out_{one} as balance_{one}" if one in ("skewness", "kurtosis") else f"n_out_{one} / all_n as balance_{one}"
        for one in options.statistics
    ]
    body = ", ".join([KEYS, *(f"n_{one}" for one in options.statistics), *balance])
    last = Step("shares", f"select {body}\nfrom per_contact join totals using ({KEYS})", "balance of contacts")
    steps = [*per_contact, *statistics_steps("per_contact", per_contact[1], options, ("n", "n_out"))[1:], last]
    both = (CALLS, TEXTS)
    return IndicatorTable(
        tuple(steps),
        (
            Indicator("interactions_per_contact", "n", both, distribution=True),
            Indicator("balance_of_contacts", "balance", both, distribution=True),
        ),
    )


_KINDS = {"all": "", "day": "day_part", "week": "week_part", "both": "day_part week_part"}
"""The four kinds of splits, and what must not change inside a conversation."""
_HOUR = 3_600_000_000


def conversation_tables(options: IndicatorOptions) -> list[IndicatorTable]:
    """Who opens, who answers, how fast."""
    steps = [_conversation_starts_step(options), _first_answers_step(options), _split_texts_step(options)]
    return [_openings(steps), _delays(steps, options)]


def _kinds(options: IndicatorOptions) -> dict[str, list[str]]:
    kinds = _KINDS if options.splits else {"all": ""}
    return {kind: ["period", *same.split()] for kind, same in kinds.items()}


def _conversation_starts_step(options: IndicatorOptions) -> Step:
    """Each text, and whether it opens a conversation in each kind of split."""
    before = ", ".join(
        f"lag({c}) over w as {c}_before" for c in ("tick", "service", "outgoing", "period", "day_part", "week_part")
    )
    far = f"service_before is null or service_before <> {TEXTS} or tick - tick_before >= {_HOUR}"
    opens = ",\n    ".join(
        f"({far} or {' or '.join(f'{c}_before <> {c}' for c in same)}) as opens_{kind}"
        for kind, same in _kinds(options).items()
    )
    sql = f"""select *,
    {opens}
from (
    select *, {before}
    from records
    where party is not null
    window w as (partition by line, party order by {RECORD_ORDER})
)
where service = {TEXTS}"""
    return Step("texts", sql, "texts, and which of them open a conversation")


def _first_answers_step(options: IndicatorOptions) -> Step:
    """Which texts are the first answer to those that opened the conversation.

    It is outgoing, follows an incoming one, and the run of incoming ones before it began with the conversation.
    """
    window = f"partition by line, party order by {RECORD_ORDER} rows between unbounded preceding and 1 preceding"
    answers = ",\n    ".join(
        f"(outgoing and not outgoing_before and not opens_{kind} and last_value(case when opens_{kind}"
        f" or outgoing <> outgoing_before then opens_{kind} end ignore nulls) over w) as answers_{kind}"
        for kind in _kinds(options)
    )
    return Step("turns", f"select *,\n    {answers}\nfrom texts\nwindow w as ({window})", "first answers")


def _split_texts_step(options: IndicatorOptions) -> Step:
    kinds = list(_kinds(options))
    columns = ["line", "period", f"{BOTH} as service", "outgoing", "outgoing_before"]
    columns.append("(tick - tick_before) / 1e6 as delay")
    lists = [(name, f"[{', '.join(f'{name}_{kind}' for kind in kinds)}]") for name in ("opens", "answers")]
    return Step("split_texts", split_rows_sql(options, columns, "turns", lists), "texts in each split")


def _openings(steps: list[Step]) -> IndicatorTable:
    groups = f"select distinct line, period, split, {BOTH} as service from counts"
    found = f"""select {KEYS},
        count_if(opens and outgoing) as started,
        count_if(opens and not outgoing) as received,
        count_if(answers) as answered
    from split_texts
    group by {KEYS}"""
    # no conversation at all: the share started is 0, as in bandicoot; the response rate is unknown
    sql = f"""select {KEYS},
    coalesce(started / nullif(started + received, 0), 0) as started_share,
    answered / nullif(received, 0) as response_rate
from ({groups}) left join (
    {found}
) using ({KEYS})"""
    last = Step("openings", sql, "who opens conversations, and who answers")
    return IndicatorTable(
        (*steps, last),
        (
            Indicator("percent_initiated_conversations", "started_share", (BOTH,)),
            Indicator("response_rate_text", "response_rate", (BOTH,)),
        ),
    )


def _delays(steps: list[Step], options: IndicatorOptions) -> IndicatorTable:
    answered = "outgoing and not outgoing_before and not opens and delay > 0"
    values = Step("delays_values", f"select {KEYS}, delay as x\nfrom split_texts\nwhere {answered}", "response delays")
    found = [*steps, *statistics_steps("delays", values, options)]
    return IndicatorTable(tuple(found), (Indicator("response_delay_text", "x", (BOTH,), distribution=True),))

"""Conversations: texts with one contact less than an hour apart; a call, or an hour's silence, ends one.

A split sees only its own records. Parts of a week and of a day last an hour at least, so nothing that lies between two
of its records less than an hour apart can be out of the split, and the record before (of all) decides.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from custintel.builder import Step
from custintel.indicators._records import TIES
from custintel.indicators._statistics import statistics_steps
from custintel.indicators._table import BOTH, KEYS, TEXTS, Indicator, Table, exploded_sql

if TYPE_CHECKING:
    from custintel.indicators._rules import Rules

__all__ = ["conversation_tables"]

_KINDS = {"all": "", "day": "day_part", "week": "week_part", "both": "day_part week_part"}
"""The four kinds of splits, and what must not change inside a conversation."""
_HOUR = 3_600_000_000


def conversation_tables(rules: Rules) -> list[Table]:
    """Who opens, who answers, how fast."""
    steps = [_texts_step(rules), _turns_step(rules), _split_step(rules)]
    return [_openings(steps), _delays(steps, rules)]


def _kinds(rules: Rules) -> dict[str, list[str]]:
    kinds = _KINDS if rules.splits else {"all": ""}
    return {kind: ["period", *same.split()] for kind, same in kinds.items()}


def _texts_step(rules: Rules) -> Step:
    """Each text, and whether it opens a conversation in each kind of split."""
    before = ", ".join(
        f"lag({c}) over w as {c}_before" for c in ("tick", "service", "outgoing", "period", "day_part", "week_part")
    )
    far = f"service_before is null or service_before <> {TEXTS} or tick - tick_before >= {_HOUR}"
    opens = ",\n    ".join(
        f"({far} or {' or '.join(f'{c}_before <> {c}' for c in same)}) as opens_{kind}"
        for kind, same in _kinds(rules).items()
    )
    sql = f"""select *,
    {opens}
from (
    select *, {before}
    from records
    where party is not null
    window w as (partition by line, party order by {TIES})
)
where service = {TEXTS}"""
    return Step("texts", sql, "texts, and which of them open a conversation")


def _turns_step(rules: Rules) -> Step:
    """Which texts are the first answer to those that opened the conversation.

    It is outgoing, follows an incoming one, and the run of incoming ones before it began with the conversation.
    """
    window = f"partition by line, party order by {TIES} rows between unbounded preceding and 1 preceding"
    answers = ",\n    ".join(
        f"(outgoing and not outgoing_before and not opens_{kind} and last_value(case when opens_{kind}"
        f" or outgoing <> outgoing_before then opens_{kind} end ignore nulls) over w) as answers_{kind}"
        for kind in _kinds(rules)
    )
    return Step("turns", f"select *,\n    {answers}\nfrom texts\nwindow w as ({window})", "first answers")


def _split_step(rules: Rules) -> Step:
    kinds = list(_kinds(rules))
    columns = ["line", "period", f"{BOTH} as service", "outgoing", "outgoing_before"]
    columns.append("(tick - tick_before) / 1e6 as delay")
    lists = [(name, f"[{', '.join(f'{name}_{kind}' for kind in kinds)}]") for name in ("opens", "answers")]
    return Step("split_texts", exploded_sql(rules, columns, "turns", lists), "texts in each split")


def _openings(steps: list[Step]) -> Table:
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
    return Table(
        (*steps, last),
        (
            Indicator("percent_initiated_conversations", "started_share", (BOTH,)),
            Indicator("response_rate_text", "response_rate", (BOTH,)),
        ),
    )


def _delays(steps: list[Step], rules: Rules) -> Table:
    answered = "outgoing and not outgoing_before and not opens and delay > 0"
    values = Step("delays_values", f"select {KEYS}, delay as x\nfrom split_texts\nwhere {answered}", "response delays")
    found = [*steps, *statistics_steps("delays", values, rules)]
    return Table(tuple(found), (Indicator("response_delay_text", "x", (BOTH,), distribution=True),))

"""Labels of expression questions: the target over the window, competing events, the gap, and censoring."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from custintel.builder.forward_windows import check_answerable, forward_values
from custintel.builder.source_tables import warehouse_sources
from custintel.builder.spine import spine_steps
from custintel.catalogue.question_grammar import TARGET, UNLESS, question_catalogue, true_without_rows
from custintel.catalogue.question_kinds import BILLING_TYPES
from custintel.functions.function_context import Step
from custintel.questions.outcome_labels import ACTIVE_SQL, ordered_frame, read_days, recent_step
from custintel.questions.service_history import activity_step, billing_step, endings_step, has_activity, lines_step

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from custintel.questions.question import Question
    from custintel.warehouse import Warehouse


def expression_population(wh: Warehouse, as_of: Any, question: Question) -> pd.DataFrame:
    """Customers in service at each date; only the active ones, and some billing types, if the question says so."""
    days, _ = read_days(wh, as_of)
    return ordered_frame(wh, [*_facts_steps(wh, sorted(days), question), _population_step(wh, question)])


def _facts_steps(wh: Warehouse, days: Sequence[date], question: Question) -> list[Step]:
    """Customers of each date, as features see them, and what is known of their lines."""
    steps = [*spine_steps(warehouse_sources(wh), days), activity_step(wh), endings_step(wh), lines_step(wh)]
    within = question.active_within_days
    return [*steps, billing_step(wh), *([recent_step(within, days)] if within is not None else [])]


def _population_step(wh: Warehouse, question: Question) -> Step:
    ended = "select 1 from endings as e where e.customer_id = d.customer_id and e.day <= d.as_of"
    conditions = [f"not exists ({ended})"]
    if set(question.billing_types) != set(BILLING_TYPES):
        types = ", ".join(f"'{name}'" for name in question.billing_types)
        conditions.append(f"coalesce(b.billing_type, c.billing_type) in ({types})")
    if question.active_within_days is not None and has_activity(wh):
        conditions.append(ACTIVE_SQL)
    sql = """\
select d.as_of, d.customer_id, coalesce(b.billing_type, c.billing_type) as billing_type
from spine as d
left join lines as c on c.customer_id = d.customer_id
left join billing as b on b.customer_id = d.customer_id and b.as_of = d.as_of
where """ + "\n    and ".join(conditions)
    return Step("population", sql, "customers in service at each date")


def expression_labels(wh: Warehouse, as_of: Any, question: Question) -> pd.DataFrame:
    """Labels of a question that is asked by an expression."""
    check_answerable(wh, question_catalogue(question.as_dict(), question.horizon_days))
    people = expression_population(wh, as_of, question)
    people = people[~_taken_out(wh, people.index, question)]
    values = _window(wh, people.index, question, question.horizon_days, question.end_days)
    cause = _competing_table(values)
    label = values[TARGET].where(cause.isna())
    if question.target_type == "class":
        label = label.astype(object).where(label.notna(), None)
    found = {"label": label, "cause": cause, "billing_type": people["billing_type"]}
    return pd.DataFrame(found, index=people.index)


def _taken_out(wh: Warehouse, rows: pd.Index, question: Question) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Rows for which the target is true by the end of the gap, or a competing event came in it.

    What holds of a customer without rows (no call, bills below an amount) cannot have come about in the gap.
    """
    with_target = question.target_type == "yes_no" and not true_without_rows(question.target)
    if not question.gap_days or not (with_target or question.unless):
        return np.zeros(len(rows), dtype=bool)
    values = _window(wh, rows, question, question.gap_days, question.gap_days, with_target)
    came = _competing_table(values).notna().to_numpy()
    return came | (values[TARGET] == 1).to_numpy() if with_target else came


def _window(
    wh: Warehouse, rows: pd.Index, question: Question, days: int, end: int, with_target: bool = True
) -> pd.DataFrame:
    """Target and competing events in the last `days` days up to `end` days after each date; missing if not over yet."""
    catalogue = question_catalogue(question.as_dict(), days, with_target)
    names = {entry.column: entry.feature for entry in catalogue.entries()}
    closed = rows.get_level_values("as_of") <= wh.period[1] - pd.Timedelta(days=end)
    found = pd.DataFrame(index=rows[closed], columns=list(names.values()), dtype=float)
    if closed.any():
        over = rows[closed].to_frame(index=False)
        over["as_of"] += pd.Timedelta(days=end)
        found = forward_values(wh, catalogue, pd.MultiIndex.from_frame(over)).rename(columns=names)
        found.index = rows[closed]
    return found.reindex(rows)


def _competing_table(values: pd.DataFrame) -> pd.Series:
    """The table of the competing event of each row (the first one of the question); missing without one."""
    cause = pd.Series(None, index=values.index, dtype=object)
    for column in reversed([str(name) for name in values if str(name).startswith(UNLESS)]):
        cause[values[column] > 0] = column.removeprefix(UNLESS)
    return cause

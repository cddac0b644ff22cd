"""What a fraud detector adds to the report: the review budget, how early cases are seen, kinds and rules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from custintel.adapters._review_figures import ReviewedRows
from custintel.reports.model.own_section import Line, LineChart, Section, Table, Text

if TYPE_CHECKING:
    from custintel.reports.model.evaluation import Evaluation

_SHARES = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1)
_POINTS = 40
_OTHERS = "other kinds"


def fraud_sections(evaluation: Evaluation) -> tuple[Section, ...]:
    """Sections of the rows that were judged."""
    predicted, answers = evaluation.predicted, evaluation.answers
    if predicted is None or answers is None:
        return ()
    costs = (evaluation.model.metadata.get("spec") or {}).get("costs") or {}
    reviewed = ReviewedRows.of(evaluation.y, predicted["probability"], answers, costs)
    frame = _judged(evaluation, reviewed)
    found = [_budget_section(reviewed), _lead_section(frame), _kind_section(frame, evaluation.smallest_group)]
    return (*found, _rule_section(frame, evaluation.smallest_group))


def _judged(evaluation: Evaluation, reviewed: ReviewedRows) -> pd.DataFrame:
    """The judged rows: case, reviewed, kind, likely kind, rules met, customer, day of the row and of the outcome."""
    assert evaluation.predicted is not None
    assert evaluation.answers is not None
    index, answers = evaluation.X.index, evaluation.answers
    names = index.names
    first = np.zeros(len(index), dtype=bool)
    first[np.argsort(-reviewed.score, kind="stable")[: reviewed.budget(len(index))]] = True
    day = index.get_level_values("as_of") if "as_of" in names else pd.NaT
    customer = index.get_level_values("customer_id") if "customer_id" in names else np.arange(len(index))
    return pd.DataFrame(
        {
            "case": reviewed.y == 1,
            "reviewed": first,
            "likely": evaluation.predicted["kind"].to_numpy(object),
            "rules": evaluation.predicted["rules_met"].to_numpy(object),
            "kind": answers["kind"].to_numpy(object) if "kind" in answers else None,
            "outcome": answers["outcome_date"].to_numpy() if "outcome_date" in answers else pd.NaT,
            "customer": np.asarray(customer),
            "day": np.asarray(day) if "as_of" in names else pd.NaT,
        }
    )


def _budget_section(reviewed: ReviewedRows) -> Section:
    rows = len(reviewed.y)
    counts = sorted({max(1, round(share * rows)) for share in _SHARES} | {reviewed.budget(rows)})
    table = [_budget_row(reviewed.at(0), 0.0)] + [_budget_row(reviewed.at(n), n / rows) for n in counts]
    lengths = np.unique(np.linspace(1, max(counts), _POINTS).round().astype(int))
    figures = [reviewed.at(int(n)) for n in lengths]
    line = Line("precision", tuple(map(float, lengths)), tuple(f["precision"] for f in figures))
    found = Line("share of the cases found", line.x, tuple(f["recall"] for f in figures))
    names = ("Reviews", "Share of rows", "Cases found", "Precision", "Share of cases", "Cost of a row, u")
    lead = (
        "What reviews find and cost when the rows of highest probability are reviewed first. The cost of a row is the "
        f"loss of the cases that nobody reviews plus {reviewed.review_cost:g} u a review, over all rows."
    )
    chart = LineChart("Precision by length of the queue", "reviews", "share", (line, found))
    return Section("Review budget", lead, (Table(names, tuple(table), digits=3), chart))


def _budget_row(figures: dict[str, float], share: float) -> tuple[Any, ...]:
    return (
        int(figures["reviews"]),
        share,
        int(figures["cases"]),
        figures["precision"] if figures["reviews"] else None,
        figures["recall"],
        figures["cost"],
    )


def _lead_section(frame: pd.DataFrame) -> Section:
    """Days between the first row of a line that is reviewed and its confirmation."""
    title, cases = "How early", frame[frame["case"]]
    lines = int(cases["customer"].nunique())
    seen = cases[cases["reviewed"]]
    days = (pd.to_datetime(seen["outcome"]) - pd.to_datetime(seen["day"])).dt.days.groupby(seen["customer"]).max()
    lead = (
        "Days between the first as-of date on which a confirmed line is among the reviewed rows and the day on which "
        "the operator confirmed it. A row of a later date is no earlier warning."
    )
    if not len(days) or days.isna().all():
        return Section(title, lead, (Text((f"None of {lines} confirmed lines is among the reviewed rows.",)),))
    low, middle, high = (float(q) for q in np.nanquantile(days, [0.25, 0.5, 0.75]))
    row = (lines, len(days), len(days) / max(lines, 1), low, middle, high)
    names = ("Confirmed lines", "Reviewed", "Share", "Lower quartile, days", "Median, days", "Upper quartile, days")
    return Section(title, lead, (Table(names, (row,), digits=2),))


def _kind_section(frame: pd.DataFrame, smallest: int) -> Section:
    """Kinds of the confirmed lines; kinds of few lines are taken together."""
    cases = frame[frame["case"]]
    lines = cases.groupby("kind")["customer"].nunique()
    large = set(lines.index[lines >= smallest])
    named = cases["kind"].where(cases["kind"].isin(large), _OTHERS)
    rows = [
        (
            str(kind),
            int(part["customer"].nunique()),
            int(part.loc[part["reviewed"], "customer"].nunique()),
            float((part["likely"] == part["kind"]).mean()),
        )
        for kind, part in cases.groupby(named)
    ]
    lead = f"Kinds of the confirmed lines. Kinds of fewer than {smallest} lines are taken together."
    names = ("Kind", "Confirmed lines", "Reviewed", "Rows whose kind was told")
    return Section("Kinds", lead, (Table(names, tuple(rows)),))


def _rule_section(frame: pd.DataFrame, smallest: int) -> Section:
    """Rules that are met by enough rows: how often, and how often by a case."""
    each = frame["rules"].str.split(", ").explode()
    met = pd.DataFrame({"rule": each[each != ""], "case": frame["case"].reindex(each[each != ""].index)})
    by = met.groupby("rule")["case"].agg(["size", "sum"]).sort_values("size", ascending=False)
    shown = by[by["size"] >= smallest]
    rows = [(str(rule), int(row["size"]), int(row["sum"]), row["sum"] / row["size"]) for rule, row in shown.iterrows()]
    told = f"{len(by) - len(shown)} further rules are met by fewer than {smallest} rows."
    lead = (
        "Rows that match a rule, and the share of cases among them. Rules named mined_... were learned from the cases; "
        "the others are the rules of the library at their start values."
    )
    return Section("Rules", lead, (Table(("Rule", "Rows", "Cases", "Precision"), tuple(rows), digits=3), Text((told,))))

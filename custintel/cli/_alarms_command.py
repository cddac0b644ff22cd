"""``alarms``: who matches or resembles a rule of fraud or arrears today."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from custintel.cli._rule_input import Source, base_at, check_language, read_rows, settings_for
from custintel.cli._shared_options import AsOf, FeaturesPath, IdColumn, Language  # noqa: TC001  (typer reads them)
from custintel.cli._terminal_output import say, show_frame, step, written
from custintel.errors import DataError
from custintel.reports import fraud_desk_report
from custintel.rules import RuleBase
from custintel.scoring.write_scores import check_writable, write_scores

if TYPE_CHECKING:
    import pandas as pd

    from custintel.rules import Rule

# ruff: noqa: PLR0913  (the arguments of a command are its options)


_SHOWN = ["customer_id", "rules", "tier", "expected_loss", "severity", "action"]


def alarms(
    source: Annotated[Path, typer.Argument(help="A flat table (.csv, .parquet), a folder of tables, a DuckDB file.")],
    base: Annotated[Path, typer.Option(help="File of the rule base.")] = Path("rules.jsonl"),
    as_of: AsOf = None,
    out: Annotated[Path, typer.Option(help="The .csv or .parquet file to write.")] = Path("alarms.csv"),
    cases: Annotated[bool, typer.Option("--cases", help="Write one row a customer instead of one an alarm.")] = False,
    report: Annotated[Path | None, typer.Option(help="Also write the desk's report to this .html file.")] = None,
    outcomes: Annotated[
        Path | None, typer.Option(help="Outcomes for the report: customer_id or rule, outcome, time.")
    ] = None,
    month: Annotated[str | None, typer.Option(help="Month of the report, like 2025-06.")] = None,
    language: Language = "en",
    resembles: Annotated[float | None, typer.Option(help="Least similarity of a resemblance; default 0.85.")] = None,
    id_column: IdColumn = None,
    features: FeaturesPath = None,
) -> None:
    """Run the rules that are active or under watch, and write alarms with matched and missed conditions in words."""
    check_writable(out)
    check_language(language)
    found = base_at(base)
    columns = _needed(found, base)
    step(f"looking at {source} with {len(found.in_state())} rules")
    X = Source(source, as_of, id_column, features).read(columns)
    able = found.restricted_to(X.columns)
    left_out = [rule for id_, rule in found.in_state().items() if id_ not in able.entries]
    _check_some(able, left_out)
    how = settings_for(X, columns, language, resembles, features)
    raised = able.alarms(X, how)
    one_each = RuleBase.cases(raised) if len(raised) else raised.reset_index()
    listed = (one_each if cases else raised).reset_index()
    write_scores(written(listed, "；" if language == "zh" else "; "), out)
    if len(raised):
        show_frame(written(one_each[_SHOWN].head(10)).reset_index(drop=True), "the ten most urgent cases")
    say(_told(raised, one_each, len(X), out))
    for rule in left_out:
        say(f"  not asked: {rule.name}, which reads {', '.join(sorted(rule.columns - set(X.columns)))}")
    if report is not None:
        known = None if outcomes is None else read_rows(outcomes, "file of outcomes")
        say(f"report: {fraud_desk_report(found, raised, None, known, month, settings=how).save(report)}")


def _needed(base: RuleBase, place: Path) -> set[str]:
    """Features that the rules read that fire."""
    firing = base.in_state()
    if not firing:
        raise DataError(
            f"no rule of {place} is active, so that nobody can be alarmed\n"
            "  hint: custintel rules list, then custintel rules approve NAME --by ... --reason ..."
        )
    return {column for rule in firing.values() for column in rule.columns}


def _check_some(able: RuleBase, left_out: list[Rule]) -> None:
    if not able.in_state():
        absent = sorted({column for rule in left_out for column in rule.columns})
        raise DataError(
            "no rule can be asked: the table lacks features that they read\n"
            f"  missing among: {', '.join(absent[:12])}\n"
            "  hint: give the table of features, or the folder of the operator's tables"
        )


def _told(raised: pd.DataFrame, one_each: pd.DataFrame, customers: int, out: Path) -> str:
    if raised.empty:
        return f"no alarm on {customers:,} customers: {out}"
    match = int(raised["tier"].eq("match").sum())
    loss = one_each["expected_loss"].sum()
    at_stake = f"; {loss:,.0f} u expected to be lost" if loss else ""
    return (
        f"{len(raised):,} alarms on {len(one_each):,} of {customers:,} customers, {match:,} match and "
        f"{len(raised) - match:,} resemble a rule{at_stake}: {out}"
    )

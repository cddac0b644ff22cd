"""``simulate``, ``check``, ``import`` and ``reidentify``: tables made, looked at, kept, and given their names back."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003  (typer reads it)
from typing import Annotated

import typer

from custintel.cli._exit_codes import ExitCode
from custintel.cli._rule_input import read_rows
from custintel.cli._shared_options import ContractsPath, WarehousePath  # noqa: TC001  (typer reads them)
from custintel.cli._terminal_output import say, show_error, show_frame, step
from custintel.contracts import reidentify as reidentify_rows
from custintel.contracts.pseudonyms import KEY_VARIABLE
from custintel.errors import DataError
from custintel.scoring.write_scores import check_writable, write_scores
from custintel.warehouse import Warehouse

MostSetAside = Annotated[
    float, typer.Option(min=0, max=1, help="Share of a table's rows that may be set aside; more is exit code 3.")
]


def simulate(
    out: Annotated[Path, typer.Argument(help="Folder to write the tables to.")],
    customers: Annotated[int, typer.Option(min=50, help="Number of lines.")] = 5_000,
    months: Annotated[int, typer.Option(min=1, help="Number of calendar months.")] = 12,
    seed: Annotated[int, typer.Option(help="Seed of everything random.")] = 7,
) -> None:
    """Write the tables of an invented operator whose truth is known."""
    step(f"simulating {customers:,} customers over {months} months")
    wh = Warehouse.simulate(customers=customers, months=months, seed=seed)
    wh.save(out)
    say(repr(wh))
    say(f"\nwritten to {out}; look at them with: custintel check {out}")


def check(warehouse: WarehousePath, contracts: ContractsPath = None, most_set_aside: MostSetAside = 0.1) -> None:
    """Say what the tables hold, and which rows were set aside and why; exit code 3 when these are too many."""
    wh = Warehouse.open(str(warehouse), contracts=contracts)
    show_report(wh)
    stop_at_too_many(wh, most_set_aside)


def import_tables(
    warehouse: WarehousePath,
    out: Annotated[Path, typer.Option(help="Folder to write the checked warehouse to.")],
    pseudonymise: Annotated[
        bool, typer.Option("--pseudonymise", help=f"Replace identifiers by pseudonyms; the key is {KEY_VARIABLE}.")
    ] = False,
    contracts: ContractsPath = None,
    most_set_aside: MostSetAside = 0.1,
) -> None:
    """Check the tables and write the checked warehouse: Parquet, rows set aside, and the report of the check."""
    wh = Warehouse.open(str(warehouse), pseudonymise=pseudonymise, contracts=contracts)
    show_report(wh)
    stop_at_too_many(wh, most_set_aside)
    say(f"written to {wh.save(out)}" + (f", pseudonyms of key {wh.pseudonymised}" if wh.pseudonymised else ""))


def reidentify(
    scores: Annotated[Path, typer.Argument(help="A .csv or .parquet file with pseudonyms.")],
    originals: Annotated[Path, typer.Argument(help="A .csv or .parquet file with all identifiers in the column.")],
    out: Annotated[Path, typer.Option(help="The .csv or .parquet file to write.")],
    column: Annotated[str, typer.Option(help="Column of both files.")] = "customer_id",
    space: Annotated[str, typer.Option(help="What it identifies: line, account, device, ...")] = "line",
) -> None:
    """Put the original identifiers back into a list; needs the key of the pseudonyms."""
    check_writable(out)
    known = read_rows(originals, identifier=column)
    if column not in known:
        raise DataError(f"{originals} has no column {column}\n  given: {', '.join(map(str, known.columns[:20]))}")
    named = reidentify_rows(read_rows(scores, identifier=column), known[column].dropna(), column, space)
    say(f"{len(named):,} rows: {write_scores(named, out)}")


def show_report(wh: Warehouse) -> None:
    """Where the rows went, and the period."""
    show_frame(wh.report.frame(), "tables")
    reasons = wh.report.reasons()
    if len(reasons):
        show_frame(reasons, "set aside")
    for note in wh.report.notes():
        say(note)
    if wh.dated_tables:
        first, last = (str(date)[:10] for date in wh.period)
        say(f"period {first} to {last}")


def stop_at_too_many(wh: Warehouse, most: float) -> None:
    """Leave with a code of its own when a table lost a larger share of its rows than allowed."""
    lost = [f"{r.table} {r.set_aside:,} of {r.rows_in:,}" for r in wh.report if r.set_aside > most * r.rows_in]
    if lost:
        hint = "repair the data or the mapping, or allow more: --most-set-aside"
        show_error(DataError(f"more than {most:.0%} of the rows were set aside: {', '.join(lost)}\n  hint: {hint}"))
        raise typer.Exit(int(ExitCode.TOO_MUCH_SET_ASIDE))

"""``simulate`` and ``check``: tables made, tables looked at."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from custintel.cli._exit import ExitCode
from custintel.cli._show import say, show_error, show_frame, step
from custintel.contracts import TABLES
from custintel.errors import DataError
from custintel.warehouse import Warehouse

__all__ = ["MostSetAside", "Place", "check", "show_report", "simulate", "stop_at_too_many"]

Place = Annotated[Path, typer.Argument(help="Folder of Parquet or CSV tables, or a DuckDB file.")]

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


def check(place: Place, most_set_aside: MostSetAside = 0.1) -> None:
    """Say what the tables hold, and which rows were set aside and why; exit code 3 when these are too many."""
    wh = Warehouse.open(str(place))
    show_report(wh)
    stop_at_too_many(wh, most_set_aside)


def show_report(wh: Warehouse) -> None:
    """Where the rows went, and the period."""
    show_frame(wh.report.frame(), "tables")
    reasons = wh.report.reasons()
    if len(reasons):
        show_frame(reasons, "set aside")
    if any(TABLES[name].event_time for name in wh.tables):
        first, last = (str(date)[:10] for date in wh.period)
        say(f"period {first} to {last}")


def stop_at_too_many(wh: Warehouse, most: float) -> None:
    """Leave with a code of its own when a table lost a larger share of its rows than allowed."""
    lost = [f"{r.table} {r.set_aside:,} of {r.rows_in:,}" for r in wh.report if r.set_aside > most * r.rows_in]
    if lost:
        hint = "repair the data or the mapping, or allow more: --most-set-aside"
        show_error(DataError(f"more than {most:.0%} of the rows were set aside: {', '.join(lost)}\n  hint: {hint}"))
        raise typer.Exit(int(ExitCode.TOO_MUCH_SET_ASIDE))

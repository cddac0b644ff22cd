"""``simulate`` and ``check``: tables made, tables looked at."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from custintel.cli._show import say, show_frame, step
from custintel.warehouse import Warehouse

__all__ = ["Place", "Threads", "check", "simulate"]

Place = Annotated[Path, typer.Argument(help="Folder of Parquet or CSV tables, or a DuckDB file.")]
Threads = Annotated[
    int | None, typer.Option(min=1, help="Threads of the database; with 1 the same data give the same bytes.")
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


def check(place: Place) -> None:
    """Say what the tables hold, and which rows were set aside and why."""
    wh = Warehouse.open(str(place))
    show_frame(wh.report.frame(), "tables")
    reasons = wh.report.reasons()
    if len(reasons):
        show_frame(reasons, "set aside")
    first, last = (str(date)[:10] for date in wh.period)
    say(f"period {first} to {last}")

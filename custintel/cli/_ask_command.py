"""``ask``: what a question would learn from, counted before anything is trained."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003  (typer reads it)
from typing import TYPE_CHECKING, Annotated

import pandas as pd
import typer
from rich.table import Table

from custintel.cli._shared_options import (  # noqa: TC001  (typer reads them)
    ContractsPath,
    FeaturesPath,
    ModelsPath,
    WarehousePath,
)
from custintel.cli._terminal_output import out as console
from custintel.cli._terminal_output import say, step
from custintel.training import ask as count_question
from custintel.warehouse import Warehouse

if TYPE_CHECKING:
    from custintel.training.question_counts import QuestionCounts

_BAR = 30  # characters
_COLOURS = {"learn": "cyan", "judge": "green", "learn and judge": "cyan"}


def ask(
    question: Annotated[str, typer.Argument(help="A question, for example churn, or a YAML file of your own.")],
    warehouse: WarehousePath,
    out: Annotated[Path | None, typer.Option(help="Also write a page with a chart to this .html file.")] = None,
    models: ModelsPath = None,
    features: FeaturesPath = None,
    contracts: ContractsPath = None,
) -> None:
    """Count what a question would learn from and be judged on, date by date, before anything is trained."""
    step(f"asking {question} of {warehouse}")
    wh = Warehouse.open(str(warehouse), contracts=contracts)
    counts = count_question(question, wh, models_path=models, features_path=features)
    show_counts(counts)
    if out is not None:
        say(f"page: {counts.write(out)}")


def show_counts(counts: QuestionCounts) -> None:
    """The words, and the dates with a bar each."""
    for line in counts.words():
        say(line)
    frame, measure = counts.frame, counts.measure
    table = Table(title=f"{counts.name}, by as-of date", title_justify="left", header_style="bold")
    for name in ("as-of date", "used to"):
        table.add_column(name)
    for name in ("rows", "not known", measure):
        table.add_column(name, justify="right")
    table.add_column("")
    most = frame[measure].max()
    for row in frame.to_dict("records"):
        value = row[measure]
        style = _COLOURS.get(row["role"], "bright_black")
        bar = "" if pd.isna(value) or not most > 0 else "█" * round(_BAR * max(value, 0) / most)
        cells = [str(row["as_of"].date()), row["role"], f"{row['rows']:,}", f"{row['not_known']:,}"]
        table.add_row(*cells, "" if pd.isna(value) else _shown(value, measure), f"[{style}]{bar}[/]")
    console().print(table)


def _shown(value: float, measure: str) -> str:
    return f"{value:.1%}" if measure == "rate" else f"{value:,.4g}" if measure == "mean" else f"{value:,.0f}"

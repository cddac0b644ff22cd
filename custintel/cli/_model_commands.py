"""``train``, ``report`` and ``score``: a model learned, explained and used."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from custintel.cli._shared_options import (  # noqa: TC001  (typer reads them)
    AsOf,
    ContractsPath,
    FeaturesPath,
    IdColumn,
    ModelsPath,
    RandomState,
    Store,
    Threads,
)
from custintel.cli._terminal_output import say, show_frame, show_lines, show_metrics, step
from custintel.errors import ConfigurationError
from custintel.reports.model.model_report import write_report
from custintel.scoring import score as score_customers
from custintel.training import Run
from custintel.training import train as train_model
from custintel.training.mlflow_store import fetch_report
from custintel.warehouse import Warehouse

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

# ruff: noqa: PLR0913  (the arguments of a command are its options)

OptionalWarehouse = Annotated[Path | None, typer.Argument(help="Folder of tables or DuckDB file; or give --table.")]
DateColumn = Annotated[
    str | None,
    typer.Option(
        "--date-column", help="Column of the table that dates its rows: the model is judged on the later ones."
    ),
]
TableFile = Annotated[Path | None, typer.Option("--table", help="A flat customer table: .csv, .parquet or .xlsx.")]
ScoredIdColumn = Annotated[
    str | None,
    typer.Option(
        "--id-column",
        help="Column of the table that becomes customer_id; default: the one that named the customers in training, "
        "else a column called customer_id, msisdn or alike, else the row number.",
    ),
]


def train(
    name: Annotated[str, typer.Argument(help="Model, for example churn.")],
    warehouse: OptionalWarehouse = None,
    table: TableFile = None,
    target: Annotated[str | None, typer.Option(help="Column of the table to predict.")] = None,
    id_column: IdColumn = None,
    date_column: DateColumn = None,
    pos_label: Annotated[str | None, typer.Option(help="Value of the target that is the event.")] = None,
    treatment: Annotated[str | None, typer.Option(help="Column of the table that says who was treated.")] = None,
    offer: Annotated[str | None, typer.Option(help="Column of the table that names the offer made.")] = None,
    tune: Annotated[int, typer.Option(min=0, help="Trials of the search for better parameters.")] = 0,
    random_state: RandomState = 0,
    refit: Annotated[bool, typer.Option("--refit", help="Deliver a model fitted again with the test date.")] = False,
    keep_leaks: Annotated[bool, typer.Option("--keep-leaks", help="Keep columns that look like leaks.")] = False,
    tracking: Annotated[bool, typer.Option(help="Write the run to MLflow.")] = True,
    store: Store = None,
    promote: Annotated[bool, typer.Option("--promote", help="Make this version the champion.")] = False,
    save: Annotated[Path | None, typer.Option(help="Also save the model to this folder.")] = None,
    report: Annotated[Path | None, typer.Option(help="Also write the report to this .html file.")] = None,
    models: ModelsPath = None,
    features: FeaturesPath = None,
    contracts: ContractsPath = None,
) -> None:
    """Learn a model from an operator's tables, or from one flat table, and judge it on rows it has not seen."""
    _one_source(warehouse, table)
    step(f"training {name} from {table or warehouse}")
    run = train_model(
        name,
        None if warehouse is None else Warehouse.open(str(warehouse), contracts=contracts),
        table=table,
        target=target,
        id_column=id_column,
        date_column=date_column,
        pos_label=pos_label,
        treatment=treatment,
        offer=offer,
        tune=tune,
        random_state=random_state,
        refit=refit,
        keep_leaks=keep_leaks,
        tracking=tracking,
        store=store,
        promote=promote,
        models_path=models,
        features_path=features,
    )
    show_run(run)
    if report is not None:
        say(f"report: {run.report(report)}")
    if save is not None:
        say(f"model: {run.model.save(save)}")


def report(
    model: Annotated[
        str,
        typer.Argument(help="Name of a model (its latest run), models:/churn@champion, runs:/ID, or a report.json."),
    ],
    out: Annotated[Path, typer.Option(help="The .html file to write.")] = Path("report.html"),
    store: Store = None,
) -> None:
    """Write the report of a trained model again."""
    step(f"reading the report of {model}")
    write_report(fetch_report(model, store), out)
    say(f"report: {out}")


def score(
    model: Annotated[str, typer.Argument(help="models:/churn@champion, or the folder of a saved model.")],
    warehouse: OptionalWarehouse = None,
    table: TableFile = None,
    id_column: ScoredIdColumn = None,
    as_of: AsOf = None,
    out: Annotated[Path, typer.Option(help="The .parquet or .csv file to write.")] = Path("scores.parquet"),
    top: Annotated[int, typer.Option(min=0, help="Number of reasons.")] = 3,
    store: Store = None,
    features: FeaturesPath = None,
    contracts: ContractsPath = None,
    threads: Threads = None,
) -> None:
    """Score customers and write the list with reasons.

    Every row of a table is scored. Its customer_id is text, as written: 00001 stays 00001.
    """
    _one_source(warehouse, table)
    step(f"scoring {table or warehouse} with {model}")
    scores = score_customers(
        model,
        None if warehouse is None else Warehouse.open(str(warehouse), threads=threads, contracts=contracts),
        as_of=as_of,
        table=table,
        id_column=id_column,
        out=out,
        top=top,
        store=store,
        features_path=features,
    )
    show_frame(scores[_shown_columns(scores, top)].head(5), "the five highest")
    show_lines(scores.attrs["custintel"]["notes"], "notes")
    skipped = scores.attrs["custintel"]["skipped"]
    say(f"{len(scores):,} customers scored" + (f", {skipped:,} outside the population" if skipped else "") + f": {out}")


def _shown_columns(scores: pd.DataFrame, top: int) -> list[str]:
    """The customer, the first columns of the learner, the decile and the first reason."""
    own = [str(c) for c in scores.columns if not str(c).startswith(("reason_", "action"))]
    first = [c for c in own if c not in ("as_of", "model", "model_version", "decile")][:5]
    return [
        *first,
        *(c for c in ("decile",) if c in own),
        *(["reason_1_en"] if top and "reason_1_en" in scores else []),
    ]


def show_run(run: Run) -> None:
    """Metrics, remarks, and where the model is."""
    windows = run.model.metadata["windows"]
    show_metrics(
        run.metrics, f"{run.model.name}: {len(run.evaluation.y):,} rows never learned from, {_judged_on(windows)}"
    )
    show_lines(run.evaluation.notes, "notes")
    if run.tracked is not None:
        say(f"MLflow: models:/{run.model.name}/{run.tracked.version} ({run.tracked.alias}) in {run.tracked.store}")


def _judged_on(windows: Mapping[str, Any]) -> str:
    """Which rows a model was judged on."""
    test = windows.get("test_as_of") or []
    if set(test) & set(windows.get("train_as_of") or ()):
        return "of other customers on the same dates"
    if test:
        return f"test date {test[0]}"
    if windows.get("judged_from"):
        return f"{windows['judged_from']} to {windows['judged_to']}"
    return "five-fold cross-validation"


def _one_source(warehouse: Path | None, table: Path | None) -> None:
    if (warehouse is None) == (table is None):
        raise ConfigurationError("give a warehouse or --table\n  hint: custintel train churn tables/")

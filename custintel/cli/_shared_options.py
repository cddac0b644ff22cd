"""Arguments and options that several commands take: one name and one text for one thing."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

WarehousePath = Annotated[Path, typer.Argument(help="Folder of Parquet or CSV tables, or a DuckDB file.")]
Threads = Annotated[
    int | None, typer.Option(min=1, help="Threads of the database; with 1 the same data give the same bytes.")
]
AsOf = Annotated[
    str | None, typer.Option(help="As-of date, whose end is looked at; default: the last day of the data.")
]
IdColumn = Annotated[
    str | None,
    typer.Option(
        "--id-column", help="Column of a flat table that names the customer; default: customer_id, msisdn or alike."
    ),
]
FeaturesPath = Annotated[Path | None, typer.Option("--features", help="Folder of own feature files.")]
ContractsPath = Annotated[
    Path | None,
    typer.Option(
        "--contracts", help="YAML file of the contracts of own tables; default: contracts.yaml in the folder of tables."
    ),
]
ModelsPath = Annotated[Path | None, typer.Option("--models", help="Folder of own model files.")]
Store = Annotated[str | None, typer.Option(help="MLflow store: a folder or an address; default: the working folder.")]
RandomState = Annotated[int, typer.Option(help="Seed of everything random.")]
Language = Annotated[str, typer.Option(help="Language of conditions and actions: en or zh.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
Out = Annotated[Path | None, typer.Option("--out", help="Write to this .csv, .parquet or .json file.")]

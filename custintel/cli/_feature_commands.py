"""``features``: what can be known about a customer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from custintel.builder import FeatureBuilder
from custintel.builder.feature_frame import check_features_file, write_features
from custintel.builder.trial_operator import trial_problems
from custintel.catalogue import Catalogue
from custintel.catalogue.data_dictionary import column_card
from custintel.catalogue.feature_file_schema import features_schema
from custintel.cli._shared_options import ContractsPath, FeaturesPath, Threads, WarehousePath  # noqa: TC001  (typer reads them)
from custintel.cli._terminal_output import say, show_frame, step
from custintel.contracts.own_contracts import read_contracts
from custintel.errors import ConfigurationError, raise_problems
from custintel.files.atomic_write import atomic_file
from custintel.functions.python_functions import load_python
from custintel.warehouse import Warehouse

if TYPE_CHECKING:
    import pandas as pd

# ruff: noqa: PLR0913  (the arguments of a command are its options)


_SHOWN = 20

app = typer.Typer(
    help="What can be known about a customer: list, describe, show as SQL, check own files, build the table.",
    no_args_is_help=True,
)

Topics = Annotated[
    list[str] | None, typer.Option("--topic", help="Only this topic or family; may be given several times.")
]
Columns = Annotated[
    list[str] | None, typer.Option("--column", help="Only this column, or a pattern such as 'bill_*'; several times.")
]
Python = Annotated[
    list[Path] | None, typer.Option("--python", help="Python file with own feature functions; several times.")
]


@app.command("list")
def list_features(
    topic: Topics = None,
    unit: Annotated[str | None, typer.Option(help="Only columns of this unit, such as share or d.")] = None,
    sensitivity: Annotated[str | None, typer.Option(help="Only normal, personal or sensitive columns.")] = None,
    search: Annotated[str | None, typer.Option(help="Only columns with these words, in English or Chinese.")] = None,
    warehouse: Annotated[
        Path | None, typer.Option(help="Only columns that the tables of this folder can answer.")
    ] = None,
    features: FeaturesPath = None,
    contracts: ContractsPath = None,
    python: Python = None,
) -> None:
    """One line a column: name, family, unit, sensitivity, meaning."""
    _load(python)
    wh = None if warehouse is None else Warehouse.open(str(warehouse), contracts=contracts)
    read_contracts(contracts)
    builder = FeatureBuilder(topic or None, features_path=features)
    frame, left_out = builder.describe(search), list[str]()
    if wh is not None:
        frame = frame[frame["column"].isin(builder.columns_of(wh))]
        left_out = builder.left_out_of(wh)
    for name, value in (("unit", unit), ("sensitivity", sensitivity)):
        frame = frame if value is None else _having(frame, name, value)
    if frame.empty:
        raise ConfigurationError(f"no feature is found\n  given: --search {search!r}\n  hint: custintel features list")
    meaning = "about" if (search or "").isascii() else "about_zh"
    show_frame(frame[["column", "family", "unit", "sensitivity", meaning]], f"{len(frame)} features", limit=2_000)
    _say_left_out(left_out)


def _having(frame: pd.DataFrame, name: str, value: str) -> pd.DataFrame:
    """The rows with this value; the values that there are when there is none."""
    found = frame[frame[name] == value]
    if found.empty:
        allowed = ", ".join(sorted(frame[name].unique()))
        raise ConfigurationError(f"no feature of this {name}\n  given: {value}\n  allowed: {allowed}")
    return found


@app.command()
def describe(
    name: Annotated[str, typer.Argument(help="A column, the beginning of one, or a pattern such as 'bill_*'.")],
    features: FeaturesPath = None,
    contracts: ContractsPath = None,
    python: Python = None,
) -> None:
    """All that is known about a feature: words, window, missing, source, slice, expression, SQL, file and line."""
    _load(python)
    read_contracts(contracts)
    catalogue = Catalogue.load(features)
    found = _columns(catalogue, name)
    for column in found[:_SHOWN]:
        card = column_card(catalogue, column)
        width = max(map(len, card))
        say("\n".join(f"{key:<{width}}  {text}" for key, text in card.items()) + "\n")
    if len(found) > _SHOWN:
        say(f"... and {len(found) - _SHOWN} more: {', '.join(found[_SHOWN:])}")


def _columns(catalogue: Catalogue, name: str) -> list[str]:
    known = [entry.column for entry in catalogue.entries()]
    begun = [column for column in known if column.startswith(name)]
    return [name] if name in known else begun or catalogue.match([name])


@app.command()
def sql(
    as_of: Annotated[list[str], typer.Option(help="As-of date, like 2025-06-30; may be given several times.")],
    dialect: Annotated[str, typer.Option(help="duckdb, spark, trino, hive, clickhouse, snowflake, ...")] = "duckdb",
    out: Annotated[Path | None, typer.Option(help="Write to this file instead of printing.")] = None,
    topic: Topics = None,
    column: Columns = None,
    features: FeaturesPath = None,
    contracts: ContractsPath = None,
    python: Python = None,
) -> None:
    """The features as one SQL statement, to run where the data are."""
    _load(python)
    read_contracts(contracts)
    text = FeatureBuilder(topic or None, features, column or None).sql(as_of, dialect=dialect)
    if out is None:
        say(text)
        return
    with atomic_file(out) as fresh:
        fresh.write_text(text + "\n", encoding="utf-8")
    say(f"{dialect} SQL: {out}")


@app.command()
def check(
    folder: Annotated[Path | None, typer.Argument(help="Folder of own feature files.")] = None,
    topic: Topics = None,
    features: FeaturesPath = None,
    contracts: ContractsPath = None,
    python: Python = None,
) -> None:
    """List every mistake of all feature files with file, line and hint; then compute every column once on a trial."""
    _load(python)
    read_contracts(contracts)
    place = folder or features
    builder = FeatureBuilder(topic or None, features_path=place)
    raise_problems(trial_problems(builder))
    entries = builder.catalogue.entries()
    own = sum(entry.where.startswith(str(place)) for entry in entries) if place is not None else 0
    mine = f", {own} of them from {place}" if place is not None else ""
    say(f"{len(builder.catalogue.families)} families, {len(entries)} features{mine}: no mistakes, all can be computed")


@app.command()
def schema(
    out: Annotated[Path, typer.Option(help="The .json file to write.")] = Path("features.schema.json"),
) -> None:
    """Write the JSON Schema of feature files, with which editors complete keys and mark mistakes."""
    with atomic_file(out) as fresh:
        fresh.write_text(json.dumps(features_schema(), indent=1) + "\n", encoding="utf-8")
    say(f"{out}; for VS Code (YAML extension) begin a feature file with:")
    say(f"# yaml-language-server: $schema={out}")


@app.command()
def build(
    warehouse: WarehousePath,
    as_of: Annotated[list[str], typer.Option(help="As-of date, like 2025-06-30; may be given several times.")],
    out: Annotated[Path, typer.Option(help="The .parquet or .csv file to write.")] = Path("features.parquet"),
    topic: Topics = None,
    column: Columns = None,
    features: FeaturesPath = None,
    contracts: ContractsPath = None,
    python: Python = None,
    threads: Threads = None,
) -> None:
    """Build the feature table: one row a customer and date."""
    check_features_file(out)
    _load(python)
    wh = Warehouse.open(str(warehouse), threads=threads, contracts=contracts)
    builder = FeatureBuilder(topic or None, features, column or None)
    step(f"building features of {warehouse} as of {', '.join(as_of)}")
    X = builder.build(wh, as_of)
    write_features(X, out)
    facts = X.attrs["custintel"]
    skipped = len(facts["skipped"])
    say(f"{len(X):,} rows, {X.shape[1]} columns: {out}" + (f"; {skipped} columns left out" if skipped else ""))
    _say_left_out(facts["left_out"])


def _say_left_out(lines: list[str]) -> None:
    for line in lines:
        say(f"  left out: {line}")


def _load(python: list[Path] | None) -> None:
    for file in python or ():
        load_python(file)

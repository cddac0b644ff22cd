"""``features``: what can be known about a customer."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from custintel.builder import FeatureBuilder
from custintel.catalogue import Catalogue
from custintel.cli._show import say, show_frame
from custintel.errors import ConfigurationError

__all__ = ["app"]

app = typer.Typer(
    help="What can be known about a customer: list, describe, show as SQL, check own files.", no_args_is_help=True
)

Families = Annotated[list[str] | None, typer.Option("--family", help="Only this family; may be given several times.")]
Folder = Annotated[Path | None, typer.Option("--features", help="Folder of own feature files.")]


@app.command("list")
def list_features(family: Families = None, features: Folder = None) -> None:
    """One line a column: name, family, unit, meaning."""
    frame = FeatureBuilder(family or None, features_path=features).describe()
    show_frame(frame[["column", "family", "unit", "about"]], f"{len(frame)} features", limit=1_000)


@app.command()
def describe(
    name: Annotated[str, typer.Argument(help="A column, or the beginning of one.")], features: Folder = None
) -> None:
    """All that is known about a feature."""
    frame = FeatureBuilder(features_path=features).describe()
    found = frame[frame["column"] == name]
    found = frame[frame["column"].str.startswith(name)] if found.empty else found
    if found.empty:
        raise ConfigurationError(f"no feature {name!r}\n  hint: custintel features list")
    for row in found.head(20).to_dict("records"):
        say("\n".join(f"{key}: {value}" for key, value in row.items() if value == value and value is not None) + "\n")


@app.command()
def sql(
    as_of: Annotated[str, typer.Option(help="As-of date, like 2025-06-30.")],
    dialect: Annotated[str, typer.Option(help="duckdb, spark, trino, snowflake, ...")] = "duckdb",
    family: Families = None,
    features: Folder = None,
) -> None:
    """The features as one SQL statement, to run where the data are."""
    say(FeatureBuilder(family or None, features_path=features).sql(as_of, dialect=dialect))


@app.command()
def check(features: Annotated[Path | None, typer.Argument(help="Folder of own feature files.")] = None) -> None:
    """Read all feature files and list every mistake with file, line and hint."""
    catalogue = Catalogue.load(features_path=features)
    say(f"{len(catalogue.families)} families, {len(catalogue.entries())} features: no mistakes")

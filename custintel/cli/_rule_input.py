"""Customers to run rules on: a flat table, or features built from an operator's tables."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from custintel.builder import FeatureBuilder
from custintel.builder.feature_frame import column_meanings
from custintel.cli._terminal_output import step
from custintel.dates import read_day
from custintel.errors import ConfigurationError, DataError, QualityWarning
from custintel.identifiers import identifier_index, identifier_problems
from custintel.rules import AlarmSettings
from custintel.training.customer_column import customer_column_for_scoring
from custintel.training.read_table import read_table
from custintel.warehouse import Warehouse

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from custintel.rules import RuleBase
    from custintel.training.customer_column import CustomerColumn
    from custintel.training.read_table import Table


_TABLES = (".csv", ".txt", ".tsv", ".parquet", ".xlsx")
_LANGUAGES = ("en", "zh")


def base_at(place: Path, *, new: bool = False) -> RuleBase:
    """The rule base of a file; one that is not there yet only where it may begin."""
    from custintel.rules import RuleBase

    if not new and not place.is_file():
        raise DataError(
            f"no rule base at {place}\n  hint: custintel rules import FILE.yaml, or custintel rules learn TABLE, "
            "makes one; --base names another file"
        )
    return RuleBase(place)


@dataclass(frozen=True)
class Source:
    """Where the customers come from."""

    place: Path
    as_of: str | None = None
    id_column: str | None = None
    features: Path | None = None

    @property
    def is_table(self) -> bool:
        """Whether it is a flat table."""
        return self.place.is_file() and self.place.suffix.lower() in _TABLES

    def read(self, columns: Iterable[str]) -> pd.DataFrame:
        """A flat table as it is; of a warehouse, those of the columns that can be built, and nothing else."""
        return _flat(self) if self.is_table else _built(self, sorted(columns))


def settings_for(
    X: pd.DataFrame, columns: Iterable[str], language: str, resembles: float | None = None, features: Path | None = None
) -> AlarmSettings:
    """How alarms are worded: with the words of the catalogue for the features that it knows."""
    names = feature_names([name for name in columns if name in X.columns], language, features)
    limit = {} if resembles is None else {"resembles": resembles}
    return AlarmSettings(language="zh" if language == "zh" else "en", names=names, **limit)


def check_language(language: str) -> None:
    """Refuse a language that there are no texts in."""
    if language not in _LANGUAGES:
        raise ConfigurationError(f"no texts in this language\n  given: {language}\n  allowed: {', '.join(_LANGUAGES)}")


def feature_names(columns: Iterable[str], language: str, features: Path | None = None) -> dict[str, str]:
    """Words of the catalogue for the features that it knows."""
    check_language(language)
    asked = pd.DataFrame(columns=list(columns))
    words = column_meanings(asked, FeatureBuilder(features_path=features).catalogue).set_index("column")
    said = words["about_zh" if language == "zh" else "about"].dropna()
    return {str(name): str(text) for name, text in said.items()}


def _flat(source: Source) -> pd.DataFrame:
    """The table with its customers, as they are written, in the index; said where that is a guess or not unique."""
    table = read_table(source.place, source.id_column)
    who = customer_column_for_scoring(table, source.id_column)
    frame = named_customers(table, who)
    if who.column is None:
        step(who.note)
    return frame if source.as_of is None else _dated(frame, source.as_of)


def named_customers(table: Table, who: CustomerColumn) -> pd.DataFrame:
    """The table by customer; rows that share one, or have none, are counted in a warning."""
    if who.column is None:
        return table.frame.set_axis(identifier_index(table.frame.index).rename("customer_id"))
    frame = table.indexed_by(who.column).frame
    problems = identifier_problems(frame.index.get_level_values("customer_id").to_numpy(dtype=object))
    if problems:
        warnings.warn(f"{'; '.join(problems)} ({who.column!r})", QualityWarning, stacklevel=2)
    return frame


def _dated(frame: pd.DataFrame, as_of: str) -> pd.DataFrame:
    """The customers at a day."""
    day = pd.Timestamp(read_day(as_of))
    frame.index = pd.MultiIndex.from_product([[day], frame.index], names=["as_of", "customer_id"])
    return frame


def _built(source: Source, columns: list[str]) -> pd.DataFrame:
    """Features of a warehouse; those that it cannot give are left out."""
    if not source.place.exists():
        raise DataError(f"no such table or warehouse: {source.place}\n  allowed: a file of type {', '.join(_TABLES)}, "
                        "a folder of tables, a DuckDB file")  # fmt: skip
    wh = Warehouse.open(str(source.place))
    known = set(FeatureBuilder(features_path=source.features).columns_of(wh))
    wanted = [name for name in columns if name in known]
    if not wanted:
        raise DataError(f"none of the features that the rules read can be built here\n  given: {', '.join(columns)}")
    day = source.as_of or str(wh.period[1].date())
    X = FeatureBuilder(features_path=source.features, columns=wanted).build(wh, day)
    X.index = X.index.astype(str).rename("customer_id")
    return _dated(X, day)


# Rows that a command is given in a file: values of offers, contacts, outcomes.


def read_rows(path: Path, what: str = "file", identifier: str = "customer_id") -> pd.DataFrame:
    """A table of rows about customers, read like every flat table; the identifier is text, as it is written."""
    if not path.is_file():
        raise DataError(f"no such {what}: {path}\n  allowed: .csv, .parquet, .xlsx")
    table = read_table(path, identifier, may_be_empty=True)
    for note in table.notes:
        step(f"{path.name}: {note}")
    frame = table.frame
    return frame.assign(**{identifier: table.identifiers(identifier)}) if identifier in frame else frame

"""What each table must look like, and the checks that set bad rows aside."""

from __future__ import annotations

from custintel.contracts._after_end import ENDS, count_after_end
from custintel.contracts._check import check_table, count_missing, count_unresolved
from custintel.contracts._date_texts import settle_dates
from custintel.contracts._document import tables_markdown
from custintel.contracts._epoch_units import name_likely_units
from custintel.contracts._mapping import ColumnSource, TableMapping, parse_mapping
from custintel.contracts._pseudonyms import IDENTIFIERS, KEY_VARIABLE, Pseudonyms, reidentify
from custintel.contracts._replace import identifiers, replace_identifiers
from custintel.contracts._report import Fault, QualityReport, TableReport
from custintel.contracts._resolution import NEEDS_HOUR
from custintel.contracts._rules import DERIVED, Source, derived_columns
from custintel.contracts._sources import (
    database_sources,
    drop_copied_views,
    folder_sources,
    frame_sources,
    spark_sources,
)
from custintel.contracts._structure import check_names, check_readable, check_rows, check_structure
from custintel.contracts._swapped import count_swapped
from custintel.contracts._tables import TABLES, ColumnContract, TableContract, load_tables

__all__ = [
    "DERIVED",
    "ENDS",
    "IDENTIFIERS",
    "KEY_VARIABLE",
    "NEEDS_HOUR",
    "TABLES",
    "ColumnContract",
    "ColumnSource",
    "Fault",
    "Pseudonyms",
    "QualityReport",
    "Source",
    "TableContract",
    "TableMapping",
    "TableReport",
    "check_names",
    "check_readable",
    "check_rows",
    "check_structure",
    "check_table",
    "count_after_end",
    "count_missing",
    "count_swapped",
    "count_unresolved",
    "database_sources",
    "derived_columns",
    "drop_copied_views",
    "folder_sources",
    "frame_sources",
    "identifiers",
    "load_tables",
    "name_likely_units",
    "parse_mapping",
    "reidentify",
    "replace_identifiers",
    "settle_dates",
    "spark_sources",
    "tables_markdown",
]

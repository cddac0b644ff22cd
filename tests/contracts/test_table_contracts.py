"""The contracts themselves: tables.yaml, its loader, the page made from it."""

from __future__ import annotations

from pathlib import Path

import pytest

from custintel.contracts.table_contracts import TABLES, load_tables, tables_markdown
from custintel.errors import ConfigurationError


def test_all_tables_are_there() -> None:
    expected = (
        "customers accounts plans subscriptions usage bills payments promises dunning recharges care surveys devices "
        "offers contacts cells cell_kpis numbering terminations cases unit_costs addons consents"
    )
    assert tuple(TABLES) == tuple(expected.split())


@pytest.mark.parametrize("contract", TABLES.values(), ids=list(TABLES))
def test_every_table_and_column_says_what_it_is(contract) -> None:
    assert contract.about
    assert all(column.about for column in contract.columns.values())
    assert set(contract.key) <= set(contract.required)
    assert contract.event_time is None or contract.event_time in contract.required


@pytest.mark.parametrize("contract", TABLES.values(), ids=list(TABLES))
def test_times_are_times(contract) -> None:
    named = [contract.event_time, contract.arrival_time, *(c.known_at for c in contract.columns.values())]
    assert all(contract.columns[name].type in ("date", "timestamp") for name in named if name)


def test_every_mistake_of_a_table_file_is_reported_at_once() -> None:
    text = """
calls:
  about: Calls
  key: [id]
  evnt_time: t
  columns:
    a: {type: word, values: [yes, x]}
    b: {type: number, known_at: z, references: nowhere, unkown: 1}
"""
    with pytest.raises(ConfigurationError) as caught:
        load_tables(text)
    wrongs = {(p.where.removeprefix("tables.yaml:"), p.wrong) for p in caught.value.problems}
    assert wrongs == {
        ("5: calls", "unknown key"),
        ("4: calls", "no such column"),
        ("7: calls.a", "unknown type"),
        ("7: calls.a", "no about"),
        ("7: calls.a", "a value is not text"),
        ("8: calls.b", "unknown key"),
        ("8: calls.b", "no about"),
        ("8: calls.b", "known_at names no column"),
        ("8: calls.b", "references no table"),
    }


def test_the_page_of_the_tables_is_up_to_date() -> None:
    page = Path(__file__).resolve().parents[2] / "docs" / "tables.md"
    assert page.read_text(encoding="utf-8") == tables_markdown(), (
        "write custintel.contracts.table_contracts.tables_markdown() to it"
    )


def test_the_page_names_every_column() -> None:
    page = tables_markdown()
    assert all(f"| `{column}` |" in page for contract in TABLES.values() for column in contract.columns)

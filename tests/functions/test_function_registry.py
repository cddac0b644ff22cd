"""Every function of the library is described, checked by brute force, and readable on other engines."""

from __future__ import annotations

import pytest
import sqlglot
from oracle_functions import ORACLES

from custintel.builder import FeatureBuilder
from custintel.catalogue import Catalogue
from custintel.contracts.table_contracts import TABLES
from custintel.functions.function_registry import registered_functions

SHIPPED = [function for function in registered_functions() if function.language == "sql"]
FAMILIES = {family.function: family for family in Catalogue.load().families if family.kind == "function"}


@pytest.mark.parametrize("function", SHIPPED, ids=lambda function: function.name)
def test_a_function_is_described_and_has_an_oracle(function):
    assert function.name in ORACLES
    read = {column for feature in FAMILIES[function.name].features for column in feature.expression.columns}
    assert read == set(function.columns)


@pytest.mark.parametrize("function", SHIPPED, ids=lambda function: function.name)
def test_what_is_read_is_in_the_contracts(function):
    for read in function.reads:
        assert {*read.required, *read.optional} <= set(TABLES[read.table].columns) | {"visible_date"}
    needs = {need for _, several in function.outputs for need in several}
    optional = {f"{read.table}.{column}" for read in function.reads for column in read.optional}
    assert needs <= optional | {"usage.hour"}  # which tables of days do not have


@pytest.mark.parametrize("function", SHIPPED, ids=lambda function: function.name)
@pytest.mark.parametrize("as_of", ["2025-06-30", ["2025-05-31", "2025-06-30"]])
def test_sql_can_be_carried_to_other_engines(function, as_of):
    text = FeatureBuilder([FAMILIES[function.name].name]).sql(as_of, dialect="spark")
    assert sqlglot.parse_one(text, read="spark").sql("duckdb")

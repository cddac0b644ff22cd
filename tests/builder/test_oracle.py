"""Builder = brute force, to 1e-9, for every column of every family, one date or several."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from conftest import HARD
from oracle import Oracle
from small_operator import CUSTOMERS, SILENT

from custintel.builder import FeatureBuilder
from custintel.catalogue import Catalogue

DATES = ["2025-03-15", "2025-05-31", "2025-06-30", "2025-10-20"]


@pytest.fixture(scope="module")
def builder(features_folder):
    return FeatureBuilder(features_path=features_folder)


@pytest.fixture(scope="module")
def built(builder, wh):
    return builder.build(wh, DATES, customers=CUSTOMERS)


@pytest.fixture(scope="module")
def expected(builder, wh):
    oracle = Oracle(builder.catalogue, {name: wh.frame(name) for name in wh.tables})
    return oracle.features(CUSTOMERS, [pd.Timestamp(day).date() for day in DATES])


def same(built: pd.Series, expected: pd.Series) -> pd.Series:
    both_missing = built.isna() & expected.isna()
    if built.dtype == "category":
        return both_missing | (built.astype(object) == expected.astype(object))
    close = np.isclose(built.astype(float), expected.astype(float), rtol=1e-9, atol=1e-12)
    return both_missing | pd.Series(close, index=built.index)


@pytest.mark.parametrize(
    "family", [*(f.name for f in Catalogue.load().families), *(path.stem for path in HARD.glob("*.yaml"))]
)
def test_every_column_of_a_family_equals_brute_force(family, builder, built, expected):
    columns = [e.column for e in builder.catalogue.entries() if e.family == family]
    wrong = {c: int((~same(built[c], expected[c])).sum()) for c in columns}
    assert {c: n for c, n in wrong.items() if n} == {}


def test_the_comparison_is_not_empty(built, expected):
    assert list(built.columns) == list(expected.columns)
    assert built.notna().mean().min() > 0
    assert (built.drop(SILENT, level="customer_id").select_dtypes("number").std() > 0).mean() > 0.95


def test_several_dates_are_each_date_alone(builder, wh, built):
    for day in DATES:
        alone = builder.build(wh, day, customers=CUSTOMERS)
        together = built.loc[pd.Timestamp(day)]
        differ = [c for c in alone.columns if not same(alone[c], together[c]).all()]
        assert differ == []


def test_the_single_statement_gives_the_same_numbers(builder, wh, built):
    """.sql() is one statement for all dates; build runs the same steps one by one."""
    statement = wh.sql(builder.sql(DATES, wh=wh))
    frame = statement.assign(as_of=statement["as_of"].astype("datetime64[ns]")).set_index(["as_of", "customer_id"])
    rows = frame.index.intersection(built.index)
    assert len(rows) == len(frame) > 0
    differ = [c for c in built.columns if not same(built.loc[rows, c], frame.loc[rows, c]).all()]
    assert differ == []


def test_order_of_rows_does_not_matter(builder, wh, tables, built):
    from custintel.warehouse import Warehouse

    shuffled = {name: frame.sample(frac=1, random_state=1) for name, frame in tables.items()}
    again = builder.build(Warehouse.from_frames(**shuffled), DATES, customers=CUSTOMERS)
    assert [c for c in built.columns if not same(again[c], built[c]).all()] == []


def test_spread_far_from_zero_keeps_its_digits(built, expected):
    columns = [c for c in built.columns if "far_sd" in c]
    assert len(columns) == 6
    np.testing.assert_allclose(built[columns], expected[columns].astype(float), rtol=1e-9)

"""The SQL for PostgreSQL, run there: the whole catalogue and the hard cases, equal to what is built here."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from postgres import Postgres, running
from small_operator import CUSTOMERS

from custintel.builder import FeatureBuilder
from custintel.warehouse import Warehouse

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.xdist_group("postgres")

NOT_SAID: list[str] = []
"""Shipped columns that cannot be said in PostgreSQL's SQL."""


@pytest.fixture(scope="module")
def operator(tables: dict[str, pd.DataFrame]) -> Warehouse:
    """The small operator with most of its customers still in service."""
    ended = tables["terminations"]
    return Warehouse.from_frames(**{**tables, "terminations": ended[ended["customer_id"].isin(CUSTOMERS[7:])]})


@pytest.fixture(scope="module")
def server(operator: Warehouse) -> Iterator[Postgres]:
    with running() as found:
        found.load(operator)
        yield found


def differing(found: pd.DataFrame, expected: pd.DataFrame) -> list[str]:
    """Columns that are not the same to 1e-9; texts must be the same texts."""
    wrong = []
    for name, values in expected.items():
        if values.dtype == "category":
            same = (found[name].astype(object) == values.astype(object)) | (found[name].isna() & values.isna())
            good = bool(same.all())
        else:
            good = np.allclose(found[name].astype(float), values, rtol=1e-9, atol=1e-9, equal_nan=True)
        wrong += [] if good else [str(name)]
    return wrong


@pytest.mark.parametrize("days", [["2025-05-31"], ["2025-03-15", "2025-06-30"]])
def test_the_whole_catalogue_and_the_hard_cases(days, server: Postgres, operator: Warehouse, features_folder: Path):
    builder = FeatureBuilder(features_path=features_folder)
    expected = builder.build(operator, days)
    found = server.frame(builder.sql(days, dialect="postgres", wh=operator))
    found["as_of"] = pd.to_datetime(found["as_of"])
    found = found.set_index(["as_of", "customer_id"])
    assert len(found) >= 7 * len(days)
    assert [tuple(key) for key in found.index] == [tuple(key) for key in expected.index]
    assert [c for c in builder.columns_of(operator) if c not in found] == NOT_SAID
    assert differing(found, expected) == []
    assert expected.notna().any().mean() > 0.9, "most columns must say something"


def test_equal_moments_are_settled_by_the_value(server: Postgres):
    """Pairs of the same time: the order of the rows must not matter."""
    from custintel.expressions.translate_dialect import translate

    made = "select max(case when v is not null then struct_pack(t := t, v := v) end) as pair, 1 as k from ({}) as r"
    merged = f"select max(p.pair) as pair from ({made}) as p"
    sql = f"select struct_extract(m.pair, 'v') as found from ({merged}) as m"
    rows = [(1, "'z'"), (2, "'a'"), (2, "'b'"), (3, "null")]
    for order in (rows, rows[::-1]):
        values = " union all ".join(f"select {t} as t, {v} as v" for t, v in order)
        assert server.frame(translate(sql.format(values), "postgres"))["found"].tolist() == ["b"]


def test_conditions_are_numbers_there(server: Postgres):
    from custintel.expressions.translate_dialect import translate

    sql = (
        "select cast(a > 1 as double) as one,"
        " cast(case when a > 5 then not b when true then a = 2 end as double) as two,"
        " cast(coalesce(a is null, b) as double) as three, cast(coalesce(a < 1, 5) as double) as four,"
        " max(a = 2) over () as five from (select 2 as a, true as b) as r"
    )
    assert server.frame(translate(sql, "postgres")).iloc[0].tolist() == [1, 1, 0, 0, 1]


def test_guards_inside_guards_are_missing_where_the_function_is_not_defined(server: Postgres):
    from custintel.expressions.parse import parse

    texts = ["sqrt(ln(x))", "ln(ln(x))", "sqrt(sqrt(x) - 1)", "ln(sqrt(x) - sqrt(y))"]
    values = [None, -4.0, 0.0, 0.3, 1.0, 2.7, 9.0, 1e12]
    frame = pd.DataFrame([(x, y) for x in values for y in values], columns=["x", "y"])
    rows = frame.astype(object).where(frame.notna(), "null").itertuples()
    given = " union all ".join(f"select {r.Index} as k, cast({r.x} as double precision) as x,"
                               f" cast({r.y} as double precision) as y" for r in rows)  # fmt: skip
    columns = ", ".join(f"{parse(text).sql('postgres')} as c{k}" for k, text in enumerate(texts))
    found = server.frame(f"select {columns} from ({given}) as r order by k")
    for k, text in enumerate(texts):
        np.testing.assert_allclose(found[f"c{k}"].to_numpy(dtype=float), parse(text).numpy(frame), rtol=1e-12)

"""Customers at dates of their own: aligned row by row, and each row sees its own date only."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from small_operator import CUSTOMERS

from custintel.builder import FeatureBuilder
from custintel.errors import ConfigurationError, CustintelError
from custintel.warehouse import Warehouse

DAYS = pd.date_range("2025-04-02", periods=24, freq="9D")
MANY = pd.date_range("2025-04-02", periods=70, freq="3D")


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    """Pairs in no order, one of them twice, with an index of their own."""
    rng = np.random.default_rng(5)
    frame = pd.DataFrame({"as_of": rng.choice(DAYS, 60), "customer_id": rng.choice(CUSTOMERS, 60), "note": "x"})
    return pd.concat([frame, frame.iloc[[3]]]).set_axis(rng.permutation(61))


def test_each_row_has_what_its_customer_has_at_its_date(wh, rows, features_folder):
    builder = FeatureBuilder(features_path=features_folder)
    X = builder.build(wh, rows=rows)
    pd.testing.assert_index_equal(X.index, rows.index)
    for day in rows["as_of"].unique()[:2]:
        here = rows[rows["as_of"] == day]
        alone = builder.build(wh, day, customers=here["customer_id"].unique())
        found, expected = X.loc[here.index], alone.loc[here["customer_id"]].set_axis(here.index)
        for column in X:
            values = [f[column].astype(object) for f in (found, expected)]
            pd.testing.assert_series_equal(*values, check_names=False, rtol=1e-9)


def test_a_row_does_not_see_what_came_after_its_own_date(tables, rows):
    """The other rows reach further in time: their days are read, and must not leak into earlier rows."""
    edge = pd.Timestamp("2025-07-15")
    known = tables["usage"][tables["usage"][["event_time", "arrival_time"]].max(axis=1) < edge]
    moments = tables["usage"]["event_time"] + pd.Timedelta(days=200)
    late = tables["usage"].assign(event_time=moments, arrival_time=moments)
    late = late[(late["event_time"] >= edge) & (late["event_time"] < "2025-10-28")]
    both = [Warehouse.from_frames(customers=tables["customers"], usage=u) for u in (known, pd.concat([known, late]))]
    last = pd.DataFrame({"as_of": [both[0].period[1]], "customer_id": ["C01"]})
    pairs = pd.concat([rows[rows["as_of"] < edge], last])
    before, after = (FeatureBuilder().build(one, rows=pairs) for one in both)
    early = (pairs["as_of"] < edge).to_numpy()
    pd.testing.assert_frame_equal(before[early], after[early])
    assert len(late) > 50


@pytest.mark.parametrize(
    "form",
    [
        lambda r: r.set_index(["as_of", "customer_id"]),
        lambda r: pd.MultiIndex.from_frame(r[["as_of", "customer_id"]]),
        lambda r: r.assign(as_of=r["as_of"].dt.strftime("%Y-%m-%d")).set_index("customer_id"),
        lambda r: r.astype({"customer_id": "category"}).set_index("as_of"),
    ],
)
def test_pairs_may_stand_in_columns_or_in_the_index(wh, rows, form):
    given = form(rows)
    X = FeatureBuilder(["usage"]).build(wh, rows=given)
    pd.testing.assert_index_equal(X.index, given if isinstance(given, pd.MultiIndex) else given.index)
    expected = FeatureBuilder(["usage"]).build(wh, rows=rows)
    np.testing.assert_allclose(X.to_numpy(), expected.to_numpy())


@pytest.mark.parametrize("form", [list, pd.Series, pd.Index, lambda c: pd.DataFrame({"customer_id": c})])
def test_customers_at_one_date(wh, form):
    customers = ["C03", "C01", "C03"]
    X = FeatureBuilder(["customer"]).build(wh, "2025-06-30", rows=form(customers))
    expected = FeatureBuilder(["customer"]).build(wh, "2025-06-30", customers=["C03", "C01"])
    np.testing.assert_allclose(X["tenure_days"], expected["tenure_days"].loc[customers])


def test_more_dates_than_one_plan_holds(wh):
    """Windows of seventy dates make hundreds of buckets; a plan holds only some of them."""
    X = FeatureBuilder(["volumes", "direct_contacts"]).build(wh, MANY)
    alone = FeatureBuilder(["volumes", "direct_contacts"]).build(wh, [MANY[40]])
    pd.testing.assert_frame_equal(X.loc[[MANY[40]]], alone, rtol=1e-9)


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ({"rows": pd.DataFrame({"customer": ["C01"]})}, "rows without customers\n  given: customer"),
        ({"rows": pd.DataFrame({"customer_id": ["C01"]})}, "rows without dates"),
        ({"rows": ["C01"], "as_of": ["2025-06-30", "2025-05-31"]}, "one date for all rows"),
        ({"rows": pd.DataFrame({"customer_id": ["C01"], "as_of": ["2025-06-30"]}), "as_of": "2025-06-30"}, "leave one"),
        ({"rows": pd.DataFrame({"customer_id": ["C01", "C02"], "as_of": ["2025-06-30", None]})}, "cannot be read"),
        ({"rows": pd.DataFrame({"customer_id": ["C01"], "as_of": ["2031-06-30"]})}, "outside the data"),
        ({"rows": pd.DataFrame({"customer_id": [None], "as_of": ["2025-06-30"]})}, "1 missing values"),
        ({"rows": pd.DataFrame({"customer_id": ["X9"], "as_of": ["2025-06-30"]})}, "not in the table customers"),
        ({"rows": pd.DataFrame({"customer_id": [], "as_of": []})}, "no rows"),
    ],
)
def test_rows_that_cannot_be_answered(wh, question, words):
    with pytest.raises(CustintelError, match=words):
        FeatureBuilder(["customer"]).build(wh, **question)


def test_rows_and_customers_exclude_each_other(wh):
    with pytest.raises(ConfigurationError, match="allowed: one of them"):
        FeatureBuilder(["customer"]).build(wh, "2025-06-30", customers=["C01"], rows=["C01"])

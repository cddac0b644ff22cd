"""Features as a step of a pipeline: cloned, cross-validated, aligned, and blind to later days."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_predict
from sklearn.pipeline import make_pipeline

from custintel import ChurnClassifier, FeatureBuilder, Warehouse
from custintel.builder import WarehouseFeatures
from custintel.builder.feature_frame import column_meanings
from custintel.errors import ConfigurationError, CustintelError, DataError

DATES = pd.to_datetime(["2025-02-28", "2025-03-20", "2025-04-30", "2025-05-31"])


@pytest.fixture(scope="module")
def wh(quick_tables) -> Warehouse:
    return Warehouse.open(quick_tables)


@pytest.fixture(scope="module")
def rows(wh) -> pd.DataFrame:
    """Each customer at one date of its own."""
    rng = np.random.default_rng(1)
    customers = rng.permutation(wh.frame("usage")["customer_id"].unique())
    return pd.DataFrame({"customer_id": customers, "as_of": rng.choice(DATES, 400)}, index=rng.permutation(400))


@pytest.fixture(scope="module")
def y(wh, rows) -> pd.Series:
    """Whether the customer calls within thirty days of the date."""
    calls = wh.frame("usage").merge(rows, on="customer_id")
    later = calls[
        (calls["event_date"] > calls["as_of"]) & (calls["event_date"] <= calls["as_of"] + pd.Timedelta("30D"))
    ]
    return (~rows["customer_id"].isin(later["customer_id"])).astype(int)


def test_rows_come_out_aligned_with_their_words(wh, rows):
    X = WarehouseFeatures(wh, topics=["usage"]).fit_transform(rows)
    pd.testing.assert_index_equal(X.index, rows.index)
    pair = rows.iloc[7]
    alone = FeatureBuilder(["usage"]).build(wh, pair["as_of"], customers=[pair["customer_id"]])
    np.testing.assert_allclose(X.iloc[7].to_numpy(float), alone.iloc[0].to_numpy(float))
    assert column_meanings(X).set_index("column").loc["events_30d", "unit"] == "events"


def test_a_pipeline_is_cross_validated(wh, rows, y):
    pipe = make_pipeline(WarehouseFeatures(wh, topics=["usage"]), ChurnClassifier(effort="fast", n_jobs=1))
    p = cross_val_predict(pipe, rows, y, cv=3, method="predict_proba")[:, 1]
    assert np.mean(p[y == 1]) > np.mean(p[y == 0]) + 0.2
    fitted = pipe.fit(rows, y)
    assert fitted[:-1].get_feature_names_out().tolist() == FeatureBuilder(["usage"]).columns_of(wh)


def test_parameters_can_be_searched(wh, rows, y):
    pipe = make_pipeline(WarehouseFeatures(wh), LogisticRegression())
    grid = {"warehousefeatures__columns": [["events_7d"], ["events_7d", "events_30d"]]}
    found = GridSearchCV(pipe, grid, cv=2).fit(rows, y)
    assert (found.cv_results_["mean_test_score"] > 0.5).all()
    assert found.predict(rows).shape == (len(rows),)


def test_the_label_of_a_row_is_not_in_its_features(wh, rows):
    """What comes after the date of a row changes nothing in it, though other rows are asked of later days."""
    early = rows["as_of"] < "2025-04-01"
    calls = wh.frame("usage")[["customer_id", "event_time", "service", "direction", "other_party", "duration_s"]]
    more = calls[calls["event_time"] >= "2025-04-01"].assign(duration_s=999.0, other_party="X")
    noisy = Warehouse.from_frames(usage=pd.concat([calls, more, more.assign(other_party="Y")]))
    plain, loud = (WarehouseFeatures(one).fit_transform(rows) for one in (wh, noisy))
    pd.testing.assert_frame_equal(plain[early], loud[early])
    assert (plain[~early]["events_30d"] != loud[~early]["events_30d"]).any()


def test_clones_and_copies_share_the_warehouse(wh):
    step = WarehouseFeatures(wh, topics=["usage"])
    assert clone(step).wh is wh
    assert copy.deepcopy(step).wh is wh
    assert clone(make_pipeline(step, LogisticRegression()))[0].wh is wh
    assert clone(step).topics == ["usage"]


def test_a_warehouse_is_not_sent_to_other_processes(wh):
    with pytest.raises(TypeError, match="leave n_jobs at None"):
        pickle.dumps(WarehouseFeatures(wh))


def test_output_as_scikit_learn_is_told(wh, rows):
    pl = pytest.importorskip("polars")
    step = WarehouseFeatures(wh, columns=["events_7d", "minutes_30d"])
    assert isinstance(clone(step).set_output(transform="pandas").fit_transform(rows), pd.DataFrame)
    polars = clone(step).set_output(transform="polars").fit_transform(rows)
    assert isinstance(polars, pl.DataFrame)
    assert polars.columns == ["events_7d", "minutes_30d"]
    np.testing.assert_allclose(polars.to_numpy(), step.fit_transform(rows).to_numpy())


def test_one_date_for_customers_without_dates(wh, rows):
    step = WarehouseFeatures(wh, columns=["events_30d"], as_of="2025-05-31")
    found = step.fit_transform(rows["customer_id"])
    expected = FeatureBuilder(columns=["events_30d"]).build(wh, "2025-05-31", rows=rows["customer_id"].tolist())
    pd.testing.assert_index_equal(found.index, rows.index)
    np.testing.assert_allclose(found.to_numpy(), expected.to_numpy())


def test_a_fitted_step_takes_the_tables_of_a_later_day(wh, rows):
    calls = wh.frame("usage")
    step = WarehouseFeatures(wh, topics=["usage"]).fit(rows)
    fewer = Warehouse.from_frames(usage=calls[["customer_id", "event_time", "service", "direction"]])
    with pytest.raises(DataError, match="columns of fit cannot be computed"):
        step.set_params(wh=fewer).transform(rows)
    assert step.set_params(wh=wh).transform(rows).shape == (len(rows), len(step.feature_names_out_))


def test_mistakes_are_explained(wh, rows):
    with pytest.raises(ConfigurationError, match="given: NoneType"):
        WarehouseFeatures().fit(rows)
    with pytest.raises(NotFittedError):
        WarehouseFeatures(wh).transform(rows)
    with pytest.raises(CustintelError, match="did you mean events_30d"):
        WarehouseFeatures(wh, columns=["events_30"]).fit(rows)
    with pytest.raises(DataError, match="column bills_180d: no table bills"):
        WarehouseFeatures(wh, columns=["events_7d", "bills_180d"]).fit(rows)
    with pytest.raises(DataError, match="rows without customers"):
        WarehouseFeatures(wh).fit(rows).transform(rows[["as_of"]])

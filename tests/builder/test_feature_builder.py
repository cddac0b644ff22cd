"""FeatureBuilder from outside: index, types, silence, missing tables, errors."""

from __future__ import annotations

import json
import re

import numpy as np
import pandas as pd
import pytest
import sqlglot
from small_operator import CUSTOMERS, SILENT

from custintel.builder import FeatureBuilder
from custintel.catalogue import Catalogue
from custintel.errors import ConfigurationError, DataError, DateError
from custintel.warehouse import Warehouse


def calls(*days: str, customer: str = "a", **columns: object) -> pd.DataFrame:
    frame = pd.DataFrame({"event_time": [pd.Timestamp(day) for day in days], "customer_id": customer})
    return frame.assign(service="voice", direction="out", **columns)


@pytest.fixture(scope="module")
def X(wh):
    return FeatureBuilder().build(wh, "2025-06-30", customers=CUSTOMERS)


def test_one_date_gives_customers_and_several_give_dates_and_customers(wh, X):
    assert X.index.name == "customer_id"
    several = FeatureBuilder(["customer"]).build(wh, ["2025-06-30"], customers=CUSTOMERS)
    assert list(several.index.names) == ["as_of", "customer_id"]
    assert several.index.levels[0].dtype.kind == "M"


def test_numbers_are_floats_and_texts_are_categories(X):
    texts = set(FeatureBuilder().describe().query("unit == 'category'")["column"])
    assert texts
    assert {c: str(X[c].dtype) for c in X} == {c: "category" if c in texts else "float64" for c in X}


def test_a_silent_customer_has_zeros_where_zero_is_the_truth(X):
    silent = X.loc[SILENT]
    assert (silent[["events_30d", "minutes_90d", "contacts_30d", "bills_180d", "care_contacts_180d"]] == 0).all()
    assert silent[["contact_entropy_30d", "bill_mean_180d"]].isna().all()


def test_rows_are_those_in_service(wh):
    """Without a list: activated by the date, and no request or decision that ends the line known by then."""
    found = FeatureBuilder(["customer"]).build(wh, "2025-06-30").index
    ends = wh.frame("terminations")
    ends = ends[ends["cause"].isin(["voluntary", "port_out", "involuntary", "death"])]
    gone = ends[ends[["event_date", "visible_date"]].max(axis=1) <= pd.Timestamp("2025-06-30")]["customer_id"]
    assert list(found) == sorted(set(CUSTOMERS) - set(gone))


@pytest.mark.parametrize("window_edge", ["2025-06-23 23:59:59", "2025-06-24 00:00:00"])
def test_a_window_of_seven_days_begins_seven_days_before(window_edge):
    wh = Warehouse.from_frames(usage=calls(window_edge, "2025-06-30 23:59:59", "2025-07-01"))
    events = FeatureBuilder(["usage"]).build(wh, "2025-06-30")["events_7d"]
    assert events.tolist() == [1.0 if "23" in window_edge[:10] else 2.0]


def test_windows_of_distant_dates_do_not_touch_the_days_between():
    wh = Warehouse.from_frames(usage=calls("2025-01-01", "2025-03-15", "2025-06-25", "2025-12-01"))
    X = FeatureBuilder(["usage"]).build(wh, ["2025-01-05", "2025-06-30"])
    assert X["events_7d"].tolist() == [1.0, 1.0]
    assert X["events_90d"].tolist() == [1.0, 1.0]


def test_only_usage_is_enough_and_what_is_left_out_is_said():
    wh = Warehouse.from_frames(usage=calls("2025-06-01", "2025-06-30"))
    X = FeatureBuilder().build(wh, "2025-06-30")
    facts = X.attrs["custintel"]
    assert X.loc["a", "events_30d"] == 2
    assert facts["skipped"]["bills_180d"] == "no table bills"
    assert facts["skipped"]["minutes_30d"] == "no column duration_s in usage"
    assert facts["skipped"]["minutes_trend"] == "reads minutes_30d, minutes_90d, which is left out"
    assert set(facts["skipped"]) | set(X.columns) == set(FeatureBuilder().describe()["column"])
    assert json.loads(json.dumps(facts)) == facts
    assert facts["short_history"] == ["2025-06-30"]


def test_only_bills_is_enough():
    bills = pd.DataFrame({"bill_id": ["1", "2"], "customer_id": ["a", "b"], "amount": [10.0, 20.0]})
    wh = Warehouse.from_frames(bills=bills.assign(event_time=pd.to_datetime(["2025-05-31", "2025-06-30"])))
    X = FeatureBuilder().build(wh, "2025-06-30")
    assert X["billed_amount_180d"].to_dict() == {"a": 10.0, "b": 20.0}


def test_late_arrivals_enter_when_they_arrive():
    late = calls("2025-05-20", arrival_time=pd.Timestamp("2025-06-02 10:00"))
    wh = Warehouse.from_frames(usage=pd.concat([late, calls("2025-05-01", "2025-07-31")]))
    X = FeatureBuilder(["usage"]).build(wh, ["2025-05-31", "2025-06-01", "2025-06-02", "2025-06-30"])
    assert X["events_90d"].tolist() == [1.0, 1.0, 2.0, 2.0]


@pytest.mark.parametrize(
    "families",
    [
        ["usage", "contacts", "contract"],
        ["hard_sequence", "hard_talks", "hard_median"],
        [family.name for family in Catalogue.load().families if family.kind == "function"],
    ],
    ids=lambda families: families[0],
)
def test_parts_give_the_same_rows(wh, monkeypatch, features_folder, families):
    builder = FeatureBuilder(families, features_path=features_folder)
    whole = builder.build(wh, ["2025-05-31", "2025-06-30"])
    monkeypatch.setattr("custintel.builder._duckdb_executor.MAX_CELLS", 100)
    parts = builder.build(wh, ["2025-05-31", "2025-06-30"])
    pd.testing.assert_frame_equal(parts, whole, rtol=1e-9)


def test_nothing_is_left_behind_on_the_engine(wh):
    tables = "select table_name from duckdb_tables() union all select view_name from duckdb_views()"
    before = wh.sql(f"{tables} order by 1")
    FeatureBuilder(["billing"]).build(wh, "2025-06-30", customers=CUSTOMERS[:2])
    pd.testing.assert_frame_equal(wh.sql(f"{tables} order by 1"), before)


@pytest.mark.parametrize("dialect", ["spark", "trino", "hive", "clickhouse", "snowflake", "postgres"])
@pytest.mark.parametrize("as_of", ["2025-06-30", ["2025-05-31", "2025-06-30"]])
def test_sql_for_other_warehouses_parses_back(dialect, as_of):
    text = FeatureBuilder(["usage", "contacts", "customer"]).sql(as_of, dialect=dialect)
    tree = sqlglot.parse_one(text, read=dialect)
    names = {select.alias_or_name for select in tree.selects}
    assert {"as_of", "customer_id", "events_30d", "contacts_90d", "tenure_days"} <= names


def test_plan_tells_its_steps(wh):
    plan = FeatureBuilder(["usage"]).plan(["2025-06-30", "2025-05-31"], wh)
    assert [str(day) for day in plan.dates] == ["2025-05-31", "2025-06-30"]
    assert "volumes_partials" in repr(plan)
    assert "volumes_partials" in plan._repr_html_()
    assert "usage" in FeatureBuilder(["usage"])._repr_html_()


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"as_of": "2024-06-30"}, DateError, "outside the data: 2024-06-30\n  allowed: 2025-01-0"),
        ({"as_of": ["2025-06-30", "2031-01-01"]}, DateError, "outside the data: 2031-01-01"),
        ({"as_of": ["2025-06-30", "2025-06-30"]}, DateError, "given twice: 2025-06-30"),
        ({"as_of": []}, DateError, "no as-of date"),
        ({"as_of": "soon"}, DateError, "cannot be read"),
        ({"as_of": "2025-06-30 12:00"}, DateError, "time of day"),
        ({"as_of": None}, DateError, "no as-of date"),
        ({"as_of": "2025-06-30", "customers": ["C01", "C01", "C02"]}, DataError, "1 customer given twice"),
        (
            {"as_of": "2025-06-30", "customers": ["C01", "X1", "X2"]},
            DataError,
            "2 of 3 customers are not in the table customers",
        ),
        ({"as_of": "2025-06-30", "customers": []}, DataError, "an empty list"),
        ({"as_of": "2025-06-30", "customers": ["C01", np.nan]}, DataError, "1 missing values"),
    ],
)
def test_bad_questions_get_teaching_errors(wh, arguments, error, words):
    with pytest.raises(error, match=words):
        FeatureBuilder(["customer"]).build(wh, **arguments)


def test_unknown_families_are_named():
    with pytest.raises(ConfigurationError, match="did you mean usage"):
        FeatureBuilder(["usge"])


def test_no_feature_possible_says_why():
    wh = Warehouse.from_frames(usage=calls("2025-06-01"))
    with pytest.raises(DataError, match="no table bills"):
        FeatureBuilder(["billing"]).build(wh, "2025-06-01")


def test_metadata_survives_selection(X):
    assert X[["events_30d"]].attrs["custintel"]["as_of"] == ["2025-06-30"]
    assert X.loc[CUSTOMERS[:2]].attrs["custintel"]["as_of"] == ["2025-06-30"]


def held_plans(**left_out):
    plans = pd.DataFrame({"plan_id": ["s"], "billing_type": ["postpaid"], "monthly_fee": [10.0]})
    held = pd.DataFrame({"customer_id": ["a"], "plan_id": ["s"], "start_date": ["2025-01-01"]})
    use = calls("2025-06-01", "2025-06-30").assign(duration_s=60.0, data_mb=None)
    return Warehouse.from_frames(usage=use, plans=plans.drop(columns=left_out["plans"]), subscriptions=held)


def test_a_family_asked_for_by_name_does_not_vanish_beside_others():
    wh = held_plans(plans=["billing_type"])
    for families in (["plan_comparison"], ["usage", "plan_comparison", "dunning"]):
        with pytest.raises(DataError, match="family plan_comparison: no column billing_type in plans") as told:
            FeatureBuilder(families).build(wh, "2025-06-30")
        assert ("family dunning: no table dunning" in str(told.value)) == ("dunning" in families)
        with pytest.raises(DataError, match="family plan_comparison"):
            FeatureBuilder(families).columns_of(wh)
        with pytest.raises(DataError, match="family plan_comparison"):
            FeatureBuilder(families).sql("2025-06-30", wh=wh)
    with pytest.raises(DataError, match="topic billing: no table bills"):
        FeatureBuilder(["usage", "billing"]).build(wh, "2025-06-30")
    assert "events_30d" in FeatureBuilder(["usage", "plan_comparison"], skip_unavailable=True).build(wh, "2025-06-30")


def test_columns_asked_for_are_all_named_by_what_is_not_there():
    wh = held_plans(plans=["billing_type"])
    columns = ["events_30d", "current_plan_cost", "bills_180d", "bill_trend", "dunning_reminders_180d"]
    with pytest.raises(DataError) as told:
        FeatureBuilder(columns=columns).build(wh, "2025-06-30")
    lines = str(told.value).splitlines()
    assert lines[0].startswith("4 of what was asked for")
    assert "  columns bills_180d, bill_trend: no table bills" in lines
    assert "  column current_plan_cost: no column billing_type in plans" in lines
    assert "  column dunning_reminders_180d: no table dunning" in lines


def test_what_everything_leaves_out_is_grouped_by_table():
    X = FeatureBuilder().build(held_plans(plans=["billing_type"]), "2025-06-30")
    facts = X.attrs["custintel"]
    tables = [line.split(":")[0] for line in facts["left_out"]]
    assert len(tables) == len(set(tables)) < 25 < len(facts["skipped"])
    counts = [int(re.search(r": (\d+) column", line)[1]) for line in facts["left_out"]]
    assert sum(counts) == len(facts["skipped"])
    assert re.search(
        r"no column billing_type.* in plans: \d+ columns of .*plan_comparison", "\n".join(facts["left_out"])
    )


@pytest.mark.parametrize("family", [family.name for family in FeatureBuilder().catalogue.families])
def test_every_family_has_columns_of_its_own(family):
    assert any(e.family == family and e.kind != "derived" for e in FeatureBuilder([family]).catalogue.entries())


def test_columns_of_families_nobody_asked_for_are_not_the_tables_fault(wh):
    X = FeatureBuilder(["contract"]).build(wh, "2025-06-30")
    facts = X.attrs["custintel"]
    unasked = [why for why in facts["skipped"].values() if why.endswith("of a family that is not loaded")]
    assert unasked
    assert facts["left_out_columns"] == len(facts["skipped"]) - len(unasked)
    assert not [line for line in facts["left_out"] if "not asked for" in line]
    assert bool(facts["left_out"]) is bool(facts["left_out_columns"])

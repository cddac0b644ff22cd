"""Reasons: literal sentences, distinct matters, nothing invented."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from fake_model import FakeModel

from custintel.catalogue import Catalogue
from custintel.errors import ConfigurationError
from custintel.explain import reason_codes as module
from custintel.explain import reasons
from custintel.explain.reason_words import words

_COLUMNS = ("column", "about", "about_zh", "unit", "family", "feature", "median")
FEATURES = [
    dict(zip(_COLUMNS, row, strict=True))
    for row in [
        ("silent_days", "Days since the last outgoing event", "最近一次呼出距今天数", "d", "volumes", "silent_days", 1),
        ("events_7d", "Calls", "通话次数", "events", "volumes", None, 10),
        ("events_30d", "Calls", "通话次数", "events", "volumes", None, 40),
        ("last_bill_amount", "Last bill", "上期账单", "u", "bills", None, 29.9),
        ("night_share", "Share of events at night", "夜间占比", "share", "volumes", None, 0.2),
        ("plan", "Tariff", "套餐", "category", "contract", None, "basic"),
    ]
]


@pytest.fixture
def model() -> FakeModel:
    weights = {
        "silent_days": 0.1, "events_7d": -0.02, "events_30d": -0.01, "last_bill_amount": 0.2, "night_share": 1.0,
        "plan": {"old": 0.4, "basic": -0.1},
    }  # fmt: skip
    centres = {"silent_days": 1, "events_7d": 10, "events_30d": 40, "last_bill_amount": 29.9, "night_share": 0.2}
    return FakeModel(weights, centres, {"features": FEATURES})


@pytest.fixture
def X() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "silent_days": [21.0, 1.0, 0.0],
            "events_7d": [0.0, 10.0, 30.0],
            "events_30d": [5.0, 40.0, 90.0],
            "last_bill_amount": [29.9, np.nan, 10.0],
            "night_share": [0.354, 0.2, 0.2],
            "plan": pd.Categorical(["old", "old", "basic"]),
        },
        index=pd.Index(["c1", "c2", "c3"], name="customer_id"),
    )


@pytest.mark.parametrize(
    ("customer", "column", "expected"),
    [
        ("c1", "reason_1_en", "Days since the last outgoing event: 21 days (typical: 1 day), raises the risk"),
        ("c1", "reason_1_zh", "最近一次呼出距今天数：21 天（一般为 1 天），风险升高"),
        ("c1", "reason_2_en", "Calls, last 30 days: 5 events (typical: 40 events), raises the risk"),
        ("c1", "reason_2_zh", "近 30 天通话次数：5 次（一般为 40 次），风险升高"),
        ("c1", "reason_3_en", "Tariff: old (typical: basic), raises the risk"),
        ("c2", "reason_1_en", "Tariff: old (typical: basic), raises the risk"),
        ("c2", "reason_2_en", "Last bill: no bill (typical: 29.9), raises the risk"),
        ("c2", "reason_2_zh", "上期账单：无账单（一般为 29.9 元），风险升高"),
        ("c2", "reason_3_en", ""),
        ("c3", "reason_1_en", ""),
        ("c3", "reason_1_zh", ""),
    ],
)
def test_sentences(model: FakeModel, X: pd.DataFrame, customer: str, column: str, expected: str) -> None:
    assert reasons(model, X).loc[customer, column] == expected


def test_contribution_and_code_belong_to_the_matter(model: FakeModel, X: pd.DataFrame) -> None:
    found = reasons(model, X)
    assert found["reason_1_code"].tolist() == ["silent_days", "plan", ""]
    assert found["reason_2_code"].tolist() == ["events", "last_bill_amount", ""]
    np.testing.assert_allclose(found["reason_2_contribution"], [0.02 * 10 + 0.01 * 35, 0.1, np.nan])


def test_columns_and_index(model: FakeModel, X: pd.DataFrame) -> None:
    found = reasons(model, X, top=1, languages=("zh",))
    assert list(found.columns) == ["reason_1_zh", "reason_1_code", "reason_1_contribution"]
    assert found.index.equals(X.index)


@pytest.mark.parametrize("source", ["argument", "metadata", "spec"])
def test_groups_make_distinct_matters(model: FakeModel, X: pd.DataFrame, source: str) -> None:
    groups = {"activity": ["events_*", "silent_days"]}
    told = {name: {"columns": columns, "about": "Less in touch"} for name, columns in groups.items()}
    carried = {"metadata": {"reason_groups": groups}, "spec": {"spec": {"reasons": {"groups": told}}}}
    model.metadata |= carried.get(source, {})
    found = reasons(model, X, groups=groups if source == "argument" else None)
    codes = found.loc["c1", ["reason_1_code", "reason_2_code", "reason_3_code"]].tolist()
    assert codes == ["activity", "plan", "night_share"]
    assert found.loc["c1", "reason_1_contribution"] == pytest.approx(2.0 + 0.2 + 0.35)


def test_opposing_columns_of_a_matter_cancel(model: FakeModel, X: pd.DataFrame) -> None:
    X.loc["c1", "events_7d"] = 60.0  # lowers by 1.0, events_30d raises by 0.35: calls as a whole lower the risk
    assert "events" not in reasons(model, X).loc["c1", ["reason_1_code", "reason_2_code", "reason_3_code"]].tolist()


def test_more_reasons_than_matters(model: FakeModel, X: pd.DataFrame) -> None:
    found = reasons(model, X, top=9)
    assert found["reason_9_en"].tolist() == ["", "", ""]
    assert found["reason_9_contribution"].isna().all()


def test_blocks_give_the_same(model: FakeModel, X: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    many = pd.concat([X] * 1_000)
    whole = reasons(model, many)
    monkeypatch.setattr(module, "_BLOCK_CELLS", 1)
    pd.testing.assert_frame_equal(reasons(model, many), whole)


def test_no_rows(model: FakeModel, X: pd.DataFrame) -> None:
    assert reasons(model, X.iloc[:0]).shape == (0, 12)


def test_flat_table_speaks_in_column_names() -> None:
    model = FakeModel({"Contract": {"Month-to-month": 1.0}, "Senior": 0.5, "Paid": 0.1}, {}, {"target": "Churn"})
    X = pd.DataFrame({"Contract": ["Month-to-month", "Two year"], "Senior": [True, False], "Paid": [1234.5, np.nan]})
    found = reasons(model, X)
    assert found.loc[0].tolist()[::4] == [
        "Paid: 1,234, raises the risk", "Contract: Month-to-month, raises the risk", "Senior: yes, raises the risk",
    ]  # fmt: skip
    assert found.loc[1, "reason_1_en"] == "Paid: not stated, raises the risk"
    assert found.loc[1, "reason_1_zh"] == "Paid：未填写，风险升高"


def test_a_score_that_is_no_risk() -> None:
    model = FakeModel({"tenure": 1.0}, {}, {"name": "propensity"})
    assert reasons(model, pd.DataFrame({"tenure": [3.0]}))["reason_1_en"][0] == "tenure: 3, raises the score"


def test_same_as_typical_is_said() -> None:
    model = FakeModel({"fee": 1.0}, {}, {"features": [{"column": "fee", "about": "Fee", "unit": "u", "median": 9.99}]})
    assert (
        reasons(model, pd.DataFrame({"fee": [9.99]}))["reason_1_en"][0] == "Fee: 9.99 (as is typical), raises the risk"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [({"top": 0}, "top must be at least 1"), ({"languages": ("fr",)}, "allowed: en, zh"),
     ({"groups": {"a": "events"}}, "map a name to a list")],
)  # fmt: skip
def test_mistakes_teach(model: FakeModel, X: pd.DataFrame, arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        reasons(model, X, **arguments)  # type: ignore[arg-type]


def test_the_catalogue_says_its_windows_itself() -> None:
    entry = {"column": "last_bill_amount_90d", "about": "Last bill", "unit": "u", "window": 90, "median": 30}
    model = FakeModel({"last_bill_amount_90d": 1.0}, {}, {"features": [entry]})
    found = reasons(model, pd.DataFrame({"last_bill_amount_90d": [40.0]}))
    assert found["reason_1_en"][0] == "Last bill: 40 (typical: 30), raises the risk"


def _peer_model() -> FakeModel:
    """Prepaid customers top up and get no bills; postpaid ones get bills; contracts are for some of the latter."""
    entries = [
        {"column": "billing_type", "about": "Prepaid or postpaid", "about_zh": "付费方式", "unit": "category",
         "family": "current_plan", "feature": "billing_type", "median": "postpaid", "peers": {
             "postpaid": {"median": "postpaid", "missing": 0.0, "at_median": 1.0},
             "prepaid": {"median": "prepaid", "missing": 0.0, "at_median": 1.0}}},
        {"column": "recharge_amount_90d", "about": "Amount topped up, last 90 days", "about_zh": "近90天充值金额",
         "unit": "u", "family": "recharges", "feature": "recharged", "window": 90, "median": 0.0, "peers": {
             "postpaid": {"median": 0.0, "missing": 0.0, "at_median": 1.0},
             "prepaid": {"median": 45.0, "missing": 0.0, "at_median": 0.1}}},
        {"column": "last_bill_amount_90d", "about": "Last bill", "about_zh": "最近一次账单金额", "unit": "u",
         "family": "bills", "feature": "last_bill_amount", "window": 90, "median": 30.0, "peers": {
             "postpaid": {"median": 30.0, "missing": 0.02, "at_median": 0.1},
             "prepaid": {"median": None, "missing": 1.0, "at_median": 0.0}}},
        {"column": "contract_days_left", "about": "Days until the contract ends", "about_zh": "距合约到期的天数",
         "unit": "d", "family": "current_plan", "feature": "contract_days_left", "median": 200.0, "peers": {
             "postpaid": {"median": 200.0, "missing": 0.6, "at_median": 0.0},
             "prepaid": {"median": None, "missing": 0.96, "at_median": 0.0}}},
    ]  # fmt: skip
    weights = {
        "billing_type": {"prepaid": 0.9, "postpaid": 0.5},
        "recharge_amount_90d": 0.01, "last_bill_amount_90d": 0.1, "contract_days_left": 0.2,
    }  # fmt: skip
    return FakeModel(weights, {"contract_days_left": 300.0}, {"features": entries, "peer_column": "billing_type"})


def _peer_rows() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "billing_type": pd.Categorical(["prepaid", "prepaid", "postpaid", "postpaid", None]),
            "recharge_amount_90d": [215.0, 45.0, 0.0, 20.0, 215.0],
            "last_bill_amount_90d": [np.nan, np.nan, np.nan, 40.0, np.nan],
            "contract_days_left": [np.nan, 301.0, np.nan, 250.0, np.nan],
        },
        index=["prepaid", "at the median", "new", "postpaid", "unknown kind"],
    )


@pytest.mark.parametrize(
    ("customer", "sentences"),
    [
        ("prepaid", ["Amount topped up, last 90 days: 215 (typical: 45), raises the risk"]),
        ("at the median", ["Days until the contract ends: 301 days, raises the risk"]),
        ("new", ["Days until the contract ends: no contract period, raises the risk",
                 "Last bill: no bill (typical: 30), raises the risk"]),
        ("postpaid", ["Last bill: 40 (typical: 30), raises the risk",
                      "Amount topped up, last 90 days: 20 (typical: 0), raises the risk"]),
        ("unknown kind", ["Amount topped up, last 90 days: 215 (typical: 0), raises the risk",
                          "Days until the contract ends: no contract period (typical: 200 days), raises the risk",
                          "Last bill: no bill (typical: 30), raises the risk"]),
    ],
)  # fmt: skip
def test_customers_are_compared_with_their_peers(customer: str, sentences: list[str]) -> None:
    found = reasons(_peer_model(), _peer_rows())
    told = found.loc[customer, ["reason_1_en", "reason_2_en", "reason_3_en"]].tolist()
    assert [text for text in told if text] == sentences


def test_peers_in_chinese() -> None:
    found = reasons(_peer_model(), _peer_rows())
    assert found.loc["prepaid", "reason_1_zh"] == "近90天充值金额：215 元（一般为 45 元），风险升高"
    assert found.loc["new", "reason_1_zh"] == "距合约到期的天数：无合约期限，风险升高"


def test_what_all_peers_have_is_left_out_of_the_matter() -> None:
    groups = {"money": ["recharge_amount_*", "last_bill_amount_*", "billing_type"]}
    found = reasons(_peer_model(), _peer_rows(), groups=groups)
    assert found.loc["prepaid", "reason_1_contribution"] == pytest.approx(2.15)  # without 0.05 and 0.9


def test_a_model_without_peers_compares_with_all() -> None:
    model = _peer_model()
    del model.metadata["peer_column"]
    for entry in model.metadata["features"]:
        del entry["peers"]
    expected = "Amount topped up, last 90 days: 215 (typical: 0), raises the risk"
    assert reasons(model, _peer_rows()).loc["prepaid", "reason_1_en"] == expected
    assert reasons(model, _peer_rows()).loc["prepaid", "reason_2_code"] == "billing_type"


@pytest.mark.parametrize(
    ("unit", "at_median", "value", "said"),
    [("flag", 0.6, 0.0, True), ("flag", 0.95, 0.0, False), ("flag", 0.95, 1.0, True), ("u", 0.1, 0.0, False)],
)
def test_a_no_of_some_peers_is_a_reason_but_not_a_no_of_nearly_all(
    unit: str, at_median: float, value: float, said: bool
) -> None:
    usual = {"a": {"median": 0.0, "missing": 0.0, "at_median": at_median}}
    entry = {"column": "x", "about": "Under contract", "unit": unit, "median": 1.0, "peers": usual}
    model = FakeModel({"x": 1.0}, {"x": -1.0}, {"features": [entry], "peer_column": "kind"})
    found = reasons(model, pd.DataFrame({"x": [value], "kind": ["a"]}), top=1)
    assert (found["reason_1_en"][0] != "") is said


def test_a_catalogue_text_is_final_for_derived_columns_too() -> None:
    entry = {"column": "share_30d", "about": "Share", "unit": "share", "feature": "share", "window": None}
    model = FakeModel({"share_30d": 1.0}, {}, {"features": [entry]})
    assert reasons(model, pd.DataFrame({"share_30d": [0.5]}))["reason_1_en"][0] == "Share: 50 %, raises the risk"


def test_columns_that_the_model_does_not_use_need_not_be_given(model: FakeModel, X: pd.DataFrame) -> None:
    """A model has contributions, all zero, for columns that it left out as constant."""
    contributions = model.contributions
    model.contributions = lambda given: contributions(given).assign(constant=0.0, alone=0.0)  # type: ignore[method-assign]
    found = reasons(model, X, groups={"one": ["constant"], "other": ["alone"]})
    assert found["reason_1_en"].tolist() == reasons(model, X.assign(constant=1.0, alone=2.0))["reason_1_en"].tolist()


def test_words_for_missing_values_name_families_and_features_of_the_catalogue():
    catalogue = Catalogue.load()
    families = {family.name for family in catalogue.families}
    assert set(words()["missing"]) - {"table", "other"} <= families
    assert set(words()["missing_feature"]) <= {entry.feature for entry in catalogue.entries()}

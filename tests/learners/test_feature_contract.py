"""No model keeps a level of a category that only a few customers have."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

from custintel.credit import CreditScorecard
from custintel.errors import ConfigurationError, QualityWarning
from custintel.learners import AnomalyScore, ChurnSurvival, OfferPropensity, TableClassifier, UpliftModel
from custintel.learners.feature_contract import FeatureContract, learn_contract
from custintel.rules import LearnSettings, RuleBase
from custintel.rules._rule_columns import FeatureMatrix
from custintel.training.evaluate_model import describe_columns
from custintel.value import ValueModel

MARKER = "family Smith of Mill Lane"
ROWS = 300


def table() -> pd.DataFrame:
    """Two plans, a plan of one customer and one of nine."""
    rng = np.random.default_rng(0)
    plan = np.where(rng.random(ROWS) < 0.5, "S", "M").astype(object)
    plan[:1], plan[1:10] = MARKER, f"nine of {MARKER}"
    return pd.DataFrame({"plan": plan, "bill": rng.gamma(2, 20, ROWS)})


def fits() -> dict[str, Any]:
    X = table()
    rng = np.random.default_rng(1)
    y = (rng.random(ROWS) < np.where(X["plan"] == "S", 0.6, 0.2)).astype(int)
    y[:10] = 1
    months = rng.integers(1, 12, ROWS)
    money = X["bill"].to_numpy()[:, None] + rng.normal(size=(ROWS, 3))
    half = np.arange(ROWS) % 2 == 0
    return {
        "TableClassifier": lambda least: TableClassifier(effort="fast", min_level_count=least).fit(X, y),
        "CreditScorecard": lambda least: CreditScorecard(min_level_count=least).fit(X, y),
        "OfferPropensity": lambda least: OfferPropensity(min_level_count=least).fit(X, y),
        "UpliftModel": lambda least: UpliftModel(min_level_count=least).fit(
            X, y, treatment=half, propensity="constant"
        ),
        "ChurnSurvival": lambda least: ChurnSurvival(min_level_count=least).fit(X, months),
        "ValueModel": lambda least: ValueModel(horizon=3, run_rate="bill", min_level_count=least).fit(X, money),
        "AnomalyScore": lambda least: AnomalyScore(trees=10, min_level_count=least).fit(X),
    }


def written(model: Any) -> str:
    return json.dumps(model.to_state(), default=str, ensure_ascii=False)


@pytest.mark.parametrize("name", list(fits()))
def test_a_level_of_few_customers_is_not_in_the_model(name: str) -> None:
    model = fits()[name](10)
    assert MARKER not in written(model)
    assert MARKER in written(fits()[name](1))
    again = type(model).from_state(*json.loads(json.dumps(model.to_state(), default=_plain)))
    assert again.get_params()["min_level_count"] == 10


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value.tolist()


@pytest.mark.parametrize("name", ["TableClassifier", "CreditScorecard", "AnomalyScore"])
def test_levels_never_seen_are_treated_as_the_rare_ones(name: str) -> None:
    model = fits()[name](10)
    X = table()
    score = model.score_samples if name == "AnomalyScore" else model.event_probability
    few = X.assign(plan=X["plan"].where(X.index != 0, "a plan of next year"))
    np.testing.assert_array_equal(score(few), score(X))
    missing = X.assign(plan=X["plan"].where(X.index != 0))
    assert score(missing)[0] != score(X)[0]


def test_many_levels_never_seen_are_warned_of() -> None:
    contract = learn_contract(table())
    assert contract.columns[0].categories == ("M", "S", "(other)")
    assert (contract.columns[0].levels, contract.columns[0].pooled_levels) == (("M", "S"), 2)
    changed = table().assign(plan="a plan of next year")
    with pytest.warns(QualityWarning, match=r"plan \(300 of 300\)"):
        contract.encode(changed)


def test_customers_are_counted_and_not_rows() -> None:
    """Twelve months of one customer are one customer."""
    plan = ["S"] * 120 + ["M"] * 120 + [MARKER] * 12
    who = np.r_[np.arange(120), np.arange(120), np.full(12, 200)]
    rows = pd.DataFrame({"plan": plan})
    assert MARKER in learn_contract(rows).columns[0].levels
    assert learn_contract(rows, customers=who).columns[0].levels == ("M", "S")
    dated = rows.set_axis(pd.MultiIndex.from_arrays([range(252), who], names=["as_of", "customer_id"]), axis=0)
    assert learn_contract(dated).columns[0].levels == ("M", "S")
    model = TableClassifier(effort="fast").fit(rows, np.arange(252) % 2, groups=who)
    assert MARKER not in written(model)


def test_a_real_level_of_the_name_of_the_pool_joins_it() -> None:
    plan = pd.Series(["(other)"] * 20 + ["S"] * 20 + ["rare"])
    contract = learn_contract(pd.DataFrame({"plan": plan}))
    assert contract.columns[0].categories == ("S", "(other)")
    assert contract.encode(pd.DataFrame({"plan": plan}))[:, 0].tolist() == [1.0] * 20 + [0.0] * 20 + [1.0]


def test_no_rule_names_a_level_of_few_customers() -> None:
    X = table()
    X.loc[:8, "plan"] = MARKER
    assert [c.level for c in FeatureMatrix.from_table(X, min_level_count=1).columns][:3] == ["M", "S", MARKER]
    assert [c.level for c in FeatureMatrix.from_table(X).columns] == ["M", "S", None]
    case = (X["plan"] == MARKER) | (X["bill"] > 80)
    rules = RuleBase.learn(X, case.to_numpy(), LearnSettings(max_rules=6, min_alarms=1, min_hits=1))
    assert len(rules) > 0
    assert MARKER not in str(rules.log.events)


def test_the_typical_value_is_one_that_many_have() -> None:
    names = pd.DataFrame({"note": [f"{MARKER} {k}" for k in range(40)], "plan": ["S"] * 40})
    told = {row["column"]: row["median"] for row in describe_columns(names)}
    assert told == {"note": None, "plan": "S"}


def test_the_least_count_is_checked() -> None:
    with pytest.raises(ConfigurationError, match="min_level_count"):
        CreditScorecard(min_level_count=0).fit(table(), np.arange(ROWS) % 2)


@pytest.mark.parametrize("text", [False, True])
def test_numbers_that_name_customers_are_identifiers(text: bool) -> None:
    lines = pd.Series(range(880_000_831_495, 880_000_831_595))
    zeros = pd.Series([f"{n:05d}" for n in range(100)])
    days = pd.Series(pd.date_range("2025-01-01", periods=100).strftime("%Y%m%d").astype(int))
    salaries = pd.Series(range(12_000_000, 12_100_000, 1_000))
    table = pd.DataFrame({"line": lines, "zeros": zeros, "since": days, "salary": salaries})
    with pytest.warns(QualityWarning, match="left out, because almost every row has its own value: line, zeros"):
        contract = learn_contract(table.astype(str) if text else table)
    assert [c.kind for c in contract.columns] == ["identifier", "identifier", "number", "number"]
    assert "880000831" not in str(contract)


def test_no_range_ends_at_the_value_of_one_customer() -> None:
    salary = pd.Series([987_654_321.0, *np.arange(40_000.0, 40_199.0)])
    column = learn_contract(pd.DataFrame({"salary": salary})).columns[0]
    assert (column.low, column.high) == (40_009.0, 40_190.0)
    months = pd.DataFrame({"salary": np.repeat(salary, 12)}).set_index(
        pd.Index(np.repeat(np.arange(len(salary)), 12), name="customer_id")
    )
    assert learn_contract(months).columns[0].high == 40_190.0
    few = learn_contract(pd.DataFrame({"salary": salary.head(15)})).columns[0]
    assert (few.kind, few.low, few.high) == ("number", None, None)


def test_contract_survives_json() -> None:
    table = pd.DataFrame(
        {"plan": ["a", "b", None], "n": [1.5, None, 2], "d": pd.to_datetime(["2025-01-01"] * 2 + [None])}
    )
    contract = learn_contract(table)
    again = FeatureContract.from_state(json.loads(json.dumps(contract.to_state())))
    assert again == contract
    np.testing.assert_array_equal(again.encode(table), contract.encode(table))

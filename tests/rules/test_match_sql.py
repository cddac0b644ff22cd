"""Match and similarity on Spark: the numbers of DuckDB, numpy and single rows, for all that a rule can say."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from custintel.builder import FeatureBuilder
from custintel.engines.duckdb_engine import DuckDBEngine
from custintel.engines.spark_engine import SparkEngine
from custintel.rules import RuleBase
from custintel.rules._match_row import RowMatcher
from custintel.rules._match_sql import match_in_engine, similarity_in_engine
from custintel.rules._rule_set import RuleSet, learn_profiles

pytestmark = pytest.mark.xdist_group("spark")

CONDITIONS = {
    "more": "a > 30",
    "at_least": "a >= 30",
    "less": "b < 12.5",
    "at_most": "b <= 12.5",
    "equal": "n = 3",
    "other": "n <> 3",
    "mirrored": "30 < a and 12.5 >= b",
    "negative": "a - 40 > -1.5e1",
    "between": "a between 10 and 30",
    "outside": "not (a between 10 and 30)",
    "level": "plan = 'S'",
    "no_level": "plan <> 'S'",
    "levels": "plan in ('S', 'L''s')",
    "no_levels": "plan not in ('S', 'L''s')",
    "numbers": "n in (1, 2, 5)",
    "no_numbers": "n not in (1, 2, 5)",
    "yes": "roaming",
    "no": "not roaming",
    "yes_said": "roaming = true and roaming <> false",
    "missing": "a is null",
    "known": "b is not null",
    "missing_text": "plan is null or roaming is null",
    "two_columns": "a > b",
    "two_at_most": "a <= b * 2 + 1",
    "arithmetic": "(a + b) / n >= 12 and a / (n - 3) < 40",
    "first_known": "coalesce(a, b, 0) > 20",
    "extremes": "least(a, b) > 10 and greatest(a, n) < 60",
    "cases": "case when a > 20 then b when roaming then 5 else n end >= 5",
    "unless": "nullif(n, 3) >= 2",
    "functions": "abs(a - b) > 10 or floor(a / 7) = 2 or ln(a) > 3 or sqrt(b - 5) > 4",
    "odd_name": '"Monthly  Charges" > 50 and "客户 数" >= 1',
    "nested": "(a > 30 or (b < 10 and (plan = 'S' or n >= 4))) and not (roaming and n = 1)",
    "whole": "n >= 2 and n * 1.5 < 6.3 and n * 400000000 * n > 1",
}


def customers(rows: int = 300) -> pa.Table:
    """All kinds of columns; numbers are missing as null and as NaN."""
    rng = np.random.default_rng(5)

    def missing(values: np.ndarray, share: float = 0.15) -> list[object]:
        return [None if rng.random() < share else v for v in values.tolist()]

    a = [float("nan") if rng.random() < 0.1 else v for v in missing(rng.gamma(1.5, 20, rows).round(1))]
    return pa.table(
        {
            "customer_id": [f"C{k:04d}" for k in range(rows)],
            "a": pa.array(a, pa.float64(), from_pandas=False),
            "b": pa.array(missing(rng.gamma(1, 15, rows).round(1)), pa.float32()),
            "n": pa.array(missing(rng.integers(0, 6, rows)), pa.int64()),
            "plan": pa.array(missing(rng.choice(["S", "M", "L's", "nan"], rows)), pa.string()),
            "roaming": pa.array(missing(rng.random(rows) < 0.3), pa.bool_()),
            "Monthly  Charges": pa.array(missing(rng.gamma(2, 30, rows)), pa.float64()),
            "客户 数": pa.array(missing(rng.integers(0, 3, rows)), pa.int32()),
        }
    )


def frame(table: pa.Table) -> pd.DataFrame:
    """What pandas sees of it, texts as objects and all gaps as missing."""
    found = table.to_pandas().astype({"plan": object, "roaming": object}).set_index("customer_id")
    return found.assign(n=found["n"].astype("Float64"))


@pytest.fixture(scope="module")
def engines(spark) -> list[DuckDBEngine | SparkEngine]:
    return [DuckDBEngine(), SparkEngine(spark)]


def compiled(texts: dict[str, str], X: pd.DataFrame) -> RuleSet:
    plain = RuleSet.compile(texts)
    return RuleSet.compile(texts, learn_profiles(plain.nodes, X))


def assert_same_everywhere(engines, table: pa.Table, X: pd.DataFrame, rules: RuleSet) -> None:
    match, similarity = rules.match(X), rules.similarity(X)
    for engine in engines:
        engine.register("given_rules", table)
        found = match_in_engine(engine, "given_rules", rules).sort_index()
        near = similarity_in_engine(engine, "given_rules", rules).sort_index()
        pd.testing.assert_frame_equal(found, match.sort_index(), check_names=False, check_index_type=False)
        np.testing.assert_allclose(near.to_numpy(), similarity.sort_index().to_numpy(), rtol=0, atol=1e-9)
        engine.unregister("given_rules")
    look = RowMatcher(rules)
    rows = np.array([list(look(row).values()) for row in X.head(40).to_dict("records")])
    np.testing.assert_allclose(similarity.head(40).to_numpy(), rows, rtol=0, atol=1e-9)


def test_every_kind_of_condition_gives_the_same_numbers(engines) -> None:
    table = customers()
    X = frame(table)
    rules = compiled(CONDITIONS, X)
    share = rules.match(X).mean()
    assert share.between(0.01, 0.99).all(), share[~share.between(0.01, 0.99)]
    assert_same_everywhere(engines, table, X, rules)


def test_all_built_in_rules_give_the_same_numbers(engines) -> None:
    """Values around every limit, so that rules match, resemble and miss; a tenth of all values missing."""
    base = RuleBase.builtin()
    rng = np.random.default_rng(2)
    names = base.features()
    X = pd.DataFrame({name: rng.choice([0, 0.3, 0.9, 2, 6, 30, 70, 120, 400], 400) for name in names})
    X["segment"] = rng.choice(["consumer", "business"], 400)
    X["billing_type"] = rng.choice(["prepaid", "postpaid"], 400)
    X["acquired_by_dealer"], X["suspended_for_debt_180d"] = rng.integers(0, 2, 400), rng.integers(0, 2, 400)
    X = X.mask(rng.random(X.shape) < 0.1).astype({"segment": object, "billing_type": object})
    X.index = pd.Index([f"C{k:04d}" for k in range(400)], name="customer_id")
    base.learn_profiles(X)
    rules = base.compile()
    assert (rules.match(X).sum() > 0).mean() > 0.5
    assert_same_everywhere(engines, pa.Table.from_pandas(X.reset_index(), preserve_index=False), X, rules)


def test_a_base_runs_where_the_features_are(engines) -> None:
    base = RuleBase()
    base.propose("busy", "minutes_30d > 100", by="me")
    base.shadow("busy", by="me", reason="seen")
    base.activate("busy", by="me", reason="proved")
    for engine in engines:
        sql = "(select as_of, customer_id, minutes_30d from (values ('1', 'a', 150.0), ('2', 'a', 50.0)) "
        found = match_in_engine(
            engine, f"{sql}as t(as_of, customer_id, minutes_30d))", base, key=["as_of", "customer_id"]
        )
        assert found.loc[("1", "a"), "busy"]
        assert not found.loc[("2", "a"), "busy"]
        assert found.dtypes.tolist() == [bool]


def test_features_built_on_spark_meet_the_rules_there(operators, engines) -> None:
    """The same small operator on both engines: features of a few rules, then the rules, where the features are."""
    base = RuleBase()
    base.propose(
        "rings",
        "ring_only_call_share_7d >= 0.2 and peak_hour_calls_1d <= 3 and hourly_profile_distance_90d > 0.3",
        by="me",
    )
    base.shadow("rings", by="me", reason="seen")
    frames = [FeatureBuilder(columns=base.features()).build(wh, as_of="2025-03-31") for wh in operators]
    by_engine = []
    for engine, X in zip(engines, frames, strict=True):
        engine.register("built", X.reset_index())
        by_engine.append(similarity_in_engine(engine, "built", base.compile("shadow")).sort_index())
        engine.unregister("built")
    np.testing.assert_allclose(by_engine[0].to_numpy(), by_engine[1].to_numpy(), rtol=0, atol=1e-9)
    assert 0 < float((by_engine[0] == 1).mean().iloc[0]) < 1

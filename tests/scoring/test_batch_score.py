"""Scores: repeatable, atomic, honest about what it has not seen."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from custintel import ChurnClassifier, Warehouse, score, train
from custintel.artifact import Model
from custintel.builder import FeatureBuilder
from custintel.errors import ConfigurationError, DataError, DateError, ModelError, QualityWarning
from custintel.scoring.write_scores import write_scores

if TYPE_CHECKING:
    from pathlib import Path

    from custintel.training import Run


@pytest.fixture(scope="module")
def wh(quick_tables: Path) -> Warehouse:
    return Warehouse.open(quick_tables)


@pytest.fixture(scope="module")
def flat_model(quick_models: Path) -> Model:
    return train("churn", table=_flat(), target="left", models_path=quick_models, tracking=False).model


def _flat() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    bill, plan = rng.normal(40, 12, 300), rng.choice(["S", "M"], 300)
    return pd.DataFrame({"bill": bill, "plan": plan, "left": (bill + rng.normal(0, 15, 300) > 50).astype(int)})


def test_one_row_for_each_customer_of_the_population(quick_run: Run, wh: Warehouse) -> None:
    scores = score(quick_run.model, wh)
    calls = wh.frame("usage")
    recent = calls[calls["event_date"] > pd.Timestamp("2025-07-31") - pd.Timedelta(days=10)]
    assert set(scores["customer_id"]) == set(recent["customer_id"].astype(str))
    assert scores.columns.tolist() == [
        "customer_id",
        "as_of",
        "model",
        "model_version",
        "probability",
        "decile",
        *(f"reason_{rank}_{language}" for rank in (1, 2, 3) for language in ("en", "zh")),
        "action",
        "action_zh",
    ]
    assert scores["as_of"].unique().tolist() == [pd.Timestamp("2025-07-31")]
    assert scores["probability"].is_monotonic_decreasing
    assert scores["decile"].is_monotonic_increasing
    assert (scores["model_version"] == quick_run.model.version).all()
    assert (scores["reason_1_en"].str.len() > 5).mean() > 0.9  # what hardly raises a score is none
    assert (scores["model"] == "churn").all()
    assert set(scores["action"]) <= {a["en"] for a in quick_run.model.metadata["spec"]["actions"].values()} | {""}
    assert (scores["action"] != "").mean() > 0.5


def _features_and_scores(
    model: Model, wh: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The features that scoring builds, of the customers that it scores, and the scores."""
    tables: list[pd.DataFrame] = []
    build = FeatureBuilder.build

    def recorded(*args: Any, **kwargs: Any) -> pd.DataFrame:
        tables.append(build(*args, **kwargs))
        return tables[-1]

    with monkeypatch.context() as patched:
        patched.setattr(FeatureBuilder, "build", recorded)
        scores = score(model, wh)
    (features,) = tables
    return features.loc[scores["customer_id"].sort_values()], scores


def test_only_the_columns_that_are_read_are_built(
    quick_run: Run, wh: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = quick_run.model.feature_names[:3]
    learner = ChurnClassifier(effort="fast", n_jobs=1).fit(quick_run.evaluation.X[names], quick_run.evaluation.y)
    small = Model("churn", learner, {**quick_run.model.metadata, "peer_column": None})
    every, scores = _features_and_scores(quick_run.model, wh, monkeypatch)
    built, also_scores = _features_and_scores(small, wh, monkeypatch)
    assert set(small.feature_names) <= set(built.columns) < set(every.columns)
    assert scores.attrs["custintel"]["skipped"] == also_scores.attrs["custintel"]["skipped"]
    pd.testing.assert_frame_equal(built, every[built.columns], rtol=1e-9)


def test_a_past_date_sees_nothing_of_later_days(quick_run: Run, wh: Warehouse, quick_tables: Path) -> None:
    calls = pd.read_parquet(quick_tables / "usage.parquet")
    then = Warehouse.from_frames(usage=calls[calls["event_time"] < "2025-06-01"])
    pd.testing.assert_frame_equal(
        score(quick_run.model, wh, as_of="2025-05-31"), score(quick_run.model, then, as_of="2025-05-31")
    )


def test_customers_that_leave_in_the_gap_are_scored_too(quick_run: Run, wh: Warehouse) -> None:
    assert len(score(quick_run.model, wh, as_of="2025-05-31")) >= len(quick_run.evaluation.y)


@pytest.mark.parametrize("suffix", [".parquet", ".csv"])
def test_the_same_input_gives_the_same_bytes(quick_run: Run, quick_tables: Path, tmp_path: Path, suffix: str) -> None:
    wh = Warehouse.open(quick_tables, threads=1)
    folder = quick_run.model.save(tmp_path / "model")
    for name, model in (("a", quick_run.model), ("b", folder)):
        score(model, wh, out=tmp_path / f"{name}{suffix}")
    assert (tmp_path / f"a{suffix}").read_bytes() == (tmp_path / f"b{suffix}").read_bytes()


def test_by_address(quick_run: Run, wh: Warehouse) -> None:
    by_address = score("models:/churn@champion", wh, store=quick_run.tracked.store)  # type: ignore[union-attr]
    pd.testing.assert_frame_equal(by_address, score(quick_run.model, wh))


def test_an_unknown_address(tmp_path: Path, wh: Warehouse) -> None:
    with pytest.raises(ModelError, match="nobody"):
        score("models:/nobody@champion", wh, store=tmp_path)


@pytest.mark.parametrize("as_of", ["2024-12-31", "2025-08-01", "not a date"])
def test_dates_that_the_data_cannot_answer(quick_run: Run, wh: Warehouse, as_of: str) -> None:
    with pytest.raises(DateError):
        score(quick_run.model, wh, as_of=as_of)


def test_missing_columns_are_all_named(flat_model: Model) -> None:
    with pytest.raises(DataError, match=r"2 column\(s\) of the model are missing: bill, plan"):
        score(flat_model, table=pd.DataFrame({"other": [1]}))


def test_unseen_categories_are_counted(flat_model: Model) -> None:
    table = _flat().assign(plan=["XL"] * 3 + ["S"] * 297)
    with pytest.warns(QualityWarning, match="'plan' 3 of 300 rows"):
        scores = score(flat_model, table=table)
    assert scores["probability"].notna().all()


def test_a_flat_table_in_any_order(flat_model: Model) -> None:
    table = _flat().assign(name=[f"C{i}" for i in range(300)])
    turned = table.iloc[::-1, ::-1]
    one, other = (score(flat_model, table=t, id_column="Name") for t in (table, turned))
    pd.testing.assert_frame_equal(one, other)


@pytest.mark.parametrize(("out", "message"), [("scores.xlsx", "allowed: .parquet, .csv"), ("scores", "no suffix")])
def test_places_that_cannot_be_written(flat_model: Model, out: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        score(flat_model, table=_flat(), out=out)


def test_one_source(flat_model: Model, wh: Warehouse) -> None:
    for given in ({}, {"wh": wh, "table": _flat()}):
        with pytest.raises(ConfigurationError, match="a warehouse or a table"):
            score(flat_model, **given)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("p", "edges", "expected"),
    [
        ([0.95, 0.9, 0.89, 0.05], [0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1], [1, 1, 2, 10]),
        ([0.5] * 3, [0.5] * 9, [1, 1, 1]),
        ([0.1 * i for i in range(10)], None, [10, 9, 8, 7, 6, 5, 4, 3, 2, 1]),
    ],
)
def test_deciles(
    flat_model: Model,
    monkeypatch: pytest.MonkeyPatch,
    p: list[float],
    edges: list[float] | None,
    expected: list[int],
) -> None:
    model = Model("churn", flat_model.estimator, {**flat_model.metadata, "decile_edges": edges})
    both = np.column_stack([1 - np.array(p), p])
    monkeypatch.setattr(type(model.estimator), "predict_proba", lambda *_: both)
    scores = score(model, table=_flat().head(len(p))).set_index("customer_id")
    rows = scores.loc[[str(row) for row in range(len(p))]]
    assert rows["probability"].tolist() == p
    assert rows["decile"].tolist() == expected


def test_a_failed_write_leaves_the_former_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "s.csv"
    place.write_text("former")
    monkeypatch.setattr(os, "replace", lambda *_: (_ for _ in ()).throw(OSError("full")))
    with pytest.raises(OSError, match="full"):
        write_scores(pd.DataFrame({"a": [1]}), place)
    assert place.read_text() == "former"
    assert [p.name for p in tmp_path.iterdir()] == ["s.csv"]


_KILLED = """
import sys, time
import pandas as pd
from custintel.scoring.write_scores import write_scores
real = pd.DataFrame.to_csv
def slow(self, path, **rest):
    real(self, path, **rest)
    print("half", flush=True)
    time.sleep(60)
pd.DataFrame.to_csv = slow
write_scores(pd.DataFrame({"a": range(1000)}), sys.argv[1])
"""


def test_a_killed_run_leaves_the_former_file_whole(tmp_path: Path) -> None:
    place = tmp_path / "s.csv"
    place.write_text("former")
    with subprocess.Popen([sys.executable, "-c", _KILLED, str(place)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "half\n"
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=30)
    assert place.read_text() == "former"
    write_scores(pd.DataFrame({"a": [1]}), place)
    assert pd.read_csv(place)["a"].tolist() == [1]

"""From tables to a judged model, and where it is written down."""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from custintel import FeatureBuilder, Warehouse, load_model, score, train
from custintel.errors import ConfigurationError, DataError, DateError, LeakageWarning, MissingExtraError
from custintel.explain import reasons
from custintel.questions import Question
from custintel.reports.model.model_report import build_report
from custintel.training._read_flat_table import TableQuestion, read_flat_table
from custintel.training.dataset import _windows
from custintel.training.mlflow_store import fetch_report, open_store

if TYPE_CHECKING:
    from custintel.training import Run


@pytest.fixture
def table() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    bill, plan = rng.normal(40, 12, 400), rng.choice(["S", "M", "L"], 400)
    left = rng.random(400) < 1 / (1 + np.exp((45 - bill) / 5))
    return pd.DataFrame({"bill": bill, "plan": plan, "Churn": np.where(left, "Yes", "No")})


def test_labels_of_the_train_dates_were_known_on_the_test_date(quick_run: Run) -> None:
    windows = quick_run.model.metadata["windows"]
    label_delay_days = windows["gap_days"] + windows["horizon_days"] + windows["dormancy_days"]
    assert windows["test_as_of"] == ["2025-05-31"]
    assert windows["train_as_of"] == ["2025-01-31", "2025-02-28", "2025-03-31"]
    assert all(
        pd.Timestamp(date) + pd.Timedelta(days=label_delay_days) <= pd.Timestamp(windows["test_as_of"][0])
        for date in windows["train_as_of"]
    )


def test_reasons_compare_with_customers_billed_the_same_way(
    table: pd.DataFrame, quick_models: Path, tmp_path: Path
) -> None:
    table["billing_type"] = np.where(np.arange(400) % 2 == 0, "prepaid", "postpaid")
    table["bill"] = table["bill"].where(table["billing_type"] == "postpaid").round()
    model = train("churn", table=table, target="Churn", models_path=quick_models, tracking=False).model
    assert model.metadata["peer_column"] == "billing_type"
    model.save(tmp_path / "model")
    scores = score(tmp_path / "model", table=table)
    told = scores[[f"reason_{k}_en" for k in (1, 2, 3)]].stack()
    assert told.str.startswith("bill: ").any()
    assert not told.str.startswith(("bill: not stated", "billing_type")).any()


def test_a_saved_feature_table_is_learned_from_and_spoken_of_in_words(
    quick_models: Path, quick_tables: Path, tmp_path: Path
) -> None:
    X = FeatureBuilder(["usage"]).build(Warehouse.open(quick_tables), ["2025-03-31", "2025-05-31"])
    chance = 1 / (1 + np.exp((X["events_30d"] - 8) / 4))
    table = X.assign(left=(np.random.default_rng(0).random(len(X)) < chance).astype(int))
    table.to_parquet(tmp_path / "features.parquet")
    run = train("churn", table=tmp_path / "features.parquet", target="left", models_path=quick_models, tracking=False)
    entries = {entry["column"]: entry for entry in run.model.metadata["features"]}
    assert entries["events_30d"]["about"] == "Calls, texts and data sessions, last 30 days"
    assert entries["events_30d"]["about_zh"] == "近30天通信次数"
    assert not {"as_of", "customer_id", "left"} & set(entries)
    assert run.evaluation.X.index.names == ["as_of", "customer_id"]
    told = reasons(run.model, run.evaluation.X.head(50), languages=("en", "zh"))
    assert not told["reason_1_en"].str.contains("_").any()
    assert told["reason_1_en"].str.len().max() > 10
    run.report(tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "Calls, texts and data sessions, last 30 days" in page
    scores = score(run.model, table=X.loc["2025-05-31"])
    assert not scores["reason_1_en"].str.contains("_").any()


def test_dates_of_one_customer_of_a_feature_table_stand_on_one_side_of_a_fold(quick_tables: Path) -> None:
    X = FeatureBuilder(["usage"]).build(Warehouse.open(quick_tables), ["2025-03-31", "2025-05-31"])
    table = X.assign(left=np.arange(len(X)) % 2)
    for form in (table, table.reset_index()):
        flat = read_flat_table(form, TableQuestion("left"))
        assert flat.groups is not None
        assert flat.groups.tolist() == flat.X.index.get_level_values("customer_id").tolist()
        assert not {"as_of", "customer_id"} & set(flat.X.columns)


def test_a_model_of_usage_alone_knows_no_peers(quick_run: Run) -> None:
    assert quick_run.model.metadata["peer_column"] is None
    assert not any("peers" in entry for entry in quick_run.model.metadata["features"])


def test_judged_on_the_test_date_only(quick_run: Run) -> None:
    evaluation = quick_run.evaluation
    assert set(evaluation.X.index.get_level_values("as_of")) == {pd.Timestamp("2025-05-31")}
    population = evaluation.population.set_index("as_of")
    judged = population.loc["2025-05-31"]
    assert (judged["role"], judged["rows"] - judged["censored"]) == ("test", len(evaluation.y))
    assert judged["positives"] == evaluation.y.sum()


def test_the_model_learns(quick_run: Run) -> None:
    auc = quick_run.metrics["auc"]
    assert auc["low"] <= auc["value"] <= auc["high"]
    assert auc["value"] > 0.6


def test_the_judged_model_is_the_delivered_one(quick_run: Run) -> None:
    again = quick_run.model.predict_proba(quick_run.evaluation.X)
    assert np.allclose(again, quick_run.evaluation.p, atol=1e-12)


def test_the_same_seed_gives_the_same_version(quick_models: Path, quick_tables: Path) -> None:
    wh = Warehouse.open(quick_tables)
    runs = [train("churn", wh, models_path=quick_models, tracking=False) for _ in range(2)]
    assert runs[0].model.version == runs[1].model.version
    assert runs[0].metrics == runs[1].metrics


def test_refit_learns_from_the_test_date_too(quick_models: Path, quick_tables: Path) -> None:
    wh = Warehouse.open(quick_tables)
    plain = train("churn", wh, models_path=quick_models, tracking=False)
    again = train("churn", wh, models_path=quick_models, tracking=False, refit=True)
    assert again.metrics == plain.metrics
    assert again.model.version != plain.model.version
    assert any("fitted again" in note for note in again.evaluation.notes)


def test_too_short_a_history(quick_models: Path, quick_tables: Path) -> None:
    calls = pd.read_parquet(quick_tables / "usage.parquet")
    short = Warehouse.from_frames(usage=calls[calls["event_time"] < "2025-04-15"])
    with pytest.raises(DateError, match="months of data are needed"):
        train("churn", short, models_path=quick_models, tracking=False)


def test_nobody_leaves(quick_models: Path) -> None:
    days = pd.date_range("2025-01-01 09:00", "2025-07-31 09:00")
    calls = pd.concat([pd.DataFrame({"customer_id": c, "event_time": days}) for c in "abcdefghijkl"])
    wh = Warehouse.from_frames(usage=calls.assign(service="voice", direction="out"))
    with pytest.raises(DataError, match="the target is constant"):
        train("churn", wh, models_path=quick_models, tracking=False)


def test_a_condition_on_the_population(quick_models: Path, quick_tables: Path, tmp_path: Path) -> None:
    text = (quick_models / "churn.yaml").read_text()
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "churn.yaml").write_text(
        text.replace("{active_within_days: 10}", "{active_within_days: 10, where: events_30d >= 10}")
    )
    wh = Warehouse.open(quick_tables)
    run = train("churn", wh, models_path=tmp_path / "m", tracking=False)
    assert run.evaluation.X["events_30d"].min() >= 10
    scores = score(run.model, wh)
    assert 0 < len(scores) < 400
    assert scores.attrs["custintel"]["skipped"] > 0


# MLflow


def test_the_artifact_holds_text_and_json_only(quick_run: Run) -> None:
    store = Path(quick_run.tracked.store.removeprefix("sqlite:///")).parent  # type: ignore[union-attr]
    files = [path for path in (store / "mlruns").rglob("*") if path.is_file()]
    assert {path.suffix for path in files} <= {".json", ".txt", ".yaml", ".html", ""}
    assert {path.name for path in files if not path.suffix} == {"MLmodel"}
    assert any(path.name == "model.json" for path in files)


def test_it_loads_with_code_and_pickle_forbidden(quick_run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_ALLOW_PICKLE_DESERIALIZATION", "false")
    monkeypatch.setenv("MLFLOW_ALLOW_MODEL_CODE_EXECUTION", "false")
    with open_store(quick_run.tracked.store):  # type: ignore[union-attr]
        model = load_model("models:/churn@champion")
    again = model.predict_proba(quick_run.evaluation.X)
    assert np.allclose(again, quick_run.evaluation.p, atol=1e-12)


def test_what_the_run_holds(quick_run: Run) -> None:
    with open_store(quick_run.tracked.store) as mlflow:  # type: ignore[union-attr]
        client = mlflow.MlflowClient()
        run = client.get_run(quick_run.run_id)
        runs = client.search_runs([run.info.experiment_id])
        trials = client.download_artifacts(quick_run.run_id, "trials.json")
        info = mlflow.models.get_model_info("models:/churn@champion")
        requirements = Path(mlflow.artifacts.download_artifacts("models:/churn@champion")) / "requirements.txt"
        assert "lightgbm==" in requirements.read_text()
        assert len(json.loads(Path(trials).read_text())["data"]) == 3
    assert len(runs) == 1
    assert run.info.status == "FINISHED"
    assert {"auc", "auc_low", "auc_high", "ece"} <= set(run.data.metrics)
    assert json.loads(run.data.tags["test_as_of"]) == ["2025-05-31"]
    assert json.loads(run.data.tags["train_as_of"])[0] == "2025-01-31"
    assert {i.dataset.name for i in run.inputs.dataset_inputs} == {"churn-training", "churn-testing"}
    assert {c.type.name for c in info.signature.inputs} == {"double"}
    assert info.saved_input_example_info is not None


def test_the_served_model_says_the_same(quick_run: Run) -> None:
    X = quick_run.evaluation.X[quick_run.model.feature_names]
    with open_store(quick_run.tracked.store) as mlflow:  # type: ignore[union-attr]
        served = mlflow.pyfunc.load_model("models:/churn@champion").predict(X.reset_index(drop=True))
    assert np.allclose(served["probability"], quick_run.evaluation.p, atol=1e-12)


def test_champion_stays_until_somebody_is_promoted(table: pd.DataFrame, quick_models: Path, tmp_path: Path) -> None:
    def once(promote: bool) -> tuple[str | None, str]:
        run = train("churn", table=table, target="Churn", models_path=quick_models, store=tmp_path, promote=promote)
        return run.model_version, run.tracked.alias  # type: ignore[union-attr]

    assert [once(False), once(False), once(True)] == [("1", "champion"), ("2", "challenger"), ("3", "champion")]


def test_question_features_and_coverage_lie_beside_the_run(quick_run: Run) -> None:
    with open_store(quick_run.tracked.store) as mlflow:  # type: ignore[union-attr]
        texts = {
            name: mlflow.artifacts.load_text(f"runs:/{quick_run.run_id}/{name}")
            for name in ("question.yaml", "features.json", "coverage.json")
        }
    assert "kind: churn" in texts["question.yaml"]
    columns = [entry["column"] for entry in json.loads(texts["features.json"])["features"]]
    assert columns == list(map(str, quick_run.evaluation.X.columns))
    (usage,) = json.loads(texts["coverage.json"])["tables"]
    assert (usage["table"], usage["last_day"]) == ("usage", "2025-07-31")


def test_the_champion_is_judged_on_the_same_rows(quick_models: Path, quick_tables: Path, tmp_path: Path) -> None:
    wh = Warehouse.open(quick_tables)
    first, second = (train("churn", wh, models_path=quick_models, store=tmp_path) for _ in range(2))
    assert "champion" not in first.evaluation.extra
    found = second.evaluation.extra["champion"]
    assert found["version"] == first.model.version
    assert not found["seen"]
    assert found["metrics"]["auc"]["value"] == pytest.approx(second.metrics["auc"]["value"])
    assert any(note.startswith("on the same rows: this model auc") for note in second.evaluation.notes)
    with open_store(tmp_path) as mlflow:
        logged = mlflow.get_run(second.run_id).data.metrics
    assert logged["champion_auc"] == pytest.approx(first.metrics["auc"]["value"])


def test_the_callers_mlflow_is_left_as_it_was(quick_run: Run, tmp_path: Path) -> None:
    mlflow = pytest.importorskip("mlflow")
    before = mlflow.get_tracking_uri()
    with open_store(tmp_path):
        assert mlflow.get_tracking_uri() != before
    assert mlflow.get_tracking_uri() == before


@pytest.mark.parametrize("registry_was", [None, "sqlite:///other.db"])
@pytest.mark.parametrize("fails", [False, True])
def test_a_store_opened_later_has_its_own_registry(
    registry_was: str | None, fails: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without an address of its own the registry lies where the runs do, after a training as before it."""
    mlflow = pytest.importorskip("mlflow")
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI"):
        monkeypatch.setenv(name, "to be put back")
        monkeypatch.delenv(name)
    mlflow.set_tracking_uri(None)
    mlflow.set_registry_uri(registry_was)
    try:
        with contextlib.suppress(ZeroDivisionError), open_store(tmp_path / "first"):
            assert mlflow.get_registry_uri() == mlflow.get_tracking_uri()
            if fails:
                raise ZeroDivisionError
        later = f"sqlite:///{tmp_path}/second.db"
        mlflow.set_tracking_uri(later)
        assert mlflow.get_registry_uri() == (registry_was or later)
    finally:
        mlflow.set_tracking_uri(None)
        mlflow.set_registry_uri(None)


def test_labels_of_postpaid_lines_do_not_wait_for_silence() -> None:
    dates = pd.to_datetime(["2025-01-31", "2025-04-30"])
    index = pd.MultiIndex.from_product([dates, ["a"]], names=["as_of", "customer_id"])
    both, postpaid = Question("churn"), Question("churn", billing_types=("postpaid",))
    assert [_windows(index, np.array([False, True]), d)["dormancy_days"] for d in (both, postpaid)] == [30, 0]


def test_a_flat_table_has_no_question_but_its_own(table: pd.DataFrame, quick_models: Path, tmp_path: Path) -> None:
    spec = (quick_models / "churn.yaml").read_text()
    binds = "constraints: {days_since_event_90d: 1, in_contract: -1, bill_shock_180d: 1}\n"
    (tmp_path / "churn.yaml").write_text(spec + binds)
    table["in_contract"] = np.arange(400) % 2
    table["days_since_event_90d"] = np.arange(400) % 7
    run = train("churn", table=table, target="Churn", tracking=False, models_path=tmp_path)
    card = build_report(run.evaluation)["card"]
    assert card["about"] is card["question"] is card["population"] is None
    assert card["constraints"] == {"days_since_event_90d": 1, "in_contract": -1}
    kept = run.model.metadata["spec"]  # and the model file says no more than the card
    assert not {"gap", "horizon"} & set(kept["question"])
    assert kept["dates"] == {}
    assert kept["constraints"] == {"days_since_event_90d": 1, "in_contract": -1}


OWN_QUESTION = """\
model: mine
about: Who calls on five days or more of the next month
question: {source: usage, target: count(*) >= 5, horizon: 30d}
population: events_30d > 0
dates: {every: month, history_days: 30}
features: {topics: [volumes]}
learner: {class: TableClassifier, params: {effort: fast}}
"""


def test_a_question_of_ones_own_is_trained(quick_tables: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(OWN_QUESTION)
    run = train("mine", Warehouse.open(quick_tables), models_path=tmp_path, tracking=False)
    metadata = run.model.metadata
    assert metadata["target"] == "mine"
    assert metadata["spec"]["question"]["type"] == "yes_no"
    assert (metadata["windows"]["gap_days"], metadata["windows"]["horizon_days"]) == (0, 30)
    assert metadata["metrics"]["auc"]["value"] > 0.7


def test_a_question_without_its_table_is_refused_before_any_work(quick_tables: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(OWN_QUESTION.replace("source: usage", "source: recharges"))
    with pytest.raises(DataError, match="no table recharges"):
        train("mine", Warehouse.open(quick_tables), models_path=tmp_path, tracking=False)


def test_what_is_left_out_is_one_note(quick_models: Path, quick_tables: Path, tmp_path: Path) -> None:
    spec = (quick_models / "churn.yaml").read_text().replace("[usage]", "[usage, billing, payments, dunning]")
    (tmp_path / "churn.yaml").write_text(spec)
    run = train("churn", Warehouse.open(quick_tables), models_path=tmp_path, tracking=False)
    notes = [note for note in run.evaluation.notes if "left out" in note]
    assert len(notes) == 1
    assert "no table bills: " in notes[0]
    assert "no table dunning: " in notes[0]


def test_the_report_can_be_fetched_again(quick_run: Run, tmp_path: Path) -> None:
    again = fetch_report("models:/churn@champion", quick_run.tracked.store)  # type: ignore[union-attr]
    quick_run.report(tmp_path / "r.html")
    assert again == json.loads((tmp_path / "r.json").read_text())


def test_without_mlflow(table: pd.DataFrame, quick_models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "mlflow", None)
    with pytest.raises(MissingExtraError, match="tracking=False"):
        train("churn", table=table, target="Churn", models_path=quick_models)
    assert train("churn", table=table, target="Churn", models_path=quick_models, tracking=False).run_id is None


# flat tables


def test_a_flat_table_is_judged_out_of_fold(table: pd.DataFrame, quick_models: Path) -> None:
    run = train("churn", table=table, target="churn", models_path=quick_models, tracking=False)
    assert len(run.evaluation.p) == 400
    in_sample = run.model.predict_proba(run.evaluation.X)
    assert not np.allclose(in_sample, run.evaluation.p)
    assert 0.6 < run.metrics["auc"]["value"] < 0.95


def test_leaks_are_left_out_and_named(table: pd.DataFrame, quick_models: Path) -> None:
    leaky = table.assign(score=(table["Churn"] == "Yes") * 50.0)
    with pytest.warns(LeakageWarning, match="'score'"):
        run = train("churn", table=leaky, target="Churn", models_path=quick_models, tracking=False)
    assert "score" not in run.model.feature_names
    assert run.evaluation.leaks[0]["column"] == "score"
    with pytest.warns(LeakageWarning, match="kept"):
        kept = train("churn", table=leaky, target="Churn", models_path=quick_models, tracking=False, keep_leaks=True)
    assert "score" in kept.model.feature_names


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({}, ConfigurationError, "neither"),
        ({"table": "t.csv"}, ConfigurationError, "--target"),
        ({"table": "absent.csv", "target": "y"}, DataError, "no such file"),
    ],
)
def test_wrong_calls(given: dict[str, str], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        train("churn", tracking=False, **given)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.assign(Churn="No"), "single class"),
        (lambda t: t.iloc[:0], "empty"),
        (lambda t: t.assign(Churn=["Yes"] * 3 + ["No"] * 397), "too few of one class"),
    ],
)
def test_tables_that_cannot_teach(table: pd.DataFrame, change, message: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(DataError, match=message):
        train("churn", table=change(table), target="Churn", tracking=False)


def test_an_all_missing_column_is_reported(table: pd.DataFrame, quick_models: Path) -> None:
    run = train("churn", table=table.assign(x=None), target="Churn", models_path=quick_models, tracking=False)
    assert any("all values missing: 'x'" in note for note in run.evaluation.notes)


def test_bytes_of_a_csv_and_a_frame_give_the_same_model(
    table: pd.DataFrame, quick_models: Path, tmp_path: Path
) -> None:
    table.to_csv(tmp_path / "t.csv", index=False, sep=";")
    frame = pd.read_csv(io.StringIO(table.to_csv(index=False)))
    runs = [
        train("churn", table=given, target="Churn", models_path=quick_models, tracking=False)
        for given in (tmp_path / "t.csv", frame)
    ]
    assert runs[0].model.version == runs[1].model.version


def test_repr(quick_run: Run) -> None:
    assert "models:/churn/1 (champion)" in repr(quick_run)
    assert "auc" in quick_run._repr_html_()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("path", "target", "at_least"),
    [
        ("ibm_telco/WA_Fn-UseC_-Telco-Customer-Churn.csv", "Churn", 0.845),
        ("mlc_churn/modeldata_mlc_churn.csv", "churn", 0.91),
        ("mlc_churn/churn-bigml-80.csv", "Churn", 0.90),
        ("iranian_churn/Customer_Churn.csv", "Churn", 0.98),
    ],
)
def test_public_tables_as_they_are(data_folder: Path, path: str, target: str, at_least: float) -> None:
    run = train("churn", table=data_folder / path, target=target, tracking=False)
    assert run.metrics["auc"]["value"] >= at_least

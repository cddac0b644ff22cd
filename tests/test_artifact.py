"""A saved model predicts what the model in memory predicts; damage is told, never guessed over."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import types
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from custintel.artifact import Model, load_model
from custintel.errors import ModelError
from custintel.learners import ChurnClassifier


def _table(rows: int = 300) -> tuple[pd.DataFrame, pd.Series]:
    rng = np.random.default_rng(3)
    table = pd.DataFrame(
        {
            "plan": pd.Categorical(rng.choice(["S", "M", "L"], rows), categories=["S", "M", "L", "XL"]),
            "segment": rng.choice(["home", "work", None], rows),
            "bills": pd.array(np.where(rng.random(rows) < 0.2, None, rng.integers(0, 9, rows)), dtype="Int64"),
            "minutes": np.where(rng.random(rows) < 0.1, np.nan, rng.gamma(2, 50, rows)),
            "since": pd.Timestamp("2025-01-01") + pd.to_timedelta(rng.integers(0, 300, rows), unit="D"),
            "roaming": pd.array(rng.random(rows) < 0.3, dtype="boolean"),
        },
        index=pd.Index([f"c{i}" for i in range(rows)], name="customer_id"),
    )
    odds = (table["plan"] == "S") * 1.5 + (table["minutes"].fillna(0) < 60) * 1.0 - 1.5
    return table, pd.Series(np.where(rng.random(rows) < 1 / (1 + np.exp(-odds)), "yes", "no"), index=table.index)


@pytest.fixture(scope="module")
def model() -> Model:
    table, y = _table()
    metadata = {"version": "7", "metrics": {"auc": np.float64(0.7)}}
    return Model("churn", ChurnClassifier(n_jobs=1).fit(table, y), metadata)


@pytest.fixture
def saved(model: Model, tmp_path: Path) -> Path:
    return model.save(tmp_path / "churn")


def test_saved_model_predicts_the_same(model: Model, saved: Path) -> None:
    table, _ = _table()
    again = load_model(saved)
    assert again.version == "7"
    assert again.feature_names == model.feature_names
    assert again.metadata["metrics"] == {"auc": 0.7}
    pd.testing.assert_series_equal(model.predict_proba(table), again.predict_proba(table), atol=1e-12, rtol=0)
    pd.testing.assert_frame_equal(model.contributions(table), again.contributions(table), atol=1e-12, rtol=0)


def test_the_name_of_the_folder_is_no_pattern(model: Model, tmp_path: Path) -> None:
    Model("other", model.estimator, {}).save(tmp_path / "m1")
    model.save(tmp_path / "m[1]")
    assert load_model(tmp_path / "m[1]").name == load_model(str(tmp_path / "m[1]")).name == "churn"


def _reordered_categories(t: pd.DataFrame) -> pd.DataFrame:
    return t.assign(plan=t["plan"].cat.reorder_categories(["XL", "L", "S", "M"]))


@pytest.mark.parametrize(
    "change",
    [
        _reordered_categories,
        lambda t: t.assign(plan=t["plan"].astype(object)),
        lambda t: t[t.columns[::-1]],
        lambda t: t.assign(bills=t["bills"].astype("Float64")),
        lambda t: t.assign(bills=t["bills"].astype(object)),
        lambda t: t.assign(roaming=t["roaming"].astype(object)),
        lambda t: t.assign(since=t["since"].dt.strftime("%Y-%m-%d")),
        lambda t: t.assign(minutes=t["minutes"].astype("string")),
        lambda t: t.assign(more=1),
    ],
    ids=["categories", "object", "columns", "float", "objects", "bools", "date text", "number text", "extra"],
)
def test_same_customers_in_another_dress(model: Model, saved: Path, change: object) -> None:
    table, _ = _table()
    expected = model.predict_proba(table).to_numpy()
    given = load_model(saved).predict_proba(change(table)).to_numpy()  # type: ignore[operator]
    np.testing.assert_allclose(given, expected, atol=1e-12, rtol=0)


def test_unseen_category_counts_as_missing(model: Model, saved: Path) -> None:
    table, _ = _table()
    strange = table.assign(plan=table["plan"].astype(object).where(np.arange(len(table)) > 0, "gold"))
    absent = table.assign(plan=table["plan"].astype(object).where(np.arange(len(table)) > 0, None))
    again = load_model(saved)
    np.testing.assert_array_equal(again.predict_proba(strange), again.predict_proba(absent))


def test_no_pickle_in_the_folder(saved: Path) -> None:
    names = sorted(p.name for p in saved.iterdir())
    assert names[-1] == "model.json"
    assert all(n == "model.json" or (n.startswith("booster_") and n.endswith(".txt")) for n in names)


def test_saving_again_replaces_the_model_and_leaves_nothing_behind(model: Model, saved: Path) -> None:
    (saved / "booster_999.txt").write_text("from an older model")
    model.save(saved)
    assert not (saved / "booster_999.txt").exists()
    assert [p.name for p in saved.parent.iterdir()] == ["churn"]


def test_a_failed_save_keeps_the_old_model(model: Model, saved: Path) -> None:
    before = (saved / "model.json").read_text()
    bad = Model("churn", model.estimator, {"spec": object()})
    with pytest.raises(ModelError, match="JSON cannot hold"):
        bad.save(saved)
    assert (saved / "model.json").read_text() == before
    assert [p.name for p in saved.parent.iterdir()] == ["churn"]


def test_saving_over_foreign_files_is_refused(model: Model, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(ModelError, match="other files"):
        model.save(tmp_path)
    assert (tmp_path / "thesis.txt").read_text() == "mine"


def _cut(path: Path) -> None:
    path.write_text(path.read_text()[:-100])


def _edit_json(path: Path) -> None:
    content = json.loads(path.read_text())
    content["metadata"]["version"] = "8"
    path.write_text(json.dumps(content))


def _future(path: Path) -> None:
    content = json.loads(path.read_text())
    content["format_version"] = 99
    path.write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("file", "damage", "told"),
    [
        ("booster_0.txt", Path.unlink, "is missing"),
        ("booster_0.txt", _cut, "checksum differs"),
        ("model.json", Path.unlink, "is not there"),
        ("model.json", _cut, "is damaged"),
        ("model.json", _edit_json, "checksum differs"),
        ("model.json", _future, "upgrade custintel"),
        ("model.json", lambda p: p.write_text("[]"), "not a model file"),
        ("model.json", lambda p: p.write_text("{}"), "not a custintel model"),
    ],
)
def test_damage_is_told(saved: Path, file: str, damage: object, told: str) -> None:
    damage(saved / file)  # type: ignore[operator]
    with pytest.raises(ModelError, match=told):
        load_model(saved)


def test_loading_a_folder_needs_no_mlflow(saved: Path) -> None:
    code = (
        "import sys; sys.modules['mlflow'] = None\n"
        f"from custintel.artifact import load_model; load_model({str(saved)!r})\n"
        "try: load_model('models:/churn@champion')\n"
        "except ImportError as e: print(e)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "custintel[train]" in done.stdout


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch, saved: Path) -> None:
    """An MLflow that knows one model, and keeps it in a subfolder as MLflow does."""

    def download_artifacts(artifact_uri: str, dst_path: str) -> str:
        if "churn" not in artifact_uri:
            raise RuntimeError("Registered Model with name=fraud not found")
        shutil.copytree(saved, Path(dst_path) / "model" / "artifacts" / "churn")
        return str(Path(dst_path) / "model")

    artifacts = types.ModuleType("mlflow.artifacts")
    artifacts.download_artifacts = download_artifacts  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "mlflow", types.ModuleType("mlflow"))
    monkeypatch.setitem(sys.modules, "mlflow.artifacts", artifacts)


@pytest.mark.usefixtures("registry")
def test_a_model_of_the_registry(model: Model) -> None:
    table, _ = _table()
    again = load_model("models:/churn@champion")
    np.testing.assert_allclose(again.predict_proba(table), model.predict_proba(table), atol=1e-12)


@pytest.mark.usefixtures("registry")
def test_an_unknown_model_of_the_registry_is_told() -> None:
    with pytest.raises(ModelError, match=r"models:/fraud/1 cannot be fetched.*\n.*hint"):
        load_model("models:/fraud/1")

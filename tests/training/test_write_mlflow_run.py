"""What a killed training leaves in MLflow is closed by the next one; a new store appears whole."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pandas as pd
import pytest

from custintel import train
from custintel.errors import ConfigurationError
from custintel.training.mlflow_store import open_store, store_uri

if TYPE_CHECKING:
    from pathlib import Path

TABLE = pd.DataFrame({"y": [0, 1]})
CUSTOMERS = pd.DataFrame({"bill": [7 * i % 60 for i in range(60)], "left": ["no", "yes"] * 30})
linux = pytest.mark.skipif(sys.platform != "linux", reason="the system does not tell when a process began")

HALF_A_RUN = """
import sys
from custintel.training.mlflow_store import open_store
from custintel.files.process_identity import current_process
with open_store(sys.argv[1]) as mlflow:
    client = mlflow.MlflowClient()
    experiment = client.get_experiment_by_name("custintel-churn").experiment_id
    print(client.create_run(experiment, tags={"custintel_owner": current_process().text}).info.run_id, flush=True)
sys.stdin.read()
"""


@linux
def test_runs_of_killed_processes_are_closed_and_others_are_not(tmp_path: Path) -> None:
    place = store_uri(tmp_path)
    assert _track(place, {})
    command = [sys.executable, "-c", HALF_A_RUN, place]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        killed = process.stdout.readline().strip()
        with open_store(place) as mlflow:
            foreign = mlflow.MlflowClient().create_run(_experiment(mlflow)).info.run_id
        assert _track(place, {killed: "RUNNING", foreign: "RUNNING"})
        process.kill()
        process.wait()
    assert _track(place, {killed: "KILLED", foreign: "RUNNING"})
    with open_store(place) as mlflow:
        mlflow.MlflowClient().set_terminated(foreign)


def _experiment(mlflow: object) -> str:
    return str(mlflow.MlflowClient().get_experiment_by_name("custintel-churn").experiment_id)  # type: ignore[attr-defined]


def _track(place: str, expected: dict[str, str]) -> bool:
    """Train once more, and look what has become of the runs of others."""
    tracked = train("churn", table=CUSTOMERS, target="left", store=place).tracked
    assert tracked is not None
    with open_store(place) as mlflow:
        client = mlflow.MlflowClient()
        assert client.get_run(tracked.run_id).info.status == "FINISHED"
        return {run_id: client.get_run(run_id).info.status for run_id in expected} == expected


def test_a_new_store_appears_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from mlflow.store.db import utils

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(utils, "_upgrade_db", killed)
        with pytest.raises(KeyboardInterrupt), open_store(tmp_path) as mlflow:
            mlflow.MlflowClient().search_experiments()
    assert list(tmp_path.iterdir()) == []
    with open_store(tmp_path) as mlflow:
        place = mlflow.MlflowClient().search_experiments()[0].artifact_location
    assert place == (tmp_path / "mlruns" / "0").as_uri()
    assert [path.name for path in tmp_path.iterdir()] == ["mlflow.db"]


@pytest.mark.parametrize("name", ["a?b", "a%20b", "100%25"])
def test_a_folder_that_an_address_cannot_name_is_refused_before_any_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """It was an OperationalError after the whole training."""
    (tmp_path / name).mkdir()
    with pytest.raises(ConfigurationError, match="store of MLflow: not a folder for it"):
        train("no such model, so nothing was done", table=TABLE, target="y", store=tmp_path / name)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(tmp_path / name)
    with pytest.raises(ConfigurationError, match="store of MLflow: not a folder for it"):
        train("no such model, so nothing was done", table=TABLE, target="y")
    for address in (f"sqlite:///{tmp_path / name}/mlflow.db", f"sqlite:///{tmp_path}/mlflow.db?{name}"):
        with pytest.raises(ConfigurationError, match="store of MLflow: not a folder for it"):
            train("no such model, so nothing was done", table=TABLE, target="y", store=address)
    assert store_uri(f"sqlite:///{tmp_path}/100% sure/mlflow.db").endswith("/100% sure/mlflow.db")
    assert store_uri(tmp_path / "100% it's #1 [x]").endswith("100% it's #1 [x]/mlflow.db")

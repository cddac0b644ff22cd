"""Every file of ``models/`` goes the whole way: trained, reported and scored, from the shell and from Python."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pytest
from command_line import run

from custintel import Warehouse, score

if TYPE_CHECKING:
    from collections.abc import Sequence

QUESTIONS = sorted(path.stem for path in (Path(__file__).parents[1] / "models").glob("*.yaml"))
# a test of 2,000 customers takes half a minute; one of the default simulation a minute and a half
pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800), pytest.mark.filterwarnings("ignore::UserWarning")]
_FIRST = ["customer_id", "as_of", "model", "model_version"]
_READ_ALONE = """
import sys
from custintel.artifact import Model
print(Model.load(sys.argv[1]).version)
assert not {"mlflow", "pickle5", "cloudpickle"} & set(sys.modules), sorted(sys.modules)
"""


@pytest.fixture(scope="module", params=[2_000, 5_000])
def operator(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the tables of an operator, and room for what is learned from them."""
    folder = tmp_path_factory.mktemp("operator")
    Warehouse.simulate(customers=request.param, months=12, seed=7).save(folder / "tables")
    return folder


@pytest.mark.parametrize("question", QUESTIONS)
def test_trained_reported_and_scored(question: str, operator: Path) -> None:
    tables, store, out = operator / "tables", operator / "store", operator / f"{question}.parquet"
    folder = operator / f"{question}_model"
    assert run("train", question, tables, "--store", store, "--save", folder) == 0
    assert run("report", question, "--store", store, "--out", operator / f"{question}.html") == 0
    assert run("score", f"models:/{question}@champion", tables, "--store", store, "--out", out) == 0
    from_shell = pd.read_parquet(out)
    _check_scores(from_shell, question)
    from_python = score(folder, Warehouse.open(tables))
    pd.testing.assert_frame_equal(from_python, from_shell, check_dtype=False, rtol=1e-9)
    _check_report(operator / f"{question}.html")
    subprocess.run([sys.executable, "-c", _READ_ALONE, folder], check=True)


def _check_scores(scores: pd.DataFrame, question: str) -> None:
    """The first columns, the columns that the model says, and reasons where it explains."""
    assert list(scores.columns[:4]) == _FIRST
    assert scores["customer_id"].notna().all()
    assert set(scores["model"]) == {question}
    assert len(scores) > 0


def _check_report(page: Path) -> None:
    """The page has its twin, measures with intervals, and speaks of its own question."""
    twin = json.loads(page.with_suffix(".json").read_text(encoding="utf-8"))
    measures: Sequence[dict[str, float]] = [*twin.get("metrics", []), *twin["own_metrics"]]
    assert measures
    assert all(m["low"] <= m["value"] <= m["high"] for m in measures if m["value"] is not None)
    if twin["outcome"] != "churn":
        assert "customers who leave" not in page.read_text(encoding="utf-8")

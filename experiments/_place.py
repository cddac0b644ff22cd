"""Where experiments find third-party data and put their tables."""

from __future__ import annotations

import os
import re
from datetime import date
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "docs" / "benchmarks"


def data_folder() -> Path:
    """The folder of third-party data: CUSTINTEL_DATA, or shared/data beside the checkout."""
    return Path(os.environ.get("CUSTINTEL_DATA", ROOT.parent / "shared" / "data"))


def provenance(*packages: str) -> str:
    """Date and versions, for the head of a results page."""
    versions = ", ".join(f"{name} {version(name)}" for name in ("custintel", *packages))
    return f"Measured on {date.today()} with {versions}, 2 cores."


def write_page(name: str, text: str) -> Path:
    """Write one results page."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    path = RESULTS / name
    path.write_text(text, encoding="utf-8")
    return path


def log_study(name: str, metrics: dict[str, float]) -> None:
    """Log a study's figures to the MLflow store of the working folder."""
    import mlflow

    mlflow.set_experiment("studies")
    with mlflow.start_run(run_name=name):
        mlflow.log_metrics({re.sub(r"[^A-Za-z0-9_ ./-]+", "", key): value for key, value in metrics.items()})

"""Shared fixtures: where the third-party data lie, and small operators."""

from __future__ import annotations

import os
import shutil
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa
    from pyspark.sql import SparkSession

    from custintel.training import Run
    from custintel.warehouse import Warehouse


def _data_folder() -> Path | None:
    given = os.environ.get("CUSTINTEL_DATA")
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    for place in [Path(given)] if given else [beside]:
        if place.is_dir():
            return place
    return None


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One worker runs all tests of a fixture of a module or a folder, or each worker would make that fixture."""
    for item in items:
        place = _place_of_wide_fixtures(item)
        if place and item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group(place))


def _place_of_wide_fixtures(item: pytest.Item) -> str:
    """The module, or rather the folder, whose fixtures a test shares with others; empty if none."""
    info = getattr(item, "_fixtureinfo", None)
    used = [definitions[-1] for definitions in info.name2fixturedefs.values() if definitions] if info else []
    return min((f.baseid for f in used if f.scope in ("module", "package")), key=len, default="")


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The folder of third-party data, or a skip with its reason."""
    place = _data_folder()
    if place is None:
        pytest.skip("third-party data absent: set CUSTINTEL_DATA to its folder")
    return place


QUICK_MODEL = """
model: churn
about: A quick model for tests
question: {kind: churn, gap: 5d, horizon: 30d, dormancy: 15d, billing_types: [prepaid]}
population: {active_within_days: 10}
dates: {every: month, history_days: 30}
features: {topics: [usage]}
learner: {class: ChurnClassifier, params: {effort: fast}}
search: {leaves: {low: 4, high: 16, log: true}, l2: {low: 0.1, high: 30.0, log: true}}
"""


def quick_calls(customers: int = 400, days: int = 212, seed: int = 0) -> pd.DataFrame:
    """Calls of an operator that has nothing else; who calls little falls silent sooner."""
    rng = np.random.default_rng(seed)
    rate = rng.gamma(4, 0.15, customers) + 0.2
    silent_from = rng.geometric(0.006 * np.exp(1.2 - 2 * rate)).clip(20)
    calls = rng.random((customers, days)) < rate[:, None].clip(max=0.95)
    calls &= np.arange(days) < silent_from[:, None]
    who, day = np.nonzero(calls)
    return pd.DataFrame(
        {
            "customer_id": [f"C{i:04d}" for i in who],
            "event_time": pd.Timestamp("2025-01-01 12:00") + pd.to_timedelta(day, unit="D"),
            "service": "voice",
            "direction": "out",
            "other_party": [f"N{i % 7}" for i in day],
            "duration_s": 60.0 + (who % 9) * 10,
        }
    )


@pytest.fixture(scope="session")
def quick_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one model that is learned in a second."""
    folder = tmp_path_factory.mktemp("models")
    (folder / "churn.yaml").write_text(QUICK_MODEL)
    return folder


@pytest.fixture(scope="session")
def quick_tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of tables: seven months of calls."""
    folder = tmp_path_factory.mktemp("tables")
    quick_calls().to_parquet(folder / "usage.parquet")
    return folder


@pytest.fixture(scope="session")
def quick_run(quick_models: Path, quick_tables: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A model learned from these tables and tracked in a store of its own."""
    from custintel import Warehouse, train

    store = tmp_path_factory.mktemp("store")
    return train("churn", Warehouse.open(quick_tables), tune=3, models_path=quick_models, store=store)


SPARK = {
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.sql.shuffle.partitions": "2",
    # dozens of families are joined at the end, and each sorts in a page of its own
    "spark.driver.memory": "2g",
    "spark.buffer.pageSize": "1m",
    "spark.sql.adaptive.enabled": "false",
    # tables are tiny: to read a plan is quicker than to compile it, and the first compiler is enough for the rest
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Xss4m",
}


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    """A small Spark on two cores, or a skip with its reason. Its zone is not UTC, as in real life."""
    pytest.importorskip("pyspark", reason="pyspark absent: pip install 'custintel[spark]'")
    if shutil.which("java") is None and "JAVA_HOME" not in os.environ:
        pytest.skip("Java absent: Spark needs 17 or newer")
    with warnings.catch_warnings():
        # PySpark 4.3 warns that pandas 3 is new to it; remove when it does not
        warnings.simplefilter("ignore", FutureWarning)
        from pyspark.sql import SparkSession
    builder = SparkSession.builder.master("local[2]").appName("custintel tests")
    settings = {**SPARK, "spark.sql.session.timeZone": "Asia/Shanghai"}
    settings["spark.sql.warehouse.dir"] = str(tmp_path_factory.mktemp("spark_warehouse"))
    for name, value in settings.items():
        builder = builder.config(name, value)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        session = builder.getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    yield session
    session.stop()


def lend(session: SparkSession, name: str, table: pa.Table) -> None:
    """Make a table a temporary view of the session, as a user would: times become instants of the session's zone."""
    from custintel.engines.spark_engine import to_spark_types

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        session.createDataFrame(to_spark_types(table)).createOrReplaceTempView(name)


@pytest.fixture(scope="session")
def operators(spark: SparkSession) -> tuple[Warehouse, Warehouse]:
    """The same small operator, dirt included, in DuckDB and in Spark (temporary views of the session)."""
    from custintel.simulate import simulate
    from custintel.warehouse import Warehouse

    tables = dict(simulate(customers=60, months=3, seed=3).tables)
    usage = tables["usage"]
    chosen = np.random.default_rng(0).choice(len(usage), len(usage) // 5, replace=False)
    tables["usage"] = usage.take(np.sort(chosen))
    for name, table in tables.items():
        lend(spark, name, table)
    latest = "2025-12-31"
    return Warehouse.from_frames(latest=latest, **tables), Warehouse.open(spark, latest=latest)

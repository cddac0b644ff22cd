"""The package as a whole: light import, layout, names."""

from __future__ import annotations

import ast
import subprocess
import sys
from importlib import resources
from pathlib import Path

import pytest

import custintel
from custintel.errors import ConfigurationError, Problem, raise_problems

HEAVY = ("mlflow", "shap", "optuna", "pyspark", "matplotlib", "polars", "lightgbm", "sklearn", "pandas", "duckdb")
ROOT = Path(__file__).resolve().parents[1]


def _modules_after(statement: str) -> set[str]:
    code = f"import sys; {statement}; print(' '.join(sorted(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(run.stdout.split())


def test_import_is_light() -> None:
    assert not _modules_after("import custintel").intersection(HEAVY)


@pytest.mark.parametrize("name", ["Warehouse", "FeatureBuilder", "ChurnClassifier", "train", "score", "load_model"])
def test_public_names_come_without_the_heavy_packages(name: str) -> None:
    loaded = _modules_after(f"from custintel import {name}")
    assert not loaded.intersection({"mlflow", "shap", "optuna", "pyspark", "matplotlib", "polars"})


def test_nothing_reads_or_writes_pickle() -> None:
    found = {
        f"{path.relative_to(ROOT)}: {name}"
        for path in sorted((ROOT / "custintel").rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in ([node.module or ""] if isinstance(node, ast.ImportFrom) else [a.name for a in node.names])
        if name.split(".")[0] in ("pickle", "cloudpickle", "joblib", "dill", "shelve")
    }
    assert found == set()


def test_every_public_name_exists() -> None:
    for name in custintel.__all__:
        assert getattr(custintel, name) is not None


def test_unknown_name_says_what_there_is() -> None:
    with pytest.raises(AttributeError, match=r"has no attribute 'Warehose'; it has: .*Warehouse"):
        custintel.Warehose  # noqa: B018


@pytest.mark.parametrize("folder", ["features", "models"])
def test_content_folders_hold_no_python(folder: str) -> None:
    assert [p.name for p in (ROOT / folder).rglob("*.py")] == ["__init__.py"]


@pytest.mark.parametrize("folder", ["features", "models"])
def test_content_is_found_as_package_data(folder: str) -> None:
    found = {p.name for p in resources.files(f"custintel.catalogue.{folder}").iterdir() if p.name.endswith(".yaml")}
    assert found == {p.name for p in (ROOT / folder).glob("*.yaml")}
    assert found


def test_command_line_help_is_quick_and_light() -> None:
    loaded = _modules_after("import custintel.cli")
    assert not loaded.intersection({"mlflow", "shap", "optuna", "matplotlib"})


def _is_without_unit(node: ast.Call) -> bool:
    """`datetime64("NaT")`, `timedelta64(3)`, or a dtype of that name; a written day has the unit it is written in."""
    name = node.func.attr if isinstance(node.func, ast.Attribute) else ""
    first = [arg.value for arg in node.args[:1] if isinstance(arg, ast.Constant)]
    if name in ("datetime64", "timedelta64"):
        return len(node.args) == 1 and (first == ["NaT"] or any(not isinstance(value, str) for value in first))
    dtypes = [k.value.value for k in node.keywords if k.arg == "dtype" and isinstance(k.value, ast.Constant)]
    return any(value in ("datetime64", "timedelta64") for value in [*dtypes, *(first if name == "astype" else [])])


@pytest.mark.parametrize("folder", ["custintel", "tests", "experiments"])
def test_every_numpy_time_has_a_unit(folder: str) -> None:
    texts = {path: path.read_text(encoding="utf-8") for path in sorted((ROOT / folder).rglob("*.py"))}
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path, text in texts.items()
        if "datetime64" in text or "timedelta64" in text
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Call) and _is_without_unit(node)
    ]
    assert found == []


def test_an_error_lists_as_many_mistakes_as_somebody_reads() -> None:
    """Found by tests/fuzz: a block repeated by mistake gave a message of 20 000 signs."""
    problems = [Problem(f"usage.yaml:{line}", "unknown key") for line in range(121)]
    with pytest.raises(ConfigurationError) as caught:
        raise_problems(problems)
    assert len(caught.value.problems) == 121
    assert str(caught.value).startswith("121 mistakes found\n  usage.yaml:0: unknown key\n")
    assert str(caught.value).endswith("  usage.yaml:49: unknown key\n  ... and 71 more: put these right first")

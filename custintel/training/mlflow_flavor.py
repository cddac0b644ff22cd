"""How a model lies in MLflow: our folder (text and JSON), a signature, an anonymous example, pinned requirements.

MLflow calls `Flavor.save_model` when a model is logged; `_load_pyfunc` lets ``mlflow models serve`` use it. Neither
needs pickle, and `custintel.load_model` needs no pyfunc.
"""

from __future__ import annotations

import json
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd

from custintel.adapters.registry import adapter_of
from custintel.artifact import Model

_PACKAGES = ("lightgbm", "numpy", "pandas", "scikit-learn", "scipy")
_EXAMPLE = "input_example.json"


class ModelFlavor:
    """A flavour of MLflow that writes one `Model`."""

    __name__ = "custintel"

    def __init__(self, model: Model, example: pd.DataFrame) -> None:
        self.model = model
        self.example = example

    def save_model(self, path: str, mlflow_model: Any, **_: Any) -> None:
        """Write the model folder and MLflow's own ``MLmodel`` file beside it."""
        from mlflow import pyfunc

        folder = Path(path)
        self.model.save(folder / "model")
        _write_environment(folder)
        example = {"columns": list(self.example.columns), "data": self.example.astype(object).to_numpy().tolist()}
        (folder / _EXAMPLE).write_text(json.dumps(example, ensure_ascii=False), encoding="utf-8")
        mlflow_model.signature = _signature(self.example, _ServedModel(self.model).predict(self.example))
        mlflow_model.saved_input_example_info = {
            "artifact_path": _EXAMPLE,
            "type": "dataframe",
            "pandas_orient": "split",
        }
        mlflow_model.add_flavor("custintel", data="model", version=version("custintel"))
        pyfunc.add_to_model(
            mlflow_model,
            loader_module="custintel.training.mlflow_flavor",
            data="model",
            env={"virtualenv": "python_env.yaml"},
        )
        mlflow_model.save(str(folder / "MLmodel"))


class _ServedModel:
    """What ``mlflow.pyfunc`` calls: a table in, the columns of the learner out."""

    def __init__(self, model: Model) -> None:
        self.model = model

    def predict(self, model_input: pd.DataFrame, params: Any = None) -> pd.DataFrame:
        """The scored columns of each row."""
        del params
        return adapter_of(self.model.estimator).predict(self.model.estimator, model_input)


def _load_pyfunc(path: str) -> _ServedModel:
    """Door for ``mlflow.pyfunc.load_model``."""
    return _ServedModel(Model.load(path))


def median_row(X: pd.DataFrame) -> pd.DataFrame:
    """One invented customer of medians and most frequent values: an example that is nobody.

    >>> import pandas as pd
    >>> median_row(pd.DataFrame({"bill": [1, 3, 5], "plan": ["S", "S", "M"]})).to_dict("records")
    [{'bill': 3.0, 'plan': 'S'}]
    """
    cells: dict[str, list[Any]] = {}
    for name in X.columns:
        column = X[name]
        if _is_number(column):
            cells[str(name)] = [float(column.median())] if column.notna().any() else [0.0]
        else:
            frequent = column.dropna().astype(str).mode()
            cells[str(name)] = [str(frequent.iloc[0])] if len(frequent) else [""]
    return pd.DataFrame(cells)


def _is_number(column: pd.Series) -> bool:
    """Numbers are declared as double; booleans, dates, texts and categories as string."""
    return bool(pd.api.types.is_numeric_dtype(column)) and not bool(pd.api.types.is_bool_dtype(column))


def _signature(example: pd.DataFrame, answer: pd.DataFrame) -> Any:
    """Doubles and optional strings in, the scored columns out."""
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema

    kinds = {name: "double" if _is_number(example[name]) else "string" for name in example.columns}
    inputs = Schema([ColSpec(kind, name, required=kind == "double") for name, kind in kinds.items()])
    outputs = Schema([ColSpec("double" if _is_number(answer[n]) else "string", str(n)) for n in answer.columns])
    return ModelSignature(inputs=inputs, outputs=outputs)


def requirements() -> list[str]:
    """Pinned packages that scoring needs; given to MLflow so that it does not spend half a minute on guessing."""
    return [f"{name}=={version(name)}" for name in ("custintel", *_PACKAGES)]


def _write_environment(folder: Path) -> None:
    (folder / "requirements.txt").write_text("\n".join(requirements()) + "\n", encoding="utf-8")
    lines = [f"python: {platform.python_version()}", "build_dependencies:", "- pip", "dependencies:"]
    (folder / "python_env.yaml").write_text("\n".join([*lines, "- -r requirements.txt", ""]), encoding="utf-8")

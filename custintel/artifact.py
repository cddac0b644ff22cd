"""A trained model as LightGBM text and JSON: saved and loaded without pickle and without MLflow.

A model is a folder: ``model.json`` (feature contract, linear part, calibration, metadata, checksums) and one
``booster_k.txt`` for each LightGBM model. Reading it runs no code from the folder.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from custintel import estimators
from custintel._version import __version__
from custintel.errors import MissingExtraError, ModelError
from custintel.metrics import event_probability
from custintel.replacing import replacing

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["FORMAT_VERSION", "Model", "load_model"]

FORMAT_VERSION = 1
_FILE = "model.json"
_URI_SCHEMES = ("models:/", "runs:/", "mlflow-artifacts:/")


class Model:
    """A trained estimator with everything one must know to use it: name, features, windows, metrics, version.

    Parameters
    ----------
    name : str
        Name of the model, for example ``churn``.
    estimator : estimator
        A fitted estimator of custintel: one with ``contract_``, ``to_state`` and ``from_state``.
    metadata : mapping, optional
        Plain data (JSON): spec, windows, features, metrics, data digest, seed.

    Examples
    --------
    >>> import tempfile
    >>> from custintel import ChurnClassifier
    >>> table = pd.DataFrame({"bill": range(60)})
    >>> model = Model("churn", ChurnClassifier(effort="fast").fit(table, [1, 0] * 30), {"version": "3"})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     again = Model.load(model.save(Path(folder) / "churn"))
    >>> again
    Model('churn', version '3', 1 feature)
    """

    def __init__(self, name: str, estimator: Any, metadata: Mapping[str, Any] | None = None) -> None:
        self.name = name
        self.estimator = estimator
        self.metadata: dict[str, Any] = {"name": name, "library_version": __version__, **(metadata or {})}

    @property
    def version(self) -> str | None:
        """Version in the registry, if it has one."""
        given = self.metadata.get("version")
        return None if given is None else str(given)

    @property
    def feature_names(self) -> list[str]:
        """Columns that the model reads."""
        return [c.name for c in self.estimator.contract_.used]

    def predict_proba(self, X: pd.DataFrame) -> pd.Series:
        """Probability of the event (``pos_label_`` of the estimator) for each customer, with the index of `X`."""
        p = event_probability(self.estimator, X)
        return pd.Series(p, index=getattr(X, "index", None), name="probability")

    def contributions(
        self, X: pd.DataFrame, kernel: Callable[[Any, np.ndarray], np.ndarray] | None = None
    ) -> pd.DataFrame:
        """Exact additive contributions to the log-odds before calibration; `kernel` as in the estimator."""
        found: pd.DataFrame = self.estimator.contributions(X, kernel)
        return found

    def save(self, folder: str | Path) -> Path:
        """Write the folder; what was there before stays whole until the new files are complete.

        Parameters
        ----------
        folder : path
            Where the model is to lie; replaced if it holds a model, refused if it holds anything else.
        """
        place = Path(folder)
        _check_replaceable(place)
        with replacing(place) as fresh:
            self._write(fresh)
        return place

    @classmethod
    def load(cls, folder: str | Path, also: Mapping[str, Any] | None = None) -> Model:
        """Read a folder written by `save`; damaged or foreign files are refused with a reason.

        Parameters
        ----------
        folder : path
            The folder.
        also : mapping of str to class, optional
            Classes with ``from_state`` that may be read beside those of `custintel.estimators`.
        """
        place = Path(folder)
        content = _read_json(place / _FILE)
        _check_format(content, place)
        texts = {name: _read_booster(place, name, digest) for name, digest in content["boosters"].items()}
        try:
            known = {**_readable(), **(also or {})}
            estimator = known[content["estimator"]["class"]].from_state(content["estimator"], texts)
        except Exception as error:
            raise ModelError(
                f"the model in {place} cannot be read: {error}\n  hint: save it again from training"
            ) from error
        return cls(content["name"], estimator, content["metadata"])

    def __repr__(self) -> str:
        n = len(self.feature_names)
        return f"Model({self.name!r}, version {self.version!r}, {n} feature{'' if n == 1 else 's'})"

    def _write(self, folder: Path) -> None:
        state, texts = self.estimator.to_state()
        for name, text in texts.items():
            (folder / f"{name}.txt").write_bytes(text.encode())
        content = {
            "format": "custintel model",
            "format_version": FORMAT_VERSION,
            "name": self.name,
            "estimator": state,
            "metadata": self.metadata,
            "boosters": {name: _digest(text.encode()) for name, text in texts.items()},
        }
        sealed = {**content, "checksum": _checksum(content)}
        text = json.dumps(sealed, indent=1, ensure_ascii=False, default=_plain, sort_keys=True)
        (folder / _FILE).write_text(text + "\n", encoding="utf-8")


def _readable() -> dict[str, Any]:
    """The estimators that can be read back, by the name of their class."""
    known = {name: getattr(estimators, name) for name in estimators.__all__}
    return {name: one for name, one in known.items() if hasattr(one, "from_state")}


def load_model(place: str | Path) -> Model:
    """Load a model from a folder or from an MLflow address.

    Parameters
    ----------
    place : str or path
        A folder written by `Model.save`, or ``models:/churn@champion``, ``models:/churn/3``, ``runs:/<id>/<path>``.

    Examples
    --------
    >>> load_model("no_such_folder")
    Traceback (most recent call last):
        ...
    custintel.errors.ModelError: no model in no_such_folder: model.json is not there
      hint: give the folder that Model.save wrote, or an MLflow address like models:/churn@champion
    """
    if isinstance(place, str) and place.startswith(_URI_SCHEMES):
        return _load_from_mlflow(place)
    return Model.load(place)


def _load_from_mlflow(uri: str) -> Model:
    try:
        from mlflow.artifacts import download_artifacts
    except ImportError as error:
        raise MissingExtraError("mlflow", "train", f"loading {uri}") from error
    with tempfile.TemporaryDirectory() as folder:
        try:
            local = Path(download_artifacts(artifact_uri=uri, dst_path=folder))
        except Exception as error:
            raise ModelError(
                f"{uri} cannot be fetched: {error}\n"
                "  hint: check the name, the alias or version, and the tracking address (MLFLOW_TRACKING_URI)"
            ) from error
        return _with_address(Model.load(_find_model(local, uri)), uri)


def _with_address(model: Model, uri: str) -> Model:
    version = uri.rsplit("/", 1)[-1]
    if uri.startswith("models:/") and version.isdigit():
        model.metadata.setdefault("version", version)
    return model


def _find_model(root: Path, uri: str) -> Path:
    found = sorted(root.rglob(_FILE), key=lambda p: (len(p.parts), str(p)))
    if not found:
        raise ModelError(f"{uri} holds no {_FILE}: it was not written by custintel")
    return found[0].parent


def _check_replaceable(place: Path) -> None:
    if place.is_file():
        raise ModelError(f"{place} is a file\n  hint: a model is a folder; choose another place")
    if place.is_dir() and any(place.iterdir()) and not (place / _FILE).is_file():
        raise ModelError(f"{place} holds other files than a model\n  hint: choose an empty or a new folder")


def _read_json(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise ModelError(
            f"no model in {path.parent}: {path.name} is not there\n"
            "  hint: give the folder that Model.save wrote, or an MLflow address like models:/churn@champion"
        )
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ModelError(f"{path} is damaged: {error}\n  hint: copy the folder again from its source") from error
    if not isinstance(content, dict):
        raise ModelError(f"{path} is not a model file: an object is expected")
    return content


def _check_format(content: dict[str, Any], place: Path) -> None:
    version = content.get("format_version")
    if content.get("format") != "custintel model" or not isinstance(version, int):
        raise ModelError(f"{place / _FILE} is not a custintel model")
    if version > FORMAT_VERSION:
        raise ModelError(
            f"the model in {place} has format {version}; this version of custintel reads up to {FORMAT_VERSION}\n"
            "  hint: upgrade custintel"
        )
    given = content.pop("checksum", None)
    if given != _checksum(content):
        raise ModelError(
            f"{place / _FILE} was changed after it was written (checksum differs)\n"
            "  hint: copy the folder again from its source"
        )


def _read_booster(place: Path, name: str, digest: str) -> str:
    path = place / f"{name}.txt"
    if not path.is_file():
        raise ModelError(f"{path} is missing\n  hint: copy the whole folder, not model.json alone")
    raw = path.read_bytes()
    if _digest(raw) != digest:
        raise ModelError(
            f"{path} was changed after it was written (checksum differs)\n  hint: copy the folder again from its source"
        )
    return raw.decode()


def _digest(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()


def _checksum(content: Mapping[str, Any]) -> str:
    text = json.dumps(content, ensure_ascii=False, default=_plain, sort_keys=True, separators=(",", ":"))
    return _digest(text.encode())


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, pd.Timestamp):
        return value.isoformat()
    if isinstance(value, set | frozenset):
        return sorted(value)
    if hasattr(value, "isoformat"):
        return value.isoformat()
    raise ModelError(
        f"metadata holds a {type(value).__name__}, which JSON cannot hold\n  hint: use text, numbers, lists and dicts"
    )

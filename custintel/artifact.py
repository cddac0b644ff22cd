"""A trained model as LightGBM text and JSON: saved and loaded without pickle and without MLflow.

A model is a folder: ``model.json`` (feature contract, linear part, calibration, metadata, checksums), one text for each
LightGBM model, and ``model.seal`` where a key is set. Reading it runs no code from the folder, and everything in it is
looked at before it is used: structure and ranges of each kind of learner (`custintel.learners.saved_state_schemas`),
and every tree before LightGBM sees it.

Checksums tell damage from the original, not a forger from its author: who can write to the folder can compute them
again, and a changed but well-formed model predicts what its author likes. Set ``CUSTINTEL_SEAL_KEY`` where models are
trained and where they are used; then a folder without the seal of this key is refused.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from custintel._version import __version__
from custintel.catalogue.learner_classes import LEARNER_ROOMS
from custintel.errors import MissingExtraError, ModelError
from custintel.files.atomic_write import atomic_folder, read_consistently, scratch_folder
from custintel.files.keyed_seal import SEAL_KEY, has_seal_key, seal, verify_seal
from custintel.learners.ensemble import check_lightgbm_text as lightgbm_text
from custintel.metrics.score_ranking import event_probability

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["Model", "load_model"]


FORMAT_VERSION = 1
_FILE, _SEAL = "model.json", "model.seal"
_LARGEST, _LONGEST_NAME = 2**30, 200
_NAME = re.compile(r"[A-Za-z0-9_]{1,200}")
_ROOM_OF_CLASS = {
    **LEARNER_ROOMS,
    "AnomalyScore": "custintel.learners",
    "OwnEstimator": "custintel.learners.own_estimator",
}
"""Where the classes of learners are found; a room is imported when a model of one of its learners is opened."""
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
        contract = getattr(self.estimator, "contract_", None)
        if contract is None:  # tiers read columns of values, and have no contract
            return [str(name) for name in getattr(self.estimator, "feature_names_in_", ())]
        used = [c.name for c in contract.used]
        # rules may read columns that told nothing in training: they are about what had not happened there
        return [*used, *(name for name in getattr(self.estimator, "columns_of_rules_", ()) if name not in used)]

    def predict_proba(self, X: pd.DataFrame) -> pd.Series:
        """Probability of the event (``pos_label_`` of the estimator) for each customer, with the index of `X`."""
        p = event_probability(self.estimator, X)
        return pd.Series(p, index=getattr(X, "index", None), name="probability")

    @property
    def explained(self) -> bool:
        """Whether the learner explains a row by contributions that add up."""
        return hasattr(self.estimator, "contributions")

    def contributions(
        self, X: pd.DataFrame, kernel: Callable[[Any, np.ndarray], np.ndarray] | None = None
    ) -> pd.DataFrame:
        """Exact additive contributions to the log-odds before calibration; `kernel` as in the estimator."""
        found: pd.DataFrame = self.estimator.contributions(X, kernel)
        return found

    def save(self, out: str | Path) -> Path:
        """Write the folder; what was there before stays whole until the new files are complete.

        Parameters
        ----------
        out : path
            Where the model is to lie; replaced if it holds a model, refused if it holds anything else.
        """
        path = Path(out)
        _check_replaceable(path)
        with atomic_folder(path) as fresh:
            self._write(fresh)
        return path

    @classmethod
    def load(cls, path: str | Path, extra_classes: Mapping[str, Any] | None = None, *, unsealed: bool = False) -> Model:
        """Read a folder written by `save`; damaged, changed or foreign files are refused with a reason.

        A folder that is being replaced is read as it was before or as it is afterwards.

        Parameters
        ----------
        path : path
            The folder.
        extra_classes : mapping of str to class, optional
            Classes with ``from_state`` that may be read beside those of the library, and classes of the user's own that
            an `OwnEstimator` may hold: ``{"my_package.MyClassifier": MyClassifier}``.
        unsealed : bool
            Accept a model without a seal, or with that of another key, although ``CUSTINTEL_SEAL_KEY`` is set.
        """
        folder = Path(path)
        content, texts = read_consistently(folder, lambda: _read(folder, unsealed))
        try:
            estimator = _estimator(content["estimator"], texts, extra_classes or {})
        except Exception as error:
            raise ModelError(
                f"the model in {folder} cannot be read: {error}\n  hint: save it again from training"
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
        raw = (json.dumps(sealed, indent=1, ensure_ascii=False, default=_plain, sort_keys=True) + "\n").encode()
        (folder / _FILE).write_bytes(raw)
        if (given := seal(raw)) is not None:
            (folder / _SEAL).write_text(given + "\n", encoding="ascii")


def _estimator(state: Mapping[str, Any], texts: Mapping[str, str], extra_classes: Mapping[str, Any]) -> Any:
    """The estimator of a state, after state and boosters were found to be ones that it writes."""
    from custintel.learners.saved_state_schemas import check_state

    kind = _class_of(state, extra_classes)
    columns = {name: lightgbm_text.booster_columns(text) for name, text in texts.items()}
    given = getattr(kind, "saved_state", None)
    check_state(state, columns, *([] if given is None else [{kind.__name__: given()}]))
    if kind.__name__ == "OwnEstimator":  # a class of the user's own, which must be allowed
        return kind.from_state(state, texts, extra_classes)
    return kind.from_state(state, texts)


def _class_of(state: Mapping[str, Any], extra_classes: Mapping[str, Any]) -> Any:
    name = state.get("class")
    if name in extra_classes:
        return extra_classes[str(name)]
    if name not in _ROOM_OF_CLASS:
        raise ModelError("its kind of estimator is unknown to this version of custintel")
    return getattr(importlib.import_module(_ROOM_OF_CLASS[str(name)]), str(name))


def load_model(path: str | Path, *, unsealed: bool = False, extra_classes: Mapping[str, Any] | None = None) -> Model:
    """Load a model from a folder or from an MLflow address.

    Parameters
    ----------
    path : str or path
        A folder written by `Model.save`, or ``models:/churn@champion``, ``models:/churn/3``, ``runs:/<id>/<path>``.
    unsealed : bool
        Accept a model without a seal, or with that of another key, although ``CUSTINTEL_SEAL_KEY`` is set. A model
        from a place that others can write to is to be trusted like a program from there.
    extra_classes : mapping of str to class, optional
        Classes of your own that the model may hold, by their names: ``{"my_package.MyClassifier": MyClassifier}``. A
        class that is not given is never imported, unless the environment variable ``CUSTINTEL_OWN_CLASSES`` names it.

    Examples
    --------
    >>> load_model("no_such_folder")
    Traceback (most recent call last):
        ...
    custintel.errors.ModelError: no model in no_such_folder: model.json is not there
      hint: give the folder that Model.save wrote, or an MLflow address like models:/churn@champion
    """
    if isinstance(path, str) and path.startswith(_URI_SCHEMES):
        return _load_from_mlflow(path, unsealed, extra_classes)
    return Model.load(path, extra_classes, unsealed=unsealed)


def _load_from_mlflow(uri: str, unsealed: bool, extra_classes: Mapping[str, Any] | None) -> Model:
    try:
        from mlflow.artifacts import download_artifacts
    except ImportError as error:
        raise MissingExtraError("mlflow", "train", f"loading {uri}") from error
    with scratch_folder() as folder:
        try:
            local = Path(download_artifacts(artifact_uri=uri, dst_path=str(folder)))
        except Exception as error:
            raise ModelError(
                f"{uri} cannot be fetched: {error}\n"
                "  hint: check the name, the alias or version, and the tracking address (MLFLOW_TRACKING_URI)"
            ) from error
        return _with_address(Model.load(_find_model(local, uri), extra_classes, unsealed=unsealed), uri)


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


def _check_replaceable(path: Path) -> None:
    if path.is_file():
        raise ModelError(f"{path} is a file\n  hint: a model is a folder; choose another place")
    if path.is_dir() and any(path.iterdir()) and not (path / _FILE).is_file():
        raise ModelError(f"{path} holds other files than a model\n  hint: choose an empty or a new folder")


def _read(path: Path, unsealed: bool) -> tuple[dict[str, Any], dict[str, str]]:
    """Content and booster texts."""
    content = _read_json(path / _FILE, unsealed)
    return content, {name: _read_booster(path, name, digest) for name, digest in content["boosters"].items()}


def _read_json(path: Path, unsealed: bool) -> dict[str, Any]:
    if not path.is_file():
        raise ModelError(
            f"no model in {path.parent}: {path.name} is not there\n"
            "  hint: give the folder that Model.save wrote, or an MLflow address like models:/churn@champion"
        )
    raw = _bytes(path)
    _check_seal(path, raw, unsealed)
    try:
        content = json.loads(raw.decode("utf-8"), object_pairs_hook=_no_key_twice)
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{path} is damaged: {error}\n  hint: copy the folder again from its source") from error
    if not isinstance(content, dict):
        raise ModelError(f"{path} is not a model file: an object is expected")
    _check_format(content, path.parent)
    _check_parts(content, path)
    return content


def _bytes(path: Path) -> bytes:
    """The bytes of a file, which is no larger than any that custintel writes."""
    try:
        if path.stat().st_size > _LARGEST:
            raise ModelError(f"{path} is larger than 1 GiB: custintel writes no such files")
        return path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror}") from error


def _no_key_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key is given twice")
    return found


def _check_seal(path: Path, raw: bytes, unsealed: bool) -> None:
    """With a key in the environment, refuse what was not written with it."""
    if unsealed or not has_seal_key():
        return
    beside = path.with_name(_SEAL)
    given = _bytes(beside).decode("ascii", errors="replace").strip() if beside.is_file() else None
    if given is None or not verify_seal(raw, given):
        wrong = "has no seal" if given is None else "has a seal that does not fit its content and this key"
        raise ModelError(
            f"the model in {path.parent} {wrong}: it was not written by a holder of the key in {SEAL_KEY}\n"
            "  hint: save it again where the key is set; to accept it deliberately use\n"
            f"        load_model(..., unsealed=True), or take {SEAL_KEY} out of the environment for one command"
        )


def _check_parts(content: dict[str, Any], path: Path) -> None:
    """The parts that every model has are there and of the right kind."""
    from custintel.learners.saved_state_schemas import check_metadata

    name, texts = content.get("name"), content.get("boosters")
    wrong = []
    if not isinstance(name, str) or not 0 < len(name) <= _LONGEST_NAME or not name.isprintable():
        wrong.append("name")
    if not isinstance(texts, dict) or not all(_NAME.fullmatch(n) and isinstance(d, str) for n, d in texts.items()):
        wrong.append("boosters")
    wrong += [part for part in ("estimator", "metadata") if not isinstance(content.get(part), dict)]
    if wrong:
        raise ModelError(
            f"{path} is not a model file: wrong or missing {', '.join(wrong)}\n"
            "  hint: copy the folder again from its source"
        )
    check_metadata(content["metadata"])


def _check_format(content: dict[str, Any], path: Path) -> None:
    version = content.get("format_version")
    if content.get("format") != "custintel model" or not isinstance(version, int):
        raise ModelError(f"{path / _FILE} is not a custintel model")
    if version > FORMAT_VERSION:
        raise ModelError(
            f"the model in {path} has format {version}; this version of custintel reads up to {FORMAT_VERSION}\n"
            "  hint: upgrade custintel"
        )
    given = content.pop("checksum", None)
    if given != _checksum(content):
        raise ModelError(
            f"{path / _FILE} was changed after it was written (checksum differs)\n"
            "  hint: copy the folder again from its source"
        )


def _read_booster(folder: Path, name: str, digest: str) -> str:
    path = folder / f"{name}.txt"
    if not path.is_file():
        raise ModelError(f"{path} is missing\n  hint: copy the whole folder, not model.json alone")
    raw = _bytes(path)
    if _digest(raw) != digest:
        raise ModelError(
            f"{path} was changed after it was written (checksum differs)\n  hint: copy the folder again from its source"
        )
    try:
        return raw.decode("ascii")
    except UnicodeDecodeError as error:
        raise ModelError(f"{path} is no text of LightGBM") from error


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

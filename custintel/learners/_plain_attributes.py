"""What a scikit-learn estimator has learned, as plain data: numbers, texts, arrays; nothing that runs.

Fitted attributes are written with their types and read back into an estimator of the same class and parameters.

>>> write_value(np.array([1.5, 2.0]))
{'array': [1.5, 2.0], 'dtype': '<f8'}
>>> read_value({'tuple': [1, 'a']})
(1, 'a')
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from custintel.errors import ModelError

_NAME = re.compile(r"[A-Za-z]\w{0,99}|_[A-Za-z]\w{0,99}", re.ASCII)
_DTYPE = re.compile(r"object|[<>|=]?(?:b1|[iu][1248]|f[248]|U[0-9]{1,3})")
_LOSS = "_base_loss"
"""Generalised linear models keep the object of their loss; it follows from their parameters."""


class NotPlainError(ValueError):
    """An attribute that is neither number nor text nor array."""


def fitted_attributes(estimator: Any) -> dict[str, Any]:
    """Everything that `fit` has set, as plain data.

    Raises
    ------
    NotPlainError
        With the name of an attribute that holds something else.
    """
    params = set(estimator.get_params(deep=False))
    found = {}
    for name, value in vars(estimator).items():
        if name in params or name == _LOSS:
            continue
        try:
            found[name] = write_value(value)
        except NotPlainError as error:
            raise NotPlainError(f"{name} ({error})") from None
    return found


def set_attributes(estimator: Any, state: Any) -> None:
    """Set what `fitted_attributes` gave; nothing that the class itself defines is overwritten.

    Raises
    ------
    ModelError
        For names that no fitted attribute has.
    """
    for name, value in state.items():
        if not _NAME.fullmatch(name) or hasattr(type(estimator), name):
            raise ModelError("a saved estimator has an attribute that none of its class has")
        setattr(estimator, name, read_value(value))
    if hasattr(estimator, "_get_loss"):
        setattr(estimator, _LOSS, estimator._get_loss())


def write_value(value: Any) -> Any:
    """A value as plain data; arrays and tuples say what they are."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, np.generic):
        return write_value(np.asarray(value))
    if isinstance(value, np.ndarray):
        return _write_array(value)
    if isinstance(value, list):
        return [write_value(one) for one in value]
    if isinstance(value, tuple):
        return {"tuple": [write_value(one) for one in value]}
    raise NotPlainError(type(value).__name__)


def read_value(value: Any) -> Any:
    """Read back what `write_value` gave."""
    if isinstance(value, list):
        return [read_value(one) for one in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {"tuple"}:
        return tuple(read_value(one) for one in value["tuple"])
    if set(value) == {"array", "dtype"} and _DTYPE.fullmatch(str(value["dtype"])):
        found = np.asarray(value["array"], dtype=value["dtype"])
        return found if found.ndim else found[()]
    raise ModelError("a saved estimator has a value of an unknown kind")


def _write_array(value: np.ndarray) -> dict[str, Any]:
    if value.dtype == object:
        if not all(isinstance(one, str) for one in value.reshape(-1).tolist()):
            raise NotPlainError("array of objects")
        return {"array": value.tolist(), "dtype": "object"}
    if value.dtype.kind not in "biufU":
        raise NotPlainError(f"array of {value.dtype}")
    return {"array": value.tolist(), "dtype": value.dtype.str}

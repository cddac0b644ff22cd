"""Which class an estimator of the user's own is of: found by its name to train, and only where allowed when read.

A file that names a class would otherwise decide what Python imports. Training names classes in the user's own model
file, and imports them. A saved model may name linear models and naive Bayes of scikit-learn (listed here); any other
class is taken from ``extra_classes``, or imported when ``CUSTINTEL_OWN_CLASSES`` (names with commas between them) has
its name.

>>> find_class("sklearn.linear_model.Ridge").__name__
'Ridge'
>>> allowed_class("os.system", {})
Traceback (most recent call last):
    ...
custintel.errors.ModelError: the model holds an estimator of a class that is not allowed
  given: os.system
  allowed: linear models of scikit-learn, and classes that you name
  hint: load_model(path, extra_classes={'os.system': system}), or CUSTINTEL_OWN_CLASSES=os.system
"""

from __future__ import annotations

import importlib
import os
import re
from typing import TYPE_CHECKING, Any

from custintel.errors import ConfigurationError, ModelError

if TYPE_CHECKING:
    from collections.abc import Mapping


ALLOWED = "CUSTINTEL_OWN_CLASSES"
_PATH = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+", re.ASCII)
_SAFE = frozenset(
    f"sklearn.{room}.{name}"
    for room, names in {
        "linear_model": (
            "ARDRegression BayesianRidge ElasticNet ElasticNetCV GammaRegressor HuberRegressor Lars Lasso LassoCV "
            "LassoLars LinearRegression LogisticRegression LogisticRegressionCV PoissonRegressor QuantileRegressor "
            "Ridge RidgeCV TheilSenRegressor TweedieRegressor"
        ),
        "naive_bayes": "BernoulliNB GaussianNB",
        "discriminant_analysis": "LinearDiscriminantAnalysis QuadraticDiscriminantAnalysis",
    }.items()
    for name in names.split()
)


def class_path(learner: Any) -> str:
    """The name of a class with its module; of text the text itself."""
    return learner if isinstance(learner, str) else f"{learner.__module__}.{learner.__qualname__}"


def find_class(learner: Any) -> Any:
    """The class that the user named; its module is imported.

    Raises
    ------
    ConfigurationError
        When there is no such module or class.
    """
    if not isinstance(learner, str):
        return learner
    found = _imported(learner) if _PATH.fullmatch(learner) else None
    if found is None:
        raise ConfigurationError(
            f"no class of this name can be imported\n  given: {learner}\n"
            "  allowed: a package, a dot and a class, such as sklearn.linear_model.Ridge\n"
            "  hint: the package must be installed, or lie in the working folder (python -m custintel ...)"
        )
    return found


def allowed_class(path: str, extra_classes: Mapping[str, Any]) -> Any:
    """The class that a saved model names, when it is one that may be used.

    Raises
    ------
    ModelError
        When the file names any other class; its module is not imported.
    """
    name = path.rsplit(".", 1)[-1]
    for known in (path, name):
        if known in extra_classes:
            return extra_classes[known]
    named = {one.strip() for one in os.environ.get(ALLOWED, "").split(",")}
    if path not in _SAFE | named or not _PATH.fullmatch(path):
        raise ModelError(
            f"the model holds an estimator of a class that is not allowed\n  given: {path[:200]}\n"
            "  allowed: linear models of scikit-learn, and classes that you name\n"
            f"  hint: load_model(path, extra_classes={{{path[:200]!r}: {name[:200]}}}), or {ALLOWED}={path[:200]}"
        )
    found = _imported(path)
    if found is None:
        raise ModelError(f"the class of the estimator cannot be imported\n  given: {path[:200]}")
    return found


def _imported(path: str) -> Any:
    module, _, name = path.rpartition(".")
    try:
        found = getattr(importlib.import_module(module), name, None)
    except ImportError:
        return None
    return found if isinstance(found, type) else None

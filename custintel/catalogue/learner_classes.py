"""The learners that a model file may name: where each class stands, and the parameters that a file may fix or search.

Classes are imported when their parameters are asked for, so that reading a model file imports no learner.

>>> "leaves" in learner_parameters("TableClassifier"), learner_parameters("my_package.MyClassifier")
(True, None)
"""

from __future__ import annotations

import importlib
import inspect
import re
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

LEARNER_ROOMS: Mapping[str, str] = {
    "ChurnClassifier": "custintel.learners",
    "ChurnSurvival": "custintel.learners",
    "CreditScorecard": "custintel.credit",
    "FraudDetector": "custintel.fraud",
    "OfferPropensity": "custintel.learners",
    "TableClassifier": "custintel.learners",
    "TableRegressor": "custintel.learners",
    "TierForecast": "custintel.value",
    "UpliftModel": "custintel.learners",
    "ValueModel": "custintel.value",
    "ValueTiers": "custintel.value",
}
"""The learners of the library, and the room of each."""

DEFAULT_LEARNERS: Mapping[str, str] = {
    "yes_no": "TableClassifier",
    "class": "TableClassifier",
    "amount": "TableRegressor",
    "duration": "ChurnSurvival",
    "response": "OfferPropensity",
    "experiment": "UpliftModel",
}
"""The learner of a question that names none, by its type."""

_SET_BY_TRAINING = frozenset({"monotone", "random_state", "n_jobs"})
_OWN_CLASS = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+", re.ASCII)


def is_own_class(name: str) -> bool:
    """Whether a name is that of a class of the user's own: its package, a dot, and the class.

    >>> is_own_class("my_package.MyClassifier"), is_own_class("MyClassifier")
    (True, False)
    """
    return _OWN_CLASS.fullmatch(name) is not None


@cache
def learner_parameters(name: str) -> tuple[str, ...] | None:
    """The parameters of a learner that a model file may give; None where they are not known here."""
    learner = None if name not in LEARNER_ROOMS else getattr(importlib.import_module(LEARNER_ROOMS[name]), name, None)
    if learner is None:
        return None
    return tuple(one for one in inspect.signature(learner).parameters if one not in _SET_BY_TRAINING)

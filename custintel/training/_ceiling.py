"""The ceiling that a model of a simulated operator can be held against."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from custintel.artifact import Model, load_model

__all__ = ["p_observable"]


def p_observable() -> Model:
    """The best churn model that sees only the tables: fitted on ten simulated operators, stored with the release.

    A model of one simulated operator is judged by what it lacks to this one; ``wh.truth["p_state"]`` knows the hidden
    causes as well and is never a goal. It holds for the shipped features and the default simulator; the script that
    fitted it is ``experiments/simulator_quality.py``.

    Raises
    ------
    ModelError
        When the stored model is missing or damaged.

    Examples
    --------
    >>> "tenure_days" in p_observable().feature_names
    True
    """
    return load_model(Path(str(resources.files("custintel.simulate"))) / "p_observable")

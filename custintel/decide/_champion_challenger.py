"""The loop's last step: a challenger takes the champion's place only when it is surely better.

>>> champion = Champion("1")
>>> champion.version
'1'
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pandas as pd

if TYPE_CHECKING:
    from pathlib import Path

    from custintel.decide._off_policy_evaluation import PolicyComparison


class ChallengeResult(NamedTuple):
    """Whether a challenger was promoted, and why."""

    promoted: bool
    version: str
    why: str


class Champion:
    """The policy in charge, and all challenges to it.

    Parameters
    ----------
    version : str
        Version of the policy in charge.
    model : str, optional
        Name of the model in MLflow's registry: its alias ``champion`` follows.
    store : str or Path, optional
        MLflow store; as in `custintel.train`.

    Examples
    --------
    >>> champion = Champion("1")
    >>> champion.version, len(champion.history)  # nobody has challenged it yet
    ('1', 0)
    """

    def __init__(self, version: str, model: str | None = None, store: str | Path | None = None) -> None:
        self.version = version
        self.model = model
        self.store = store
        self._challenges: list[dict[str, object]] = []

    def challenge(self, version: str, comparison: PolicyComparison, min_gain: float = 0.0) -> ChallengeResult:
        """Promote the challenger if the lower bound of its gain is above `min_gain`.

        Parameters
        ----------
        version : str
            Version of the challenger.
        comparison : PolicyComparison
            Challenger against the policy in charge (`compare_policies`).
        min_gain : float
            Gain for each decision that makes a change worth while.

        Returns
        -------
        Verdict
            Promoted or not, the version in charge from now on, and why.
        """
        won = not comparison.refused and comparison.low > min_gain
        why = _reason(comparison, min_gain)
        if won and self.model is not None:
            promote_version(self.model, version, self.store)
        self._challenges.append(
            {
                "champion": self.version,
                "challenger": version,
                "difference": comparison.difference,
                "low": comparison.low,
                "high": comparison.high,
                "promoted": won,
                "why": why,
            }
        )
        if won:
            self.version = version
        return ChallengeResult(won, self.version, why)

    @property
    def history(self) -> pd.DataFrame:
        """All challenges, oldest first."""
        return pd.DataFrame(self._challenges)


def promote_version(model: str, version: str, store: str | Path | None = None) -> None:
    """Give a version of a registered model the alias ``champion`` in MLflow.

    Parameters
    ----------
    model : str
        Name in the registry.
    version : str
        Its version there.
    store : str or Path, optional
        MLflow store; the environment's, or ``mlflow.db`` in the working folder, when None.

    Raises
    ------
    ModelError
        There is no such model or version.
    """
    from custintel.errors import ModelError
    from custintel.training.mlflow_store import open_store, store_uri

    with open_store(store) as mlflow:
        try:
            mlflow.MlflowClient().set_registered_model_alias(model, "champion", version)
        except mlflow.exceptions.MlflowException as error:
            raise ModelError(
                f"version {version} of {model} was not promoted: {error.message}\n  given: store {store_uri(store)}"
            ) from error


def _reason(comparison: PolicyComparison, min_gain: float) -> str:
    if comparison.refused:
        return f"no answer: {', '.join(comparison.refused)}"
    gain = f"{comparison.difference:+.4g} a decision ({comparison.low:+.4g} to {comparison.high:+.4g})"
    return f"{gain}; the lower bound is {'above' if comparison.low > min_gain else 'not above'} {min_gain:g}"

"""`ChurnClassifier` is `TableClassifier` under the name of its question: same parameters, same answers, own files."""

from __future__ import annotations

import inspect
import json
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from custintel.artifact import Model
from custintel.learners import ChurnClassifier, TableClassifier

if TYPE_CHECKING:
    from pathlib import Path

_RNG = np.random.default_rng(3)
TABLE = pd.DataFrame({"bill": _RNG.gamma(2, 10, 300), "plan": _RNG.choice(["S", "M"], 300)})
LEFT = (_RNG.random(300) < np.where(TABLE["bill"] > 20, 0.7, 0.2)).astype(int)


def test_it_answers_as_a_table_classifier_does() -> None:
    churn, table = (kind(effort="fast").fit(TABLE, LEFT) for kind in (ChurnClassifier, TableClassifier))
    np.testing.assert_array_equal(churn.predict_proba(TABLE), table.predict_proba(TABLE))
    pd.testing.assert_frame_equal(churn.contributions(TABLE), table.contributions(TABLE))


def test_it_takes_the_same_parameters_and_can_be_cloned() -> None:
    assert inspect.signature(ChurnClassifier) == inspect.signature(TableClassifier)
    assert type(clone(ChurnClassifier(leaves=7))) is ChurnClassifier
    assert clone(ChurnClassifier(leaves=7)).leaves == 7


@pytest.mark.parametrize("kind", [ChurnClassifier, TableClassifier])
def test_a_saved_model_comes_back_as_the_class_it_was(kind: type[TableClassifier], tmp_path: Path) -> None:
    model = kind(effort="fast").fit(TABLE, LEFT)
    folder = Model("churn", model).save(tmp_path / "model")
    assert json.loads((folder / "model.json").read_text())["estimator"]["class"] == kind.__name__
    again = Model.load(folder).estimator
    assert type(again) is kind
    np.testing.assert_array_equal(again.predict_proba(TABLE), model.predict_proba(TABLE))

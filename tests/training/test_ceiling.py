"""The stored ceiling loads and can score what the catalogue builds today."""

from __future__ import annotations

from custintel import FeatureBuilder
from custintel.training.evaluate_model import p_observable


def test_the_stored_ceiling_reads_only_features_of_the_catalogue() -> None:
    known = set(FeatureBuilder().describe()["column"])
    assert set(p_observable().feature_names) <= known

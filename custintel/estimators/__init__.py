"""Estimators with the scikit-learn interface."""

from __future__ import annotations

from custintel.estimators._churn import ChurnClassifier

__all__ = ["ChurnClassifier"]

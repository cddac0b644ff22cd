"""Training: out-of-time split, leak check, tuning, judgement, MLflow."""

from __future__ import annotations

from custintel.training._train import train
from custintel.training._training_run import Run

__all__ = ["Run", "train"]

"""Training: out-of-time split, leak check, tuning, judgement, MLflow."""

from __future__ import annotations

from custintel.training._run import Run
from custintel.training._train import train

__all__ = ["Run", "train"]

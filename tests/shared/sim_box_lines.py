"""Lines among which SIM boxes hide, and rule bases whose rules are active."""

from __future__ import annotations

import numpy as np
import pandas as pd

from custintel import RuleBase


def lines(rows: int = 3000, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(
        {
            "calls": rng.gamma(2, 20, rows).round(),
            "cells": rng.integers(1, 40, rows).astype(float),
            "texts": rng.poisson(8, rows).astype(float),
            "plan": rng.choice(["S", "M"], rows),
        }
    )
    y = ((X["calls"] > 70) & (X["cells"] <= 8) & (rng.random(rows) < 0.9)).astype(int).to_numpy()
    return X.mask(rng.random(X.shape) < 0.02), y


def active(*rules: tuple[str, str]) -> RuleBase:
    base = RuleBase()
    for name, when in rules:
        base.propose(name, when)
        base.shadow(name, by="me", reason="a test")
        base.activate(name, by="me", reason="a test")
    return base

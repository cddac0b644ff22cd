"""A small campaign whose truth is known: customers, three actions, expected outcome of each."""

from __future__ import annotations

import numpy as np
import pandas as pd

ACTIONS = ["none", "sms", "discount"]


class Bandit:
    """Customers with features and the true expected outcome of each action for each of them."""

    def __init__(self, customers: int, seed: int, money: bool = False) -> None:
        self.rng = np.random.default_rng(seed)
        index = pd.Index([f"C{i}" for i in range(customers)], name="customer_id")
        self.features = pd.DataFrame(self.rng.normal(size=(customers, 3)), index, ["age", "use", "bill"])
        age, use = self.features["age"].to_numpy(), self.features["use"].to_numpy()
        logit = np.column_stack([-1.5 + 0.5 * age, -1.3 + 0.7 * age, -1.4 + 1.2 * use])
        chance = 1 / (1 + np.exp(-logit))
        self.value = np.exp(3 + self.features["bill"].to_numpy()) if money else np.ones(customers)
        self.truth = pd.DataFrame(chance * self.value[:, None], index, ACTIONS)

    def soft(self, score: pd.DataFrame, sharpness: float) -> pd.DataFrame:
        """A policy that prefers higher scores but leaves each action a chance."""
        power = np.exp(sharpness * (score - score.max(axis=1).to_numpy()[:, None]))
        return power.div(power.sum(axis=1), axis=0)

    def log(self, policy: pd.DataFrame) -> pd.DataFrame:
        """Decisions drawn from a policy, and their outcomes."""
        edge = policy.to_numpy().cumsum(axis=1)
        drawn = (self.rng.random(len(policy))[:, None] > edge).sum(axis=1).clip(max=2)
        rows = np.arange(len(policy))
        chance = self.truth.to_numpy()[rows, drawn] / self.value
        outcome = (self.rng.random(len(policy)) < chance) * self.value
        table = pd.DataFrame({"action": np.array(ACTIONS)[drawn], "outcome": outcome}, index=policy.index)
        table["propensity"] = policy.to_numpy()[rows, drawn]
        return table.join(policy.add_prefix("propensity_"))

    def value_of(self, policy: pd.DataFrame) -> float:
        """True mean outcome of a policy."""
        return float((policy * self.truth).sum(axis=1).mean())

"""The list of devices: every device that a line has had, with a model that can do what the line's records show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from custintel.simulate._arrays import Bools, Ints

__all__ = ["DEVICES_A_LINE", "KINDS", "MAKERS", "Models", "choose_models", "make_models"]

DEVICES_A_LINE = 12
KINDS = ("smartphone", "feature_phone", "router", "machine")
MAKERS = ("Arbor", "Boreal", "Cirrus", "Delta", "Elm")
MAKER_SHARES = (0.34, 0.26, 0.20, 0.12, 0.08)
YEARS = ((10.0, 18.0), (7.0, 14.0), (2.0, 9.0), (0.2, 5.0))  # before the start, by technology 2G to 5G [A]
MODELS = 30  # of each technology
ROUTER, MACHINE = 10, 17  # which of the models are no phones: about three devices in a hundred [A]
DUAL_SIM = (0.35, 0.30, 0.45, 0.55)  # [A]


@dataclass(frozen=True)
class Models:
    """Models by technology: arrays (4, MODELS), the newest first."""

    maker: Ints
    kind: Ints
    launch: Ints  # days since the start, negative
    dual_sim: Bools


def make_models(rng: np.random.Generator) -> Models:
    """Draw the models on the market."""
    shape = (len(YEARS), MODELS)
    low, high = np.array(YEARS).T
    years = np.sort(rng.uniform(low[:, None], high[:, None], shape), axis=1)
    kind = np.zeros(shape, dtype=np.int64)
    kind[0] = KINDS.index("feature_phone")  # 2G phones are no smartphones
    kind[:, ROUTER], kind[:, MACHINE] = KINDS.index("router"), KINDS.index("machine")
    return Models(
        maker=rng.choice(len(MAKERS), shape, p=MAKER_SHARES),
        kind=kind,
        launch=-np.ceil(years * 365.25).astype(np.int64),
        dual_sim=rng.random(shape) < np.array(DUAL_SIM)[:, None],
    )


def choose_models(number: Ints, rng: np.random.Generator) -> Ints:
    """Model of each device among those of its technology: a line's later devices are newer."""
    newest = MODELS * rng.beta(1.0, 1.6 + 0.4 * np.minimum(number, 5))
    return np.minimum(newest.astype(np.int64), MODELS - 1)

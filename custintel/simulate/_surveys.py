"""Surveys: who is asked, who answers, and what: the score follows satisfaction, and so does the answering."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from custintel.simulate._arrays import Floats, Ints
    from custintel.simulate._config import SurveyConfig
    from custintel.simulate._dynamics import Weekly

__all__ = ["CHANNELS", "Answers", "ask"]

CHANNELS, CHANNEL_SHARES = ("sms", "app", "email", "call", "web"), (0.40, 0.25, 0.20, 0.10, 0.05)


@dataclass(frozen=True)
class Answers:
    """Answers of one week."""

    line: Ints
    second: Ints
    score: Ints
    channel: Ints


def ask(week: Weekly, config: SurveyConfig, rng: np.random.Generator) -> Answers:
    """Ask some of the active lines; most do not answer, the dissatisfied even less."""
    n = len(week.active)
    memory = week.memory
    asked = week.active & (rng.random(n) < config.a_year / 52)
    answers = rng.random(n) < answer_chance(memory.satisfaction, config)
    line = np.flatnonzero(asked & answers)
    mood = config.satisfaction * memory.satisfaction[line] - config.complaint * memory.complaint[line]
    score = np.rint(config.mean + mood + config.noise * rng.normal(size=len(line)))
    day = 7 * week.week + rng.integers(0, 7, len(line))
    return Answers(
        line=line,
        second=day * 86_400 + rng.integers(9 * 3600, 21 * 3600, len(line)),
        score=np.clip(score, 0, 10).astype(np.int64),
        channel=rng.choice(len(CHANNELS), len(line), p=CHANNEL_SHARES),
    )


def answer_chance(satisfaction: Floats, config: SurveyConfig) -> Floats:
    """Chance that somebody who is asked answers."""
    return np.asarray(1 / (1 + np.exp(-config.answer - config.answer_satisfaction * satisfaction)))

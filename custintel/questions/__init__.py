"""A question about the days after a date: who is asked, what counts as the outcome, what is not known yet."""

from __future__ import annotations

from custintel.questions._dormancy import choose_dormancy
from custintel.questions._exit_times import exit_times
from custintel.questions.outcome import Outcome
from custintel.questions.outcome_labels import outcome_labels

__all__ = ["Outcome", "choose_dormancy", "exit_times", "outcome_labels"]

"""A question about the days after a date: who is asked, what counts as the outcome, what is not known yet."""

from __future__ import annotations

from custintel.questions._dormancy import choose_dormancy
from custintel.questions._exit_times import exit_times
from custintel.questions._outcome import ChurnDefinition
from custintel.questions.label_churn import churn_labels

__all__ = ["ChurnDefinition", "choose_dormancy", "churn_labels", "exit_times"]

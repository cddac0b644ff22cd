"""Labels: the same question as a feature, asked about the days after the date.

Definitions (all by event time; labels may look at the future, features may not):

- *Postpaid churn*: the first request to end the line or to port its number out (``terminations`` with cause
  ``voluntary`` or ``port_out``) in (s + gap, s + gap + horizon].
- *Prepaid churn*: the first day of a run of at least ``dormancy_days`` days without an outgoing or chargeable event
  (outgoing call or text, data, top-up) in (s + gap, s + gap + horizon], or such a request if it comes earlier.
- *Not churn* (label 0): ``migration``, ``number_change``, ``sim_swap``, ``transfer``, and ``death``.
- *Involuntary* exits (fraud, non-payment) are another cause: the label is missing, the cause says ``involuntary``.
- *Population*: lines in service and active in the last days up to s. Those who leave by s + gap are left out:
  no campaign could reach them.
- *Censored*: when the data end too early to tell, every label of that date (and billing type) is missing, also for
  those seen to churn, because their share among the known would be wrong.

>>> ChurnDefinition(horizon_days=90).days_needed("prepaid")
135
"""

from __future__ import annotations

from custintel.labels._churn import churn_labels, churn_population, label_dates
from custintel.labels._definition import ChurnDefinition
from custintel.labels._dormancy import dormancy_curve
from custintel.labels._dormancy_choice import DormancyChoice, choose_dormancy
from custintel.labels._exits import exit_times, months_between
from custintel.labels._margin import monthly_margin, value_name
from custintel.labels._roll_rates import ARREARS_STAGES, arrears_stages, roll_rates
from custintel.labels._value_windows import future_margin, margin_columns, past_value

__all__ = [
    "ARREARS_STAGES",
    "ChurnDefinition",
    "DormancyChoice",
    "arrears_stages",
    "choose_dormancy",
    "churn_labels",
    "churn_population",
    "dormancy_curve",
    "exit_times",
    "future_margin",
    "label_dates",
    "margin_columns",
    "monthly_margin",
    "months_between",
    "past_value",
    "roll_rates",
    "value_name",
]

"""Metrics of customer models: ranking, calibration, profit, uplift, survival, stability, and how sure a value is.

Every metric takes the outcomes first and the scores second, ``(y_true, y_score)``, as in scikit-learn; outcomes are 0
and 1, and a higher score means that the event is more likely. Metrics return a float, tables return a DataFrame, and
displays draw a curve with matplotlib in the manner of scikit-learn. Uplift metrics take the predicted uplift and who
was treated; survival metrics take the months observed and whether the customer left. `bootstrap_interval` gives any
metric a 95 % interval.

>>> y_true, y_score = [0, 1, 0, 1, 0, 0], [0.1, 0.9, 0.3, 0.6, 0.2, 0.7]
>>> round(lift_score(y_true, y_score, at=0.5), 2), gini(y_true, y_score)
(2.0, 0.75)
>>> gain_table(y_true, y_score, n_bins=2)[["customers", "targets", "gain"]]
   customers  targets  gain
0          3        2   1.0
1          3        0   1.0
"""

from __future__ import annotations

from custintel.metrics._displays import GainDisplay, LiftDisplay, ProfitDisplay, QiniDisplay, ReliabilityDisplay
from custintel.metrics._gain_tables import decile_table, gain_table, swap_set
from custintel.metrics._population_stability import csi, psi
from custintel.metrics._survival_metrics import (
    concordance_index,
    integrated_brier_score,
    kaplan_meier,
    survival_calibration,
)
from custintel.metrics._uplift_metrics import compare_uplift, qini_curve, qini_score, uplift_at, uplift_table
from custintel.metrics.calibration import calibration_table, ece_score
from custintel.metrics.campaign_profit import empc, empc_score, profit_curve
from custintel.metrics.confidence_intervals import bootstrap_interval
from custintel.metrics.discrimination import gini, ks_score, lift_score
from custintel.metrics.individual_profit import Campaign, best_campaign, contact_value, empc_individual

__all__ = [
    "Campaign",
    "GainDisplay",
    "LiftDisplay",
    "ProfitDisplay",
    "QiniDisplay",
    "ReliabilityDisplay",
    "best_campaign",
    "bootstrap_interval",
    "calibration_table",
    "compare_uplift",
    "concordance_index",
    "contact_value",
    "csi",
    "decile_table",
    "ece_score",
    "empc",
    "empc_individual",
    "empc_score",
    "gain_table",
    "gini",
    "integrated_brier_score",
    "kaplan_meier",
    "ks_score",
    "lift_score",
    "profit_curve",
    "psi",
    "qini_curve",
    "qini_score",
    "survival_calibration",
    "swap_set",
    "uplift_at",
    "uplift_table",
]

"""Metrics of customer models: ranking, calibration, profit, uplift, survival, stability, and how sure a value is.

Every metric takes the outcomes first and the scores second, ``(y_true, y_score)``, as in scikit-learn; outcomes are 0
and 1, and a higher score means that the event is more likely. Metrics return a float, tables return a DataFrame, and
displays draw a curve with matplotlib in the manner of scikit-learn. Uplift metrics take the predicted uplift and who
was treated; survival metrics take the months observed and whether the customer left. Profit metrics know the value of a
kept customer and the costs of offer and contact.

>>> y_true, y_score = [0, 1, 0, 1, 0, 0], [0.1, 0.9, 0.3, 0.6, 0.2, 0.7]
>>> round(lift_score(y_true, y_score, at=0.5), 2), ks_score(y_true, y_score)
(2.0, 0.75)
>>> decile_table([1, 0] * 10, range(20))["customers"].tolist()
[2, 2, 2, 2, 2, 2, 2, 2, 2, 2]
"""

from __future__ import annotations

from custintel.metrics._displays import GainDisplay, LiftDisplay, ProfitDisplay, QiniDisplay, ReliabilityDisplay
from custintel.metrics._population_stability import csi, psi
from custintel.metrics.calibration import ece_score
from custintel.metrics.campaign_profit import empc_score
from custintel.metrics.discrimination import ks_score, lift_score
from custintel.metrics.gain_tables import decile_table, swap_set
from custintel.metrics.individual_profit import best_campaign, contact_value, empc_individual
from custintel.metrics.survival_metrics import concordance_index, integrated_brier_score
from custintel.metrics.uplift_metrics import qini_score, uplift_table

__all__ = [
    "GainDisplay",
    "LiftDisplay",
    "ProfitDisplay",
    "QiniDisplay",
    "ReliabilityDisplay",
    "best_campaign",
    "concordance_index",
    "contact_value",
    "csi",
    "decile_table",
    "ece_score",
    "empc_individual",
    "empc_score",
    "integrated_brier_score",
    "ks_score",
    "lift_score",
    "psi",
    "qini_score",
    "swap_set",
    "uplift_table",
]

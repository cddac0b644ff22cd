"""Metrics of customer models: ranking, calibration, money, stability, and how sure they are."""

from __future__ import annotations

from custintel.metrics._bootstrap import Interval, bootstrap_interval, metric_bounds
from custintel.metrics._calibration import CalibrationLine, brier, calibration_line, calibration_table, ece_score
from custintel.metrics._campaign import (
    Campaign,
    best_campaign,
    contact_value,
    empc_individual,
    money_column,
    profit_scorer,
)
from custintel.metrics._discrimination import auc, average_precision, gini, ks_score, lift_score, max_lift
from custintel.metrics._displays import GainDisplay, LiftDisplay, ProfitDisplay, QiniDisplay, ReliabilityDisplay
from custintel.metrics._event import event_of, event_probability
from custintel.metrics._profit import Empc, constant_policy_profit, empc, empc_score, profit_curve
from custintel.metrics._share import wilson
from custintel.metrics._stability import csi, psi
from custintel.metrics._survival import (
    brier_survival,
    concordance_index,
    integrated_brier_score,
    kaplan_meier,
    survival_calibration,
)
from custintel.metrics._swap import swap_set
from custintel.metrics._tables import decile_table, gain_table
from custintel.metrics._uplift import Comparison, Qini, compare_uplift, qini_curve, qini_score, uplift_at, uplift_table

__all__ = [
    "CalibrationLine",
    "Campaign",
    "Comparison",
    "Empc",
    "GainDisplay",
    "Interval",
    "LiftDisplay",
    "ProfitDisplay",
    "Qini",
    "QiniDisplay",
    "ReliabilityDisplay",
    "auc",
    "average_precision",
    "best_campaign",
    "bootstrap_interval",
    "brier",
    "brier_survival",
    "calibration_line",
    "calibration_table",
    "compare_uplift",
    "concordance_index",
    "constant_policy_profit",
    "contact_value",
    "csi",
    "decile_table",
    "ece_score",
    "empc",
    "empc_individual",
    "empc_score",
    "event_of",
    "event_probability",
    "gain_table",
    "gini",
    "integrated_brier_score",
    "kaplan_meier",
    "ks_score",
    "lift_score",
    "max_lift",
    "metric_bounds",
    "money_column",
    "profit_curve",
    "profit_scorer",
    "psi",
    "qini_curve",
    "qini_score",
    "survival_calibration",
    "swap_set",
    "uplift_at",
    "uplift_table",
    "wilson",
]

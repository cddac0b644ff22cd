"""Metrics of customer models: ranking, calibration, money, stability, and how sure they are."""

from __future__ import annotations

from custintel.metrics._displays import GainDisplay, LiftDisplay, ProfitDisplay, QiniDisplay, ReliabilityDisplay
from custintel.metrics._population_stability import csi, psi
from custintel.metrics._uplift_metrics import qini_score, uplift_table
from custintel.metrics.calibration import ece_score
from custintel.metrics.campaign_profit import empc_score
from custintel.metrics.discrimination import gini, ks_score, lift_score
from custintel.metrics.gain_tables import decile_table, swap_set
from custintel.metrics.individual_profit import best_campaign, contact_value, empc_individual
from custintel.metrics.survival_metrics import concordance_index, integrated_brier_score

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
    "gini",
    "integrated_brier_score",
    "ks_score",
    "lift_score",
    "psi",
    "qini_score",
    "swap_set",
    "uplift_table",
]

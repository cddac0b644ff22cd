"""Training: out-of-time split, leak check, tuning, judgement, MLflow."""

from __future__ import annotations

from custintel.training._ceiling import p_observable
from custintel.training._identity import Identity, identity_to_score
from custintel.training._leakage import Leak, find_leaks
from custintel.training._material import churn_definition, in_population
from custintel.training._run import Run
from custintel.training._store import open_store, store_uri
from custintel.training._table import Table, find_column, read_table
from custintel.training._tracking import fetch_report
from custintel.training._train import train
from custintel.training._value_backtest import ValueBacktest, backtest_value
from custintel.training._value_training import fit_value_model

__all__ = [
    "Identity",
    "Leak",
    "Run",
    "Table",
    "ValueBacktest",
    "backtest_value",
    "churn_definition",
    "fetch_report",
    "find_column",
    "find_leaks",
    "fit_value_model",
    "identity_to_score",
    "in_population",
    "open_store",
    "p_observable",
    "read_table",
    "store_uri",
    "train",
]

"""Training: from an operator's tables, or one flat table, to a model that was evaluated on rows it had not seen.

`train` reads a question from ``models/``, builds a dataset of features and labels, splits it in time (experiments by
customer, rings of fraud on one side), leaves out columns that are consequences of the label, searches for better
parameters where that is worth its time or asked for, fits the learner through its adapter, and evaluates it on the rows
held back. What comes out is a `Run`: the model, its evaluation, its metrics with intervals, and the report.
With ``tracking=True`` the run is also written to MLflow. `ask` counts rows, events and what is not known yet before
anything is trained.

>>> import pandas as pd
>>> table = pd.DataFrame({"bill": [7 * i % 60 for i in range(60)], "left": ["no", "yes"] * 30})
>>> run = train("churn", table=table, target="left", tracking=False)
>>> run.model.feature_names, sorted(run.metrics)
(['bill'], ['auc', 'average_precision', 'brier', 'ece', 'empc', 'lift_10'])
"""

from __future__ import annotations

from custintel.training._ask import ask
from custintel.training._train import train
from custintel.training._training_run import Run

__all__ = ["Run", "ask", "train"]

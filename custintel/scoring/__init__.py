"""Batch scoring: a list of customers with their scores and the reasons for them, ready for a scheduler.

`score` takes a model (an object, a folder, or an MLflow address) and a warehouse or a flat table. It builds only the
columns that the model reads, and returns one row for each customer of the model's population: the columns of its
learner, decile, reasons in two languages, and the action. The list can be written to a file, whole or not at all; with
one thread the same input gives the same bytes.

>>> import pandas as pd
>>> from custintel import train
>>> table = pd.DataFrame({"bill": [7 * i % 60 for i in range(60)], "left": ["no", "yes"] * 30})
>>> model = train("churn", table=table, target="left", tracking=False).model
>>> score(model, table=table)[["customer_id", "probability", "decile"]].shape
(60, 3)
"""

from __future__ import annotations

from custintel.scoring._batch_score import score

__all__ = ["score"]

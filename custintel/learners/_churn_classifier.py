"""`ChurnClassifier`: `TableClassifier` with the defaults for churn."""

from __future__ import annotations

from custintel.learners._table_classifier import TableClassifier


class ChurnClassifier(TableClassifier):
    """Probability that a customer leaves: `TableClassifier` with the defaults for churn.

    Its parameters, attributes and methods are those of `TableClassifier`, whose own defaults were chosen on churn
    tables; a model of this class says in its file that it is about churn. For any other yes-or-no target use
    `TableClassifier`.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"plan": ["S", "M"] * 30, "bill": range(60)})
    >>> left = (table["bill"] < 30).map({True: "yes", False: "no"})
    >>> model = ChurnClassifier(effort="fast").fit(table, left)
    >>> model.predict(table.iloc[[0, 59]]).tolist()
    ['yes', 'no']
    """

"""Explanations: exact SHAP values of tree models, and the reasons for a score in words.

`tree_shap` returns the contributions of a LightGBM booster in the form that the shap package plots. `reasons` adds the
contributions of a model up by reason group, leaves out what is common to a customer's peer group, and writes the
largest groups as sentences in English and Chinese. What has ``contributions(X)`` and ``metadata`` can be explained.

>>> import pandas as pd
>>> class Model:
...     features = [{"column": "silent_days", "about": "Days without a call", "unit": "d"}]
...     metadata = {"name": "churn", "features": features}
...     def contributions(self, X):
...         return X - 1.0
>>> reasons(Model(), pd.DataFrame({"silent_days": [21.0]}), top=1)["reason_1_en"].tolist()
['Days without a call: 21 days, raises the risk']
"""

from __future__ import annotations

from custintel.explain._tree_shap import tree_shap
from custintel.explain.reason_codes import reasons

__all__ = ["reasons", "tree_shap"]

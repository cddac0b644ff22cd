"""The ensemble behind `TableClassifier`: boosted trees and a logistic regression, blended and calibrated.

An encoded matrix (`FeatureContract.encode`), the outcome and a `FitPlan` come in; an `Ensemble` and its `Calibration`
go out. Each step has its module: how much to try (`_effort`), inner folds, boosted candidates, the linear part, sums of
columns that belong together, drift along the order of the rows, blending and calibration. `lightgbm_boosters` serves
the other learners; `lightgbm_text` reads and checks the text of a LightGBM model.

>>> import numpy as np
>>> from custintel.learners.ensemble.inner_folds import fold_of_rows
>>> np.bincount(fold_of_rows(np.array([0, 0, 1, 1, 0, 1]), 3, groups=None, random_state=0)).tolist()
[2, 2, 2]
"""

from __future__ import annotations

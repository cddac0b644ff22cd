"""Feature frames are the same: rows, columns, texts, and numbers within a tolerance."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd


def assert_same(left: pd.DataFrame, right: pd.DataFrame, rtol: float = 1e-9, atol: float = 1e-12) -> None:
    assert list(left.index) == list(right.index)
    assert list(left.columns) == list(right.columns)
    for column in left:
        a, b = left[column], right[column]
        if a.dtype == "category":
            assert a.astype(object).fillna("").equals(b.astype(object).fillna("")), column
        else:
            np.testing.assert_allclose(a, b, rtol=rtol, atol=atol, err_msg=str(column))

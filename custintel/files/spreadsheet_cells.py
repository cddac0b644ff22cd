"""Escape text that a spreadsheet would run as a formula when CSV files are written, and restore it when they are read.

A text that begins with ``=``, ``+``, ``-``, ``@`` (their full-width forms too), a tab or a line break gets an
apostrophe in front; so does one that has apostrophes before such a sign already, which makes the way back exact.
Numbers are untouched. The signs are those of OWASP, "CSV Injection".
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Callable


_SIGNS = r"[=+@\t\r\n＝＋－＠-]"
ESCAPED_FORMULA = f"^'('*{_SIGNS})"
"""Regular expression of a text that was escaped; its group is the text itself."""
_FORMULA, _ESCAPED = re.compile(f"'*{_SIGNS}"), re.compile(ESCAPED_FORMULA)


def escape_formula(value: object) -> object:
    """A text that no spreadsheet computes; anything else as it is.

    Examples
    --------
    >>> [escape_formula(value) for value in ("=1+1", "+447911123456", "'-x", "a-b", -5)]
    ["'=1+1", "'+447911123456", "''-x", 'a-b', -5]
    """
    return f"'{value}" if isinstance(value, str) and _FORMULA.match(value) else value


def unescape_formula(value: object) -> object:
    """What `escape_formula` was given.

    Examples
    --------
    >>> unescape_formula("'=1+1"), unescape_formula("'tis"), unescape_formula("''-x")
    ('=1+1', "'tis", "'-x")
    """
    return value[1:] if isinstance(value, str) and _ESCAPED.match(value) else value


def escape_formulas(frame: pd.DataFrame) -> pd.DataFrame:
    """A frame whose texts, names and index no spreadsheet computes; the frame given is not changed.

    Examples
    --------
    >>> escape_formulas(pd.DataFrame({"a": ["=1", "b"], "n": [-1, 2]})).to_dict("list")
    {'a': ["'=1", 'b'], 'n': [-1, 2]}
    """
    return _changed(frame, escape_formula)


def unescape_formulas(frame: pd.DataFrame) -> pd.DataFrame:
    """What `escape_formulas` was given, after it was written and read.

    Examples
    --------
    >>> unescape_formulas(pd.DataFrame({"'@a": ["'=1", "b"]})).to_dict("list")
    {'@a': ['=1', 'b']}
    """
    return _changed(frame, unescape_formula)


def _changed(frame: pd.DataFrame, change: Callable[[object], object]) -> pd.DataFrame:
    columns = [_column(frame.iloc[:, i], change) for i in range(frame.shape[1])]
    out = pd.concat(columns, axis=1) if columns else frame.copy()
    out = out.set_axis([change(name) for name in frame.columns], axis=1)
    return out.set_axis(_index(frame.index, change), axis=0)


def _column(column: pd.Series, change: Callable[[object], object]) -> pd.Series:
    if isinstance(column.dtype, pd.CategoricalDtype):
        return column.cat.rename_categories(change)
    is_text = pd.api.types.is_object_dtype(column) or pd.api.types.is_string_dtype(column)
    changed = [change(value) for value in column] if is_text else []
    return pd.Series(changed, index=column.index, dtype=column.dtype, name=column.name) if is_text else column


def _index(index: pd.Index, change: Callable[[object], object]) -> pd.Index:
    if isinstance(index, pd.MultiIndex):
        return pd.MultiIndex.from_arrays([_index(index.get_level_values(i), change) for i in range(index.nlevels)])
    is_text = pd.api.types.is_object_dtype(index) or pd.api.types.is_string_dtype(index)
    return pd.Index([change(value) for value in index], dtype=index.dtype, name=index.name) if is_text else index

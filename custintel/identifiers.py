"""Customer identifiers: text from every reader to every writer.

A number that names somebody is no quantity: ``00001`` is not ``1``, eighteen digits do not fit a float, and a blank in
the column must not turn ``447911000001`` into ``447911000001.0``. Whatever a table holds, `identifier_text` says it as
text, with ``None`` where nothing is given:

>>> import pandas as pd
>>> identifier_text(pd.Series([447911000001.0, None])).tolist()
['447911000001', None]
>>> identifier_text(pd.Series([" 00001 ", "+44 7911", ""])).tolist()
['00001', '+44 7911', None]
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from custintel.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["identifier_faults", "identifier_index", "identifier_text", "known_identifier", "may_identify"]

_KNOWN = (
    "customerid", "custid", "customernumber", "customerno", "subscriberid", "subscribernumber", "subscriptionid",
    "msisdn", "clientid", "userid", "accountid", "accountnumber", "phonenumber", "imsi",
    "客户id", "客户编号", "用户id", "用户编号", "手机号", "手机号码",
)  # fmt: skip
_WORD = re.compile(r"(^|[^a-z])(id|msisdn|imsi|phone|subscriber)([^a-z]|$)", re.IGNORECASE)
_CAMEL = re.compile(r"[a-z]I[dD]$")
_SPREADSHEET = re.compile(r"\d[.,]\d+[eE]\+\d{2,3}")  # 4.47911E+11: what a spreadsheet leaves of a long number
_EXACT = 2**53  # from here on a double cannot tell every whole number from its neighbour


def known_identifier(names: Iterable[object]) -> str | None:
    """The first of the well-known names of a customer's identifier, whatever its case and its spaces.

    >>> known_identifier(["bill", "MSISDN", "Customer ID"])
    'Customer ID'
    """
    found = {_plain(name): str(name) for name in reversed(list(names))}
    return next((found[known] for known in _KNOWN if known in found), None)


def may_identify(name: object) -> bool:
    """Whether a column of this name may hold identifiers.

    >>> [name for name in ("customerID", "line id", "prepaid", "amount_paid") if may_identify(name)]
    ['customerID', 'line id']
    """
    text = str(name).strip()
    return _plain(text) in _KNOWN or bool(_WORD.search(text) or _CAMEL.search(text))


def _plain(name: object) -> str:
    return "".join(letter for letter in str(name).lower() if letter.isalnum())


def identifier_text(values: Any, name: str = "customer_id") -> np.ndarray:
    """Identifiers as text, ``None`` where there is none; blanks around them are no part of them.

    Parameters
    ----------
    values : Series, Index, array or iterable
        Texts, whole numbers, floats that are whole (a blank made floats of them), categories.
    name : str
        What they are called, for the message.

    Returns
    -------
    numpy.ndarray of object
        ``str`` or ``None``, one for each value.

    Raises
    ------
    DataError
        Floats too large to be whole for sure, or texts like ``4.47911E+11``: two customers may have become one before
        the table came here.

    Examples
    --------
    >>> identifier_text(pd.Series([1e17]), "line")
    Traceback (most recent call last):
        ...
    custintel.errors.DataError: 'line' holds identifiers as floating-point numbers that have lost digits
      given: 1 of 1 values that are too long, or written like 4.47911E+11
      allowed: text, or whole numbers
      hint: read the column as text (pandas: dtype={'line': str}; in Excel: format the cells as text)
    """
    typed = isinstance(values, (pd.Series, pd.Index, np.ndarray, pd.api.extensions.ExtensionArray))
    series = pd.Series(values if typed else list(values), dtype=None if typed else object).reset_index(drop=True)
    texts = np.full(len(series), None, dtype=object)
    given = series.notna().to_numpy()
    if isinstance(series.dtype, pd.CategoricalDtype):
        series = series.astype(object)
    known = series[given]
    if pd.api.types.is_integer_dtype(known):
        texts[given] = known.astype(str).to_numpy(dtype=object)
    elif isinstance(known.dtype, pd.StringDtype):
        _refuse_lost(int(known.str.strip().str.fullmatch(_SPREADSHEET).sum()), len(series), name)
        texts[given] = [cell or None for cell in known.str.strip().tolist()]
    else:
        limit = _limit(known.dtype)
        _refuse_lost(sum(_lost(cell, limit) for cell in known.tolist()), len(series), name)
        texts[given] = [_text(cell) for cell in known.tolist()]
    return texts


def _text(cell: Any) -> str | None:
    """One identifier; whole numbers without a fraction."""
    if isinstance(cell, (float, np.floating)):
        return str(int(cell)) if float(cell).is_integer() else repr(float(cell))
    if isinstance(cell, Decimal):
        return format(cell.to_integral_value() if cell == cell.to_integral_value() else cell, "f")
    if isinstance(cell, bytes):
        cell = cell.decode("utf-8", errors="replace")
    return str(cell).strip() or None


def _refuse_lost(lost: int, rows: int, name: str) -> None:
    """Refuse floats that cannot be told from their neighbours."""
    if lost:
        raise DataError(
            f"{name!r} holds identifiers as floating-point numbers that have lost digits\n"
            f"  given: {lost} of {rows} values that are too long, or written like 4.47911E+11\n"
            f"  allowed: text, or whole numbers\n"
            f"  hint: read the column as text (pandas: dtype={{{name!r}: str}}; in Excel: format the cells as text)"
        )


def _lost(cell: object, limit: int) -> bool:
    if isinstance(cell, str):
        return _SPREADSHEET.fullmatch(cell.strip()) is not None
    return isinstance(cell, (float, np.floating)) and bool(abs(float(cell)) >= limit)


def _limit(dtype: Any) -> int:
    """The first whole number that a float of this type may have rounded."""
    dtype = getattr(dtype, "numpy_dtype", dtype)  # pandas' Float32, and float of Arrow
    narrow = isinstance(dtype, np.dtype) and dtype.kind == "f" and dtype.itemsize < 8
    return int(2 ** (np.finfo(dtype).nmant + 1)) if narrow else _EXACT


def identifier_index(index: pd.Index) -> pd.Index:
    """An index with its customers as text: the whole of it, or the level ``customer_id``.

    >>> identifier_index(pd.Index([7.0, 8.0], name="customer_id")).tolist()
    ['7', '8']
    """
    if not isinstance(index, pd.MultiIndex):
        return index if _is_text(index) else pd.Index(identifier_text(index), dtype=object, name=index.name)
    if "customer_id" not in index.names or _is_text(index.levels[index.names.index("customer_id")]):
        return index
    levels = [index.get_level_values(name) for name in range(index.nlevels)]
    texts = [pd.Index(identifier_text(v), dtype=object) if v.name == "customer_id" else v for v in levels]
    return pd.MultiIndex.from_arrays(texts, names=index.names)


def _is_text(index: pd.Index) -> bool:
    """Whether nothing is to be done: all are texts already, without blanks around them."""
    if not (pd.api.types.is_object_dtype(index) or pd.api.types.is_string_dtype(index)):
        return False
    return all(isinstance(cell, str) and cell == cell.strip() and cell for cell in index)


def identifier_faults(texts: np.ndarray) -> list[str]:
    """What is wrong with identifiers that should be there once each, in words with counts and without any of them.

    >>> identifier_faults(np.array(["a", "a", None, "b"], dtype=object))
    ['1 of 4 rows has no identifier', '2 of 4 rows share 1 identifier with another row']
    """
    column = pd.Series(texts, dtype=object)
    missing, shared = int(column.isna().sum()), column[column.notna() & column.duplicated(keep=False)]
    rows = f"of {len(column):,} rows"
    faults = [f"{missing:,} {rows} {'has' if missing == 1 else 'have'} no identifier"] if missing else []
    if len(shared):
        names = shared.nunique()
        faults.append(f"{len(shared):,} {rows} share {names:,} identifier{'s' * (names > 1)} with another row")
    return faults

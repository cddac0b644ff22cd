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


_KNOWN = (
    "customerid", "custid", "customernumber", "customerno", "subscriberid", "subscribernumber", "subscriptionid",
    "msisdn", "clientid", "userid", "accountid", "accountnumber", "phonenumber", "imsi",
    "客户id", "客户编号", "用户id", "用户编号", "手机号", "手机号码",
    "accountno", "imei", "iccid", "taxno", "taxnumber", "taxid",
)  # fmt: skip
_WORD = re.compile(r"(^|[^a-z])(id|msisdn|imsi|imei|iccid|phone|subscriber)([^a-z]|$)", re.IGNORECASE)
_CAMEL = re.compile(r"[a-z]I[dD]$")
_SPREADSHEET = re.compile(r"\d[.,]\d+[eE]\+\d{2,3}")  # 4.47911E+11: what a spreadsheet leaves of a long number
_LONG, _OF_ONE_LENGTH, _OWN_VALUE = 8, 0.9, 0.9  # digits; shares of the values
_FEWEST_ROWS = 50  # of fewer rows nearly all differ in any column
_DATA = re.compile(r"\d{4}|@|\d[-/.:]\d")  # numbers, addresses, days and times
_CELL = re.compile(r".*@.*|[-+]?\d+[.,]\d+|[-+]?\d{5,}|\d{1,4}[-/.]\d\d?[-/.]\d{1,4}.*")  # what no column is called
_NUMBER = re.compile(r"[-+]?\d+(\.\d+)*")
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


def are_identifiers(values: pd.Series) -> bool:
    """Whether numbers, or texts of digits, look like phone, account or device numbers, whatever their column is called.

    They do where nearly every row has its own, all are whole, and nearly all have the same number of digits, eight or
    more. Days like 20250131, amounts (most of them end in 0, or their lengths differ) and measurements do not. Texts of
    digits with leading zeros are identifiers at any length.

    >>> numbers = pd.Series(range(880000831495, 880000831595))
    >>> are_identifiers(numbers), are_identifiers(numbers.astype(str)), are_identifiers(numbers / 7)
    (True, True, False)
    """
    present = values.dropna()
    if present.empty or present.nunique() < _OWN_VALUE * len(present):
        return False
    if pd.api.types.is_bool_dtype(present.dtype):
        return False
    if pd.api.types.is_integer_dtype(present.dtype):
        return _long_numbers(present.astype(str))
    if pd.api.types.is_float_dtype(present.dtype):
        sound = (
            np.isfinite(present.to_numpy(np.float64)).all() and (present % 1 == 0).all() and present.abs().max() < 1e18
        )
        return bool(sound) and _long_numbers(present.astype("int64").astype(str))
    if pd.api.types.is_object_dtype(present.dtype) or pd.api.types.is_string_dtype(present.dtype):
        return _digit_texts(present.astype(str).str.strip())
    return False


def identify_rows(values: pd.Series) -> bool:
    """Whether a column of numbers, or of texts of digits, names the rows of its table (50 rows or more).

    >>> identify_rows(pd.Series(range(880000831495, 880000831595))), identify_rows(pd.Series([880000831495]))
    (True, False)
    """
    return bool(values.notna().sum() >= _FEWEST_ROWS) and are_identifiers(values)


def differ_in_most_rows(different: int, rows: int) -> bool:
    """Whether a column of text names the rows of its table: nearly every one of 50 rows or more has its own value.

    >>> differ_in_most_rows(95, 100), differ_in_most_rows(4, 100), differ_in_most_rows(10, 10)
    (True, False, False)
    """
    return rows >= _FEWEST_ROWS and different > _OWN_VALUE * rows


def _digit_texts(texts: pd.Series) -> bool:
    digits = texts[texts.str.fullmatch(r"\+?\d+(\.0)?")].str.removesuffix(".0").str.removeprefix("+")
    if len(digits) < _OF_ONE_LENGTH * len(texts):
        return False
    return _long_numbers(digits) or bool(digits.str.match(r"0\d").any())


def _long_numbers(digits: pd.Series) -> bool:
    """Whether whole numbers are long, of one length, and neither days nor round amounts."""
    lengths = digits.str.len()
    if lengths.lt(_LONG).mean() > 1 - _OF_ONE_LENGTH or lengths.value_counts(normalize=True).iloc[0] < _OF_ONE_LENGTH:
        return False
    days = digits.str.fullmatch(r"(19|20)\d\d(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])").mean()
    return bool(days < _OF_ONE_LENGTH and digits.str.endswith("0").mean() < 0.5)


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


def identifier_problems(texts: np.ndarray) -> list[str]:
    """What is wrong with identifiers that should be there once each, in words with counts and without any of them.

    >>> identifier_problems(np.array(["a", "a", None, "b"], dtype=object))
    ['1 of 4 rows has no identifier', '2 of 4 rows share 1 identifier with another row']
    """
    column = pd.Series(texts, dtype=object)
    missing, shared = int(column.isna().sum()), column[column.notna() & column.duplicated(keep=False)]
    rows = f"of {len(column):,} rows"
    problems = [f"{missing:,} {rows} {'has' if missing == 1 else 'have'} no identifier"] if missing else []
    if len(shared):
        names = shared.nunique()
        problems.append(f"{len(shared):,} {rows} share {names:,} identifier{'s' * (names > 1)} with another row")
    return problems


def names_of_columns(names: Iterable[object]) -> list[str]:
    """Names of columns as an error may show them: where a file has no header line they are its first customer.

    A name that looks like data is told by its place, and so is every one where `header_hint` finds no header line.

    >>> names_of_columns(["bill", "plan", "2025-01"])
    ['bill', 'plan', 'column 3']
    >>> names_of_columns(["36.69", "Smith", "u119@mail"])
    ['column 1', 'column 2', 'column 3']
    """
    texts = [str(name) for name in names]
    hidden = _no_header(texts)
    return [f"column {n}" if hidden or _DATA.search(name) else name for n, name in enumerate(texts, 1)]


def header_hint(names: Iterable[object]) -> str:
    """What to do where the names of the columns look like a row of data; empty where they look like names.

    >>> header_hint(["36.69", "Smith"])
    'the file seems to have no header line: write the names of the columns into its first line'
    """
    if not _no_header([str(name) for name in names]):
        return ""
    return "the file seems to have no header line: write the names of the columns into its first line"


def _no_header(names: list[str]) -> bool:
    """Whether one name can only be data, or a third of them are numbers."""
    numbers = sum(_NUMBER.fullmatch(name.strip()) is not None for name in names)
    return any(_CELL.fullmatch(name.strip()) for name in names) or numbers * 3 >= max(len(names), 1)

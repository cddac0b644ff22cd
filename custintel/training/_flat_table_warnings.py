"""Warnings about a flat table: what should make its reader doubt is said in notes and never repaired in silence.

Twin columns, impossible values, a base rate that was drawn, an order of rows or of identifiers that predicts the label,
and numbers that are read as text. Notes name columns and counts, never a value of a customer.

>>> import numpy as np, pandas as pd
>>> table = pd.DataFrame({"age": [31, -1, 40] * 20, "minutes": range(60), "seconds": range(0, 3600, 60)})
>>> print(*table_warnings(table, np.array([0.0, 1.0, 0.0] * 20)), sep="\\n")
'age': 20 of 60 values are impossible (less than 0): a code for missing, or an error?
'minutes' and 'seconds' say the same: one of them would do
"""

from __future__ import annotations

import re
from itertools import combinations

import numpy as np
import pandas as pd

from custintel.identifiers import identifier_text
from custintel.training._leak_check import single_column_auc

_ROWS = 20_000
_FEW = 200  # rows; below, an order predicts by chance
_EQUAL_CORRELATION = 1 - 1e-5  # correlation of numbers that are multiples of each other, rounded to cents
_BINS = 20
_SHOWN = 10  # columns in one note
_BETTER_THAN_CHANCE = 0.05
_NUMBER = re.compile(r"[-+]?(\d+([.,]\d+)?|\d{1,3}([,.' ]\d{3})+([.,]\d+)?)")
_GROUPED = re.compile(r"[-+]?\d{1,3}([,.' ]\d{3})+([.,]\d+)?")
_PLACEHOLDERS = ("-", "?", "na", "n/a", "nan", "null", "none", "unknown")
# (names, least, most) of what can be measured, in the units that such columns have
_POSSIBLE_RANGES: tuple[tuple[re.Pattern[str], float, float], ...] = tuple(
    (re.compile(rf"(^|[^a-z])({words})([^a-z]|$)", re.IGNORECASE), low, high)
    for words, low, high in (
        ("age|年龄", 0, 120),
        ("percent|percentage|pct", -100, 100),
        ("tenure|seniority|months?|days?|years?|在网时长", 0, np.inf),
        ("minutes?|mins?|seconds?|duration|calls?|sms|megabytes?|mb|gb|count|number|num", 0, np.inf),
    )
)
_DIFFERENCES = re.compile(r"change|chng|diff|delta|trend|slope|growth|since|until|变化|增", re.IGNORECASE)


def table_warnings(frame: pd.DataFrame, y: np.ndarray) -> list[str]:
    """Notes on the features `frame` of the labels `y`; a named index is looked at, too.

    Parameters
    ----------
    frame : DataFrame
        Features as read, in the order of the table.
    y : array
        0 and 1.
    """
    notes = [note for name in frame.columns for note in _column_warnings(frame[name], str(name))]
    return [
        *notes,
        *_placeholder_cells(frame),
        *_equivalent_columns(frame),
        *_balanced_sample(y),
        *_order_predicts_label(frame, y),
    ]


def _column_warnings(column: pd.Series, name: str) -> list[str]:
    if _is_of_texts(column):
        return _numbers_read_as_text(column, name)
    if pd.api.types.is_bool_dtype(column) or pd.api.types.is_datetime64_any_dtype(column):
        return []
    return _impossible(column, name)


def _is_of_texts(column: pd.Series) -> bool:
    """Neither numbers nor yes and no nor dates."""
    return not (pd.api.types.is_numeric_dtype(column) or pd.api.types.is_datetime64_any_dtype(column))


def _impossible(column: pd.Series, name: str) -> list[str]:
    """Values that nothing of this name can have."""
    bounds = next(((low, high) for names, low, high in _POSSIBLE_RANGES if names.search(_spaced(name))), None)
    if bounds is None or _DIFFERENCES.search(name):
        return []
    values = column.to_numpy(dtype=np.float64, na_value=np.nan)
    low, high = bounds
    below, above = int((values < low).sum()), int((values > high).sum())
    if not below and not above:
        return []
    said = [f"less than {low:g}"] * bool(below) + [f"more than {high:g}"] * bool(above)
    return [
        f"{name!r}: {below + above:,} of {len(values):,} values are impossible ({', '.join(said)}): "
        "a code for missing, or an error?"
    ]


def _spaced(name: str) -> str:
    """``AgeInYears`` and ``age_in_years`` as words."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)


def _numbers_read_as_text(column: pd.Series, name: str) -> list[str]:
    """A column of text that is one of numbers, but for a few cells."""
    counts = _levels(column)
    filled = counts[~counts.index.str.lower().isin(_PLACEHOLDERS)]
    cells, numbers, grouped = int(filled.sum()), _matching(filled, _NUMBER), _matching(filled, _GROUPED)
    codes = filled.index.str.match(r"^0\d").any()  # leading zeros: no numbers
    if codes or numbers == 0 or 2 * numbers < cells:
        return []
    why = f"{grouped:,} of them with a sign between thousands" if grouped else f"{cells - numbers:,} others are not"
    return [
        f"{name!r}: {numbers:,} of {cells:,} cells are numbers, {why}, so that the column is read as text with "
        f"{len(filled):,} levels: write plain numbers, and nothing where there is none",
    ]


def _levels(column: pd.Series) -> pd.Series:
    """How many cells hold each text: a level is looked at once."""
    return column.dropna().astype(str).str.strip().value_counts()


def _placeholder_cells(frame: pd.DataFrame) -> list[str]:
    """One note for all columns of text with cells that say "none" and are kept as a level."""
    cells: dict[str, int] = {}
    for name in frame.columns:
        counts = _levels(frame[name] if _is_of_texts(frame[name]) else pd.Series(dtype=object))
        cells[str(name)] = int(counts[counts.index.str.lower().isin(_PLACEHOLDERS)].sum())
    found = [f"{name!r} {count:,}" for name, count in cells.items() if count]
    shown = ", ".join(found[:_SHOWN]) + (f" and {len(found) - _SHOWN} more columns" if len(found) > _SHOWN else "")
    return [f"cells like '-', '?', 'none' or 'n/a' are taken as a value of their own: {shown}"] if found else []


def _matching(counts: pd.Series, pattern: re.Pattern[str]) -> int:
    """Number of cells whose text is of this form."""
    return int(sum(count for text, count in counts.items() if pattern.fullmatch(str(text))))


def _equivalent_columns(frame: pd.DataFrame) -> list[str]:
    """Columns that say the same: equal, renamed one to one, or a multiple of each other."""
    part = frame if len(frame) <= _ROWS else frame.iloc[np.linspace(0, len(frame) - 1, _ROWS).astype(int)]
    codes = {str(name): pd.factorize(part[name].astype(object))[0] for name in part.columns}
    codes = {name: found for name, found in codes.items() if len(np.unique(found)) > 1}
    alike = _recoded_columns(codes, frame) + _multiples(part[list(codes)])
    return [f"{one!r} and {other!r} say the same: one of them would do" for one, other in dict.fromkeys(alike)]


def _recoded_columns(codes: dict[str, np.ndarray], frame: pd.DataFrame) -> list[tuple[str, str]]:
    """Pairs whose values stand for each other; two columns of distinct numbers would always do so."""
    same: dict[bytes, list[str]] = {}
    for name, found in codes.items():
        if len(np.unique(found)) <= len(found) // 2 or not pd.api.types.is_numeric_dtype(frame[name]):
            same.setdefault(found.tobytes(), []).append(name)
    return [pair for names in same.values() for pair in combinations(names, 2)]


def _multiples(part: pd.DataFrame) -> list[tuple[str, str]]:
    """Pairs of numbers that correlate perfectly."""
    numbers = part.select_dtypes("number").astype(np.float64)
    numbers = numbers.loc[:, numbers.nunique() > 2]
    filled = numbers.notna()
    if numbers.shape[1] < 2:
        return []
    values = numbers.fillna(numbers.mean()).to_numpy()
    with np.errstate(invalid="ignore", divide="ignore"):
        alike = np.abs(np.corrcoef(values, rowvar=False)) >= _EQUAL_CORRELATION
    pairs = zip(*np.nonzero(np.triu(alike, 1)), strict=True)
    names = list(map(str, numbers.columns))
    return [(names[a], names[b]) for a, b in pairs if (filled.iloc[:, a] == filled.iloc[:, b]).all()]


def _balanced_sample(y: np.ndarray) -> list[str]:
    """A base rate that no operator has by chance: exactly one half."""
    if len(y) < 20 or 2 * y.sum() != len(y):
        return []
    return [
        "exactly one half of the rows are events: the table was probably drawn so, and probabilities are those of the "
        "table, not of the customers. With the true share of events s, the odds p / (1 - p) times s / (1 - s) are the "
        "true ones; the order of customers stays, lift, profit and thresholds do not"
    ]


def _order_predicts_label(frame: pd.DataFrame, y: np.ndarray) -> list[str]:
    """Rows, or identifiers, whose order predicts the label."""
    if len(y) < _FEW:
        return []
    notes = _order_warning(np.arange(len(y)), y, "the order of the rows", "two lists put one after the other?")
    if "customer_id" in frame.index.names:
        texts = ["" if t is None else t for t in identifier_text(frame.index.get_level_values("customer_id"))]
        rank = np.lexsort((np.array(texts), np.array([len(text) for text in texts])))
        place = np.empty(len(y), dtype=np.int64)
        place[rank] = np.arange(len(y))
        notes += _order_warning(place, y, "the order of the identifiers", "events and others numbered apart?")
    return notes


def _order_warning(place: np.ndarray, y: np.ndarray, what: str, why: str) -> list[str]:
    """A note when twentieths of the order have clearly different shares of events."""
    rare = min(y.sum(), len(y) - y.sum())
    if rare < _BINS:
        return []
    auc = single_column_auc(place * _BINS // len(y), y)
    spread = np.sqrt((1 / y.sum() + 1 / (len(y) - y.sum())) / 12)
    if auc - 0.5 < max(_BETTER_THAN_CHANCE, 5 * spread):
        return []
    return [f"{what} predicts the label (AUC {auc:.2f}, by chance 0.50): {why} Other columns may tell the same"]

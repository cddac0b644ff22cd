"""The feature frame: index, order and types as promised, what its columns mean, and how it is written to a file.

What columns mean is carried by the frame itself: ``X.attrs["custintel"]["words"]`` is one JSON text. pandas copies
``attrs`` deeply whenever a frame or a column is taken out of another: with 500 columns and 200,000 rows ``X[column]``
took 2.0 ms with a dict of dicts, 1.0 ms with a dict of lists, and 0.012 ms with a text, as without any. A text is never
copied, is compared quickly when frames are put together, and is a plain value for JSON and Parquet.

>>> from custintel.catalogue import Catalogue
>>> X = pd.DataFrame({"events_30d": [4.0], "own": [1.0]})
>>> X.attrs["custintel"] = {"words": meanings_json(Catalogue.load(topics=["usage"]).entries())}
>>> column_meanings(X[["own", "events_30d"]])[["column", "about", "unit"]]
       column                                         about    unit
0         own                                           NaN     NaN
1  events_30d  Calls, texts and data sessions, last 30 days  events
"""

from __future__ import annotations

import json
from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pandas as pd

from custintel.errors import ConfigurationError, DataError
from custintel.expressions.whitelist import AS_OF
from custintel.files.atomic_write import atomic_file, check_output_path
from custintel.files.spreadsheet_cells import escape_formulas

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Sequence
    from datetime import date

    import pyarrow as pa

    from custintel.builder._plan import Plan
    from custintel.builder.row_request import RowRequest
    from custintel.catalogue import Catalogue
    from custintel.catalogue.feature_family import Entry
    from custintel.warehouse import Warehouse


_WORDS = (
    "about",
    "about_zh",
    "unit",
    "topic",
    "family",
    "feature",
    "reason",
    "missing",
    "sensitivity",
    "window",
    "slice",
)


def meanings_json(entries: Iterable[Entry]) -> str:
    """The words of columns as one JSON text: word to values, in the order of the columns."""
    listed = list(entries)
    return json.dumps({word: [getattr(e, word) for e in listed] for word in ("column", *_WORDS)}, ensure_ascii=False)


def has_meanings(X: pd.DataFrame) -> bool:
    """Whether a frame says what its columns mean."""
    return bool(_text(X))


def column_meanings(X: pd.DataFrame, catalogue: Catalogue | None = None) -> pd.DataFrame:
    """What the columns of a feature frame mean: one row for each column that is there, in its order.

    Frames made by `FeatureBuilder.build` know it themselves, also after selecting, copying, and writing to Parquet and
    reading again. Where pandas drops ``attrs`` (CSV, `concat` of frames of different dates), give the catalogue.

    Parameters
    ----------
    X : pandas.DataFrame
        Features.
    catalogue : Catalogue, optional
        Where to look columns up instead, such as ``FeatureBuilder().catalogue``.

    Returns
    -------
    pandas.DataFrame
        column, about, about_zh, unit, topic, family, feature, reason (its reason group), missing, sensitivity, window,
        slice; a column that nothing is
        known about has its name and missing values.

    Examples
    --------
    >>> from custintel.builder import FeatureBuilder
    >>> words = column_meanings(pd.DataFrame({"tenure_days": [90.0]}), FeatureBuilder().catalogue)
    >>> words.loc[0, ["about", "unit", "family"]].tolist()
    ['Days since the customer joined', 'd', 'customer_profile']
    """
    text = meanings_json(catalogue.entries()) if catalogue is not None else _text(X)
    columns = pd.Index([str(name) for name in X.columns], name="column")
    return _table(text).reindex(columns).reset_index()


def _text(X: pd.DataFrame) -> str:
    facts = X.attrs.get("custintel")
    words = facts.get("words") if isinstance(facts, dict) else None
    return words if isinstance(words, str) else ""


@lru_cache(maxsize=8)
def _table(text: str) -> pd.DataFrame:
    given = json.loads(text) if text else {word: [] for word in ("column", *_WORDS)}
    frame = pd.DataFrame(given).set_index("column")
    return frame.astype({"window": "Int64", "missing": "Float64"})


def finish_frame(frame: pd.DataFrame, plan: Plan, row_request: RowRequest, wh: Warehouse) -> pd.DataFrame:
    """The frame of the rows asked for, from one row a date and customer in ascending order."""
    if frame.empty:
        raise DataError(f"no customer in service as of {', '.join(map(str, row_request.days))}")
    if row_request.keys is not None and row_request.index is not None:
        frame = frame.take(frame.index.get_indexer(row_request.keys)).set_axis(row_request.index)
    elif row_request.single:
        frame = frame.droplevel(AS_OF)
    elif list(row_request.days) != sorted(row_request.days):
        frame = pd.concat([frame.loc[[pd.Timestamp(day)]] for day in row_request.days])
    frame.attrs["custintel"] = _facts(plan, row_request.days, wh)
    return frame


def arrow_to_frame(table: pa.Table, plan: Plan) -> pd.DataFrame:
    """Rows of an engine as a frame: index of date and customer, numbers as floats, texts as categories."""
    texts = [e.column for e in plan.entries if e.unit == "category"]
    frame = table.to_pandas(categories=texts, date_as_object=False)
    for column in texts:
        frame[column] = frame[column].cat.set_categories(sorted(frame[column].cat.categories))
    frame[AS_OF] = frame[AS_OF].astype("datetime64[ns]")
    indexed: pd.DataFrame = frame.set_index([AS_OF, "customer_id"])
    return indexed


def concat_batches(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Frames of several batches of dates; the categories of a column of texts are those of all of them."""
    whole = pd.concat([frame.astype(dict.fromkeys(_texts(frame), object)) for frame in frames])
    for column in _texts(frames[0]):
        known = set().union(*(frame[column].cat.categories for frame in frames))
        whole[column] = pd.Categorical(whole[column], categories=sorted(known))
    index = cast("pd.MultiIndex", whole.index)
    # values only: a regular distance of dates must not become the frequency of the index
    days: Any = pd.DatetimeIndex(index.levels[0].to_numpy())
    return whole.set_axis(index.set_levels(days, level=AS_OF))


def _texts(frame: pd.DataFrame) -> list[str]:
    return [str(column) for column in frame if isinstance(frame[column].dtype, pd.CategoricalDtype)]


def _facts(plan: Plan, days: Sequence[date], wh: Warehouse) -> dict[str, object]:
    """Plain values only, so that they survive JSON and every pandas."""
    longest = max((entry.window or 0 for entry in plan.entries), default=0)
    first = wh.period[0].date()
    return {
        "as_of": [str(day) for day in days],
        "families": list(plan.family_requests),
        "skipped": dict(plan.skipped),
        "left_out": plan.left_out,
        "left_out_columns": plan.lost_to_tables,
        "short_history": [str(day) for day in days if day - timedelta(days=longest) < first - timedelta(days=1)],
        "words": meanings_json(plan.entries),
    }


_SUFFIXES = (".parquet", ".csv")


def check_features_file(out: str | os.PathLike[str]) -> Path:
    """The file to write, before any work is done for it.

    >>> check_features_file("features.parquet").name
    'features.parquet'
    """
    path = Path(out)
    if path.suffix.lower() not in _SUFFIXES or path.is_dir():
        given = path.suffix or "no suffix"
        hint = "Parquet keeps types and the words of the columns, CSV does not"
        raise ConfigurationError(
            f"cannot write features to {path}\n  given: {given}\n  allowed: {', '.join(_SUFFIXES)}\n  hint: {hint}"
        )
    return check_output_path(path)


def write_features(X: pd.DataFrame, out: str | os.PathLike[str]) -> Path:
    """Write a feature frame with its index; a reader never meets half of it.

    Parameters
    ----------
    X : pandas.DataFrame
        Features, as `FeatureBuilder.build` gives them.
    out : str or path
        A .parquet file, which keeps types and words, or a .csv file, in which texts that a spreadsheet would compute
        have an apostrophe in front.

    Examples
    --------
    >>> import tempfile
    >>> import pandas as pd
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = write_features(pd.DataFrame({"events_30d": [1.0]}, index=["a"]), f"{folder}/features.parquet")
    ...     pd.read_parquet(file).shape
    (1, 1)
    """
    path = check_features_file(out)
    with atomic_file(path) as fresh:
        if path.suffix.lower() == ".csv":
            escape_formulas(X).to_csv(fresh, date_format="%Y-%m-%d", lineterminator="\n")
        else:
            X.to_parquet(fresh, compression="zstd")
    return path

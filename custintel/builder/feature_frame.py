"""From the rows of the engine to the frame as promised: index, order, types, and what is to be known about it."""

from __future__ import annotations

import json
from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pandas as pd

from custintel.errors import ConfigurationError, DataError
from custintel.expressions.whitelist import AS_OF
from custintel.files.atomic_write import check_place, replacing_file
from custintel.files.spreadsheet_cells import defused

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Sequence
    from datetime import date

    import pyarrow as pa

    from custintel.builder._plan import Plan
    from custintel.builder.row_request import Wanted
    from custintel.catalogue import Catalogue
    from custintel.catalogue.feature_family import Entry
    from custintel.warehouse import Warehouse

# What the columns of a feature frame mean, carried by the frame itself.
#
# ``X.attrs["custintel"]["words"]`` is one JSON text. pandas copies ``attrs`` deeply whenever a frame or a column is
# taken
# out of another: with 500 columns and 200,000 rows ``X[column]`` took 2.0 ms with a dict of dicts, 1.0 ms with a dict
# of
# lists, and 0.012 ms with a text, as without words. A text is never copied, it is compared quickly when frames are
# put
# together, and it is a plain value for JSON and Parquet.
#
# >>> from custintel.catalogue import Catalogue
# >>> X = pd.DataFrame({"events_30d": [4.0], "own": [1.0]})
# >>> X.attrs["custintel"] = {"words": words_text(Catalogue.load(topics=["usage"]).entries())}
# >>> feature_words(X[["own", "events_30d"]])[["column", "about", "unit"]]
#        column                                              about    unit
# 0         own                                                NaN     NaN
# 1  events_30d  Calls, messages and data sessions, last 30 days  events


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


def words_text(entries: Iterable[Entry]) -> str:
    """The words of columns as one JSON text: word to values, in the order of the columns."""
    listed = list(entries)
    return json.dumps({word: [getattr(e, word) for e in listed] for word in ("column", *_WORDS)}, ensure_ascii=False)


def has_words(X: pd.DataFrame) -> bool:
    """Whether a frame says what its columns mean."""
    return bool(_text(X))


def feature_words(X: pd.DataFrame, catalogue: Catalogue | None = None) -> pd.DataFrame:
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
    >>> words = feature_words(pd.DataFrame({"tenure_days": [90.0]}), FeatureBuilder().catalogue)
    >>> words.loc[0, ["about", "unit", "family"]].tolist()
    ['Days since the customer joined', 'd', 'customer_profile']
    """
    text = words_text(catalogue.entries()) if catalogue is not None else _text(X)
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


def finished(frame: pd.DataFrame, plan: Plan, wanted: Wanted, wh: Warehouse) -> pd.DataFrame:
    """The frame of the rows wanted, from one row a date and customer in ascending order."""
    if frame.empty:
        raise DataError(f"no customer in service as of {', '.join(map(str, wanted.days))}")
    if wanted.keys is not None and wanted.index is not None:
        frame = frame.take(frame.index.get_indexer(wanted.keys)).set_axis(wanted.index)
    elif wanted.single:
        frame = frame.droplevel(AS_OF)
    elif list(wanted.days) != sorted(wanted.days):
        frame = pd.concat([frame.loc[[pd.Timestamp(day)]] for day in wanted.days])
    frame.attrs["custintel"] = _facts(plan, wanted.days, wh)
    return frame


def typed(table: pa.Table, plan: Plan) -> pd.DataFrame:
    """Rows of an engine as a frame: index of date and customer, numbers as floats, texts as categories."""
    texts = [e.column for e in plan.entries if e.unit == "category"]
    frame = table.to_pandas(categories=texts, date_as_object=False)
    for column in texts:
        frame[column] = frame[column].cat.set_categories(sorted(frame[column].cat.categories))
    frame[AS_OF] = frame[AS_OF].astype("datetime64[ns]")
    indexed: pd.DataFrame = frame.set_index([AS_OF, "customer_id"])
    return indexed


def concatenated(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Frames of several batches of dates; the categories of a column of texts are those of all of them."""
    whole = pd.concat([frame.astype(dict.fromkeys(_texts(frame), object)) for frame in frames])
    for column in _texts(frames[0]):
        known = set().union(*(frame[column].cat.categories for frame in frames))
        whole[column] = pd.Categorical(whole[column], categories=sorted(known))
    index = cast("pd.MultiIndex", whole.index)
    # values only: a rhythm of dates is not a property of the index
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
        "families": list(plan.questions),
        "skipped": dict(plan.skipped),
        "left_out": plan.left_out,
        "left_out_columns": plan.lost_to_tables,
        "short_history": [str(day) for day in days if day - timedelta(days=longest) < first - timedelta(days=1)],
        "words": words_text(plan.entries),
    }


# A feature table as a file.


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
    return check_place(path)


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
    with replacing_file(path) as fresh:
        if path.suffix.lower() == ".csv":
            defused(X).to_csv(fresh, date_format="%Y-%m-%d", lineterminator="\n")
        else:
            X.to_parquet(fresh, compression="zstd")
    return path

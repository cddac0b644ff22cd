"""Batch scoring: whom a model scores as of a date; what its learner says of each, why, and what to do."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from custintel.adapters.adapter import ScoringContext
from custintel.adapters.registry import adapter_of
from custintel.artifact import Model, load_model
from custintel.builder import FeatureBuilder
from custintel.dates import read_day
from custintel.errors import ConfigurationError, DataError, DateError, QualityWarning
from custintel.explain import reasons
from custintel.identifiers import header_hint, identifier_problems, identifier_text, names_of_columns
from custintel.questions.question import question_from_spec
from custintel.questions.question_labels import question_population
from custintel.scoring.write_scores import check_writable, write_scores
from custintel.training.customer_column import customer_column_for_scoring
from custintel.training.dataset import in_population, population_columns, with_extra_features
from custintel.training.mlflow_store import open_store
from custintel.training.read_table import read_table

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from custintel.dates import AsOf
    from custintel.warehouse import Warehouse


def scoring_date(wh: Warehouse, as_of: AsOf | None) -> pd.Timestamp:
    """The as-of date, by default the last day of the data; a date that the data cannot answer is refused."""
    first, last = (pd.Timestamp(date) for date in wh.period)
    if as_of is None:
        return last
    date = pd.Timestamp(read_day(as_of))
    if not first <= date <= last:
        raise DateError(
            f"the as-of date lies outside the data\n  given: {date.date()}\n"
            f"  allowed: {first.date()} to {last.date()}\n  hint: load the newer data first, or leave as_of out"
        )
    return date


def population_features(
    model: Model, wh: Warehouse, as_of: pd.Timestamp, features_path: str | Path | None
) -> tuple[pd.DataFrame, int]:
    """Features of the model's population, one row a customer, and the number of customers outside it."""
    spec: Mapping[str, Any] = model.metadata.get("spec") or {}
    population = question_population(wh, as_of, question_from_spec(spec))
    customers = population.index.get_level_values("customer_id").astype(str).sort_values()
    if customers.empty:
        raise DataError(f"nobody to score as of {as_of.date()}: no customer was active in the days before")
    X = _feature_builder(model, spec, wh, features_path).build(wh, as_of)
    X = _with_own_features(model, X, wh, as_of)
    chosen = X.loc[customers]
    chosen = chosen[in_population(chosen, spec.get("population") or {})]
    if chosen.empty:
        raise DataError(f"nobody to score as of {as_of.date()}: no active customer meets population.where")
    return chosen, len(X) - len(chosen)


def _with_own_features(model: Model, X: pd.DataFrame, wh: Warehouse, as_of: pd.Timestamp) -> pd.DataFrame:
    """The columns that the learner reads beside those of the catalogue, as of the day."""
    extra = adapter_of(model.estimator).extra_features(wh, [as_of], model.metadata.get("spec") or {})
    return X if extra is None else with_extra_features(X, extra.droplevel("as_of"))


def _feature_builder(
    model: Model, spec: Mapping[str, Any], wh: Warehouse, features_path: str | Path | None
) -> FeatureBuilder:
    """A builder of the columns that are read, as far as the tables allow; `_check_columns` names the others."""
    topics = (spec.get("features") or {}).get("topics") or None
    every = FeatureBuilder(topics, features_path, skip_unavailable=True)
    if population_columns(spec.get("population") or {}) - {entry.column for entry in every.catalogue.entries()}:
        topics = None  # the condition reads columns of other topics than the model
        every = FeatureBuilder(topics, features_path, skip_unavailable=True)
    possible = set(every.columns_of(wh))
    columns = [name for name in _columns_to_build(model, spec) if name in possible]
    return FeatureBuilder(topics, features_path, columns, skip_unavailable=True) if columns else every


def _columns_to_build(model: Model, spec: Mapping[str, Any]) -> list[str]:
    """The columns that the model, the condition on its population and its reasons (the peer column) read, each once."""
    condition = sorted(population_columns(spec.get("population") or {}))
    peer_column = model.metadata.get("peer_column")
    return list(dict.fromkeys([*model.feature_names, *condition, *([peer_column] if peer_column else [])]))


_LANGUAGES = ("en", "zh")


def score(  # noqa: PLR0913  (the public door; its keywords are the options of the command line)
    model: Model | str | Path,
    wh: Warehouse | None = None,
    *,
    as_of: AsOf | None = None,
    table: str | Path | pd.DataFrame | None = None,
    id_column: str | None = None,
    out: str | Path | None = None,
    top: int = 3,
    store: str | Path | None = None,
    features_path: str | Path | None = None,
) -> pd.DataFrame:
    """Score customers and say why.

    From a warehouse, the population of the model's specification is scored: customers in force and active in the days
    before the date. Deciles are those of the out-of-time test: decile 1 holds the scores at or above the cut-off that
    the top tenth had there, so a customer's decile does not depend on who else is in the list.

    Parameters
    ----------
    model : Model, folder or address
        A model, the folder of a saved one, or ``models:/churn@champion``.
    wh : Warehouse, optional
        The operator's tables.
    as_of : date, optional
        Day whose end the features see; the last day of the data when not given.
    table : path or DataFrame, optional
        A flat table instead of a warehouse, with the columns of the table the model was trained on.
    id_column : str, optional
        Column of the flat table that names the customer. When not given: the column that did so in training, else one
        with a well-known name (customer_id, msisdn, ...), else the labels of the frame's index, which are the row
        numbers of a file. Which one it was stands in ``attrs["custintel"]["notes"]``. Identifiers are text and stay as
        they are written: 00001 is not 1.
    out : path, optional
        ``.parquet`` or ``.csv`` file to write. A killed run leaves the former file whole. The same input gives the
        same bytes if the warehouse was opened with ``threads=1``; otherwise last digits may differ.
    top : int
        Number of reasons.
    store : str or path, optional
        MLflow store of a ``models:/`` address; as in `train`.
    features_path : path, optional
        Folder with own features.

    Returns
    -------
    DataFrame
        customer_id, as_of, model, model_version, the columns of the learner (``model.metadata["score_columns"]`` has
        their units and meanings: of a classifier the probability), decile, reason_1_en, reason_1_zh, ..., action,
        action_zh; highest first. A model that cannot explain a row by contributions has no reasons.
        ``attrs["custintel"]["skipped"]`` is the number of customers in force that are not in the population. Of a table
        every row is scored, in the list once each; rows that share an identifier, or have none, are counted in a
        `QualityWarning`.

    Examples
    --------
    >>> from custintel import train
    >>> table = pd.DataFrame({"bill": [7 * i % 60 for i in range(60)], "left": ["no", "yes"] * 30})
    >>> model = train("churn", table=table, target="left", tracking=False).model
    >>> score(model, table=table).columns[:4].tolist()
    ['customer_id', 'as_of', 'model', 'model_version']
    """
    _check_source(wh, table)
    if out is not None:
        check_writable(out)
    loaded = _loaded(model, store)
    skipped, notes = 0, list[str]()
    if wh is not None:
        date = scoring_date(wh, as_of)
        X, skipped = population_features(loaded, wh, date, features_path)
        scores = _scored(loaded, X, date, top, wh)
    else:
        X, notes = _table_rows(table, id_column, loaded)
        scores = _scored(loaded, X, None if as_of is None else pd.Timestamp(read_day(as_of)), top)
    if out is not None:
        write_scores(scores, out)
    scores.attrs["custintel"] = {"skipped": skipped, "notes": notes}
    return scores


def _check_source(wh: Any, table: Any) -> None:
    """Exactly one source."""
    if (wh is None) == (table is None):
        given = "both" if wh is not None else "neither"
        raise ConfigurationError(f"give a warehouse or a table to score\n  given: {given}\n  allowed: one of the two")


def _loaded(model: Model | str | Path, store: str | Path | None) -> Model:
    """The model itself, read from a folder, or fetched from MLflow."""
    if isinstance(model, Model):
        return model
    if not str(model).startswith(("models:/", "runs:/", "mlflow-artifacts:/")):
        return load_model(model)
    with open_store(store):
        return load_model(str(model))


def _table_rows(table: Any, id_column: str | None, model: Model) -> tuple[pd.DataFrame, list[str]]:
    """A flat table, indexed by customer, and where the customers come from."""
    recorded = model.metadata.get("id_column")
    read = read_table(table, id_column or recorded)
    who = customer_column_for_scoring(read, id_column, recorded, model.feature_names)
    frame = read.frame
    if who.column is not None:
        index = read.indexed_by(who.column).frame.index
        _warn_of_identity(who.column, index.get_level_values("customer_id").to_numpy(dtype=object))
        frame = frame.set_axis(index)  # the column stays: a model may have been told to learn from it
    return frame, [who.note]


def _warn_of_identity(column: str, customers: np.ndarray) -> None:
    """Say how many rows cannot be told apart by their customer; all of them are scored."""
    problems = identifier_problems(customers)
    if problems:
        text = f"{'; '.join(problems)} ({column!r}): every row is scored"
        warnings.warn(text, QualityWarning, stacklevel=4)


def _days_and_customers(X: pd.DataFrame, date: pd.Timestamp | None) -> tuple[pd.Series, np.ndarray]:
    """The day of each row, that of the index where none is given, and its customer as text."""
    index = X.index
    if not isinstance(index, pd.MultiIndex):
        return pd.Series(date, index=range(len(X)), dtype="datetime64[us]"), identifier_text(index)
    if date is None and "as_of" in index.names:
        days = pd.Series(pd.DatetimeIndex(index.get_level_values("as_of"))).astype("datetime64[us]")
    else:
        days = pd.Series(date, index=range(len(X)), dtype="datetime64[us]")
    level = "customer_id" if "customer_id" in index.names else index.nlevels - 1
    return days, identifier_text(index.get_level_values(level))


def _scored(
    model: Model, X: pd.DataFrame, date: pd.Timestamp | None, top: int, wh: Warehouse | None = None
) -> pd.DataFrame:
    """The list itself, highest score first, ties by customer."""
    days, customers = _days_and_customers(X, date)
    X = X.reset_index(drop=True)  # customers need not be there once each
    _check_columns(model, X)
    _warn_of_unseen(model, X)
    adapter = adapter_of(model.estimator)
    with warnings.catch_warnings(action="ignore", category=QualityWarning):  # counted in full above
        found = adapter.score(model, X, ScoringContext(customers, wh, date))
        why = _reasons_and_action(model, X, top) if model.explained else pd.DataFrame(index=X.index)
    rank = adapter.rank_column(model.estimator)
    if adapter.deciles:
        found = found.assign(decile=deciles(found[rank], model.metadata.get("decile_edges")))
    who = {"customer_id": pd.Series(customers, dtype="str"), "as_of": days}
    scores = pd.DataFrame(who).assign(model=model.name, model_version=str(model.version))
    scores = scores.join(found).join(why.drop(columns=[name for name in why.columns if name in found.columns]))
    return scores.sort_values([rank, "customer_id"], ascending=[False, True], ignore_index=True)


def _reasons_and_action(model: Model, X: pd.DataFrame, top: int) -> pd.DataFrame:
    """Reasons in both languages, and what to do about the first of them."""
    why = reasons(model, X, top=max(top, 1), languages=_LANGUAGES)
    said = [f"reason_{rank}_{language}" for rank in range(1, top + 1) for language in _LANGUAGES]
    actions: Mapping[str, Mapping[str, str]] = (model.metadata.get("spec") or {}).get("actions") or {}
    first = why["reason_1_code"]
    return why[said].assign(
        action=[actions.get(code, {}).get("en", "") for code in first],
        action_zh=[actions.get(code, {}).get("zh", "") for code in first],
    )


def deciles(score: pd.Series, edges: list[float] | None) -> np.ndarray[Any, np.dtype[np.int8]]:
    """1 (highest) to 10 by the cut-offs of the out-of-time test; by rank in the list for a model without them.

    >>> deciles(pd.Series([0.9, 0.5, 0.1]), [0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.15, 0.12]).tolist()
    [1, 4, 10]
    """
    p = score.to_numpy(np.float64)
    if edges:
        above = np.searchsorted(np.sort(np.asarray(edges)), p, side="right")
        return (10 - above).astype(np.int8)
    rank = np.argsort(np.argsort(-p, kind="stable"), kind="stable")
    return (rank * 10 // max(len(p), 1) + 1).astype(np.int8)


def _check_columns(model: Model, X: pd.DataFrame) -> None:
    """All columns of the model are there; those that are not are named together."""
    absent = [name for name in model.feature_names if name not in X.columns]
    if absent:
        raise DataError(
            f"{len(absent)} column(s) of the model are missing: {', '.join(absent)}\n"
            f"  given: {', '.join(names_of_columns(X.columns)[:20])}\n  hint: "
            + (header_hint(X.columns) or "score with the tables, and the features, that the model was trained on")
        )


def _warn_of_unseen(model: Model, X: pd.DataFrame) -> None:
    """Count values that training has never seen; they are scored as missing, or as rare ones."""
    contract = getattr(model.estimator, "contract_", None)
    unseen = {} if contract is None else {c.name: c.encode(X[c.name])[1] for c in contract.used}
    counts = ", ".join(f"{name!r} {count:,}" for name, count in unseen.items() if count)
    if counts:
        warnings.warn(
            f"values never seen in training were scored as missing or rare: {counts} of {len(X):,} rows",
            QualityWarning,
            stacklevel=3,
        )

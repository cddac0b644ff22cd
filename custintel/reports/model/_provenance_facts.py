"""Where the metrics come from: dates, windows, data quality, tuning, and the card of the model."""

from __future__ import annotations

import re
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from custintel.catalogue.question_grammar import days_of

if TYPE_CHECKING:
    from custintel.reports.model.evaluation import Evaluation


_WINDOW = re.compile(r"_(\d+)d$")
_WINDOW_KEYS = ("gap", "horizon", "dormancy")


def population_facts(evaluation: Evaluation) -> dict[str, Any]:
    """Return the dates with their rows, and the lengths of the windows around them."""
    table = evaluation.population
    yes_no = evaluation.is_yes_or_no
    table = table if yes_no else table.assign(positives=None)
    rows = [_date_row(row) for row in table.to_dict("records")] if len(table) else []
    dated = [row for row in rows if row["as_of"] is not None]
    windows = _windows(evaluation) if dated else None
    return {
        "rows": sorted(rows, key=lambda r: (str(r["as_of"]), r["role"] != "train")),
        "windows": windows,
        "closed": _closed(dated, windows) if windows else None,
        "same_dates": _shares_dates(dated),
        "later": _later(evaluation),
        "test_rows": evaluation.rows,
        "test_positives": int(evaluation.y.sum()) if yes_no else None,
        "test_customers": _customers(evaluation.X.index),
    }


def _shares_dates(rows: list[dict[str, Any]]) -> bool:
    """Whether other customers of the same dates are judged, not later dates."""
    train, test = ({row["as_of"] for row in rows if row["role"] == role} for role in ("train", "test"))
    return bool(train & test)


def _later(evaluation: Evaluation) -> dict[str, Any] | None:
    """Return how a flat table with dates was cut in time; nothing for other models."""
    windows = evaluation.model.metadata.get("windows") or {}
    keys = ("date_column", "learned_to", "judged_from", "judged_to")
    return {key: windows[key] for key in keys} if all(key in windows for key in keys) else None


def _customers(index: pd.Index) -> int:
    """Count the customers of an index, each once over all dates."""
    return len(np.unique(index.codes[-1])) if isinstance(index, pd.MultiIndex) else int(index.nunique())


def _date_row(row: Mapping[Any, Any]) -> dict[str, Any]:
    """Return one date; a missing date (flat table) stays unknown."""
    given: Any = row.get("as_of")
    as_of = pd.NaT if given is None else pd.to_datetime(given, errors="coerce")
    positives, rows = row.get("positives"), row.get("rows")
    known = positives is not None and rows and not pd.isna(positives)
    return {
        "as_of": None if pd.isna(as_of) else as_of,
        "role": str(row.get("role", "")),
        "rows": rows,
        "positives": positives,
        "censored": row.get("censored"),
        "rate": float(positives) / float(rows) if known else None,  # type: ignore[arg-type]
    }


def _closed(rows: list[dict[str, Any]], windows: Mapping[str, Any]) -> bool | None:
    """Tell whether every label of training was known before the first test date; no question where dates are shared."""
    train = [row["as_of"] for row in rows if row["role"] == "train"]
    test = [row["as_of"] for row in rows if row["role"] == "test"]
    if not train or not test or _shares_dates(rows):
        return None
    ahead = sum(windows[k] for k in ("gap_days", "horizon_days", "dormancy_days"))
    return bool(max(train) + pd.Timedelta(days=ahead) <= min(test))


def _windows(evaluation: Evaluation) -> dict[str, Any]:
    """Return gap, horizon, dormancy and the longest look-back, in days."""
    metadata = evaluation.model.metadata
    windows, spec = metadata.get("windows") or {}, metadata.get("spec") or {}
    question = spec.get("question") or {} if isinstance(spec, Mapping) else {}
    said = {f"{k}_days": windows.get(f"{k}_days", days_of(question.get(k, "0d"))) for k in _WINDOW_KEYS}
    if list(question.get("billing_types") or ()) == ["postpaid"]:
        said["dormancy_days"] = 0  # only prepaid lines end by silence
    looked = [int(found.group(1)) for c in evaluation.X.columns if (found := _WINDOW.search(str(c)))]
    return {**{k: int(v or 0) for k, v in said.items()}, "observation_days": max(looked, default=0) or None}


def quality_facts(evaluation: Evaluation) -> dict[str, Any] | None:
    """Return what happened to the rows of each table, and why some were set aside."""
    if evaluation.quality is None or not len(evaluation.quality):
        return None
    table = evaluation.quality
    if "table" not in table.columns:
        table = table.rename_axis("table").reset_index()
    counts = ("rows_in", "kept", "set_aside", "duplicates")
    tables = [{"table": str(row["table"]), **{c: int(row[c]) for c in counts}} for row in table.to_dict("records")]
    reasons = evaluation.quality_reasons
    listed = [] if reasons is None else reasons.sort_values("rows", ascending=False).head(12).to_dict("records")
    keep = ("table", "reason", "column", "rows")
    return {"tables": tables, "reasons": [{k: row.get(k) for k in keep} for row in listed]}


def leaks_facts(evaluation: Evaluation) -> list[dict[str, Any]]:
    """Return the columns that look like consequences of the label, and whether the model uses them all the same."""
    used = set(map(str, evaluation.model.feature_names))
    return [
        {**{k: leak.get(k) for k in ("column", "why", "single_auc")}, "used": str(leak.get("column")) in used}
        for leak in evaluation.leaks
    ]


def tuning_facts(evaluation: Evaluation) -> dict[str, Any] | None:
    """Return the values of the trials in order, and the settings of the best one."""
    trials = evaluation.trials
    if trials is None or not len(trials) or "value" not in trials.columns:
        return None
    spec = evaluation.model.metadata.get("spec") or {}
    lower = isinstance(spec, Mapping) and (spec.get("search") or {}).get("direction") == "minimize"
    values = pd.to_numeric(trials["value"], errors="coerce").to_numpy(float)
    states = trials["state"].astype(str).str.split(".").str[-1].str.lower() if "state" in trials.columns else None
    done = values if states is None else pd.Series(values).where((states == "complete").to_numpy()).to_numpy()
    if pd.isna(done).all():
        return None
    best = int(np.nanargmin(done) if lower else np.nanargmax(done))
    settings = {c.removeprefix("params_"): trials.iloc[best][c] for c in trials.columns if c.startswith("params_")}
    return {
        "trials": len(trials),
        "stopped": 0 if states is None else int((states == "pruned").sum()),
        "failed": 0 if states is None else int((states == "fail").sum()),
        "lower_is_better": bool(lower),
        "values": done.tolist(),
        "best": {"trial": best, "value": float(done[best]), "settings": settings},
    }


def card_facts(evaluation: Evaluation) -> dict[str, Any]:
    """Return what identifies the model and what it is meant for."""
    metadata = evaluation.model.metadata
    spec: Mapping[str, Any] = metadata["spec"] if isinstance(metadata.get("spec"), Mapping) else {}
    keys = ("version", "created", "library_version", "data_digest", "random_state", "target")
    names = [str(name) for name in evaluation.model.feature_names]
    # a flat table brings its own target and rows: nobody asked the question of the specification
    said = ("learner",) if metadata.get("source") == "table" else ("about", "question", "population", "learner")
    return {
        "name": evaluation.model.name,
        **{key: metadata.get(key) for key in keys},
        **{key: spec.get(key) if key in said else None for key in ("about", "question", "population", "learner")},
        "constraints": _used_constraints(spec.get("constraints"), names),
        "features": len(names),
    }


def _used_constraints(constraints: Mapping[str, Any] | None, names: list[str]) -> dict[str, Any] | None:
    """The constraints that bind a column of the model; those on columns that it does not have say nothing."""
    found = {key: value for key, value in (constraints or {}).items() if any(fnmatchcase(n, str(key)) for n in names)}
    return found or None

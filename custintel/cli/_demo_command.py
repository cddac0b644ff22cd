"""``demo``: the whole line on an invented operator whose truth is known."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import pandas as pd
import typer
from rich.panel import Panel

from custintel.builder import FeatureBuilder
from custintel.cli._model_commands import show_run
from custintel.cli._terminal_output import out as console
from custintel.cli._terminal_output import say, show_frame, step
from custintel.metrics import discrimination
from custintel.questions.question import question_from_spec
from custintel.questions.question_labels import question_labels
from custintel.scoring import score
from custintel.training import Run, train
from custintel.training.evaluate_model import p_observable
from custintel.training.mlflow_store import store_uri
from custintel.warehouse import Warehouse


def demo(
    customers: Annotated[int, typer.Option(min=300, help="Number of lines.")] = 3_000,
    months: Annotated[int, typer.Option(min=11, help="Number of calendar months.")] = 12,
    out: Annotated[Path, typer.Option(help="Folder for tables, report, scores and the MLflow store.")] = Path("demo"),
    seed: Annotated[int, typer.Option(help="Seed of everything random.")] = 7,
    tune: Annotated[int, typer.Option(min=0, help="Trials of a search for better parameters (minutes).")] = 0,
) -> None:
    """Simulate an operator, check its tables, learn churn, explain it, score the customers."""
    started = time.time()
    wh = _tables(customers, months, seed, out / "tables")
    run = _model(wh, out, seed, tune)
    step("writing the report")
    run.report(out / "report.html")
    scores = _scores(wh, out)
    _summary(run, wh, scores, out)
    say(f"{time.time() - started:.0f} seconds")


def _tables(customers: int, months: int, seed: int, folder: Path) -> Warehouse:
    """Simulate, save, and say what was set aside."""
    step(f"simulating {customers:,} customers over {months} months")
    wh = Warehouse.simulate(customers=customers, months=months, seed=seed)
    wh.save(folder)
    step("checking the tables")
    show_frame(wh.report.frame(), "tables, checked")
    return wh


def _model(wh: Warehouse, out: Path, seed: int, tune: int) -> Run:
    """Build features, learn and judge."""
    count = len(FeatureBuilder().describe())
    step(f"building {count} features of past dates, learning churn" + (f", {tune} trials" if tune else ""))
    run = train("churn", wh, tune=tune, random_state=seed, store=out, promote=True)
    show_run(run)
    return run


def _scores(wh: Warehouse, out: Path) -> pd.DataFrame:
    """Score the last day with the champion, as a scheduler would."""
    step("scoring the customers of today")
    scores = score("models:/churn@champion", wh, out=out / "scores.parquet", store=out)
    show_frame(
        scores[["customer_id", "probability", "decile", "reason_1_en", "reason_2_en"]].head(5), "the five highest"
    )
    return scores


def _summary(run: Run, wh: Warehouse, scores: pd.DataFrame, out: Path) -> None:
    """What was learned, where it lies, and how to open it."""
    importance = run.model.estimator.feature_importance().head(5)
    about = {entry["column"]: entry.get("about", entry["column"]) for entry in run.model.metadata["features"]}
    lines = [
        _learned(run, wh),
        "What the model looks at most: " + "; ".join(f"{about.get(str(c), c)} ({c})" for c in importance.index),
        "",
        f"Report   {out / 'report.html'}   (open it in a browser)",
        f"Scores   {out / 'scores.parquet'}   {len(scores):,} customers with reasons",
        f"Tables   {out / 'tables'}   look at them: custintel check {out / 'tables'}",
        f"MLflow   mlflow ui --backend-store-uri {store_uri(out)}",
        "",
        f"Again:   custintel score models:/churn@champion {out / 'tables'} --store {out} --out scores.csv",
    ]
    console().print(Panel("\n".join(lines), title="done", title_align="left"), markup=False)


def _learned(run: Run, wh: Warehouse) -> str:
    """AUC with its interval, beside what the tables allow and what knowing all hidden causes would allow."""
    m = run.metrics["auc"]
    text = f"AUC on customers of a later date: {m['value']:.3f} ({m['low']:.3f} to {m['high']:.3f})"
    best = p_observable().predict_proba(run.evaluation.X)
    text += f"; a model taught by ten other operators: {discrimination.auc(run.evaluation.y, best):.3f}"
    ceiling = _ceiling(run, wh)
    return text if ceiling is None else f"{text}; whoever knew all hidden causes: {ceiling:.3f}"


def _ceiling(run: Run, wh: Warehouse) -> float | None:
    """AUC of the true chance of leaving, on the last month end up to the test date (truth is kept monthly)."""
    truth, windows = wh.truth.get("p_state"), run.model.metadata["windows"]
    column = f"p_{windows['gap_days']}_{windows['gap_days'] + windows['horizon_days']}"
    if truth is None or column not in truth.columns:
        return None
    known = truth.assign(as_of=pd.to_datetime(truth["as_of"]), customer_id=truth["customer_id"].astype(str))
    date = known["as_of"][known["as_of"] <= pd.Timestamp(windows["test_as_of"][0])].max()
    if pd.isna(date):
        return None
    labels = question_labels(wh, [date], question_from_spec(run.model.metadata["spec"]))["label"].dropna()
    p = known.set_index(["as_of", "customer_id"])[column].reindex(labels.index)
    there = p.notna().to_numpy()
    return (
        float(discrimination.auc(labels.to_numpy()[there], p.to_numpy()[there]))
        if labels[there].nunique() == 2
        else None
    )

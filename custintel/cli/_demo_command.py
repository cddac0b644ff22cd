"""``demo``: the whole line on an invented operator whose truth is known."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import pandas as pd
import typer
from rich.panel import Panel

from custintel.cli._demo_page import Made, write_demo_page
from custintel.cli._model_commands import show_run
from custintel.cli._terminal_output import out as console
from custintel.cli._terminal_output import say, show_frame, step
from custintel.decide import Constraints, OfferValues, allocate
from custintel.errors import CustintelError
from custintel.metrics import discrimination
from custintel.questions.question import question_from_spec
from custintel.questions.question_labels import question_labels
from custintel.scoring import score
from custintel.scoring.write_scores import write_scores
from custintel.training import train
from custintel.training.evaluate_model import p_observable
from custintel.training.mlflow_store import store_uri
from custintel.warehouse import Warehouse

if TYPE_CHECKING:
    from custintel.training import Run

_QUESTIONS = ("churn", "value", "fraud", "offer")
_CONTACT_COST, _OFFER_COST, _CONTACTED = 0.02, 1.0, 0.1  # a text message and a bonus in u; share of the customers


def demo(
    customers: Annotated[int, typer.Option(min=300, help="Number of lines.")] = 2_000,
    months: Annotated[int, typer.Option(min=11, help="Number of calendar months.")] = 12,
    out: Annotated[Path, typer.Option(help="Folder for tables, reports, lists and the MLflow store.")] = Path("demo"),
    seed: Annotated[int, typer.Option(help="Seed of everything random.")] = 7,
    tune: Annotated[int, typer.Option(min=0, help="Trials of a search for better parameters (minutes).")] = 0,
) -> None:
    """Simulate an operator and ask who leaves, what customers are worth, who is a fraud, and what to offer whom."""
    started = time.time()
    wh = _tables(customers, months, seed, out / "tables")
    answers = {name: found for name in _QUESTIONS if (found := _answer(name, wh, out, seed, tune)) is not None}
    decided = _decision(answers, out)
    page = write_demo_page(out, [answer.made for answer in answers.values()], decided)
    _summary(answers, wh, out, page)
    say(f"{time.time() - started:.0f} seconds")


@dataclass(frozen=True)
class _Answer:
    """A question answered: the run, the list of today, and where both lie."""

    run: Run
    scores: pd.DataFrame
    made: Made


def _tables(customers: int, months: int, seed: int, folder: Path) -> Warehouse:
    """Simulate, save, and say what was set aside."""
    step(f"simulating {customers:,} customers over {months} months")
    wh = Warehouse.simulate(customers=customers, months=months, seed=seed)
    wh.save(folder)
    step("checking the tables")
    show_frame(wh.report.frame(), "tables, checked")
    return wh


def _answer(name: str, wh: Warehouse, out: Path, seed: int, tune: int) -> _Answer | None:
    """Learn, report and score one question; nothing where so small an operator cannot answer it."""
    step(f"{name}: learning from past dates, writing the report, scoring the customers of today")
    try:
        run = train(name, wh, tune=tune if name == "churn" else 0, random_state=seed, store=out, promote=True)
        scores = score(f"models:/{name}@champion", wh, store=out, out=out / f"{name}.parquet")
    except CustintelError as error:
        say(f"{name}: no answer from this operator: {str(error).splitlines()[0]}")
        return None
    show_run(run)
    report = run.report(out / f"{name}.html")
    _show_first(scores, name)
    about = str(run.model.metadata["spec"]["about"])
    return _Answer(run, scores, Made(name, about, report.name, f"{name}.parquet", len(scores)))


def _show_first(scores: pd.DataFrame, name: str) -> None:
    """The five first customers of a list, with as many columns as fit."""
    shown = [c for c in scores.columns if c not in ("as_of", "model", "model_version") and not str(c).endswith("_zh")]
    show_frame(scores[shown[:6]].head(5).round(3), f"{name}: the five highest")


def _decision(answers: dict[str, _Answer], out: Path) -> Made | None:
    """Who gets which offer: chance to leave, times what is lost then, times chance of take-up, less what it costs.

    That whoever takes the offer stays is an assumption of the demo; `train uplift` learns what a contact changes.
    """
    if not {"churn", "value", "offer"} <= set(answers):
        return None
    step("deciding who gets which offer")
    leaving = answers["churn"].scores.set_index("customer_id")["probability"]
    worth = answers["value"].scores.set_index("customer_id")["pv"]
    chances = _chances(answers["offer"].scores)
    at_risk = (leaving * worth.clip(lower=0)).reindex(chances.index).fillna(0.0)
    values = chances.mul(at_risk, axis=0) - _OFFER_COST * chances - _CONTACT_COST
    budget = _CONTACTED * len(values) * _CONTACT_COST
    found = allocate(OfferValues.from_wide(values, cost=_CONTACT_COST), Constraints(budget=budget))
    decisions = found.decisions.reset_index()
    write_scores(decisions, out / "decisions.parquet")
    for line in found.words():
        say(line)
    about = "Which customer gets which offer by text message, within a budget for one customer in ten"
    return Made("decisions", about, "", "decisions.parquet", len(decisions))


def _chances(scores: pd.DataFrame) -> pd.DataFrame:
    """Chance of each offer that was ranked for a customer: customers by offers, 0 where it was not."""
    ranks = [c.removeprefix("offer_") for c in scores.columns if str(c).startswith("offer_")]
    parts = [
        scores[["customer_id", f"offer_{k}", f"probability_{k}"]].set_axis(["customer_id", "offer", "p"], axis=1)
        for k in ranks
    ]
    long = pd.concat(parts).dropna()
    return long[long["offer"] != ""].pivot_table(index="customer_id", columns="offer", values="p").fillna(0.0)


def _summary(answers: dict[str, _Answer], wh: Warehouse, out: Path, page: Path) -> None:
    """What was learned, where it lies, and how to open it."""
    learned = [_learned(answers["churn"].run, wh), ""] if "churn" in answers else []
    lines = [
        *learned,
        *(f"{name:<10}{answer.made.about}: {len(answer.scores):,} customers" for name, answer in answers.items()),
        "",
        f"Start here   {page}   (open it in a browser; it links the reports and lists)",
        f"Tables       {out / 'tables'}   look at them: custintel check {out / 'tables'}",
        f"MLflow       mlflow ui --backend-store-uri {store_uri(out)}",
        "",
        f"Again:       custintel score models:/churn@champion {out / 'tables'} --store {out} --out scores.csv",
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

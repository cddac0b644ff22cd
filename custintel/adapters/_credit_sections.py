"""What a scorecard adds to the report: the card, the two score distributions, bands and the swap set."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from custintel.metrics import ks_score, swap_set
from custintel.reports.model.own_section import Line, LineChart, Section, Table

if TYPE_CHECKING:
    from custintel.reports.model.evaluation import Evaluation

_EXTERNAL_SCORE = "credit_score"
_ACCEPTED = 0.8
_POINTS = 40


def credit_sections(evaluation: Evaluation) -> tuple[Section, ...]:
    """Sections of the rows that were judged."""
    if evaluation.predicted is None:
        return ()
    found = [_card_section(evaluation), _ks_section(evaluation), _band_section(evaluation)]
    return (*found, *_swap_sections(evaluation))


def _card_section(evaluation: Evaluation) -> Section:
    """Every bin of the card; the columns of most information first."""
    card = evaluation.model.estimator
    points = card.points_
    order = ["(base)", *card.information_value_.index]
    points = points.assign(place=points["column"].map({name: k for k, name in enumerate(order)}))
    points = points.sort_values("place", kind="stable")
    rows = [
        (row.column, row.bin, int(row.points), float(row.share), float(row.bad_rate)) for row in points.itertuples()
    ]
    lead = (
        f"The points of each bin add up to the score. {card.pdo:g} points more double the odds of paying; at "
        f"{card.base_score:g} points they are {card.base_odds:g} : 1. Shares and bad rates are those of the customers "
        "learned from."
    )
    names = ("Column", "Bin", "Points", "Share", "Bad rate")
    return Section("The card", lead, (Table(names, tuple(rows), digits=3),))


def _ks_section(evaluation: Evaluation) -> Section:
    """Shares of good and of bad customers up to each score."""
    assert evaluation.predicted is not None
    score, bad = evaluation.predicted["points"].to_numpy(np.float64), evaluation.y.to_numpy() == 1
    grid = np.unique(np.quantile(score, np.linspace(0, 1, _POINTS)))
    lines = tuple(
        Line(name, tuple(grid.tolist()), tuple(float((score[own] <= at).mean()) for at in grid))
        for name, own in (("bad", bad), ("good", ~bad))
        if own.any()
    )
    ks = ks_score(bad, -score) if 0 < bad.sum() < len(bad) else float("nan")
    lead = (
        f"Share of bad and of good customers up to each score. The largest distance between the lines, KS, is {ks:.2f}."
    )
    chart = LineChart("Scores of good and of bad customers", "points", "share up to the score", lines)
    return Section("KS", lead, (chart,))


def _band_section(evaluation: Evaluation) -> Section:
    """Bad rates of the bands against what the card expected."""
    assert evaluation.predicted is not None
    frame = evaluation.predicted.assign(bad=evaluation.y.to_numpy(np.float64))
    rows = []
    for band, part in frame.groupby("band"):
        shown = len(part) >= evaluation.smallest_group
        rates = (float(part["bad"].mean()), float(part["probability"].mean())) if shown else (None, None)
        limit = float(part["limit"].mean()) if shown and "limit" in part else None
        rows.append((band, int(part["points"].min()), int(part["points"].max()), len(part), *rates, limit))
    names = ("Band", "Lowest", "Highest", "Rows", "Bad rate", "Expected", "Mean limit, u")
    lead = (
        "Bands were cut among the customers learned from. The bad rate should rise from A on, and be what was expected."
    )
    return Section("Bands", lead, (Table(names, tuple(rows), digits=3),))


def _swap_sections(evaluation: Evaluation) -> tuple[Section, ...]:
    """Who would change sides if this card replaced the external score."""
    if _EXTERNAL_SCORE not in evaluation.X or evaluation.predicted is None:
        return ()
    external = pd.to_numeric(evaluation.X[_EXTERNAL_SCORE], errors="coerce")
    known = external.notna().to_numpy()
    y, p = evaluation.y.to_numpy()[known], evaluation.predicted["probability"].to_numpy()[known]
    if not known.any() or not 0 < y.sum() < len(y):
        return ()
    found = swap_set(y, -external.to_numpy(np.float64)[known], p, _ACCEPTED)
    rows = [
        (name, int(row["customers"]), int(row["bad"]), None if np.isnan(row["bad_rate"]) else float(row["bad_rate"]))
        for name, row in found.iterrows()
    ]
    lead = (
        f"If the best {_ACCEPTED:.0%} were accepted: who changes sides when this card replaces the external score "
        f"({_EXTERNAL_SCORE}). The card earns its place when those swapped in are better than those swapped out."
    )
    return (Section("Swap set", lead, (Table(("Group", "Rows", "Bad", "Bad rate"), tuple(rows), digits=3),)),)

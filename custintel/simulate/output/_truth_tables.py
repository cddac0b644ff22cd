"""The truth tables: what only the simulator knows, kept apart from the operator's tables."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from custintel.simulate._simulated_days import NEVER
from custintel.simulate.behaviour._churn_hazard import Experience
from custintel.simulate.fraud import _fraud_cases as _cases
from custintel.simulate.fraud._attacks_and_look_alikes import ATTACKS, LOOK_ALIKES
from custintel.simulate.output._operator_tables import ends

if TYPE_CHECKING:
    from custintel.simulate._operator import SimulationState
    from custintel.simulate._random_streams import Ints
    from custintel.simulate.behaviour._campaigns import OfferTruth
    from custintel.simulate.fraud._attacks_and_look_alikes import ExtendedFraud


def truth_tables(state: SimulationState) -> dict[str, pd.DataFrame]:
    """The truth tables."""
    return {
        "traits": _traits(state),
        "weekly": _weekly(state),
        "churn": _churn(state),
        "p_state": _p_state(state),
        "campaign_effects": _campaign_effects(state),
        "cases": _true_cases(state),
        "wallets": _wallet_ledger(state),
        **({"offer_effects": _offer_effects(state)} if state.config.campaigns.truth else {}),
        **({} if state.extended is None else {"look_alikes": _look_alikes(state, state.extended)}),
    }


def _lines(state: SimulationState, index: Ints) -> pd.Series[str]:
    """Identities of lines as a categorical column."""
    return pd.Series(pd.Categorical.from_codes(index, categories=state.names.customers.to_pylist()))


def _day(state: SimulationState, days: Ints) -> pd.Series[pd.Timestamp]:
    """Dates as pandas timestamps."""
    return pd.Series(state.calendar.dates(days).astype("datetime64[s]"))


def _visible_lines(state: SimulationState) -> Ints:
    return np.flatnonzero(state.world.population.activation_day < state.calendar.total)


def _traits(state: SimulationState) -> pd.DataFrame:
    population, lines = state.world.population, _visible_lines(state)
    columns: dict[str, object] = {"customer_id": _lines(state, lines).astype(str)}
    columns |= {name: values[lines] for name, values in population.traits.items()}
    columns["hold_out"] = state.dynamics.campaigns.hold_out[lines]
    return pd.DataFrame(columns)


def _weekly(state: SimulationState) -> pd.DataFrame:
    parts = [np.flatnonzero(week.active) for week in state.dynamics.weekly]
    weeks = state.dynamics.weekly
    line = np.concatenate(parts)
    return pd.DataFrame(
        {
            "customer_id": _lines(state, line),
            "week": np.repeat([w.week for w in weeks], [len(p) for p in parts]),
            "hazard": np.concatenate([w.hazard[p] for w, p in zip(weeks, parts, strict=True)]).astype(np.float32),
            "decided": np.concatenate([w.decided[p] for w, p in zip(weeks, parts, strict=True)]),
            **{
                one.name: np.concatenate(
                    [getattr(w.experience, one.name)[p] for w, p in zip(weeks, parts, strict=True)]
                )
                for one in fields(Experience)
            },
        }
    )


def _churn(state: SimulationState) -> pd.DataFrame:
    cause, day = ends(state)
    line = np.flatnonzero(cause >= 0)
    names = np.array(["voluntary", "port_out", "involuntary", "", "", "", "death", "fraud"])
    left = np.isin(cause[line], [0, 1])
    return pd.DataFrame(
        {
            "customer_id": _lines(state, line).astype(str),
            "decision_date": _day(state, np.where(left, state.dynamics.decided[line], NEVER)),
            "exit_date": _day(state, day[line]),
            "cause": names[cause[line]],
            "sudden": np.where(left, state.dynamics.sudden[line], False),
        }
    )


def _p_state(state: SimulationState) -> pd.DataFrame:
    frames = []
    for as_of, chances, here in state.chances:
        line = np.flatnonzero(here)
        frame = pd.DataFrame({"as_of": pd.Timestamp(state.calendar.date(as_of)), "customer_id": _lines(state, line)})
        frame["decided"] = (state.dynamics.decided <= as_of)[line]
        frames.append(frame.assign(**{name: values[line] for name, values in chances.items()}))
    return pd.concat(frames, ignore_index=True)


def _campaign_effects(state: SimulationState) -> pd.DataFrame:
    log, offers = state.dynamics.campaigns.campaigns, state.config.campaigns.offers
    threshold = state.dynamics.threshold
    frames = [
        pd.DataFrame(
            {
                "customer_id": _lines(state, c.line),
                "campaign_id": f"campaign_{c.campaign + 1}",
                "offer_id": offers[c.offer].offer_id if c.offer >= 0 else None,
                "treated": c.treated,
                "tau": c.tau,
                "p0": -np.expm1(-(c.hazard[0] - c.start)),
                "p1": -np.expm1(-(c.hazard[1] - c.start)),
                "decides_if_control": c.hazard[0] >= threshold[c.line],
                "decides_if_treated": c.hazard[1] >= threshold[c.line],
            }
        )
        for c in log
    ]
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()


def _offer_effects(state: SimulationState) -> pd.DataFrame:
    """What each offer would have done to each line on each campaign day, contacted or not."""
    truths = state.dynamics.campaigns.truths
    frames = [_one_offer(state, truth, j) for truth in truths for j in range(len(state.config.campaigns.offers))]
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()


def _one_offer(state: SimulationState, truth: OfferTruth, offer: int) -> pd.DataFrame:
    """The truth of one offer on one day; who had decided to leave before leaves, whatever is offered."""
    chance = np.where(truth.undecided, -np.expm1(-truth.hazard), 1.0)
    names = pd.CategoricalDtype([one.offer_id for one in state.config.campaigns.offers])
    return pd.DataFrame(
        {
            "date": pd.Timestamp(state.calendar.date(truth.day)),
            "customer_id": _lines(state, truth.line),
            "offer_id": pd.Series(names.categories[offer], range(len(truth.line)), dtype=names),
            "possible": truth.offers.possible[offer],
            "take_up": truth.offers.take_up[offer],
            "margin": truth.offers.margin[offer],
            "tau": truth.offers.effect[offer],
            "p0": chance[0],
            "p1": chance[1 + offer],
            "weeks": truth.weeks,
        }
    )


def _true_cases(state: SimulationState) -> pd.DataFrame:
    fraud = state.fraud
    line = np.flatnonzero((fraud.kind >= 0) & (fraud.start < state.calendar.total))
    found = pd.DataFrame(
        {
            "customer_id": _lines(state, line).astype(str),
            "kind": np.array(_cases.FRAUD_KINDS)[fraud.kind[line]],
            "start_date": _day(state, fraud.start[line]),
            "end_date": _day(state, np.minimum(fraud.end, state.last)[line]),
            "detected_date": _day(state, fraud.detected[line]),
            "intensity": fraud.intensity,
        }
    )
    if state.extended is None:
        return found
    found = found.assign(ring=state.extended.ring[line], regime=state.extended.regime(fraud.start[line]))
    return pd.concat([found, _attack_cases(state, state.extended)], ignore_index=True)


def _attack_cases(state: SimulationState, extended: ExtendedFraud) -> pd.DataFrame:
    attacked = extended.attacks
    day = attacked.start // 86_400
    return pd.DataFrame(
        {
            "customer_id": _lines(state, attacked.line).astype(str),
            "kind": np.array(ATTACKS)[attacked.kind],
            "start_date": _day(state, day),
            "end_date": _day(state, attacked.end // 86_400),
            "detected_date": _day(state, attacked.detected),
            "intensity": state.fraud.intensity,
            "ring": -1,
            "regime": extended.regime(day),
        }
    )


def _look_alikes(state: SimulationState, extended: ExtendedFraud) -> pd.DataFrame:
    """Innocent lines that look like fraud, and what they are."""
    line = np.flatnonzero((extended.look_alike >= 0) & (state.world.population.activation_day < state.calendar.total))
    return pd.DataFrame(
        {"customer_id": _lines(state, line).astype(str), "look": np.array(LOOK_ALIKES)[extended.look_alike[line]]}
    )


def _wallet_ledger(state: SimulationState) -> pd.DataFrame:
    wallets = state.wallets
    frames = []
    for month, row in enumerate(wallets.ledger):
        columns = dict(zip(("opening", "topped_up", "use", "fees", "closing"), (v / 100 for v in row), strict=True))
        frames.append(pd.DataFrame({"customer_id": _lines(state, wallets.line), "month": month, **columns}))
    return pd.concat(frames, ignore_index=True)

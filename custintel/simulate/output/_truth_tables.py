"""The truth tables: what only the simulator knows, kept apart from the operator's tables."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from custintel.simulate._simulated_days import NEVER
from custintel.simulate.behaviour._churn_hazard import Memories
from custintel.simulate.fraud import _fraud_cases as _cases
from custintel.simulate.fraud._fraud_episodes import LOOKS, STRIKES
from custintel.simulate.output._operator_tables import ends

if TYPE_CHECKING:
    from custintel.simulate._operator import State
    from custintel.simulate._random_streams import Ints
    from custintel.simulate.fraud._fraud_episodes import MoreFraud


def truth(state: State) -> dict[str, pd.DataFrame]:
    """The truth tables."""
    return {
        "traits": _traits(state),
        "weekly": _weekly(state),
        "churn": _churn(state),
        "p_state": _p_state(state),
        "campaign_effects": _campaign_effects(state),
        "cases": _true_cases(state),
        "wallets": _wallet_ledger(state),
        **({} if state.more is None else {"look_alikes": _look_alikes(state, state.more)}),
    }


def _lines(state: State, index: Ints) -> pd.Series[str]:
    """Identities of lines as a categorical column."""
    return pd.Series(pd.Categorical.from_codes(index, categories=state.names.customers.to_pylist()))


def _day(state: State, days: Ints) -> pd.Series[pd.Timestamp]:
    """Dates as pandas timestamps."""
    return pd.Series(state.calendar.dates(days).astype("datetime64[s]"))


def _shown(state: State) -> Ints:
    return np.flatnonzero(state.world.population.activation_day < state.calendar.total)


def _traits(state: State) -> pd.DataFrame:
    population, lines = state.world.population, _shown(state)
    columns: dict[str, object] = {"customer_id": _lines(state, lines).astype(str)}
    columns |= {name: values[lines] for name, values in population.traits.items()}
    columns["hold_out"] = state.dynamics.campaigns.hold_out[lines]
    return pd.DataFrame(columns)


def _weekly(state: State) -> pd.DataFrame:
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
                one.name: np.concatenate([getattr(w.memory, one.name)[p] for w, p in zip(weeks, parts, strict=True)])
                for one in fields(Memories)
            },
        }
    )


def _churn(state: State) -> pd.DataFrame:
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


def _p_state(state: State) -> pd.DataFrame:
    frames = []
    for as_of, chances, here in state.chances:
        line = np.flatnonzero(here)
        frame = pd.DataFrame({"as_of": pd.Timestamp(state.calendar.date(as_of)), "customer_id": _lines(state, line)})
        frame["decided"] = (state.dynamics.decided <= as_of)[line]
        frames.append(frame.assign(**{name: values[line] for name, values in chances.items()}))
    return pd.concat(frames, ignore_index=True)


def _campaign_effects(state: State) -> pd.DataFrame:
    log, offers = state.dynamics.campaigns.campaigns, state.config.campaigns.offers
    threshold = state.dynamics.threshold
    frames = [
        pd.DataFrame(
            {
                "customer_id": _lines(state, c.line),
                "campaign_id": f"campaign_{c.campaign + 1}",
                "offer_id": offers[c.offer].offer_id,
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


def _true_cases(state: State) -> pd.DataFrame:
    fraud = state.fraud
    line = np.flatnonzero((fraud.kind >= 0) & (fraud.start < state.calendar.total))
    found = pd.DataFrame(
        {
            "customer_id": _lines(state, line).astype(str),
            "kind": np.array(_cases.KINDS)[fraud.kind[line]],
            "start_date": _day(state, fraud.start[line]),
            "end_date": _day(state, np.minimum(fraud.end, state.last)[line]),
            "detected_date": _day(state, fraud.detected[line]),
            "intensity": fraud.intensity,
        }
    )
    if state.more is None:
        return found
    found = found.assign(ring=state.more.ring[line], regime=state.more.regime(fraud.start[line]))
    return pd.concat([found, _strikes(state, state.more)], ignore_index=True)


def _strikes(state: State, more: MoreFraud) -> pd.DataFrame:
    struck = more.episodes
    day = struck.start // 86_400
    return pd.DataFrame(
        {
            "customer_id": _lines(state, struck.line).astype(str),
            "kind": np.array(STRIKES)[struck.kind],
            "start_date": _day(state, day),
            "end_date": _day(state, struck.end // 86_400),
            "detected_date": _day(state, struck.detected),
            "intensity": state.fraud.intensity,
            "ring": -1,
            "regime": more.regime(day),
        }
    )


def _look_alikes(state: State, more: MoreFraud) -> pd.DataFrame:
    """Innocent lines that look like fraud, and what they are."""
    line = np.flatnonzero((more.look >= 0) & (state.world.population.activation_day < state.calendar.total))
    return pd.DataFrame({"customer_id": _lines(state, line).astype(str), "look": np.array(LOOKS)[more.look[line]]})


def _wallet_ledger(state: State) -> pd.DataFrame:
    wallets = state.wallets
    frames = []
    for month, row in enumerate(wallets.ledger):
        columns = dict(zip(("opening", "topped_up", "use", "fees", "closing"), (v / 100 for v in row), strict=True))
        frames.append(pd.DataFrame({"customer_id": _lines(state, wallets.line), "month": month, **columns}))
    return pd.concat(frames, ignore_index=True)

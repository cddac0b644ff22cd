"""Off-policy evaluation: what another policy would have earned, from decisions that were drawn with known chances.

With w = target(a) / logged(a) for the action taken, r its outcome and q its expected outcome by a model:

    IPS    mean(w r)
    SNIPS  sum(w r) / sum(w)
    DR     mean( sum_a target(a) q(a) + w (r - q(taken)) )

Confidence intervals are by empirical likelihood (Owen 1988). Weighted outcomes have a long right tail, where a
symmetric normal interval lies too low too often; intervals by the empirical likelihood ratio follow the skewness of the
data and stay inside their range.

>>> low, high = mean_interval(np.array([0.0] * 90 + [10.0] * 10))
>>> round(low, 2), round(high, 2)
(0.51, 1.7)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.optimize import brentq
from scipy.stats import f as f_distribution

from custintel.decide._decision_log import DecisionLog
from custintel.errors import DataError, Problem, raise_problems, rows_at
from custintel.identifiers import identifier_index, names_of_columns


def mean_interval(values: np.ndarray, level: float = 0.95) -> tuple[float, float]:
    """Interval for the mean; the ratio is compared with the F distribution, which is wider for few rows."""
    n, mean = len(values), float(np.mean(values))
    low, high = float(values.min()), float(values.max())
    if n < 2 or high - low <= 1e-12 * max(1.0, abs(mean)):
        return mean, mean
    cut = float(f_distribution.ppf(level, 1, n - 1))

    def over(mu: float) -> float:
        return _ratio(values - mu) - cut

    edge = 1e-9 * (high - low)
    ends = []
    for end in (low + edge, high - edge):
        ends.append(brentq(over, end, mean, xtol=1e-6 * (high - low)) if over(end) > 0 else end)
    return ends[0], ends[1]


def _ratio(deviation: np.ndarray) -> float:
    """Twice the log of the likelihood ratio of mean zero."""
    low, high = float(deviation.min()), float(deviation.max())
    if low >= 0 or high <= 0:
        return np.inf
    n = len(deviation)
    # each weight 1 / (n (1 + t z)) is between 0 and 1
    left, right = (1 / n - 1) / high, (1 / n - 1) / low
    t = brentq(lambda t: float(np.sum(deviation / (1 + t * deviation))), left, right, xtol=1e-12)
    return float(2 * np.sum(np.log1p(t * deviation)))


Target = pd.DataFrame | pd.Series
_LEAST_EFFECTIVE = 100
_MOST_UNSUPPORTED = 0.001


@dataclass(frozen=True)
class PolicyEvaluation:
    """What a policy would have earned for each decision.

    Attributes
    ----------
    estimates : pandas.DataFrame
        For each estimator (ips, snips, dr): value, se, low, high (95 %); missing when refused.
    rows : int
        Decisions with a known outcome.
    effective : float
        Effective sample size, (sum w)^2 / sum w^2.
    max_weight : float
        Largest weight.
    support_missing : float
        Share of the target's actions that the log can never have taken.
    refused : tuple of str
        Why there is no estimate: "few_effective", "support_missing", "no_exploration"; empty when there is.
    """

    estimates: pd.DataFrame
    rows: int
    effective: float
    max_weight: float
    support_missing: float
    refused: tuple[str, ...] = ()

    def words(self) -> str:
        """One sentence."""
        if self.refused:
            why = ", ".join(self.refused)
            return f"no estimate: {why} (effective sample size {self.effective:,.0f} of {self.rows:,})"
        best = self.estimates.iloc[-1]
        return f"{best['value']:.4g} a decision ({best['low']:.4g} to {best['high']:.4g}; {self.estimates.index[-1]})"


@dataclass(frozen=True)
class PolicyComparison:
    """Challenger less champion, each decision paired with itself.

    Attributes
    ----------
    difference, low, high : float
        Mean difference of the outcome for each decision, and its 95 % interval; missing when refused.
    champion, challenger : PolicyEvaluation
        Both policies alone.
    refused : tuple of str
        Why there is no answer.
    """

    difference: float
    low: float
    high: float
    champion: PolicyEvaluation
    challenger: PolicyEvaluation
    refused: tuple[str, ...] = ()

    @property
    def better(self) -> bool:
        """Whether even the lower bound is an improvement."""
        return not self.refused and self.low > 0


class _LoggedDecisions(NamedTuple):
    taken: np.ndarray  # position of the action taken
    outcome: np.ndarray
    logged: np.ndarray  # propensity of the action taken
    actions: pd.Index
    supported: np.ndarray | None  # rows x actions: the log could have taken it
    decisions: pd.Index


def evaluate_policy(
    log: DecisionLog | pd.DataFrame,
    target: Target,
    *,
    expected_outcomes: pd.DataFrame | None = None,
    features: pd.DataFrame | None = None,
    random_state: int = 0,
) -> PolicyEvaluation:
    """Value of a policy from logged decisions of another one.

    Parameters
    ----------
    log : DecisionLog or DataFrame
        Decisions with action, propensity and outcome (as `DecisionLog.frame`); without an outcome yet: left out.
    target : DataFrame or Series
        Probability of each action (columns) for each decision, or the action for each decision; indexed like the log
        or by customer_id where each has one decision.
    expected_outcomes : DataFrame, optional
        Expected outcome of each action for each decision, from a model that has not seen the decision; allows DR.
    features : DataFrame, optional
        Instead of expected outcomes: customers' features, from which LightGBM learns them by cross-fitting.
    random_state : int
        Seed of the folds.

    Returns
    -------
    PolicyEvaluation
        Estimates with 95 % intervals (empirical likelihood), or the reasons for a refusal: effective sample size below
        100 (`few_effective`), over 0.1 % of the target's actions never taken by the log (`support_missing`), all
        propensities 1 (`no_exploration`).

    Raises
    ------
    ConfigurationError
        Propensities outside (0, 1], probabilities that do not sum to one, rows that do not match.
    DataError
        No decision has an outcome.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> action = rng.choice(["sms", "none"], 4_000)
    >>> outcome = (rng.random(4_000) < np.where(action == "sms", 0.3, 0.2)).astype(float)
    >>> log = pd.DataFrame({"action": action, "propensity": 0.5, "outcome": outcome})
    >>> found = evaluate_policy(log, pd.Series("sms", log.index))
    >>> bool(found.estimates.loc["snips", "low"] < 0.3 < found.estimates.loc["snips", "high"])
    True
    """
    data = _logged_decisions(log, (target,))
    expected = _outcome_model(log, data, (expected_outcomes, features, random_state))
    return _evaluated(data, _target_probabilities(target, log, data), expected)


def compare_policies(
    log: DecisionLog | pd.DataFrame,
    champion: Target,
    challenger: Target,
    *,
    expected_outcomes: pd.DataFrame | None = None,
    features: pd.DataFrame | None = None,
    random_state: int = 0,
) -> PolicyComparison:
    """Is the challenger better than the champion? DR when there is an outcome model, otherwise SNIPS.

    Parameters
    ----------
    log, expected_outcomes, features, random_state
        As in `evaluate_policy`.
    champion, challenger : DataFrame or Series
        The two policies.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> action = rng.choice(["sms", "none"], 4_000)
    >>> outcome = (rng.random(4_000) < np.where(action == "sms", 0.3, 0.2)).astype(float)
    >>> log = pd.DataFrame({"action": action, "propensity": 0.5, "outcome": outcome})
    >>> compare_policies(log, pd.Series("none", log.index), pd.Series("sms", log.index)).better
    True
    """
    data = _logged_decisions(log, (champion, challenger))
    expected = _outcome_model(log, data, (expected_outcomes, features, random_state))
    chances = [_target_probabilities(policy, log, data) for policy in (champion, challenger)]
    found = [_evaluated(data, chance, expected) for chance in chances]
    refused = tuple(dict.fromkeys(reason for one in found for reason in one.refused))
    if refused:
        return PolicyComparison(np.nan, np.nan, np.nan, found[0], found[1], refused)
    parts = [_parts(data, chance, expected)[-1][1] for chance in chances]
    gain = parts[1] - parts[0]
    low, high = mean_interval(gain)
    return PolicyComparison(float(gain.mean()), low, high, found[0], found[1])


def _logged_decisions(log: DecisionLog | pd.DataFrame, targets: tuple[Target, ...]) -> _LoggedDecisions:
    frame = log.frame() if isinstance(log, DecisionLog) else log
    raise_problems(_log_problems(frame))
    known = frame[frame["outcome"].notna()]
    if known.empty:
        raise DataError(
            f"no decision has an outcome: {len(frame)} decision(s)\n  hint: DecisionLog.record adds outcomes"
        )
    names = [c.removeprefix("propensity_") for c in known.columns if c.startswith("propensity_")]
    wanted: list[str] = [str(a) for t in targets for a in (t.columns if isinstance(t, pd.DataFrame) else t.unique())]
    actions = pd.Index(dict.fromkeys([*names, *known["action"].astype(str), *wanted]))
    supported = None
    if names:
        chances = known[[f"propensity_{a}" for a in names]].set_axis(names, axis=1).reindex(columns=actions)
        supported = chances.to_numpy(dtype=float) > 0
    return _LoggedDecisions(
        actions.get_indexer(pd.Index(known["action"].astype(str))),
        known["outcome"].to_numpy(dtype=float),
        known["propensity"].to_numpy(dtype=float),
        actions,
        supported,
        known.index,
    )


def _log_problems(frame: pd.DataFrame) -> list[Problem]:
    absent = [name for name in ("action", "propensity", "outcome") if name not in frame.columns]
    if absent:
        hint = "without logged propensities no other policy can be judged"
        given = ", ".join(names_of_columns(frame.columns))
        return [Problem("log", f"columns are missing: {', '.join(absent)}", given, "", hint)]
    chance = frame["propensity"].to_numpy(dtype=float)
    bad = ~((chance > 0) & (chance <= 1))
    if not bad.any():
        return []
    given = rows_at(bad)
    hint = "a propensity of 0 cannot have happened; a rate in percent must be divided by 100"
    return [Problem("propensity", "outside (0, 1]", given, "0 < propensity <= 1", hint)]


def _rows_like(frame: Target, log: DecisionLog | pd.DataFrame, data: _LoggedDecisions, where: str) -> Target:
    """Rows of a frame in the order of the decisions, found by decision or by customer."""
    if frame.index.has_duplicates:
        raise_problems([Problem(where, "decisions or customers occur twice", "", "once each")])
    if data.decisions.isin(frame.index).all():
        return frame.reindex(data.decisions)
    whole = log.frame() if isinstance(log, DecisionLog) else log
    if "customer_id" in whole.columns:
        customers = pd.Series(identifier_index(pd.Index(whole.loc[data.decisions, "customer_id"])))
        frame = frame.set_axis(identifier_index(frame.index))
        if customers.isin(frame.index).all():
            return frame.reindex(customers)
    lost = int((~data.decisions.isin(frame.index)).sum())
    hint = "index it by decision_id or customer_id"
    raise_problems([Problem(where, f"{lost} decision(s) have no row", f"{len(frame)} rows", "", hint)])
    return frame


def _target_probabilities(target: Target, log: DecisionLog | pd.DataFrame, data: _LoggedDecisions) -> np.ndarray:
    """Decisions x actions: probabilities of the target policy."""
    rows = _rows_like(target, log, data, "target")
    if isinstance(rows, pd.Series):
        chosen = data.actions.get_indexer(pd.Index(rows.astype(str)))
        return np.asarray(np.eye(len(data.actions))[chosen])
    named = rows.set_axis([str(c) for c in rows.columns], axis=1)
    chances = named.reindex(columns=data.actions).fillna(0.0).to_numpy(dtype=float)
    wrong = np.abs(chances.sum(axis=1) - 1) > 1e-6
    if wrong.any() or (chances < 0).any():
        given = rows_at(wrong)
        raise_problems([Problem("target", "probabilities that do not sum to 1", given, "0 or more, sum 1")])
    return chances


def _evaluated(data: _LoggedDecisions, chances: np.ndarray, expected: np.ndarray | None) -> PolicyEvaluation:
    weight = chances[np.arange(len(chances)), data.taken] / data.logged
    square = float((weight**2).sum())
    effective = float(weight.sum()) ** 2 / square if square else 0.0
    missing = _unsupported(data, chances, weight)
    refused = _refusals(data, effective, missing)
    rows = {}
    for name, values in _parts(data, chances, expected):
        low, high = (np.nan, np.nan) if refused else mean_interval(values)
        value, se = float(values.mean()), float(values.std(ddof=1) / np.sqrt(len(values)))
        rows[name] = [np.nan] * 4 if refused else [value, se, low, high]
    table = pd.DataFrame.from_dict(rows, orient="index", columns=["value", "se", "low", "high"])
    return PolicyEvaluation(table, len(weight), effective, float(weight.max()), missing, refused)


def _unsupported(data: _LoggedDecisions, chances: np.ndarray, weight: np.ndarray) -> float:
    """Share of the target's actions without a chance in the log; from the mean weight where that is not logged."""
    if data.supported is not None:
        return float((chances * ~data.supported).sum() / len(chances))
    lost = 1.0 - float(weight.mean())
    spread = float(weight.std() / np.sqrt(len(weight)))
    return lost if lost > 4 * spread + _MOST_UNSUPPORTED else 0.0


def _refusals(data: _LoggedDecisions, effective: float, missing: float) -> tuple[str, ...]:
    found = {
        "few_effective": effective < _LEAST_EFFECTIVE,
        "support_missing": missing > _MOST_UNSUPPORTED,
        "no_exploration": bool((data.logged == 1).all()),
    }
    return tuple(name for name, refused in found.items() if refused)


def _parts(data: _LoggedDecisions, chances: np.ndarray, expected: np.ndarray | None) -> list[tuple[str, np.ndarray]]:
    """For each estimator the values whose mean it is; for SNIPS those of its linear approximation."""
    rows = np.arange(len(chances))
    weight = chances[rows, data.taken] / data.logged
    parts = [("ips", weight * data.outcome)]
    total = float(weight.sum())
    if total > 0:
        ratio = float((weight * data.outcome).sum()) / total
        parts.append(("snips", ratio + weight * (data.outcome - ratio) / (total / len(weight))))
    if expected is not None:
        rest = weight * (data.outcome - expected[rows, data.taken])
        parts.append(("dr", (chances * expected).sum(axis=1) + rest))
    return parts


def _outcome_model(
    log: DecisionLog | pd.DataFrame,
    data: _LoggedDecisions,
    given: tuple[pd.DataFrame | None, pd.DataFrame | None, int],
) -> np.ndarray | None:
    """Expected outcome of each action, given or learned."""
    expected_outcomes, features, random_state = given
    if expected_outcomes is not None:
        rows = _rows_like(expected_outcomes, log, data, "expected_outcomes")
        named = rows.set_axis([str(c) for c in rows.columns], axis=1)
        absent = [str(a) for a in data.actions if a not in named.columns]
        if absent or not np.isfinite(named.to_numpy(dtype=float)).all():
            wrong = f"no column for: {', '.join(absent)}" if absent else "missing or infinite values"
            raise_problems([Problem("expected_outcomes", wrong, ", ".join(named.columns), "a number for each action")])
        return np.asarray(named[list(data.actions)], dtype=np.float64)
    if features is None:
        return None
    return _cross_fitted(data, pd.DataFrame(_rows_like(features, log, data, "features")), random_state)


def _cross_fitted(data: _LoggedDecisions, features: pd.DataFrame, random_state: int) -> np.ndarray:
    """LightGBM on features and action; each decision is predicted by the booster that has not seen its customer."""
    from custintel.learners.ensemble.lightgbm_boosters import TrainingTable, fit_boosters, inverse_link
    from custintel.learners.feature_contract import learn_contract

    table = features.set_axis([str(c) for c in features.columns], axis=1)
    encoded = learn_contract(table).encode(table)
    customer = pd.factorize(features.index)[0]
    fold = np.random.default_rng(random_state).permutation(int(customer.max()) + 1)[customer] % 5
    # an indicator for each action: trees split on "this action or not"
    flags = np.eye(len(data.actions))
    binary = bool(np.isin(data.outcome, (0.0, 1.0)).all() and 0 < data.outcome.mean() < 1)
    objective = "probability" if binary else "amount"
    matrix = np.hstack([encoded, flags[data.taken]])
    training = TrainingTable(matrix, data.outcome)
    fitted = fit_boosters(training, objective, fold=fold, random_state=random_state)  # type: ignore[arg-type]
    expected = np.empty((len(encoded), len(data.actions)))
    for k, model in enumerate(fitted.boosters.models):
        mine = fold == k
        for a in range(len(data.actions)):
            asked = np.hstack([encoded[mine], np.tile(flags[a], (int(mine.sum()), 1))])
            expected[mine, a] = inverse_link(np.asarray(model.predict(asked, raw_score=True, num_threads=1)), objective)  # type: ignore[arg-type]
    return expected

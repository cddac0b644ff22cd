"""The adapter of `UpliftModel`: what a contact changes, for whom, and whether it changes anything at all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np
import pandas as pd

from custintel.adapters.adapter import (
    LearnerAdapter,
    LearnerSettings,
    Metric,
    MetricWords,
    ScoreColumn,
    TrainingRows,
    customers_of_rows,
    intervals,
    metric_suffix,
)
from custintel.errors import ConfigurationError, DataError
from custintel.learners import UpliftModel
from custintel.metrics import qini_score, uplift_table
from custintel.metrics.uplift_metrics import qini_curve
from custintel.reports.model.own_section import Line, LineChart, Section, Table, Text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from custintel.reports.model.evaluation import Evaluation


_CONFIDENT = 1.96
_FEWEST = 10
_TOP = 0.3
_PREFIX = "uplift_of_"
NO_EVIDENCE, GAIN, HARM = "no evidence", "gain", "harm"


class UpliftModelAdapter(LearnerAdapter):
    """`UpliftModel` from the door: the effect of the best contact on each customer, with its interval."""

    learner: ClassVar[str] = "UpliftModel"
    targets: ClassVar[tuple[str, ...]] = ("experiment",)
    rank_by: ClassVar[str] = "uplift"
    split: ClassVar[str] = "customers"
    metric_words: ClassVar[Mapping[str, MetricWords]] = {
        "average_effect": MetricWords("Average effect", "What a contact changes in the outcome, on average", 4, 0.0),
        "qini": MetricWords("Qini", "How well the ranking finds those whom a contact changes", 3, 0.0, 1.0),
        "uplift_30": MetricWords("Effect on the first 30 %", "What a contact changes among those ranked first", 4, 0.0),
        "policy_value": MetricWords(
            "Value of the policy", "Gain a customer if those are contacted for whom it is expected to pay", 3, 0.0
        ),
    }

    def new_estimator(self, settings: LearnerSettings) -> UpliftModel:
        """An uplift model with the parameters of its specification."""
        if settings.constraints:
            raise ConfigurationError(
                f"UpliftModel takes no constraints\n  given: {', '.join(settings.constraints)}\n"
                "  hint: what raises an outcome need not raise the effect on it; leave them out"
            )
        return UpliftModel(**settings.keywords())

    def fit(self, estimator: Any, rows: TrainingRows) -> Any:
        """Learn from those contacted and those held back, by the chances with which that was done."""
        treatment = _treatments(rows)
        propensity = None if estimator.observational else _propensity(rows, treatment)
        return estimator.fit(rows.X, rows.y, treatment=treatment, propensity=propensity, groups=rows.groups)

    def predict(self, estimator: Any, X: pd.DataFrame) -> pd.DataFrame:
        """The best treatment of each customer, its effect with interval, and whether there is evidence for one."""
        effects, errors = estimator.predict(X), estimator.standard_error(X)
        best = pd.Index(effects.columns).get_indexer(pd.Index(estimator.best_arms(X)))
        rows = np.arange(len(effects))
        effect, error = effects.to_numpy()[rows, best], errors.to_numpy()[rows, best]
        low, high = effect - _CONFIDENT * error, effect + _CONFIDENT * error
        known = np.array([found.detectable or found.differs for found in estimator.effects_.values()])[best]
        found = {
            "treatment": np.asarray([str(arm) for arm in effects.columns], dtype=object)[best],
            "uplift": effect,
            "uplift_low": low,
            "uplift_high": high,
            "evidence": np.select([known & (low > 0), known & (high < 0)], [GAIN, HARM], NO_EVIDENCE),
        }
        several = {f"{_PREFIX}{arm}": effects[arm].to_numpy() for arm in effects.columns}
        return pd.DataFrame(found | (several if len(several) > 1 else {}), index=X.index)

    def judged(self, estimator: Any, rows: TrainingRows) -> pd.DataFrame:
        """The same, with the effect of every treatment."""
        effects = estimator.predict(rows.X)
        own = {f"{_PREFIX}{arm}": effects[arm].to_numpy() for arm in effects.columns}
        return self.predict(estimator, rows.X).assign(**own)

    def columns(self, estimator: Any) -> tuple[ScoreColumn, ...]:
        """Treatment, uplift with interval, evidence; with several treatments the effect of each."""
        unit = "relative"
        several = [
            ScoreColumn(f"{_PREFIX}{arm}", unit, f"What {arm} is expected to change in the outcome")
            for arm in estimator.arms_
        ]
        return (
            ScoreColumn(
                "treatment",
                "category",
                "The treatment with the largest expected effect; those with evidence of a gain first",
            ),
            ScoreColumn("uplift", unit, "What that treatment is expected to change in the outcome"),
            ScoreColumn("uplift_low", unit, "Lower end of the 95 % interval of the uplift"),
            ScoreColumn("uplift_high", unit, "Upper end of the 95 % interval of the uplift"),
            ScoreColumn("evidence", "category", f"{GAIN}, {HARM}, or {NO_EVIDENCE} of an effect on this customer"),
            *(several if len(several) > 1 else ()),
        )

    def metrics(
        self, rows: TrainingRows, predicted: pd.DataFrame, costs: Mapping[str, float], random_state: int
    ) -> dict[str, Metric]:
        """Average effect, Qini, effect on the first 30 %, value of the policy: of all treatments, and of each."""
        trial = Trial.of(rows, predicted, costs)
        found = _judged_pairs(trial, None, random_state)
        if len(trial.arms) > 1:
            for k, arm in enumerate(trial.arms):
                own = _judged_pairs(trial, k, random_state)
                found |= {f"{name}_{metric_suffix(arm)}": metric for name, metric in own.items()}
        return {**found, "policy_value": _judged_policy(trial, _AT.pays, random_state)}

    def sections(self, evaluation: Evaluation) -> tuple[Section, ...]:
        """The effect in words, Qini curve, uplift by tenth, and what policies are worth."""
        assert evaluation.predicted is not None
        assert evaluation.answers is not None
        rows = TrainingRows(evaluation.X, evaluation.y, evaluation.answers)
        trial = Trial.of(rows, evaluation.predicted, evaluation.model.metadata["spec"].get("costs") or {})
        found = _effects_section(evaluation.model.estimator.summary())
        return (found, *_ranking_sections(trial), _policy_section(trial))

    def headline(self, evaluation: Evaluation) -> tuple[str, ...]:
        """Whether the contacts change anything, and whether the model knows for whom."""
        found = evaluation.model.estimator.summary()
        said = [_sentence(effect) for effect in _effects(found)]
        ranking = _ranking_words(evaluation.model.metadata["metrics"].get("qini"))
        return (*([_summary_words(found)] if len(said) > 1 else []), *said, *ranking)

    def check(self, rows: TrainingRows, where: str) -> None:
        """Enough customers in each arm, and outcomes that differ."""
        counts = pd.Series(_treatments(rows)).value_counts()
        if len(counts) < 2:
            raise DataError(
                f"the experiment has no control group in {where}\n"
                f"  given: {int(counts.sum())} rows, all {counts.index[0]}\n"
                "  hint: hold back some customers at random and log them with control = true"
            )
        if counts.min() < _FEWEST:
            shown = ", ".join(f"{arm} {count}" for arm, count in counts.items())
            raise DataError(
                f"too few customers of one arm in {where}\n  given: {shown}\n  allowed: at least {_FEWEST} of each\n"
                "  hint: more months of campaigns, or fewer offers (offers: in the question)"
            )
        if rows.y.nunique() < 2:
            raise DataError(f"the outcome is the same for everybody in {where}: nothing can be learned about it")


def _treatments(rows: TrainingRows) -> np.ndarray:
    """What was done to each row."""
    treatment = rows.answer("treatment")
    if treatment is None:
        raise DataError(
            "no treatment: an uplift model compares treated customers with control customers\n"
            "  hint: treatment= (--treatment) names the column of a flat table"
        )
    return np.asarray(treatment.to_numpy())


def _propensity(rows: TrainingRows, treatment: np.ndarray) -> Any:
    """The chance of every arm for each row; those of a row's own campaign where campaigns had their own controls."""
    logged, offer = rows.answer("propensity"), rows.answer("offer")
    if offer is None:
        return "constant" if logged is None else logged.to_numpy(np.float64)
    made, own = offer.to_numpy(dtype=object), logged.to_numpy(np.float64)
    held = treatment != made
    frame = pd.DataFrame(np.nan, index=range(len(rows)), columns=sorted(set(made)))
    for arm in frame.columns:
        mine = made == arm
        frame.loc[mine, arm] = np.where(held, 1 - own, own)[mine]
    return frame.assign(**{str(name): np.where(held, own, 1 - own) for name in set(treatment[held])})


class _Places(NamedTuple):
    """Places of the facts of a trial in its matrix."""

    y: int = 0
    treated: int = 1
    weight: int = 2
    arm: int = 3
    effect: int = 4
    everybody: int = 5
    pays: int = 6
    sure: int = 7


_AT = _Places()


@dataclass(frozen=True)
class Trial:
    """Customers beside the treatments that they could have been given: a row of facts for each such pair.

    A customer held back from a test of two treatments stands in it twice, once for each.
    """

    arms: tuple[str, ...]
    facts: np.ndarray
    groups: np.ndarray
    gain: float
    cost: float

    @classmethod
    def of(cls, rows: TrainingRows, predicted: pd.DataFrame, costs: Mapping[str, float]) -> Trial:
        """From rows with their treatment, and what was predicted of them."""
        said = np.array([str(value) for value in _treatments(rows)], dtype=object)
        names = [str(c).removeprefix(_PREFIX) for c in predicted.columns if str(c).startswith(_PREFIX)]
        arms = tuple(name for name in names if (said == name).any())
        money = float(costs.get("clv", 1.0)), _cost_of_contact(costs)
        places = [_pairs_with(rows, said, arm, names) for arm in arms]
        chosen = _choices(predicted, arms, money)
        facts = [
            _facts(rows.take(place), predicted.iloc[place], (k, arm), [choice[place] for choice in chosen])
            for k, (arm, place) in enumerate(zip(arms, places, strict=True))
        ]
        who = customers_of_rows(rows.X.index)
        groups = (np.arange(len(rows)) if who is None else np.asarray(who))[np.concatenate(places)]
        return cls(arms, np.concatenate(facts), groups, *money)

    @property
    def is_binary(self) -> bool:
        """Whether the outcome is yes or no."""
        return bool(np.isin(self.facts[:, _AT.y], (0.0, 1.0)).all())

    def of_arm(self, k: int) -> np.ndarray:
        """The facts of one treatment."""
        return np.asarray(self.facts[self.facts[:, _AT.arm] == k])


def _pairs_with(rows: TrainingRows, said: np.ndarray, arm: str, arms: Sequence[str]) -> np.ndarray:
    """Places of the rows that were given the treatment, or held back from it."""
    offer = rows.answer("offer")
    held = ~np.isin(said, arms)
    return np.flatnonzero((said == arm) | (held if offer is None else held & (offer.to_numpy(dtype=object) == arm)))


def _facts(
    rows: TrainingRows, predicted: pd.DataFrame, arm: tuple[int, str], chosen: Sequence[np.ndarray]
) -> np.ndarray:
    """The facts of the pairs of one treatment; `chosen` is the treatment that each policy gives to each row."""
    k, name = arm
    treated = np.array([str(value) == name for value in _treatments(rows)])
    own = rows.answer("propensity")
    chance = np.where(treated, treated.mean(), 1 - treated.mean()) if own is None else own.to_numpy(np.float64)
    effect = predicted[f"{_PREFIX}{name}"]
    columns = [rows.y, treated, 1 / chance, np.full(len(rows), k), effect, *chosen]
    return np.column_stack([np.asarray(column, dtype=np.float64) for column in columns])


def _choices(predicted: pd.DataFrame, arms: Sequence[str], money: tuple[float, float]) -> list[np.ndarray]:
    """The number of the treatment that each policy gives to each row, -1 for none."""
    best = pd.Index(arms).get_indexer(pd.Index(predicted["treatment"]))
    pays = (predicted["uplift"] * money[0] > money[1]).to_numpy()
    sure = pays & (predicted["evidence"] == GAIN).to_numpy()
    return [best, np.where(pays, best, -1), np.where(sure, best, -1)]


def _cost_of_contact(costs: Mapping[str, float]) -> float:
    """What a contact costs: itself, and the offer for those who take it up."""
    return float(costs.get("contact_cost", 0.0)) + float(costs.get("offer_cost", 0.0)) * float(
        costs.get("take_up", 1.0)
    )


def _metrics_of(k: int | None, is_binary: bool) -> dict[str, Callable[[Any, Any], float]]:
    """The metrics of one treatment, or of all together."""

    def on_pairs(metric: Callable[[np.ndarray], float]) -> Callable[[Any, Any], float]:
        return lambda facts, _: metric(facts if k is None else facts[facts[:, _AT.arm] == k])

    found = {"average_effect": _effect, "uplift_30": _effect_on_top, **({"qini": _qini} if is_binary else {})}
    return {name: on_pairs(metric) for name, metric in found.items()}


def _judged_pairs(trial: Trial, k: int | None, random_state: int) -> dict[str, Metric]:
    """The metrics of one treatment, or of all together, with their intervals."""
    pairs = trial.facts if k is None else trial.of_arm(k)
    binary = trial.is_binary and np.ptp(pairs[:, _AT.y]) > 0
    found = intervals(_metrics_of(k, binary), trial.facts, trial.facts, trial.groups, random_state)
    for name in ("average_effect", "uplift_30"):
        found[name] = _widened(found[name], _unseen(pairs) / (1.0 if name == "average_effect" else _TOP))
    return found


def _judged_policy(trial: Trial, policy: int, random_state: int = 0) -> Metric:
    """The value of a policy with its interval."""
    metric = {"value": _policy_metric(trial, policy)}
    found = intervals(metric, trial.facts, trial.facts, trial.groups, random_state)["value"]
    unseen = 0.0
    for k in range(len(trial.arms)):
        given = trial.facts[:, policy] == k
        unseen += given.mean() * _unseen(trial.facts[given & (trial.facts[:, _AT.arm] == k)])
    return _widened(found, float(trial.gain * unseen))


def _unseen(pairs: np.ndarray) -> float:
    """What an effect may be although all outcomes are the same: 3 of n is the 95 % limit of a share never seen.

    A bootstrap of outcomes that are all the same has no width, which would say that the effect is known exactly.
    """
    if not len(pairs) or np.ptp(pairs[:, _AT.y]) > 0:
        return 0.0
    treated = pairs[:, _AT.treated].sum()
    return float(sum(min(1.0, 3.0 / max(count, 1.0)) for count in (treated, len(pairs) - treated)))


def _widened(metric: Metric, by: float) -> Metric:
    return {**metric, "low": metric["low"] - by, "high": metric["high"] + by}


def _effect(facts: np.ndarray, part: Any = 1.0) -> float:
    """Mean outcome of those treated less that of those held back; 0 where one of the two is missing.

    `part` is the share with which each row counts.
    """
    treated, weight = facts[:, _AT.treated] == 1, facts[:, _AT.weight] * part
    if weight[treated].sum() == 0 or weight[~treated].sum() == 0:
        return 0.0
    means = [np.average(facts[side, _AT.y], weights=weight[side]) for side in (treated, ~treated)]
    return float(means[0] - means[1])


def _effect_on_top(facts: np.ndarray) -> float:
    """The effect on those whom the ranking puts first; of rows that it cannot tell apart each counts in part."""
    score, most = facts[:, _AT.effect], max(1, int(len(facts) * _TOP))
    last = np.partition(score, len(score) - most)[len(score) - most]
    above, level = score > last, score == last
    return _effect(facts, np.where(level, (most - above.sum()) / level.sum(), above))


def _qini(facts: np.ndarray) -> float:
    """The Qini coefficient; 0 where one arm is missing."""
    treated = facts[:, _AT.treated] == 1
    if treated.all() or not treated.any():
        return 0.0
    return qini_score(facts[:, _AT.y], facts[:, _AT.effect], treated, facts[:, _AT.weight], n_resamples=0).value


def _policy_value(trial: Trial, facts: np.ndarray, policy: int) -> float:
    """Gain a customer over contacting nobody; each treatment is judged by its own pairs."""
    total = 0.0
    for k in range(len(trial.arms)):
        given = facts[:, policy] == k
        own = facts[given & (facts[:, _AT.arm] == k)]
        total += given.mean() * (_effect(own) * trial.gain - trial.cost)
    return float(total)


def _policy_metric(trial: Trial, policy: int) -> Callable[[Any, Any], float]:
    return lambda facts, _: _policy_value(trial, facts, policy)


class _Effect(NamedTuple):
    """The average effect of a treatment, as learned."""

    arm: str
    effect: float
    low: float
    high: float
    detectable: bool
    differs: bool


def _effects(summary: pd.DataFrame) -> list[_Effect]:
    """The effects of `UpliftModel.summary`."""
    return [_Effect(str(arm), *(row[name] for name in _Effect._fields[1:])) for arm, row in summary.iterrows()]


def _sentence(found: _Effect) -> str:
    """What the experiment says of one treatment."""
    span = f"{found.effect:+.3f} on average ({found.low:+.3f} to {found.high:+.3f})"
    if found.detectable and found.differs:
        return f"{found.arm} changes the outcome by {span}, and the model knows for whom more than for others"
    if found.detectable:
        return (
            f"{found.arm} changes the outcome by {span}; this experiment gives no evidence that it differs by customer"
        )
    if found.differs:
        return (
            f"{found.arm} helps some and not others; this experiment gives no evidence of an effect on average: {span}"
        )
    return f"This experiment gives no evidence that {found.arm} changes the outcome: {span}"


def _summary_words(summary: pd.DataFrame) -> str:
    known = int((summary["detectable"] | summary["differs"]).sum())
    if not known:
        return f"This experiment gives no evidence that any of {len(summary)} treatments changes the outcome"
    change = "changes" if known == 1 else "change"
    return f"{known} of {len(summary)} treatments {change} the outcome by more than chance explains (95 %)"


def _ranking_words(qini: Metric | None) -> tuple[str, ...]:
    """Whether the order of customers is better than a random one, on customers never learned from."""
    if qini is None:
        return ()
    span = f"Qini {qini['value']:.3f} ({qini['low']:.3f} to {qini['high']:.3f})"
    if qini["low"] > 0:
        return (f"On customers it had not seen, the ranking finds those whom a contact changes: {span}.",)
    return (f"On customers it had not seen, this experiment gives no evidence that the ranking beats chance: {span}.",)


def _effects_section(summary: pd.DataFrame) -> Section:
    """Average effects in words and numbers."""
    found = _effects(summary)
    rows = tuple((e.arm, e.effect, e.low, e.high, e.detectable, e.differs) for e in found)
    columns = ("Treatment", "Effect", "from", "to", "Told from none", "Differs by customer")
    table = Table(columns, rows, "Average effects", "Learned on the training customers; 95 % intervals.", 4)
    return Section("What the contact changes", "The change of the outcome that a contact causes.",
                   (Text(tuple(_sentence(e) for e in found)), table))  # fmt: skip


def _ranking_sections(trial: Trial) -> list[Section]:
    """The Qini curve, and predicted beside measured uplift by group, of each treatment."""
    told = [(arm, trial.of_arm(k)) for k, arm in enumerate(trial.arms)]
    lines = [line for arm, facts in told for line in _qini_lines(arm, facts, len(told) > 1)]
    chart = LineChart("Qini curve", "customers contacted, %", "incremental outcomes, % of customers", tuple(lines),
                      "Outcomes gained when those ranked first are contacted.")  # fmt: skip
    lead = (
        "Customers of the test, ranked by predicted uplift: do contacts change those ranked first more than the others?"
    )
    return [Section("Does the ranking find them", lead, (chart, *(_tenths_table(arm, facts) for arm, facts in told)))]


def _qini_lines(arm: str, facts: np.ndarray, several: bool) -> list[Line]:
    """The curve of one treatment, and of one alone the random line."""
    treated = facts[:, _AT.treated] == 1
    if treated.all() or not treated.any():
        return []
    curve = qini_curve(facts[:, _AT.y], facts[:, _AT.effect], treated, facts[:, _AT.weight])
    # as shares of all customers: the curve counts outcomes of the treated
    curve = curve.iloc[np.unique(np.linspace(0, len(curve) - 1, _POINTS).astype(int))]
    share = tuple(float(value) for value in 100 * curve["share"])
    scale = 100 / max(float(treated.sum()), 1.0)
    drawn = [
        Line(arm if several else "by predicted uplift", share, tuple(float(v) for v in scale * curve["incremental"]))
    ]
    if not several:
        drawn.append(Line("random order", share, tuple(float(v) for v in scale * curve["random"])))
    return drawn


_POINTS = 41
_LEAST_IN_GROUP = 40


def _tenths_table(arm: str, facts: np.ndarray) -> Table:
    """Predicted beside measured uplift in up to ten groups."""
    groups = int(np.clip(len(facts) // (2 * _LEAST_IN_GROUP), 2, 10))
    found = uplift_table(
        facts[:, _AT.y], facts[:, _AT.effect], facts[:, _AT.treated] == 1, facts[:, _AT.weight], groups=groups
    )
    whole = ["group", "customers", "treated", "control"]
    rows = tuple((*map(int, group[whole]), *map(_known, group.drop(whole))) for _, group in found.iterrows())
    columns = ("Group", "Customers", "Treated", "Control", "Predicted", "Measured", "from", "to")
    return Table(columns, rows, f"Predicted and measured uplift: {arm}", "Highest predicted first; 95 % intervals.", 3)


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _policy_section(trial: Trial) -> Section:
    """What contacting nobody, everybody, and some is worth."""
    rows = [("nobody", 0.0, 0.0, 0.0, 0.0)]
    for policy, name in _POLICIES.items():
        found = _judged_policy(trial, policy)
        rows.append((name, 100 * _share_contacted(trial, policy), found["value"], found["low"], found["high"]))
    unit = f"A changed outcome is worth {trial.gain:g} u, a contact costs {trial.cost:g} u. 95 % intervals."
    table = Table(("Contacted", "of customers, %", "Gain, u a customer", "from", "to"), tuple(rows),
                  "Value of policies", unit, 3)  # fmt: skip
    return Section("What it is worth", "Gain over contacting nobody, on customers of the test.",
                   (table, Text((_policy_words(rows),))))  # fmt: skip


_POLICIES: Mapping[int, str] = {
    _AT.everybody: "everybody, with their best treatment",
    _AT.pays: "those for whom a gain above the cost is expected",
    _AT.sure: "of these, those for whom there is evidence",
}


def _share_contacted(trial: Trial, policy: int) -> float:
    """The share of customers that a policy contacts."""
    return float((trial.facts[:, policy] >= 0).mean())


def _policy_words(rows: Sequence[tuple[str, float, float, float, float]]) -> str:
    """Whether any policy is better than none beyond doubt."""
    sure = [row for row in rows[1:] if row[3] > 0]
    if not sure:
        return "This experiment gives no evidence that any of these policies earns more than contacting nobody."
    best = max(sure, key=lambda row: row[2])
    return f"Of the policies that earn more than contacting nobody (95 %), the best is to contact {best[0]}."

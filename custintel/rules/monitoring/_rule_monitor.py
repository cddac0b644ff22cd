"""`RuleMonitor`: outcomes, performance, activation, review and audit of the rules of a base."""

from __future__ import annotations

from typing import TYPE_CHECKING

from custintel.rules.monitoring._activate_rules import apply_policy, next_approval
from custintel.rules.monitoring._random_audit import audit_sample, audited_recall, confirmed_cases, review_labels
from custintel.rules.monitoring._retire_rules import review_rules
from custintel.rules.monitoring._rule_drift import rule_drift, save_drift_baseline
from custintel.rules.monitoring._saved_loss import UNKNOWN_START, saved_loss
from custintel.rules.monitoring.alarm_outcomes import record_outcomes, recorded_outcomes, rule_performance

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    import pandas as pd

    from custintel.rules._rule_base import RuleBase
    from custintel.rules.monitoring._activate_rules import ActivationPolicy
    from custintel.rules.monitoring._random_audit import AuditedRecall
    from custintel.rules.monitoring._retire_rules import ReviewSettings
    from custintel.rules.monitoring._rule_drift import DriftSettings
    from custintel.rules.rule_states import RuleEntry, State


class RuleMonitor:
    """Watch the rules of a base: what became of their alarms, which may alarm, which must be watched or retired.

    Parameters
    ----------
    base : RuleBase
        The base. What the monitor records and decides is written to its log.

    Examples
    --------
    >>> import pandas as pd
    >>> from custintel.rules import ActivationPolicy, RuleBase, RuleMonitor
    >>> base = RuleBase()
    >>> rule = base.propose("burst", "minutes > 30", by="an analyst", loss=200, review_cost=5)
    >>> base.shadow("burst", by="an analyst", reason="three cases")
    >>> X = pd.DataFrame({"minutes": [40] * 30}, index=pd.RangeIndex(30, name="customer_id"))
    >>> known = pd.DataFrame({"customer_id": range(30), "outcome": ["fraud"] * 27 + ["not"] * 3})
    >>> monitor = RuleMonitor(base)
    >>> new = monitor.record_outcomes(base.alarms(X, None, "shadow"), known, by="fraud desk")
    >>> monitor.performance()[["rule", "alarms", "confirmed", "precision"]]
        rule  alarms  confirmed  precision
    0  burst      30         27        0.9
    >>> monitor.apply_policy(ActivationPolicy())[["rule", "decision"]].to_dict("records")  # too young to alarm
    [{'rule': 'burst', 'decision': 'waits'}]
    """

    def __init__(self, base: RuleBase) -> None:
        self.base = base

    def record_outcomes(
        self, alarms: pd.DataFrame, outcomes: pd.DataFrame, *, by: str, at: str | datetime | None = None
    ) -> pd.DataFrame:
        """Keep what became of alarms as evidence of the rules that raised them.

        A customer counts once a month for a rule, however often it alarmed. Alarms without an outcome are kept as not
        known yet and closed by a later call; what is closed stays as it is, so the same tables can be given again.

        Parameters
        ----------
        alarms : DataFrame
            As `RuleBase.alarms` gives them, those of the shadow included where it was asked for: ``customer_id`` (and
            ``as_of`` or ``time``) in the index or as columns; rule, version, tier.
        outcomes : DataFrame
            ``customer_id`` and ``outcome`` (fraud, arrears, not, unknown). With ``as_of`` an outcome belongs to the
            alarms of that date; with ``time`` to the customer's alarms since the outcome before; otherwise to all of
            them.
        by : str
            Who recorded them.
        at : time, optional
            When; now by default. Alarms without a date count for the month of this time.

        Returns
        -------
        DataFrame
            What was new, one row a rule: rule, version, alarms, confirmed, false, unknown.

        Raises
        ------
        DataError
            When a column is missing, two outcomes contradict each other, or a rule@version is not in the base.
        ConfigurationError
            When an outcome is none of the four.
        """
        return record_outcomes(self.base, alarms, outcomes, by=by, at=at)

    def recorded_outcomes(self, rule: str) -> pd.DataFrame:
        """All recorded alarms of a rule, in the order in which their outcomes came in.

        Parameters
        ----------
        rule : str
            Name (all versions) or name@version.

        Returns
        -------
        DataFrame
            One row an alarm: rule, version, month, tier, outcome, confirmed (1, 0; missing where not known yet), unique
            (no other firing rule raised an alarm on the customer that month), recorded (time), seq (event of the log),
            alarm (by which it is known again).
        """
        return recorded_outcomes(self.base, rule)

    def performance(self, by: str = "month", z: float = 1.96) -> pd.DataFrame:
        """How rules did: alarms, how many were confirmed, precision with Wilson's interval, money.

        Parameters
        ----------
        by : {"month", "tier", "rule"}
            One row a rule@version and month of the alarm, or tier, or over its whole life.
        z : float
            Standard errors of the interval.

        Returns
        -------
        DataFrame
            rule, version, month (or tier), alarms, confirmed, false, unknown, unique (confirmed ones that no other rule
            caught), precision (of the closed ones), low, high, saved_loss (confirmed x the rule's loss, in u),
            net_benefit (less the cost of reviewing the closed ones, in u). A case that two rules caught counts for
            both.

        Raises
        ------
        ConfigurationError
            When `by` is none of the three.
        """
        return rule_performance(self.base, by, z)

    def apply_policy(self, policy: ActivationPolicy, *, by: str = "", at: str | datetime | None = None) -> pd.DataFrame:
        """Tell which rules of the shadow a policy lets alarm; activate them when the policy is automatic.

        Parameters
        ----------
        policy : ActivationPolicy
            The conditions.
        by : str
            Who applies it; the name of the policy by default.
        at : time, optional
            When; now by default.

        Returns
        -------
        DataFrame
            One row a rule of the shadow, the most useful first: rule, version, decision (activated, ready, waits),
            reason, days in the shadow, alarms, closed and confirmed ones, precision and its lower bound, stated
            precision (missing where none is), alarms a day, benefit of an alarm (u).
        """
        return apply_policy(self.base, policy, by=by, at=at)

    def next_approval(self, name: str) -> tuple[RuleEntry, State]:
        """The version of a rule that waits for approval, and the state that approval brings it to.

        Parameters
        ----------
        name : str
            Name, or name@version where several versions wait.

        Raises
        ------
        ConfigurationError
            When no version of it waits, or several do.
        """
        return next_approval(self.base, name)

    def review(
        self,
        settings: ReviewSettings | None = None,
        *,
        by: str,
        at: str | datetime | None = None,
        drift: pd.DataFrame | None = None,
    ) -> pd.DataFrame:
        """Move active rules to *watch*, watched ones to *retired* or back, by what became of their alarms.

        The result is the same whether rules are reviewed every day or once a month.

        Parameters
        ----------
        settings : ReviewSettings, optional
            The tests, and which moves are made rather than proposed.
        by : str
            Who reviews.
        at : time, optional
            When; now by default.
        drift : DataFrame, optional
            Of `drift`: active rules whose verdict is *moved* are watched.

        Returns
        -------
        DataFrame
            A row for each move, and for each rule that stays: rule, version, state, to (where it goes; empty when it
            stays), done, reason, stated precision, outcomes and confirmed ones since the state began, precision
            (expected, older outcomes counting less), below_stated (probability), sum and limit of the test.
        """
        return review_rules(self.base, settings, by=by, at=at, drift=drift)

    def save_drift_baseline(self, X: pd.DataFrame, *, by: str, at: str | datetime | None = None) -> list[str]:
        """Keep how often the firing rules fire now and how their features are distributed, where nothing is kept yet.

        Call it after rules were activated; `drift` compares with these profiles.

        Parameters
        ----------
        X : DataFrame
            Features of all customers, one row each, as they are scored.
        by : str
            Who keeps them.
        at : time, optional
            When; now by default.

        Returns
        -------
        list of str
            The rules (name@version) whose profile was kept.
        """
        return save_drift_baseline(self.base, X, by=by, at=at)

    def drift(self, X: pd.DataFrame, settings: DriftSettings | None = None) -> pd.DataFrame:
        """How firing rules and their features have moved since their profiles were kept.

        Parameters
        ----------
        X : DataFrame
            Features of all customers now.
        settings : DriftSettings, optional
            Limits of the verdict.

        Returns
        -------
        DataFrame
            One row a firing rule: rule, version, state; firing rate before and now, their ratio, the probability of
            such a difference by chance, and the stability index of the rate; the feature that moved most, its index,
            and those of
            all its features; verdict (stable, look, moved, or no profile).

        Raises
        ------
        DataError
            When the table has no rows.
        """
        return rule_drift(self.base, X, settings)

    @staticmethod
    def audit_sample(
        X: pd.DataFrame, alarms: pd.DataFrame, *, share: float = 0.015, random_state: int = 0
    ) -> pd.DataFrame:
        """Draw customers to be looked at although they have no alarm.

        Parameters
        ----------
        X : DataFrame
            The customers, one row each, ``customer_id`` in the index.
        alarms : DataFrame
            Alarms of these customers (`RuleBase.alarms`).
        share : float
            Share of the customers without an alarm; 1 to 2 % is usual.
        random_state : int
            Seed of the sample.

        Returns
        -------
        DataFrame
            Index customer_id; probability (with which each had been drawn).

        Raises
        ------
        ConfigurationError
            When the share is not above 0 and at most 1.
        DataError
            When every customer has an alarm.
        """
        return audit_sample(X, alarms, share=share, random_state=random_state)

    @staticmethod
    def audited_recall(
        X: pd.DataFrame, alarms: pd.DataFrame, audit: pd.DataFrame, outcomes: pd.DataFrame
    ) -> AuditedRecall:
        """Recall of the rules and share of cases among all customers, without the bias of looking only at alarms.

        Parameters
        ----------
        X, alarms : DataFrame
            The customers and the alarms from which the audit was drawn.
        audit : DataFrame
            As `audit_sample` gave it.
        outcomes : DataFrame
            ``customer_id`` in the index or a column; ``outcome`` (fraud, arrears, not, unknown).

        Returns
        -------
        AuditedRecall
            recall with its interval (low, high), base_rate, caught, missed, customers, audited, open. Alarms whose
            outcome is not known are left out: wait until most are closed.

        Raises
        ------
        DataError
            When nobody of the audit has a known outcome.
        """
        return audited_recall(X, alarms, audit, outcomes)

    @staticmethod
    def review_labels(alarms: pd.DataFrame, audit: pd.DataFrame, outcomes: pd.DataFrame) -> pd.DataFrame:
        """What reviews found out, as labels of the next training.

        Only customers whom somebody looked at have a label. The rules chose most of them, so those of the audit stand
        for many others: weigh each row by ``1 / propensity``, or the next model learns only what the rules know.

        Parameters
        ----------
        alarms : DataFrame
            The alarms that were reviewed.
        audit : DataFrame
            As `audit_sample` gave it.
        outcomes : DataFrame
            ``customer_id`` in the index or a column; ``outcome`` (fraud, arrears, not, unknown).

        Returns
        -------
        DataFrame
            Index customer_id; label (1.0 for cases), propensity (1 for alarms; for the audit the chance of being
            drawn). Customers whose outcome is not known are left out.

        Examples
        --------
        >>> import pandas as pd
        >>> from custintel.rules import RuleMonitor
        >>> alarms = pd.DataFrame({"rule": ["burst"]}, pd.Index(["a"], name="customer_id"))
        >>> audit = pd.DataFrame({"probability": [0.02, 0.02]}, pd.Index(["b", "c"], name="customer_id"))
        >>> outcomes = pd.DataFrame({"customer_id": ["a", "b", "c"], "outcome": ["fraud", "not", "unknown"]})
        >>> RuleMonitor.review_labels(alarms, audit, outcomes)
                     label  propensity
        customer_id
        a              1.0        1.00
        b              0.0        0.02
        """
        return review_labels(alarms, audit, outcomes)

    @staticmethod
    def confirmed_cases(outcomes: pd.DataFrame) -> pd.DataFrame:
        """Confirmed outcomes as rows of the table `cases`, from which questions about fraud read their labels.

        Parameters
        ----------
        outcomes : DataFrame
            ``customer_id``, ``outcome`` (fraud, arrears, not, unknown), ``time`` of the decision; optionally ``kind``
            and ``loss`` (u).

        Returns
        -------
        DataFrame
            case_id, customer_id, event_time, arrival_time, kind, loss; one row a confirmed outcome. Saved beside the
            operator's own (``tables/cases/reviewed.parquet``), they are labels of the next ``train``.

        Raises
        ------
        ConfigurationError
            A column is missing.

        Examples
        --------
        >>> import pandas as pd
        >>> from custintel.rules import RuleMonitor
        >>> outcomes = pd.DataFrame({"customer_id": ["a", "b"], "outcome": ["fraud", "not"], "time": "2025-04-30"})
        >>> RuleMonitor.confirmed_cases(outcomes)[["case_id", "kind"]]
                     case_id   kind
        0  review-20250430-a  fraud
        """
        return confirmed_cases(outcomes)

    @staticmethod
    def saved_loss(
        cases: pd.DataFrame, horizon: float | Mapping[str, float] = 30.0, *, unknown_start: float = UNKNOWN_START
    ) -> pd.Series:
        """What stopping each case at its first alarm saves against its detection without the alarm, in u.

        A loss is taken to run evenly from the start of a case to the day on which it would have been detected without
        the alarm; saved is the part after the alarm.

        Parameters
        ----------
        cases : DataFrame
            As `RuleBase.cases` gives them: expected_loss, kinds, first (time of the first alarm). What is known beyond
            that is used:

            - ``start``: when the behaviour began,
            - ``detected``: when it was, or would have been, detected without the alarm,
            - ``loss``: what the whole case would have cost, in u; the expected loss where missing,
            - ``outcome``: a case that turned out not to be one (``not``) saves nothing; a confirmed one counts its
            loss,
              and one that is still open its expected loss.
        horizon : float or mapping of kind to float
            Days from the start to the detection without the alarm, where ``detected`` is not known. A mapping may
            have a
            ``default``.
        unknown_start : float
            Share of a loss that is taken to be still ahead at the alarm, where start or alarm have no date.

        Returns
        -------
        Series
            ``saved_loss`` in u, by the index of `cases`.

        Raises
        ------
        DataError
            When `cases` has no expected loss.
        ConfigurationError
            For a horizon that is not above zero or a share outside 0 to 1.
        """
        return saved_loss(cases, horizon, unknown_start=unknown_start)

"""`RuleMiner`: where new rules of a base come from, and how their limits are set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from custintel.rules.learning._fit_limits import fit_parameters
from custintel.rules.learning._learn_into_base import learn_into
from custintel.rules.learning._propose_variants import propose_variants
from custintel.rules.learning.anomaly_rules import DiscoverySettings, propose_anomaly_rules

if TYPE_CHECKING:
    import pandas as pd

    from custintel.rules._rule import Rule
    from custintel.rules._rule_base import RuleBase
    from custintel.rules.learning._learn_rules import LearnSettings


class RuleMiner:
    """Find new rules for a base: from labelled customers, from unusual ones, and as variants of rules it has.

    Parameters
    ----------
    base : RuleBase
        The base that new rules are added to. Rules from labelled customers begin in the shadow, all others are
        proposed and wait for a person.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from custintel.rules import LearnSettings, RuleBase, RuleMiner
    >>> rng = np.random.default_rng(0)
    >>> X = pd.DataFrame({"calls": rng.integers(0, 200, 1500), "cells": rng.integers(1, 30, 1500)})
    >>> fraud = (X["calls"] > 120) & (X["cells"] <= 3)
    >>> base = RuleBase()
    >>> mined = RuleMiner(base).learn(X, fraud, LearnSettings(max_rules=3), kind="sim_box")
    >>> [rule.name for rule in mined] == list(base.frame()["rule"])
    True
    """

    def __init__(self, base: RuleBase) -> None:
        self.base = base

    def learn(
        self,
        X: pd.DataFrame,
        y: Any,
        settings: LearnSettings | None = None,
        *,
        times: Any = None,
        by: str = "learn_into",
        pos_label: Any = None,
        **facts: Any,
    ) -> list[Rule]:
        """Mine rules from labelled customers; those that the base does not have yet go into its shadow.

        The distributions of legitimate customers are learned from the table, and the score of the base anew, where the
        table can answer all rules that are in the shadow or fire.

        Parameters
        ----------
        X, y, settings, times, pos_label
            As in `RuleBase.learn`.
        by : str
            Who adds them.
        **facts
            Fields of `Rule` that the new rules get: kind, loss, review_cost, severity, action, ...

        Returns
        -------
        list of Rule
            Those that the base did not have.
        """
        return learn_into(self.base, X, y, settings, times=times, by=by, pos_label=pos_label, **facts)

    def propose_anomaly_rules(
        self, X: pd.DataFrame, settings: DiscoverySettings | None = None, *, by: str = "discovery", at: Any = None
    ) -> pd.DataFrame:
        """Cluster the most unusual customers and propose a short rule for each cluster that has one.

        No label is needed. Unusual is not guilty: a person has to look at customers of the group before the rule may
        fire.

        Parameters
        ----------
        X : DataFrame
            Features, one row a customer; no label is needed.
        settings : DiscoverySettings, optional
            How.
        by, at : str, time
            Who and when, for the log.

        Returns
        -------
        DataFrame
            One row a cluster: customers, when (the rule in SQL), precision and coverage of the group, rule (its
            identity, '' if it was not proposed) and why.
        """
        return propose_anomaly_rules(self.base, X, settings, by=by, at=at)

    def propose_variants(
        self,
        X: pd.DataFrame,
        y: Any,
        *,
        max_proposals: int = 10,
        by: str = "propose_variants",
        at: Any = None,
        random_state: int = 0,
    ) -> pd.DataFrame:
        """Propose variants that beat the rule they come from on customers they were not chosen on.

        Parameters
        ----------
        X, y
            Labelled customers; `y` is 0 and 1 (1 is a case), or two labels by the rule of `RuleBase.learn`.
        max_proposals : int
            Most proposals.
        by, at : str, time
            Who and when, for the log.
        random_state : int
            Seed of the halves.

        Returns
        -------
        DataFrame
            rule (the new one), parent, when, precision (lower bound), recall, and both of the parent on the same
            customers.
        """
        return propose_variants(self.base, X, y, max_proposals=max_proposals, by=by, at=at, random_state=random_state)

    def fit_parameters(self, X: pd.DataFrame, share: float = 0.001) -> list[Rule]:
        """Tighten the limits of the rules that fire, so that each fires on at most a share of legitimate customers.

        Limits are never loosened. The base does not change: add the new versions with `RuleBase.add`.

        Parameters
        ----------
        rules : iterable of Rule
            The rules.
        X : DataFrame
            Features of customers that are not known cases, one row a customer.
        share : float
            Largest share of customers on which a rule may fire, such as alarms a day divided by customers.

        Returns
        -------
        list of Rule
            New versions with the old one as parent, and rules that did not have to change as they are. A rule that
            fires too often by what is no limit of its own keeps to no share: look at ``match(X).mean()``.

        Raises
        ------
        ConfigurationError
            For a share outside 0 to 1.
        DataError
            When features are missing in the table.

        Examples
        --------
        >>> import pandas as pd
        >>> from custintel.rules import Rule, RuleBase, RuleMiner
        >>> base = RuleBase()
        >>> rule = base.add(Rule("busy", "calls >= most", parameters={"most": 50}), by="an analyst")
        >>> base.shadow("busy", by="an analyst", reason="an example")
        >>> base.activate("busy", by="head of fraud", reason="an example")
        >>> X = pd.DataFrame({"calls": [float(n) for n in range(1000)]})
        >>> RuleMiner(base).fit_parameters(X, share=0.01)[0].expression.text
        'calls >= 990'
        """
        return fit_parameters(self.base.in_state().values(), X, share)

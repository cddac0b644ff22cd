"""`RuleBase`: the rules of fraud and arrears with their states, and a history of every change."""

from __future__ import annotations

import html
import warnings
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from threading import get_ident
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self

import pandas as pd

from custintel.dates import read_day
from custintel.errors import ConfigurationError, DataError, Problem, QualityWarning, raise_problems
from custintel.files.file_lock import WAIT_SECONDS
from custintel.learners.check_input import binary_target
from custintel.rules._alarms import AlarmSettings, alarms_to_cases, find_alarms
from custintel.rules._event_log import EventLog
from custintel.rules._match_row import RowMatcher
from custintel.rules._match_sql import KEY, match_in_engine
from custintel.rules._rule import Rule
from custintel.rules._rule_columns import ColumnSource, column_types, prepare_table, read_as_numbers
from custintel.rules._rule_set import RuleSet, learn_profiles
from custintel.rules.builtin_rules import add_builtin_rules
from custintel.rules.learning._learn_rules import LearnSettings, learn_rules
from custintel.rules.rule_condition import condition_text
from custintel.rules.rule_evidence import describe_evidence
from custintel.rules.rule_score import RuleScore, ScoreInputs, fit_score
from custintel.rules.rule_states import (
    INITIAL_STATES,
    STATES,
    ReplayedLog,
    RuleEntry,
    State,
    days_between,
    transition_problem,
    utc_time,
)
from custintel.rules.rule_trial import RuleTrial, try_rule

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import numpy as np

    from custintel.engines.engine import Engine


_FIRING_STATES: tuple[State, ...] = ("active", "watch")
_CLOCKS_DIFFER = 1 / 1_440  # days: the clocks of two machines that write to one base
_ORDER = ("active", "watch", "shadow", "proposed", "draft", "retired", "rejected")


class RuleBase:
    """A base of rules that keeps its whole history.

    Every change is an event of an append-only log in which each event carries the hash of the one before; the state
    at any time is what its events say. A rule goes from *proposed* through *shadow* (it fires, nobody is alarmed) to
    *active*, from there to *watch* and *retired*. Versions are named by their content.

    Parameters
    ----------
    path : path, optional
        File of the log (JSON lines), read if it is there and added to by every change; in memory when None. Several
        processes may change it: each waits for its turn and sees what the others did.
    wait : float
        How long to wait for another process that is writing, in seconds.

    Raises
    ------
    DataError
        When the log was tampered with: an event that does not fit its hash, or one that no rule base writes.

    Examples
    --------
    >>> base = RuleBase()
    >>> rule = base.propose(name="night_burst", when="intl_minutes_1d > 30 and tenure_days <= 90", by="an analyst")
    >>> base.shadow("night_burst", by="an analyst", reason="seen in three cases")
    >>> base.activate("night_burst", by="head of fraud", reason="12 alarms in the shadow, 11 confirmed")
    >>> X = pd.DataFrame({"intl_minutes_1d": [45.0, 29.0], "tenure_days": [10, 10]}, index=["a", "b"])
    >>> base.match(X)["night_burst"].tolist()
    [True, False]
    """

    def __init__(self, path: str | Path | None = None, *, wait: float = WAIT_SECONDS) -> None:
        self.path = None if path is None else Path(path)
        self.log = EventLog() if self.path is None else EventLog.open(self.path, wait)
        self._now = ReplayedLog()
        self._frozen = False
        self._writer: int | None = None
        self._warn_of_unreadable()

    # --- what is in it -------------------------------------------------------------------------------------------

    @property
    def entries(self) -> Mapping[str, RuleEntry]:
        """Every version of every rule by its identity (name@version), with its state."""
        return MappingProxyType(self._replayed().entries)

    @property
    def head(self) -> str:
        """Hash of the last event. Note it elsewhere: `verify` then also proves that nothing was cut off."""
        return self.log.head

    def __len__(self) -> int:
        return len(self.entries)

    def __iter__(self) -> Iterator[Rule]:
        return (entry.rule for entry in self.entries.values())

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and bool(self._replayed().versions(name))

    def __getitem__(self, name: str) -> Rule:
        return self.entry(name).rule

    def entry(self, name: str) -> RuleEntry:
        """A version of a rule: by name@version, or by name the one that is furthest in its life.

        Parameters
        ----------
        name : str
            ``night_burst`` or ``night_burst@0f3a...``.
        """
        found = self._replayed().versions(name)
        if not found:
            names = sorted({e.rule.name for e in self.entries.values()})
            raise_problems([Problem("rules", "no such rule", name, ", ".join(names) or "the base is empty")])
        return min(reversed(found), key=lambda e: _ORDER.index(e.state))

    def in_state(self, *states: State) -> dict[str, Rule]:
        """Rules in some states by name@version; those that fire (active, watch) when none is named."""
        wanted = states or _FIRING_STATES
        return {id_: entry.rule for id_, entry in self.entries.items() if entry.state in wanted}

    def frame(self) -> pd.DataFrame:
        """One row a version: rule, version, state, category, kind, when, since, by, reason, evidence.

        Examples
        --------
        >>> base = RuleBase()
        >>> _ = base.propose("long_calls", "minutes_1d > 600", by="me")
        >>> base.frame()[["rule", "state", "when"]]
                 rule     state              when
        0  long_calls  proposed  minutes_1d > 600
        """
        rows = [
            {
                "rule": e.rule.name, "version": e.rule.version, "state": e.state, "category": e.rule.category,
                "kind": e.rule.kind, "when": e.rule.expression.text, "about": e.rule.about, "origin": e.rule.origin,
                "since": e.since, "by": e.by, "reason": e.reason, "evidence": dict(e.evidence),
            }
            for e in self.entries.values()
        ]  # fmt: skip
        return pd.DataFrame(rows, columns=list(rows[0]) if rows else ["rule", "version", "state"])

    def history(self, name: str | None = None) -> pd.DataFrame:
        """The events, of one rule or of all: time, event, rule, state, by, reason, hash."""
        keys = ["seq", "time", "event", "rule", "state", "by", "reason", "hash"]
        events = [{key: event.get(key, "") for key in keys} for event in self.log.events if _is_about(event, name)]
        return pd.DataFrame(events, columns=keys)

    # --- changes -------------------------------------------------------------------------------------------------

    def propose(
        self, name: str, when: str, *, by: str = "", reason: str = "", columns: ColumnSource | None = None, **facts: Any
    ) -> Rule:
        """Add a rule, or a new version of one, in state *proposed*.

        Parameters
        ----------
        name, when : str
            Name, and boolean SQL expression over features.
        by, reason : str
            Who proposes it and why.
        columns : DataFrame, Catalogue or iterable of str, optional
            What it may read: a table of features (which tells the types, too), a catalogue, or names such as
            ``FeatureBuilder().columns_of(wh)``. Without it nothing is known of columns: a rule on one that there is not
            is accepted, and set aside with a warning when it is first used.
        **facts
            Further fields of `Rule`: category, kind, parameters, about, action, severity, loss, ...

        Raises
        ------
        ConfigurationError
            What is no rule, calculates with texts, or reads a column that there is not.

        Examples
        --------
        >>> RuleBase().propose("long_calls", "minuts_1d > 600", by="me", columns=["minutes_1d", "cells"])
        Traceback (most recent call last):
            ...
        custintel.errors.ConfigurationError: 1 mistake found
          rule long_calls: reads a column that there is not
            given: minuts_1d
            allowed: the 2 columns given
            hint: did you mean minutes_1d?
        """
        rule = Rule(name, when, **facts)
        raise_problems(rule.problems(None if columns is None else column_types(columns)))
        return self.add(rule, by=by, reason=reason)

    def add(
        self,
        rule: Rule,
        *,
        state: State = "proposed",
        by: str = "",
        reason: str = "",
        evidence: Mapping[str, Any] | None = None,
        at: str | datetime | None = None,
    ) -> Rule:
        """Add a rule as an object.

        Parameters
        ----------
        rule : Rule
            The rule.
        state : {"draft", "proposed"}
            Where it begins.
        by, reason : str
            Who and why.
        evidence : mapping, optional
            Plain data (JSON): backtest, support, cases.
        at : time, optional
            When; now by default.
        """
        raise_problems(rule.problems())
        with self._writing():
            raise_problems(self._adding_problems(rule, state))
            content = {"rule": rule.id, "content": rule.to_state(), "state": state, "evidence": dict(evidence or {})}
            self._write("added", content, by, reason, at)
        return rule

    def change_state(
        self,
        name: str,
        state: State,
        *,
        by: str,
        reason: str,
        evidence: Mapping[str, Any] | None = None,
        at: str | datetime | None = None,
    ) -> None:
        """Move a version to another state. When it becomes active, an earlier active version of it is retired.

        Parameters
        ----------
        name : str
            Name, or name@version.
        state : str
            One of the states that `TRANSITIONS` allows from where it is.
        by, reason : str
            Who decided, and why.
        evidence : mapping, optional
            Plain data to keep with the decision.
        at : time, optional
            When; now by default.
        """
        with self._writing():
            entry = self._to_move(name, state)
            problem = transition_problem(entry, state, by, reason)
            raise_problems([problem] if problem else [])
            content = {"rule": entry.rule.id, "state": state, "evidence": dict(evidence or {})}
            self._write("moved", content, by, reason, at)
            if state == "active":
                self._retire_earlier(entry.rule, by, at)

    def shadow(self, name: str, *, by: str, reason: str, **given: Any) -> None:
        """Let a proposed rule fire without alarming anybody."""
        self.change_state(name, "shadow", by=by, reason=reason, **given)

    def activate(self, name: str, *, by: str, reason: str, **given: Any) -> None:
        """Let a rule alarm."""
        self.change_state(name, "active", by=by, reason=reason, **given)

    def watch(self, name: str, *, by: str, reason: str, **given: Any) -> None:
        """Let a rule alarm, but under suspicion."""
        self.change_state(name, "watch", by=by, reason=reason, **given)

    def retire(self, name: str, *, by: str, reason: str, **given: Any) -> None:
        """Take a rule out of use; it stays in the history."""
        self.change_state(name, "retired", by=by, reason=reason, **given)

    def reject(self, name: str, *, by: str, reason: str, **given: Any) -> None:
        """Turn a proposal down."""
        self.change_state(name, "rejected", by=by, reason=reason, **given)

    def add_evidence(
        self, name: str, evidence: Mapping[str, Any], *, by: str, at: str | datetime | None = None
    ) -> None:
        """Keep further evidence with a rule, such as outcomes of its alarms."""
        with self._writing():
            entry = self.entry(name)
            self._write("noted", {"rule": entry.rule.id, "evidence": dict(evidence)}, by, "evidence", at)

    def learn_profiles(self, legitimate: pd.DataFrame, *, by: str = "", at: str | datetime | None = None) -> None:
        """Learn how legitimate customers are distributed: what "resembles" is measured against.

        Parameters
        ----------
        legitimate : DataFrame
            Features of customers that are not known cases.
        """
        present = {i: e.rule.node for i, e in self.entries.items() if e.rule.columns <= set(legitimate.columns)}
        found = learn_profiles(present, legitimate)
        states = {subject: profile.to_state() for subject, profile in found.items()}
        self._write("profiled", {"profiles": states}, by, f"{len(legitimate)} customers", at)

    @classmethod
    def learn(  # noqa: PLR0913  (a door with the options of its caller)
        cls,
        X: pd.DataFrame,
        y: Any,
        settings: LearnSettings | None = None,
        *,
        times: Any = None,
        path: str | Path | None = None,
        pos_label: Any = None,
        at: str | datetime | None = None,
    ) -> Self:
        """A base of rules mined from labelled customers, in state *shadow*, with a score made of them.

        Parameters
        ----------
        X : DataFrame
            Any customer table: numbers, texts, categories, missing values.
        y : array-like
            Two values; which one is a case, `pos_label` tells.
        settings : LearnSettings, optional
            How many rules, of what support, which columns they may not read.
        times : array-like, optional
            Time of each row: rules are then proved on the latest rows.
        path : path, optional
            File of the log.
        pos_label : object, optional
            The label of a case. Without it a known word for yes (yes, true, fraud, bad, ...) is a case, of numbers the
            larger one, otherwise the rarer label, with a warning.
        at : time, optional
            When, for the log; now by default.

        Returns
        -------
        RuleBase
            Its rules carry what they were proved to be worth on customers that had no say in them (``evidence``).

        Examples
        --------
        >>> import numpy as np
        >>> rng = np.random.default_rng(0)
        >>> X = pd.DataFrame({"calls": rng.integers(0, 200, 1500), "cells": rng.integers(1, 30, 1500)})
        >>> fraud = (X["calls"] > 120) & (X["cells"] <= 3)
        >>> base = RuleBase.learn(X, fraud, LearnSettings(max_rules=3))
        >>> bool(base.score(X)[fraud].min() > base.score(X)[~fraud].median())
        True
        """
        target, settings = binary_target(y, pos_label).y, settings or LearnSettings()
        table, numbers = prepare_table(X, settings.forbidden)
        base = cls(path)
        for k, found in enumerate(learn_rules(table, target, settings, times), 1):
            rule = Rule(f"mined_{k:02d}", condition_text(found.node), origin="mined")
            base.add(rule, by="RuleBase.learn", reason="mined", evidence=found.counts.to_evidence(), at=at)
            base.shadow(rule.name, by="RuleBase.learn", reason="proved on untouched customers", at=at)
        base.learn_profiles(table[target == 0], by="RuleBase.learn", at=at)
        base.learn_score(table, target, numbers, at=at)
        return base

    def learn_score(
        self, X: pd.DataFrame, y: np.ndarray, numbers: Iterable[str] = (), at: str | datetime | None = None
    ) -> None:
        """Learn how matches and similarities of the rules that fire or are in the shadow make one probability."""
        rules = self.compile("shadow", *_FIRING_STATES)
        content = {
            "rules": list(rules.nodes),
            "numbers": list(numbers),
            **fit_score(_score_inputs(rules, X), y).to_state(),
        }
        self._write("combined", {"score": content}, "learn_score", f"{len(y)} customers", at)

    def score(self, X: pd.DataFrame) -> pd.Series:
        """Probability of each customer to be a case, from the rules that it matches and resembles."""
        learned, inputs = self._score_and_inputs(X)
        found = pd.Series(learned.probability(inputs), index=X.index, name="score")
        found.attrs.update(inputs.attrs)
        return found

    def score_parts(self, X: pd.DataFrame) -> pd.DataFrame:
        """What each rule of the score adds to the log-odds of each customer, before calibration."""
        learned, inputs = self._score_and_inputs(X)
        return self._with_rule_names(
            pd.DataFrame(learned.contributions(inputs), X.index, list(self._replayed().score["rules"]))
        )

    def decide(self, X: pd.DataFrame) -> pd.Series:
        """Whether the score is at or above the threshold that separated cases best (macro F1) out of fold."""
        p = self.score(X)
        return p.ge(float(self._replayed().score["threshold"])).rename("case")

    def _score_and_inputs(self, X: pd.DataFrame) -> tuple[RuleScore, ScoreInputs]:
        state = self._replayed().score
        if not state:
            raise DataError("the base has no score yet\n  hint: RuleBase.learn(X, y), or base.learn_score(X, y)")
        entries, unreadable = self.entries, self._replayed().unreadable
        if lost := [id_ for id_ in state["rules"] if id_ not in entries]:
            raise DataError(
                "the score cannot be used: rules that it is made of can no longer be read\n"
                f"  given: {', '.join(lost[:10])}: {unreadable[lost[0]].splitlines()[0]}\n"
                "  hint: propose them anew, simpler, and learn the score again: base.learn_score(X, y)"
            )
        nodes = {id_: entries[id_].rule.node for id_ in state["rules"]}
        rules = RuleSet.from_nodes(nodes, self._replayed().profiles)
        return RuleScore.from_state(state), _score_inputs(rules, read_as_numbers(X, state["numbers"]))

    @classmethod
    def from_events(cls, events: Iterable[Mapping[str, Any]]) -> Self:
        """A base in memory from the events of a log, as `log.events` gives them; a changed event is refused."""
        base = cls()
        base.log = EventLog(dict(event) for event in events)
        base.log.verify()
        base._warn_of_unreadable()
        return base

    # --- time ----------------------------------------------------------------------------------------------------

    def as_of(self, at: str | datetime) -> RuleBase:
        """The base as it stood at a time; it can be used and compared, not changed.

        Parameters
        ----------
        at : time
            A date means its end.
        """
        limit = _end_of(at)
        past = RuleBase()
        past.log = EventLog(event for event in self.log.events if str(event["time"]) <= limit)
        past._frozen = True
        return past

    def diff(self, since: str | datetime | RuleBase, until: str | datetime | RuleBase | None = None) -> pd.DataFrame:
        """What changed between two times (or two bases): rule, before, after.

        Parameters
        ----------
        since, until : time or RuleBase
            By default until now.
        """
        before, after = (self._base_at(since), self if until is None else self._base_at(until))
        rows = [
            {"rule": id_, "before": _state_in(before, id_), "after": _state_in(after, id_)}
            for id_ in dict.fromkeys([*before.entries, *after.entries])
        ]
        frame = pd.DataFrame(rows, columns=["rule", "before", "after"])
        return frame[frame["before"] != frame["after"]].reset_index(drop=True)

    def rollback(
        self, as_of: str | datetime, *, by: str, reason: str, at: str | datetime | None = None
    ) -> pd.DataFrame:
        """Bring all rules back to the states they had at a time, by new events; returns what changed.

        `as_of` is the moment to go back to, `at` the moment of the decision. Rules that did not exist then are retired.
        The history keeps everything.
        """
        if not by.strip() or not reason.strip():
            raise_problems([Problem("rollback", "needs a person and a reason", f"by={by!r}, reason={reason!r}")])
        with self._writing():
            changes = self.diff(self, as_of)
            for change in changes.to_dict("records"):
                state = change["after"] or "retired"
                if state != change["before"]:
                    content = {"rule": change["rule"], "state": state, "evidence": {}, "rollback_to": _end_of(as_of)}
                    self._write("moved", content, by, reason, at)
        return changes

    def verify(self, head: str | None = None) -> None:
        """Raise `DataError` when the log was changed; with a head noted earlier, also when its end was cut off."""
        self.log.verify(head)

    # --- what comes with the library -----------------------------------------------------------------------------

    @classmethod
    def builtin(
        cls, path: str | Path | None = None, at: str | datetime | None = None, columns: Iterable[str] | None = None
    ) -> Self:
        """A rule base in which all built-in rules are active, by events of its log with the reason "built in".

        Parameters
        ----------
        path : path, optional
            File of the log; rules (of the same content) that are in it already are left as they stand.
        at : time, optional
            When; now by default.
        columns : iterable of str, optional
            Only rules that read nothing but these features.

        Returns
        -------
        RuleBase

        Examples
        --------
        >>> base = RuleBase.builtin()
        >>> base.entry("irsf_burst").state, base.entry("irsf_burst").reason
        ('active', 'built in')
        """
        base = cls(path)
        add_builtin_rules(base, at, columns)
        return base

    def features(self) -> list[str]:
        """The features that rules read which fire or are in the shadow, for ``FeatureBuilder(columns=...)``.

        Examples
        --------
        >>> base = RuleBase()
        >>> rule = base.propose("long_calls", "minutes_30d > 6000 and fan_out_7d > 0.8", by="me")
        >>> base.shadow("long_calls", by="me", reason="an example")
        >>> base.features()
        ['fan_out_7d', 'minutes_30d']
        """
        rules = self.in_state("active", "watch", "shadow").values()
        return sorted({name for rule in rules for name in rule.columns})

    # --- use -----------------------------------------------------------------------------------------------------

    def compile(self, *states: State) -> RuleSet:
        """The rules of some states (by default those that fire), ready to be run."""
        rules = self.in_state(*states)
        return RuleSet.from_nodes({i: r.node for i, r in rules.items()}, self._replayed().profiles)

    def match(self, X: pd.DataFrame, *states: State) -> pd.DataFrame:
        """Which rules match which customers; columns are names of rules.

        A rule that cannot be answered matches nobody; a `QualityWarning` and ``attrs["set_aside"]`` of the result name
        it (name@version) with the reason. So do `similarity`, `score` and `alarms`.

        Raises
        ------
        DataError
            When no rule can be answered.
        """
        return self._with_rule_names(self.compile(*states).match(X))

    def similarity(self, X: pd.DataFrame, *states: State) -> pd.DataFrame:
        """How similar each customer is to each rule, 0 to 1; 1 exactly where it matches."""
        return self._with_rule_names(self.compile(*states).similarity(X))

    def restricted_to(self, columns: Iterable[str]) -> RuleBase:
        """The base with only those rules whose features are among some columns; it can be used, not changed."""
        known = set(columns)
        part = self.copy()
        now = self._replayed()
        part._now = replace(now, entries={i: e for i, e in now.entries.items() if e.rule.columns <= known})
        part._frozen = True
        return part

    def alarms(self, X: pd.DataFrame, settings: AlarmSettings | None = None, *states: State) -> pd.DataFrame:
        """Alarms of the rules that fire, one row a customer and rule.

        Parameters
        ----------
        X : DataFrame
            Features, one row a customer.
        settings : AlarmSettings, optional
            From which similarity on, in which language, with which words for features.
        *states : str
            Other states whose rules are to alarm, for a trial; by default those that fire.

        Returns
        -------
        DataFrame
            Index of `X`; the rule, whether it matches or resembles, its conditions in words, precision, expected loss
            in u, severity and action; the most urgent first within a customer.
        """
        rules = self.compile(*states)
        entries = {id_: self.entries[id_] for id_ in rules.nodes}
        return find_alarms(entries, rules, X, settings or AlarmSettings())

    def row_matcher(self, *states: State) -> RowMatcher:
        """The rules as a function of one row of features, for streams."""
        return RowMatcher(self.compile(*states))

    @staticmethod
    def cases(alarms: pd.DataFrame) -> pd.DataFrame:
        """Alarms of one customer joined into one case, the costliest first.

        Parameters
        ----------
        alarms : DataFrame
            Alarms with ``customer_id`` in the index (and ``as_of`` if there are several dates).

        Returns
        -------
        DataFrame
            Index ``case``; customer_id, first and last as_of (where known), alarms, rules, kinds, tier (match if any),
            similarity (the highest), expected_loss (the highest, not the sum: one customer is lost once), severity,
            action.
        """
        return alarms_to_cases(alarms)

    def match_in_engine(self, engine: Engine, relation: str, *states: State, key: Sequence[str] = KEY) -> pd.DataFrame:
        """Which customers of a table match which rules, computed by the engine that holds the table.

        Parameters
        ----------
        engine : Engine
            Of a warehouse (``wh.engine``), DuckDB or Spark.
        relation : str
            Features as the engine calls them: a table, a view, or a query in brackets.
        *states : str
            States whose rules are asked; by default those that fire.
        key : sequence of str
            Columns that name a row.

        Returns
        -------
        DataFrame
            Index: the key. One boolean column a rule, as `match` gives it.
        """
        return self._with_rule_names(match_in_engine(engine, relation, self.compile(*states), key))

    def try_rule(self, name: str, X: pd.DataFrame, y: Any = None, settings: AlarmSettings | None = None) -> RuleTrial:
        """Try a rule, in whatever state it is, on customers.

        Parameters
        ----------
        name : str
            Name or name@version.
        X : DataFrame
            Features, one row a customer.
        y : array-like, optional
            0 and 1 (1 is a case), or two labels by the rule of `RuleBase.learn`.
        settings : AlarmSettings, optional
            From which similarity on a customer resembles the rule; language and words of the examples.

        Raises
        ------
        DataError
            When a feature of the rule is missing, or the table is empty.

        Examples
        --------
        >>> base = RuleBase()
        >>> rule = base.propose("burst", "minutes > 30", by="me")
        >>> X = pd.DataFrame({"minutes": [40.0, 50.0, 3.0, None]})
        >>> base.try_rule("burst", X, [1, 0, 0, 0]).words()[0]
        'It fires on 2 of 4 customers (50.0 %).'
        """
        return try_rule(self, name, X, y, settings)

    def describe_evidence(self, name: str, language: str = "en") -> list[str]:
        """What speaks for a rule, in sentences.

        Parameters
        ----------
        name : str
            Name or name@version.
        language : {"en", "zh"}
            In which language.
        """
        return describe_evidence(self.entry(name), language)

    # --- inside --------------------------------------------------------------------------------------------------

    def _replayed(self) -> ReplayedLog:
        """The present state; only events that were not replayed yet are."""
        if not self._now.follows(self.log.events):  # some were taken back, or it is another log
            self._now = ReplayedLog()
        self._now.extend(self.log.events)
        return self._now

    def _warn_of_unreadable(self) -> None:
        for id_, reason in self._replayed().unreadable.items():
            text = f"rule {id_} can no longer be read and is set aside: {reason}\n  hint: propose it anew, simpler"
            warnings.warn(text, QualityWarning, stacklevel=3)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Alone with the log, after what others wrote; changes inside changes are written together."""
        if self._frozen:
            raise ConfigurationError("a past state of the base cannot be changed\n  hint: change the base itself")
        if self._writer == get_ident():
            yield
            return
        with self.log.writing():
            self._writer = get_ident()
            try:
                yield
            finally:
                self._writer = None

    def _write(self, event: str, content: Mapping[str, Any], by: str, reason: str, at: Any) -> None:
        with self._writing():
            self._replayed()
            time = self._time_of_next(at)
            self.log.add({"event": event, "time": time, "by": by, "reason": reason, **content})
            self._replayed()

    def _time_of_next(self, at: str | datetime | None) -> str:
        last = str(self.log.events[-1]["time"]) if self.log.events else ""
        time = _log_time(at)
        if at is not None and days_between(None, time) > _CLOCKS_DIFFER:
            hint = "times are UTC and tell when something was decided; mind the year"
            raise_problems([Problem("at", "a time that has not come yet", time, f"up to now, {_log_time(None)}", hint)])
        if time >= last:
            return time
        if at is not None:
            raise DataError(f"an event before the last one\n  given: {time}\n  last: {last}")
        if days_between(time, last) >= _CLOCKS_DIFFER:  # nothing may stop writing for years
            warnings.warn(_ahead_of_now(last), QualityWarning, stacklevel=5)
        return last

    def _adding_problems(self, rule: Rule, state: State) -> list[Problem]:
        where = f"rule {rule.id}"
        if state not in INITIAL_STATES:
            return [Problem(where, "a rule cannot begin there", state, ", ".join(INITIAL_STATES))]
        if rule.id in self.entries:
            return [Problem(where, "this version is in the base already", self.entries[rule.id].state)]
        return []

    def _to_move(self, name: str, state: State) -> RuleEntry:
        """The version meant: with several, the one that can go there."""
        if state not in STATES:
            raise_problems([Problem("rules", "unknown state", str(state), ", ".join(STATES))])
        found = self._replayed().versions(name)
        able = [e for e in found if transition_problem(e, state, "somebody", "something") is None]
        return able[-1] if able else self.entry(name)

    def _retire_earlier(self, rule: Rule, by: str, at: Any) -> None:
        for other in self._replayed().versions(rule.name):
            if other.state in _FIRING_STATES and other.rule.id != rule.id:
                self.change_state(other.rule.id, "retired", by=by, reason=f"replaced by {rule.id}", at=at)

    def _base_at(self, when: str | datetime | RuleBase) -> RuleBase:
        return when if isinstance(when, RuleBase) else self.as_of(when)

    def _with_rule_names(self, found: pd.DataFrame) -> pd.DataFrame:
        named = found.set_axis([self.entries[str(id_)].rule.name for id_ in found.columns], axis=1)
        named.attrs.update(found.attrs)
        return named

    def __repr__(self) -> str:
        states = [entry.state for entry in self.entries.values()]
        counts = ", ".join(f"{states.count(state)} {state}" for state in _ORDER if state in states)
        return f"RuleBase({counts or 'empty'}; {len(self.log.events)} events)"

    def _repr_html_(self) -> str:
        if not self.entries:
            return f"<b>{html.escape(repr(self))}</b>"
        shown = self.frame()[["rule", "version", "state", "category", "kind", "when", "since"]]
        return f"<b>{html.escape(repr(self))}</b>{shown.to_html(index=False)}"

    def copy(self) -> Self:
        """The same base in memory: changes of the copy are not written to the file."""
        other = type(self)()
        other.log = EventLog(self.log.events)
        return other


def _score_inputs(rules: RuleSet, X: pd.DataFrame) -> ScoreInputs:
    similarity = rules.similarity(X)
    return ScoreInputs(similarity.to_numpy(), rules.exceedance(X).to_numpy(), similarity.attrs)


def _is_about(event: Mapping[str, Any], name: str | None) -> bool:
    rule = str(event.get("rule", ""))
    return name is None or rule == name or rule.split("@")[0] == name


def _state_in(base: RuleBase, id_: str) -> str:
    entry = base.entries.get(id_)
    return "" if entry is None else entry.state


def _log_time(at: str | datetime | None) -> str:
    """UTC with microseconds, so that text order is time order."""
    return utc_time(at).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _ahead_of_now(last: str) -> str:
    return (
        "the last event of the rule base is of a time that has not come yet: the new one is given the same\n"
        f"  given: {last}\n"
        "  hint: check the clocks of the machines that write, and `history()` for a mistyped year"
    )


def _end_of(time: str | date) -> str:
    """A day means its end."""
    if isinstance(time, datetime) or (isinstance(time, str) and ":" in time):
        return _log_time(time)
    return _log_time(f"{read_day(time, 'a time')}T23:59:59.999999")

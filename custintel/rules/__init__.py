"""The rule base for fraud and arrears: rules with a life and a history, matches, resemblance."""

from __future__ import annotations

from custintel.rules._base import RuleBase
from custintel.rules._condition import Condition
from custintel.rules._rule import Rule
from custintel.rules._ruleset import RuleSet
from custintel.rules._sql import match_sql, similarity_sql
from custintel.rules._states import MOVES, STATES
from custintel.rules._stream import RowRules

__all__ = ["MOVES", "STATES", "Condition", "RowRules", "Rule", "RuleBase", "RuleSet", "match_sql", "similarity_sql"]

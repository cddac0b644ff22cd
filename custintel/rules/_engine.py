"""Rules where the data are: match and similarity over a table of an engine, DuckDB or Spark."""

from __future__ import annotations

from typing import TYPE_CHECKING

from custintel.rules._base import RuleBase
from custintel.rules._sql import match_sql, similarity_sql

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from custintel.engines import Engine
    from custintel.rules._ruleset import RuleSet

__all__ = ["match_on", "similarity_on"]

_KEY = ("customer_id",)


def match_on(engine: Engine, relation: str, rules: RuleBase | RuleSet, key: Sequence[str] = _KEY) -> pd.DataFrame:
    """Which customers of a table match which rules, computed by the engine that holds the table.

    Parameters
    ----------
    engine : Engine
        Of a warehouse (``wh.engine``), DuckDB or Spark.
    relation : str
        Features as the engine calls them: a table, a view, or a query in brackets.
    rules : RuleBase or RuleSet
        Of a base, the rules that fire.
    key : sequence of str
        Columns that name a row.

    Returns
    -------
    DataFrame
        Index: the key. One boolean column a rule, by name (of a base) or identity.

    Examples
    --------
    >>> import pandas as pd
    >>> from custintel.engines import DuckDBEngine
    >>> engine = DuckDBEngine()
    >>> engine.register("features", pd.DataFrame({"customer_id": ["a", "b"], "most_lines_a_device": [60, None]}))
    >>> base = RuleBase()
    >>> _ = base.propose("sim_bank", "most_lines_a_device >= 50", by="me")
    >>> base.shadow("sim_bank", by="me", reason="an example")
    >>> match_on(engine, "features", base.compile("shadow")).to_numpy().ravel().tolist()
    [True, False]
    """
    compiled = _compiled(rules)
    found = engine.native(match_sql(compiled, relation, ", ".join(key), engine.dialect))
    return _named(found, rules, compiled, key).astype(bool)


def similarity_on(engine: Engine, relation: str, rules: RuleBase | RuleSet, key: Sequence[str] = _KEY) -> pd.DataFrame:
    """How similar the customers of a table are to each rule, computed by the engine that holds the table.

    Parameters and index are those of `match_on`; values from 0 to 1, which is a match.
    """
    compiled = _compiled(rules)
    found = engine.native(similarity_sql(compiled, relation, ", ".join(key), engine.dialect))
    return _named(found, rules, compiled, key)


def _compiled(rules: RuleBase | RuleSet) -> RuleSet:
    return rules.compile() if isinstance(rules, RuleBase) else rules


def _named(found: pd.DataFrame, rules: RuleBase | RuleSet, compiled: RuleSet, key: Sequence[str]) -> pd.DataFrame:
    names = [rules.entries[id_].rule.name if isinstance(rules, RuleBase) else id_ for id_ in compiled.nodes]
    return found.set_index(list(key)).set_axis(names, axis=1)

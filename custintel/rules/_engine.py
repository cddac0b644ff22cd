"""Rules where the data are: match and similarity over a table of an engine, DuckDB or Spark."""

from __future__ import annotations

from typing import TYPE_CHECKING

from custintel.rules._base import RuleBase
from custintel.rules._set_aside import reported, told
from custintel.rules._sql import match_sql, similarity_sql

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pandas as pd

    from custintel.engines import Engine
    from custintel.rules._ruleset import RuleSet

    Writer = Callable[[RuleSet, str, str, str], str]

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
        Index: the key. One boolean column a rule, by name (of a base) or identity. A rule that the engine cannot
        answer (a column that is not there, a text inside a function of numbers) matches nobody; a `QualityWarning` and
        ``attrs["set_aside"]`` name it. A text that is compared with a number and says none is missing.

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
    return _answered(match_sql, engine, relation, rules, key).astype(bool)


def similarity_on(engine: Engine, relation: str, rules: RuleBase | RuleSet, key: Sequence[str] = _KEY) -> pd.DataFrame:
    """How similar the customers of a table are to each rule, computed by the engine that holds the table.

    Parameters and index are those of `match_on`; values from 0 to 1, which is a match.
    """
    return _answered(similarity_sql, engine, relation, rules, key).astype(float)


def _compiled(rules: RuleBase | RuleSet) -> RuleSet:
    return rules.compile() if isinstance(rules, RuleBase) else rules


def _answered(
    write: Writer, engine: Engine, relation: str, rules: RuleBase | RuleSet, key: Sequence[str]
) -> pd.DataFrame:
    """What the engine says of all rules that it can answer, and nothing of the others."""
    compiled = _compiled(rules)

    def run(part: RuleSet) -> pd.DataFrame:
        found = engine.native(write(part, relation, ", ".join(key), engine.dialect))
        return found.set_index(list(key)).set_axis(list(part.nodes), axis=1)

    try:
        found, aside = run(compiled), {}
    except Exception as error:
        aside = _failing(run, compiled, error)
        if not aside or len(aside) == len(compiled.nodes):
            raise
        found = run(compiled.only(set(compiled.nodes) - set(aside))).reindex(columns=list(compiled.nodes), fill_value=0)
    names = [rules.entries[id_].rule.name if isinstance(rules, RuleBase) else id_ for id_ in compiled.nodes]
    return reported(found.set_axis(names, axis=1), aside)


def _failing(run: Callable[[RuleSet], pd.DataFrame], rules: RuleSet, error: Exception) -> dict[str, str]:
    """Which rules fail, by asking half of them at a time."""
    names = list(rules.nodes)
    if len(names) == 1:
        return {names[0]: told(error)}
    found: dict[str, str] = {}
    for half in (names[: len(names) // 2], names[len(names) // 2 :]):
        try:
            run(rules.only(half))
        except Exception as wrong:
            found |= _failing(run, rules.only(half), wrong)
    return found

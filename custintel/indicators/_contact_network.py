"""The network around each customer: how closed it is, and how alike its people are.

Two people are connected if each called or texted the other. The weight of a connection is the number of half hours in
which one did, in both directions. A customer's records say what went out from the customer; what a number without
records sent is known from the customer who received it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from custintel.errors import DataError
from custintel.functions.function_context import Step
from custintel.indicators._cdr_indicators import cdr_indicators, check_warehouse, customer_index, run_record_steps
from custintel.indicators._indicator_options import IndicatorOptions, check_dates
from custintel.indicators._indicator_tables import StepRunner

if TYPE_CHECKING:
    from collections.abc import Sequence

    from custintel.dates import AsOf
    from custintel.warehouse import Warehouse


_HALF_HOUR = 1_800_000_000


def network_indicators(
    wh: Warehouse,
    attributes: Sequence[str] = (),
    *,
    as_of: AsOf | None = None,
    window: int | None = None,
    reciprocated: bool = False,
) -> pd.DataFrame:
    """Compute bandicoot's network indicators for all customers, under bandicoot's names.

    Parameters
    ----------
    wh : Warehouse
        With the table ``usage``, both sides of calls between customers.
    attributes : list of str, optional
        Columns of the table ``customers`` in which connected customers are compared.
    as_of, window, reciprocated
        As in `cdr_indicators`.

    Returns
    -------
    pandas.DataFrame
        Clustering coefficients (unweighted and weighted, of connections to customers and others); for each attribute
        the share of connected customers with the same value; for each weekly indicator the mean squared difference to
        connected customers.

    Examples
    --------
    >>> from custintel.warehouse import Warehouse
    >>> pairs = [(a, b) for a in "abc" for b in "abc" if a != b]
    >>> sides = [(a, b, "out") for a, b in pairs] + [(b, a, "in") for a, b in pairs]
    >>> texts = pd.DataFrame(sides, columns=["customer_id", "other_party", "direction"])
    >>> texts = texts.assign(service="sms", event_time="2025-06-02 12:00")
    >>> network_indicators(Warehouse.from_frames(usage=texts))["clustering_coefficient_unweighted"].tolist()
    [1.0, 1.0, 1.0]
    """
    check_warehouse(wh)
    options = IndicatorOptions(as_of=check_dates(as_of, window), window=window, reciprocated=reciprocated)
    with StepRunner(wh.engine) as runner:
        run_record_steps(wh, options, runner)
        runner.run(_edge_steps())
        index = customer_index(runner)
        closed = runner.rows(_clustering_step()).to_pandas().drop(columns="line")
        pairs = runner.rows(_pairs_step()).to_pandas()
    mine = cdr_indicators(
        wh, "week", as_of=as_of, window=window, reciprocated=reciprocated, splits=False, summary="default"
    )
    found = {name: closed[name].to_numpy("float64") for name in closed.columns}
    found |= {f"assortativity_attributes__{a}": _same_share(_values(wh, a, index), pairs) for a in attributes}
    found |= {f"assortativity_indicators__{c}": _distance(mine[c].to_numpy(), pairs) for c in mine.columns}
    return pd.DataFrame(found, index=index)


def _edge_steps() -> list[Step]:
    """Who talked with whom, in each direction, and who is connected."""
    nodes = """select name, row_number() over (order by name) as node
from (select customer_id as name from lines union select other_party from party_numbers)"""
    talks = f"""select n.node as own, m.node as other, outgoing, count(distinct tick // {_HALF_HOUR}) as w
from records join lines using (line) join nodes as n on n.name = customer_id
    join party_numbers using (party) join nodes as m on m.name = other_party
group by all"""
    flows = """select own as a, other as b, w from talks where outgoing
union all
select other, own, w from talks where not outgoing and other not in (select own from members)"""
    edges = (
        "select f.a, f.b, f.w + g.w as w\nfrom flows as f join flows as g on f.a = g.b and f.b = g.a\nwhere f.a <> f.b"
    )
    members = "select line, node as own\nfrom lines join nodes on name = customer_id"
    ego_networks = "select distinct own, other from talks\nunion\nselect own, own from members"
    return [
        Step("nodes", nodes, "customers and other parties by number"),
        Step("members", members, "customers among them"),
        Step("talks", talks, "half hours with each other party, by direction"),
        Step("flows", flows, "half hours in which one called or texted the other"),
        Step("edges", edges, "connections: both did"),
        Step("ego_networks", ego_networks, "each customer and all parties"),
    ]


def _clustering_step() -> Step:
    sql = """select line,
    case when degree > 1 then 2 * coalesce(closed, 0) / (degree * (degree - 1))
        when talked then 0 end as clustering_coefficient_unweighted,
    case when degree > 1 then 2 * coalesce(weighted / heaviest, 0) / (degree * (degree - 1))
        when talked then 0 end as clustering_coefficient_weighted
from members
left join (select own, true as talked from talks group by own) using (own)
left join (select a as own, count(*) as degree from edges group by a) using (own)
left join (
    select x.a as own, count(*) as closed, sum(pow(x.w * y.w * z.w, cast(1 as double) / 3)) as weighted
    from edges as x join edges as y on y.a = x.a and x.b < y.b join edges as z on z.a = x.b and z.b = y.b
    group by x.a
) using (own)
left join (
    select c.own, max(e.w) as heaviest
    from ego_networks as c join edges as e on e.a = c.other join ego_networks as d on d.own = c.own and d.other = e.b
    group by c.own
) using (own)
order by line"""
    return Step("clustering", sql, "closed triangles of connections")


def _pairs_step() -> Step:
    sql = """select m.line as i, n.line as j
from edges join members as m on m.own = a join members as n on n.own = b"""
    return Step("pairs", sql, "connected customers")


def _values(wh: Warehouse, attribute: str, index: pd.Index[str]) -> np.ndarray:
    """An attribute of each customer, as numbers; -1 where it is missing."""
    if "customers" not in wh.tables or attribute not in wh.columns("customers"):
        raise DataError(f"no column {attribute} in the table customers\n  hint: attributes are columns of customers")
    customers = wh.frame("customers").set_index("customer_id")[attribute].reindex(index)
    return np.asarray(pd.factorize(customers)[0])


def _same_share(values: np.ndarray, pairs: pd.DataFrame) -> np.ndarray:
    mine, other = values[pairs["i"]], values[pairs["j"]]
    return _mean(np.where((mine >= 0) & (other >= 0), (mine == other).astype(float), np.nan), pairs, len(values))


def _distance(values: np.ndarray, pairs: pd.DataFrame) -> np.ndarray:
    return _mean((values[pairs["i"]] - values[pairs["j"]]) ** 2, pairs, len(values))


def _mean(x: np.ndarray, pairs: pd.DataFrame, lines: int) -> np.ndarray:
    """The mean over each customer's connections that have a value."""
    known = ~np.isnan(x)
    who = pairs["i"].to_numpy()[known]
    count = np.bincount(who, minlength=lines)
    total = np.bincount(who, weights=x[known], minlength=lines)
    mean: np.ndarray = np.divide(total, count, out=np.full(lines, np.nan), where=count > 0)
    return mean

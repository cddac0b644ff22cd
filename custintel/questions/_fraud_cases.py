"""Labels of fraud with what is known of the case: its kind, its loss, and the ring that it belongs to.

One fraudster has many lines: on one account, in one household, in one device, or sold by one dealer who fakes
activations. Confirmed lines that share any of these make a *ring*. Whoever learns from one line of a ring and is judged
on another is judged on what it has seen, so a ring stands on one side of every split.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from custintel.questions.outcome_labels import outcome_labels

if TYPE_CHECKING:
    from collections.abc import Mapping

    from custintel.questions.question import Question
    from custintel.warehouse import Warehouse

_OWNERS = ("account_id", "household_id")
_OF_DEALERS = "dealer"


def fraud_labels(wh: Warehouse, as_of: Any, question: Question) -> pd.DataFrame:
    """Labels of fraud; see `fraud_answers` for what stands beside them."""
    return fraud_answers(wh, outcome_labels(wh, as_of, question.outcome))


def fraud_answers(wh: Warehouse, labels: pd.DataFrame) -> pd.DataFrame:
    """Labels of fraud with ``kind``, ``loss`` (u) and ``ring`` of the case of each row; missing without a case.

    Kind and loss stand where the label is 1; the ring in every row of a line that was ever confirmed.

    Examples
    --------
    >>> from custintel.warehouse import Warehouse
    >>> calls = pd.DataFrame({"customer_id": ["a", "b", "c"], "service": "sms", "direction": "out",
    ...                       "event_time": pd.Timestamp("2025-03-20"), "device_id": ["1", "1", "2"]})
    >>> cases = pd.DataFrame({"case_id": ["1", "2"], "customer_id": ["a", "b"], "kind": "sim_box",
    ...                       "event_time": pd.Timestamp("2025-04-02")})
    >>> index = pd.MultiIndex.from_product([[pd.Timestamp("2025-03-20")], list("abc")], names=["as_of", "customer_id"])
    >>> labels = pd.DataFrame({"label": [1.0, 1.0, 0.0]}, index)
    >>> fraud_answers(Warehouse.from_frames(usage=calls, cases=cases), labels)["ring"].tolist()
    ['ring 1', 'ring 1', nan]
    """
    cases = _first_cases(wh)
    customer = labels.index.get_level_values("customer_id")
    found = cases.reindex(customer).set_axis(labels.index)
    case = labels["label"] == 1
    return labels.assign(kind=found["kind"].where(case), loss=found["loss"].where(case), ring=found["ring"])


def _first_cases(wh: Warehouse) -> pd.DataFrame:
    """The first confirmed case of each line (arrears apart), with the ring of the line."""
    loss = "loss" if "loss" in wh.columns("cases") else "cast(null as double)"
    cases = wh.engine.sql(
        f"select customer_id, kind, {loss} as loss from {wh.relation('cases')}\n"
        "where kind <> 'arrears' order by customer_id, event_date, kind"
    )
    first = cases.drop_duplicates("customer_id").set_index("customer_id")
    return first.assign(kind=first["kind"].astype(object), ring=rings_of(first.index, _shared_marks(wh, first["kind"])))


def rings_of(lines: pd.Index, marks: pd.DataFrame) -> pd.Series:
    """The ring of each line: lines that share a mark, or are linked by others that do, are of one.

    Examples
    --------
    >>> marks = pd.DataFrame({"customer_id": ["a", "b", "b", "c"], "mark": ["payer 1", "payer 1", "phone", "phone"]})
    >>> rings_of(pd.Index(["a", "b", "c", "d"]), marks).to_dict()
    {'a': 'ring 1', 'b': 'ring 1', 'c': 'ring 1', 'd': 'ring 2'}
    """
    parent: dict[Any, Any] = {}

    def root(node: Any) -> Any:
        while (above := parent.setdefault(node, node)) != node:
            parent[node] = node = parent[above]
        return node

    for line, mark in marks[["customer_id", "mark"]].itertuples(index=False):
        parent[root(("line", line))] = root(("mark", mark))
    roots = [root(("line", line)) for line in lines]
    number: Mapping[Any, int] = {found: place for place, found in enumerate(dict.fromkeys(roots), start=1)}
    return pd.Series([f"ring {number[found]}" for found in roots], lines, dtype=object, name="ring")


def _shared_marks(wh: Warehouse, kind: pd.Series) -> pd.DataFrame:
    """What confirmed lines may share: payer, household, device, and the dealer of faked activations."""
    parts = [pd.DataFrame({"customer_id": [], "mark": []}, dtype=object)]
    if "customers" in wh.tables:
        parts += _customer_marks(wh, kind)
    if "usage" in wh.tables and "device_id" in wh.columns("usage"):
        used = wh.engine.sql(
            f"select distinct u.customer_id, u.device_id from {wh.relation('usage')} as u\n"
            f"join {wh.relation('cases')} as c on c.customer_id = u.customer_id and c.kind <> 'arrears'\n"
            "where u.device_id is not null"
        )
        parts.append(_marks(used, "device_id"))
    found = pd.concat(parts, ignore_index=True)
    return found[found["customer_id"].isin(kind.index)]


def _customer_marks(wh: Warehouse, kind: pd.Series) -> list[pd.DataFrame]:
    known = [name for name in (*_OWNERS, "dealer_id") if name in wh.columns("customers")]
    facts = wh.engine.sql(f"select {', '.join(['customer_id', *known])} from {wh.relation('customers')}")
    facts = facts[facts["customer_id"].isin(kind.index)]
    if "dealer_id" in facts:
        faked = (facts["customer_id"].map(kind) == _OF_DEALERS).to_numpy()
        facts["dealer_id"] = facts["dealer_id"].astype(object).where(faked, None)
    return [_marks(facts, name) for name in known]


def _marks(facts: pd.DataFrame, name: str) -> pd.DataFrame:
    given = facts.loc[facts[name].notna(), ["customer_id", name]]
    return pd.DataFrame({"customer_id": given["customer_id"], "mark": f"{name} " + given[name].astype(str)})

"""Outcomes of experiments: what came after a contact, or after being held back."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from custintel.errors import ConfigurationError, DataError
from custintel.questions import Question, question_labels
from custintel.warehouse import Warehouse

AS_OF = "2025-04-30"
WINDOW = {"window": "30d"}  # a contact of 10 May: 10 May to 8 June
QUESTION = Question("experiment", horizon_days=31, settings=WINDOW)

# billing type, last day with a call of the customer's own, cause and day of an end; stayed, in service
LIVES = [
    ("stays", "postpaid", "12-31", None, 1.0, 1.0),
    ("leaves on the day of the contact", "postpaid", "12-31", ("voluntary", "05-10"), 0.0, 0.0),
    ("leaves on the last day", "postpaid", "12-31", ("port_out", "06-08"), 0.0, 0.0),
    ("leaves afterwards", "postpaid", "12-31", ("voluntary", "06-09"), 1.0, 1.0),
    ("is cut off for debt", "postpaid", "12-31", ("involuntary", "05-20"), 1.0, 0.0),
    ("was gone the day before", "postpaid", "12-31", ("voluntary", "05-09"), "no row", "no row"),
    ("falls silent, with a contract", "postpaid", "05-15", None, 1.0, 1.0),
    ("falls silent, without one", "prepaid", "05-15", None, 0.0, 0.0),
    ("had fallen silent before and stays so", "prepaid", "04-28", None, 0.0, 0.0),
    ("falls silent afterwards", "prepaid", "06-08", None, 1.0, 1.0),
]


def operator(lives: dict[str, tuple[str, str, object]], end: str = "2025-12-31", **contacts: object) -> Warehouse:
    """Customers who call every day up to a day, half of them contacted on 10 May, the others held back."""
    calls = pd.concat(
        [
            pd.DataFrame({"customer_id": name, "event_time": pd.date_range("2025-01-01", min(f"2025-{last}", end))})
            for name, (_, last, _) in lives.items()
        ]
    )
    ends = [(n, *life[2]) for n, life in lives.items() if life[2] is not None]  # type: ignore[misc]
    names = list(lives)
    table = pd.DataFrame(
        {
            "contact_id": names, "customer_id": names, "offer_id": "call", "event_time": pd.Timestamp("2025-05-10"),
            "control": np.arange(len(names)) % 2 == 1, "propensity": 0.5, **contacts,
        }
    )  # fmt: skip
    last = pd.DataFrame({"customer_id": ["last"], "event_time": [pd.Timestamp(end)]})
    return Warehouse.from_frames(
        usage=pd.concat([calls, last]).assign(service="voice", direction="out"),
        customers=pd.DataFrame(
            {"customer_id": names, "activation_date": pd.Timestamp("2024-01-01"),
             "billing_type": [kind for kind, _, _ in lives.values()]}
        ),
        terminations=pd.DataFrame(
            {"customer_id": [e[0] for e in ends], "cause": [e[1] for e in ends],
             "event_time": pd.to_datetime([f"2025-{e[2]}" for e in ends])}
        ),
        contacts=table,
    )  # fmt: skip


def people(count: int = 12) -> dict[str, tuple[str, str, object]]:
    return {f"customer {k}": ("postpaid", "12-31", None) for k in range(count)}


@pytest.mark.parametrize(("name", "kind", "last", "ended", "stayed", "in_service"), LIVES, ids=[x[0] for x in LIVES])
def test_each_life(name: str, kind: str, last: str, ended: object, stayed: object, in_service: object) -> None:
    wh = operator({name: (kind, last, ended), **people(), "who left": ("postpaid", "12-31", ("voluntary", "05-30"))})
    for outcome, expected in (("stayed", stayed), ("in_service", in_service)):
        found = question_labels(
            wh, AS_OF, Question("experiment", horizon_days=31, settings={**WINDOW, "outcome": outcome})
        )
        assert found["label"].droplevel("as_of").get(name, "no row") == expected
        assert found["label"].droplevel("as_of")["customer 0"] == 1.0


def test_arms_and_chances() -> None:
    found = question_labels(
        operator(people(), propensity=np.where(np.arange(12) % 2 == 1, 0.02, 0.06)), AS_OF, QUESTION
    )
    assert set(found["treatment"]) == {"call", "control"}
    assert set(found["offer"]) == {"call"}
    by_arm = found.groupby("treatment")["propensity"].unique()
    assert by_arm["call"].tolist() == pytest.approx([0.75])
    assert by_arm["control"].tolist() == pytest.approx([0.25])


def chances(control: list[bool], propensity: object, campaign: object = "c") -> list[float]:
    """The chances within the experiment, in the order of the customers."""
    wh = operator(people(len(control)), control=control, propensity=propensity, campaign_id=campaign)
    found = question_labels(wh, AS_OF, QUESTION)["propensity"].droplevel("as_of")
    return [float(found[f"customer {k}"]) for k in range(len(control))]


def test_chances_of_a_campaign() -> None:
    arms = ([False] * 3 + [True]) * 5
    own = [0.3, 0.6, 0.9, 0.5] * 5
    assert chances(arms, own) == own
    assert chances(arms, np.nan) == [0.75, 0.75, 0.75, 0.25] * 5
    two = np.repeat(["c", "d"], 10)
    logged = np.where(two == "c", 0.2, np.nan)
    found = chances(([False] * 2 + [True] * 3) * 4, logged, two)
    assert found == pytest.approx([0.5] * 10 + [0.4, 0.4, 0.6, 0.6, 0.6] * 2)


def test_an_offer_without_control_group_is_left_out() -> None:
    names = np.where(np.arange(20) < 4, "device", "call")
    control = (np.arange(20) % 2 == 1) & (names == "call")
    found = question_labels(operator(people(20), offer_id=names, control=control), AS_OF, QUESTION)
    assert set(found["offer"]) == {"call"}


def test_an_experiment_without_control_group_is_refused() -> None:
    for control, said in ((False, "no control group"), (True, "nobody who was contacted")):
        with pytest.raises(DataError, match=said):
            question_labels(operator(people(), control=control), AS_OF, QUESTION)


def test_an_outcome_that_may_still_come_is_censored() -> None:
    lives = {**people(), "prepaid": ("prepaid", "12-31", None)}
    for end, known in (("2025-06-07", (False, False)), ("2025-06-08", (True, False)), ("2025-07-08", (True, True))):
        found = question_labels(operator(lives, end), AS_OF, QUESTION)["label"].droplevel("as_of")
        assert (pd.notna(found["customer 0"]), pd.notna(found["prepaid"])) == known


def test_an_expression_is_an_outcome_too() -> None:
    wh = operator({**people(), "calls less": ("postpaid", "05-12", None)})
    asked = {**WINDOW, "outcome": {"source": "usage", "target": "count(*)"}}
    found = question_labels(wh, AS_OF, Question("experiment", horizon_days=31, settings=asked))["label"]
    assert found.droplevel("as_of")["customer 0"] == 30
    assert found.droplevel("as_of")["calls less"] == 3


def test_an_outcome_that_nobody_wants_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="stayed, not churn"):
        Question("experiment", settings={"outcome": "churn"})
    with pytest.raises(ConfigurationError, match="unknown column of usage"):
        Question("experiment", settings={"outcome": {"source": "usage", "target": "sum(weight)"}})
    with pytest.raises(ConfigurationError, match="a text"):
        Question("experiment", settings={"outcome": {"source": "terminations", "target": "max(cause)"}})

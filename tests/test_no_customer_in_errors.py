"""Errors, and the chain behind them, show no value of a customer: planted ones are searched for."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from custintel import FeatureBuilder, Warehouse, train
from custintel.decide import DecisionLog, OfferValues
from custintel.errors import CustintelError
from custintel.metrics import GainDisplay
from custintel.reports import fraud_desk_report
from custintel.rules import RuleBase
from custintel.rules.monitoring.alarm_outcomes import record_outcomes

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MARKER = "Zoe-447911"
DAY = {"as_of": ["2025-06-30"], "action": ["sms"], "propensity": [0.5], "policy_version": ["1"]}


def calls() -> pd.DataFrame:
    return pd.DataFrame(
        {"customer_id": ["a"], "service": "voice", "direction": "out", "event_time": pd.to_datetime(["2025-06-30"])}
    )


def unreadable_table(_: Path) -> None:
    Warehouse.from_frames(usage=calls().assign(customer_id=MARKER, service=f"voice of {MARKER}", event_time="?"))


def broken_file(folder: Path) -> None:
    (folder / "usage.csv").write_text(
        "customer_id,event_time,service,direction\n" + 30 * f'{MARKER},2025-06-01,"voice\n' + f'{MARKER},"a"b"c,,,,,\n'
    )
    Warehouse.open(folder)


def customers_unknown(_: Path) -> None:
    listed = pd.DataFrame({"customer_id": ["a"], "billing_type": "prepaid", "activation_date": ["2025-01-01"]})
    FeatureBuilder(["usage"]).build(Warehouse.from_frames(usage=calls(), customers=listed), "2025-06-30", [MARKER])


def customers_twice(_: Path) -> None:
    FeatureBuilder(["usage"]).build(Warehouse.from_frames(usage=calls()), "2025-06-30", [MARKER, MARKER])


def decided_twice(_: Path) -> None:
    day = pd.DataFrame({"customer_id": [MARKER], **DAY})
    DecisionLog().append(pd.concat([day, day.assign(action="call")]))


def decided_again(_: Path) -> None:
    day, log = pd.DataFrame({"customer_id": [MARKER], **DAY}), DecisionLog()
    log.append(day)
    log.append(day.assign(decision_id=f"other of {MARKER}"))


def no_such_decision(_: Path) -> None:
    log = DecisionLog()
    log.append(pd.DataFrame({"customer_id": ["a"], **DAY}))
    log.record(pd.DataFrame({"decision_id": [MARKER], "outcome": [1.0]}))


def customer_without_a_cost(_: Path) -> None:
    value = pd.DataFrame({"sms": [1.0, 2.0]}, index=["a", MARKER])
    OfferValues.from_wide(value, pd.DataFrame({"sms": [1.0]}, index=["a"]))


def customer_with_two_values(_: Path) -> None:
    OfferValues.from_wide(pd.DataFrame({"sms": [1.0, 2.0]}, index=[MARKER, MARKER]), {"sms": 0.5})


def target_of_names(_: Path) -> None:
    table = pd.DataFrame({"bill": range(60), "left": ["yes", "no"] * 29 + ["no", MARKER]})
    train("churn", table=table, target="left", tracking=False)


def outcome_of_no_class(_: Path) -> None:
    class Fitted:
        classes_ = np.array(["no", "yes"])

        def predict_proba(self, X: pd.DataFrame) -> np.ndarray:
            return np.full((len(X), 2), 0.5)

    GainDisplay.from_estimator(Fitted(), pd.DataFrame({"x": [1.0, 2.0]}), ["no", MARKER])


def alarmed() -> tuple[RuleBase, pd.DataFrame]:
    base = RuleBase()
    base.propose("burst", "minutes > 30", kind="irsf", loss=400, by="me")
    base.shadow("burst", by="me", reason="three cases")
    X = pd.DataFrame({"minutes": [45.0]}, index=pd.Index([MARKER], name="customer_id"))
    return base, base.alarms(X, None, "shadow")


def unknown_outcome(_: Path) -> None:
    record_outcomes(*alarmed(), pd.DataFrame({"customer_id": [MARKER], "outcome": [f"fraud by {MARKER}"]}), by="me")


def contradicting_outcomes(_: Path) -> None:
    record_outcomes(*alarmed(), pd.DataFrame({"customer_id": [MARKER] * 2, "outcome": ["fraud", "not"]}), by="me")


def outcome_of_the_desk(_: Path) -> None:
    base, alarms = alarmed()
    told = pd.DataFrame({"customer_id": [MARKER], "outcome": [f"fraud by {MARKER}"], "time": ["2025-06-30"]})
    fraud_desk_report(base, alarms, outcomes=told)


MISTAKES = [
    unreadable_table, broken_file, customers_unknown, customers_twice, decided_twice, decided_again, no_such_decision,
    customer_without_a_cost, customer_with_two_values, target_of_names, outcome_of_no_class, unknown_outcome,
    contradicting_outcomes, outcome_of_the_desk,
]  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda f: f.__name__)
def test_no_error_shows_a_value_of_a_customer(mistake: Callable[[Path], None], tmp_path: Path) -> None:
    with pytest.raises(CustintelError) as told:
        mistake(tmp_path)
    said = [str(e) for e in _chain(told.value)]
    assert not any(MARKER.lower() in text.lower() for text in said), said


def _chain(error: BaseException | None) -> list[BaseException]:
    """An error and those that a traceback shows with it."""
    if error is None:
        return []
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    assert traceback.format_exception_only(error)
    return [error, *_chain(before)]

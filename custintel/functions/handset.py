"""The present handset: what it is and what it could do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from custintel.functions._declared import Reads, sql_function
from custintel.functions.imei import used_devices

if TYPE_CHECKING:
    from custintel.functions._question import Question
    from custintel.functions._step import Step

__all__ = ["handset"]

_MODEL = ("maker", "kind", "technology", "launch_date", "dual_sim")


@sql_function(
    "handset",
    reads=[
        Reads("usage", required=("device_id", "event_time"), days=90),
        Reads("devices", required=("device_id",), optional=_MODEL),
    ],
    gives={name: (f"devices.{name}",) for name in _MODEL},
)
def handset(question: Question) -> list[Step]:
    """The device seen last in 90 days, looked up in the list of devices."""
    sql = f"""select u.customer_id, u.as_of, {", ".join(f"d.{name}" for name in _MODEL)}
from {question.name}_used as u
join (
{question.listed("devices")}
) as d on d.device_id = u.device_id
where u.place = 1"""
    return [used_devices(question), question.step("answer", sql, "the device in use")]

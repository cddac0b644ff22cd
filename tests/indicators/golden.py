"""bandicoot's sample files as a warehouse, and its results as one flat mapping."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pandas as pd

from custintel.indicators._bandicoot_differences import DIFFERENCES
from custintel.warehouse import Warehouse

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

USAGE = {
    "customer_id": "customer",
    "event_time": {"column": "datetime", "format": "%Y-%m-%d %H:%M:%S"},
    "service": {"column": "interaction", "values": {"call": "voice", "text": "sms", "data": "data"}},
    "direction": "direction",
    "other_party": "correspondent_id",
    "duration_s": "call_duration",
    "cell_id": "antenna_id",
}
RECHARGES = {
    "recharge_id": "line",
    "customer_id": "customer",
    "event_time": {"column": "datetime", "format": "%Y-%m-%d"},
    "amount": "amount",
}


def read_records(path: Path, customer: str | None = None) -> pd.DataFrame:
    """Records of one customer; the line number keeps what is there twice."""
    frame = pd.read_csv(path, dtype=str)
    return frame.assign(customer=customer or path.stem, line=range(len(frame)))


def warehouse(
    records: pd.DataFrame,
    antennas: Path | None = None,
    recharges: pd.DataFrame | None = None,
    customers: pd.DataFrame | None = None,
) -> Warehouse:
    """The warehouse of these files."""
    tables: dict[str, Any] = {"usage": records} | ({} if customers is None else {"customers": customers})
    rename: dict[str, Any] = {"usage": USAGE}
    if antennas is not None:
        tables["cells"] = pd.read_csv(antennas, dtype=str)
        rename["cells"] = {"cell_id": "antenna_id", "latitude": "latitude", "longitude": "longitude"}
    if recharges is not None:
        tables["recharges"], rename["recharges"] = recharges, RECHARGES
    return Warehouse.from_frames(rename=rename, latest="2026-01-01", **tables)


def read_recharges(path: Path, customer: str) -> pd.DataFrame:
    """Top-ups; bandicoot reads a missing amount as 0."""
    frame = pd.read_csv(path, dtype=str)
    return frame.assign(customer=customer, line=range(len(frame)), amount=frame["amount"].fillna("0"))


def read_golden(path: Path) -> dict[str, Any]:
    """The indicators of a result of bandicoot, flat, without reporting, name and attributes."""
    given = json.loads(path.read_text())
    if len(given) == 1:
        given = next(iter(given.values()))
    return {key: value for key, value in flat(given) if key.split("__")[0] not in ("reporting", "name", "attributes")}


def flat(given: Mapping[str, Any], before: str = "") -> list[tuple[str, Any]]:
    """Nested keys joined by two underscores."""
    pairs = [(f"{before}__{key}" if before else key, value) for key, value in given.items()]
    return [p for key, value in pairs for p in (flat(value, key) if isinstance(value, dict) else [(key, value)])]


def mismatches(found: pd.Series, golden: Mapping[str, Any], tolerance: float) -> dict[str, tuple[Any, Any]]:
    """Keys whose values differ, or that are missing on one side only."""
    return {key: (value, found.get(key)) for key, value in golden.items() if not _equal(found, key, value, tolerance)}


def _equal(found: pd.Series, key: str, value: Any, tolerance: float) -> bool:
    if key not in found.index:
        return False
    if value is None or pd.isna(found[key]):
        return value is None and bool(pd.isna(found[key]))
    return abs(found[key] - value) <= tolerance * max(1.0, abs(value))


def left_out(golden: Mapping[str, Any], name: str) -> set[str]:
    """The keys of a golden file that the list of differences names."""
    patterns = [p for one in DIFFERENCES for file, p in one.keys if file in ("*", name)]
    return {key for key in golden if any(re.fullmatch(pattern, key) for pattern in patterns)}

"""A small random operator: every table of the contracts, filled by type, with delays, gaps and extremes."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
import pandas as pd

from custintel.contracts.table_contracts import TABLES, ColumnContract, TableContract

START, DAYS = pd.Timestamp("2025-01-01"), 300
ROWS = {"usage": 900, "subscriptions": 40, "customers": 0, "accounts": 12, "plans": 5, "cells": 6, "numbering": 6}
CUSTOMERS = [f"C{n:02d}" for n in range(12)]
NUMBERS = [f"88{n % 3}{n}" for n in (13, 0, 1, 2, 3, 4, 5, 6, 0, 1, 2, 12)]
"""The customers' numbers, the same for all seeds; some were held by another line before, the first nobody calls."""
KEYS = {"customer_id": CUSTOMERS, "msisdn": NUMBERS, "prefix": ["8", "88", "880", "881", "8811", "99"]}
SILENT = "C11"
"""A customer with no row in any table of events."""


def random_tables(seed: int) -> dict[str, pd.DataFrame]:
    """All tables, the same for the same seed."""
    return {name: _table(contract, seed) for name, contract in TABLES.items()}


def _table(contract: TableContract, seed: int) -> pd.DataFrame:
    count = len(CUSTOMERS) if contract.name == "customers" else ROWS.get(contract.name, 150)
    draws = {c: _draws(seed, contract.name, c) for c in contract.columns}
    frame = pd.DataFrame({c.name: _column(c, contract, count, draws[c.name]) for c in contract.columns.values()})
    if contract.event_time and contract.arrival_time:
        frame[contract.arrival_time] = _late(frame[contract.event_time], draws[contract.arrival_time])
    if contract.name == "usage":
        frame["number_range"] = [_range(number) for number in frame["other_party"]]
    for column in contract.columns.values():
        if column.name == contract.not_self:  # nobody calls the own number
            own = frame["customer_id"].map(dict(zip(CUSTOMERS, NUMBERS, strict=True)))
            frame[column.name] = frame[column.name].where(frame[column.name] != own, None)
        if column.known_at == column.name:
            frame[column.name] = _late(frame[contract.event_time], draws[column.name])
    return frame


def _range(number: object) -> str | None:
    """The longest prefix of every other number, as an operator may have looked it up."""
    fits = [prefix for prefix in KEYS["prefix"] if str(number).startswith(prefix)]
    return max(fits, key=len) if fits and len(str(number)) % 2 else None


def _draws(seed: int, *names: str) -> np.random.Generator:
    """Random numbers of one column: another table or column of the contracts moves no other column."""
    return np.random.default_rng([seed, *(zlib.crc32(name.encode()) for name in names)])


def _column(column: ColumnContract, contract: TableContract, count: int, rng: np.random.Generator) -> Any:
    if contract.key == (column.name,) or column.name == "msisdn":
        return KEYS.get(column.name) or [f"{column.name[:2]}{n}" for n in range(count)]
    if column.name == contract.event_time:
        return _times(column, contract, count, rng)
    values = pd.Series(_values(column, count, rng)).astype(object)
    if not column.required:
        values[rng.random(count) < 0.15] = None
    return values.infer_objects()


def _times(column: ColumnContract, contract: TableContract, count: int, rng: np.random.Generator) -> Any:
    early = contract.name in ("customers", "accounts")
    seconds = rng.integers(0, (60 if early else DAYS) * 86_400, count)
    moments = START + pd.to_timedelta(seconds, unit="s")
    return moments.normalize() if column.type == "date" else moments


def _values(column: ColumnContract, count: int, rng: np.random.Generator) -> Any:
    if column.references:
        names = {"customers": CUSTOMERS[:-1], "accounts": [f"ac{n}" for n in range(12)]}
        known = names.get(column.references, [f"{column.name[:2]}{n}" for n in range(5)])
        return rng.choice(known, count)
    if column.values:
        return rng.choice(list(column.values), count)
    return _free(column, count, rng)


def _free(column: ColumnContract, count: int, rng: np.random.Generator) -> Any:
    low = 0.0 if column.min is None and column.max is not None else (column.min or 0.0)
    low = -50.0 if column.max == 0 else low
    high = low + 400 if column.max is None else min(column.max, low + 400)
    if column.type == "number":
        return np.round(rng.uniform(low, high, count), 4) * (rng.random(count) > 0.2)
    if column.type == "integer":
        return rng.integers(int(low), int(high) + 1, count)
    if column.type == "boolean":
        return rng.random(count) < 0.4
    if column.type in ("date", "timestamp"):
        return START + pd.to_timedelta(rng.integers(0, DAYS, count), unit="D")
    if column.name == "other_party":  # lines of ours and some others
        return [f"88{n % 3}{n}" for n in np.floor(13 * rng.random(count) ** 3).astype(int)]
    return [f"{column.name[:3]}{n}" for n in np.floor(9 * rng.random(count) ** 2).astype(int)]  # some more often


def _late(times: pd.Series, rng: np.random.Generator) -> pd.Series:
    """Mostly the same moment, sometimes days later, sometimes not known."""
    delay = np.where(rng.random(len(times)) < 0.25, rng.uniform(0, 25, len(times)), rng.uniform(0, 0.02, len(times)))
    late = (pd.to_datetime(times) + pd.to_timedelta(delay, unit="D")).dt.floor("s")
    return late.where(rng.random(len(times)) > 0.1)

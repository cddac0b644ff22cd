"""Shared fixtures: where the third-party data lie, and small operators."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


def _data_folder() -> Path | None:
    given = os.environ.get("CUSTINTEL_DATA")
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    for place in [Path(given)] if given else [beside]:
        if place.is_dir():
            return place
    return None


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The folder of third-party data, or a skip with its reason."""
    place = _data_folder()
    if place is None:
        pytest.skip("third-party data absent: set CUSTINTEL_DATA to its folder")
    return place

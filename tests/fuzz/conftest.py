"""What a fuzz test counts: inputs tried, answered and refused. Anything else, a crash or a hang, is a failure."""

from __future__ import annotations

import time
import warnings
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from custintel.errors import CustintelError

if TYPE_CHECKING:
    from collections.abc import Callable

SECONDS = 20.0  # an answer or a refusal that takes longer is a hang
LONGEST_MESSAGE = 20_000


class Attack:
    """Gives inputs to a door of the library, and counts how it answers."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter(tried=0, answered=0, refused=0)

    def __call__(self, door: Callable[..., Any], *given: Any) -> Any:
        """Open the door with an input: its answer, or None where it was refused with an error of the library."""
        self.counts["tried"] += 1
        started, message = time.perf_counter(), ""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                answer = door(*given)
            self.counts["answered"] += 1
        except CustintelError as error:
            answer, message = None, str(error)
            self.counts["refused"] += 1
        assert len(message) < LONGEST_MESSAGE, "an error that nobody can read"
        assert time.perf_counter() - started < SECONDS, "hangs"
        return answer


@pytest.fixture
def attack(record_property: Callable[[str, object], None]) -> Any:
    """The attack of one test; its counts go into the JUnit file that `experiments/reliability.py` reads."""
    one = Attack()
    yield one
    for name, count in one.counts.items():
        record_property(name, count)
    assert one.counts["tried"] >= 50

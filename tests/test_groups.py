"""Groups of tests reach the scheduler of pytest-xdist: otherwise each worker silently makes every wide fixture."""

from __future__ import annotations

import pytest


@pytest.mark.xdist_group("groups")
def test_the_group_is_part_of_the_name_that_the_scheduler_reads(request: pytest.FixtureRequest) -> None:
    if not getattr(request.config.option, "loadgroup", False):
        pytest.skip("only with --dist loadgroup")
    # pytest-xdist 3.8 writes it where pytest 9.2 no longer looks: setup.cfg keeps pytest below 9.2 until a later
    # pytest-xdist passes this test with it
    assert request.node.nodeid.endswith("@groups")

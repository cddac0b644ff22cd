"""Commands run as a user would run them."""

from __future__ import annotations

import pytest

from custintel.cli import main


def run(*arguments: object) -> int:
    """Exit code of a command."""
    with pytest.raises(SystemExit) as end:
        main([str(argument) for argument in arguments])
    return int(end.value.code or 0)

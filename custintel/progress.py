"""Progress bars (rich) for whatever takes more than two seconds; silent when output is not a terminal.

>>> for month in track(range(3), "months"):
...     pass
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence


T = TypeVar("T")


def track(items: Sequence[T] | Iterable[T], about: str, total: int | None = None) -> Iterator[T]:
    """Iterate with a progress bar on stderr.

    Parameters
    ----------
    items : iterable
        What is worked through.
    about : str
        What is being done, in a few words.
    total : int, optional
        Number of items when `items` has no length.

    Examples
    --------
    >>> list(track([1, 2], "counting"))
    [1, 2]
    """
    from rich.console import Console
    from rich.progress import track as rich_track

    shown = sys.stderr.isatty()
    yield from rich_track(
        items, description=about, total=total, transient=True, disable=not shown, console=Console(stderr=True)
    )

"""What the commands print: tables for people (by rich), JSON or a file for machines, errors and warnings on stderr."""

from __future__ import annotations

import json
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from custintel.errors import ConfigurationError, LeakageWarning, QualityWarning
from custintel.files.atomic_write import atomic_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    import pandas as pd


_WIDTH = 120
_NAMES = {
    "auc": "AUC",
    "average_precision": "average precision",
    "lift_10": "lift, top 10 %",
    "brier": "Brier score",
    "ece": "calibration error (ECE)",
    "empc": "profit per customer (EMPC)",
}


def out(stderr: bool = False) -> Console:
    """A console; lines of a file or a pipe are not folded at 80 columns."""
    console = Console(stderr=stderr, highlight=False)
    return console if console.is_terminal else Console(stderr=stderr, highlight=False, width=_WIDTH)


def say(text: str) -> None:
    """One line of result."""
    out().print(text, soft_wrap=True, markup=False)


def step(text: str) -> None:
    """One line that says what happens now."""
    out(stderr=True).print(f"[bold cyan]>[/] {escape(text)}")


def show_error(error: BaseException) -> None:
    """What went wrong, without the traceback."""
    console = out(stderr=True)
    console.print("[bold red]error[/]", end=" ")
    console.print(str(error) or type(error).__name__, markup=False, soft_wrap=True)


def show_frame(frame: pd.DataFrame, title: str, limit: int = 200) -> None:
    """A data frame as a table; numbers to the right."""
    frame = frame if frame.index.name is None else frame.reset_index()
    table = Table(title=title, title_justify="left", header_style="bold")
    for name in frame.columns:
        table.add_column(str(name), justify="right" if frame[name].dtype.kind in "iuf" else "left", overflow="fold")
    for row in frame.head(limit).itertuples(index=False):
        table.add_row(*[_cell(value) for value in row])
    out().print(table)
    if len(frame) > limit:
        say(f"... and {len(frame) - limit:,} more rows")


def show_metrics(metrics: Mapping[str, Mapping[str, float]], title: str) -> None:
    """Metrics with their intervals."""
    table = Table(title=title, title_justify="left", header_style="bold")
    for name, side in (("metric", "left"), ("value", "right"), ("95 % interval", "right")):
        table.add_column(name, justify="left" if side == "left" else "right")
    for name, m in metrics.items():
        table.add_row(_NAMES.get(name, name), f"{m['value']:.4f}", f"{m['low']:.4f} to {m['high']:.4f}")
    out().print(table)


def show_lines(lines: Sequence[str], title: str) -> None:
    """A list of remarks."""
    if lines:
        out().print(f"[bold]{title}[/]")
    for line in lines:
        out().print(f"  - {line}", markup=False, soft_wrap=True)


@contextmanager
def spoken_warnings() -> Iterator[None]:
    """Our warnings as yellow lines on stderr; those of other libraries are for developers and stay unseen."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", LeakageWarning)
        warnings.simplefilter("always", QualityWarning)
        warnings.showwarning = _speak
        yield


def _speak(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    del category, filename, lineno, file, line
    console = out(stderr=True)
    console.print("[bold yellow]warning[/]", end=" ")
    console.print(str(message), markup=False, soft_wrap=True)


def _cell(value: Any) -> str:
    if value is None or value != value:
        return ""
    if isinstance(value, float):
        return f"{value:,.4g}"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return str(value)


_SUFFIXES = (".csv", ".parquet", ".json")


def emit(frame: pd.DataFrame, title: str, as_json: bool, out: Path | None, shown: list[str] | None = None) -> None:
    """Show some columns of a frame, or give all of it to a machine."""
    if out is not None:
        say(f"{len(frame):,} rows: {_save(frame, out)}")
    if as_json:
        emit_json(frame.to_dict("records"))
    elif out is None:
        show_frame(frame if shown is None else frame[shown], title, limit=2_000)


def emit_json(content: Any) -> None:
    """JSON on stdout; what has no place in it becomes text."""
    typer.echo(json.dumps(content, ensure_ascii=False, indent=1, default=str))


def written(frame: pd.DataFrame, between: str = "; ") -> pd.DataFrame:
    """The frame with lists as texts and mappings as JSON, so that every kind of file can hold it."""
    out = frame.copy()
    for name in out.select_dtypes("object").columns:
        out[name] = [_written(value, between) for value in out[name]]
    return out


def _written(value: Any, between: str) -> Any:
    if isinstance(value, list | tuple):
        return between.join(map(str, value))
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else value


def _save(frame: pd.DataFrame, out: Path) -> Path:
    from custintel.scoring.write_scores import write_scores

    suffix = out.suffix.lower()
    if suffix not in _SUFFIXES:
        raise ConfigurationError(
            f"cannot write to {out}\n  given: {suffix or 'no suffix'}\n  allowed: {', '.join(_SUFFIXES)}"
        )
    if suffix != ".json":
        return write_scores(written(frame), out)
    with atomic_file(out) as fresh:
        text = json.dumps(frame.to_dict("records"), ensure_ascii=False, indent=1, default=str)
        fresh.write_text(text + "\n", encoding="utf-8")
    return out

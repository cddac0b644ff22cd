"""A result for people (a table on the terminal) or for machines (JSON on stdout, or a file)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from custintel.cli._show import say, show_frame
from custintel.errors import ConfigurationError
from custintel.replacing import replacing_file

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["AsJson", "Out", "emit", "emit_json", "written"]

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
Out = Annotated[Path | None, typer.Option("--out", help="Write to this .csv, .parquet or .json file.")]

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
    from custintel.scoring import write_list

    suffix = out.suffix.lower()
    if suffix not in _SUFFIXES:
        raise ConfigurationError(
            f"cannot write to {out}\n  given: {suffix or 'no suffix'}\n  allowed: {', '.join(_SUFFIXES)}"
        )
    if suffix != ".json":
        return write_list(written(frame), out)
    with replacing_file(out) as fresh:
        text = json.dumps(frame.to_dict("records"), ensure_ascii=False, indent=1, default=str)
        fresh.write_text(text + "\n", encoding="utf-8")
    return out

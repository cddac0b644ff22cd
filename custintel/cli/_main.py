"""The application, and what it does when something goes wrong.

The exit codes are those of `ExitCode`. A short message says why; ``--debug`` shows where.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from custintel._version import __version__
from custintel.cli import _alarms_command as _alarms
from custintel.cli import _decide_command as _decide
from custintel.cli import _demo_command as _demo
from custintel.cli import _feature_commands as _features
from custintel.cli import _model_commands as _models
from custintel.cli import _rule_commands as _rules
from custintel.cli import _table_commands as _tables
from custintel.cli._exit_codes import REFUSALS, ExitCode
from custintel.cli._terminal_output import say, show_error, spoken_warnings
from custintel.errors import without_values

if TYPE_CHECKING:
    from collections.abc import Sequence


app = typer.Typer(
    name="custintel",
    help="Customer intelligence for telecom operators: tables, features, churn, value, fraud, decisions, lists.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("simulate")(_tables.simulate)
app.command("check")(_tables.check)
app.command("import")(_tables.import_tables)
app.command("reidentify")(_tables.reidentify)
app.add_typer(_features.app, name="features")
app.command("train")(_models.train)
app.command("report")(_models.report)
app.command("score")(_models.score)
app.command("decide")(_decide.decide)
app.add_typer(_rules.app, name="rules")
app.command("alarms")(_alarms.alarms)
app.command("demo")(_demo.demo)


def _say_version(asked: bool) -> None:
    if asked:
        say(f"custintel {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", help="Say the version and stop.", callback=_say_version, is_eager=True)
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Options before any command."""
    del version, debug  # main looks for --debug, so that it may stand anywhere


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point: run a command and leave with its exit code.

    Parameters
    ----------
    arguments : sequence of str, optional
        Instead of those of the process.

    Examples
    --------
    >>> main(["features", "check"])
    Traceback (most recent call last):
        ...
    SystemExit: 0
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in given
    try:
        with spoken_warnings():
            app([argument for argument in given if argument != "--debug"], prog_name="custintel")
    except REFUSALS as error:
        if debug:
            raise
        show_error(error)
        raise SystemExit(int(ExitCode.REFUSED)) from None
    except KeyboardInterrupt:
        show_error(KeyboardInterrupt("stopped"))
        raise SystemExit(int(ExitCode.STOPPED)) from None
    except Exception as error:
        if debug:
            raise
        told = f"unexpected {type(error).__name__}: {without_values(error)}"
        show_error(RuntimeError(f"{told}\n  hint: --debug shows where; please report it"))
        raise SystemExit(int(ExitCode.BUG)) from None

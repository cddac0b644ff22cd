"""The application, and what it does when something goes wrong.

The exit codes are those of `ExitCode`. A short message says why; ``--debug`` shows where.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from custintel._version import __version__
from custintel.cli._command_loading import CommandEntry, LazyGroup
from custintel.cli._exit_codes import ExitCode, is_refusal
from custintel.cli._terminal_output import say, show_error, spoken_warnings
from custintel.errors import without_values

if TYPE_CHECKING:
    from collections.abc import Sequence


COMMANDS = {
    "simulate": CommandEntry(
        "_table_commands",
        "simulate",
        "Write the tables of an invented operator whose truth is known.",
    ),
    "check": CommandEntry(
        "_table_commands",
        "check",
        "Say what the tables hold, and which rows were set aside and why; exit code 3 when these are too many.",
    ),
    "import": CommandEntry(
        "_table_commands",
        "import_tables",
        "Check the tables and write the checked warehouse: Parquet, rows set aside, and the report of the check.",
    ),
    "reidentify": CommandEntry(
        "_table_commands",
        "reidentify",
        "Put the original identifiers back into a list; needs the key of the pseudonyms.",
    ),
    "ask": CommandEntry(
        "_ask_command",
        "ask",
        "Count what a question would learn from and be judged on, date by date, before anything is trained.",
    ),
    "train": CommandEntry(
        "_model_commands",
        "train",
        "Learn a model from an operator's tables, or from one flat table, and judge it on rows it has not seen.",
    ),
    "report": CommandEntry(
        "_model_commands",
        "report",
        "Write the report of a trained model again.",
    ),
    "score": CommandEntry(
        "_model_commands",
        "score",
        "Score customers and write the list with reasons.",
    ),
    "decide": CommandEntry(
        "_decide_command",
        "decide",
        "Give each customer at most one offer, within all limits, so that the sum of values is largest.",
    ),
    "alarms": CommandEntry(
        "_alarms_command",
        "alarms",
        "Run the rules that are active or under watch, and write alarms with matched and missed conditions in words.",
    ),
    "demo": CommandEntry(
        "_demo_command",
        "demo",
        "Simulate an operator and ask who leaves, what customers are worth, who is a fraud, and what to offer whom.",
    ),
    "features": CommandEntry(
        "_feature_commands",
        "app",
        "What can be known about a customer: list, describe, show as SQL, check own files, build the table.",
    ),
    "rules": CommandEntry(
        "_rule_commands",
        "app",
        "The rule base of fraud and arrears: list, show, test, learn, approve, look back, check its log.",
    ),
}
"""Every command: the word that the user writes, where it is, and the first sentence of its help."""


class _Custintel(LazyGroup):
    entries = COMMANDS


app = typer.Typer(
    name="custintel",
    cls=_Custintel,
    help="Customer intelligence for telecom operators: tables, features, churn, value, fraud, decisions, lists.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


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
    except KeyboardInterrupt:
        show_error(KeyboardInterrupt("stopped"))
        raise SystemExit(int(ExitCode.STOPPED)) from None
    except Exception as error:
        if debug:
            raise
        if is_refusal(error):
            show_error(error)
            raise SystemExit(int(ExitCode.REFUSED)) from None
        told = f"unexpected {type(error).__name__}: {without_values(error)}"
        show_error(RuntimeError(f"{told}\n  hint: --debug shows where; please report it"))
        raise SystemExit(int(ExitCode.BUG)) from None

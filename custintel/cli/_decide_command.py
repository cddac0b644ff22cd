"""``decide``: who gets which offer."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from custintel.cli._rule_input import read_rows
from custintel.cli._terminal_output import say, show_frame, show_lines, step
from custintel.errors import ConfigurationError

# ruff: noqa: PLR0913  (the arguments of a command are its options)


def decide(
    values: Annotated[
        Path, typer.Argument(help="Rows of customer_id, offer, value, cost (and se, household): .csv, .parquet.")
    ],
    constraints: Annotated[Path, typer.Option(help="YAML file of budget, capacities, contact policy, exploration.")],
    out: Annotated[Path, typer.Option(help="The .csv or .parquet file to write.")] = Path("decisions.parquet"),
    contacts: Annotated[Path | None, typer.Option(help="Recent contacts: .csv or .parquet.")] = None,
    as_of: Annotated[str | None, typer.Option(help="Day of the decision.")] = None,
    risk: Annotated[float, typer.Option(min=0, help="Standard errors taken off each value.")] = 0.0,
    log: Annotated[Path | None, typer.Option(help="Folder of the decision log to add to; needs --as-of.")] = None,
    policy: Annotated[str, typer.Option(help="Version of the policy, for the log.")] = "1",
) -> None:
    """Give each customer at most one offer, within all limits, so that the sum of values is largest."""
    from custintel.decide import Audience, DecisionLog, OfferValues, allocate
    from custintel.decide.constraints import read_constraints
    from custintel.scoring.write_scores import check_writable, write_scores

    check_writable(out)
    if log is not None and as_of is None:
        raise ConfigurationError("--log needs the day of the decision\n  hint: --as-of 2025-06-30")
    table = read_rows(values)
    step(f"allocating offers of {values} under {constraints}")
    home = table.drop_duplicates("customer_id").set_index("customer_id")["household"] if "household" in table else None
    audience = Audience(household=home, contacts=None if contacts is None else read_rows(contacts), as_of=as_of)
    found = allocate(OfferValues.from_long(table), read_constraints(constraints), risk=risk, audience=audience)
    write_scores(found.decisions.reset_index(), out)
    if log is not None and as_of is not None:
        added = DecisionLog(log).add(found, as_of, policy)
        say(f"log: {added.added:,} decisions added, {added.known:,} known: {log}")
    show_lines(found.words(), "result")
    show_frame(found.constraints, "limits")
    show_frame(found.comparison, "with simpler rules")
    say(f"decisions: {out}")

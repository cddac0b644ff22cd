"""``rules learn | import | approve | reject | retire``: changes of the rule base, each an event of its log."""

# ruff: noqa: PLR0913  (the arguments of a command are its options)
from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import pandas as pd
import typer

from custintel.cli._customers import Id, Source, base_at
from custintel.cli._show import say, show_frame, step
from custintel.errors import ConfigurationError, DataError
from custintel.plain_yaml import yaml_text
from custintel.rules import LearnSettings, builtin_rules, evidence_words, learn_into, rules_from_yaml, to_approve
from custintel.training import find_column

if TYPE_CHECKING:
    from custintel.rules import Rule, RuleBase

__all__ = ["approve", "import_rules", "learn", "reject", "retire"]

_BASE = Path("rules.jsonl")

Base = Annotated[Path, typer.Option("--base", help="File of the rule base (its log, JSON lines).")]
Name = Annotated[str, typer.Argument(help="Name, or name@version.")]
By = Annotated[str, typer.Option(help="Who decides.")]
Reason = Annotated[str, typer.Option(help="Why.")]


def learn(
    table: Annotated[Path, typer.Argument(help="A flat table of labelled customers: .csv, .parquet, .xlsx.")],
    target: Annotated[str, typer.Option(help="Column that says who was a case: two values, the larger is a case.")],
    base: Base = _BASE,
    rules: Annotated[int, typer.Option(min=1, help="Most rules to keep.")] = 40,
    forbid: Annotated[list[str] | None, typer.Option(help="Column that no rule may read; several times.")] = None,
    time: Annotated[str | None, typer.Option(help="Column of times: rules are then proved on the latest rows.")] = None,
    id_column: Id = None,
    kind: Annotated[str, typer.Option(help="Kind of fraud or arrears of the cases.")] = "",
    loss: Annotated[float, typer.Option(min=0, help="Loss of a case that is not stopped, in u.")] = 0.0,
    severity: Annotated[int, typer.Option(min=1, max=5, help="1 (when there is time) to 5 (stop now).")] = 3,
    action: Annotated[str, typer.Option(help="What to do about an alarm.")] = "",
    seed: Annotated[int, typer.Option(help="Seed of everything random.")] = 0,
    by: By = "custintel rules learn",
) -> None:
    """Mine rules from labelled customers, prove them on others, and put them into the shadow: they alarm nobody yet."""
    into = base_at(base, new=True)
    X = Source(table, id_column=id_column).read(())
    y = X.pop(find_column(X, target, "target"))
    times = None if time is None else X.pop(find_column(X, time, "time"))
    forbidden = tuple(find_column(X, name, "forbidden") for name in forbid or ())
    settings = LearnSettings(rules=rules, forbidden=forbidden, seed=seed)
    step(f"learning rules from {len(X):,} customers of {table}")
    known = len(into)
    facts = {"kind": kind, "loss": loss, "severity": severity, "action": action}
    added = learn_into(into, X, y, settings, time=times, by=by, **facts)
    _show_learned(into, added)
    say(f"{len(added)} rules added to the shadow of {base}" + (f", which had {known}" if known else ""))
    if added:
        name = added[0].name
        say(f"next: custintel rules test {name} TABLE; custintel rules approve {name} --by ... --reason ...")


def _show_learned(base: RuleBase, added: list[Rule]) -> None:
    rows = [
        {"rule": rule.name, "when": rule.expression.text, "evidence": evidence_words(base.entry(rule.id))[0]}
        for rule in added
    ]
    if rows:
        show_frame(pd.DataFrame(rows), "learned")


def import_rules(
    file: Annotated[
        Path | None, typer.Argument(help="YAML file, as custintel rules export writes it; or give --builtin.")
    ] = None,
    builtin: Annotated[bool, typer.Option("--builtin", help="The rules that come with the library.")] = False,
    base: Base = _BASE,
    by: By = "custintel rules import",
    reason: Reason = "imported",
) -> None:
    """Propose the rules of a YAML file, or the built-in ones; versions that the base has already are left alone."""
    rules = _to_import(file, builtin)
    into = base_at(base, new=True)
    fresh = [rule for rule in rules if rule.id not in into.entries]
    for rule in fresh:
        into.add(rule, by=by, reason=reason)
    known = len(rules) - len(fresh)
    say(f"{len(fresh)} rules proposed in {base}" + (f", {known} were in the base already" if known else ""))


def _to_import(file: Path | None, builtin: bool) -> list[Rule]:
    if (file is None) != builtin:
        raise ConfigurationError("give a YAML file or --builtin\n  hint: custintel rules import rules.yaml")
    if file is None:
        return builtin_rules()
    if not file.is_file():
        raise DataError(f"no such file: {file}\n  allowed: a YAML file with rules: {{name: {{when: ...}}}}")
    return rules_from_yaml(yaml_text(file), str(file))


def approve(name: Name, by: By, reason: Reason, base: Base = _BASE) -> None:
    """Take a rule one step further, from proposed to the shadow or from there to active; shows its evidence first."""
    found = base_at(base)
    entry, state = to_approve(found, name)
    say(f"{entry.rule.id}: {entry.rule.expression.text}")
    say(f"evidence: {' '.join(evidence_words(entry))}")
    found.move(entry.rule.id, state, by=by, reason=reason)
    say(f"{entry.state} -> {state}: {_FOLLOWS[state]}")


_FOLLOWS = {
    "proposed": "it waits; approve it again to let it fire silently",
    "shadow": "it fires silently from now on, nobody is alarmed; approve it again to let it alarm",
    "active": "it alarms from now on",
}


def reject(name: Name, by: By, reason: Reason, base: Base = _BASE) -> None:
    """Turn a proposal down, or a rule of the shadow; it stays in the history."""
    _moved(base, name, "rejected", by, reason)


def retire(name: Name, by: By, reason: Reason, base: Base = _BASE) -> None:
    """Take a rule out of use; it stays in the history."""
    _moved(base, name, "retired", by, reason)


def _moved(place: Path, name: str, state: str, by: str, reason: str) -> None:
    found = base_at(place)
    before = {id_: entry.state for id_, entry in found.entries.items()}
    (found.reject if state == "rejected" else found.retire)(name, by=by, reason=reason)
    for id_, entry in found.entries.items():
        if entry.state != before[id_]:
            say(f"{id_}: {before[id_]} -> {entry.state}")

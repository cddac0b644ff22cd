"""``rules``: the rule base looked at, tried, and kept as a file."""

# ruff: noqa: PLR0913  (the arguments of a command are its options)
from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from custintel.cli import _rules_change
from custintel.cli._customers import (
    AsOf,
    FeatureFolder,
    Id,
    Language,
    Source,
    base_at,
    check_language,
    feature_names,
    settings_for,
)
from custintel.cli._emit import AsJson, Out, emit, emit_json, written
from custintel.cli._show import say, show_frame, show_lines
from custintel.dates import read_moment
from custintel.errors import ConfigurationError
from custintel.replacing import replacing_file
from custintel.rules import STATES, evidence_words, rules_to_yaml, try_rule
from custintel.training import find_column

if TYPE_CHECKING:
    import pandas as pd

    from custintel.rules import Entry, RuleTrial

__all__ = ["app"]

app = typer.Typer(
    help="The rule base of fraud and arrears: list, show, test, learn, approve, look back, check its log.",
    no_args_is_help=True,
)

Base = Annotated[Path, typer.Option("--base", help="File of the rule base (its log, JSON lines).")]
_BASE = Path("rules.jsonl")
_SHOWN = ["rule", "version", "state", "category", "kind", "origin", "precision", "since", "when"]
_USED = ("active", "watch", "shadow", "proposed", "draft")


@app.command("list")
def list_rules(
    base: Base = _BASE,
    state: Annotated[list[str] | None, typer.Option(help="Only rules in this state; several times.")] = None,
    category: Annotated[str | None, typer.Option(help="Only fraud, arrears or abuse.")] = None,
    as_json: AsJson = False,
    out: Out = None,
) -> None:
    """One line a version of a rule: name, state, kind, stated precision, conditions."""
    found = base_at(base)
    frame = _listed(found.frame())
    _check_states(state)
    frame = frame[frame["state"].isin(state)] if state else frame
    frame = frame if category is None else frame[frame["category"] == category]
    emit(frame, f"{len(frame)} rules of {base}", as_json, out, _SHOWN)


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="Name, or name@version.")],
    base: Base = _BASE,
    language: Language = "en",
    as_json: AsJson = False,
) -> None:
    """All that is known about a rule: conditions in words, meaning, action, state, evidence, versions."""
    found = base_at(base)
    entry = found.entry(name)
    if as_json:
        emit_json({**entry.rule.to_state(), **_life(entry), "evidence": dict(entry.evidence)})
        return
    card = {**_card(entry, language), "versions": _versions(found.frame(), entry.rule.name)}
    width = max(map(len, card))
    say("\n".join(f"{key:<{width}}  {text}" for key, text in card.items() if text))


@app.command("test")
def try_one(
    name: Annotated[str, typer.Argument(help="Name, or name@version.")],
    table: Annotated[Path, typer.Argument(help="A flat table (.csv, .parquet), or a folder of tables.")],
    base: Base = _BASE,
    target: Annotated[str | None, typer.Option(help="Column that says who was a case.")] = None,
    resembles: Annotated[float | None, typer.Option(help="Least similarity of a resemblance.")] = None,
    as_of: AsOf = None,
    id_column: Id = None,
    features: FeatureFolder = None,
    language: Language = "en",
    as_json: AsJson = False,
) -> None:
    """Try a rule on customers: on how many it fires, how often it is right, examples in words. Nothing is changed."""
    check_language(language)
    found = base_at(base)
    columns = found.entry(name).rule.columns
    X = Source(table, as_of, id_column, features).read(columns)
    y = None if target is None else X[find_column(X, target, "target")]
    trial = try_rule(found, name, X, y, settings_for(X, columns, language, resembles, features))
    if as_json:
        emit_json(trial.to_dict())
    else:
        _show_trial(trial, language)


@app.command()
def history(
    name: Annotated[str | None, typer.Argument(help="Only events of this rule.")] = None,
    base: Base = _BASE,
    as_json: AsJson = False,
    out: Out = None,
) -> None:
    """The events of the log: when, what, which rule, by whom, why."""
    frame = base_at(base).history(name)
    if name is not None and frame.empty:
        base_at(base).entry(name)  # says which rules there are
    shown = frame.assign(
        time=frame["time"].str[:19].str.replace("T", " "),
        rule=frame["rule"].str.replace("@.*", "", regex=True),
        version=frame["rule"].str.replace("^[^@]*@?", "", regex=True),
        hash=frame["hash"].str[:12],
    )
    emit(frame if as_json or out else shown, f"{len(frame)} events of {base}", as_json, out)


@app.command()
def diff(
    since: Annotated[str, typer.Argument(help="A day (its end), or a time, such as 2025-06-30T12:00.")],
    until: Annotated[str | None, typer.Argument(help="Until then; now by default.")] = None,
    base: Base = _BASE,
    as_json: AsJson = False,
    out: Out = None,
) -> None:
    """Which rules changed their state between two times."""
    for moment in (since, *([until] if until else [])):
        read_moment(moment)
    frame = base_at(base).diff(since, until)
    emit(frame, f"{len(frame)} changes from {since} to {until or 'now'}", as_json, out)


@app.command()
def verify(
    base: Base = _BASE,
    head: Annotated[str | None, typer.Option(help="Hash noted earlier: proves that nothing was cut off.")] = None,
) -> None:
    """Check that the log was not changed; exit code 1 when it was."""
    found = base_at(base)
    found.verify(head)
    noted = "" if head else "; note this head elsewhere, then a cut end is found as well"
    say(f"{len(found.log.events)} events, each fits the hash of the one before\nhead {found.head}{noted}")


@app.command("export")
def export_rules(
    base: Base = _BASE,
    out: Annotated[Path | None, typer.Option(help="The .yaml file to write; printed without.")] = None,
    state: Annotated[list[str] | None, typer.Option(help="Only rules in this state; several times.")] = None,
) -> None:
    """The rules as YAML, of each name the version that is furthest in its life; by default all that are in use."""
    _check_states(state)
    found = base_at(base)
    names = dict.fromkeys(rule.name for rule in found)
    entries = [found.entry(name) for name in names]
    rules = [entry.rule for entry in entries if entry.state in (state or _USED)]
    text = rules_to_yaml(rules)
    if out is None:
        typer.echo(text, nl=False)
        return
    with replacing_file(out) as fresh:
        fresh.write_text(text, encoding="utf-8")
    say(f"{len(rules)} rules: {out}")


app.command("learn")(_rules_change.learn)
app.command("approve")(_rules_change.approve)
app.command("reject")(_rules_change.reject)
app.command("retire")(_rules_change.retire)
app.command("import")(_rules_change.import_rules)


def _listed(frame: pd.DataFrame) -> pd.DataFrame:
    """With the stated precision as a column of its own."""
    if frame.empty:
        return frame.reindex(columns=[*_SHOWN, "evidence"])
    stated = [evidence.get("precision") for evidence in frame["evidence"]]
    return frame.assign(precision=stated, since=frame["since"].str[:10]).astype({"precision": float})


def _check_states(given: list[str] | None) -> None:
    wrong = [state for state in given or [] if state not in STATES]
    if wrong:
        raise ConfigurationError(f"no such state\n  given: {', '.join(wrong)}\n  allowed: {', '.join(STATES)}")


def _life(entry: Entry) -> dict[str, str]:
    return {"version": entry.rule.version, "state": entry.state, "since": entry.since, "by": entry.by,
            "why": entry.reason}  # fmt: skip


def _card(entry: Entry, language: str) -> dict[str, str]:
    rule, zh = entry.rule, language == "zh"
    return {
        "rule": rule.id,
        "about": rule.about_zh if zh and rule.about_zh else rule.about,
        "when": rule.expression.text,
        "in words": rule.words(feature_names(rule.columns, language), "zh" if zh else "en"),
        "kind": ", ".join(filter(None, (rule.category, rule.kind))),
        "action": rule.action_zh if zh and rule.action_zh else rule.action,
        "severity": str(rule.severity),
        "loss": f"{rule.loss:g} u a case, {rule.review_cost:g} u a review",
        "origin": ", ".join(filter(None, (rule.origin, *rule.parents))),
        "source": rule.source,
        "state": f"{entry.state} since {entry.since[:10]}, by {entry.by or 'nobody named'}: {entry.reason}",
        "evidence": " ".join(evidence_words(entry, language)),
    }


def _versions(frame: pd.DataFrame, name: str) -> str:
    rows = frame[frame["rule"] == name]
    return ", ".join(f"{row['version']} ({row['state']})" for row in rows.to_dict("records"))


def _show_trial(trial: RuleTrial, language: str) -> None:
    say(f"{trial.entry.rule.id} ({trial.entry.state}): {trial.entry.rule.expression.text}")
    show_lines(trial.words(language), "result")
    shares = trial.tiers.rename_axis("tier").reset_index()
    show_frame(shares.astype({"alarms": int} | ({"hits": int} if "hits" in shares else {})), "tiers")
    show_lines([f"{text}: met by {met:.1%}" for text, met in trial.conditions.items()], "conditions")
    if len(trial.examples):
        show_frame(written(trial.examples.reset_index()), "examples")

"""``rules``: the rule base looked at, tried, and kept as a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import pandas as pd
import typer

from custintel.cli._rule_input import Source, base_at, check_language, feature_names, settings_for
from custintel.cli._shared_options import AsJson, AsOf, FeaturesPath, IdColumn, Language, Out, RandomState  # noqa: TC001  (typer reads them)
from custintel.cli._terminal_output import emit, emit_json, say, show_frame, show_lines, step, written
from custintel.dates import read_moment
from custintel.errors import ConfigurationError, DataError
from custintel.files.atomic_write import atomic_file
from custintel.files.yaml_reader import read_yaml_text
from custintel.rules import LearnSettings, RuleMiner, RuleMonitor
from custintel.rules.builtin_rules import builtin_rules
from custintel.rules.rule_evidence import describe_evidence
from custintel.rules.rule_files import rules_from_yaml, rules_to_yaml
from custintel.rules.rule_states import STATES
from custintel.rules.rule_trial import try_rule
from custintel.training.read_table import find_column

if TYPE_CHECKING:
    from custintel.rules import Rule, RuleBase
    from custintel.rules.rule_states import RuleEntry
    from custintel.rules.rule_trial import RuleTrial

# ``rules learn | import | approve | reject | retire``: changes of the rule base, each an event of its log.

# ruff: noqa: PLR0913  (the arguments of a command are its options)


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
    date_column: Annotated[
        str | None, typer.Option(help="Column of the table that dates its rows: rules are proved on the later ones.")
    ] = None,
    id_column: IdColumn = None,
    kind: Annotated[str, typer.Option(help="Kind of fraud or arrears of the cases.")] = "",
    loss: Annotated[float, typer.Option(min=0, help="Loss of a case that is not stopped, in u.")] = 0.0,
    severity: Annotated[int, typer.Option(min=1, max=5, help="1 (when there is time) to 5 (stop now).")] = 3,
    action: Annotated[str, typer.Option(help="What to do about an alarm.")] = "",
    random_state: RandomState = 0,
    by: By = "custintel rules learn",
) -> None:
    """Mine rules from labelled customers, prove them on others, and put them into the shadow: they alarm nobody yet."""
    into = base_at(base, new=True)
    X = Source(table, id_column=id_column).read(())
    y = X.pop(find_column(X, target, "target"))
    times = None if date_column is None else X.pop(find_column(X, date_column, "date"))
    forbidden = tuple(find_column(X, name, "forbidden") for name in forbid or ())
    settings = LearnSettings(max_rules=rules, forbidden=forbidden, random_state=random_state)
    step(f"learning rules from {len(X):,} customers of {table}")
    known = len(into)
    facts = {"kind": kind, "loss": loss, "severity": severity, "action": action}
    added = RuleMiner(into).learn(X, y, settings, times=times, by=by, **facts)
    _show_learned(into, added)
    say(f"{len(added)} rules added to the shadow of {base}" + (f", which had {known}" if known else ""))
    if added:
        name = added[0].name
        say(f"next: custintel rules test {name} TABLE; custintel rules approve {name} --by ... --reason ...")


def _show_learned(base: RuleBase, added: list[Rule]) -> None:
    rows = [
        {"rule": rule.name, "when": rule.expression.text, "evidence": describe_evidence(base.entry(rule.id))[0]}
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
    return rules_from_yaml(read_yaml_text(file), str(file))


def approve(name: Name, by: By, reason: Reason, base: Base = _BASE) -> None:
    """Take a rule one step further, from proposed to the shadow or from there to active; shows its evidence first."""
    found = base_at(base)
    entry, state = RuleMonitor(found).next_approval(name)
    say(f"{entry.rule.id}: {entry.rule.expression.text}")
    say(f"evidence: {' '.join(describe_evidence(entry))}")
    found.change_state(entry.rule.id, state, by=by, reason=reason)
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


# ruff: noqa: PLR0913  (the arguments of a command are its options)


app = typer.Typer(
    help="The rule base of fraud and arrears: list, show, test, learn, approve, look back, check its log.",
    no_args_is_help=True,
)


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
    id_column: IdColumn = None,
    features: FeaturesPath = None,
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
    with atomic_file(out) as fresh:
        fresh.write_text(text, encoding="utf-8")
    say(f"{len(rules)} rules: {out}")


app.command("learn")(learn)
app.command("approve")(approve)
app.command("reject")(reject)
app.command("retire")(retire)
app.command("import")(import_rules)


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


def _life(entry: RuleEntry) -> dict[str, str]:
    return {"version": entry.rule.version, "state": entry.state, "since": entry.since, "by": entry.by,
            "why": entry.reason}  # fmt: skip


def _card(entry: RuleEntry, language: str) -> dict[str, str]:
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
        "evidence": " ".join(describe_evidence(entry, language)),
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

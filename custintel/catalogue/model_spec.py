"""The specification of a model, read from ``models/NAME.yaml`` and checked against the catalogue."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from custintel.catalogue._catalogue import Catalogue, yaml_texts
from custintel.catalogue._feature_grammar import Reader
from custintel.catalogue._reason_groups import REASON_KEYS, plain_group
from custintel.catalogue.learner_classes import DEFAULT_LEARNERS, LEARNER_ROOMS, is_own_class, learner_parameters
from custintel.catalogue.question_grammar import QUESTION_FORM, read_question
from custintel.errors import Problem, close_hint, raise_problems
from custintel.files.yaml_reader import Located, read_yaml, read_yaml_text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from custintel.catalogue._reason_groups import ReasonGroup


_KEYS = {
    "model": (
        "model",
        "about",
        "about_zh",
        "population",
        "question",
        "dates",
        "features",
        "learner",
        "constraints",
        "search",
        "costs",
        "reasons",
    ),
    "population": ("active_within_days", "where"),
    "dates": ("every", "history_days", "test"),
    "features": ("topics", "exclude"),
    "learner": ("class", "params"),
    "costs": ("clv", "offer_cost", "contact_cost", "alpha", "beta", "take_up", "loss", "review_cost", "review_share"),
    "reasons": ("count", "groups"),
}
_GROUP_KEYS = ("columns", *REASON_KEYS)
_CHOICES = {
    ("dates", "every"): ("month", "half_month", "week"),
    ("dates", "test"): ("time", "customers"),
}
_DAYS = (
    ("population", "active_within_days", 1),
    ("dates", "history_days", 1),
)
_NOTHING = Located(None, "")


@dataclass(frozen=True)
class ModelSpec:
    """What a model predicts, for whom, from what, and what to say and do about it.

    Attributes
    ----------
    name, about, about_zh, where
        Name, meaning, and ``file:line``.
    population, question, dates
        Who is asked about, what is asked (with the ``type`` of its label), and as of which dates.
    topics, exclude
        Topics of features, or single families of them (None: all), and columns left out of them.
    learner
        ``class`` and fixed ``params``.
    constraints
        Column (or pattern) to 1 or -1.
    search
        Parameter to ``{low, high, log}`` or a list of choices.
    costs
        Money for the profit metrics.
    reasons
        ``count``, and ``groups``: the groups that the model defines itself, with their column patterns. They come
        before the groups of ``features/reasons.yaml``, to which every other column belongs.
    actions
        Reason group to ``about``, ``about_zh`` (its name) and ``en``, ``zh`` (what to do about it).

    Examples
    --------
    >>> spec = load_model_spec("churn_prepaid")
    >>> spec.question["billing_types"], spec.reasons["count"], spec.actions["recharge"]["about"]
    (['prepaid'], 3, 'Top-ups')
    """

    name: str
    about: str
    about_zh: str
    population: Mapping[str, Any]
    question: Mapping[str, Any]
    dates: Mapping[str, Any]
    topics: tuple[str, ...] | None
    exclude: tuple[str, ...]
    learner: Mapping[str, Any]
    constraints: Mapping[str, int]
    search: Mapping[str, Any]
    costs: Mapping[str, float]
    reasons: Mapping[str, Any]
    actions: Mapping[str, Mapping[str, str]]
    where: str

    def as_dict(self) -> dict[str, Any]:
        """The specification as plain data, in the shape of the YAML file (actions apart).

        >>> load_model_spec("churn").as_dict()["question"]["horizon"]
        '60d'
        """
        return {
            "name": self.name,
            "about": self.about,
            "about_zh": self.about_zh,
            "population": dict(self.population),
            "question": dict(self.question),
            "dates": dict(self.dates),
            "features": {"topics": list(self.topics) if self.topics else None, "exclude": list(self.exclude)},
            "learner": dict(self.learner),
            "constraints": dict(self.constraints),
            "search": dict(self.search),
            "costs": dict(self.costs),
            "reasons": dict(self.reasons),
            "actions": {name: dict(action) for name, action in self.actions.items()},
        }


def load_model_spec(
    name: str, models_path: str | Path | None = None, features_path: str | Path | None = None
) -> ModelSpec:
    """Read the model of ``models/NAME.yaml``, or of a folder of your own that comes first.

    Parameters
    ----------
    name
        Name of the model (``model:`` in the file).
    models_path, features_path
        Folders of your own models and features.

    Examples
    --------
    >>> load_model_spec("churn").constraints["in_contract"]
    -1
    >>> load_model_spec("chrun")
    Traceback (most recent call last):
        ...
    custintel.errors.ConfigurationError: 1 mistake found
      models: unknown model
        given: chrun
        allowed: arrears, churn, ...
        hint: did you mean churn?
    """
    texts = tuple(yaml_texts("models", models_path))
    specs = _read_all(texts, Catalogue.load(features_path))
    if name not in specs:
        raise_problems([Problem("models", "unknown model", name, ", ".join(specs), close_hint(name, specs))])
    return specs[name]


def model_in_file(path: Path) -> str:
    """The name of the model that a file of your own holds (``model:``).

    Raises
    ------
    custintel.errors.ConfigurationError
        When there is no such file, or it names no model.
    """
    if not path.is_file():
        hint = "a shipped question is asked by its name, such as churn"
        raise_problems([Problem(str(path), "no such file", hint=hint)])
    document, problems = read_yaml(read_yaml_text(path), str(path))
    raise_problems(problems)
    name = document.mapping.get("model", _NOTHING).value if document is not None else None
    if not isinstance(name, str):
        raise_problems([Problem(str(path), "the file names no model", hint="its first line says model: and a name")])
    return str(name)


@lru_cache(maxsize=16)
def _read_all(texts: tuple[tuple[str, str], ...], catalogue: Catalogue) -> Mapping[str, ModelSpec]:
    reader, specs = Reader(), {}
    for file, text in texts:
        document, problems = read_yaml(text, file)
        reader.problems.extend(problems)
        if document is not None and document.mapping:
            spec = _ModelReader(document, catalogue, reader).spec()
            specs[spec.name] = spec
        elif not problems:
            reader.wrong(file, "not a mapping of keys", allowed=", ".join(_KEYS["model"]))
    raise_problems(reader.problems)
    return specs


class _ModelReader:
    """Reads one model file; every mistake goes to the reader."""

    def __init__(self, document: Located, catalogue: Catalogue, reader: Reader) -> None:
        self.document, self.catalogue, self.reader = document, catalogue, reader
        self.columns = {entry.column: entry for entry in catalogue.entries()}

    def spec(self) -> ModelSpec:
        reader, given = self.reader, self.document
        reader.keys(_without_label(given, reader), _KEYS["model"], "a model")
        name = reader.text(given, "model", "the file")
        about = reader.text(given, "about", f"model {name}")
        self._check_values()
        question = self._question()
        groups = self._groups()
        return ModelSpec(
            name=name,
            about=about,
            about_zh=reader.text(given, "about_zh", f"model {name}", about),
            population=self._population(),
            question=question,
            dates={"every": "month", "history_days": 60, **self._section("dates")},
            topics=self._topics(),
            exclude=self._patterns(self._at("features", "exclude"), "exclude"),
            learner=self._learner(str(question.get("type", ""))),
            constraints=self._constraints(),
            search=self._search(),
            costs=self._section("costs"),
            reasons={"count": self._count(), "groups": {n: list(g[0]) for n, g in groups.items() if g[0]}},
            actions={
                n: g.words() for n, g in {**self.catalogue.reasons, **{n: g[1] for n, g in groups.items()}}.items()
            },
            where=given.where,
        )

    def _at(self, section: str, key: str) -> Located:
        return self.document.mapping.get(section, _NOTHING).mapping.get(key, _NOTHING)

    def _question(self) -> dict[str, Any]:
        at = self.document.mapping.get("question")
        if at is not None:
            return read_question(at, self.reader)
        if "label" not in self.document.mapping:
            self.reader.wrong(self.document.where, "no question", allowed=QUESTION_FORM)
        return {}

    def _population(self) -> dict[str, Any]:
        """The population; a text is a condition on features."""
        at = self.document.mapping.get("population", _NOTHING)
        return {"where": at.value} if isinstance(at.value, str) else self._section("population")

    def _section(self, name: str) -> dict[str, Any]:
        at = self.document.mapping.get(name)
        if at is None:
            return {}
        if not isinstance(at.value, dict):
            self.reader.wrong(at.where, f"{name} is not a mapping", str(at.plain()), ", ".join(_KEYS[name]))
            return {}
        self.reader.keys(at, _KEYS[name], name)
        return {key: value.plain() for key, value in at.mapping.items() if key in _KEYS[name]}

    def _check_values(self) -> None:
        for (section, key), allowed in _CHOICES.items():
            for item in self._at(section, key).items:
                if item.value not in allowed:
                    hint = close_hint(str(item.value), allowed)
                    self.reader.wrong(item.where, f"unknown {key}", str(item.value), ", ".join(allowed), hint)
        for section, key, least in _DAYS:
            self._whole(self._at(section, key), key, least)
        for key, at in self.document.mapping.get("costs", _NOTHING).mapping.items():
            if not _is_number(at.value) or float(str(at.value)) < 0:
                self.reader.wrong(at.where, f"costs.{key} is not an amount", str(at.plain()), "0 or more")
        population = self.document.mapping.get("population", _NOTHING)
        self._check_where(population if isinstance(population.value, str) else self._at("population", "where"))

    def _whole(self, at: Located, key: str, least: int) -> None:
        good = isinstance(at.value, int) and not isinstance(at.value, bool) and at.value >= least
        if at.where and not good:
            self.reader.wrong(at.where, f"{key} is not a whole number", str(at.plain()), f"{least} or more")

    def _check_where(self, at: Located) -> None:
        if at.value is None:
            return
        expression = self.reader.expression(at, at, "population.where")
        for name in sorted(expression.columns if expression else ()):
            self._known(name, at.where, "population.where")

    def _known(self, pattern: str, where: str, what: str) -> list[str]:
        """Columns that a name or pattern stands for; none is a mistake."""
        found = [column for column in self.columns if fnmatchcase(column, pattern)]
        if not found:
            hint = close_hint(pattern, self.columns) or "custintel features list shows all columns"
            self.reader.wrong(where, f"{what} names no column of the catalogue", pattern, hint=hint)
        return found

    def _patterns(self, at: Located, what: str) -> tuple[str, ...]:
        found = []
        for item in at.items:
            self._known(str(item.value), item.where, what)
            found.append(str(item.value))
        return tuple(found)

    def _topics(self) -> tuple[str, ...] | None:
        self._section("features")
        at = self._at("features", "topics")
        if at.value in (None, "all"):
            return None
        known = [*self.catalogue.topics, *(family.name for family in self.catalogue.families)]
        for item in at.items:
            if item.value not in known:
                hint = close_hint(str(item.value), known)
                self.reader.wrong(item.where, "unknown topic or family", str(item.value), ", ".join(known), hint)
        return tuple(str(item.value) for item in at.items)

    def _learner(self, target_type: str) -> dict[str, Any]:
        default = DEFAULT_LEARNERS.get(target_type, "TableClassifier")
        given = {"class": default, "params": {}, **self._section("learner")}
        name, at = str(given["class"]), self._at("learner", "class")
        if name not in LEARNER_ROOMS and not is_own_class(name):
            allowed = f"{', '.join(LEARNER_ROOMS)}, or a class of your own such as my_package.MyClassifier"
            self.reader.wrong(at.where, "unknown learner", name, allowed, close_hint(name, LEARNER_ROOMS))
        self._check_parameters(self._at("learner", "params"), name, f"params of {name}")
        self._check_parameters(self.document.mapping.get("search", _NOTHING), name, "search")
        return given

    def _check_parameters(self, at: Located, learner: str, what: str) -> None:
        """A learner must have the parameters that are fixed or searched."""
        parameters = learner_parameters(learner) if at.mapping else None
        if parameters is not None:
            self.reader.keys(at, parameters, what)

    def _constraints(self) -> dict[str, int]:
        found = {}
        for pattern, at in self.document.mapping.get("constraints", _NOTHING).mapping.items():
            if at.value not in (1, -1):
                allowed = "1 (more of it raises the risk) or -1"
                self.reader.wrong(at.where, f"the constraint of {pattern} is no direction", str(at.plain()), allowed)
                continue
            texts = [c for c in self._known(pattern, at.where, "a constraint") if self.columns[c].unit == "category"]
            if texts:
                self.reader.wrong(at.where, "a constraint on a column of texts", ", ".join(texts), "columns of numbers")
            found[pattern] = int(str(at.value))
        return found

    def _search(self) -> dict[str, Any]:
        at = self.document.mapping.get("search", _NOTHING)
        for name, rule in at.mapping.items():
            if not _is_range(rule.plain()):
                allowed = "{low: 4, high: 64, log: true}, or a list of values"
                self.reader.wrong(rule.where, f"search of {name} is no range", str(rule.plain()), allowed)
        return {name: rule.plain() for name, rule in at.mapping.items()}

    def _count(self) -> int:
        self._section("reasons")
        at = self._at("reasons", "count")
        self._whole(at, "count", 1)
        return at.value if isinstance(at.value, int) else 3

    def _groups(self) -> dict[str, tuple[tuple[str, ...], ReasonGroup]]:
        groups = {}
        for name, at in self._at("reasons", "groups").mapping.items():
            what = f"group {name}"
            self.reader.keys(at, _GROUP_KEYS, what)
            patterns = self._patterns(at.mapping.get("columns", _NOTHING), what)
            known = self.catalogue.reasons.get(name)
            if known is None and not patterns:
                self._unknown_group(name, at)
            groups[name] = (patterns, (known or plain_group(name)).changed(self._words(at, what, known is None)))
        return groups

    def _unknown_group(self, name: str, at: Located) -> None:
        known = self.catalogue.reasons
        allowed = f"{', '.join(known)}, or a group of its own with columns: [events_*, minutes_30d]"
        self.reader.wrong(at.where, "unknown reason group", name, allowed, close_hint(name, known))

    def _words(self, at: Located, what: str, own: bool) -> dict[str, str]:
        """The words given; a group that the model defines itself must have a name in words."""
        if own and "about" not in at.mapping:
            self.reader.text(at, "about", what)
        return {key: self.reader.text(at, key, what, "") for key in REASON_KEYS if key in at.mapping}


def _without_label(document: Located, reader: Reader) -> Located:
    """The document without the former key ``label``, which is a mistake of its own."""
    at = document.mapping.get("label")
    if at is None:
        return document
    reader.wrong(at.where, "label is not a key of a model", "label", QUESTION_FORM, "write question: instead of label:")
    return Located({key: value for key, value in document.mapping.items() if key != "label"}, document.where)


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_range(rule: object) -> bool:
    if isinstance(rule, list):
        return bool(rule)
    if not isinstance(rule, dict) or not {"low", "high"} <= set(rule) <= {"low", "high", "log"}:
        return False
    low, high = rule["low"], rule["high"]
    in_order = _is_number(low) and _is_number(high) and low < high
    return in_order and isinstance(rule.get("log", False), bool) and (low > 0 or not rule.get("log"))

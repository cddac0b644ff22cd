"""From the located values of a YAML file to a `Family`: the grammar, key by key."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal

from custintel.catalogue.feature_family import ALL, Family, Feature, SliceWords
from custintel.errors import ConfigurationError, Problem, close_hint
from custintel.expressions.parse import parse
from custintel.files.yaml_reader import Located
from custintel.functions.function_registry import find_function

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from custintel.expressions.expression import Expression


FAMILY_KEYS = (
    "family",
    "about",
    "about_zh",
    "reason",
    "source",
    "time",
    "join",
    "columns",
    "windows",
    "slices",
    "previous",
    "per",
    "gather",
    "as",
    "function",
    "features",
    "derived",
)
FEATURE_KEYS = ("sql", "unit", "missing", "about", "about_zh", "reason", "slices", "windows", "sensitivity")
DERIVED_KEYS = ("sql", "unit", "missing", "about", "about_zh", "reason", "windows", "sensitivity")
SLICE_KEYS = ("sql", "about", "about_zh")
_MAPPINGS = ("join", "slices", "gather", "features", "derived")
SENSITIVITIES = ("normal", "personal", "sensitive")

_NOT_OF_A_ROW = ("windows", "slices", "previous", "per", "gather")
_NOT_OF_A_FUNCTION = ("source", "time", "join", "columns", "as", *_NOT_OF_A_ROW)

NAME_PATTERN = "[a-z][a-z0-9_]*"
WINDOW_PATTERN = "([1-9][0-9]{0,2})d"
_NAME = re.compile(NAME_PATTERN)
_WINDOW = re.compile(WINDOW_PATTERN)
_NOWHERE = Located(None, "")
_UNREADABLE = parse("null")


class Reader:
    """Reads values of one file and collects what is wrong with them."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def wrong(self, where: str, wrong: str, given: str = "", allowed: str = "", hint: str = "") -> None:
        """Note one mistake."""
        self.problems.append(Problem(where, wrong, given, allowed, hint))

    def keys(self, at: Located, allowed: Iterable[str], what: str) -> None:
        """Every key of a mapping must be one of those allowed."""
        names = list(allowed)
        for key, value in at.mapping.items():
            if key not in names:
                self.wrong(value.where, f"unknown key in {what}", key, ", ".join(names), _key_hint(key, names))

    def text(self, at: Located, key: str, what: str, default: str | None = None) -> str:
        """A text; asked for when there is no default."""
        value = at.mapping.get(key)
        if value is None or value.value is None:
            if default is None:
                self.wrong(at.where, f"{what} has no {key}", allowed=f"a text under {key}:")
            return default or ""
        if not isinstance(value.value, str):
            self.wrong(value.where, f"{key} of {what} is not a text", str(value.plain()), hint="put it in quotes")
            return ""
        return value.value

    def name(self, text: str, where: str, what: str) -> None:
        """Names are lower-case words joined by underscores."""
        if not _NAME.fullmatch(text):
            self.wrong(where, f"the name of {what} is not usable", text, "a-z, 0-9 and _, beginning with a letter")

    def expression(self, at: Located | None, owner: Located, what: str) -> Expression | None:
        """A checked expression; None (and a noted mistake) if it cannot be read."""
        if at is None:
            self.wrong(owner.where, f"{what} has no sql", allowed="an expression under sql:")
            return None
        if isinstance(at.value, (dict, list)) or at.value is None:
            self.wrong(at.where, f"sql of {what} is not an expression", str(at.plain()), "such as count(*)")
            return None
        try:
            return parse(_as_text(at.value), at.where)
        except ConfigurationError as error:
            self.problems.extend(error.problems)
            return None

    def windows(self, at: Located | None, default: tuple[int, ...]) -> tuple[int, ...]:
        """Window texts such as ``30d`` as days, shortest first."""
        if at is None:
            return default
        days = []
        for item in at.items:
            found = _WINDOW.fullmatch(str(item.value))
            if found:
                days.append(int(found[1]))
            else:
                self.wrong(item.where, "a window that cannot be read", str(item.value), "days, such as 7d, 30d, 90d")
        if len(set(days)) < len(days):
            self.wrong(at.where, "a window given twice", str(at.plain()))
        return tuple(sorted(set(days)))


def _key_hint(key: str, names: Iterable[str]) -> str:
    if not _NAME.fullmatch(key):
        return "inside { } a comma ends a value: put the expression in double quotes"
    return close_hint(key, names)


def _as_text(value: object) -> str:
    # YAML reads `is_night: true` and `share: 1` as values, the language as expressions
    return str(value).lower() if isinstance(value, bool) else str(value)


def read_family(document: Located, reader: Reader, topic: str = "") -> Family:
    """Read one family of a topic; mistakes go to the reader, and what can be read is returned all the same."""
    reader.keys(document, FAMILY_KEYS, "a family")
    for key in _MAPPINGS:
        _check_mapping(document, key, reader)
    name = reader.text(document, "family", "the file")
    what = f"family {name}"
    windows = reader.windows(document.mapping.get("windows"), ())
    kind = _kind(document, reader)
    source = reader.text(document, "source", what, _main_table(document))
    slices, words = _slices(document.mapping.get("slices", _NOWHERE), reader)
    if name:
        reader.name(name, document.mapping["family"].where, "the family")
    about = reader.text(document, "about", what)
    return Family(
        name=name,
        about=about,
        about_zh=reader.text(document, "about_zh", what, about),
        source=source,
        time=reader.text(document, "time", what, ""),
        join=_texts(document.mapping.get("join", _NOWHERE)),
        windows=windows,
        slices=slices,
        per=reader.text(document, "per", what, "") or None,
        gather=_expressions(document.mapping.get("gather", _NOWHERE), reader),
        kind=kind,
        features=_features(document, "features", windows, reader),
        derived=_features(document, "derived", windows, reader),
        where=document.where,
        slice_words=words,
        columns=tuple(str(item.value) for item in document.mapping.get("columns", _NOWHERE).items),
        function=reader.text(document, "function", what, ""),
        previous=tuple(str(item.value) for item in document.mapping.get("previous", _NOWHERE).items),
        topic=topic,
        reason=_reason(document, what, reader) or topic,
    )


def _check_mapping(document: Located, key: str, reader: Reader) -> None:
    at = document.mapping.get(key)
    if at is not None and not isinstance(at.value, dict):
        allowed = {"join": "{plans: plan_id} (table: column)"}.get(key, "{name: ...}")
        reader.wrong(at.where, f"{key} is not a mapping", str(at.plain()), allowed)


def _main_table(document: Located) -> str | None:
    """The source of a family of a function, which is not asked for: the function's main table."""
    if "function" not in document.mapping:
        return None
    function = find_function(str(document.mapping["function"].value))
    return function.reads[0].table if function else ""


def _kind(document: Located, reader: Reader) -> Literal["window", "sequence", "gathered", "latest", "function"]:
    given = document.mapping
    if "function" in given:
        _no_keys(given, _NOT_OF_A_FUNCTION, "function", reader)
        return "function"
    if "as" in given:
        _latest_keys(given, reader)
        return "latest"
    if ("gather" in given and "per" not in given) or ("per" in given and not {"gather", "previous"} & set(given)):
        reader.wrong(
            document.where, "per and gather belong together", allowed="per: other_party, gather: {n: count(*)}"
        )
    if "windows" not in given:
        reader.wrong(
            document.where, "no windows", allowed="windows: [7d, 30d, 90d], or as: latest for the row in force"
        )
    if "gather" in given or ("per" in given and "previous" not in given):
        return "gathered"
    return "sequence" if "previous" in given else "window"


def _latest_keys(given: Mapping[str, Located], reader: Reader) -> None:
    if given["as"].value != "latest":
        reader.wrong(given["as"].where, "unknown value of as", str(given["as"].plain()), "latest")
    _no_keys(given, _NOT_OF_A_ROW, "as: latest", reader)


def _no_keys(given: Mapping[str, Located], keys: Iterable[str], with_: str, reader: Reader) -> None:
    for key in keys:
        if key in given:
            hint = f"remove {key}, or remove {with_}"
            reader.wrong(given[key].where, f"{key} has no meaning with {with_}", hint=hint)


def _texts(at: Located) -> dict[str, str]:
    return {name: str(value.value) for name, value in at.mapping.items()}


def _expressions(at: Located, reader: Reader) -> dict[str, Expression]:
    found = {}
    for name, value in at.mapping.items():
        reader.name(name, value.where, "a gathered value")
        expression = reader.expression(value, at, name)
        if expression is not None:
            found[name] = expression
    return found


def _slices(at: Located, reader: Reader) -> tuple[dict[str, Expression], dict[str, SliceWords]]:
    conditions, words = {}, {}
    for name, value in at.mapping.items():
        reader.name(name, value.where, "a slice")
        if name == ALL:
            reader.wrong(value.where, "the slice all is always there", hint="give yours another name")
        condition = reader.expression(_condition(value, reader), value, f"slice {name}")
        if condition is not None:
            conditions[name] = condition
        words[name] = _slice_words(name, value, reader)
    return conditions, words


def _condition(at: Located, reader: Reader) -> Located | None:
    if not isinstance(at.value, dict):
        return at
    reader.keys(at, SLICE_KEYS, "a slice")
    return at.mapping.get("sql")


def _slice_words(name: str, at: Located, reader: Reader) -> SliceWords:
    plain = f"({name})"
    about = reader.text(at, "about", f"slice {name}", plain)
    return SliceWords(about, reader.text(at, "about_zh", f"slice {name}", about))


def _features(document: Located, key: str, windows: tuple[int, ...], reader: Reader) -> tuple[Feature, ...]:
    at = document.mapping.get(key)
    if at is None:
        if key == "features" and "derived" not in document.mapping:
            reader.wrong(document.where, "no features", allowed="features: {name: {sql, unit, missing, about}}")
        return ()
    read = _derived if key == "derived" else _feature
    found = (read(name, value, windows, reader) for name, value in at.mapping.items())
    return tuple(feature for feature in found if feature is not None)


def _feature(name: str, at: Located, windows: tuple[int, ...], reader: Reader) -> Feature | None:
    reader.keys(at, FEATURE_KEYS, f"feature {name}")
    slices = tuple(str(item.value) for item in at.mapping["slices"].items) if "slices" in at.mapping else (ALL,)
    if isinstance(at.value, dict) and "missing" not in at.mapping:
        hint = "0 where no rows means zero, null where it means unknown"
        reader.wrong(
            at.where, f"feature {name} does not say what missing means", allowed="missing: 0 | null", hint=hint
        )
    return _read_feature(name, at, slices, windows, reader)


def _derived(name: str, at: Located, windows: tuple[int, ...], reader: Reader) -> Feature | None:
    reader.keys(at, DERIVED_KEYS, f"derived feature {name}")
    return _read_feature(name, at, (), windows, reader)


def _read_feature(
    name: str, at: Located, slices: tuple[str, ...], windows: tuple[int, ...], reader: Reader
) -> Feature | None:
    what = f"feature {name}"
    reader.name(name, at.where, what)
    if not isinstance(at.value, dict):
        reader.wrong(at.where, f"{what} is not a mapping", str(at.plain()), "{sql, unit, missing, about, about_zh}")
        return None
    about = reader.text(at, "about", what)
    feature = Feature(
        name=name,
        expression=reader.expression(at.mapping.get("sql"), at, what) or _UNREADABLE,
        unit=reader.text(at, "unit", what),
        missing=_missing(at, what, reader),
        about=about,
        about_zh=reader.text(at, "about_zh", what, about),
        slices=slices,
        windows=reader.windows(at.mapping.get("windows"), windows),
        sensitivity=_sensitivity(at, reader),
        where=at.where,
        own_windows="windows" in at.mapping,
        reason=_reason(at, what, reader),
    )
    return None if feature.expression is _UNREADABLE else feature


def _reason(at: Located, what: str, reader: Reader) -> str:
    """The reason group that is named, if any."""
    name = reader.text(at, "reason", what, "")
    if name:
        reader.name(name, at.mapping["reason"].where, "a reason group")
    return name


def _missing(at: Located, what: str, reader: Reader) -> float | None:
    value = at.mapping.get("missing", _NOWHERE).value
    if value is None or (isinstance(value, (int, float)) and not isinstance(value, bool)):
        return None if value is None else float(value)
    reader.wrong(at.mapping["missing"].where, f"missing of {what} is not a number", str(value), "null or a number")
    return None


def _sensitivity(at: Located, reader: Reader) -> str:
    value = reader.text(at, "sensitivity", "the feature", "normal")
    if value not in SENSITIVITIES:
        where = at.mapping["sensitivity"].where
        hint = close_hint(value, SENSITIVITIES)
        reader.wrong(where, "unknown sensitivity", value, ", ".join(SENSITIVITIES), hint)
    return value

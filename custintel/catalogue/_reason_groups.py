"""Reason groups, read from ``features/reasons.yaml``: what a score is explained with, and what to do about it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from custintel.errors import close_hint

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from custintel.catalogue._feature_grammar import Reader
    from custintel.catalogue.feature_family import Entry
    from custintel.files.yaml_reader import Located


REASONS_FILE = "reasons.yaml"
"""The file of a features folder that holds reason groups instead of families."""

REASON_KEYS = ("about", "about_zh", "action", "action_zh")


@dataclass(frozen=True)
class ReasonGroup:
    """One reason: its name in words, and the default action.

    Examples
    --------
    >>> from custintel.catalogue import Catalogue
    >>> Catalogue.load().reasons["silence"].about
    'The customer is falling silent'
    """

    about: str
    about_zh: str
    action: str = ""
    action_zh: str = ""

    def words(self) -> dict[str, str]:
        """The words as a model carries them: ``about``, ``about_zh``, and the action as ``en`` and ``zh``.

        >>> ReasonGroup("Top-ups", "充值", "Send a bonus", "赠送").words()
        {'about': 'Top-ups', 'about_zh': '充值', 'en': 'Send a bonus', 'zh': '赠送'}
        """
        return {"about": self.about, "about_zh": self.about_zh, "en": self.action, "zh": self.action_zh}

    def changed(self, words: Mapping[str, str]) -> ReasonGroup:
        """The group with some words of its own; without Chinese, the English words stand for both.

        >>> ReasonGroup("Top-ups", "充值", "Send a bonus", "赠送").changed({"action": "Call"}).words()["zh"]
        'Call'
        """
        own = dict(words)
        for key in ("about", "action"):
            if key in own:
                own.setdefault(f"{key}_zh", own[key])
        return ReasonGroup(**{**asdict(self), **own})


def plain_group(name: str) -> ReasonGroup:
    """The group of a topic that no file of reasons names: its name in words, and no action.

    >>> plain_group("loyalty_points").about
    'Loyalty points'
    """
    about = name.replace("_", " ").capitalize()
    return ReasonGroup(about, about)


def read_groups(documents: Iterable[Located], reader: Reader) -> dict[str, ReasonGroup]:
    """The groups of one file; mistakes go to the reader."""
    groups: dict[str, ReasonGroup] = {}
    for document in documents:
        if not document.mapping:
            reader.wrong(document.where, "not a mapping of keys", allowed="name: {about, about_zh, action, action_zh}")
        for name, at in document.mapping.items():
            reader.name(name, at.where, "a reason group")
            groups[name] = _group(name, at, reader)
    return groups


def _group(name: str, at: Located, reader: Reader) -> ReasonGroup:
    what = f"reason group {name}"
    if not isinstance(at.value, dict):
        reader.wrong(at.where, f"{what} is not a mapping", str(at.plain()), f"{{{', '.join(REASON_KEYS)}}}")
        return plain_group(name)
    reader.keys(at, REASON_KEYS, what)
    about, action = reader.text(at, "about", what), reader.text(at, "action", what, "")
    about_zh = reader.text(at, "about_zh", what, about)
    return ReasonGroup(about, about_zh, action, reader.text(at, "action_zh", what, action))


def check_reasons(
    entries: Iterable[Entry], groups: Mapping[str, ReasonGroup], reader: Reader
) -> dict[str, ReasonGroup]:
    """All groups that columns belong to: those of the files, and plain ones for topics that no file names."""
    found = dict(groups)
    for entry in entries:
        if entry.reason in found:
            continue
        if entry.reason != entry.topic:
            hint = close_hint(entry.reason, groups) or f"add it to a {REASONS_FILE} beside your families"
            reader.wrong(entry.where, "unknown reason group", entry.reason, ", ".join(groups), hint)
        found[entry.reason] = plain_group(entry.reason)
    return found

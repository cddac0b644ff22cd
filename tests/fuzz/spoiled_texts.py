"""Texts made worse: what an editor's slip, a merge conflict or an attacker makes of a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from random import Random

ODD = ["\u2028", "\x00", "\ufeff", "\u202e", "\t", "'", '"', "\\", "&a", "*a", "<<: *a", "!!python/object:os.system"]
ODD += ["- ", ": ", "#", "{", "}", "[", "]", "---", "...", "null", "NaN", ".inf", "1e999", "-1", "0x10", "9" * 40]
ODD += ["a" * 5000, "٣", "é", "𝟙", "%", "|", ">"]


def spoiled(text: str, random: Random, changes: int = 3) -> str:
    """A text with a few changes: lines or signs removed, repeated, exchanged, or odd ones inserted."""
    for _ in range(random.randint(1, changes)):
        text = random.choice([_insert, _cut, _repeat, _swap_lines, _truncate, _replace_word])(text, random)
    return text


def _insert(text: str, random: Random) -> str:
    at = random.randint(0, len(text))
    return text[:at] + random.choice(ODD) + text[at:]


def _cut(text: str, random: Random) -> str:
    at = random.randint(0, len(text))
    return text[:at] + text[at + random.randint(1, 30) :]


def _repeat(text: str, random: Random) -> str:
    at, length = random.randint(0, len(text)), random.randint(1, 60)
    return text[:at] + text[at : at + length] * random.randint(2, 40) + text[at + length :]


def _swap_lines(text: str, random: Random) -> str:
    lines = text.split("\n")
    i, j = random.randrange(len(lines)), random.randrange(len(lines))
    lines[i], lines[j] = lines[j], lines[i]
    return "\n".join(lines)


def _truncate(text: str, random: Random) -> str:
    return text[: random.randint(0, len(text))]


def _replace_word(text: str, random: Random) -> str:
    words = text.split(" ")
    words[random.randrange(len(words))] = random.choice(ODD)
    return " ".join(words)

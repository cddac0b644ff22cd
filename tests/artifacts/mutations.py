"""Seeded changes of saved models, sealed again with their checksums so that only validation can refuse them."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

_TOKENS = ("", "-1", "0", "1", "7", "-9", "1000000000", "2147483647", "-2147483648", "99999999999999999999", "nan",
           "inf", "-inf", "1e308", "-1e308", "1e-320", "0x10", "1_0", "x", "\x00", "1 2", "0.5", "3.7")  # fmt: skip
_VALUES: tuple[Any, ...] = (
    None, True, False, -1, 0, 1, 2, 7, 10**9, 10**30, -0.5, 1.5, 1e308, -1e308, float("nan"), float("inf"), "", "x",
    "abs(", "U999999999", [], {}, [[]], [1, 2], ["x", "x"], {"": 1}, [None], [float("nan")],
)  # fmt: skip
_KEPT = ("format", "format_version", "checksum", "boosters")


def mutate(source: Path, target: Path, seed: int) -> str:
    """Copy a model with one change; return what was changed."""
    rng = np.random.default_rng(seed)
    files = {path.name: path.read_bytes() for path in sorted(source.iterdir())}
    content = json.loads(files["model.json"])
    texts = sorted(name for name in files if name.endswith(".txt"))
    if texts and rng.random() < 0.5:
        name = str(rng.choice(texts))
        changed, told = _change_text(files[name].decode("ascii"), rng)
        files[name] = changed.encode("utf-8", errors="surrogatepass")
        told = f"{name}: {told}"
    else:
        told = _change_json(content, rng)
    seal_again(content, {name: files[name] for name in texts})
    files["model.json"] = json.dumps(content, ensure_ascii=False, sort_keys=True).encode()
    target.mkdir(parents=True)
    for name, raw in files.items():
        (target / name).write_bytes(raw)
    return told


def seal_again(content: dict[str, Any], texts: dict[str, bytes]) -> None:
    """The checksums that somebody who knows the format would write."""
    if isinstance(content.get("boosters"), dict):
        content["boosters"] = {name[:-4]: hashlib.sha256(raw).hexdigest() for name, raw in texts.items()}
    content.pop("checksum", None)
    text = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    content["checksum"] = hashlib.sha256(text.encode()).hexdigest()


def _change_text(text: str, rng: np.random.Generator) -> tuple[str, str]:
    trees, end, rest = text.partition("end of trees")
    lines = trees.split("\n")
    k = int(rng.choice([i for i, line in enumerate(lines) if line]))
    way = rng.choice(["token", "token", "token", "token", "swap", "drop", "twice", "cut", "noise", "move", "more"])
    told = f"{way} at {lines[k][:24]!r}"
    name, sign, values = lines[k].partition("=")
    tokens = values.split(" ")
    if way == "token":
        j = int(rng.integers(len(tokens)))
        tokens[j] = str(rng.choice(_TOKENS)) if rng.random() < 0.7 else str(int(rng.integers(-5, 40)))
        told += f" [{j}] = {tokens[j]!r}"
        lines[k] = name + sign + " ".join(tokens)
    elif way == "swap":
        lines[k] = name + sign + " ".join(str(t) for t in rng.permutation(tokens))
    elif way == "drop":
        del lines[k]
    elif way == "twice":
        lines.insert(k, lines[k])
    elif way == "more":
        lines[k] = name + sign + " ".join([*tokens, tokens[-1]])
    elif way == "move":
        lines.insert(int(rng.integers(len(lines))), lines.pop(k))
    elif way == "cut":
        return text[: int(rng.integers(len(text)))], told
    else:
        at = int(rng.integers(len(trees)))
        return text[:at] + "".join(map(chr, rng.integers(1, 128, 8))) + text[at + 8 :], told
    trees = "\n".join(lines)
    if rng.random() < 0.7:  # the sizes of the trees as a careful forger would give them
        trees = _with_sizes(trees)
    return trees + end + rest, told


def _with_sizes(trees: str) -> str:
    head, first, body = trees.partition("\n\nTree=")
    sizes = " ".join(str(len(b) + len("Tree=")) for b in body.split("Tree="))
    lines = [f"tree_sizes={sizes}" if line.startswith("tree_sizes=") else line for line in head.split("\n")]
    return "\n".join(lines) + first + body


def _change_json(content: dict[str, Any], rng: np.random.Generator) -> str:
    """Change one place anywhere; the estimator's parts more often than the lists of numbers inside them."""
    node: Any = content
    path: list[Any] = []
    while True:
        keys = _keys(node, top=not path)
        key = keys[int(rng.integers(len(keys)))]
        path.append(key)
        inside = node[key]
        if not isinstance(inside, dict | list) or not inside or (len(path) > 1 and rng.random() < 0.2):
            break
        node = inside
    way = str(rng.choice(["value", "value", "value", "drop", "negative", "twice", "reverse"]))
    if way == "drop":
        del node[key]
    elif way == "negative" and isinstance(node[key], int | float) and not isinstance(node[key], bool):
        node[key] = -node[key] - 1
    elif way == "twice" and isinstance(node[key], list):
        node[key] = [*node[key], *node[key][-1:]]
    elif way == "reverse" and isinstance(node[key], list):
        node[key] = node[key][::-1]
    else:
        way = "value"
        node[key] = _VALUES[int(rng.integers(len(_VALUES)))]
    shown = f" = {node[key]!r}"[:60] if way == "value" else ""
    return f"model.json: {way} {'.'.join(map(str, path))}{shown}"


def _keys(node: Any, top: bool) -> list[Any]:
    if isinstance(node, list):
        return list(range(len(node)))
    return [key for key in node if not (top and key in _KEPT)] + (["estimator"] * 6 if top else [])

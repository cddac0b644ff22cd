"""LightGBM's text format, read strictly before LightGBM sees it: its own reader trusts what it is given.

A tree whose children lie outside the tree, point back, or are visited twice makes LightGBM read foreign memory or run
for ever. Everything that places a row in a leaf is therefore checked here: header, sizes of the trees, children,
columns, kinds of decisions, sets of categories, lengths and finite numbers. What follows the trees (a copy of the
parameters, which names files and numbers of threads) is never handed on.

Source of the format: LightGBM 4, ``src/boosting/gbdt_model_text.cpp`` and ``src/io/tree.cpp``.

>>> booster_columns("tree\\nversion=v4\\n\\n")
Traceback (most recent call last):
    ...
custintel.errors.ModelError: no booster that custintel wrote: the header lacks num_class
  hint: copy the model again from its source, or save it again from training
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from custintel.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Mapping


_END = "end of trees\n"
_INTEGER = r"-?[0-9]{1,10}"
_NUMBER = r"[-+]?[0-9]{1,20}(?:\.[0-9]{1,400})?(?:e[-+]?[0-9]{1,3})?"
_INTEGERS = re.compile(rf"{_INTEGER}(?: {_INTEGER})*")
_NUMBERS = re.compile(rf"{_NUMBER}(?: {_NUMBER})*")
_LIMIT = rf"(?:{_NUMBER}|inf)"
_LIMITS = re.compile(rf"{_LIMIT}(?: {_LIMIT})*")
_OBJECTIVE = re.compile(r"binary sigmoid:1|regression")
_RANGE = re.compile(rf"none|\[{_NUMBER}:{_NUMBER}\]|{_INTEGER}(?::{_INTEGER})*")
_FIXED = {"num_class": "1", "num_tree_per_iteration": "1", "label_index": "0"}
_HEADER = (*_FIXED, "version", "max_feature_idx", "objective", "feature_names", "feature_infos", "tree_sizes")
_INNER = {"split_feature": int, "split_gain": float, "decision_type": int, "left_child": int, "right_child": int}
_INNER |= {"internal_value": float, "internal_weight": float, "internal_count": int}
_LEAVES = {"leaf_value": float, "leaf_weight": float, "leaf_count": int}
_SETS = ("cat_boundaries", "cat_threshold")
_TREE = ("num_leaves", "num_cat", "threshold", *_INNER, *_LEAVES, "is_linear", "shrinkage")
_MOST_COLUMNS, _MOST_LEAVES, _MOST_DEPTH = 1_000_000, 131_072, 2_000


class _TextError(ValueError):
    """What is wrong with a text."""


def read_booster(text: str) -> Any:
    """A LightGBM booster from its text; only header and trees are read."""
    import lightgbm as lgb

    trees, found, _ = text.partition(_END)
    return lgb.Booster(model_str=trees + found)


def booster_columns(text: str) -> int:
    """Number of columns that a booster reads, after its whole text was checked.

    Raises
    ------
    ModelError
        When LightGBM would not have written the text like this.
    """
    try:
        return _checked(text)
    except _TextError as error:
        raise ModelError(
            f"no booster that custintel wrote: {error}\n"
            "  hint: copy the model again from its source, or save it again from training"
        ) from error


def _checked(text: str) -> int:
    head, _, body = text.partition("\n\n")
    header = _header(head)
    columns = _integer(header["max_feature_idx"], "max_feature_idx", (0, _MOST_COLUMNS)) + 1
    for name in ("feature_names", "feature_infos"):
        _require(len(header[name].split(" ")) == columns, f"{name} are not {columns}")
    _require(all(map(_RANGE.fullmatch, header["feature_infos"].split(" "))), "feature_infos are no ranges")
    _check_trees(body, _integers(header["tree_sizes"], "tree_sizes", None), columns)
    return columns


def _header(head: str) -> dict[str, str]:
    first, *lines = head.split("\n")
    _require(first == "tree", "it does not begin with 'tree'")
    header = _fields(lines, "the header")
    absent = [name for name in _HEADER if name not in header]
    _require(not absent, f"the header lacks {', '.join(absent[:1])}")
    unknown = set(header) - {*_HEADER, "monotone_constraints"}
    _require(not unknown, "the header has other fields than those of custintel's boosters")
    _require(header["version"] in ("v3", "v4"), "the version is not v3 or v4")
    for name, value in _FIXED.items():
        _require(header[name] == value, f"{name} is not {value}")
    _require(bool(_OBJECTIVE.fullmatch(header["objective"])), "the objective is not binary or regression")
    if "monotone_constraints" in header:
        signs = _integers(header["monotone_constraints"], "monotone_constraints", None)
        _require(bool(np.isin(signs, (-1, 0, 1)).all()), "monotone_constraints are not -1, 0, 1")
    return header


def _check_trees(body: str, sizes: np.ndarray, columns: int) -> None:
    """Every tree lies where its size says, and nothing lies between them."""
    raw = body.encode()
    _require(bool(len(sizes)) and bool((sizes > 0).all()), "it has no trees")
    start = 0
    for number, size in enumerate(sizes.tolist()):
        block = raw[start : start + size].decode("ascii", errors="replace")
        _require(
            block.startswith(f"Tree={number}\n") and block.endswith("\n"), f"tree {number} is not where it should be"
        )
        try:
            _check_tree(_fields(block.strip("\n").split("\n")[1:], "it"), columns)
        except _TextError as error:
            raise _TextError(f"tree {number}: {error}") from None
        start += size
    _require(raw[start:].startswith(_END.encode()), "there is more or less than the trees whose sizes it gives")


def _check_tree(tree: Mapping[str, str], columns: int) -> None:
    sets = _integer(tree.get("num_cat", ""), "num_cat", (0, _MOST_LEAVES))
    _require(set(tree) == {*_TREE, *(_SETS if sets else ())}, "it has more or fewer fields than a tree")
    leaves = _integer(tree["num_leaves"], "num_leaves", (1, _MOST_LEAVES))
    _require(tree["is_linear"] == "0", "its leaves are linear models")
    _numbers(tree["shrinkage"], "shrinkage", 1)
    inner = {name: _values(tree[name], name, (kind, leaves - 1)) for name, kind in _INNER.items()}
    # a tree that never grew has one leaf, and its weight may have been left out
    there = {name: kind for name, kind in _LEAVES.items() if leaves > 1 or name == "leaf_value" or tree[name]}
    outer = {name: _values(tree[name], name, (kind, leaves)) for name, kind in there.items()}
    fewest = 1 if leaves > 1 else 0
    _require(bool((outer.get("leaf_count", np.ones(1)) >= fewest).all()), f"leaf_count is below {fewest}")
    _check_children(inner["left_child"], inner["right_child"], leaves)
    if leaves > 1:
        _check_counts(inner, outer["leaf_count"])
    inner["threshold"] = _limits(tree["threshold"], leaves - 1)
    _check_decisions(inner, columns, _sizes_of_sets(tree, sets))


def _check_children(left: np.ndarray, right: np.ndarray, leaves: int) -> None:
    """Nodes are numbered as they grew: a child is a leaf (-1 is the first) or a later node; each has one parent."""
    children = np.sort(np.concatenate([left, right]))
    expected = np.concatenate([np.arange(-leaves, 0), np.arange(1, leaves - 1)]) if leaves > 1 else children
    _require(np.array_equal(children, expected), "a node or a leaf has no parent, or several")
    own = np.arange(leaves - 1)
    _require(
        bool(((left < 0) | (left > own)).all() and ((right < 0) | (right > own)).all()), "a node comes before itself"
    )
    if leaves > _MOST_DEPTH:
        _check_depth(left, right)


def _check_counts(inner: Mapping[str, np.ndarray], leaf_count: np.ndarray) -> None:
    """A node has the rows of its two children: explanations divide by their number."""
    nodes = inner["internal_count"]
    # the first nodes, then the leaves from the last to the first, so that leaf -1 is the last element
    counts = np.concatenate([nodes, leaf_count[::-1]])
    together = counts[inner["left_child"]] + counts[inner["right_child"]]
    _require(np.array_equal(nodes, together), "internal_count is not that of its children")


def _check_depth(left: np.ndarray, right: np.ndarray) -> None:
    """Explanations descend a tree by recursion: one of a hundred thousand levels would end the process."""
    depth = np.zeros(len(left), dtype=np.int64)
    for node in range(len(left)):
        for child in (left[node], right[node]):
            if child > 0:
                depth[child] = depth[node] + 1
    _require(int(depth.max()) < _MOST_DEPTH, f"it is deeper than {_MOST_DEPTH:,} nodes")


def _check_decisions(inner: Mapping[str, np.ndarray], columns: int, sets: int) -> None:
    """Bit 0: a set of categories; bit 1: missing values go left; bits 2 and 3: what is missing (0, 1 or 2)."""
    column, kind, limit = inner["split_feature"], inner["decision_type"], inner["threshold"]
    _require(bool(((column >= 0) & (column < columns)).all()), f"split_feature is not one of {columns} columns")
    _require(bool(((kind >= 0) & (kind < 12)).all()), "decision_type is none of LightGBM's")
    chosen = np.sort(limit[(kind & 1) == 1])
    _require(bool((limit[(kind & 1) == 0] > -np.inf).all()), "threshold is too small")
    _require(np.array_equal(chosen, np.arange(sets)), "its sets of categories are not used once each")


def _sizes_of_sets(tree: Mapping[str, str], sets: int) -> int:
    """The number of sets of categories, after their bits were found where they should be."""
    if sets:
        limits = _integers(tree["cat_boundaries"], "cat_boundaries", sets + 1)
        words = _integers(tree["cat_threshold"], "cat_threshold", None)
        rising = limits[0] == 0 and (np.diff(limits) > 0).all() and limits[-1] == len(words)
        _require(bool(rising), "cat_boundaries do not fit cat_threshold")
        _require(bool(((words >= 0) & (words < 2**32)).all()), "cat_threshold holds no sets of bits")
    return sets


def _fields(lines: list[str], where: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in lines:
        name, sign, value = line.partition("=")
        _require(bool(sign), f"{where} has a line that is no field")
        _require(name not in found, f"{where} has a field twice")
        found[name] = value
    return found


def _values(text: str, name: str, what: tuple[type, int]) -> np.ndarray:
    kind, count = what
    return _integers(text, name, count) if kind is int else _numbers(text, name, count)


def _integers(text: str, name: str, count: int | None) -> np.ndarray:
    if count == 0 and not text:
        return np.zeros(0, dtype=np.int64)
    _require(bool(_INTEGERS.fullmatch(text)), f"{name} is not made of whole numbers")
    return _counted(np.array(text.split(" "), dtype=np.int64), name, count)


def _numbers(text: str, name: str, count: int) -> np.ndarray:
    if count == 0 and not text:
        return np.zeros(0)
    _require(bool(_NUMBERS.fullmatch(text)), f"{name} is not made of numbers")
    found = _counted(np.array(text.split(" "), dtype=np.float64), name, count)
    _require(bool(np.isfinite(found).all()), f"{name} is too large")
    return found


def _limits(text: str, count: int) -> np.ndarray:
    """Thresholds: "missing or not" is a cut at infinity."""
    if count == 0 and not text:
        return np.zeros(0)
    _require(bool(_LIMITS.fullmatch(text)), "threshold is not made of numbers")
    return _counted(np.array(text.split(" "), dtype=np.float64), "threshold", count)


def _counted(found: np.ndarray, name: str, count: int | None) -> np.ndarray:
    _require(count is None or len(found) == count, f"{name} has {len(found)} values instead of {count}")
    return found


def _integer(text: str, name: str, span: tuple[int, int]) -> int:
    value = int(_integers(text, name, 1)[0])
    _require(span[0] <= value <= span[1], f"{name} is not from {span[0]} to {span[1]:,}")
    return value


def _require(fact: bool, wrong: str) -> None:
    if not fact:
        raise _TextError(wrong)

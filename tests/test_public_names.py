"""Public names: few, each with one home, one page of the reference and an example; everything else is private.

A room says in `__all__` what is public. A module whose name begins with an underscore is read by its own room alone.
`python tests/test_public_names.py > tests/private_imports.txt` writes the list of private modules that tests still
read; the list may only become shorter.
"""

from __future__ import annotations

import ast
import doctest
import importlib
import inspect
import pkgutil
import re
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

import custintel

ROOT = Path(__file__).resolve().parents[1]
REFERENCE = ROOT / "docs" / "reference"
LISTED = ROOT / "tests" / "private_imports.txt"
MOST_NAMES, MOST_LINES = 100, 600
ROOMS = tuple(sorted(m.name for m in pkgutil.iter_modules(custintel.__path__) if not m.name.startswith("_")))


@cache
def homes() -> dict[str, list[str]]:
    """The rooms in which each public name lives."""
    found: dict[str, list[str]] = {}
    for room in ROOMS:
        module = importlib.import_module(f"custintel.{room}")
        for name in getattr(module, "__all__", ()):
            found.setdefault(name, []).append(room)
    return found


def _thing(name: str) -> Any:
    return getattr(importlib.import_module(f"custintel.{homes()[name][0]}"), name)


def _resolved(dotted: str) -> Any:
    """What a directive of the reference points to: a name of a room, or a result type of a module."""
    module, _, name = dotted.rpartition(".")
    return getattr(importlib.import_module(module), name)


@cache
def directives() -> dict[str, list[str]]:
    """What each page of the reference documents."""
    pages = {page.name: page.read_text(encoding="utf-8") for page in sorted(REFERENCE.glob("*.md"))}
    return {name: re.findall(r"^::: (\S+)$", text, re.MULTILINE) for name, text in pages.items()}


def test_there_are_few_public_names() -> None:
    assert 0 < len(homes()) <= MOST_NAMES, f"{len(homes())} public names: make one private before another is added"


def test_every_public_name_has_one_home() -> None:
    assert {name: rooms for name, rooms in homes().items() if len(rooms) > 1} == {}


def test_a_room_below_a_room_has_no_public_names() -> None:
    below = (m.name for m in pkgutil.walk_packages(custintel.__path__, "custintel.") if m.name.count(".") > 1)
    assert [name for name in below if hasattr(importlib.import_module(name), "__all__")] == []


def test_the_top_of_the_package_only_repeats_names_of_rooms() -> None:
    assert set(custintel.__all__) - {"__version__"} <= {*homes(), *ROOMS}


def test_every_public_name_is_on_one_page_of_the_reference() -> None:
    listed = Counter(dotted for page in directives().values() for dotted in page)
    assert [dotted for dotted, count in listed.items() if count > 1] == []
    wanted = {f"custintel.{rooms[0]}.{name}" for name, rooms in homes().items()}
    assert wanted - set(listed) == set(), "no page documents them"


def test_the_reference_speaks_of_what_there_is() -> None:
    for page in directives().values():
        assert page
        for dotted in page:
            assert _resolved(dotted) is not None


def test_every_page_of_the_reference_is_in_the_navigation() -> None:
    nav = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))["nav"]
    assert sorted(page for page in _pages(nav) if page.startswith("reference/")) == [
        f"reference/{page}" for page in sorted(directives())
    ]


def _pages(nav: Any) -> list[str]:
    if isinstance(nav, str):
        return [nav]
    return [page for part in (nav.values() if isinstance(nav, dict) else nav) for page in _pages(part)]


@pytest.mark.parametrize("page", sorted(directives()))
def test_no_page_of_the_reference_is_too_long(page: str) -> None:
    assert sum(_lines(_resolved(dotted)) for dotted in directives()[page]) <= MOST_LINES


def _lines(thing: Any) -> int:
    """Lines with text of the docstrings that the page shows, and one a signature."""
    shown = [one for name, one in _members(thing).items() if name not in ("to_state", "from_state", "saved_state")]
    texts = [inspect.getdoc(one) or "" for one in shown]
    return sum(1 + len(re.findall(r"^.*\w.*$", text, re.MULTILINE)) for text in texts)


@pytest.mark.parametrize("name", sorted(homes()))
def test_every_public_name_has_an_example_that_runs(name: str) -> None:
    """The suite runs doctests (`testpaths`); here it is seen that there is one, and that it is not left out."""
    examples = doctest.DocTestParser().get_examples(inspect.getdoc(_thing(name)) or "")
    assert [e for e in examples if doctest.SKIP not in e.options], f"{name} has no example"


@pytest.mark.parametrize("name", sorted(homes()))
def test_examples_stand_in_their_section(name: str) -> None:
    """Otherwise the reference takes ``[1, 2]`` of an example for a link."""
    texts = {member: getattr(one, "__doc__", None) or "" for member, one in _members(_thing(name)).items()}
    assert [m for m, text in texts.items() if ">>>" in text and not re.search(r"Examples\n *-{8}", text)] == []


def _members(thing: Any) -> dict[str, Any]:
    """The thing, and the public methods of a class."""
    own = vars(thing).items() if inspect.isclass(thing) else ()
    methods = {n: m for n, m in own if not n.startswith("_") and _is_documented(m)}
    return {"": thing, **methods}


def _is_documented(member: Any) -> bool:
    return inspect.isroutine(member) or isinstance(member, classmethod | staticmethod | property)


# Modules with an underscore in front are private.


def _imports(path: Path) -> list[tuple[str, str]]:
    """Module and name of each import from the package, those of doctests included."""
    text = path.read_text(encoding="utf-8")
    trees = [ast.parse(text), *_example_trees(text)]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    plain = [(alias.name, "") for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    taken = [(n.module or "", a.name) for n in nodes if isinstance(n, ast.ImportFrom) for a in n.names]
    return [(module, name) for module, name in plain + taken if module.split(".")[0] == "custintel"]


def _example_trees(text: str) -> list[ast.Module]:
    lines = re.findall(r"^\s*>>> ((?:from|import) custintel.*)$", text, re.MULTILINE)
    return [ast.parse(line) for line in lines]


def _private_module(module: str, name: str) -> str:
    """The private module that an import reads, or ''."""
    parts = [*module.split("."), name]
    cut = next((k for k, part in enumerate(parts) if part.startswith("_") and not part.startswith("__")), None)
    return "" if cut is None or parts[1] == "_version" else ".".join(parts[: max(cut + 1, len(parts) - 1)])


def test_no_room_reads_a_private_module_of_another() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {module}.{name}"
        for path in sorted((ROOT / "custintel").rglob("*.py"))
        for module, name in _imports(path)
        if _private_module(module, name) and module.split(".")[1:2] != [_room(path)]
    ]
    assert found == []


def _room(path: Path) -> str:
    return path.relative_to(ROOT / "custintel").parts[0].removesuffix(".py")


def test_a_module_that_no_other_room_reads_is_private() -> None:
    read = {
        part
        for path in (ROOT / "custintel").rglob("*.py")
        for module, name in _imports(path)
        if module.split(".")[1:2] != [_room(path)]
        for part in (module, f"{module}.{name}")
    }
    modules = {
        "custintel." + ".".join(path.relative_to(ROOT / "custintel").with_suffix("").parts): path
        for path in (ROOT / "custintel").rglob("*.py")
        if len(path.relative_to(ROOT / "custintel").parts) > 1 and not path.name.startswith("_")
    }
    assert sorted(set(modules) - read - READ_BY_OTHERS) == []


READ_BY_OTHERS = {"custintel.training.mlflow_flavor"}  # MLflow imports it by the name in its store


def _of_tests() -> list[tuple[Path, str, str]]:
    files = [*(ROOT / "tests").rglob("*.py"), *(ROOT / "experiments").rglob("*.py"), *(ROOT / "docs").glob("*.py")]
    return [(path, module, name) for path in sorted(files) for module, name in _imports(path)]


def test_tests_take_public_names_from_their_home() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {name} from {module}"
        for path, module, name in _of_tests()
        if name in homes() and _private_module(module, name) and getattr(_import(module), name, None) is _thing(name)
    ]
    assert found == []


def _import(module: str) -> Any:
    return importlib.import_module(module)


def private_imports() -> set[str]:
    """Private modules that tests, experiments and docs read."""
    return {private for _, module, name in _of_tests() if (private := _private_module(module, name))}


def test_tests_read_no_further_private_modules() -> None:
    listed = set(LISTED.read_text(encoding="utf-8").split())
    assert private_imports() - listed == set(), "use a public name or a module without an underscore"
    assert listed - private_imports() == set(), "no longer read: take them off tests/private_imports.txt"


if __name__ == "__main__":
    print("\n".join(sorted(private_imports())))

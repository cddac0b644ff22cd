"""Write what is generated: tables, data dictionary, API reference, home, and the schema of feature files.

MkDocs reads this file as a hook too: see `on_page_markdown`.
"""

from __future__ import annotations

import importlib
import inspect
import json
import re
from pathlib import Path
from typing import Any

DOCS = Path(__file__).resolve().parent
SCHEMA = DOCS.parent / "custintel" / "catalogue" / "features.schema.json"
DOORS = (
    "custintel.warehouse",
    "custintel.builder",
    "custintel.indicators",
    "custintel.questions",
    "custintel.metrics",
    "custintel.learners",
    "custintel.artifact",
    "custintel.explain",
    "custintel.training",
    "custintel.rules",
    "custintel.fraud",
    "custintel.decide",
    "custintel.scoring",
    "custintel.simulate",
    "custintel.catalogue",
    "custintel.functions",
    "custintel.contracts",
    "custintel.expressions",
    "custintel.engines",
    "custintel.errors",
)


def _signature(thing: object) -> str:
    try:
        return str(inspect.signature(thing))  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return ""


def _block(docstring: str) -> str:
    return f"```text\n{docstring}\n```\n"


def _entry(name: str, thing: object) -> str:
    doc = inspect.getdoc(thing) or ""
    kind = "class" if inspect.isclass(thing) else "def" if callable(thing) else "data"
    shown = f"### `{name}`\n\n```python\n{kind} {name}{_signature(thing) if kind != 'data' else ''}\n```\n\n"
    return shown + (_block(doc) if kind != "data" and doc else "") + "".join(_methods(name, thing))


def _methods(owner: str, thing: object) -> list[str]:
    if not inspect.isclass(thing):
        return []
    own = [(n, m) for n, m in vars(thing).items() if not n.startswith("_") and inspect.getdoc(m)]
    return [f"#### `{owner}.{n}`\n\n{_block(inspect.getdoc(m) or '')}\n" for n, m in own if _documented(m)]


def _documented(member: object) -> bool:
    return inspect.isfunction(member) or isinstance(member, classmethod | staticmethod | property)


def _module(name: str) -> str:
    module = importlib.import_module(name)
    head = f"## {name}\n\n{(inspect.getdoc(module) or '').splitlines()[0]}\n\n"
    return head + "\n".join(_entry(n, getattr(module, n)) for n in module.__all__)


def api_markdown() -> str:
    """The API reference: every public name of every room with its docstring."""
    return "# API reference\n\nGenerated from the docstrings.\n\n" + "\n".join(_module(n) for n in DOORS)


def home_markdown() -> str:
    """The README as the home page of the site, its links seen from the folder of the pages."""

    def moved(link: re.Match[str]) -> str:
        return f"]({link[1].removeprefix('docs/') if link[1].startswith('docs/') else '../' + link[1]})"

    text = (DOCS.parent / "README.md").read_text(encoding="utf-8")
    return re.sub(r"\]\((?!https?:|mailto:|#)([^)]+)\)", moved, text)


def on_page_markdown(markdown: str, *, page: Any, **_: Any) -> str:
    """Name the files of the repository that are not part of the site, instead of linking to them."""
    folder = Path(page.file.abs_src_path).parent

    def shown(link: re.Match[str]) -> str:
        target = (folder / link[2]).resolve()
        if target.is_relative_to(DOCS) or not target.exists():
            return link[0]  # MkDocs checks these
        name = target.relative_to(DOCS.parent).as_posix()
        return link[1] if name in link[1] else f"{link[1]} (`{name}`)"

    return re.sub(r"(?<!!)\[([^\]]+)\]\((\.\./[^)#\s]+)[^)]*\)", shown, markdown)


def main() -> None:
    """Write all generated pages."""
    from custintel.catalogue.data_dictionary import dictionary_markdown
    from custintel.catalogue.feature_file_schema import features_schema
    from custintel.contracts._contract_document import tables_markdown
    from custintel.rules.builtin_rules import rules_markdown

    pages = {
        "tables.md": tables_markdown(),
        "dictionary.md": dictionary_markdown(),
        "rules_builtin.md": rules_markdown(),
        "api.md": api_markdown(),
        "index.md": home_markdown(),
    }
    for name, text in pages.items():
        (DOCS / name).write_text(text, encoding="utf-8")
    SCHEMA.write_text(json.dumps(features_schema(), indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

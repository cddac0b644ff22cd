"""Write the generated pages of the documentation: tables, data dictionary, API reference, home."""

from __future__ import annotations

import importlib
import inspect
from pathlib import Path

DOCS = Path(__file__).resolve().parent
DOORS = (
    "custintel.warehouse",
    "custintel.builder",
    "custintel.labels",
    "custintel.metrics",
    "custintel.estimators",
    "custintel.artifact",
    "custintel.explain",
    "custintel.training",
    "custintel.scoring",
    "custintel.simulate",
    "custintel.catalogue",
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
    """The README as the home page of the site."""
    return (DOCS.parent / "README.md").read_text(encoding="utf-8").replace("](docs/", "](")


def main() -> None:
    """Write all generated pages."""
    from custintel.catalogue import dictionary_markdown
    from custintel.contracts import tables_markdown

    pages = {
        "tables.md": tables_markdown(),
        "dictionary.md": dictionary_markdown(),
        "api.md": api_markdown(),
        "index.md": home_markdown(),
    }
    for name, text in pages.items():
        (DOCS / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()

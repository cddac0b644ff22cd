"""Write what is generated from the package: tables, data dictionary, built-in rules, and the schema of feature files.

MkDocs reads this file as a hook too: `on_files` makes the README and CONTRIBUTING pages of the site, and
`on_page_markdown` names files outside the site. The hooks need nothing of the package, so that ``mkdocs build`` works
without it.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

DOCS = Path(__file__).resolve().parent
SCHEMA = DOCS.parent / "custintel" / "catalogue" / "features.schema.json"


OUTSIDE = {"index.md": "README.md", "contributing.md": "CONTRIBUTING.md"}  # pages of the site, and files they are


def outside_markdown(name: str) -> str:
    """A file at the top of the repository as a page of the site, its links seen from the folder of the pages."""

    def moved(link: re.Match[str]) -> str:
        return f"]({link[1].removeprefix('docs/') if link[1].startswith('docs/') else '../' + link[1]})"

    text = (DOCS.parent / name).read_text(encoding="utf-8")
    return re.sub(r"\]\((?!https?:|mailto:|#)([^)]+)\)", moved, text)


def on_files(files: Any, *, config: Any, **_: Any) -> Any:
    """Add the pages that are not files of the folder."""
    from mkdocs.structure.files import File

    for page, name in OUTSIDE.items():
        files.append(File.generated(config, page, content=outside_markdown(name)))
    return files


def on_page_markdown(markdown: str, *, page: Any, **_: Any) -> str:
    """Name the files of the repository that are not part of the site, instead of linking to them."""
    folder = (DOCS / page.file.src_uri).parent

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
    from custintel.contracts.table_contracts import tables_markdown
    from custintel.rules.builtin_rules import rules_markdown

    pages = {
        "tables.md": tables_markdown(),
        "dictionary.md": dictionary_markdown(),
        "rules_builtin.md": rules_markdown(),
    }
    for name, text in pages.items():
        (DOCS / name).write_text(text, encoding="utf-8")
    SCHEMA.write_text(json.dumps(features_schema(), indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

"""The Python of README and tutorials runs as it stands, block after block."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

import custintel
from custintel import Warehouse
from custintel.catalogue.model_spec import load_model_spec

if TYPE_CHECKING:
    from custintel.training import Run

ROOT = Path(__file__).resolve().parents[1]
PAGES = [
    "README.md",
    "docs/how_it_works.md",
    "docs/questions.md",
    "docs/concepts/as_of.md",
    "docs/concepts/questions.md",
    "docs/concepts/value.md",
    "docs/concepts/uplift.md",
    "docs/concepts/rules.md",
    "docs/tutorials/notebook.md",
    "docs/tutorials/library.md",
    "docs/simulator.md",
    "docs/models/churn.md",
    "docs/decide.md",
    "docs/tutorials/decide.md",
    "docs/models/value.md",
    "docs/models/tiers.md",
    "docs/models/survival.md",
    "docs/models/uplift.md",
    "docs/models/offers.md",
    "docs/profit.md",
    "docs/rules.md",
    "docs/rules_life.md",
    "docs/tutorials/fraud_desk.md",
    "docs/models/fraud.md",
    "docs/models/credit.md",
    "docs/models/first_bill.md",
]


PAGES_WITHOUT_PYTHON = [
    "docs/models/upgrade.md",
    "docs/models/data_growth.md",
    "docs/models/satisfaction.md",
    "docs/models/arrears.md",
    "CONTRIBUTING.md",
    "docs/glossary.md",
    "docs/tutorials/scheduler.md",
    "docs/benchmarks.md",
]

SAME_OPERATOR = ("README.md", "docs/how_it_works.md", "docs/tutorials/notebook.md", "docs/tutorials/library.md")
"""Pages that learn churn from the same simulated operator; one worker runs them."""


class OnceForAllPages:
    """A page gets what an earlier page of this process made by the same call; any other call is carried out."""

    def __init__(self) -> None:
        self.operators: dict[str, Warehouse] = {}
        self.runs: dict[tuple[str, int, bool], Run] = {}
        self._simulate, self._train = Warehouse.simulate, custintel.train

    def simulate(self, config: Any = None, **size: int) -> Warehouse:
        if config is not None:
            return self._simulate(config=config, **size)
        size_text = str(sorted(size.items()))
        if size_text not in self.operators:
            self.operators[size_text] = self._simulate(**size)
        return self.operators[size_text]

    def train(self, name: str, wh: Warehouse | None = None, *, tracking: bool = True, **options: Any) -> Run:
        if options or wh is None:
            return self._train(name, wh, tracking=tracking, **options)
        for tracked in (True, tracking):  # a tracked run has all that one without a store has
            if (name, id(wh), tracked) in self.runs:
                return self.runs[name, id(wh), tracked]
        return self.runs.setdefault((name, id(wh), tracking), self._train(name, wh, tracking=tracking))


@pytest.fixture(scope="session")  # not of the module, whose pages would then all wait for one worker
def once() -> OnceForAllPages:
    return OnceForAllPages()


def _python_of(page: str) -> str:
    text = (ROOT / page).read_text(encoding="utf-8")
    return "\n".join(re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL))


def _write_yaml_of(page: str, folder: Path) -> None:
    """The files that a page tells its reader to save: YAML whose first line names a place."""
    text = (ROOT / page).read_text(encoding="utf-8")
    for place, content in re.findall(r"```yaml\n# (\w+/\w+\.yaml)\n(.*?)```", text, flags=re.DOTALL):
        (folder / place).parent.mkdir(exist_ok=True)
        (folder / place).write_text(content, encoding="utf-8")


def _pages() -> list[Any]:
    group = pytest.mark.xdist_group("pages of one operator")
    return [pytest.param(page, marks=group) if page in SAME_OPERATOR else page for page in PAGES]


@pytest.mark.parametrize("page", _pages())
@pytest.mark.filterwarnings("default")
def test_python_blocks_run(page: str, once: OnceForAllPages, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Warehouse, "simulate", once.simulate)
    monkeypatch.setattr(custintel, "train", once.train)
    _write_yaml_of(page, tmp_path)
    code = _python_of(page)
    assert code
    exec(compile(code, page, "exec"), {})


@pytest.mark.parametrize("page", [*PAGES, *PAGES_WITHOUT_PYTHON])
def test_links_inside_the_repository_exist(page: str) -> None:
    path = ROOT / page
    links = re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", path.read_text(encoding="utf-8"))
    assert [link for link in links if not (path.parent / link).exists()] == []


def test_the_map_of_the_contribution_guide_names_what_there_is() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    named = re.findall(r"`((?:custintel|tests|docs|features|models|experiments)/[\w./]*)`", text)
    assert len(named) > 20
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_records_of_decisions_are_short_and_whole() -> None:
    records = sorted((ROOT / "docs" / "decisions").glob("0*.md"))
    overview = (ROOT / "docs" / "decisions" / "README.md").read_text(encoding="utf-8")
    assert records
    for record in records:
        text = record.read_text(encoding="utf-8")
        assert re.findall("^## (.*)$", text, re.MULTILINE) == ["Context", "Decision", "Consequences", "When to reopen"]
        assert len(text.splitlines()) < 60
        assert record.name in overview


def test_own_questions_take_no_more_than_fifteen_lines(tmp_path: Path) -> None:
    _write_yaml_of("docs/questions.md", tmp_path)
    written = {file.stem: file.read_text(encoding="utf-8") for file in (tmp_path / "my_models").glob("*.yaml")}
    assert sorted(written) == ["calls_care", "data_class", "top_ups"]
    assert all(len(text.splitlines()) <= 15 for text in written.values())


def test_the_page_of_questions_lists_every_shipped_question() -> None:
    text = (ROOT / "docs" / "questions.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| `(\w+)` \|.*\| `(\w+)` \|.*\|.*\|$", text, re.MULTILINE)
    shipped = [load_model_spec(file.stem) for file in sorted((ROOT / "models").glob("*.yaml"))]
    assert sorted(listed) == [(spec.name, spec.learner["class"]) for spec in shipped]


def _generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_links_of_the_home_page_are_seen_from_the_folder_of_the_pages() -> None:
    home = _generator().outside_markdown("README.md")
    assert "](../CONTRIBUTING.md)" in home
    assert "](simulator.md)" in home


@pytest.mark.parametrize(
    ("page", "written", "shown"),
    [
        ("index.md", "[CONTRIBUTING](../CONTRIBUTING.md)", "CONTRIBUTING (`CONTRIBUTING.md`)"),
        ("models/churn.md", "[`models/churn.yaml`](../../models/churn.yaml)", "`models/churn.yaml`"),
        ("models/churn.md", "[tables](../tables.md#usage)", "[tables](../tables.md#usage)"),
        ("models/churn.md", "[gone](../../gone.md)", "[gone](../../gone.md)"),
    ],
)
def test_the_site_names_files_outside_its_folder(page: str, written: str, shown: str) -> None:
    file = SimpleNamespace(abs_src_path=str(ROOT / "docs" / page), src_uri=page)
    assert _generator().on_page_markdown(written, page=SimpleNamespace(file=file)) == shown


def test_the_example_feature_of_the_contribution_guide_loads(tmp_path: Path) -> None:
    from custintel.catalogue import Catalogue

    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    example = re.findall(r"```yaml\n(family: evenings.*?)```", text, flags=re.DOTALL)[0]
    (tmp_path / "evenings.yaml").write_text(example, encoding="utf-8")
    columns = [e.column for e in Catalogue.load(features_path=tmp_path).entries() if e.family == "evenings"]
    assert len(columns) == 6
    assert "out_evening_events_30d" in columns

"""What does the library do with input that is wrong, hostile or cut off? Runs the slow fuzz and kill tests, and counts.

Each fuzz test gives generated or spoiled input to one door of the library. An input *holds* when it is answered, or
refused with an error of the library; a crash, a hang, any other exception or a broken sum of rows fails the test, and
then there is no table. Run: ``python experiments/reliability.py``; the table goes into docs/reliability.md, between
its two marks.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

HERE = Path(__file__).resolve().parents[1]
PAGE = HERE / "docs" / "reliability.md"
BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"


def run_tests(junit: Path, paths: list[str]) -> int:
    """Run the slow tests of these paths; their exit code."""
    command = [sys.executable, "-m", "pytest", "-m", "slow", "-p", "no:cacheprovider", f"--junitxml={junit}"]
    return subprocess.run(
        [*command, "-o", "junit_family=xunit1", "--timeout", "1500", *paths], cwd=HERE, check=False
    ).returncode


def counts(junit: Path) -> list[dict[str, str]]:
    """One entry a test that counted: its name and its counts."""
    found = []
    for case in ElementTree.parse(junit).iter("testcase"):
        properties = {p.get("name", ""): p.get("value", "") for p in case.iter("property")}
        if "tried" in properties:
            file = case.get("file") or case.get("classname", "").replace(".", "/") + ".py"
            found.append({"file": file, "test": case.get("name", ""), **properties})
    return found


def failures(junit: Path) -> int:
    """How many tests failed or stopped with an error."""
    root = ElementTree.parse(junit)
    return sum(1 for kind in ("failure", "error") for _ in root.iter(kind))


def table(rows: list[dict[str, str]]) -> str:
    """The counts as a Markdown table."""
    lines = ["| attack | test | tried | answered | refused with an error that teaches | lost, mixed, crashed or hung |",
             "|---|---|--:|--:|--:|--:|"]  # fmt: skip
    for row in rows:
        name = row["test"].removeprefix("test_").replace("_", " ")
        cells = [f"{int(row[k]):,}" if k in row else "" for k in ("tried", "answered", "refused")]
        lines.append(f"| {name} | `{row['file']}` | {' | '.join(cells)} | {row.get('failed', '0')} |")
    tried = sum(int(row["tried"]) for row in rows)
    lines.append(f"| **all** | | **{tried:,}** | | | **0** |")
    return "\n".join(lines)


def write(rows: list[dict[str, str]]) -> None:
    """Put the table between the marks of the page."""
    page = PAGE.read_text(encoding="utf-8")
    before, rest = page.split(BEGIN)
    after = rest.split(END)[1]
    day = datetime.now(UTC).date()
    head = f"Measured on {day} with Python {sys.version.split()[0]}; written by `experiments/reliability.py`."
    PAGE.write_text(f"{before}{BEGIN}\n{head}\n\n{table(rows)}\n{END}{after}", encoding="utf-8")


def main() -> int:
    """Run, count, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("paths", nargs="*", default=["tests/fuzz"], help="tests to run")
    help_ = "JUnit files (xunit1) of runs that are done, file by file; nothing is run then"
    parser.add_argument("--junit", nargs="+", type=Path, help=help_)
    given = parser.parse_args()
    with TemporaryDirectory() as folder:
        done = given.junit or [Path(folder) / "junit.xml"]
        failed = 0 if given.junit else run_tests(done[0], given.paths)
        rows = [row for junit in done for row in counts(junit)]
        failed += sum(failures(junit) for junit in done)
    if failed or not rows:
        print("not written: a test failed, or none counted", file=sys.stderr)
        return 1
    write(rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())

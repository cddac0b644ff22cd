"""Run the test suite on the oldest versions that setup.cfg allows.

    python3.11 .ci/oldest_versions.py                      # a virtual environment with them, then the whole suite
    python3.11 .ci/oldest_versions.py tests/builder -n 2   # arguments go to pytest
    python3.11 .ci/oldest_versions.py --list               # only print the versions

The environment is .venv-oldest; it is made again when a bound changes. The extras `docs` and `bench` are not in it.
"""

from __future__ import annotations

import configparser
import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PLACE = ROOT / ".venv-oldest"
_BOUND = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)(?:\[[^\]]*\])?\s*>=\s*(?P<version>[0-9][0-9.]*)")


def oldest_versions(text: str) -> dict[str, str]:
    """The lowest version of each requirement in the text of a setup.cfg; the highest of several lower bounds counts.

    >>> oldest_versions("[options]\\ninstall_requires =\\n    pandas>=2.2\\n    mlflow>=3.4,<4\\n    types-PyYAML")
    {'pandas': '2.2', 'mlflow': '3.4'}
    """
    parser = configparser.ConfigParser()
    parser.read_string(text)
    lists = [parser.get("options", "install_requires", fallback="")]
    lists += parser["options.extras_require"].values() if parser.has_section("options.extras_require") else []
    found: dict[str, str] = {}
    for bound in filter(None, (_BOUND.match(line.strip()) for part in lists for line in part.splitlines())):
        name, version = bound["name"].lower(), bound["version"].rstrip(".")
        found[name] = max(found.get(name, version), version, key=_number)
    return found


def _number(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


def constraints(versions: dict[str, str]) -> str:
    """Lines for `pip install --constraint`."""
    return "".join(f"{name}=={version}\n" for name, version in sorted(versions.items()))


def _install(versions: dict[str, str]) -> Path:
    """A virtual environment with those versions, made again when they have changed; its Python."""
    python, mark = PLACE / "bin" / "python", PLACE / "constraints.txt"
    wanted = constraints(versions)
    if not mark.exists() or mark.read_text() != wanted:
        subprocess.run([sys.executable, "-m", "venv", "--clear", PLACE], check=True)
        fresh = PLACE / "wanted.txt"
        fresh.write_text(wanted)
        pip = [python, "-m", "pip", "--disable-pip-version-check", "-q", "install", "--prefer-binary"]
        subprocess.run([*pip, "--constraint", fresh, "-e", f"{ROOT}[dev]"], check=True)
        fresh.rename(mark)
    return python


def main(arguments: list[str]) -> int:
    """Install, then test."""
    versions = oldest_versions((ROOT / "setup.cfg").read_text(encoding="utf-8"))
    if arguments == ["--list"]:
        print(constraints(versions), end="")
        return 0
    command = [_install(versions), "-m", "pytest", *arguments]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

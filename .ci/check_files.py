"""Check files that no linter reads: none is large, YAML can be read, no conflict of a merge is left.

python .ci/check_files.py              # all files that Git tracks
python .ci/check_files.py a.yaml b.png # these, as pre-commit gives them
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]
MOST_BYTES = 500_000
_CONFLICT = tuple(sign * 7 + " " for sign in "<>")


def problems(path: Path) -> list[str]:
    """What is wrong with a file; nothing when it is not there any more."""
    if not path.is_file():
        return []
    size = path.stat().st_size
    found = [f"{path}: {size:,} bytes, allowed are {MOST_BYTES:,}"] if size > MOST_BYTES else []
    content = path.read_bytes()
    if b"\0" in content[:8_000]:
        return found  # not text
    text = content.decode("utf-8", errors="replace")
    found += [
        f"{path}:{n}: conflict of a merge" for n, line in enumerate(text.splitlines(), 1) if line[:8] in _CONFLICT
    ]
    return found + (_yaml_problems(path, text) if path.suffix in (".yaml", ".yml") else [])


def _yaml_problems(path: Path, text: str) -> list[str]:
    try:
        list(yaml.safe_load_all(text))
    except yaml.YAMLError as error:
        return [f"{path}: {' '.join(str(error).split())}"]
    return []


def tracked() -> list[Path]:
    """All files that Git tracks."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [ROOT / name for name in listed.split("\0") if name]


def main(arguments: list[str]) -> int:
    """Print what is wrong; 1 when something is."""
    paths = [Path(name) for name in arguments] or tracked()
    found = [line for path in paths for line in problems(path)]
    print("\n".join(found), end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

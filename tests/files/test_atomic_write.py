"""Results are whole or not there; what a killed process left is removed, what a living one writes is not."""

from __future__ import annotations

import os
import resource
import signal
import stat
import subprocess
import sys
import tempfile
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pytest

from custintel.builder.feature_frame import write_features
from custintel.engines.duckdb_engine import DuckDBEngine
from custintel.errors import CustintelError
from custintel.files import atomic_write as module
from custintel.files.atomic_write import atomic_file, atomic_folder
from custintel.scoring.write_scores import check_writable, write_scores

if TYPE_CHECKING:
    from collections.abc import Iterator

linux = pytest.mark.skipif(sys.platform != "linux", reason="the system does not tell when a process began")

STOPPED = """
import sys, tempfile
from pathlib import Path
from custintel.files.atomic_write import atomic_folder, atomic_file
from custintel.engines.duckdb_engine import DuckDBEngine
engine, home = DuckDBEngine(), Path(sys.argv[1])
with atomic_file(home / "scores.csv") as file, atomic_folder(home / "model") as folder:
    file.write_text("half of it")
    (folder / "model.json").write_text("half of it")
    print("writing", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for temporary files of this process and of those it starts."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return folder


@contextmanager
def writer(home: Path) -> Iterator[subprocess.Popen[str]]:
    """A process in the middle of writing a file and a folder."""
    command = [sys.executable, "-c", STOPPED, str(home)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "writing\n"
        yield process
        process.kill()


def write_both(home: Path, text: str) -> None:
    with atomic_file(home / "scores.csv") as file, atomic_folder(home / "model") as folder:
        file.write_text(text)
        (folder / "model.json").write_text(text)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@linux
def test_what_a_killed_process_left_is_removed_and_what_a_living_one_writes_is_kept(
    tmp_path: Path, scratch: Path
) -> None:
    home = tmp_path / "out"
    home.mkdir()
    write_both(home, "the first")
    with writer(home) as alive:
        with writer(home) as killed:
            killed.send_signal(signal.SIGKILL)
        assert len(names(home)) == 2 + 2 + 2
        assert len(names(scratch)) == 2
        write_both(home, "the second")
        DuckDBEngine().close()
        assert len(names(home)) == 2 + 2
        assert len(names(scratch)) == 1
        alive.communicate("")
    assert names(home) == ["model", "scores.csv"]
    write_both(home, "the third")
    assert names(home) == ["model", "scores.csv"]
    assert (home / "scores.csv").read_text() == (home / "model" / "model.json").read_text() == "the third"
    assert names(scratch) == []


@linux
def test_files_of_another_machine_and_of_other_programs_are_not_touched(tmp_path: Path) -> None:
    foreign = [".scores.csv.custintel-00000000-1-abc-01234567.part", ".scores.csv.x1y2.part", "custintel-notes.part"]
    for name in foreign:
        (tmp_path / name).write_text("not ours to judge")
    write_both(tmp_path, "text")
    assert set(foreign) < set(names(tmp_path))


def test_a_link_is_followed_and_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    target, link = tmp_path / "disk" / "real.csv", tmp_path / "scores.csv"
    target.write_text("old")
    link.symlink_to(target)
    write_scores(pd.DataFrame({"a": [1]}), link)
    assert link.is_symlink()
    assert "a" in target.read_text(encoding="utf-8-sig")
    assert names(tmp_path) == ["disk", "scores.csv"]
    assert names(tmp_path / "disk") == ["real.csv"]


def test_a_link_to_a_folder_is_followed(tmp_path: Path) -> None:
    (tmp_path / "v3").mkdir()
    (tmp_path / "v3" / "old.json").write_text("old")
    (tmp_path / "current").symlink_to("v3")
    with atomic_folder(tmp_path / "current") as fresh:
        (fresh / "new.json").write_text("new")
    assert (tmp_path / "current").is_symlink()
    assert names(tmp_path / "v3") == ["new.json"]
    assert names(tmp_path) == ["current", "v3"]


def test_a_link_to_nothing_makes_the_file_it_points_to(tmp_path: Path) -> None:
    (tmp_path / "latest.csv").symlink_to(tmp_path / "later" / "scores.csv")
    with atomic_file(tmp_path / "latest.csv") as fresh:
        fresh.write_text("text")
    assert (tmp_path / "later" / "scores.csv").read_text() == "text"
    assert (tmp_path / "latest.csv").is_symlink()


def test_a_link_to_itself_is_told(tmp_path: Path) -> None:
    (tmp_path / "loop.csv").symlink_to(tmp_path / "loop.csv")
    with (
        pytest.raises(CustintelError, match=r"leads back to itself\n.*hint"),
        atomic_file(tmp_path / "loop.csv") as fresh,
    ):
        fresh.write_text("text")
    assert names(tmp_path) == ["loop.csv"]


def test_a_private_file_stays_private(tmp_path: Path) -> None:
    private, new = tmp_path / "private.csv", tmp_path / "new.csv"
    private.write_text("")
    private.chmod(0o600)
    before = os.umask(0o027)
    try:
        for path in (private, new):
            write_features(pd.DataFrame({"a": [1]}), path)
    finally:
        os.umask(before)
    assert [stat.S_IMODE(path.stat().st_mode) for path in (private, new)] == [0o600, 0o640]


def test_a_device_is_written_to_and_stays_a_device(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    told: list[str] = []
    reader = threading.Thread(target=lambda: told.append((tmp_path / "pipe.csv").read_text(encoding="utf-8-sig")))
    reader.start()
    write_scores(pd.DataFrame({"a": [1]}), tmp_path / "pipe.csv")
    reader.join(10)
    assert told == ["a\n1\n"]
    assert stat.S_ISFIFO((tmp_path / "pipe.csv").stat().st_mode)


@pytest.mark.parametrize("exchange", [True, False], ids=["one step", "two steps"])
def test_a_folder_is_replaced_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, exchange: bool) -> None:
    if not exchange:
        monkeypatch.setattr(module, "_try_exchange", lambda *_: False)
    for text in ("one", "two"):
        with atomic_folder(tmp_path / "model") as fresh:
            (fresh / text).write_text(text)
    assert names(tmp_path / "model") == ["two"]
    assert names(tmp_path) == ["model"]


@linux
def test_a_folder_is_there_at_every_moment(tmp_path: Path) -> None:
    place, missing, done = tmp_path / "model", [], threading.Event()
    write_both(tmp_path, "0")

    def look() -> None:
        while not done.is_set():
            try:
                os.stat(place / "model.json")
            except FileNotFoundError:
                missing.append(1)

    reader = threading.Thread(target=look)
    reader.start()
    for text in range(100):
        write_both(tmp_path, str(text))
    done.set()
    reader.join(10)
    assert not missing


@linux
def test_a_folder_lost_between_two_renames_comes_back(tmp_path: Path) -> None:
    with writer(tmp_path) as killed:
        killed.send_signal(signal.SIGKILL)
    left = next(path for path in tmp_path.iterdir() if path.name.startswith(".model"))
    left.rename(left.with_suffix(".old"))
    with atomic_file(tmp_path / "other.csv") as fresh:
        fresh.write_text("text")
    assert names(tmp_path) == ["model", "other.csv"]
    assert names(tmp_path / "model") == ["model.json"]


@contextmanager
def _files_no_larger_than(size: int) -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def _write_score(folder: Path) -> None:
    write_scores(pd.DataFrame({"a": range(200_000)}).astype(float) ** 0.5, folder / "scores.csv")


def _write_query(folder: Path) -> None:
    DuckDBEngine().write_parquet("select random() as a from range(500000)", folder / "scores.csv")


def _write_parquet(folder: Path) -> None:
    frame = pd.DataFrame({"a": range(200_000)}).astype(float) ** 0.5
    with atomic_file(folder / "scores.csv") as fresh:
        frame.to_parquet(fresh)


def _write_folder(folder: Path) -> None:
    with atomic_folder(folder / "model") as fresh:
        (fresh / "model.json").write_text("x" * 500_000)


@pytest.mark.parametrize("write", [_write_score, _write_query, _write_parquet, _write_folder])
def test_a_full_disk_is_told_and_leaves_the_earlier_result(tmp_path: Path, write: object) -> None:
    write_both(tmp_path, "the first")
    with _files_no_larger_than(100_000), pytest.raises(CustintelError, match=r"cannot be written: .*\n.*hint: "):
        write(tmp_path)  # type: ignore[operator]
    assert names(tmp_path) == ["model", "scores.csv"]
    assert (tmp_path / "scores.csv").read_text() == (tmp_path / "model" / "model.json").read_text() == "the first"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_a_device_without_room_is_told(tmp_path: Path) -> None:
    (tmp_path / "scores.csv").symlink_to("/dev/full")
    with pytest.raises(CustintelError, match="disk is full"), atomic_file(tmp_path / "scores.csv") as fresh:
        fresh.write_text("text")
    assert stat.S_ISCHR(Path("/dev/full").stat().st_mode)


@pytest.fixture
def nobodys() -> Iterator[Path]:
    """A folder that may be read but not written to; for root by being somebody else."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        place = Path(folder)
        write_both(place, "the first")
        (place / "scores.csv").chmod(0o444)
        for path in (place, place / "model"):
            path.chmod(0o555)
        root = os.geteuid() == 0
        if root:
            os.seteuid(65534)
        try:
            yield place
        finally:
            if root:
                os.seteuid(0)
            place.chmod(0o755)


def test_a_read_only_place_is_told_before_any_work_and_at_the_end(nobodys: Path) -> None:
    for path in (nobodys / "scores.csv", nobodys / "more" / "scores.csv"):
        with pytest.raises(CustintelError, match=r"cannot be written: there is no permission.*\n.*hint: "):
            check_writable(path)
        with pytest.raises(CustintelError, match=r"cannot be written: there is no permission.*\n.*hint: "):
            write_both(path.parent, "text")
    assert names(nobodys) == ["model", "scores.csv"]


def test_a_read_only_file_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "scores.csv").write_text("the first")
    (tmp_path / "scores.csv").chmod(0o444)
    if os.geteuid() == 0:
        pytest.skip("root may write to every file")
    with pytest.raises(CustintelError, match="no permission"):
        write_scores(pd.DataFrame({"a": [1]}), tmp_path / "scores.csv")
    assert (tmp_path / "scores.csv").read_text() == "the first"


def test_an_error_of_the_block_passes_as_it_is(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), atomic_file(tmp_path / "scores.csv"):
        (tmp_path / "absent").read_text()
    with pytest.raises(PermissionError, match="input"), atomic_file(tmp_path / "scores.csv"):
        raise PermissionError(13, "input", str(tmp_path / "input.csv"))
    assert names(tmp_path) == []

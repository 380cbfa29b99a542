"""A student's folder is measured and removed whatever its shape."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from autograder.engine import folders
from autograder.engine.folders import is_over, remove

DEEP = 1500


@pytest.fixture
def deep(tmp_path: Path) -> Path:
    """Folders within each other, beyond any recursion and any path."""
    top = tmp_path / "work"
    top.mkdir()
    here = Path.cwd()
    os.chdir(top)
    for _ in range(DEEP):
        Path("dddd").mkdir()
        os.chdir("dddd")
    Path("file").write_text("x")
    os.chdir(here)
    return top


def test_folders_that_nest_too_deeply_are_over_the_limit(deep: Path) -> None:
    assert is_over(str(deep), 10**9)
    remove(str(deep))
    assert not deep.exists()


def test_bytes_count(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "file").write_bytes(b"x" * 100_000)
    assert is_over(str(tmp_path), 50_000)
    assert not is_over(str(tmp_path), 200_000)


def test_empty_files_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folders, "MOST_FILES", 10)
    for number in range(10):
        (tmp_path / str(number)).touch()
    assert not is_over(str(tmp_path), 10**9)
    (tmp_path / "one more").touch()
    assert is_over(str(tmp_path), 10**9)


def test_closed_folders_links_and_odd_names_are_removed_and_what_they_lead_to_is_not(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "file").write_text("x")
    work = tmp_path / "work"
    (work / "a" / "b").mkdir(parents=True)
    (work / "a" / "b" / "link").symlink_to(kept)
    (work / "link").symlink_to(kept / "file")
    (work / ".moved-1").mkdir()
    (work / "line\nbreak").touch()
    (work / "a" / "b").chmod(0)
    (work / "a").chmod(0)
    remove(str(work))
    assert not work.exists()
    assert (kept / "file").read_text() == "x"


def test_a_folder_that_is_gone_is_no_trouble(tmp_path: Path) -> None:
    assert not is_over(str(tmp_path / "nothing"), 1)
    remove(str(tmp_path / "nothing"))

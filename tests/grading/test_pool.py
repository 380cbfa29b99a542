"""A worker that dies, hangs or cannot start costs what it must and no more. Workers here follow a script."""

from __future__ import annotations

import os
import time
from pathlib import Path

import psutil
import pytest
from scripted_worker import scripted_work

from autograder.errors import TorchmarkError
from autograder.grading import pool
from autograder.grading.pool import Finished, grade_jobs
from autograder.grading.worker import Job

# Processes of other tests that live as long as the test run: the one that draws charts, for instance.
earlier: set[psutil.Process] = set()


@pytest.fixture(autouse=True)
def scripted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "work", scripted_work)
    earlier.clear()
    earlier.update(psutil.Process().children())


def run(root: Path, *students: str, workers: int = 2, guard_seconds: float = 20.0) -> dict[str, Finished]:
    jobs = [Job("tiny", b"x", student) for student in students]
    finished = list(grade_jobs(jobs, root, workers=workers, isolation="", guard_seconds=guard_seconds))
    assert len(finished) == len(jobs)
    assert not spawned(), "no process may be left"
    return {found.job.student: found for found in finished}


def spawned() -> list[psutil.Process]:
    new = [child for child in psutil.Process().children() if child not in earlier]
    return [child for child in new if "spawn_main" in " ".join(child.cmdline())]


def test_a_worker_that_cannot_start_ends_the_run_with_its_reason(tmp_path: Path) -> None:
    with pytest.raises(TorchmarkError, match="this machine cannot"):
        run(tmp_path, "refuses")
    assert not spawned()


def test_a_worker_that_dies_before_it_begins_ends_the_run(tmp_path: Path) -> None:
    with pytest.raises(TorchmarkError, match=r"ended before it could begin \(exit status 7\)"):
        run(tmp_path, "dies early")


def test_the_death_of_a_worker_fails_its_submission_only(tmp_path: Path) -> None:
    found = run(tmp_path, "a", "dies", "b", "c")
    assert found["dies"].reason == "the process that graded it died"
    assert [found[student].result is not None for student in ("a", "b", "c")] == [True] * 3


def test_a_submission_whose_worker_died_is_tried_once_more(tmp_path: Path) -> None:
    found = run(tmp_path, "dies once", "a", workers=1)
    assert found["dies once"].result is not None


def test_a_worker_that_hangs_is_killed_and_not_tried_again(tmp_path: Path) -> None:
    start = time.monotonic()
    found = run(tmp_path, "hangs", "a", workers=1, guard_seconds=1.0)
    assert found["hangs"].reason == "it was not graded within 1 seconds"
    assert found["a"].result is not None
    assert time.monotonic() - start < 20


def test_every_job_is_done_by_as_many_workers_as_asked_for(tmp_path: Path) -> None:
    assert len(run(tmp_path, *"abcdefgh", "slow", workers=3)) == 9


def test_leaving_early_leaves_no_process(tmp_path: Path) -> None:
    jobs = [Job("tiny", b"x", student) for student in ("a", "hangs", "hangs", "b")]
    results = grade_jobs(jobs, tmp_path, workers=2, isolation="", guard_seconds=60)
    assert next(results).job.student == "a"
    results.close()
    assert not spawned()


def test_workers_start_with_one_thread_and_the_environment_is_as_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    jobs = [Job("tiny", b"x", student) for student in ("slow", "slow")]
    for _ in grade_jobs(jobs[:1], tmp_path, workers=1, isolation="", guard_seconds=60):
        (child,) = spawned()
        assert child.environ()["MKL_NUM_THREADS"] == "1"
    assert "MKL_NUM_THREADS" not in os.environ

"""Several workers, one submission each at a time. The death of a worker is the matter of the submission it had.

concurrent.futures is not used because there the death of one worker fails whatever the others are doing, and a
worker that hangs cannot be ended.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import NoReturn

import msgspec

from autograder.config import Limits
from autograder.course import Course
from autograder.errors import TorchmarkError
from autograder.grading.worker import Job, Reply, work
from autograder.model import SubmissionResult

START_SECONDS = 600.0  # until a worker has imported torch and the checks; the first one may compile the simulated GPU
TRIES = 2  # a submission whose worker died is tried once more, in a fresh one

MULTIPROCESSING = multiprocessing.get_context("spawn")  # never fork a process that may have threads


@dataclass(frozen=True)
class Finished:
    """What became of a job: a result with its notebook (JSON text), or the reason why there is none."""

    job: Job
    result: SubmissionResult | None = None
    notebook: str = ""
    is_our_fault: bool = False
    reason: str = ""


class _WorkerDiedError(Exception):
    """A worker ended, or was ended, while it graded `job`. `may_retry` is false when it had used up its time."""

    def __init__(self, job: Job, reason: str, may_retry: bool) -> None:
        super().__init__(reason)
        self.job = job
        self.may_retry = may_retry


def grade_jobs(
    jobs: Sequence[Job], root: Path, *, workers: int, isolation: str, guard_seconds: float
) -> Generator[Finished]:
    """Grade `jobs` in so many processes and yield what became of each, in the order in which they end.

    guard_seconds: a worker that has not finished a submission by then is killed, and the submission fails.
    Raises TorchmarkError when no worker can grade at all. However it ends, no process is left.
    """
    waiting = deque((job, 1) for job in jobs)
    pool: list[_Worker] = []
    try:
        while waiting or any(worker.job for worker in pool):
            while waiting and sum(worker.job is not None for worker in pool) < max(1, workers):
                idle = next((worker for worker in pool if worker.job is None), None)
                if idle is None:
                    idle = _Worker(root, isolation, guard_seconds)
                    pool.append(idle)
                idle.take(*waiting.popleft())
            for worker in _stirring(pool):
                try:
                    finished = worker.listen()
                except _WorkerDiedError as death:
                    pool.remove(worker)
                    if death.may_retry and worker.tries < TRIES:
                        waiting.appendleft((death.job, worker.tries + 1))
                    else:
                        yield Finished(death.job, reason=str(death))
                else:
                    if finished is not None:
                        yield finished
    finally:
        for worker in pool:
            worker.end()


def worker_count(course: Course, wanted: int, jobs: int) -> int:
    """How many processes grade: as wanted, else as grader.toml says, else one per core; never more than jobs."""
    return min(wanted or course.settings.grading.workers or len(os.sched_getaffinity(0)), jobs)


def guard_seconds(limits: Limits) -> float:
    """When a submission is given up, whatever its own limits should have done: far beyond what they add up to."""
    with_device = limits.notebook_seconds  # the cells once more, where there is a real GPU
    return limits.notebook_seconds + with_device + 60 * limits.check_seconds + 60


class _Worker:
    """A process that grades, our end of its pipe, and the job that it has."""

    def __init__(self, root: Path, isolation: str, guard_seconds: float) -> None:
        self.job: Job | None = None
        self.tries = 0
        self.deadline = 0.0
        self.connection, theirs = MULTIPROCESSING.Pipe()
        self._guard_seconds = guard_seconds
        self._is_ready = False
        arguments = (theirs, str(root), isolation)
        self._process: BaseProcess = MULTIPROCESSING.Process(target=work, args=arguments, daemon=True)
        with _one_thread_each(), _undisturbed():
            self._process.start()
        theirs.close()

    def take(self, job: Job, tries: int) -> None:
        """Begin with a job."""
        self.job, self.tries = job, tries
        self._is_ready = False
        self.deadline = time.monotonic() + START_SECONDS
        with suppress(OSError):  # it is dead, which `listen` will find
            self.connection.send_bytes(msgspec.msgpack.encode(job))

    def listen(self) -> Finished | None:
        """What it has finished, or None. Raises _WorkerDiedError, and TorchmarkError when it cannot grade at all."""
        if time.monotonic() > self.deadline and not self.connection.poll():
            self._die(f"it was not graded within {self._guard_seconds:.0f} seconds", may_retry=False)
        try:
            reply = msgspec.msgpack.decode(self.connection.recv_bytes(), type=Reply)
        except (EOFError, OSError):
            self._die("the process that graded it died", may_retry=True)
        if reply.kind == "stop":
            raise TorchmarkError(reply.reason)
        if reply.kind == "ready":
            self._is_ready = True
            self.deadline = time.monotonic() + self._guard_seconds
            return None
        job, self.job = self.job, None
        assert job is not None
        return Finished(job, reply.result, reply.notebook, reply.is_our_fault)

    def _die(self, reason: str, may_retry: bool) -> NoReturn:
        self.end()
        if not self._is_ready or self.job is None:
            raise TorchmarkError(
                f"a grading process ended before it could begin (exit status {self._process.exitcode}); "
                "run: grader doctor"
            )
        raise _WorkerDiedError(self.job, reason, may_retry)

    def end(self) -> None:
        """Kill the process. Its student side ends with it."""
        self._process.kill()
        self._process.join()
        self.connection.close()


def _stirring(pool: list[_Worker]) -> list[_Worker]:
    """The busy workers that have something to say, have ended, or have used up their time; waits for the first."""
    busy = [worker for worker in pool if worker.job is not None]
    seconds = max(0.0, min(worker.deadline for worker in busy) - time.monotonic()) + 0.01
    heard = wait([worker.connection for worker in busy], timeout=seconds)
    now = time.monotonic()
    return [worker for worker in busy if worker.connection in heard or now > worker.deadline]


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """The environment in which processes start whose numeric libraries use one thread."""
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(dict.fromkeys(names, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Ctrl-C waits meanwhile, and a process that is started here does not get it."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)

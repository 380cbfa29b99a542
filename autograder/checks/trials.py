"""Many small tasks answered in worker processes: one that hangs or dies costs its own answer and nothing else.

Workers are forked from a fresh interpreter (multiprocessing's fork server), never from this process, so that no thread
of torch or of the terminal is lost in a fork.
"""

from __future__ import annotations

import multiprocessing
import os
import resource
import traceback
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from queue import SimpleQueue
from typing import Generic, TypeVar

import torch

Task = TypeVar("Task")
Answer = TypeVar("Answer")
MakeAnswerer = Callable[[], Callable[[Task], Answer]]

_MEMORY = 8 << 30  # bytes of private memory that one worker may have
_START_SECONDS = 120.0  # importing torch and collecting a suite on a busy machine


@dataclass(frozen=True)
class Lost:
    """No answer. `reason` reads "ran longer than 5 s" or "ended its process"."""

    reason: str


def answer_all(
    make_answerer: MakeAnswerer[Task, Answer],
    tasks: Sequence[Task],
    *,
    jobs: int,
    seconds: float,
    preloaded: Sequence[str] = (),
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[Answer | Lost]:
    """The answer to each task, in the order of the tasks, from at most `jobs` processes.

    `make_answerer` is called once in each process and gives what answers a task there; both must be picklable.
    seconds: time limit of one task. preloaded: modules that workers find imported, if these are the first workers of
    this process. Raises RuntimeError with the worker's traceback if answering raises.
    """
    if not tasks:
        return []
    multiprocessing.get_context("forkserver").set_forkserver_preload(["torch", *preloaded])
    crew = [_Worker(make_answerer) for _ in range(min(jobs, len(tasks)))]
    idle: SimpleQueue[_Worker[Task, Answer]] = SimpleQueue()
    for worker in crew:
        idle.put(worker)

    def answer(task: Task) -> Answer | Lost:
        worker = idle.get()
        try:
            return worker.answer(task, seconds)
        finally:
            idle.put(worker)

    answers: list[Answer | Lost] = []
    threads = ThreadPoolExecutor(len(crew))
    try:
        for done in threads.map(answer, tasks):
            answers.append(done)
            on_progress(len(answers), len(tasks))
    finally:
        threads.shutdown(wait=False, cancel_futures=True)
        for worker in crew:
            worker.stop()
        threads.shutdown()
    return answers


class _Worker(Generic[Task, Answer]):
    """One process that answers tasks one after the other, started when needed and again after it was lost."""

    def __init__(self, make_answerer: MakeAnswerer[Task, Answer]) -> None:
        self._make_answerer = make_answerer
        self._process: ForkServerProcess | None = None
        self._connection: Connection | None = None

    def answer(self, task: Task, seconds: float) -> Answer | Lost:
        connection = self._connection or self._start()
        try:
            connection.send(task)
            if not connection.poll(seconds):
                self.stop()
                return Lost(f"ran longer than {seconds:g} s")
            return self._received(connection)
        except (EOFError, ConnectionError):
            self.stop()
            return Lost("ended its process")

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._process.close()
        if self._connection is not None:
            self._connection.close()
        self._process = self._connection = None

    def _start(self) -> Connection:
        context = multiprocessing.get_context("forkserver")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(self._make_answerer, theirs), daemon=True)
        self._process.start()
        theirs.close()
        try:
            if not self._connection.poll(_START_SECONDS):
                raise RuntimeError(f"a worker process did not start within {_START_SECONDS:g} s")
            self._received(self._connection)
        except EOFError:
            raise RuntimeError("a worker process ended while it started") from None
        return self._connection

    def _received(self, connection: Connection) -> Answer:
        answer, error = connection.recv()
        if error:
            raise RuntimeError(f"a worker process failed:\n{error}")
        return answer  # type: ignore[no-any-return]


def _serve(make_answerer: MakeAnswerer[Task, Answer], connection: Connection) -> None:
    """Answer tasks until the connection closes. What is printed on the way is thrown away."""
    _limit_this_process()
    try:
        answer = make_answerer()
        connection.send((None, ""))
        while True:
            connection.send((answer(connection.recv()), ""))
    except (EOFError, ConnectionError):
        pass
    except Exception:
        connection.send((None, traceback.format_exc()))


def _limit_this_process() -> None:
    torch.set_num_threads(1)  # the tasks share the cores already
    resource.setrlimit(resource.RLIMIT_DATA, (_MEMORY, _MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nowhere, descriptor)

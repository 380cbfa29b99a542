"""A process that grades submissions one after the other: told what to grade over a pipe, it sends back results.

Imported by the process that grades and by the one that waits for it; only the first imports torch.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import traceback
from multiprocessing.connection import Connection
from pathlib import Path

import msgspec

from autograder.errors import TorchmarkError
from autograder.model import SubmissionResult, Try

PARENT_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG


class Job(msgspec.Struct, frozen=True):
    """One submission to grade. `path`: a notebook, or the folder that holds one, in the bytes of the file system.

    tries: the student's earlier answers to the questions of the assignment.
    """

    assignment: str
    path: bytes
    student: str
    tries: tuple[Try, ...] = ()


class Reply(msgspec.Struct, frozen=True):
    """What a worker says: ready to grade, a result with its notebook (JSON text), or why it cannot work at all."""

    kind: str  # "ready" | "done" | "stop"
    result: SubmissionResult | None = None
    notebook: str = ""
    is_our_fault: bool = False
    reason: str = ""


def work(connection: Connection, root: str, isolation: str) -> None:
    """Answer jobs until the other end closes."""
    stand_apart()
    try:
        _work(connection, Path(root), isolation)
    except (EOFError, BrokenPipeError, ConnectionResetError):
        pass
    except TorchmarkError as error:
        _send(connection, Reply("stop", reason=str(error)))
    except Exception as error:  # before the first submission is read: what we need ourselves is broken
        traceback.print_exc()
        _send(connection, Reply("stop", reason=f"a grading process failed: {type(error).__name__}: {error}"))


def stand_apart() -> None:
    """Leave the terminal's process group: Ctrl-C is for the parent alone, which then ends its workers.

    The parent starts us with SIGINT blocked; one that came until now is dropped.
    """
    os.setsid()
    _end_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _end_with_parent() -> None:
    """When the parent is killed, end at once, not after the submission at hand."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PARENT_DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0)
        if os.getppid() == 1:
            os._exit(1)


def _work(connection: Connection, root: Path, isolation: str) -> None:
    # a second of start-up, which the waiting process is spared
    import nbformat

    from autograder.course import load_course
    from autograder.grading.one import Grader

    course = load_course(root)
    grader: Grader | None = None
    graded_assignment = ""
    try:
        while True:
            job = msgspec.msgpack.decode(connection.recv_bytes(), type=Job)
            if grader is None or job.assignment != graded_assignment:
                if grader is not None:
                    grader.__exit__()
                grader = Grader(course, course.assignment(job.assignment), isolation)
                graded_assignment = job.assignment
            _send(connection, Reply("ready"))
            graded = grader.grade(Path(os.fsdecode(job.path)), job.student, job.tries)
            text = nbformat.writes(graded.notebook, version=nbformat.NO_CONVERT)
            _send(connection, Reply("done", graded.result, text, graded.is_our_fault))
    finally:
        if grader is not None:
            grader.__exit__()


def _send(connection: Connection, reply: Reply) -> None:
    connection.send_bytes(msgspec.msgpack.encode(reply))

"""A worker for tests of the pool, which does what a student's id says. It imports little: every test starts several."""

from __future__ import annotations

import os
import time
from multiprocessing.connection import Connection
from pathlib import Path

import msgspec

from autograder.grading.worker import Job, Reply, stand_apart
from autograder.model import ExerciseResult, SubmissionResult


def scripted_work(connection: Connection, root: str, isolation: str) -> None:
    """Do what the student's id says."""
    stand_apart()
    while True:
        try:
            student = msgspec.msgpack.decode(connection.recv_bytes(), type=Job).student
        except EOFError:
            return
        if student == "refuses":
            connection.send_bytes(msgspec.msgpack.encode(Reply("stop", reason="this machine cannot")))
        if student == "dies early":
            os._exit(7)
        connection.send_bytes(msgspec.msgpack.encode(Reply("ready")))
        marker = Path(root) / student
        if student == "dies" or (student == "dies once" and not marker.exists()):
            marker.touch()
            os._exit(1)
        if student == "hangs":
            time.sleep(60)
        if student == "slow":
            time.sleep(0.5)
        if student == "very slow":
            time.sleep(5)
        connection.send_bytes(msgspec.msgpack.encode(Reply("done", made_result(student), released_text(root))))


def made_result(student: str) -> SubmissionResult:
    exercises = tuple(
        ExerciseResult(name=name, title=name, score=worth if student != "zoe" else 0.0, max_score=worth)
        for name, worth in (("double", 2.0), ("total", 3.0))
    )
    return SubmissionResult(
        file="tiny.ipynb",
        assignment="tiny",
        student=student,
        status="graded",
        score=sum(exercise.score for exercise in exercises),
        max_score=5.0,
        exercises=exercises,
    )


def released_text(root: str) -> str:
    path = Path(root) / "release/tiny/tiny.ipynb"
    return path.read_text() if path.exists() else "{}"

"""Tasks in worker processes: what happens when one hangs, dies or fails, and the order of the answers."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

import pytest

from autograder.checks.trials import Lost, answer_all


def answerer() -> Callable[[str], str]:
    """Runs in the worker: does what the task says."""

    def answer(task: str) -> str:
        if task == "hang":
            time.sleep(60)
        if task == "die":
            os._exit(3)
        if task == "fail":
            raise ValueError("no such task")
        if task == "fill":
            return str(len(bytearray(20 << 30)))
        print("this must not reach the terminal")
        return task.upper()

    return answer


def broken_answerer() -> Callable[[str], str]:
    raise LookupError("nothing to answer with")


def test_a_task_that_hangs_is_lost_and_the_others_are_answered():
    started = time.monotonic()
    assert answer_all(answerer, ["a", "hang", "b"], jobs=1, seconds=0.5) == ["A", Lost("ran longer than 0.5 s"), "B"]
    assert time.monotonic() - started < 40


def test_a_task_that_ends_its_process_is_lost_and_the_others_are_answered():
    assert answer_all(answerer, ["die", "a"], jobs=1, seconds=5) == [Lost("ended its process"), "A"]


def test_an_error_in_answering_is_ours_and_is_raised_with_its_traceback():
    with pytest.raises(RuntimeError, match="no such task"):
        answer_all(answerer, ["fail"], jobs=1, seconds=5)


def test_memory_of_a_worker_is_limited():
    with pytest.raises(RuntimeError, match="MemoryError"):
        answer_all(answerer, ["fill"], jobs=1, seconds=30)


def test_a_worker_that_cannot_start_is_raised():
    with pytest.raises(RuntimeError, match="nothing to answer with"):
        answer_all(broken_answerer, ["a"], jobs=2, seconds=5)


def test_answers_come_in_the_order_of_the_tasks(capfd):
    seen = []
    tasks = [chr(ord("a") + at) for at in range(20)]
    answers = answer_all(answerer, tasks, jobs=3, seconds=5, on_progress=lambda done, total: seen.append((done, total)))
    assert answers == [task.upper() for task in tasks]
    assert seen == [(at + 1, 20) for at in range(20)]
    assert capfd.readouterr() == ("", "")


def test_without_tasks_no_process_is_started():
    assert answer_all(broken_answerer, [], jobs=2, seconds=5) == []

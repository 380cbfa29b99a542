"""The quick fork: a child that can work, whatever else the process runs. (Into a cgroup: test_cgroups.py.)"""

import os
import threading

import pytest

from autograder.engine.forks import fork_into, fork_quickly


def exit_code_of(act):
    process = fork_quickly()
    if process == 0:
        code = 1
        try:
            code = act()
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def test_the_child_can_start_threads_and_take_locks():
    def act():
        seen = []
        thread = threading.Thread(target=seen.append, args=(7,))
        thread.start()
        thread.join()
        return seen[0]

    assert exit_code_of(act) == 7


def test_a_process_with_threads_forks_as_python_does():
    leave = threading.Event()
    other = threading.Thread(target=leave.wait)
    other.start()
    try:
        assert exit_code_of(lambda: len(threading.enumerate())) == 1  # os.fork forgets the other thread
    finally:
        leave.set()
        other.join()


def test_the_child_has_a_number_of_its_own():
    here = os.getpid()
    assert exit_code_of(lambda: int(os.getpid() == here)) == 0


def test_a_fork_into_what_is_no_cgroup_is_an_error(tmp_path):
    folder = os.open(tmp_path, os.O_RDONLY)
    with pytest.raises(OSError, match="Bad file descriptor"):
        fork_into(folder)
    os.close(folder)

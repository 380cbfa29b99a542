"""A fork that costs half: without what libraries have Python do in the child of every fork.

os.fork runs hooks in the child: `random` seeds itself anew, `logging` and `threading` make new locks, and so on. In a
fork that only serves one check they take 2 ms and touch 250 pages, each of which must then be copied. None is needed
where one thread forks: no lock can be held by another, and draws that go on as in the parent are easier to repeat.
"""

from __future__ import annotations

import ctypes
import os
import sys

_libc = ctypes.PyDLL(None)  # keeps the interpreter's lock, so that the child has it
_fork, _threads = os.fork, sys._current_frames


def fork_quickly() -> int:
    """As os.fork, hooks left out; os.fork itself where Python runs more than one thread. Raises OSError."""
    if len(_threads()) > 1:
        return _fork()
    process = int(_libc.fork())
    if process < 0:
        raise OSError("no process could be forked")
    return process

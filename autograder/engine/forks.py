"""Forks that Python has no function for: one that costs half, and one into a cgroup.

os.fork runs hooks in the child: `random` seeds itself anew, `logging` and `threading` make new locks, and so on. In a
fork that only serves one check they take 2 ms and touch 250 pages, each of which must then be copied. None is needed
where one thread forks: no lock can be held by another, and draws that go on as in the parent are easier to repeat.
"""

from __future__ import annotations

import ctypes
import os
import signal
import struct
import sys

from autograder.engine import syscalls

INTO_CGROUP = 0x2_0000_0000

_libc = ctypes.PyDLL(None, use_errno=True)  # keeps the interpreter's lock, so that the child has it
_fork, _threads = os.fork, sys._current_frames


def fork_quickly() -> int:
    """As os.fork, hooks left out; os.fork itself where Python runs more than one thread. Raises OSError."""
    if len(_threads()) > 1:
        return _fork()
    process = int(_libc.fork())
    if process < 0:
        raise OSError("no process could be forked")
    return process


def fork_into(cgroup: int) -> int:
    """Fork, the child being in the cgroup of this open folder from its first moment. Raises OSError.

    A process that moves to another cgroup waits some 20 ms for the kernel; this one does not. The C library knows
    nothing of the child, which should do no more than fork again.
    """
    number = syscalls.number_of("clone3")
    arguments = struct.pack("=11Q", INTO_CGROUP, 0, 0, 0, signal.SIGCHLD, 0, 0, 0, 0, 0, cgroup)
    process = int(_libc.syscall(ctypes.c_long(number or 0), ctypes.c_char_p(arguments), ctypes.c_long(len(arguments))))
    if process < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return process

"""What one process of the student side may use, by resource limits that every child inherits."""

from __future__ import annotations

import resource

from autograder.config import Limits

OPEN_FILES, OUR_FILES = 544, 32  # and how many of these a cell must leave for the requests of the grader
PENDING_SIGNALS = 1024  # timers count among them, and the whole user's share one supply


def set_limits(limits: Limits, address_space: int | None, seconds: float, others: int = 0) -> None:
    """Limit this process and its children, for good.

    address_space: bytes that this process has mapped already; `limits.memory` comes on top. It holds for each process:
    `Watch` adds the processes up. None leaves memory to `Watch` alone: CUDA maps far more than there is, and pins some.
    seconds: CPU time of any one process. others: processes of the same user that are not the student's, which the
    kernel counts as well.
    """
    if address_space is not None:
        _set(resource.RLIMIT_AS, address_space + limits.memory)
        _set(resource.RLIMIT_MEMLOCK, 0)
    _set(resource.RLIMIT_CPU, int(seconds) + 10)
    _set(resource.RLIMIT_FSIZE, limits.disk)
    _set(resource.RLIMIT_NPROC, limits.processes + others)
    _set(resource.RLIMIT_NOFILE, OPEN_FILES)
    _set(resource.RLIMIT_CORE, 0)
    _set(resource.RLIMIT_MSGQUEUE, 0)
    _set(resource.RLIMIT_SIGPENDING, PENDING_SIGNALS)


def _set(kind: int, value: int) -> None:
    """Both the soft and the hard limit; never above what the machine allows us."""
    _, most = resource.getrlimit(kind)
    value = value if most == resource.RLIM_INFINITY else min(value, most)
    resource.setrlimit(kind, (value, value))


def keep_some_files(keep: bool) -> None:
    """Let this process open all the files that it may, or some fewer, so that a cell cannot use up the last ones."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most - OUR_FILES if keep else most, most))

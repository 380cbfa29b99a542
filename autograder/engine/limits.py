"""What one process of the student side may use, by resource limits that every child inherits."""

from __future__ import annotations

import resource

from autograder.config import Limits

OPEN_FILES = 512


def set_limits(limits: Limits, address_space: int | None, seconds: float) -> None:
    """Limit this process and its children, for good.

    address_space: bytes that this process has mapped already; `limits.memory` comes on top. It holds for each process:
    `Watch` adds the processes up. None leaves memory to `Watch` alone: CUDA maps far more than there is, and pins some.
    seconds: CPU time of any one process.
    """
    if address_space is not None:
        _set(resource.RLIMIT_AS, address_space + limits.memory)
        _set(resource.RLIMIT_MEMLOCK, 0)
    _set(resource.RLIMIT_CPU, int(seconds) + 10)
    _set(resource.RLIMIT_FSIZE, limits.disk)
    _set(resource.RLIMIT_NPROC, limits.processes)
    _set(resource.RLIMIT_NOFILE, OPEN_FILES)
    _set(resource.RLIMIT_CORE, 0)
    _set(resource.RLIMIT_MSGQUEUE, 0)


def _set(kind: int, value: int) -> None:
    """Both the soft and the hard limit; never above what the machine allows us."""
    _, most = resource.getrlimit(kind)
    value = value if most == resource.RLIM_INFINITY else min(value, most)
    resource.setrlimit(kind, (value, value))

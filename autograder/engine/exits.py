"""How a process ended, in words."""

from __future__ import annotations

import signal


def describe_exit(code: int) -> str:
    """An exit code, or minus a signal, in words: "exit status 0", "segmentation fault"."""
    if code >= 0:
        return f"exit status {code}"
    try:
        name = signal.strsignal(-code)
    except ValueError:
        name = None
    return (name or f"signal {-code}").lower()

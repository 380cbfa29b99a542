"""Where commands print: stdout for what they find, stderr for progress and complaints."""

from __future__ import annotations

from rich.console import Console

PLAIN_WIDTH = 140  # of tables where there is no terminal


def out() -> Console:
    """Stdout. Made anew for each use, so that it follows a stdout that was redirected."""
    return _console(is_stderr=False)


def err() -> Console:
    """Stderr."""
    return _console(is_stderr=True)


def _console(is_stderr: bool) -> Console:
    console = Console(stderr=is_stderr, highlight=False)
    return console if console.is_terminal else Console(stderr=is_stderr, highlight=False, width=PLAIN_WIDTH)

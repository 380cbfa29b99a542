"""Where commands print, and how they end: stdout for what they find, stderr for progress and complaints."""

from __future__ import annotations

import sys
from typing import Any

import typer
from rich.console import Console
from rich.text import Text
from typer.core import TyperGroup

from autograder.errors import TorchmarkError
from autograder.report.text import one_line

COULD_NOT_RUN, INTERRUPTED = 2, 130
PLAIN_WIDTH = 140  # of tables where there is no terminal


class Commands(TyperGroup):
    """Ends every command with an exit code and, where it could not run, with one line on stderr."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except TorchmarkError as error:
            complain(str(error))
            raise typer.Exit(
                INTERRUPTED if isinstance(error.__context__, KeyboardInterrupt) else COULD_NOT_RUN
            ) from None
        except KeyboardInterrupt:
            complain("stopped")
            raise typer.Exit(INTERRUPTED) from None
        except BrokenPipeError:  # the reader of our output went away, as `head` does
            sys.stdout = None  # so that Python does not flush into it at exit
            raise typer.Exit(0) from None
        except OSError as error:
            complain(f"{error.filename or 'this machine'}: {error.strerror or error}")
            raise typer.Exit(COULD_NOT_RUN) from None


def out() -> Console:
    """Stdout. Made anew for each use, so that it follows a stdout that was redirected."""
    return _console(is_stderr=False)


def err() -> Console:
    """Stderr."""
    return _console(is_stderr=True)


def complain(message: str) -> None:
    """Say on stderr, in one line, why the command could not run."""
    err().print(Text(f"grader: {one_line(message, 1000)}"), soft_wrap=True)


def _console(is_stderr: bool) -> Console:
    console = Console(stderr=is_stderr, highlight=False)
    return console if console.is_terminal else Console(stderr=is_stderr, highlight=False, width=PLAIN_WIDTH)

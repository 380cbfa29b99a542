"""The student's notebook: IPython's own shell in this process, with outputs as a notebook file has them.

Nothing here starts a Jupyter kernel. What a graded notebook cannot do (ask for input, start programs) is answered with
a sentence that says so.
"""

from __future__ import annotations

import builtins
import getpass
import signal
import sys
import time
from collections.abc import Callable
from types import FrameType
from typing import Any, Literal

from IPython.core.compilerop import CachingCompiler
from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from traitlets import Type
from traitlets.config import Config

from autograder.engine.bindings import LOOK, Bindings
from autograder.engine.messages import Output
from autograder.engine.outputs import Outputs, Printer

Status = Literal["ok", "error", "timeout"]
NO_PROGRAMS = "was not run: a graded notebook cannot start programs or install packages"
NO_INPUT = "input() has nobody to ask while the notebook is graded: write the value into the cell"


class CellTimeout(BaseException):
    """Raised in a cell that ran too long. Not an Exception, so that `except Exception` does not swallow it."""


class _Publisher(DisplayPublisher):  # type: ignore[misc]
    """Takes what `display` and plots show."""

    def publish(self, data: Any, metadata: Any = None, source: Any = None, **_: Any) -> None:
        self.shell.outputs.show(data)

    def clear_output(self, wait: bool = False) -> None:
        self.shell.outputs.clear()


class _ResultHook(DisplayHook):  # type: ignore[misc]
    """Takes the value of a cell's last expression."""

    def write_output_prompt(self) -> None:
        """Nothing: the outputs carry the number."""

    def write_format_data(self, format_dict: Any, md_dict: Any = None) -> None:
        self.shell.outputs.show(format_dict, self.prompt_count)

    def finish_displayhook(self) -> None:
        """Nothing to flush."""


class _Compiler(CachingCompiler):  # type: ignore[misc]
    """Remembers which file name stands for which cell."""

    def __init__(self) -> None:
        super().__init__()
        self.cell = 0
        self.cells: dict[str, int] = {}

    def cache(self, transformed_code: str, number: int = 0, raw_code: str | None = None) -> str:
        name: str = super().cache(transformed_code, number, raw_code)
        self.cells[name] = self.cell
        return name


class _Shell(InteractiveShell):  # type: ignore[misc]
    """IPython without a terminal: everything shown goes to `outputs`."""

    compiler_class = Type(_Compiler)
    outputs = Outputs(0)

    def init_io(self) -> None:
        """Nothing: streams are replaced for each cell."""

    def enable_gui(self, gui: Any = None) -> None:
        """Nothing: there is no event loop to join."""

    def _showtraceback(self, etype: Any, evalue: Any, stb: list[str]) -> None:
        self.outputs.fail(getattr(etype, "__name__", str(etype)), _message(evalue), stb)

    def ask_exit(self) -> None:
        print("exit() does nothing while the notebook is graded", file=sys.stderr)

    def system(self, cmd: str) -> None:
        print(f"`!{cmd}` {NO_PROGRAMS}", file=sys.stderr)

    system_raw = system_piped = system

    def getoutput(self, cmd: str, split: bool = True, depth: int = 0) -> Any:
        self.system(cmd)
        return [] if split else ""


class Shell:
    """One notebook: its namespace, and its cells as they run."""

    def __init__(self) -> None:
        config = Config()
        config.HistoryManager.enabled = False
        config.HistoryManager.hist_file = ":memory:"
        config.InteractiveShell.colors = "nocolor"
        config.InteractiveShell.cache_size = 0
        self._shell = _Shell(config=config, display_pub_class=_Publisher, displayhook_class=_ResultHook)
        InteractiveShell._instance = _Shell._instance = self._shell
        sys.modules["__main__"] = self._shell.user_module
        self._shell.run_line_magic("matplotlib", "inline")
        for magic in ("pip", "conda", "mamba", "micromamba", "uv"):
            self._shell.register_magic_function(_refuse_magic(magic), magic_name=magic)
        for magic in ("bash", "sh", "script", "perl", "ruby", "system", "sx"):
            self._shell.register_magic_function(_refuse_magic(magic), "line_cell", magic_name=magic)
        builtins.input = _no_input
        getpass.getpass = _no_input  # type: ignore[assignment]
        self.namespace: dict[str, Any] = self._shell.user_ns
        self.bindings = Bindings(self.namespace, (), {})
        self.output_room = 1024**2

    @property
    def cells(self) -> dict[str, int]:
        """The cell behind each file name that compiled code bears."""
        cells: dict[str, int] = self._shell.compile.cells
        return cells

    def watch(self, exercises: list[str], stubs: dict[str, str]) -> None:
        """Keep an eye on the names of these exercises from now on."""
        self.bindings = Bindings(self.namespace, exercises, stubs)
        self._shell.ast_transformers[:] = [self.bindings.transformer()]
        builtins.__dict__[LOOK] = self.bindings.look

    def forget(self) -> None:
        """A fresh notebook, as after a restart of the kernel."""
        self._shell.reset(new_session=True)
        self._shell.execution_count = 1

    def run(self, index: int, source: str, seconds: float) -> tuple[Status, float, list[Output]]:
        """Run one cell; after `seconds` an exception ends it. What it raises becomes an output."""
        outputs = self._shell.outputs = Outputs(self.output_room)
        self._shell.compile.cell = self.bindings.cell = index
        streams = sys.stdout, sys.stderr
        late = f"the cell ran longer than {seconds:g} s"
        is_late = False

        def on_alarm(number: int, frame: FrameType | None) -> None:
            nonlocal is_late
            is_in_a_cell = self._is_in_a_cell(frame)
            signal.setitimer(signal.ITIMER_REAL, 0.2 if is_in_a_cell else 0.01)  # again, should the cell swallow it
            if is_in_a_cell:
                is_late = True
                raise CellTimeout(late)

        start = time.perf_counter()
        succeeded = False
        try:
            sys.stdout, sys.stderr = Printer("stdout", outputs), Printer("stderr", outputs)
            signal.signal(signal.SIGALRM, on_alarm)
            signal.setitimer(signal.ITIMER_REAL, seconds)
            succeeded = bool(self._shell.run_cell(source, store_history=True).success)
        except BaseException as error:  # what gets past IPython: an alarm at the wrong moment, a broken shell
            outputs.fail(type(error).__name__, _message(error), [])
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, signal.SIG_IGN)
            sys.stdout, sys.stderr = streams
        self.bindings.look()
        status: Status = "ok" if succeeded else "timeout" if is_late else "error"
        return status, time.perf_counter() - start, outputs.take()

    def _is_in_a_cell(self, frame: FrameType | None) -> bool:
        """True when code of a cell is running, rather than IPython showing what became of it."""
        while frame is not None:
            if frame.f_code.co_filename in self.cells:
                return True
            frame = frame.f_back
        return False


def _refuse_magic(name: str) -> Callable[..., None]:
    def magic(line: str, cell: str | None = None) -> None:
        mark = "%%" if cell is not None else "%"
        print(f"`{mark}{name} {line}` {NO_PROGRAMS}".replace(" `", "`"), file=sys.stderr)

    return magic


def _no_input(prompt: object = "", *_: object) -> str:
    raise EOFError(NO_INPUT)


def _message(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # a student's __str__
        return "(its text cannot be shown)"

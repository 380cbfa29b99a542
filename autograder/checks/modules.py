"""Python files of a course, run without a trace: nothing in sys.modules, no __pycache__ beside them."""

from __future__ import annotations

import linecache
import sys
from itertools import count
from pathlib import Path
from types import ModuleType
from typing import Any

from autograder.errors import CourseError

_numbers = count()


def load_module(path: Path) -> ModuleType:
    """The module that stands in `path`, run anew. Raises CourseError when it cannot be read or run."""
    name = f"torchmark_{path.stem}_{next(_numbers)}"
    module = ModuleType(name)
    module.__file__ = str(path)
    try:
        source = path.read_bytes()
        code = compile(source, str(path), "exec", dont_inherit=True)
    except OSError as error:
        raise CourseError(f"{path}: cannot be read: {error.strerror}") from None
    except (SyntaxError, ValueError) as error:
        raise CourseError(f"{path}: is not Python: {error}") from None
    linecache.checkcache(str(path))
    sys.modules[name] = module  # while it runs: dataclasses look for their module there
    try:
        exec(code, vars(module))
    except (Exception, SystemExit) as error:
        raise CourseError(
            f"{path}: raised {type(error).__name__} when it was run: {error}{_line_in(error, path)}"
        ) from error
    finally:
        del sys.modules[name]
    return module


def _line_in(error: BaseException, path: Path) -> str:
    line = None
    step = error.__traceback__
    while step is not None:
        if step.tb_frame.f_code.co_filename == str(path):
            line = step.tb_lineno
        step = step.tb_next
    return "" if line is None else f" (line {line})"


def functions_of(module: ModuleType) -> dict[str, Any]:
    """The functions and classes that the module itself defines, by name."""
    return {
        name: value
        for name, value in vars(module).items()
        if callable(value) and getattr(value, "__module__", None) == module.__name__ and not name.startswith("_")
    }

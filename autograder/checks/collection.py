"""One open pytest session over one `checks.py`: collected once, its items run as often as there are submissions.

The session stands beside any other of the process (our own tests run under pytest too): no plugin that writes files,
captures output, changes warnings or sets hooks of the interpreter is loaded, and what importing the file left behind in
`sys.modules` and `sys.meta_path` is taken back.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from _pytest.config import _prepareconfig
from _pytest.main import Session
from _pytest.skipping import evaluate_skip_marks

from autograder.errors import CourseError

_NOT_LOADED = (
    *(
        "cacheprovider",
        "capture",
        "debugging",
        "doctest",
        "faulthandler",
        "junitxml",
        "logging",
        "pastebin",
        "pytester",
    ),
    *("setuponly", "setupplan", "stepwise", "subtests", "terminal", "terminalprogress", "threadexception"),
    *("unraisableexception", "warnings"),
)


class CheckSession:
    """The items of `path`, ready to run. plugin: our fixtures. Raises CourseError when the file cannot be collected."""

    def __init__(self, path: Path, root: Path, plugin: object) -> None:
        self._path = path
        listener = _Listener()
        with _interpreter_left_as_it_was(path, root):
            options = [f"-pno:{name}" for name in _NOT_LOADED]
            options += ["-c", os.devnull, "--rootdir", str(root), "--noconftest", "--import-mode=importlib", str(path)]
            self._config = _prepareconfig(options, [plugin, listener])
            try:
                self._session = Session.from_config(self._config)
                self._config._do_configure()
                self._config.hook.pytest_sessionstart(session=self._session)
                self._config.hook.pytest_collection(session=self._session)
            except BaseException as error:
                self.close()
                raise CourseError(f"{path}: cannot be collected: {error}") from error
        if listener.error is not None:
            self.close()
            raise CourseError(f"{path}: {_one_line(listener.error)}")
        self.items = [item for item in self._session.items if isinstance(item, pytest.Function)]

    def close(self) -> None:
        """End the session."""
        self._config._ensure_unconfigure()

    def run(self, item: pytest.Function) -> None:
        """Run one item with its fixtures. Raises whatever it raises."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            item._initrequest()
            try:
                skipped = evaluate_skip_marks(item)
                if skipped is not None:
                    pytest.skip(skipped.reason)
                self._session._setupstate.setup(item)
                item.runtest()
            finally:
                self._session._setupstate.teardown_exact(None)
                item._request = None  # type: ignore[assignment]
                for attribute in ("_obj", "_instance"):  # a fresh object of the class for the next run
                    vars(item).pop(attribute, None)


class _Listener:
    """A pytest plugin that keeps the first error of the collection."""

    def __init__(self) -> None:
        self.error: BaseException | None = None

    def pytest_exception_interact(self, call: pytest.CallInfo[Any]) -> None:
        if self.error is None and call.excinfo is not None:
            self.error = call.excinfo.value.__cause__ or call.excinfo.value


@contextmanager
def _interpreter_left_as_it_was(path: Path, root: Path) -> Iterator[None]:
    """Undo what collecting does to the interpreter, except for what the file itself imports."""
    environment = {name: os.environ.pop(name, None) for name in ("PYTEST_ADDOPTS", "PYTEST_PLUGINS")}
    environment["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = os.environ.get("PYTEST_DISABLE_PLUGIN_AUTOLOAD")
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    finders, search_path, writes = list(sys.meta_path), list(sys.path), sys.dont_write_bytecode
    sys.dont_write_bytecode = True
    aside = _take_out_modules(path.parent, root)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        sys.dont_write_bytecode = writes
        sys.meta_path[:] = [finder for finder in sys.meta_path if finder in finders]
        sys.path[:] = search_path
        _take_out_modules(path.parent, root)
        sys.modules.update(aside)
        for name, value in environment.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _take_out_modules(folder: Path, root: Path) -> dict[str, ModuleType]:
    """Remove the modules that bear the names pytest gives to files in `folder`, and to the folders above."""
    made_up = ".".join(folder.relative_to(root).parts)
    taken = {}
    for name in list(sys.modules):
        if made_up == name or made_up.startswith(name + ".") or name.startswith(made_up + "."):
            taken[name] = sys.modules.pop(name)
    return taken


def _one_line(error: BaseException) -> str:
    if isinstance(error, SyntaxError):
        return f"line {error.lineno}: {error.msg}"
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[:300]}"

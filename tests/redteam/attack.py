"""One attack: what is handed in, and what must hold afterwards."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import nbformat
from nbformat.v4 import new_code_cell
from small_course import filled

FULL, NOTHING = 5.0, 0.0

Make = Callable[[], nbformat.NotebookNode | dict[str, Any] | bytes | str]

# reading what attack cells use: each thing is tried, and whatever comes of it is shown
TRY = '''
def attempt(*things):
    """Show what each of `things`, functions of nothing, gives."""
    for thing in things:
        try:
            print("got", thing())
        except BaseException as error:
            print("refused", type(error).__name__, error)
'''


@dataclass(frozen=True)
class Attack:
    """A hostile notebook.

    before, after: cells around the exercises; words in capitals such as COURSE stand for what `arena.py` fills in.
    double, total: what the exercises' cells hold; right solutions where nothing is said. make: the whole file instead.
    score: the points that it must come to, None where that says nothing. says: a text that notes or cells must hold.
    fails: the reason that a submission which cannot be graded must bear. long: left out of `make test`.
    """

    family: str
    name: str
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    double: str | None = None
    total: str | None = None
    make: Make | None = None
    score: float | None = FULL
    says: str = ""
    fails: str = ""
    student: str = ""
    long: bool = False

    def notebook(self, words: dict[str, str]) -> nbformat.NotebookNode | dict[str, Any] | bytes | str:
        """What is handed in, with the words filled in."""
        if self.make is not None:
            return self.make()
        notebook = filled()
        for cell in notebook.cells:
            name = cell.metadata.get("nbgrader", {}).get("grade_id")
            given = {"double": self.double, "total": self.total}.get(name)
            cell.source = given if given is not None else cell.source
        notebook.cells[1:1] = [new_code_cell(source) for source in (TRY, *self.before)]
        notebook.cells += [new_code_cell(source) for source in self.after]
        for cell in notebook.cells:
            for word, text in words.items():
                cell.source = cell.source.replace(word, text)
        return notebook

    def named(self, student: str) -> Attack:
        """The same by a student of that name."""
        return replace(self, student=student)

"""The folders of a course, read into frozen values: Course, Assignment, Exercise, Question. DESIGN.md, section 3.

Every error is a CourseError of one line that names the file, the cell and the remedy.
"""

from __future__ import annotations

import ast
import difflib
import os
import secrets
import tempfile
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path

import msgspec

from autograder.cells import NAMED_ROLES, Role, SourceCell, read_cells
from autograder.config import AssignmentSettings, Settings, find_root, load_settings
from autograder.errors import CourseError

SECRET_BYTES = 32


class Exercise(msgspec.Struct, frozen=True, kw_only=True):
    """One function or class that students write. `example` is the source of its visible check, or ""."""

    name: str
    title: str
    points: float
    example: str = ""


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """One quiz item, as its @question in quiz.py says. Its variants are made where torch is: `autograder.quiz`."""

    name: str
    title: str
    points: float
    variants: int


class ByHand(msgspec.Struct, frozen=True, kw_only=True):
    """A question that is answered in words or code and graded by hand. `text` is what students read, rubric and all."""

    name: str
    title: str
    points: float
    text: str


class Assignment(msgspec.Struct, frozen=True, kw_only=True):
    """One folder under assignments/. `checks` and `mistakes` are paths where the files belong; they may not exist yet.

    `data` are the files under data/, which students get; `exercises`, `questions` and `by_hand` stand in the order of
    the notebook. `minutes`: it is a timed quiz or exam, which takes so long from `opens` to `due`.
    """

    name: str
    title: str
    folder: Path
    notebook: Path
    checks: Path
    mistakes: Path
    solutions: Path
    release_folder: Path
    data: tuple[Path, ...]
    due: datetime | None
    exercises: tuple[Exercise, ...]
    cells: tuple[SourceCell, ...]
    questions: tuple[Question, ...] = ()
    by_hand: tuple[ByHand, ...] = ()
    opens: datetime | None = None
    minutes: int | None = None

    @property
    def quiz(self) -> Path:
        """Where the questions belong."""
        return self.folder / "quiz.py"

    def exercise(self, name: str) -> Exercise:
        """The exercise of that name. Raises CourseError naming those that exist."""
        for exercise in self.exercises:
            if exercise.name == name:
                return exercise
        raise CourseError(f'{self.notebook}: no exercise "{name}"; {_known(name, (e.name for e in self.exercises))}')


class Course(msgspec.Struct, frozen=True, kw_only=True):
    """A course repository: its folder, its settings, its assignments in the order of their names."""

    root: Path
    settings: Settings
    assignments: tuple[Assignment, ...]

    def assignment(self, name: str) -> Assignment:
        """The assignment of that name. Raises CourseError naming those that exist."""
        for assignment in self.assignments:
            if assignment.name == name:
                return assignment
        known = _known(name, (assignment.name for assignment in self.assignments))
        raise CourseError(f'{self.root / "assignments"}: no assignment "{name}"; {known}')

    def secret(self) -> bytes:
        """The course's secret, from which every submission's inputs are drawn; made on first use, mode 0600."""
        path = self.root / self.settings.course.secret_file
        try:
            if not path.exists():
                _write_secret(path)
            secret = path.read_bytes().strip()
        except OSError as error:
            raise CourseError(
                f"{path}: cannot be read or made ({error.strerror}); check course.secret_file in grader.toml"
            ) from None
        if len(secret) < SECRET_BYTES:
            raise CourseError(f"{path}: is too short for a secret; delete it, and a new one is made")
        return secret


def load_course(start: Path) -> Course:
    """Read the course whose grader.toml is in `start` or in the nearest folder above. SettingsError, CourseError."""
    root = find_root(start)
    settings = load_settings(root)
    folders = _assignment_folders(root)
    for name in settings.assignments:
        if name not in folders:
            raise CourseError(
                f"grader.toml: assignments.{name}: there is no folder assignments/{name}; {_known(name, folders)}"
            )
    assignments = tuple(
        load_assignment(root, name, settings.assignments.get(name, AssignmentSettings())) for name in sorted(folders)
    )
    return Course(root=root, settings=settings, assignments=assignments)


def load_assignment(root: Path, name: str, settings: AssignmentSettings) -> Assignment:
    """Read assignments/NAME and check that its parts fit together. Raises CourseError."""
    folder = root / "assignments" / name
    notebook = _notebook_path(folder)
    cells = read_cells(notebook)
    _check_names(cells, notebook)
    exercises = _exercises(cells)
    solutions = root / "solutions" / f"{name}.py"
    _check_references(exercises, solutions)
    return Assignment(
        name=name,
        title=settings.title or next((heading for cell in cells for heading in cell.headings), name),
        folder=folder,
        notebook=notebook,
        checks=folder / "checks.py",
        mistakes=folder / "mistakes.py",
        solutions=solutions,
        release_folder=root / "release" / name,
        data=_data_files(folder / "data"),
        due=settings.closes,
        exercises=exercises,
        cells=cells,
        questions=_questions(cells, notebook, folder / "quiz.py"),
        by_hand=tuple(
            ByHand(name=cell.name, title=heading or cell.name, points=cell.points or 0.0, text=cell.source)
            for cell, heading in _with_headings(cells)
            if cell.role is Role.MANUAL
        ),
        opens=settings.opens,
        minutes=settings.minutes,
    )


def _assignment_folders(root: Path) -> list[str]:
    home = root / "assignments"
    if not home.is_dir():
        raise CourseError(f"{home}: no such folder; make it, with one folder per assignment in it")
    names = sorted(path.name for path in home.iterdir() if path.is_dir() and not path.name.startswith((".", "_")))
    for name in names:
        if not name.isascii() or not name.isidentifier():
            raise CourseError(f'{home / name}: use letters, digits and "_" in the name of an assignment; rename it')
    return names


def _notebook_path(folder: Path) -> Path:
    found = [folder / name for name in ("notebook.py", "notebook.ipynb") if (folder / name).is_file()]
    if len(found) == 2:
        raise CourseError(f"{folder}: has both notebook.py and notebook.ipynb; keep one of them")
    if found:
        return found[0]
    if (folder / f"{folder.name}.ipynb").is_file():
        raise CourseError(
            f"{folder / folder.name}.ipynb: nbgrader's own source notebooks are not graded yet; "
            "write it as notebook.py or notebook.ipynb with references in solutions/"
        )
    raise CourseError(f"{folder}: has no notebook; write notebook.py (jupytext percent format) or notebook.ipynb")


def _check_names(cells: tuple[SourceCell, ...], notebook: Path) -> None:
    """No name twice, and every example after its exercise."""
    seen: dict[tuple[bool, str], SourceCell] = {}
    for cell in cells:
        if cell.role not in NAMED_ROLES:
            continue
        key = (cell.role is Role.EXAMPLE, cell.name)
        if key in seen:
            raise CourseError(f"{notebook}: {cell.place}: the name stands in cell {seen[key].number} too; rename one")
        seen[key] = cell
    exercises = [cell.name for cell in cells if cell.role is Role.EXERCISE]
    for cell in cells:
        if cell.role is not Role.EXAMPLE:
            continue
        if cell.name not in exercises:
            raise CourseError(f"{notebook}: {cell.place}: there is no such exercise; {_known(cell.name, exercises)}")
        if cell.number < seen[False, cell.name].number:
            raise CourseError(f"{notebook}: {cell.place}: stands before its exercise; move it below")


def _exercises(cells: tuple[SourceCell, ...]) -> tuple[Exercise, ...]:
    examples = {cell.name: cell.source for cell in cells if cell.role is Role.EXAMPLE}
    return tuple(
        Exercise(
            name=cell.name,
            title=heading or cell.name,
            points=cell.points or 0.0,
            example=examples.get(cell.name, ""),
        )
        for cell, heading in _with_headings(cells)
        if cell.role is Role.EXERCISE
    )


def _with_headings(cells: Iterable[SourceCell]) -> Iterator[tuple[SourceCell, str]]:
    """Each cell with the heading that it stands under, its own included."""
    heading = ""
    for cell in cells:
        heading = cell.headings[-1] if cell.headings else heading
        yield cell, heading


def _questions(cells: tuple[SourceCell, ...], notebook: Path, quiz: Path) -> tuple[Question, ...]:
    """The questions that the notebook asks, each with the numbers that its @question in quiz.py gives."""
    asked = [cell for cell in cells if cell.role is Role.QUESTION]
    if not asked:
        return ()
    marks, questions = _question_marks(quiz), []
    for cell, heading in _with_headings(cells):
        if cell.role is not Role.QUESTION:
            continue
        if cell.points is not None:
            raise CourseError(f"{notebook}: {cell.place}: its points stand in quiz.py; remove points")
        if cell.source.strip():
            raise CourseError(f"{notebook}: {cell.place}: must be empty (its text comes from quiz.py)")
        if cell.name not in marks:
            raise CourseError(f'{quiz}: no @question("{cell.name}"); {_known(cell.name, marks)}')
        points, variants = marks[cell.name]
        questions.append(Question(name=cell.name, title=heading or cell.name, points=points, variants=variants))
    return tuple(questions)


def _question_marks(quiz: Path) -> dict[str, tuple[float, int]]:
    """name -> points and number of variants, from the decorators in quiz.py, which is not run."""
    marks = {}
    functions = [node for node in _parsed(quiz, "write the questions in it").body if isinstance(node, ast.FunctionDef)]
    for node in functions:
        for mark in node.decorator_list:
            if isinstance(mark, ast.Call) and getattr(mark.func, "id", getattr(mark.func, "attr", "")) == "question":
                try:
                    (name,) = (ast.literal_eval(arg) for arg in mark.args)
                    given = {str(keyword.arg): ast.literal_eval(keyword.value) for keyword in mark.keywords}
                    question = {"name": name, "title": "", "points": 1.0, "variants": 1} | given
                    known = msgspec.convert(question, Question)
                except (ValueError, msgspec.ValidationError):
                    known = None
                if (
                    known is None
                    or given.keys() - {"points", "variants"}
                    or known.variants < 1
                    or not 0 <= known.points < 1e9
                ):
                    raise CourseError(
                        f"{quiz}: line {mark.lineno}: cannot read the mark of `{node.name}`; write plain literals: "
                        '@question("axis_sum", points=1, variants=8)'
                    )
                marks[known.name] = (known.points, known.variants)
    return marks


def _check_references(exercises: tuple[Exercise, ...], solutions: Path) -> None:
    """Every exercise has a function or class of its name in solutions/NAME.py."""
    if not exercises:
        return
    names = ", ".join(exercise.name for exercise in exercises)
    tree = _parsed(solutions, f"write the references in it: {names}")
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    defined = [node.name for node in tree.body if isinstance(node, kinds)]
    for exercise in exercises:
        if exercise.name not in defined:
            raise CourseError(
                f'{solutions}: no function or class "{exercise.name}", the reference of that exercise; '
                f"{_known(exercise.name, defined)}"
            )


def _parsed(path: Path, missing: str) -> ast.Module:
    """The syntax tree of a file of the course. missing: what to do when it is not there. Raises CourseError."""
    try:
        return ast.parse(path.read_bytes(), filename=path.name)
    except FileNotFoundError:
        raise CourseError(f"{path}: no such file; {missing}") from None
    except OSError as error:
        raise CourseError(f"{path}: cannot be read ({error.strerror}); see to its permissions") from None
    except (SyntaxError, ValueError) as error:
        line = f"line {error.lineno}: " if isinstance(error, SyntaxError) else ""
        raise CourseError(f"{path}: {line}is not Python ({getattr(error, 'msg', error)}); correct it") from None


def _data_files(folder: Path) -> tuple[Path, ...]:
    """The files that students get, in order of their paths. Hidden files stay behind."""
    if not folder.is_dir():
        return ()
    paths = sorted(path for path in folder.rglob("*") if not _is_hidden(path.relative_to(folder)))
    for path in paths:
        if path.is_symlink():
            raise CourseError(f"{path}: is a symbolic link; put the file itself there")
    return tuple(path for path in paths if path.is_file())


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") or part == "__pycache__" for part in path.parts)


def _write_secret(path: Path) -> None:
    """Make the secret file whole or not at all; where another process was first, its file stays."""
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".secret-", delete=False) as file:  # mode 0600
        file.write(secrets.token_hex(SECRET_BYTES).encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(file.name, path)
    except FileExistsError:
        pass
    finally:
        Path(file.name).unlink()


def _known(name: str, known: Iterable[str]) -> str:
    names = sorted(known)
    if not names:
        return "there is none yet"
    close = difflib.get_close_matches(name, names, n=1)
    return f'did you mean "{close[0]}"?' if close else f"there is: {', '.join(names)}"

"""The folders of a course, read into frozen values: Course, Assignment, Exercise. DESIGN.md, section 3.

Every error is a CourseError of one line that names the file, the cell and the remedy.
"""

from __future__ import annotations

import ast
import difflib
import os
import secrets
import tempfile
from collections.abc import Iterable
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


class Assignment(msgspec.Struct, frozen=True, kw_only=True):
    """One folder under assignments/. `checks` and `mistakes` are paths where the files belong; they may not exist yet.

    `data` are the files under data/, which students get; `exercises` stand in the order of the notebook.
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
    exercises = _exercises(cells, notebook)
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
        due=settings.due,
        exercises=exercises,
        cells=cells,
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


def _exercises(cells: tuple[SourceCell, ...], notebook: Path) -> tuple[Exercise, ...]:
    examples = {cell.name: cell.source for cell in cells if cell.role is Role.EXAMPLE}
    exercises, heading = [], ""
    for cell in cells:
        heading = cell.headings[-1] if cell.headings else heading
        if cell.role is Role.EXERCISE:
            exercises.append(
                Exercise(
                    name=cell.name,
                    title=heading or cell.name,
                    points=cell.points or 0.0,
                    example=examples.get(cell.name, ""),
                )
            )
    return tuple(exercises)


def _check_references(exercises: tuple[Exercise, ...], solutions: Path) -> None:
    """Every exercise has a function or class of its name in solutions/NAME.py."""
    if not exercises:
        return
    try:
        tree = ast.parse(solutions.read_bytes(), filename=solutions.name)
    except FileNotFoundError:
        names = ", ".join(exercise.name for exercise in exercises)
        raise CourseError(f"{solutions}: no such file; write the references in it: {names}") from None
    except OSError as error:
        raise CourseError(f"{solutions}: cannot be read ({error.strerror}); see to its permissions") from None
    except (SyntaxError, ValueError) as error:
        line = f"line {error.lineno}: " if isinstance(error, SyntaxError) else ""
        raise CourseError(f"{solutions}: {line}is not Python ({getattr(error, 'msg', error)}); correct it") from None
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    defined = [node.name for node in tree.body if isinstance(node, kinds)]
    for exercise in exercises:
        if exercise.name not in defined:
            raise CourseError(
                f'{solutions}: no function or class "{exercise.name}", the reference of that exercise; '
                f"{_known(exercise.name, defined)}"
            )


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

"""The command line: arguments, progress, exit codes. 0 done, 1 not as it should be, 2 could not run.

Commands import what they need inside: torch and nbgrader cost two seconds, which `grader --help` is spared.
"""

from __future__ import annotations

import os
import sys
import warnings
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from enum import StrEnum
from importlib.metadata import version
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from autograder.course import Assignment, Course, load_course
from autograder.errors import TorchmarkError
from autograder.report.console import Commands, err, out
from autograder.report.progress import ProgressLines
from autograder.report.text import one_line, plural

NOT_AS_IT_SHOULD_BE = 1


class BankChoice(StrEnum):
    """What --to takes."""

    QTI = "qti"
    MOODLE_XML = "moodle-xml"
    GIFT = "gift"


class IsolationChoice(StrEnum):
    """What --isolation takes."""

    AUTO = "auto"
    A = "A"
    B = "B"
    NONE = "none"


app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Release, check and grade a course of PyTorch notebooks. Exit status: 0 done, 1 something is not as it should "
    "be, 2 the command could not run.",
)
bank = typer.Typer(no_args_is_help=True, help="Questions for Canvas and Moodle, and questions from GIFT files.")
app.add_typer(bank, name="bank")
Names = Annotated[list[str] | None, typer.Argument(metavar="NAME", help="Assignments; all when none is named.")]
Isolation = Annotated[
    IsolationChoice | None,
    typer.Option(help='How far student code is kept apart; default: as grader.toml says. "none" is for your own code.'),
]
Workers = Annotated[int, typer.Option(min=0, help="Processes that grade at once; 0: as grader.toml says.")]


def main() -> None:
    """Run the command line. Warnings of the libraries below us are for their developers, unless asked for with -W."""
    if not sys.warnoptions:
        warnings.simplefilter("ignore")
    if isinstance(sys.stdout, TextIOWrapper):  # a name that the terminal cannot write must not end the command
        sys.stdout.reconfigure(errors="backslashreplace")
    app(prog_name="grader")


@app.callback()
def settings(
    ctx: typer.Context,
    course: Annotated[Path, typer.Option("-C", "--course", metavar="DIR", help="Work on the course in DIR.")] = Path(),
    show_version: Annotated[
        bool,
        typer.Option(
            "--version", is_eager=True, callback=lambda wanted: _version(wanted), help="Show the version and exit."
        ),
    ] = False,
) -> None:
    """Take what all commands share."""
    ctx.obj = course


@app.command()
def release(
    ctx: typer.Context,
    names: Names = None,
    check: Annotated[
        bool, typer.Option("--check", help="Build nothing; exit 1 if release/ is not what would be built.")
    ] = False,
) -> None:
    """Build release/, what students get, from assignments/ and solutions/."""
    course = load_course(ctx.obj)
    chosen = [assignment.name for assignment in _chosen(course, names)]
    from autograder.release.build import check_release, release  # imports nbgrader

    if not check:
        for folder in release(course, chosen):
            out().print(Text(f"built {folder}"), soft_wrap=True)
        return
    differences = check_release(course, chosen)
    for line in differences:
        out().print(Text(one_line(line, 500)), soft_wrap=True)
    if differences:
        raise typer.Exit(NOT_AS_IT_SHOULD_BE)
    out().print("release/ is what would be built")


@app.command()
def verify(
    ctx: typer.Context,
    names: Names = None,
    seeds: Annotated[int, typer.Option(min=1, help="How often every check draws new inputs.")] = 3,
    sandbox: Annotated[bool, typer.Option("--sandbox", help="Run everything on the real student side; slow.")] = False,
) -> None:
    """Are hidden checks and questions right? References, mistakes, other right styles, mutants; every variant."""
    course = load_course(ctx.obj)
    assignments = _chosen(course, names)
    from autograder.checks.verify import verify  # imports torch
    from autograder.checks.verify_report import render
    from autograder.quiz.verify import render_quiz, verify_quiz

    is_ok = True
    for assignment in assignments:
        if assignment.questions or assignment.quiz.is_file():
            quiz = verify_quiz(assignment)
            out().print(render_quiz(quiz))
            is_ok = is_ok and quiz.is_ok
        if not assignment.exercises and assignment.questions:
            continue
        with (
            _notebooks(course, assignment, sandbox) as opened,
            ProgressLines(err(), f"verifying {assignment.name}") as progress,
        ):
            report = verify(assignment, seeds=seeds, sandbox=opened, on_progress=progress.advance)
        out().print(render(report))
        is_ok = is_ok and report.is_ok
    if not is_ok:
        raise typer.Exit(NOT_AS_IT_SHOULD_BE)


@app.command()
def grade(
    ctx: typer.Context,
    targets: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="NAME | FILE.ipynb",
            help="Assignments (all when none is named), or loose notebooks with --assignment and --json.",
        ),
    ] = None,
    student: Annotated[str, typer.Option(metavar="GLOB", help="Only students whose id matches.")] = "*",
    workers: Workers = 0,
    again: Annotated[bool, typer.Option("--again", help="Grade unchanged submissions too.")] = False,
    isolation: Isolation = None,
    assignment: Annotated[str, typer.Option(metavar="NAME", help="What the loose notebooks are submissions of.")] = "",
    json: Annotated[
        str, typer.Option(metavar="OUT", help="Where the results of loose notebooks go; - is stdout.")
    ] = "",
) -> None:
    """Grade submitted/ into the gradebook; or loose notebooks into a JSON file, with no gradebook touched."""
    course = load_course(ctx.obj)
    level = isolation.value if isolation else ""
    if json or assignment or any(target.endswith(".ipynb") for target in targets or ()):
        _grade_loose(course, targets or [], assignment, json, workers, level)
        return
    chosen = [assignment.name for assignment in _chosen(course, targets)]
    from autograder.grading.batch import grade_class  # imports nbgrader
    from autograder.report.tables import print_class_report

    with ProgressLines(err(), "grading") as progress:
        run = grade_class(course, chosen, student, workers, again, level, progress.advance)
    print_class_report(out(), course, run.results, run.unchanged, run.seconds, run.notes)


def _grade_loose(course: Course, files: list[str], assignment: str, json: str, workers: int, level: str) -> None:
    if not (files and assignment and json):
        raise typer.BadParameter(
            "loose notebooks need all of: FILE.ipynb... --assignment NAME --json OUT (- is stdout)"
        )
    paths = [Path(file) for file in files]
    for path in paths:
        if not os.path.lexists(path):
            raise TorchmarkError(f"{path}: no such file")
    target = None if json == "-" else Path(json)
    if target and (target.is_dir() or not target.absolute().parent.is_dir()):
        raise TorchmarkError(f"{target}: cannot be written; give --json a file in a folder that exists")
    name = course.assignment(assignment).name
    from autograder.grading.loose import grade_files, results_to_json  # imports nbgrader
    from autograder.report.tables import class_table, isolation_line, placement_lines

    with ProgressLines(err(), "grading") as progress:
        results = grade_files(course, name, paths, workers, level, progress.advance)
    # a lone surrogate cannot be UTF-8; its backslash escape is what JSON calls it
    text = results_to_json(results).encode("utf-8", "backslashreplace")
    if target is None:
        sys.stdout.buffer.write(text)
        sys.stdout.flush()
    else:
        target.write_bytes(text)
    err().print(class_table(results), isolation_line(results), *placement_lines(results))


@app.command()
def feedback(ctx: typer.Context, names: Names = None) -> None:
    """Write a page for every student and assignment graded: feedback/STUDENT/NAME/NAME.html."""
    course = load_course(ctx.obj)
    chosen = [assignment.name for assignment in _chosen(course, names)]
    from autograder.gradebook import Gradebook  # imports nbgrader
    from autograder.report.feedback import write_class_feedback

    now = datetime.now(UTC)
    with Gradebook(course) as gradebook:
        results = [result for name in chosen for result in gradebook.load_results(name)]
        if not results:
            raise TorchmarkError(f"{' or '.join(chosen)}: nothing is graded yet; run: grader grade")
        graded = {result.assignment for result in results}
        remarks = {(name, who): found for name in graded for who, found in gradebook.load_remarks(name).items()}
        with ProgressLines(err(), "writing feedback") as progress:
            paths = write_class_feedback(course, results, now, progress.advance, remarks)
        gradebook.note_feedback(results, now)
    out().print(Text(f"{plural(len(paths), 'page')} in {course.root / 'feedback'}"), soft_wrap=True)


@app.command()
def report(
    ctx: typer.Context,
    names: Names = None,
    anonymous: Annotated[bool, typer.Option("--anonymous", help="Number the students instead of naming them.")] = False,
    into: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Where it goes; default: report/ of the course.")
    ] = None,
) -> None:
    """Write the class report, for staff: a page for each assignment and one for the course, and tables for pandas."""
    course = load_course(ctx.obj)
    chosen = [assignment.name for assignment in _chosen(course, names)]
    page = _report(course, chosen, into or course.root / "report", anonymous)
    out().print(Text(f"report: {page}"), soft_wrap=True)


def _report(course: Course, chosen: list[str], into: Path, anonymous: bool = False) -> Path:
    """Write the class report and return the path of the course's page."""
    from autograder.gradebook import Gradebook  # imports nbgrader

    with Gradebook(course) as gradebook:
        known = {assignment.name for assignment in course.assignments}
        results = [result for result in gradebook.load_results() if result.assignment in known]
        times = gradebook.load_times()
    if not any(result.assignment in chosen for result in results):
        raise TorchmarkError(f"{' or '.join(chosen)}: nothing is graded yet; run: grader grade")
    from autograder.report.class_report.write import write_class_report  # imports altair and pandas

    with ProgressLines(err(), "reporting") as progress:
        return write_class_report(
            course,
            results,
            times,
            into,
            datetime.now(UTC),
            only=chosen,
            anonymous=anonymous,
            on_progress=progress.advance,
        ).course


@bank.command("export")
def export_bank(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The assignment whose questions go.")],
    to: Annotated[BankChoice, typer.Option("--to", help="qti is for Canvas; Moodle reads the other two.")],
    variants: Annotated[int, typer.Option(min=1, help="Variants of each question, at most.")] = 4,
    into: Annotated[
        Path | None, typer.Option("--out", metavar="PATH", help="Default: exports/NAME... of the course.")
    ] = None,
) -> None:
    """Write the questions of an assignment, answers included, as a question bank for another system."""
    course = load_course(ctx.obj)
    assignment = course.assignment(name)
    from autograder.quiz import load_quiz  # imports torch
    from autograder.quiz.export import Target, bank_of, write_bank

    found = bank_of(assignment, load_quiz(assignment), Target(to.value), variants)
    for refused in found.refused:
        _note(str(refused))
    path = write_bank(course, found, into)
    gone, left = len(found.questions), len(found.refused)
    questions, items = plural(gone + left, "question"), plural(len(found.items), "variant")
    out().print(Text(f"{path}: {gone} of {questions}, {items}; {left} left out"), soft_wrap=True)
    out().print("The file holds the answers: keep it where students cannot read it.")


@bank.command("import")
def import_bank(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Questions in GIFT, Moodle's text format.")],
    into: Annotated[Path, typer.Option("--out", metavar="PATH", help="The quiz.py to write; it must not exist.")],
) -> None:
    """Make stubs of quiz.py from a GIFT file, and print the cells for notebook.py. Nothing in the file is run."""
    from autograder.quiz.export import read_questions, write_stubs  # imports torch

    found, left = read_questions(file)
    for one in left:
        _note(f"{file}: {one}")
    for question in found:
        for note in question.notes:
            _note(f'{file}: line {question.line}: question "{question.name}": {note}')
    cells = write_stubs(found, file, into)
    out().print(Text(f"{into}: {plural(len(found), 'question')}; {len(left)} left out"), soft_wrap=True)
    out().print(Text(f"Cells for notebook.py:\n\n{cells}"), soft_wrap=True)


def _note(line: str) -> None:
    """Say on stderr what was left out or lost."""
    err().print(Text(one_line(line, 500)), soft_wrap=True)


@app.command()
def doctor(ctx: typer.Context) -> None:
    """What this machine can do: isolation level and what it lacks, versions, cores, memory, GPU."""
    from autograder.doctor import examine, render  # imports torch

    diagnosis = examine(ctx.obj)
    out().print(render(diagnosis))
    if not diagnosis.is_ok:
        raise typer.Exit(NOT_AS_IT_SHOULD_BE)


@app.command()
def demo(
    ctx: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="[DIR]", help="Where the demo goes.")] = Path("demo"),
    students: Annotated[int, typer.Option(min=1, max=2000, help="How many made-up students.")] = 60,
    assignment: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Only this assignment is handed in; may be given again for others."),
    ] = None,
    workers: Workers = 0,
) -> None:
    """Grade a class of made-up students end to end, in a folder of its own."""
    course = load_course(ctx.obj)
    from autograder.demo import run_demo  # imports nbgrader
    from autograder.report.tables import pages_line, print_class_report

    err().print(f"Making {plural(students, 'student')} and their submissions ...")
    with ProgressLines(err(), "grading") as progress:
        run = run_demo(course, folder, students, assignment or (), workers, progress.advance)
    graded = run.graded
    print_class_report(out(), run.demo.course, graded.results, graded.unchanged, graded.seconds, graded.notes)
    out().print(pages_line(run.pages), soft_wrap=True)
    found = run.demo.course
    page = _report(found, [assignment.name for assignment in found.assignments], found.root / "report")
    out().print(Text(f"report: {page}"), soft_wrap=True)


def _notebooks(course: Course, assignment: Assignment, is_sandboxed: bool) -> AbstractContextManager[Any]:
    """What runs our own code on the real student side, or None."""
    if not is_sandboxed:
        return nullcontext()
    from autograder.grading.trial import open_notebooks  # imports nbgrader

    return open_notebooks(course, assignment)


def _chosen(course: Course, names: list[str] | None) -> tuple[Assignment, ...]:
    """The assignments of these names, all when there are none. Raises CourseError before anything slow is imported."""
    return tuple(course.assignment(name) for name in names) if names else course.assignments


def _version(wanted: bool) -> None:
    if wanted:
        out().print(f"torchmark {version('torchmark')}")
        raise typer.Exit(0)

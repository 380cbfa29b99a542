"""The tables that commands end with."""

from __future__ import annotations

import io
import re
from typing import Literal

import msgspec
import pytest
from made_results import check, course, exercise, result
from rich.console import Console, RenderableType

from autograder.course import Course
from autograder.model import Isolation, Outcome, SubmissionResult
from autograder.report.tables import class_table, isolation_line, print_class_report


def console(width: int = 140, is_terminal: bool = False) -> tuple[Console, io.StringIO]:
    file = io.StringIO()
    colours: Literal["standard"] | None = "standard" if is_terminal else None
    return Console(file=file, width=width, force_terminal=is_terminal, color_system=colours, highlight=False), file


def plain(shown: RenderableType, width: int = 140, is_terminal: bool = False) -> str:
    screen, file = console(width, is_terminal)
    screen.print(shown)
    return file.getvalue()


def report(results: list[SubmissionResult], unchanged: int = 0, of: Course | None = None) -> str:
    screen, file = console()
    print_class_report(screen, of or course(), results, unchanged, 6.0)
    return file.getvalue()


def with_gradebook(url: str) -> Course:
    found = course()
    gradebook = msgspec.structs.replace(found.settings.gradebook, url=url)
    return msgspec.structs.replace(found, settings=msgspec.structs.replace(found.settings, gradebook=gradebook))


def test_a_student_id_cannot_steer_the_terminal() -> None:
    shown = plain(class_table([result(exercise(check()), student="\x1b[2J\x1b]0;x\x07[red]eve[/red]\u202e")]))
    assert "[red]eve[/red][U+202E]" in shown
    assert "\x1b" not in shown
    assert "\x07" not in shown


def test_a_reason_cannot_steer_the_terminal() -> None:
    shown = report([result(status="failed", reason="\x1b[2J[link=x]y\nz")])
    assert "not graded: amina: [link=x]y z" in shown
    assert "\x1b" not in shown


def test_a_row_has_points_per_exercise_the_total_and_what_went_wrong() -> None:
    wrong = exercise(check(), check(Outcome.FAILED, mistake="forgets_the_minus"), name="cross_entropy")
    row = next(line for line in plain(class_table([result(exercise(check()), wrong)])).splitlines() if "amina" in line)
    assert re.split(r"\s{2,}", row.strip()) == ["amina", "2", "2", "4", "forgets the minus"]


def test_the_columns_say_what_there_is_to_gain() -> None:
    shown = plain(class_table([result(exercise(check()), exercise(check(), check(), name="sgd_step"))]))
    assert re.findall(r"of \d+", shown) == ["of 2", "of 4", "of 6"]


def test_an_exercise_that_a_result_lacks_is_a_dash() -> None:
    results = [result(exercise(check())), result(student="lukas")]
    row = next(line for line in plain(class_table(results)).splitlines() if "lukas" in line)
    assert row.split()[1] == "-"


def test_long_names_of_exercises_are_broken_so_that_a_terminal_holds_them() -> None:
    names = ("softmax", "cross_entropy", "accuracy", "cross_entropy_backward", "sgd_step")
    wrong = [exercise(check(), check(Outcome.FAILED, mistake="forgets_the_minus"), name=name) for name in names]
    shown = plain(class_table([result(*wrong, student="mateo_fernandez")]), width=100)
    assert len([line for line in shown.splitlines() if "mateo" in line]) == 1
    assert "forgets the minus +4" in next(line for line in shown.splitlines() if "mateo" in line)


def test_no_isolation_is_red() -> None:
    results = [result(exercise(check())), result(exercise(check()), isolation=Isolation.NONE)]
    assert "\x1b[1;31misolation: none" in plain(isolation_line(results), is_terminal=True)


def test_the_isolation_level_is_named() -> None:
    assert plain(isolation_line([result(exercise(check()), isolation=Isolation.B)])) == "isolation: B\n"


@pytest.mark.parametrize(
    ("unchanged", "line"),
    [
        (0, "graded: 4 submissions in 6.00 s, 1.50 s each"),
        (3, "unchanged, not graded again: 3 of 4 submissions\ngraded: 1 submission in 6.00 s, 6.00 s each"),
        (4, "unchanged, not graded again: 4 of 4 submissions\ngraded: nothing anew"),
    ],
)
def test_what_was_graded_now_is_counted(unchanged: int, line: str) -> None:
    results = [result(exercise(check()), student=str(number)) for number in range(4)]
    assert line in report(results, unchanged)


def test_broken_checks_of_ours_are_loud() -> None:
    results = [result(exercise(check(Outcome.BROKEN, name="test_value")))]
    assert "broken checks of ours (they cost no points): softmax.test_value" in report(results)


def test_the_gradebook_is_named_without_its_password() -> None:
    shown = report([result()], of=with_gradebook("postgresql://ta:hunter2@db/grades"))
    assert "gradebook: postgresql://ta:***@db/grades" in shown
    shown = report([result()], of=with_gradebook("sqlite:///gradebook.db"))
    assert f"gradebook: {course().root}/gradebook.db" in shown


def test_each_assignment_has_its_own_table() -> None:
    assert report([result(exercise(check()))]).startswith("Softmax regression")

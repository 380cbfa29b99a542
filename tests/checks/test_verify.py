"""`verify` on tiny courses of one exercise: what is wrong with the checks, and what it says about it."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from textwrap import dedent

import pytest
from rich.console import Console

from autograder.checks.local import local_caller
from autograder.checks.mutate import mutants
from autograder.checks.verify import verify
from autograder.checks.verify_report import VerifyReport, render
from autograder.course import Assignment, load_course
from autograder.errors import CourseError

SOLUTIONS = '''
    import torch


    def double(x):
        """Twice x."""
        return x * 2
'''
CHECKS = '''
    from autograder import exercise, expect


    @exercise("double")
    class TestDouble:
        def test_value(self, student, reference, draw):
            """it is twice the input"""
            x = draw.logits(3, 4)
            expect(student.double(x)).is_close_to(reference.double(x))

        def test_float64(self, student, reference, draw):
            """float64 gives float64, with its gradient"""
            x = draw.logits(3, 4).double()
            expect(student.double(x)).is_close_to(reference.double(x))
            expect(student.double.vjp(x, x)).is_close_to(reference.double.vjp(x, x))
'''
MISTAKES = """
    import torch
    from autograder import also_right, mistake


    @mistake("double", hint="You squared it.")
    def squares(x):
        return x * x


    @mistake("double", hint="You forgot the factor.")
    def gives_it_back(x):
        return x * 1


    @also_right("double")
    def adds(x):
        return x + x
"""
NOTEBOOK = """
    # %% [markdown]
    # # Doubling

    # %% exercise="double" points=2
"""


@pytest.fixture
def course(tmp_path: Path):
    """Writes a course and gives its assignment: the parts of the good one, where no other is given."""

    def write(solutions=SOLUTIONS, checks=CHECKS, mistakes=MISTAKES, extra="", notebook=NOTEBOOK) -> Assignment:
        files = {
            "grader.toml": '[course]\ntitle = "Tiny"\nid = "tiny"\n',
            "assignments/tiny/notebook.py": dedent(notebook),
            "assignments/tiny/checks.py": dedent(checks),
            "assignments/tiny/mistakes.py": dedent(mistakes) + "\n\n" + dedent(extra),
            "solutions/tiny.py": dedent(solutions),
        }
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return load_course(tmp_path).assignment("tiny")

    return write


def run(assignment: Assignment, **options) -> VerifyReport:
    return verify(assignment, **{"jobs": 1, "seconds": 20, **options})


def only_problem(assignment: Assignment, **options) -> str:
    (problem,) = run(assignment, **options).problems
    return problem


def test_a_list_of_equivalents_that_is_not_a_dict_is_an_error(course):
    with pytest.raises(CourseError, match="EQUIVALENT is not a dict"):
        run(course(extra='EQUIVALENT = ["double: x * 2 -> 2"]'))


def test_a_mistake_that_no_check_catches_is_a_problem(course):
    extra = """
        @mistake("double", hint="It must not print.")
        def prints(x):
            print(x)
            return x * 2
    """
    report = run(course(extra=extra))
    assert report.problems == (
        "assignments/tiny/mistakes.py: double: the mistake prints scores full marks; "
        "write a check in assignments/tiny/checks.py that fails it",
    )
    assert (report.exercises[0].caught, report.exercises[0].mistakes) == (2, 3)


def test_a_right_style_that_a_check_rejects_is_a_problem(course):
    extra = """
        @also_right("double")
        def by_list(x):
            return torch.tensor([[2 * entry for entry in row] for row in x.tolist()], dtype=x.dtype)
    """
    problem = only_problem(course(extra=extra))
    assert problem.startswith(
        'assignments/tiny/mistakes.py: double: the right style by_list fails test_float64 ("float64 gives float64, '
    )
    assert problem.endswith("; loosen the check, or make it a mistake")


def test_a_reference_that_fails_its_own_check_is_a_problem(course):
    checks = (
        CHECKS
        + '''
        def test_wrong(self, student, draw):
            """it is the input itself"""
            x = draw.logits(3, 4)
            expect(student.double(x)).is_close_to(x)
    '''
    )
    problems = run(course(checks=checks)).problems
    assert problems[0].startswith("solutions/tiny.py: double: the reference fails test_wrong (")


def test_points_for_the_empty_release_are_a_problem(course):
    checks = (
        CHECKS
        + '''
        def test_nothing(self, draw):
            """it is there"""
    '''
    )
    assert only_problem(course(checks=checks)) == (
        "assignments/tiny/checks.py: double: the empty release scores 0.666667 of 2 (test_nothing); "
        "let these checks call the function"
    )


def test_a_check_that_fails_the_reference_by_luck_names_the_seeds(course):
    checks = (
        CHECKS
        + '''
        def test_luck(self, student, draw):
            """it is lucky"""
            x = draw.logits(3, 4)
            expect(student.double(x)).is_close_to(2 * x + draw.integer(0, 2))
    '''
    )
    problems = run(course(checks=checks), seeds=6).problems
    assert any("the reference fails test_luck with seed" in problem and "of 6" in problem for problem in problems)


def test_a_mistake_that_is_caught_by_luck_names_the_seeds(course):
    checks = (
        CHECKS
        + '''
        def test_quiet(self, student, draw):
            """it prints nothing"""
            printed = student.double.report(draw.logits(3, 4)).printed
            expect(printed if draw.integer(0, 2) else "").equals("")
    '''
    )
    extra = """
        @mistake("double", hint="It must not print.")
        def prints(x):
            print("doubled")
            return x * 2
    """
    problem = only_problem(course(checks=checks, extra=extra), seeds=6)
    assert "the mistake prints is not caught with seed" in problem
    assert problem.endswith("sharpen the check that fails it with other seeds")


def test_a_check_that_breaks_is_a_problem_once(course):
    checks = (
        CHECKS
        + '''
        def test_broken(self, student, draw):
            """it breaks"""
            student.double(draw.logits(3, 4))
            raise ZeroDivisionError("of ours")
    '''
    )
    problem = only_problem(course(checks=checks))
    assert problem == (
        "assignments/tiny/checks.py: double.test_broken breaks on the reference (ZeroDivisionError: of ours); "
        "correct the check"
    )


def test_two_mistakes_that_do_the_same_are_a_problem(course):
    extra = """
        @mistake("double", hint="You squared it.")
        def to_the_power_of_two(x):
            return x**2
    """
    report = run(course(extra=extra))
    assert report.problems == (
        "assignments/tiny/mistakes.py: double: the mistake to_the_power_of_two does the same as squares "
        "in every check; keep one, or write a check where they differ",
    )
    assert (report.exercises[0].explained, report.exercises[0].distinct) == (2, 2)


def test_a_mistake_that_does_something_else_each_time_is_not_explained(course):
    extra = """
        import time


        @mistake("double", hint="You added noise.")
        def adds_the_clock(x):
            return x * (time.perf_counter_ns() % 1009)
    """
    assert "the mistake adds_the_clock is not explained as itself" in only_problem(course(extra=extra))


PLUS_NOTHING = SOLUTIONS.replace("return x * 2", "return x * 2 + 0")
SURVIVORS = ["double: + -> - in x * 2 + 0", "double: x * 2 + 0 -> x * 2"]


def survivors(report: VerifyReport) -> list[str]:
    return [problem.split(": ", 3)[3].split(";")[0] for problem in report.problems if "a mutant survives" in problem]


def test_a_surviving_mutant_is_a_problem(course):
    report = run(course(solutions=PLUS_NOTHING))
    assert survivors(report) == SURVIVORS
    assert report.problems[0].startswith("solutions/tiny.py: line 7: a mutant survives: double: ")
    assert report.exercises[0].survived == len(report.problems) == 2
    assert not report.is_ok


def test_a_function_behind_the_reference_is_mutated_too(course):
    solutions = (
        SOLUTIONS.replace("return x * 2", "return _twice(x, 0)")
        + """

    def _twice(x, unused):
        return x * 2 + 0 * unused
    """
    )
    assert "_twice: + -> - in x * 2 + 0 * unused" in survivors(run(course(solutions=solutions)))


def test_a_survivor_that_is_listed_with_a_reason_is_well(course):
    extra = f"EQUIVALENT = {dict.fromkeys(SURVIVORS, 'adding 0 changes nothing')!r}"
    report = run(course(solutions=PLUS_NOTHING, extra=extra))
    assert report.is_ok
    assert (report.exercises[0].equivalent, report.exercises[0].survived) == (2, 0)


def test_a_survivor_may_be_listed_by_its_id(course):
    found = mutants(dedent(PLUS_NOTHING), "double")
    ids = [mutant.id for mutant in found if mutant.key in SURVIVORS]
    assert run(course(solutions=PLUS_NOTHING, extra=f"EQUIVALENT = {dict.fromkeys(ids, 'adds 0')!r}")).is_ok


@pytest.mark.parametrize(
    ("listed", "complaint"),
    [
        ({"double: x * 2 -> x * 3": "why"}, "is no mutant of solutions/tiny.py any more; remove it"),
        ({"double: x * 2 -> 2": "why"}, "is killed (by test_value, test_float64); remove it"),
    ],
)
def test_a_stale_equivalent_is_a_problem(course, listed, complaint):
    assert only_problem(course(extra=f"EQUIVALENT = {listed!r}")).endswith(complaint)


def test_an_equivalent_without_a_reason_is_a_problem(course):
    problems = run(course(solutions=PLUS_NOTHING, extra=f"EQUIVALENT = {dict.fromkeys(SURVIVORS, ' ')!r}")).problems
    assert len(problems) == 2
    assert all(problem.endswith("has no reason; say why the change makes no difference") for problem in problems)


def test_a_mutant_that_loops_for_ever_is_killed(course):
    solutions = SOLUTIONS.replace(
        "return x * 2", "n = 2\n        while n > 1:\n            n = n - 1\n        return x * 2"
    )
    report = run(course(solutions=solutions), seconds=3)
    keys = {mutant.key for mutant in mutants(dedent(solutions), "double")}
    assert "double: - -> + in n - 1" in keys
    assert "double: - -> + in n - 1" not in survivors(report)


def test_a_mutant_that_swallows_every_exception_for_ever_is_killed(course):
    loop = """
        n = 2
        while n > 1:
            try:
                n = n - 1
            except BaseException:
                continue
        return x * 2"""
    report = run(course(solutions=SOLUTIONS.replace("\n        return x * 2", loop)), seconds=3)
    assert report.exercises[0].killed > 0


def test_a_good_course_has_no_problems(course):
    seen = []
    report = run(course(), on_progress=lambda done, total: seen.append((done, total)))
    assert report.problems == ()
    assert report.is_ok
    assert report.rows()[0][:5] == ("double", "2", "2/2", "2/2", "1/1")
    assert seen[-1][0] == seen[-1][1] == len(seen)


def test_a_course_without_mistakes_is_verified(course):
    assignment = course()
    assignment.mistakes.unlink()
    assert run(assignment).is_ok


def test_the_table_shows_rows_problems_and_a_closing_line(course):
    extra = "EQUIVALENT = {'double: x -> y': 'no'}"
    console = Console(width=100, record=True)
    console.print(render(run(course(extra=extra))))
    text = console.export_text()
    assert "double" in text
    assert "2/2" in text
    assert "problem: assignments/tiny/mistakes.py: EQUIVALENT" in text
    assert "tiny: 1 problem; 1 exercises, 2 mistakes caught" in text


def test_the_sandbox_gets_every_candidate_but_the_mutants_as_cells(course):
    notebooks = []

    @contextmanager
    def open_notebook(cells):
        notebooks.append(cells)
        namespace: dict = {"__name__": "__main__"}
        for cell in cells:
            assert "autograder" not in cell
            exec(cell, namespace)
        yield local_caller({"double": namespace["double"]})

    report = run(course(), sandbox=open_notebook)
    assert report.is_ok
    assert [cells[-1].splitlines()[-1].strip() for cells in notebooks] == [
        "return x * 2",
        "raise NotImplementedError()",
        "double = squares",
        "double = gives_it_back",
        "double = adds",
    ]


def test_functions_that_belong_together_stand_in_the_students_place_together(course):
    notebooks = []

    @contextmanager
    def open_notebook(cells):
        notebooks.append(cells)
        namespace: dict = {"__name__": "__main__"}
        for cell in cells:
            exec(cell, namespace)
        yield local_caller({name: namespace[name] for name in ("double", "halve") if name in namespace})

    pair = {
        "solutions": SOLUTIONS + "\n\n    def halve(x):\n        return x / 2\n",
        "checks": CHECKS
        + """
    @exercise("halve")
    class TestHalve:
        def test_back(self, student, draw):
            \"\"\"it undoes double\"\"\"
            x = draw.logits(3, 4)
            expect(student.halve(student.double(x))).is_close_to(x)
    """,
        "extra": """
        def keeps(x):
            return -2 * x

        @also_right("halve", beside={"double": keeps})
        def undoes(x):
            return x / -2

        @mistake("halve", hint="The sign is lost.", beside={"double": keeps})
        def forgets_the_sign(x):
            return x / 2
    """,
        "notebook": NOTEBOOK + '\n    # %% exercise="halve" points=2\n',
    }
    halve = run(course(**pair)).exercises[1]
    assert (halve.accepted, halve.caught, halve.explained) == (1, 1, 1)
    assert run(course(**pair), sandbox=open_notebook).problems == ()
    assert [cells[-1] for cells in notebooks if "keeps" in cells[-1]] == [
        "double = keeps\nhalve = forgets_the_sign",
        "double = keeps\nhalve = undoes",
    ]

"""The catalogue of mistakes: how it is read, and how it explains what a student wrote."""

from __future__ import annotations

import sys
import time

import pytest
import torch
from little_assignment import CHECKS, MISTAKES, grade, grade_double, make_assignment

from autograder.checks.mistakes import load_catalogue
from autograder.errors import CourseError
from autograder.model import Outcome

# --- reading ----------------------------------------------------------------------------------------------------------

HEAD = "from autograder import also_right, mistake\n"
BAD = {
    "does not run": ("1 / 0", "raised ZeroDivisionError"),
    "no hint": (HEAD + '@mistake("double", hint=" ")\ndef a(x): pass', "needs a hint"),
    "unknown exercise": (
        HEAD + '@mistake("dubble", hint="h")\ndef a(x): pass',
        'no exercise "dubble"; there is: double',
    ),
    "unknown exercise beside": (
        HEAD + '@mistake("double", hint="h", beside={"shift": print})\ndef a(x): pass',
        'no exercise "shift"; there is: double',
    ),
    "twice": (
        HEAD + '@mistake("double", hint="h")\ndef a(x): pass\n@also_right("double")\ndef a(x): pass',
        "the name stands in line 2",
    ),
    "not a function": (HEAD + '@mistake("double", hint="h")\n@property\ndef a(x): pass', "stand above functions"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_catalogue_that_cannot_be_used_is_refused_in_one_line(tmp_path, name):
    source, words = BAD[name]
    path = tmp_path / "mistakes.py"
    path.write_text(source)
    with pytest.raises(CourseError) as caught:
        load_catalogue(path, ["double"])
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_catalogue_that_is_not_there_is_empty(tmp_path):
    assert load_catalogue(tmp_path / "mistakes.py", ["double"]).mistakes == ()


def test_a_catalogue_keeps_names_hints_and_order_and_leaves_no_trace(tmp_path):
    assignment = make_assignment(tmp_path)
    before = dict(sys.modules)
    catalogue = load_catalogue(assignment.mistakes, ["double"])
    assert sys.modules == before
    assert not list(tmp_path.rglob("__pycache__"))
    assert [mistake.name for mistake in catalogue.mistakes] == ["squares", "doubles_in_place", "detaches", "adds"]
    assert catalogue.mistakes_of("double")[0].hint == "You squared it."
    assert catalogue.mistakes_of("shift") == ()
    assert [style.name for style in catalogue.right_styles_of("double")] == ["times_two"]


def test_one_function_may_be_a_mistake_of_two_exercises_and_two_mistakes_may_share_a_name(tmp_path):
    (tmp_path / "mistakes.py").write_text(
        HEAD
        + '@mistake("double", hint="h")\n@mistake("shift", hint="i")\ndef a(x): return 1\n'
        + '@mistake("double", hint="j")\ndef b(x): return 2\n@mistake("shift", hint="k")\ndef b(x): return 3\n'
    )
    catalogue = load_catalogue(tmp_path / "mistakes.py", ["double", "shift"])
    found = [(mistake.exercise, mistake.name, mistake.function(0)) for mistake in catalogue.mistakes]
    assert found == [("shift", "a", 1), ("double", "a", 1), ("double", "b", 2), ("shift", "b", 3)]


# --- explaining -------------------------------------------------------------------------------------------------------


def explained(assignment, function) -> set[str | None]:
    checks = grade_double(assignment, function).values()
    return {check.mistake for check in checks if check.outcome is Outcome.FAILED}


STUDENTS = {
    "squares": lambda x: x**2,
    "doubles_in_place": lambda x: x.mul_(2),
    "detaches": lambda x: torch.from_numpy(2 * x.detach().numpy()),
    "adds": lambda x: torch.add(x, x),
}


@pytest.mark.parametrize("name", STUDENTS)
def test_a_student_who_did_the_same_reads_the_hint(tmp_path, name):
    checks = grade_double(make_assignment(tmp_path), STUDENTS[name]).values()
    failed = [check for check in checks if check.outcome is Outcome.FAILED]
    assert failed
    assert {check.mistake for check in failed} == {name}
    assert all(check.hint for check in failed)
    assert all(check.mistake is None and not check.hint for check in checks if check.outcome is Outcome.PASSED)


OTHERS = {
    "another factor": lambda x: 3 * x,
    "an exception": lambda x: x[99],
    "nothing": lambda x: None,
    "nearly squared": lambda x: x * x * 1.001,
    "squared in double": lambda x: x.double() ** 2,
    "squared and printed wrong": lambda x: [x * x],
}


@pytest.mark.parametrize("name", OTHERS)
def test_a_student_who_did_something_else_reads_no_wrong_hint(tmp_path, name):
    assert explained(make_assignment(tmp_path), OTHERS[name]) == {None}


def test_a_perfect_submission_asks_no_mistake(tmp_path):
    loud = (
        MISTAKES
        + '\n    @mistake("double", hint="h")\n    def loud(x):\n        raise SystemExit(open("/nonexistent"))\n'
    )
    (result,) = grade(make_assignment(tmp_path, mistakes=loud), {"double": lambda x: 2 * x})
    assert result.score == 4.0


def test_mistakes_of_small_effects_stay_apart(tmp_path):
    checks = CHECKS.replace(
        "is_close_to(reference.double(x), look_at", "is_close_to(reference.double(x), rtol=0.0, atol=1e-9, look_at"
    )
    checks = checks.replace("x = draw.logits(3, 4)\n", "x = draw.logits(3, 4, dtype=torch.float64)\n", 1)
    checks = checks.partition("        @rule")[0]
    mistakes = HEAD + (
        '@mistake("double", hint="h")\ndef adds_epsilon(x): return 2 * x + 1e-7\n'
        '@mistake("double", hint="i")\ndef loses_digits(x): return (2 * x).float().to(x.dtype)\n'
    )
    assignment = make_assignment(tmp_path, checks=checks, mistakes=mistakes)
    assert explained(assignment, lambda x: x.float().to(x.dtype) * 2) == {"loses_digits"}
    assert explained(assignment, lambda x: x * 2 + 1e-7) == {"adds_epsilon"}
    assert explained(assignment, lambda x: x * 2 + 2e-7) == {None}
    assert explained(assignment, lambda x: x * 2 + 1e-8) == {None}


TWO_FACES = """
    from autograder import exercise, expect

    @exercise("double")
    class TestDouble:
        def test_small(self, student, reference, draw):
            \"\"\"small\"\"\"
            x = draw.logits(2, 3)
            expect(student.double(x)).is_close_to(reference.double(x))

        def test_large(self, student, reference, draw):
            \"\"\"large\"\"\"
            x = draw.logits(2, 3) + 100
            expect(student.double(x)).is_close_to(reference.double(x))

        def test_zero(self, student, reference, draw):
            \"\"\"zero\"\"\"
            x = 0 * draw.logits(2, 3)
            expect(student.double(x)).is_close_to(reference.double(x))
"""


def test_the_best_mistake_explains_most_and_agrees_on_what_passed(tmp_path):
    mistakes = HEAD + (
        '@mistake("double", hint="h")\ndef squares_all(x): return x * x\n'
        '@mistake("double", hint="h")\ndef squares_when_large(x): return x * x if (x > 50).all() else 2 * x\n'
        '@mistake("double", hint="h")\ndef squares_and_adds_one(x): return x * x if (x > 50).all() else 2 * x + 1\n'
    )
    assignment = make_assignment(tmp_path, checks=TWO_FACES, mistakes=mistakes)
    assert explained(assignment, lambda x: x**2) == {"squares_all"}
    assert explained(assignment, lambda x: x**2 if x.min() > 50 else 2 * x) == {"squares_when_large"}
    assert explained(assignment, lambda x: x**2 if x.min() > 50 else 2 * x + 1) == {"squares_and_adds_one"}


def test_a_mistake_that_explains_one_of_many_failures_and_denies_the_others_is_no_explanation(tmp_path):
    more = TWO_FACES + "".join(
        f"""
        def test_{n}(self, student, reference, draw):
            \"\"\"{n}\"\"\"
            x = draw.logits(2, 3) + {n}
            expect(student.double(x)).is_close_to(reference.double(x))
"""
        for n in (3, 5)
    )
    mistakes = HEAD + '@mistake("double", hint="h")\ndef squares(x): return x * x\n'
    assignment = make_assignment(tmp_path, checks=more, mistakes=mistakes)
    odd = grade_double(assignment, lambda x: x**2 if x.min() > 50 else (7 * x if x.any() else x + 1))
    assert {check.mistake for check in odd.values()} == {None}


def test_a_mistake_that_broke_the_same_rule_but_computes_something_else_is_no_explanation(tmp_path):
    mistakes = HEAD + '@mistake("double", hint="h")\ndef adds_one(x): return 2 * x.add(1)\n'
    assignment = make_assignment(tmp_path, mistakes=mistakes)
    assert explained(assignment, lambda x: 2 * (x + 1)) == {"adds_one"}
    assert explained(assignment, lambda x: 2 * (x + 1e-3)) == {None}


def test_an_exception_explains_when_it_is_the_same_exception(tmp_path):
    mistakes = HEAD + '@mistake("double", hint="h")\ndef sums_over_a_third_axis(x): return 2 * x.sum(dim=2)\n'
    assignment = make_assignment(tmp_path, mistakes=mistakes)
    assert explained(assignment, lambda x: x.sum(dim=2)) == {"sums_over_a_third_axis"}
    assert explained(assignment, lambda x: x.sum(dim=3)) == {None}


def test_a_mistake_that_raises_or_hangs_or_leaves_state_harms_nobody(tmp_path):
    mistakes = HEAD + (
        "import time, torch\n"
        '@mistake("double", hint="h")\ndef raises(x): raise SystemExit\n'
        '@mistake("double", hint="h")\ndef spoils(x): torch.set_grad_enabled(False); return 1\n'
        '@mistake("double", hint="h")\ndef hangs(x):\n    while True: time.sleep(0.01)\n'
        '@mistake("double", hint="h")\ndef triples(x): return 3 * x\n'
    )
    start = time.monotonic()
    assert explained(make_assignment(tmp_path, mistakes=mistakes), lambda x: x * 3) == {"triples"}
    assert time.monotonic() - start < 20
    assert torch.is_grad_enabled()

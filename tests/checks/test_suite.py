"""A suite collects hidden checks once and grades many submissions: outcomes, points, words, and no crash."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import warnings
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from little_assignment import CHECKS, grade, grade_double, make_assignment

from autograder.checks.local import LocalCaller, local_caller
from autograder.checks.scoring import score_exercise, weights_of
from autograder.checks.suite import Suite
from autograder.engine.calls import CallFailed
from autograder.errors import CourseError
from autograder.model import CheckResult, Kind, Outcome

# --- the course is at fault -------------------------------------------------------------------------------------------

ONE_CHECK = """
    import pytest
    import torch
    from autograder import exercise, expect, needs, points, rule

    @exercise("double")
    class TestDouble:
        def test_it(self, student, reference, draw):
            \"\"\"it works\"\"\"
            {body}
"""

BAD_CHECKS = {
    "syntax": ("def f(:", "line 1"),
    "import": ("import nothing_of_this_name", "nothing_of_this_name"),
    "exercise": ('from autograder import exercise\n@exercise("dubble")\ndef test_a():\n    """a"""', '"dubble"'),
    "no exercise": ('def test_a():\n    """a"""', "@exercise"),
    "no docstring": ('from autograder import exercise\n@exercise("double")\ndef test_a(): pass', "docstring"),
    "no checks": ("", "double has no check"),
    "only rules": (
        'from autograder import exercise, rule\n@rule\n@exercise("double")\ndef test_a():\n    """a"""',
        "rules only",
    ),
    "unknown need": (
        'from autograder import exercise, needs\n@needs("test_b")\n@exercise("double")\ndef test_a():\n    """a"""',
        '"test_b"',
    ),
    "too many points": (
        'from autograder import exercise, points\n@points(5)\n@exercise("double")\ndef test_a():\n    """a"""',
        "add up to 5",
    ),
}


@pytest.mark.parametrize("name", BAD_CHECKS)
def test_checks_that_cannot_be_used_are_refused_in_one_line(tmp_path, name):
    source, words = BAD_CHECKS[name]
    assignment = make_assignment(tmp_path, checks=source)
    with pytest.raises(CourseError) as caught:
        Suite(assignment)
    assert str(assignment.checks) in str(caught.value)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_of_checks_is_named(tmp_path):
    assignment = make_assignment(tmp_path)
    assignment.checks.unlink()
    with pytest.raises(CourseError, match=r"checks\.py: no such file"):
        Suite(assignment)


def test_a_reference_that_does_not_run_is_named_with_its_line(tmp_path):
    assignment = make_assignment(tmp_path, solutions="import torch\nraise ValueError('no')")
    with pytest.raises(CourseError, match=r"little\.py: raised ValueError .* \(line 2\)"):
        Suite(assignment)


BROKEN = {
    "draw": "draw.labels(3, 2, missing=(0, 1))",
    "reference raises": "reference.double(None)",
    "reference is missing": "reference.triple(1)",
    "own code after a call": "student.double(draw.logits(1, 2)); undefined_name",
    "misuse of expect": "expect(student.double(1)).leaves_inputs_unchanged()",
    "misuse of vjp": "student.double.vjp(None, 1)",
    "assert before any call": "assert False",
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_fault_of_ours_costs_nothing_and_is_loud_to_staff(tmp_path, name):
    assignment = make_assignment(tmp_path, checks=ONE_CHECK.format(body=BROKEN[name]))
    (result,) = grade(assignment, {"double": lambda x: 2 * x})
    assert result.checks[0].outcome is Outcome.BROKEN
    assert "Traceback" in result.checks[0].staff_note
    assert (result.score, result.max_score) == (4.0, 4.0)
    assert "staff" in result.note
    assert result.has_broken_checks


def test_a_student_side_that_cannot_be_opened_is_our_fault(tmp_path):
    @contextmanager
    def open_check():
        raise OSError("no more processes")
        yield

    with Suite(make_assignment(tmp_path)) as suite:
        (result,) = suite.grade(open_check, str)
    assert {check.outcome for check in result.checks} == {Outcome.BROKEN}


def test_a_call_that_cannot_be_sent_is_our_fault_even_after_one_that_could(tmp_path):
    body = "student.double(draw.logits(1, 2)); student.double(draw)"
    assignment = make_assignment(tmp_path, checks=ONE_CHECK.format(body=body), solutions="def double(x): return x")

    class Picky(LocalCaller):
        def call(self, call):
            if not isinstance(call.args[0], torch.Tensor):
                raise TypeError("Draw cannot be given to a student's function")
            return super().call(call)

    @contextmanager
    def open_check():
        yield Picky({"double": lambda x: x})

    with Suite(assignment) as suite:
        (result,) = suite.grade(open_check, str)
    assert result.checks[0].outcome is Outcome.BROKEN
    assert "Draw cannot be given" in result.checks[0].staff_note


# --- the student is at fault ------------------------------------------------------------------------------------------


def test_nothing_defined_scores_nothing(tmp_path):
    (result,) = grade(make_assignment(tmp_path), {})
    assert result.score == 0.0
    assert result.checks[0].message == "`double` is not defined"


def test_the_untouched_stub_is_not_written_yet(tmp_path):
    def double(x):
        raise NotImplementedError

    (result,) = grade(make_assignment(tmp_path), {"double": double})
    assert result.score == 0.0
    assert result.checks[0].message == "`double` is not written yet"


@pytest.mark.parametrize("kind", [SystemExit, KeyboardInterrupt, ZeroDivisionError])
def test_an_exception_is_a_failed_check_that_names_the_line(tmp_path, kind):
    def double(x):
        raise kind("of 0.1234")

    check = grade_double(make_assignment(tmp_path), double)["test_value"]
    assert check.outcome is Outcome.FAILED
    assert check.message.startswith(f"your function raised {kind.__name__}: of # (line ")
    assert "raise kind(" in check.message
    assert check.got == f"{kind.__name__}: of 0.1234"
    assert check.staff_note == ""


ODD = [None, [1.0], "text", 3, {}, object(), torch.ones(2), torch.tensor(1.0), torch.ones(3, 4, dtype=torch.int64)]


@pytest.mark.parametrize("value", ODD, ids=range(len(ODD)))
def test_an_odd_value_over_which_a_check_stumbles_is_the_students_fault(tmp_path, value):
    body = "expect(student.double(draw.logits(3, 4)).softmax(dim=1).sum(dim=0).t()).is_finite()"
    checks = ONE_CHECK.format(body=body).replace(".t()", "")
    check = grade_double(make_assignment(tmp_path, checks=checks), lambda x: value)["test_it"]
    assert check.outcome is Outcome.FAILED
    assert check.message


def test_a_plain_assert_after_a_call_fails_with_the_title_only(tmp_path):
    checks = ONE_CHECK.format(body="assert student.double(1) == 2 + 0")
    assignment = make_assignment(tmp_path, checks=checks)
    check = grade_double(assignment, lambda x: 3)["test_it"]
    assert check.outcome is Outcome.FAILED
    shown = " ".join([check.title, check.message, check.expected, check.got, check.look_at, check.hint])
    assert "assert" not in shown
    assert "2 + 0" in check.staff_note
    assert grade_double(assignment, lambda x: 2)["test_it"].outcome is Outcome.PASSED


class Scripted:
    """A caller whose calls fail as told."""

    def __init__(self, failure):
        self.failure = failure
        self.calls = 0

    def call(self, call):
        self.calls += 1
        raise self.failure

    def close(self):
        pass

    @contextmanager
    def open(self):
        yield self


def test_a_call_that_died_is_failed_with_its_sentence(tmp_path):
    caller = Scripted(CallFailed("your function ended its process", "died"))
    with Suite(make_assignment(tmp_path)) as suite:
        (result,) = suite.grade(caller.open, str)
    assert result.checks[0].message == "your function ended its process"
    assert caller.calls == 3  # value, purity and the rule; the gradient needs the value


def test_after_two_timeouts_the_other_checks_of_the_exercise_are_not_run(tmp_path):
    caller = Scripted(CallFailed("your function ran longer than 10 seconds", "timeout"))
    with Suite(make_assignment(tmp_path)) as suite:
        (result,) = suite.grade(caller.open, str)
    by_name = {check.name: check for check in result.checks}
    assert caller.calls == 2
    assert by_name["test_pure"].outcome is Outcome.FAILED
    assert by_name["test_no_add"].outcome is Outcome.SKIPPED
    assert "ran out of time" in by_name["test_no_add"].message
    assert result.score == 0.0


def test_a_function_that_hangs_here_is_stopped(tmp_path):
    def double(x):
        while True:
            try:
                time.sleep(0.01)
            except BaseException:
                continue

    assignment = make_assignment(tmp_path, checks=ONE_CHECK.format(body="student.double(1)"))
    with Suite(assignment, seconds=0.2) as suite:

        def stubborn(x):
            end = time.monotonic() + 1.5
            while time.monotonic() < end:
                try:
                    time.sleep(0.01)
                except BaseException:
                    raise ValueError from None

        (result,) = suite.grade(local_caller({"double": lambda x: time.sleep(5)}), str)
        (other,) = suite.grade(local_caller({"double": stubborn}), str)
    assert result.checks[0].message == "your function ran longer than 0.2 seconds"
    assert "ValueError" in other.checks[0].message


# --- needs, rules, parameters, points ---------------------------------------------------------------------------------


def test_right_functions_get_all_points(tmp_path):
    (result,) = grade(make_assignment(tmp_path), {"double": lambda x: x * 2})
    assert [check.outcome for check in result.checks] == [Outcome.PASSED] * 4
    assert [check.points for check in result.checks] == [pytest.approx(4 / 3, abs=1e-5)] * 3 + [0.0]
    assert (result.score, result.max_score, result.note) == (4.0, 4.0, "")


def test_checks_keep_their_order_and_know_what_they_are(tmp_path):
    with Suite(make_assignment(tmp_path)) as suite:
        assert [check.id for check in suite.checks] == [
            "double.test_value",
            "double.test_gradient",
            "double.test_pure",
            "double.test_no_add",
        ]
        assert suite.checks[1].needs == ("test_value",)
        assert [check.kind for check in suite.checks] == [Kind.CHECK] * 3 + [Kind.RULE]
        assert suite.checks[0].title == "it is twice the input"


def test_a_check_whose_need_failed_is_skipped_and_says_so(tmp_path):
    checks = grade_double(make_assignment(tmp_path), lambda x: 3 * x)
    assert checks["test_gradient"].outcome is Outcome.SKIPPED
    assert checks["test_gradient"].message == "needs: it is twice the input"
    assert checks["test_pure"].outcome is Outcome.PASSED


def test_a_check_whose_need_is_broken_runs_all_the_same(tmp_path):
    source = CHECKS.replace("x = draw.logits(3, 4)\n", "x = draw.nothing()\n", 1)
    checks = grade_double(make_assignment(tmp_path, checks=source), lambda x: 2 * x)
    assert checks["test_value"].outcome is Outcome.BROKEN
    assert checks["test_gradient"].outcome is Outcome.PASSED
    assert checks["test_gradient"].points == 2.0


def test_a_broken_rule_takes_all_points(tmp_path):
    (result,) = grade(make_assignment(tmp_path), {"double": lambda x: x + x})
    assert result.checks[3].outcome is Outcome.FAILED
    assert "Tensor.add" in result.checks[3].message
    assert result.score == sum(check.points for check in result.checks) == 0.0
    assert "written without add" in result.note


def test_a_rule_is_not_broken_by_a_function_that_raises_anyway(tmp_path):
    def double(x):
        if x.shape == (2, 2):
            return 2 * x
        raise ValueError

    (result,) = grade(make_assignment(tmp_path), {"double": double})
    assert result.checks[3].outcome is Outcome.SKIPPED
    assert result.score == pytest.approx(4 / 3, abs=1e-5)


def test_a_rule_is_broken_by_a_function_that_raises_only_where_it_is_watched(tmp_path):
    calls = []

    def double(x):
        calls.append(1)
        if len(calls) > 3:
            raise ValueError
        return 2 * x

    with Suite(make_assignment(tmp_path)) as suite:

        @contextmanager
        def open_check():  # not local_caller: that forgets what a function keeps between checks
            yield LocalCaller({"double": double})

        (result,) = suite.grade(open_check, str)
    assert result.checks[3].outcome is Outcome.FAILED
    assert result.score == 0.0


def test_parameters_make_several_checks_with_titles_of_their_own(tmp_path):
    source = """
        import pytest
        from autograder import exercise, expect, needs, points

        @pytest.fixture
        def three():
            return 3

        @exercise("double")
        class TestDouble:
            @pytest.mark.parametrize("n", [1, 2])
            def test_n(self, student, draw, n, three):
                \"\"\"it doubles {n}\"\"\"
                assert three == 3
                expect(student.double(n)).equals(2 * n)

            @needs("test_n")
            @points(1)
            def test_more(self, student):
                \"\"\"it doubles more\"\"\"
                expect(student.double(5)).equals(10)
    """
    checks = grade_double(make_assignment(tmp_path, checks=source), lambda x: 2 * x if x != 2 else 5)
    assert [check.title for check in checks.values()] == ["it doubles 1", "it doubles 2", "it doubles more"]
    assert [check.outcome.value for check in checks.values()] == ["passed", "failed", "skipped"]
    assert checks["test_more"].message == "needs: it doubles 2"
    assert [check.max_points for check in checks.values()] == [1.5, 1.5, 1.0]


def test_a_check_that_skips_itself_is_not_checked_and_costs_nothing(tmp_path):
    source = """
        import pytest
        from autograder import exercise, expect

        @exercise("double")
        class TestDouble:
            def test_a(self, student):
                \"\"\"a\"\"\"
                pytest.skip("no such device here")

            @pytest.mark.skipif(True, reason="not on this machine")
            def test_b(self, student):
                \"\"\"b\"\"\"

            def test_c(self, student):
                \"\"\"c\"\"\"
                expect(student.double(1)).equals(2)
    """
    (result,) = grade(make_assignment(tmp_path, checks=source), {"double": lambda x: 2 * x})
    assert [check.outcome.value for check in result.checks] == ["not checked", "not checked", "passed"]
    assert [check.message for check in result.checks[:2]] == ["no such device here", "not on this machine"]
    assert result.score == 4.0


def test_exercises_come_in_the_order_of_the_notebook(tmp_path):
    more = """
    @exercise("shift")
    def test_shift(student):
        \"\"\"it shifts\"\"\"
        expect(student.shift(1, by=2)).equals(3)
    """
    assignment = make_assignment(tmp_path, checks=CHECKS + more, points={"shift": 1.0, "double": 2.0})
    shift, double = grade(assignment, {"shift": lambda x, by: x + by, "double": lambda x: 2 * x})
    assert (shift.name, shift.score, double.name, double.score) == ("shift", 1.0, "double", 2.0)


OUTCOMES = st.sampled_from([Outcome.PASSED, Outcome.FAILED, Outcome.SKIPPED, Outcome.BROKEN, Outcome.NOT_CHECKED])


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(OUTCOMES, st.sampled_from([Kind.CHECK, Kind.CHECK, Kind.RULE])), min_size=1), st.floats(0, 100)
)
def test_points_always_add_up(outcomes, total):
    checks = [
        CheckResult(name=str(number), title="t", kind=kind, outcome=outcome)
        for number, (outcome, kind) in enumerate(outcomes)
    ]
    weights = weights_of([None] * len(checks), total, "place")
    result = score_exercise("e", "t", total, checks, weights)
    counted = [check for check in result.checks if check.kind is Kind.CHECK and check.max_points]
    assert 0 <= result.score <= total + 1e-5
    if counted:
        assert sum(check.points for check in result.checks) == pytest.approx(result.score, abs=1e-4)
        assert sum(check.max_points for check in counted) == pytest.approx(total, abs=1e-4)
    if any(check.kind is Kind.RULE and check.outcome is Outcome.FAILED for check in checks):
        assert result.score == 0.0


# --- seeds, results, digests ------------------------------------------------------------------------------------------


def test_each_check_gets_its_own_seed_and_the_result_keeps_it(tmp_path):
    asked = []

    def seed_for(check):
        asked.append(check)
        return "5eed"

    with Suite(make_assignment(tmp_path)) as suite:
        (result,) = suite.grade(local_caller({"double": lambda x: 2 * x}), seed_for)
    assert asked == ["double.test_value", "double.test_gradient", "double.test_pure", "double.test_no_add"]
    assert {check.seed for check in result.checks} == {"5eed"}


def test_the_same_seed_gives_the_same_result_and_another_seed_other_inputs(tmp_path):
    assignment = make_assignment(tmp_path)
    one, again, other = (grade_double(assignment, lambda x: 3 * x, seed=seed)["test_value"] for seed in "aab")
    assert one.inputs == again.inputs != other.inputs
    assert one.inputs.startswith("double(x)\nx = tensor([[")


def test_random_functions_draw_the_same_as_the_reference(tmp_path):
    solutions = "import torch\ndef double(x):\n    return x + torch.rand(3, 4)"
    checks = grade_double(make_assignment(tmp_path, solutions=solutions), lambda x: x + torch.rand(3, 4))
    assert checks["test_value"].outcome is Outcome.PASSED


def test_a_failure_says_expected_got_and_where_to_look(tmp_path):
    check = grade_double(make_assignment(tmp_path), lambda x: 2 * x + (x == x.max()))["test_value"]
    assert check.message == "1 of 12 entries is wrong"
    assert check.expected.startswith("double(x)[")
    assert check.got
    assert check.look_at == "the factor"


def test_the_digest_changes_with_checks_mistakes_and_references(tmp_path):
    assignment = make_assignment(tmp_path)
    digests = []
    for path in (None, assignment.checks, assignment.mistakes, assignment.solutions):
        if path is not None:
            path.write_text(path.read_text() + "\n# changed\n")
        with Suite(assignment) as suite:
            digests.append(suite.source_digest)
    assert len(set(digests)) == 4


# --- beside other things in one process -------------------------------------------------------------------------------


def test_two_suites_of_one_name_are_open_at_once(tmp_path):
    one = make_assignment(tmp_path / "one")
    two = make_assignment(tmp_path / "two", checks=CHECKS.replace("twice the input", "two times the input"))
    with Suite(one) as first, Suite(two) as second:
        assert first.checks[0].title == "it is twice the input"
        assert second.checks[0].title == "it is two times the input"
        for suite in (first, second, first):
            (result,) = suite.grade(local_caller({"double": lambda x: 2 * x}), str)
            assert result.score == 4.0
    with Suite(one) as third:
        assert third.checks[0].title == "it is twice the input"


def test_a_module_of_the_same_name_is_neither_used_nor_lost(tmp_path, monkeypatch):
    other = ModuleType("assignments.little.checks")
    for name in ("assignments", "assignments.little", "assignments.little.checks"):
        monkeypatch.setitem(sys.modules, name, other)
    (result,) = grade(make_assignment(tmp_path), {"double": lambda x: 2 * x})
    assert result.score == 4.0
    assert sys.modules["assignments.little.checks"] is sys.modules["assignments"] is other


def test_a_suite_leaves_the_interpreter_as_it_was(tmp_path):
    assignment = make_assignment(tmp_path)
    Suite(assignment).close()
    before = (dict(sys.modules), list(sys.meta_path), list(sys.path), dict(os.environ), list(warnings.filters))
    with Suite(assignment) as suite:
        suite.grade(local_caller({"double": lambda x: 3 * x}), str)
        during = (dict(sys.modules), list(sys.meta_path), list(sys.path), dict(os.environ), list(warnings.filters))
        assert during == before
    assert not list(tmp_path.rglob("__pycache__"))
    assert not list(tmp_path.rglob(".pytest_cache"))


def test_warnings_in_a_check_are_no_errors_even_where_ours_are(tmp_path):
    body = 'import warnings; warnings.warn("careful"); expect(student.double(1)).equals(2)'

    def double(x):
        warnings.warn("mine", stacklevel=1)
        return 2 * x

    assert (
        grade_double(make_assignment(tmp_path, checks=ONE_CHECK.format(body=body)), double)["test_it"].outcome
        == "passed"
    )


def test_settings_of_pytest_in_the_environment_or_a_folder_do_not_reach_the_suite(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTEST_ADDOPTS", "--nonsense")
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = --nonsense\n")
    (tmp_path / "conftest.py").write_text("raise SystemExit\n")
    (result,) = grade(make_assignment(tmp_path), {"double": lambda x: 2 * x})
    assert result.score == 4.0


def test_fixtures_of_wider_scope_live_for_one_run_of_one_check(tmp_path):
    source = """
        import pytest
        from autograder import exercise, expect

        made = []

        @pytest.fixture(scope="module")
        def number():
            made.append(1)
            yield len(made)

        @exercise("double")
        class TestDouble:
            def test_a(self, student, number):
                \"\"\"a\"\"\"
                assert not hasattr(self, "kept")
                self.kept = True
                expect(student.double(number)).equals(2 * number)
    """
    with Suite(make_assignment(tmp_path, checks=source)) as suite:
        for _ in range(3):
            (result,) = suite.grade(local_caller({"double": lambda x: 2 * x}), str)
            assert result.score == 4.0


def test_a_grading_in_a_process_without_pytest_around_it_works(tmp_path):
    make_assignment(tmp_path)
    code = (
        "import sys; from pathlib import Path; from little_assignment import make_assignment, grade;"
        f"r, = grade(make_assignment(Path({str(tmp_path)!r})), {{'double': lambda x: 2 * x}}); print(r.score)"
    )
    here = str(Path(__file__).parent)
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": here}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, env=environment, check=False
    )
    assert (done.stdout.strip(), done.returncode) == ("4.0", 0), done.stderr


def test_many_submissions_are_fast(tmp_path):
    with Suite(make_assignment(tmp_path)) as suite:
        open_check = local_caller({"double": lambda x: 2 * x})
        suite.grade(open_check, str)
        start = time.perf_counter()
        for _ in range(10):
            suite.grade(open_check, str)
        assert (time.perf_counter() - start) / 10 < 0.2  # about 0.012 on a quiet core

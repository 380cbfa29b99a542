"""A sketch keeps of a wrong answer what makes equal ones equal, on inputs that the class shares."""

from __future__ import annotations

import pytest
from little_assignment import make_assignment

from autograder.checks.sketch import without_numbers
from autograder.checks.suite import Suite, local_caller


def triple(x):
    return 3 * x


def triple_in_another_way(values):
    return values + values + values


def quadruple(x):
    return 4 * x


def raises_five(x):
    raise ValueError(f"not {float(x.sum())}")


def stub(x):
    raise NotImplementedError


def trace(tmp_path, function, student: str, shared: str = "5e" * 32) -> str:
    """The trace of the first check of `double`, as one student's submission gives it."""
    with Suite(make_assignment(tmp_path)) as suite:
        seed = student.encode().hex().ljust(64, "0")
        (result,) = suite.grade(
            local_caller({"double": function}), lambda _: seed, explain_failures=False, shared_seed_for=lambda _: shared
        )
    return result.checks[0].trace


def test_equal_answers_have_one_sketch_whoever_gives_them_and_however_they_are_written(tmp_path):
    assert trace(tmp_path, triple, "amina") == trace(tmp_path, triple_in_another_way, "lukas") != ""


def test_other_answers_have_another_sketch(tmp_path):
    assert trace(tmp_path, triple, "amina") != trace(tmp_path, quadruple, "amina")


def test_an_exception_is_sketched_without_its_numbers(tmp_path):
    found = trace(tmp_path, raises_five, "amina")
    assert "ValueError: not #" in found
    assert found == trace(tmp_path, raises_five, "lukas")


@pytest.mark.parametrize("function", [stub, lambda x: 2 * x])
def test_stubs_and_right_answers_are_not_sketched(tmp_path, function):
    assert trace(tmp_path, function, "amina") == ""


def test_numbers_of_every_form_are_taken_out():
    assert without_numbers("mat1 (3x4) at -1.5e-07\nsecond line") == "mat# (#x#) at #"

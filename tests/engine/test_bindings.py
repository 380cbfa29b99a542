"""Which object is graded, told by small notebooks."""

from __future__ import annotations

import ast
import contextlib
from typing import Any

import pytest

from autograder.engine.bindings import LOOK, Bindings

STUB = '''
def accuracy(logits, labels):
    """The share of rows whose largest logit is the label's."""
    # YOUR CODE HERE
    raise NotImplementedError()
'''
RIGHT = "def accuracy(logits, labels):\n    return 0.5"


def graded(*cells: str, stub: str = STUB) -> tuple[Any, int | None]:
    """The object that is graded for `accuracy` after these cells, and the cell that bound it."""
    namespace: dict[str, Any] = {"__name__": "__main__"}
    bindings = Bindings(namespace, ["accuracy"], {"accuracy": stub})
    namespace[LOOK] = bindings.look
    for index, source in enumerate(cells):
        bindings.cell = index
        tree = bindings.transformer().visit(ast.parse(source))
        with contextlib.suppress(ZeroDivisionError):
            exec(compile(ast.fix_missing_locations(tree), f"<cell {index}>", "exec"), namespace)
        bindings.look()
    defined = bindings.settle()
    return namespace.get("accuracy"), defined["accuracy"]


def value_of(graded_object: Any) -> Any:
    return graded_object(None, None)


def test_a_name_that_was_never_bound_is_not_defined() -> None:
    assert graded("x = 1") == (None, None)


def test_a_name_bound_to_a_number_only_is_not_defined() -> None:
    assert graded("accuracy = 0.9")[1] is None


def test_the_untouched_stub_is_graded_as_what_it_is() -> None:
    function, cell = graded(STUB)
    assert cell == 0
    with pytest.raises(NotImplementedError):
        value_of(function)


@pytest.mark.parametrize(
    "cells",
    [
        (RIGHT,),
        (RIGHT, "accuracy = accuracy(1, 2)"),
        (RIGHT + "\naccuracy = accuracy(1, 2)",),
        (RIGHT + "\naccuracy = accuracy(1, 2)\naccuracy = 3",),
        (RIGHT, STUB),
        (RIGHT, "del accuracy"),
        (RIGHT + "\n1 / 0",),
        (RIGHT, "class Scratch:\n    def __call__(self, *args):\n        return 7\naccuracy = Scratch()"),
        (RIGHT, "from math import sqrt as accuracy"),
        (RIGHT, "accuracy = print"),
        (STUB, RIGHT),
        ("accuracy = lambda logits, labels: 0.5",),
        ("def mine(logits, labels):\n    return 0.5\naccuracy = mine",),
        ("if True:\n    def accuracy(a, b):\n        return 0.5\n    accuracy_of_mine = 1",),
        ("class accuracy(float):\n    def __new__(cls, a, b):\n        return 0.5", "accuracy = 1"),
        ("import functools\n@functools.lru_cache\ndef accuracy(a, b):\n    return 0.5", "accuracy = 1"),
    ],
    ids=range(16),
)
def test_the_function_that_the_student_wrote_is_graded(cells: tuple[str, ...]) -> None:
    function, cell = graded(*cells)
    assert value_of(function) == 0.5
    assert cell is not None


def test_the_last_of_several_functions_counts() -> None:
    function, cell = graded("def accuracy(a, b):\n    return 1", "x = 2", "def accuracy(a, b):\n    return 2")
    assert (value_of(function), cell) == (2, 2)


def test_a_ready_made_function_counts_where_nothing_else_was_made() -> None:
    function, cell = graded("from math import hypot as accuracy")
    assert (function(3, 4), cell) == (5.0, 0)


def test_a_stub_with_other_comments_and_layout_is_still_the_stub() -> None:
    function, _ = graded(RIGHT, STUB.replace("# YOUR CODE HERE", "# TODO\n    # later"))
    assert value_of(function) == 0.5


def test_a_changed_stub_is_the_students() -> None:
    function, _ = graded(RIGHT, STUB.replace("raise NotImplementedError()", "return 7"))
    assert value_of(function) == 7


def test_a_stub_that_cannot_be_parsed_is_no_stub() -> None:
    function, _ = graded(RIGHT, stub="def accuracy(")
    assert value_of(function) == 0.5


def test_a_class_that_lies_about_its_module_does_no_harm() -> None:
    source = "class Meta(type):\n    @property\n    def __module__(cls):\n        1 / 0\n"
    assert graded(source + "class accuracy(metaclass=Meta):\n    pass")[1] == 0

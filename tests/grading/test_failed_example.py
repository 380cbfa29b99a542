"""The visible example that failed: which part of it is shown to be pasted."""

from __future__ import annotations

from typing import Any

import pytest

from autograder.grading.failed_example import failed_example, least_code

CELL = """\
x = torch.ones(2)  # the input
unused = 3
y = double(x)
assert y is not None, "nothing came back"
torch.testing.assert_close(x, x)
with torch.no_grad():
    y += 1
for value in y:
    assert value == 2
print("fine")
"""
LEAST = """\
x = torch.ones(2)  # the input
y = double(x)
with torch.no_grad():
    y += 1
for value in y:
    assert value == 2"""


def error(line: int, name: str = "AssertionError", value: str = "no") -> dict[str, Any]:
    frames = ["Traceback", f"Cell In[7], line {line}\n----> {line} assert", "Cell In[3], line 99, in double(x)"]
    return {"output_type": "error", "ename": name, "evalue": value, "traceback": frames}


@pytest.mark.parametrize(
    "outputs",
    [
        [],
        [{"output_type": "stream", "name": "stdout", "text": "fine"}],
        [error(3, "NotImplementedError", "")],
        [error(300)],
        [{"output_type": "error", "ename": "CellDied", "evalue": "", "traceback": ["CellDied"]}],
    ],
)
def test_an_example_that_did_not_fail_in_a_line_of_its_own_is_not_shown(outputs: list[dict[str, Any]]) -> None:
    assert failed_example(CELL, outputs) is None


def test_what_is_no_python_is_not_shown() -> None:
    assert failed_example("%%bash\nx = = 2", [error(1)]) is None


def test_the_statement_that_failed_stands_below_what_it_needs() -> None:
    found = failed_example(CELL, [error(9, value="value is 3")])
    assert found is not None
    assert found.code == LEAST
    assert found.error == "AssertionError: value is 3"


def test_an_exception_without_words_has_no_colon() -> None:
    found = failed_example(CELL, [error(3, "ValueError", "")])
    assert found is not None
    assert found.error == "ValueError"


def test_a_statement_that_needs_nothing_stands_alone() -> None:
    assert least_code("a = 1\nassert double(1) == 2\n", 2) == "assert double(1) == 2"

"""Equal wrong answers that no mistake explains become clusters; others do not."""

from __future__ import annotations

import ast

import pytest
from made_class import wrong
from made_results import check, exercise, result

from autograder.checks.mistakes import mistake
from autograder.model import Outcome
from autograder.report.class_report.clusters import unexplained

RIGHT_SHAPE = '[["softmax: torch.float32 (5, 7)",[{},0.5,-0.25]]]'
SUMS = "def softmax(logits):\n    '''Mine, lukas.'''\n    # by lukas\n    return logits.exp() / logits.exp().sum()\n"


def test_what_no_mistake_explains_and_only_one_did_is_counted_alone() -> None:
    found = unexplained([wrong("a", "3 of 15 entries are wrong"), wrong("b", "it is a list")])
    assert (found.clusters, found.alone) == ((), 2)


def test_what_a_mistake_explains_is_no_news() -> None:
    known = [wrong(name, "wrong", mistake="sums_over_the_batch") for name in "abc"]
    assert unexplained(known).clusters == ()


def test_stubs_and_loops_are_no_clusters() -> None:
    stubs = [wrong(name, "`softmax` is not written yet") for name in "abc"]
    loops = [wrong(name, "`softmax` ran longer than 4 seconds") for name in "def"]
    found = unexplained(stubs + loops)
    assert (found.clusters, found.alone) == ((), 0)


def test_numbers_that_differ_by_rounding_are_one_answer() -> None:
    found = unexplained([wrong("a", "x", RIGHT_SHAPE.format(2.5)), wrong("b", "y", RIGHT_SHAPE.format(2.50004))])
    assert [one.students for one in found.clusters] == [("a", "b")]


@pytest.mark.parametrize("other", [RIGHT_SHAPE.format(2.6), RIGHT_SHAPE.format(2.5).replace("(5, 7)", "(7, 5)"), "[]"])
def test_other_numbers_and_other_shapes_are_other_answers(other: str) -> None:
    found = unexplained([wrong("a", "x", RIGHT_SHAPE.format(2.5)), wrong("b", "x", other)])
    assert (found.clusters, found.alone) == ((), 2)


def test_without_a_trace_the_message_stands_in_its_numbers_taken_out() -> None:
    found = unexplained([wrong("a", "3 of 15 entries are wrong"), wrong("b", "8 of 40 entries are wrong")])
    assert found.clusters[0].said == ("# of # entries are wrong",)


def test_the_same_message_in_other_checks_is_another_answer() -> None:
    one = wrong("a", "it is wrong")
    two = result(exercise(check(), check(Outcome.FAILED, name="test_other", message="it is wrong")), student="b")
    assert unexplained([one, two]).clusters == ()


def test_the_largest_comes_first() -> None:
    found = unexplained([wrong(n, "one") for n in "ab"] + [wrong(n, "two") for n in "cde"])
    assert [one.size for one in found.clusters] == [3, 2]


def test_ways_of_writing_are_counted_whatever_the_names() -> None:
    same = SUMS.replace("logits", "scores")
    other = "def softmax(z):\n    total = z.exp().sum()\n    return z.exp() / total\n"
    found = unexplained([wrong(name, "x", code=code) for name, code in (("a", SUMS), ("b", same), ("c", other))])
    assert found.clusters[0].ways == 2


def test_the_draft_is_python_that_the_catalogue_takes_and_names_nobody() -> None:
    found = unexplained([wrong("lukas", "x", code=SUMS), wrong("lukas_2", "x", code=SUMS)])
    draft = found.clusters[0].draft
    assert "lukas" not in draft
    assert isinstance(ast.parse(draft).body[-1], ast.FunctionDef)
    assert '@mistake("softmax", hint="...")\ndef this_mistake(logits):' in draft
    exec(compile(draft, "mistakes.py", "exec"), {"mistake": mistake})


def test_code_that_is_not_python_has_no_draft() -> None:
    found = unexplained([wrong(name, "x", code="def softmax(:") for name in "ab"])
    assert (found.clusters[0].draft, found.clusters[0].size) == ("", 2)

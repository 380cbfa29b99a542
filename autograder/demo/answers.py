"""What made-up students answer in a quiz: right, a typical mistake, a wrong form, another's variant, or nothing."""

from __future__ import annotations

import random
from collections.abc import Sequence
from enum import StrEnum

from autograder.course import Assignment
from autograder.quiz.bank import BuiltQuestion

SEED = 20262
WORDS = (
    "The network has learned its training photographs by heart: more epochs would make that worse, not better. I would "
    "stop early, and gather more photographs, since what is rare cannot be learned by heart so easily."
)


class Reply(StrEnum):
    """What stands in the cell of a question."""

    RIGHT = "right"
    MISTAKE = "a typical mistake"
    WRONG_FORM = "a wrong form"
    OTHERS = "the right answer to another student's variant"
    NOTHING = "nothing"


def replies(questions: Sequence[BuiltQuestion], assignment: str, student: str) -> dict[str, Reply]:
    """What a student replies to each question. Some are better than others, in every quiz."""
    ability = random.Random(f"{SEED}/{student}").uniform(0.45, 0.97)
    rng = random.Random(f"{SEED}/{student}/{assignment}")
    kinds = list(Reply)
    rest = 1 - ability
    weights = (ability, 0.6 * rest, 0.1 * rest, 0.1 * rest, 0.2 * rest)
    return {question.name: rng.choices(kinds, weights)[0] for question in questions}


def sources(
    questions: Sequence[BuiltQuestion], assignment: Assignment, student: str, given: dict[str, Reply]
) -> dict[str, str]:
    """The cells that a student fills in, by their ids."""
    found = {"student": f'STUDENT = "{student}"'} if given else {}
    for question in questions:
        typed = _typed(question, assignment.name, student, given.get(question.name, Reply.NOTHING))
        if typed:
            found[question.name] = f"{question.name} = {typed}"
    if given:
        found |= {one.name: f"{one.text}\n\n{WORDS}" for one in assignment.by_hand}
    return found


def _typed(question: BuiltQuestion, assignment: str, student: str, reply: Reply) -> str:
    number = question.number_for(assignment, student, is_personal=True)
    own = question.variants[number]
    if reply is Reply.RIGHT:
        return own.typed(own.right)
    if reply is Reply.MISTAKE and own.wrongs:
        return own.typed(own.wrongs[len(student) % len(own.wrongs)].answer)
    if reply is Reply.WRONG_FORM and own.misshapen:
        return repr(own.misshapen[0])
    if reply is Reply.OTHERS:
        right = own.typed(own.right)
        others = (variant.typed(variant.right) for variant in question.variants)
        return next((typed for typed in others if typed != right), right)
    return ""

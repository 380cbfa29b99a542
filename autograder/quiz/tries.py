"""Several tries at a question: which one this is, what each was worth, and which counts.

A try is over when feedback on it was written: an answer that is changed after that is a further try. The best counts,
each at its points less the penalty for those before it. What is not answered, or cannot be read, is no try.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from autograder.config import QuizSettings
from autograder.model import QuestionResult, QuestionState, Try

COUNTED = (QuestionState.RIGHT, QuestionState.PARTLY, QuestionState.WRONG)


def settle(result: QuestionResult, tries: Iterable[Try], rules: QuizSettings) -> QuestionResult:
    """The result with the number of its try, and the points of the best. `tries`: those at any question until now."""
    is_try = result.state in COUNTED
    over = _over((one for one in tries if one.question == result.name), result.answer if is_try else None)
    number = len(over) + 1
    worth = [one.share * _left(one.number, rules) for one in over]
    own = result.share * _left(number, rules) if is_try else 0.0
    best = max([own, *worth])
    return msgspec.structs.replace(
        result,
        attempt=number if is_try else 0,
        score=round(best * result.max_score, 6),
        message="; ".join([result.message, *_remarks(number, is_try, own, worth, rules)]),
    )


def _over(tries: Iterable[Try], answer: str | None) -> list[Try]:
    """The tries before this one: not the one that feedback was never written on, nor the one with the same answer."""
    over = [one for one in sorted(tries, key=lambda one: one.number) if one.has_feedback]
    if over and over[-1].answer == answer:
        over.pop()
    return over


def _left(number: int, rules: QuizSettings) -> float:
    """The share of the points that a try can gain."""
    if rules.attempts and number > rules.attempts:
        return 0.0
    return max(0.0, 1 - rules.penalty * (number - 1))


def _remarks(number: int, is_try: bool, own: float, worth: list[float], rules: QuizSettings) -> list[str]:
    """What a student is told about the tries, once there is more than one."""
    if not worth:
        return []
    remarks = []
    if is_try and rules.attempts and number > rules.attempts:
        remarks.append(f"this is try {number} of {rules.attempts}, which counts no more")
    elif is_try:
        worth_now = f"{_left(number, rules):.0%}"
        remarks.append(
            f"this is try {number}{f' of {rules.attempts}' if rules.attempts else ''}"
            f"{f', worth {worth_now} of the points' if rules.penalty else ''}"
        )
    if max(worth) > own:
        remarks.append(f"your try {worth.index(max(worth)) + 1} was better, and counts")
    return remarks

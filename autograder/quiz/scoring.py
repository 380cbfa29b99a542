"""From the cells of a submission to the results of its questions.

Literals are compared on the grader side. Computed answers and formulas are evaluated where student code runs, in a fork
of the executed notebook, and only their values come over.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

import msgspec

from autograder.engine.calls import Call, CallFailed, CallReport, Handle
from autograder.model import QuestionResult, QuestionState
from autograder.quiz.answers import LONGEST_TEXT, AnswerCell, Given, find_answer, is_function, read_literal
from autograder.quiz.bank import BuiltQuestion
from autograder.quiz.texts import Expression
from autograder.quiz.variant import Scored, Variant

EVALUATE = "get_ipython.__self__.ev"  # IPython's own, in the student's namespace
PLAIN = (  # what no wire carries, made plain where it lies
    "(lambda a, kind: sorted(a, key=str) if kind in ('set', 'frozenset') else str(a) if kind in ('dtype', 'device') "
    "else a.tolist() if hasattr(a, 'tolist') else a)({name}, type({name}).__name__)"
)
NO_ANSWER = "not answered"
ANOTHER = "it fits a variant that is not yours: is STUDENT, in the first code cell, your own user name?"


class Fork(Protocol):
    """One fork of the executed notebook."""

    def call(self, call: Call) -> CallReport:
        """Carry out a call. Raises CallFailed."""


OpenFork = Callable[[], AbstractContextManager[Fork]]


class NotComputedError(Exception):
    """A computed answer has no value. The text says why, to the student."""


def grade_questions(
    questions: Sequence[BuiltQuestion],
    cells: Callable[[str], Iterable[AnswerCell]],
    open_fork: OpenFork,
    variant_of: Callable[[BuiltQuestion], int],
    seed_for: Callable[[str], str],
    named: str = "",
    named_variant_of: Callable[[BuiltQuestion], int] | None = None,
) -> tuple[QuestionResult, ...]:
    """Grade every question. Nothing that a student wrote makes it raise.

    cells: the code cells of the submission, with the own one of the question of that name. variant_of: the student's.
    named: another student, whose name the notebook bears; named_variant_of: that one's variants.
    """
    results = []
    for question in questions:
        given = find_answer(question.name, cells(question.name))
        judge = _Judge(question, given, open_fork, seed_for(question.name))
        result = _grade(question, given, judge, variant_of(question))
        if result.state in (QuestionState.WRONG, QuestionState.PARTLY):
            whose = named_variant_of(question) if named_variant_of is not None else None
            result = _compared(result, question, judge, named, whose)
        results.append(result)
    return tuple(results)


def _grade(question: BuiltQuestion, given: Given, judge: _Judge, number: int) -> QuestionResult:
    variant = question.variants[number]
    result = QuestionResult(
        name=question.name,
        title=question.title,
        variant=number,
        score=0.0,
        max_score=question.points,
        answer=given.text,
        prompt=variant.asked(question.name),
        right_answer=variant.typed(variant.right),
        explanation=variant.explanation.strip(),
    )
    if not given.is_answered:
        state = QuestionState.WRONG_FORM if given.trouble else QuestionState.UNANSWERED
        return _changed(result, state=state, message=given.trouble or NO_ANSWER)
    try:
        scored = judge.score(variant)
    except NotComputedError as error:
        return _changed(result, state=QuestionState.WRONG_FORM, message=str(error))
    message = scored.remark
    if not scored.is_read:
        message = f"this answer cannot be read; {scored.remark}"
    if given.others:
        message += f"; answered more than once: the last answer counts, not {', '.join(given.others)[:LONGEST_TEXT]}"
    return _changed(
        result,
        score=round(scored.share * question.points, 6),
        share=scored.share,
        state=_state(scored),
        message=message,
        hint=scored.hint,
        answered_twice=bool(given.others),
    )


def _compared(
    result: QuestionResult, question: BuiltQuestion, judge: _Judge, named: str, whose: int | None
) -> QuestionResult:
    """A wrong answer, held against the variants of other students; staff are told when it is right for one.

    Where many answers are wrong by chance (a letter of four) only the variant of the student named tells something, and
    a typical mistake is no sign of anything.
    """
    if whose is not None and whose != result.variant and judge.is_right_for(whose):
        who = f'of "{named}", who is named in the notebook (variant {whose}, not {result.variant})'
    else:
        is_telling = question.variants[result.variant].is_telling and not result.hint
        fits = [
            n for n in range(len(question.variants)) if n != result.variant and is_telling and judge.is_right_for(n)
        ]
        if not fits:
            return result
        who = f"of another student (variant {fits[0]}, not {result.variant})"
    note = f'question "{question.name}": answered the variant {who}'
    return _changed(result, message=f"{result.message}; {ANOTHER}", staff_note=note)


def _state(scored: Scored) -> QuestionState:
    if not scored.is_read:
        return QuestionState.WRONG_FORM
    if scored.share >= 1:
        return QuestionState.RIGHT
    return QuestionState.PARTLY if scored.share > 0 else QuestionState.WRONG


class _Judge:
    """One answer, held against any variant of its question. It is fetched once."""

    def __init__(self, question: BuiltQuestion, given: Given, open_fork: OpenFork, seed: str) -> None:
        self._question = question
        self._given = given
        self._open_fork = open_fork
        self._seed = seed
        self._fetched: dict[str, Any] = {}

    def score(self, variant: Variant) -> Scored:
        """What the answer is worth for this variant. Raises NotComputedError."""
        if isinstance(variant, Expression):
            return self._score_formula(variant)
        try:
            value = read_literal(self._given.node)
        except ValueError:
            value = self._fetch(PLAIN.format(name=self._question.name))
        return _graded(variant, value)

    def is_right_for(self, number: int) -> bool:
        """Is it the whole right answer to this variant?"""
        try:
            return self.score(self._question.variants[number]).share >= 1
        except NotComputedError:
            return False

    def _score_formula(self, variant: Expression) -> Scored:
        name, node = self._question.name, self._given.node
        try:
            text, is_text = read_literal(node), True
        except ValueError:
            text, is_text = (ast.unparse(node) if node is not None and is_function(node) else name), False
        if not is_text and text == name and isinstance(computed := self._computed_text(name), str):
            text, is_text = computed, True
        if is_text and (problem := variant.form_problem(text)):
            return Scored(0.0, problem, is_read=False)
        try:
            program = variant.program(text, self._seed, is_function=not is_text or text.lstrip().startswith("lambda"))
        except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
            return Scored(0.0, f"it cannot be read as a formula: {error}", is_read=False)
        return variant.grade_values(self._fetch(program), self._seed)

    def _computed_text(self, name: str) -> Any:
        return self._fetch(f"{name} if isinstance({name}, str) else 0")

    def _fetch(self, program: str) -> Any:
        """The value of an expression in the executed notebook."""
        if program not in self._fetched:
            self._fetched[program] = _evaluate(self._open_fork, program)
        return self._fetched[program]


def _evaluate(open_fork: OpenFork, program: str) -> Any:
    try:
        with open_fork() as fork:
            report = fork.call(Call(EVALUATE, (program,)))
    except CallFailed as failed:
        reason = failed.reason.replace(f"`{EVALUATE}`", "the computation")
        raise NotComputedError(f"this answer was computed, and could not be fetched: {reason}") from None
    if report.error is not None:
        said = " ".join(f"{report.error.type_name}: {report.error.message}".split())[:300]
        raise NotComputedError(f"this answer has to be computed, and that ends with {said}")
    if isinstance(report.value, Handle):
        raise NotComputedError(f"this answer is a {report.value.type_name}, which cannot be read")
    return report.value


def _graded(variant: Variant, value: Any) -> Scored:
    """The score of a value that a student chose: whatever it does to a comparison, it is a wrong form."""
    try:
        return variant.grade(value)
    except (ArithmeticError, ValueError, TypeError, RecursionError, MemoryError):
        return Scored(0.0, "it is not of the form that is asked for", is_read=False)


def _changed(result: QuestionResult, **changes: Any) -> QuestionResult:
    return msgspec.structs.replace(result, **changes)

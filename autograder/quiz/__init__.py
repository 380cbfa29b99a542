"""Quizzes: questions that are computed and personal, whose answers are read and never leave the grader.

variant: what every kind has; values, texts, lists: the kinds; authoring: what answers are computed with; bank: quiz.py
and @question; released: what runs in the notebook; answers: what a student answered; scoring: what it is worth; tries:
which of several answers counts; verify: are the questions right?
"""

from autograder.quiz.authoring import first, names_after, printed, runs, value_of
from autograder.quiz.bank import BuiltQuestion, QuizDraw, load_quiz, question
from autograder.quiz.lists import Choice, Choices, Match, Order
from autograder.quiz.texts import Expression, Printed, ShortText
from autograder.quiz.values import Device, Dtype, Integer, Number, Shape, TensorValue, TrueFalse
from autograder.quiz.variant import Variant

__all__ = [
    "BuiltQuestion",
    "Choice",
    "Choices",
    "Device",
    "Dtype",
    "Expression",
    "Integer",
    "Match",
    "Number",
    "Order",
    "Printed",
    "QuizDraw",
    "Shape",
    "ShortText",
    "TensorValue",
    "TrueFalse",
    "Variant",
    "first",
    "load_quiz",
    "names_after",
    "printed",
    "question",
    "runs",
    "value_of",
]

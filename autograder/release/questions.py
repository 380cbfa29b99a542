"""The cells of a quiz in a released notebook: who answers, the prompts of all variants, the answers, their form checks.

What is released tells which variant is whose, and nothing of what is right. The functions in the cell that starts a
quiz are those of `quiz/released.py`, word by word.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import Any

from autograder.course import Assignment
from autograder.quiz import released
from autograder.quiz.bank import BuiltQuestion

STUDENT_CELL = """\
import os

# Each question has variants, and your user name chooses yours.
# Not on JupyterHub? Write your user name here: STUDENT = "ada"
# Then run all cells to see your questions.
STUDENT = os.environ.get("JUPYTERHUB_USER", "")
"""
START = "# What the questions below need. Nothing in here knows an answer."
SHOW = '''\
def show_question(name, prompts):
    """Show the variant of a question that is yours."""
    if not STUDENT:
        raise PlainError("write your user name into the cell that begins with `import os`, then run all cells again")
    display(Markdown(prompts[variant_number({assignment!r}, name, STUDENT, len(prompts))]))'''


def prompt_id(name: str) -> str:
    """The cell that shows a question. No exercise has a name with a hyphen."""
    return f"{name}-question"


def student_source() -> str:
    """The cell in which the student is named."""
    return STUDENT_CELL.rstrip("\n")


def start_source(assignment: Assignment, questions: Iterable[BuiltQuestion], *, is_personal: bool) -> str:
    """The cell that defines what the other cells of the quiz call."""
    forms = dict.fromkeys(type(question.variants[0]).form for question in questions)
    functions: list[Callable[..., Any]] = [released.plain, released.PlainError, released.check_form, *forms]
    imports = ["from typing import Any"]
    if is_personal:
        functions.insert(0, released.variant_number)
        imports = ["import hashlib", *imports, "", "from IPython.display import Markdown, display"]
    parts = [inspect.getsource(function).rstrip() for function in functions]
    if is_personal:
        parts.append(SHOW.format(assignment=assignment.name))
    return "\n\n\n".join(["\n".join([START, *imports]), *parts])


def prompts_source(question: BuiltQuestion) -> str:
    """The cell that shows a student's variant."""
    prompts = "\n".join(f"    {_text(variant.asked(question.name))}," for variant in question.variants)
    return f'show_question("{question.name}", [\n{prompts}\n])'


def answer_source(question: BuiltQuestion) -> str:
    """The cell in which the answer is written."""
    return f"{question.name} = ..."


def form_source(question: BuiltQuestion) -> str:
    """The locked cell below the answer."""
    variant = question.variants[0]
    details = "".join(f", {detail!r}" for detail in variant.details)
    return f"check_form({question.name!r}, {question.name}, {type(variant).form.__name__}{details})"


def _text(prompt: str) -> str:
    """A prompt as a string literal that can be read where that is possible."""
    is_plain = '"""' not in prompt and "\r" not in prompt and not prompt.endswith(('"', "\\"))
    return f'r"""{prompt}"""' if is_plain else repr(prompt)

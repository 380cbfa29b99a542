"""Questions written for Canvas, Moodle and GIFT, read back by readers that share nothing with the writers.

What the system makes of an answer is what we make of it: for every kind, in the real quizzes too.
"""

from __future__ import annotations

import functools
import html
import itertools
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import moodle_xml_parser.parser
import pytest
from quiz_course import QUIZ, write_quiz
from read_back import QtiItem, QtiPackage, Read, markdown_words, read_gift_by_rule, read_moodle, rounded, typed, words
from typer.testing import CliRunner

from autograder.cli import app
from autograder.course import Course, load_course
from autograder.quiz import (
    BuiltQuestion,
    Choice,
    Choices,
    Integer,
    Match,
    Number,
    Order,
    TensorValue,
    TrueFalse,
    Variant,
    load_quiz,
)
from autograder.quiz.export import Bank, Target, bank_of
from autograder.quiz.export.canvas import qti_package
from autograder.quiz.export.gift import gift_text
from autograder.quiz.export.moodle import moodle_xml

ROOT = Path(__file__).parents[2]
QUIZZES = ("tensor_quiz", "foundations_quiz", "training_quiz")
MANY = 3  # variants of each question


@functools.cache
def real_quiz(name: str) -> tuple[BuiltQuestion, ...]:
    return load_quiz(load_course(ROOT).assignment(name))


def real_bank(name: str, target: Target) -> tuple[Bank, dict[str, Variant]]:
    return numbered(bank_of(load_course(ROOT).assignment(name), real_quiz(name), target, MANY), real_quiz(name))


def numbered(bank: Bank, questions: tuple[BuiltQuestion, ...]) -> tuple[Bank, dict[str, Variant]]:
    """A bank and its variants by the names of its items."""
    return bank, {f"{q.name} {n}": variant for q in questions for n, variant in enumerate(q.variants[:MANY], 1)}


@pytest.fixture(scope="module")
def kinds_quiz(course: Course) -> tuple[BuiltQuestion, ...]:
    return load_quiz(course.assignment("kinds"))


@pytest.fixture(params=["kinds", *QUIZZES])
def bank_for(request: pytest.FixtureRequest, course: Course, kinds_quiz: tuple[BuiltQuestion, ...]) -> Any:
    """From a target to a bank and its variants: of a question of every kind, and of the real quizzes."""
    if request.param != "kinds":
        return lambda target: real_bank(request.param, target)
    return lambda target: numbered(bank_of(course.assignment("kinds"), kinds_quiz, target, MANY), kinds_quiz)


def grader(*arguments: str | Path) -> Any:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


# --- What cannot go ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["release", "release/kinds", "feedback/ada", "assignments/kinds/data", "link"])
def test_answers_are_not_written_where_students_read(place: str, course: Course, tmp_path: Path) -> None:
    (course.root / place).mkdir(parents=True, exist_ok=True) if place != "link" else None
    folder = course.root / place
    if place == "link":
        folder = tmp_path / "link"
        folder.symlink_to(course.root / "release")
    result = grader("-C", course.root, "bank", "export", "kinds", "--to", "gift", "--out", folder / "bank.txt")
    assert result.exit_code == 2
    assert ", which students get, and the file holds the answers; name another" in result.stderr
    assert not (folder / "bank.txt").exists()


def test_a_file_that_exists_is_not_replaced(course: Course, tmp_path: Path) -> None:
    (tmp_path / "quiz.py").write_text("mine")
    result = grader("-C", course.root, "bank", "export", "kinds", "--to", "gift", "--out", tmp_path / "quiz.py")
    assert result.exit_code == 2
    assert "exists; remove it or name another" in result.stderr
    assert (tmp_path / "quiz.py").read_text() == "mine"


def test_a_quiz_of_which_nothing_can_go_writes_nothing(tmp_path: Path) -> None:
    formula = QUIZ[QUIZ.index('@question("formula"') : QUIZ.index('@question("order"')]
    head = "from autograder import question\nfrom autograder.quiz import *\n\n\n"
    write_quiz(tmp_path, head + formula, '# %% question="formula"\n')
    result = grader("-C", tmp_path, "bank", "export", "kinds", "--to", "qti")
    assert result.exit_code == 2
    assert "no question can go; nothing is written" in result.stderr
    assert not (tmp_path / "exports").exists()


@pytest.mark.parametrize("target", list(Target))
def test_a_formula_is_refused_by_name(target: Target, course: Course) -> None:
    result = grader("-C", course.root, "bank", "export", "kinds", "--to", target.value)
    assert result.exit_code == 0, result.stderr
    (line,) = result.stderr.splitlines()
    assert line.startswith('left out: question "formula" (Expression): ')
    assert line.endswith("cannot hold a formula that is compared at random points")
    assert "13 of 14 questions, 39 variants; 1 left out" in result.stdout
    assert "holds the answers" in result.stdout


def test_the_default_folder_is_ignored_by_git() -> None:
    done = subprocess.run(["git", "check-ignore", "exports/x.zip"], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.strip() == "exports/x.zip"


def test_an_assignment_without_questions_says_so() -> None:
    result = grader("-C", ROOT, "bank", "export", "softmax_regression", "--to", "gift")
    assert result.exit_code == 2
    assert "softmax_regression: asks no questions" in result.stderr


@pytest.mark.parametrize("prompt", ["![a plot](plot.png)", '<img src="plot.png">'])
def test_a_picture_from_a_file_is_refused(prompt: str) -> None:
    (line,) = map(str, bank_of_one(TrueFalse(prompt=prompt, answer=True, explanation="e"), Target.QTI).refused)
    assert line.endswith("cannot hold a picture that lies in a file")


def bank_of_one(variant: Variant, target: Target) -> Bank:
    """A bank of one question with one variant."""
    question = BuiltQuestion("only", "Only", 1.0, 1, (variant,))
    return bank_of(load_course(ROOT).assignment("tensor_quiz"), [question], target, 1)


def seen(text: str) -> str:
    """What is read, but for characters that no XML can hold."""
    return re.sub("[\x00-\x1f\ufffd]", "", words(text))


def seen_markdown(text: str) -> str:
    return re.sub("[\x00-\x1f\ufffd]", "", markdown_words(text.replace("{.python .run}", "")))


HOSTILE = [
    "```{.python .run}\nopen('hacked', 'w')\n```",
    "COMMENT\nEND_COMMENT",
    "% a comment",
    "1. one\n2. two\n\n* three",
    "*a) not a choice",
    "GROUP\nEND_GROUP",
    "a & b < c > d \"e\" 'f' `g < h` $\\frac{i < j}{k & l} \\\\ m$",
    "$a$ costs \\$5, `$PATH`, \\\\ and ::x:: ####",
    "[html]{=a ~b} -> // $CATEGORY: x",
    "a\x00b\x1bc",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_texts_that_a_format_would_read_as_its_own_stay_texts(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    variant = Choice(prompt=text, answer=f"right {text}", wrong={f"wrong {text}": text}, explanation=text)
    (item,) = QtiPackage(qti_package(bank_of_one(variant, Target.QTI))).items()
    (moodle,) = read_moodle(moodle_xml(bank_of_one(variant, Target.MOODLE_XML)))
    (gift,) = read_gift_by_rule(gift_text(bank_of_one(variant, Target.GIFT)))
    for prompt in (item.prompt, moodle.prompt, gift.prompt):
        assert seen(prompt) == seen_markdown(text)
    assert not list(tmp_path.iterdir())


# --- What a system makes of an answer ---------------------------------------------------------------------------------


def asked(variant: Variant) -> str:
    """The prompt as another renderer reads it."""
    return markdown_words(variant.prompt)


def test_moodle_scores_as_we_do(bank_for: Any) -> None:
    bank, variants = bank_for(Target.MOODLE_XML)
    read = read_moodle(moodle_xml(bank))
    assert [question.name for question in read] == [item.name for item in bank.items]
    for question in read:
        variant = variants[question.name]
        assert words(question.prompt).startswith(asked(variant))
        assert words(question.explanation) == markdown_words(variant.explanation)
        assert question.category == f"$course$/top/{bank.name}/{question.name.split()[0]}"
        check_scores(question, variant)


def test_gift_scores_as_we_do(bank_for: Any) -> None:
    bank, variants = bank_for(Target.GIFT)
    read = list(read_gift_by_rule(gift_text(bank)))
    assert [question.name for question in read] == [item.name for item in bank.items]
    for question in read:
        variant = variants[question.name]
        assert words(question.prompt).startswith(asked(variant))
        assert words(question.explanation) == markdown_words(variant.explanation)
        assert question.category == f"$course$/top/{bank.name}/{question.name.split()[0]}"
        check_scores(question, variant)


def check_scores(question: Read, variant: Variant) -> None:
    """The answer earns all, wrong ones what they earn with us, and typical ones their hints."""
    if isinstance(variant, Choice | Choices):
        for given in chosen(variant):
            texts = {markdown_words(variant.items[variant.letters.index(letter)]) for letter in given}
            wanted = variant.grade(given if isinstance(variant, Choices) else min(given)).share
            assert question.score(texts) == pytest.approx(wanted, abs=1e-4), (question.name, given)
        for text, hint in dict(variant.wrong).items():
            assert words(question.told(markdown_words(text))) == markdown_words(hint)
        return
    for given, share, hint in answers_to(variant):
        answer = as_moodle_has_it(question, variant, given)
        assert question.score(answer) == pytest.approx(share, abs=1e-6), (question.name, given)
        if hint and question.kind not in ("matching", "ordering"):
            assert words(question.told(answer)) == markdown_words(hint), (question.name, given)


def chosen(variant: Choice | Choices) -> Iterator[set[str]]:
    """Every set of letters that can be chosen."""
    sizes = range(len(variant.letters) + 1) if isinstance(variant, Choices) else (1,)
    return (set(letters) for size in sizes for letters in itertools.combinations(variant.letters, size))


def answers_to(variant: Variant) -> Iterator[tuple[Any, float, str]]:
    """Answers, what they are worth as a whole, and their hints."""
    for given in (variant.right, *variant.also_right):
        yield given, 1.0, ""
    for wrong in variant.wrongs:
        share = variant.grade(wrong.answer).share
        if isinstance(variant, TensorValue) and re.search(r"\.\d{3}", repr(rounded(wrong.answer))):
            continue  # thirds and sevenths: they are typed in too many ways to be listed
        yield wrong.answer, share if isinstance(variant, Match) else 0.0, wrong.hint


def as_moodle_has_it(question: Read, variant: Variant, given: Any) -> Any:
    """An answer as a student gives it on Moodle's page."""
    if question.kind == "truefalse":
        return str(given).lower()
    if question.kind == "numerical":
        return given
    if question.kind == "ordering":
        return ["".join(line.split()) for line in variant.read(given)]
    if isinstance(variant, Match):
        rights = {text: markdown_words(text) for text in variant.rights}
        listed = {words(right): right for _, right in question.pairs}
        is_numbered = set(listed) == {str(number) for number in range(1, len(rights) + 1)}
        found = {}
        for letter, number in given.items():
            right = str(number) if is_numbered else listed[rights[variant.rights[number - 1]]]
            found[markdown_words(variant.items[variant.letters.index(letter)])] = right
        return found
    return typed(variant, given)


def test_canvas_scores_as_we_do(bank_for: Any) -> None:
    bank, variants = bank_for(Target.QTI)
    package = QtiPackage(qti_package(bank))
    items = package.items()
    assert [item.name for item in items] == [item.name for item in bank.items]
    assert len({item.item.get("ident") for item in items}) == len(items)
    for item in items:
        variant = variants[item.name]
        assert words(item.prompt).startswith(asked(variant))
        assert words(item.told["general_fb"]) == markdown_words(variant.explanation)
        check_canvas(item, variant)


def check_canvas(item: QtiItem, variant: Variant) -> None:
    if isinstance(variant, Choice | Choices):
        for given in chosen(variant):
            idents = {item.ident(markdown_words(variant.items[variant.letters.index(letter)])) for letter in given}
            is_right = given == (variant.right if isinstance(variant, Choices) else {variant.right})
            assert item.score(idents) == float(is_right), (item.name, given)
        for text, hint in dict(variant.wrong).items():
            told = item.feedback({item.ident(markdown_words(text))})
            assert markdown_words(hint) in map(words, told)
        return
    for given, _, hint in answers_to(variant):
        is_right = not hint
        answer = as_canvas_has_it(item, variant, given)
        assert item.score(answer) == float(is_right), (item.name, given)
        if hint:
            assert any(markdown_words(hint) in words(told) for told in item.feedback(answer)), (item.name, given)


def as_canvas_has_it(item: QtiItem, variant: Variant, given: Any) -> Any:
    if isinstance(variant, TrueFalse):
        return {item.ident(str(given))}
    return float(given) if item.kind == "numerical_question" else typed(variant, given)


def test_canvas_picks_one_variant_of_each_question_for_its_points(bank_for: Any) -> None:
    bank, _ = bank_for(Target.QTI)
    package = QtiPackage(qti_package(bank))
    assert len(package.groups) == len(bank.questions)
    name = "{http://www.imsglobal.org/xsd/ims_qtiasiv1p2}"
    for group, question in zip(package.groups, bank.questions, strict=True):
        assert group.findtext(f".//{name}selection_number") == "1"
        assert float(group.findtext(f".//{name}points_per_item", "0")) == question.points
        assert len(group.findall(f"{name}item")) == len(question.items)
    assert package.path in package.listed


def test_canvas_gets_formulas_as_its_own_equations_with_nothing_lost() -> None:
    bank, variants = real_bank("training_quiz", Target.QTI)
    found = {item.name: html.unescape(item.prompt) for item in QtiPackage(qti_package(bank)).items()}
    prompt = found["one_bias 1"]
    assert r"\begin{pmatrix}" in prompt
    assert r" \\ " in prompt, "the ends of rows stay"
    assert "/equation_images/f%2528x%2529" in prompt
    assert variants["one_bias 1"].prompt.count("$") == 2 * prompt.count('class="equation_image"')


def test_moodle_gets_formulas_between_its_brackets_and_code_as_code() -> None:
    bank, _ = real_bank("tensor_quiz", Target.MOODLE_XML)
    by_name = {question.name: question for question in read_moodle(moodle_xml(bank))}
    code = by_name["accumulated_grad 1"].prompt
    assert "<pre><code>x = torch.tensor(" in code
    assert "\n    (x**2).sum().backward()" in code
    assert r"\(2x\)" in by_name["accumulated_grad 1"].explanation


# --- Other people's readers -------------------------------------------------------------------------------------------


def test_a_library_for_moodle_xml_reads_the_choices(bank_for: Any) -> None:
    bank, variants = bank_for(Target.MOODLE_XML)
    found = moodle_xml_parser.parser.parse_bytes(moodle_xml(bank))["multichoice"]
    wanted = [item.name for item in bank.items if isinstance(variants[item.name], Choice | Choices)]
    assert [question.name for question in found] == wanted
    for question in found:
        variant = variants[question.name]
        right = {words(option.answer) for option in question.options if option.score_fraction > 0}
        texts = [variant.answer] if isinstance(variant, Choice) else variant.answer
        assert right == {markdown_words(text) for text in texts}
        assert question.single == isinstance(variant, Choice)


LIBRARY = """
import json, sys, warnings
warnings.simplefilter("ignore")
from pygiftparser import parser
found = parser.parse(sys.stdin.read()).questions
print(json.dumps([[q.name, q.text, repr(q.answer), [[o.prefix, o.text, o.percentage] for o in q.answer.options]]
                  for q in found]))
"""


def test_a_library_for_gift_reads_every_kind(
    course: Course, kinds_quiz: tuple[BuiltQuestion, ...], tmp_path: Path
) -> None:
    """It reads no general feedback, no fractions of a percent and no stars; of the rest it must make what is meant."""
    bank, variants = numbered(bank_of(course.assignment("kinds"), kinds_quiz, Target.GIFT, MANY), kinds_quiz)
    text = gift_text(bank)
    done = subprocess.run([sys.executable, "-c", LIBRARY], input=text, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert [name for name, *_ in found] == [item.name for item in bank.items]
    for name, prompt, kind, options in found:
        variant = variants[name]
        assert words(prompt.removeprefix("[html]").replace("\\n", "\n").replace("\\\\", "\\")).startswith(
            asked(variant)
        )
        right = [text for prefix, text, share in options if share == 1]
        if isinstance(variant, Choice):
            assert (kind, right) == ("MultipleChoiceRadio()", [variant.answer])
        elif isinstance(variant, Number | Integer):
            assert float(right[0].split(":")[0]) == pytest.approx(variant.right)
        elif isinstance(variant, TrueFalse):
            assert (kind, right) == ("TrueFalse()", [str(variant.answer)])
        elif isinstance(variant, Match):
            assert kind == "Matching()"
            assert {tuple(text.split(" -> ")) for text in right} >= set((variant.answer or {}).items())
        elif not isinstance(variant, Choices):
            assert kind == "Short()"
            assert typed(variant, variant.right) in right


# --- Kinds with two ends ----------------------------------------------------------------------------------------------


def test_lines_with_one_order_become_an_ordering_question_in_moodle(
    course: Course, kinds_quiz: tuple[BuiltQuestion, ...]
) -> None:
    bank = bank_of(course.assignment("kinds"), kinds_quiz, Target.MOODLE_XML, 1)
    (question,) = (one for one in read_moodle(moodle_xml(bank)) if one.name == "order 1")
    assert question.kind == "ordering"
    (variant,) = (one.variants[0] for one in kinds_quiz if one.name == "order")
    assert isinstance(variant, Order)
    assert [words(text) for text, _, _ in question.answers] == [line.replace(" ", "") for line in variant.answer]


def test_numbers_within_a_tolerance_stay_so_in_moodle(course: Course, kinds_quiz: tuple[BuiltQuestion, ...]) -> None:
    bank = bank_of(course.assignment("kinds"), kinds_quiz, Target.MOODLE_XML, 1)
    (question,) = (one for one in read_moodle(moodle_xml(bank)) if one.name == "number 1")
    (variant,) = (one.variants[0] for one in kinds_quiz if one.name == "number")
    for factor in (1.0009, 0.9991, 1.0011, 0.9989):
        assert question.score(variant.right * factor) == variant.share(variant.right * factor)


def test_a_tensor_of_rounded_numbers_is_refused() -> None:
    variant = TensorValue(prompt="p", answer=[0.123456, 1.0], wrong=[([1.0, 1.0], "h")], explanation="e")
    (line,) = map(str, bank_of_one(variant, Target.GIFT).refused)
    assert line.startswith('left out: question "only" (TensorValue): GIFT cannot hold lists of numbers')


def test_a_number_that_canvas_cannot_tell_from_a_wrong_one_is_refused() -> None:
    variant = Number(prompt="p", answer=0.00052, wrong={0.00054: "h"}, explanation="e")
    (line,) = map(str, bank_of_one(variant, Target.QTI).refused)
    assert "four digits after the point tell too little" in line


def test_zero_is_a_right_answer_on_canvas_too() -> None:
    variant = Integer(prompt="What is 0 * 5?", answer=0, wrong={5: "h"}, explanation="e")
    (item,) = QtiPackage(qti_package(bank_of_one(variant, Target.QTI))).items()
    assert (item.score("0"), item.score("5")) == (1.0, 0.0)


def test_the_help_names_the_commands() -> None:
    assert shutil.which("git")
    result = grader("bank", "--help")
    assert "export" in result.stdout
    assert "import" in result.stdout

"""Questions read from GIFT and written as stubs of quiz.py: what is lost is said, and nothing that is read is run."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from quiz_course import write_quiz
from read_back import markdown_words, typed, words
from typer.testing import CliRunner

from autograder.cli import app
from autograder.course import Course, load_course
from autograder.quiz import (
    Choice,
    Choices,
    Integer,
    Match,
    Number,
    ShortText,
    TrueFalse,
    Variant,
    load_quiz,
)
from autograder.quiz.export import Target, bank_of
from autograder.quiz.export.gift import escaped, gift_text, item_text
from autograder.quiz.export.items import Item, Typed
from autograder.quiz.export.read_gift import Found, Left, read_gift
from autograder.quiz.export.stubs import notebook_cells, stub_source, text_source
from autograder.quiz.verify import verify_quiz

ROOT = Path(__file__).parents[2]
HOSTILE = [
    '"""',
    "'''",
    '"); import os; os.system("touch hacked"); ("',
    "{__import__('os').system('touch hacked')}",
    "\\N{DIGIT ONE}\\x41\\",
    "a\nimport os\nb",
    "\ud800 lone",
    "\x00\x1b[31m",
    "``` \n```python\nexec('1')",
    "# %% tags",
]


def read(text: str) -> Found | Left:
    (found,) = read_gift(text)
    return found


def built(text: str, tmp_path: Path) -> list[Variant]:
    """The questions of a GIFT text, written as a course and loaded."""
    found = [one for one in read_gift(text) if isinstance(one, Found)]
    write_quiz(tmp_path, stub_source(found, "bank.txt"), notebook_cells(found))
    return [question.variants[0] for question in load_quiz(load_course(tmp_path).assignment("kinds"))]


def grader(*arguments: str | Path) -> Any:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


# --- What is left out -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Write an essay. {}", "an essay is graded by hand"),
        ("Only a text.", "a description asks nothing"),
        ("What? {=a", "braces do not match"),
        ("What? =a}", "braces do not match"),
        ("Which? {=a =b ~c}", "two of its choices are right"),
        ("Which? {~a ~b}", "of which one is right"),
        ("Which? {=a ~A}", "two of its choices are equal"),
        ("Which? {=a ~}", "one of its choices is empty"),
        ("How many? {#}", "0 right numbers"),
        ("How many? {#=1:0 =2:0}", "2 right numbers"),
        ("How many? {#many}", "is no number"),
        ("How many? {#1e999}", "is no number"),
        ("Who? {=*cat*}", "a star"),
        ("Who? {=%0%nobody}", "no right answer"),
        ("Match. {=a -> b =c}", "has no ->"),
        ("Match. {=a -> b}", "two pairs or more"),
        ("Match. {=a -> 1 =a -> 2 =b -> 3}", "matched twice"),
        ("Order. {>3 ALL VERTICAL\nx\ny\nz}", "an ordering question"),
    ],
)
def test_what_cannot_be_taken_over_is_left_out_with_its_reason(text: str, reason: str) -> None:
    found = read(text)
    assert isinstance(found, Left), found
    assert reason in found.reason


def test_what_is_left_out_is_named_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "bank.txt").write_text("// mine\n::Fine::True? {T}\n\n\n::My essay::Write. {}\n")
    result = grader("bank", "import", tmp_path / "bank.txt", "--out", tmp_path / "quiz.py")
    assert result.exit_code == 0
    assert 'bank.txt: line 5: question "My essay" is left out: an essay is graded by hand' in result.stderr
    assert "1 question; 1 left out" in result.stdout
    assert '# %% question="fine"' in result.stdout


def test_a_file_with_nothing_to_take_over_writes_nothing(tmp_path: Path) -> None:
    (tmp_path / "bank.txt").write_text("Write. {}\n")
    result = grader("bank", "import", tmp_path / "bank.txt", "--out", tmp_path / "quiz.py")
    assert result.exit_code == 2
    assert "holds no question that can be taken over" in result.stderr
    assert not (tmp_path / "quiz.py").exists()


def test_a_quiz_that_exists_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "bank.txt").write_text("True? {T}\n")
    (tmp_path / "quiz.py").write_text("mine")
    result = grader("bank", "import", tmp_path / "bank.txt", "--out", tmp_path / "quiz.py")
    assert result.exit_code == 2
    assert (tmp_path / "quiz.py").read_text() == "mine"


@pytest.mark.parametrize(("data", "says"), [(b"\xff\xfe\x00", "is not UTF-8 text"), (None, "cannot be read")])
def test_what_is_no_text_is_refused(data: bytes | None, says: str, tmp_path: Path) -> None:
    if data is not None:
        (tmp_path / "bank.txt").write_bytes(data)
    result = grader("bank", "import", tmp_path / "bank.txt", "--out", tmp_path / "quiz.py")
    assert result.exit_code == 2
    assert says in result.stderr


@pytest.mark.parametrize(
    ("text", "note"),
    [
        ("Which? {=a ~%50%b ~c}", "the weights of its choices are not kept"),
        ("Which? {~%70%a ~%30%b ~%-100%c}", "the weights of its choices are not kept"),
        ("Who? {=a =%50%b}", 'the answer "b" is no longer half right'),
        ("How many? {#3:0.1#near ~#no}", "what it says to any other number is not kept"),
    ],
)
def test_what_is_lost_is_noted(text: str, note: str) -> None:
    found = read(text)
    assert isinstance(found, Found)
    assert note in found.notes[0]


# --- What comes over --------------------------------------------------------------------------------------------------


def test_each_type_becomes_a_kind(tmp_path: Path) -> None:
    truth, one, several, short, number, whole, match, gap = built(
        "True? {TRUE#no#yes####Because.}\n\n"
        "One? {=right#yes ~wrong#think ####Because.}\n\n"
        "Several? {~%50%a ~%50%b ~%-50%c#no}\n\n"
        "Who? {=no one =nobody =%0%Grant#really?}\n\n"
        "How many? {#=3.14:0.005 =%0%3#more digits}\n\n"
        "How many legs? {#4}\n\n"
        "Match. {=cat -> meow =dog -> woof = -> moo}\n\n"
        "Grant is {~buried =entombed ~living} in his tomb.\n",
        tmp_path,
    )
    assert isinstance(truth, TrueFalse)
    assert (truth.answer, truth.wrong, truth.explanation) == (True, {False: "no"}, "Because.")
    assert isinstance(one, Choice)
    assert (one.answer, one.wrong) == ("right", {"wrong": "think"})
    assert isinstance(several, Choices)
    assert (several.answer, list(several.wrong)) == (["a", "b"], ["c"])
    assert isinstance(short, ShortText)
    assert (short.answer, short.accepted, short.wrong) == ("no one", ["nobody"], {"Grant": "really?"})
    assert isinstance(number, Number)
    assert (number.answer, number.rel, number.abs, number.wrong) == (3.14, 0.0, 0.005, {3.0: "more digits"})
    assert isinstance(whole, Integer)
    assert whole.answer == 4
    assert isinstance(match, Match)
    assert (match.answer, match.others) == ({"cat": "meow", "dog": "woof"}, ["moo"])
    assert isinstance(gap, Choice)
    assert gap.prompt == r"Grant is \_\_\_\_\_ in his tomb."


def test_a_range_is_a_number_with_a_tolerance(tmp_path: Path) -> None:
    (number,) = built("What is pi? {#3.141..3.142}", tmp_path)
    assert isinstance(number, Number)
    assert number.share(3.1411) == number.share(3.1419) == 1
    assert number.share(3.1409) == number.share(3.1421) == 0


def test_escaped_marks_are_text() -> None:
    found = read(r"::a\:b::Is 1 \= 1 \{yes\} \~ \# \\ \n? {T####1 \= 1 \#}")
    assert isinstance(found, Found)
    assert found.name == "a:b"
    assert markdown_words(found.prompt) == words("Is 1 = 1 {yes} ~ # \\ \n?")


def test_html_of_moodle_comes_back_as_markdown() -> None:
    found = read(r"[html]<p>Let \\(x_1^2\\) be <code>a_b\=1</code>, <b>so</b></p><pre><code>x \= 1\n</code></pre>{T}")
    assert isinstance(found, Found)
    assert found.prompt == "Let $x_1^2$ be `a_b=1`, **so**\n\n```python\nx = 1\n```"


def test_a_stub_needs_only_what_its_author_must_write(tmp_path: Path) -> None:
    text = "True? {T#a hint####why}\n\nWhich? {=right ~wrong#think ####why}\n\nHow many? {#=4 =%0%5#less ####why}\n"
    found = [one for one in read_gift(text) if isinstance(one, Found)]
    source = stub_source(found, "bank.txt")
    assert "TODO:" not in source.split("\n", 1)[1]
    report = verify_quiz(write_quiz(tmp_path, source, notebook_cells(found)))
    assert report.problems == ()


def test_names_become_python_names_that_mean_nothing_else(tmp_path: Path) -> None:
    given = ("Näme 1", "class", "7 up", "日本", "class", "Näme_1", "question", "sum", "torch")
    built("\n\n".join(f"::{name}::Is it {name}? {{T}}" for name in given), tmp_path)
    assert [question.name for question in load_course(tmp_path).assignment("kinds").questions] == [
        "name_1", "question_class", "question_7_up", "unnamed", "question_class_2", "name_1_2",
        "question_question", "question_sum", "question_torch",
    ]  # fmt: skip


# --- Laws -------------------------------------------------------------------------------------------------------------

texts = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("\\~=#{}:[]%*->$n\n\"'`"), max_size=40)


@given(texts)
def test_any_text_comes_back_from_its_escapes(text: str) -> None:
    found = read(f"[plain]Q {escaped(text)} end{{T}}")
    assert isinstance(found, Found)
    wanted = text.replace("\r\n", "\n").replace("\r", "\n")
    assert found.prompt == f"Q {wanted} end"


@given(st.lists(texts.map(lambda text: " ".join(text.split())).filter(bool), min_size=1, max_size=4, unique=True))
def test_any_typed_answers_come_back(answers: list[str]) -> None:
    found = read(item_text(Item("name", 1, "Prompt?", "Why.", Typed(tuple(answers)))))
    assert isinstance(found, Found), found
    assert found.form == Typed(tuple(answers))


@given(st.text(max_size=400))
def test_any_text_is_the_same_as_python_source(text: str) -> None:
    assert ast.literal_eval(text_source(text, 8)) == text


@settings(max_examples=300)
@given(texts | st.text(max_size=200))
def test_any_file_is_read_without_an_error_and_gives_only_literals(text: str) -> None:
    found = [one for one in read_gift(text) if isinstance(one, Found)]
    only_literals(stub_source(found, text)) if found else None


@given(texts, texts, texts)
def test_nothing_of_a_question_becomes_code(prompt: str, answer: str, hint: str) -> None:
    prompt, answer, hint = map(escaped, (prompt, answer, hint))
    text = f"::{prompt}::[plain]{prompt} {{\n={answer}#{hint}\n~wrong{hint}\n}}"
    found = [one for one in read_gift(text) if isinstance(one, Found)]
    only_literals(stub_source(found, prompt)) if found else None


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_texts_stay_texts(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    gift = (
        f"::{escaped(text)}::[plain]{escaped(text)} ?{{\n=yes#{escaped(text)}\n~no {escaped(text)}#{escaped(text)}\n}}"
    )
    found = read(gift)
    assert isinstance(found, Found)
    source = stub_source([found], text)
    only_literals(source)
    (variant,) = built(gift.encode("utf-8", "replace").decode(), tmp_path / "course")
    assert isinstance(variant, Choice)
    assert not list(tmp_path.rglob("hacked"))


def only_literals(source: str) -> None:
    """The file holds imports, functions that return a kind, and texts, numbers and lists: no name from elsewhere."""
    tree = ast.parse(source.encode("utf-8", "backslashreplace"))
    head, *functions = [node for node in tree.body if not isinstance(node, ast.Expr)]
    assert isinstance(head, ast.ImportFrom)
    kinds = {alias.name for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    for function in functions[1:]:
        assert isinstance(function, ast.FunctionDef)
        (mark,), (returned,) = function.decorator_list, function.body
        assert isinstance(mark, ast.Call)
        assert isinstance(returned, ast.Return)
        assert isinstance(returned.value, ast.Call)
        for call in (mark, returned.value):
            assert isinstance(call.func, ast.Name)
            assert call.func.id in kinds
            for value in (*call.args, *(keyword.value for keyword in call.keywords)):
                ast.literal_eval(value)


@pytest.mark.parametrize("name", ["kinds", "tensor_quiz", "foundations_quiz", "training_quiz"])
def test_what_was_exported_comes_back_with_its_prompts_and_answers(name: str, course: Course, tmp_path: Path) -> None:
    assignment = course.assignment("kinds") if name == "kinds" else load_course(ROOT).assignment(name)
    questions = load_quiz(assignment)
    bank = bank_of(assignment, questions, Target.GIFT, 2)
    came = built(gift_text(bank), tmp_path)
    went = {f"{q.name} {number}": variant for q in questions for number, variant in enumerate(q.variants[:2], 1)}
    assert len(came) == len(bank.items)
    for item, found in zip(bank.items, came, strict=True):
        variant = went[item.name]
        assert markdown_words(found.prompt).startswith(markdown_words(variant.prompt)), item.name
        assert markdown_words(found.explanation) == markdown_words(variant.explanation), item.name
        same_answer(found, variant)


def same_answer(found: Variant, variant: Variant) -> None:
    if isinstance(variant, Choice | TrueFalse | Integer):
        assert type(found) is type(variant)
        assert markdown_words(str(found.answer)) == markdown_words(str(variant.answer))
        assert {markdown_words(one.hint) for one in found.wrongs} == {
            markdown_words(one.hint) for one in variant.wrongs
        }
    elif isinstance(variant, Choices):
        assert isinstance(found, Choices)
        assert {markdown_words(text) for text in found.answer} == {markdown_words(text) for text in variant.answer}
    elif isinstance(variant, Number):
        assert found.share(float(variant.right)) == 1
    elif isinstance(variant, Match):
        assert isinstance(found, Match)
        wanted = {markdown_words(left): markdown_words(right) for left, right in (variant.answer or {}).items()}
        numbers = {str(number): markdown_words(text) for number, text in enumerate(variant.rights, 1)}
        pairs = {markdown_words(left): words(right) for left, right in (found.answer or {}).items()}
        assert wanted in (pairs, {left: numbers.get(right) for left, right in pairs.items()})
    else:
        assert isinstance(found, ShortText)
        assert typed(variant, variant.right) in (found.answer, *found.accepted)

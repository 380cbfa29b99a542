"""The Chinese catalogues hold every text that a student can read, and nothing else: no message in one language only."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from texts import (
    hints_in,
    is_message,
    left_in_english,
    texts_asked,
    texts_in,
    texts_of_program,
    texts_of_quiz,
    texts_of_templates,
    titles_in,
)

from autograder.course import Course, load_course
from autograder.quiz.bank import load_quiz
from autograder.report.language import DATE, Language, Pattern, is_end, language_of, read_catalogue

ROOT = Path(__file__).parents[2]
PROGRAM = read_catalogue(ROOT / "autograder/report/locale/zh/torchmark.po")
ASSIGNMENTS = sorted(path.parent.name for path in (ROOT / "assignments").glob("*/notebook.py"))
PLACE = re.compile(r"(?<!\{)(?:\{\{)*(\{[A-Za-z_]\w*\})")  # not in doubled braces
HAN = re.compile(r"[\u4e00-\u9fff]")
JOINTS = {
    "{name}: {what}",
    "{first}; {second}",
    "`{name}` {what}",
    "{before} -> {after}",
    "{name} = {value}",
    "{sentence}.",
    ", ",
    ": ",
    ":",
}


@pytest.fixture(scope="module")
def course() -> Course:
    return load_course(ROOT)


def catalogue_of(name: str) -> dict[str, str]:
    path = ROOT / "assignments" / name / "locale/zh.po"
    return read_catalogue(path) if path.is_file() else {}


def texts_of_assignment(course: Course, name: str) -> set[str]:
    """The texts of an assignment that its students read, but for what its questions ask."""
    assignment, folder = course.assignment(name), ROOT / "assignments" / name
    found = {assignment.title, *(question.title for question in assignment.questions)}
    found |= {one.title for one in assignment.by_hand}
    if (folder / "checks.py").is_file():
        found |= {*titles_in(folder / "checks.py"), *texts_in(folder / "checks.py")}
    if (folder / "mistakes.py").is_file():
        found |= set(hints_in(folder / "mistakes.py"))
    return found


def listed(texts: Iterable[str]) -> str:
    """As entries of a catalogue, to be copied there."""
    return "\n".join(f'msgid "{text}"\nmsgstr ""\n' for text in sorted(texts))


def test_the_programs_catalogue_lacks_nothing() -> None:
    missing = (texts_of_program() | texts_of_templates()).keys() - PROGRAM.keys()
    assert not missing, f"autograder/report/locale/zh/torchmark.po lacks:\n{listed(missing)}"


def test_the_programs_catalogue_has_nothing_that_the_program_does_not_say() -> None:
    left = PROGRAM.keys() - (texts_of_program() | texts_of_templates()).keys()
    assert not left, f"autograder/report/locale/zh/torchmark.po: no source has\n{listed(left)}"


@pytest.mark.parametrize("name", ASSIGNMENTS)
def test_an_assignments_catalogue_lacks_nothing(course: Course, name: str) -> None:
    language = language_of("zh", course.assignment(name))
    missing = {text for text in texts_of_assignment(course, name) if language.say(text) == text}
    assert not missing, f"assignments/{name}/locale/zh.po lacks:\n{listed(missing)}"


@pytest.mark.parametrize("name", ASSIGNMENTS)
def test_an_assignments_catalogue_has_nothing_that_it_does_not_say(course: Course, name: str) -> None:
    quiz = ROOT / "assignments" / name / "quiz.py"
    asked = texts_of_quiz(quiz) if quiz.is_file() else {}
    left = catalogue_of(name).keys() - texts_of_assignment(course, name) - asked.keys()
    assert not left, f"assignments/{name}/locale/zh.po: no source has\n{listed(left)}"


@pytest.mark.parametrize("name", [name for name in ASSIGNMENTS if (ROOT / "assignments" / name / "quiz.py").is_file()])
def test_every_variant_of_a_question_can_be_read_in_chinese(course: Course, name: str) -> None:
    language = language_of("zh", course.assignment(name))
    said = {text: language.say_markdown(text) for text in texts_asked(load_quiz(course.assignment(name)))}
    missing = {text: one for text, one in said.items() if left_in_english(one)}
    quiz = ROOT / "assignments" / name / "quiz.py"
    templates = {
        text for text in texts_of_quiz(quiz) if any(Pattern.of(text).values(one) is not None for one in missing)
    }
    assert not missing, (
        f"assignments/{name}/locale/zh.po leaves in English:\n{listed(missing)}\nPerhaps:\n{listed(templates)}"
    )


ALL: Mapping[str, str] = {text: said for name in ASSIGNMENTS for text, said in catalogue_of(name).items()} | PROGRAM
CHINESE = Language("zh", ALL)
WITH_PLACES = [text for text in ALL if Pattern.of(text, is_end(text)).has_words and PLACE.search(text)]


def test_the_places_of_a_text_are_the_same_in_both_languages() -> None:
    wrong = {text: said for text, said in ALL.items() if set(PLACE.findall(text)) != set(PLACE.findall(said))}
    assert not wrong


def test_code_of_a_text_is_the_same_in_both_languages() -> None:
    code = {
        text: (sorted(re.findall("`[^`]*`", text)), sorted(re.findall("`[^`]*`", said))) for text, said in ALL.items()
    }
    assert not {text: both for text, both in code.items() if both[0] != both[1]}


def test_every_text_is_chinese() -> None:
    values = {"CPU", "bool", "float", "int", "autocast", "torch.device"}
    plain = {text: said for text, said in ALL.items() if not HAN.search(said)}
    assert {said for text, said in plain.items() if text not in JOINTS and not PLACE.search(text)} <= values


def test_chinese_has_no_punctuation_of_half_width_after_its_characters() -> None:
    wrong = {
        text: said for text, said in ALL.items() if re.search(r"[\u4e00-\u9fff][,;:!?]|[\u4e00-\u9fff]\.(?!\w)", said)
    }
    assert not wrong


def test_chinese_keeps_a_space_from_latin_letters_and_digits() -> None:
    said = [said for text, said in ALL.items() if text != DATE]
    assert not [one for one in said if re.search(r"[\u4e00-\u9fff][A-Za-z0-9`]|[A-Za-z0-9`][\u4e00-\u9fff]", one)]


@given(text=st.sampled_from(WITH_PLACES), numbers=st.lists(st.integers(0, 10**6), min_size=9, max_size=9))
def test_whatever_stands_in_its_places_a_text_is_found_and_filled(text: str, numbers: list[int]) -> None:
    filled, expected = "x" + text if is_end(text) else text, "x" + ALL[text] if is_end(text) else ALL[text]
    for place, number in zip(dict.fromkeys(PLACE.findall(text)), numbers, strict=False):
        filled, expected = filled.replace(place, str(number)), expected.replace(place, str(number))
    assert CHINESE.say(filled).replace(" ", "") == expected.replace(" ", "")


def test_catalogues_do_not_reach_students(course: Course) -> None:
    for assignment in course.assignments:
        assert not [
            path for path in assignment.release_folder.rglob("*") if path.suffix == ".po" or "locale" in path.parts
        ]
        assert not any("locale" in path.parts for path in assignment.data)


def test_a_message_has_several_words() -> None:
    assert is_message("{wrong} of {total} entries are wrong")
    assert not is_message("{name}.{field}")
    assert not is_message("`return logits, cache`")

"""A student's page of a Chinese course: its words are Chinese, what the student and Python wrote is as it was."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from html.parser import HTMLParser

import msgspec
import pytest
from graded_class import Class
from made_results import check, course, exercise, result

from autograder.course import Course
from autograder.model import Comment, Outcome, QuestionResult, QuestionState, Remarks
from autograder.report.feedback import render_feedback
from autograder.report.language import language_of_part

AFTER = datetime(2030, 1, 1, tzinfo=UTC)
BEFORE = datetime(2026, 12, 1, tzinfo=UTC)
EMPTY_ELEMENTS = {"meta", "br", "img", "hr", "use", "rect", "line", "polygon", "path", "circle"}
CODE = {"code", "pre", "style", "title"}
NOT_OURS = {"notebook", "cell", "soft"}  # classes: the student's cells, the course's title
PYTHON = r"[A-Za-z]+(Error|Exception|Exit): .*|Python float"


class Words(HTMLParser):
    """The words of a page outside of code and the student's notebook; labels of pictures too."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self._open: list[tuple[str, bool]] = []

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.texts += [found.get("aria-label") or ""]
        if tag not in EMPTY_ELEMENTS:
            self._open.append((tag, tag in CODE or bool(NOT_OURS & set((found.get("class") or "").split()))))

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        if not any(is_code for _, is_code in self._open):
            self.texts.append(" ".join(data.split()))


def english(html: str) -> set[str]:
    """Texts in which two English words follow each other."""
    words = Words()
    words.feed(html)
    plain = (re.sub(f"`[^`]*`|{PYTHON}", "", text) for text in words.texts)
    return {text for text in plain if re.search(r"[A-Za-z]{2,} [a-z]{2,}", text)}


def in_chinese(course: Course) -> Course:
    settings = course.settings
    settings = msgspec.structs.replace(settings, course=msgspec.structs.replace(settings.course, language="zh-CN"))
    return msgspec.structs.replace(course, settings=settings)


def question(**fields: object) -> QuestionResult:
    defaults = {"name": "axis_sum", "title": "Sums over an axis", "variant": 0, "score": 0.0, "max_score": 1.0}
    return QuestionResult(**(defaults | fields))  # type: ignore[arg-type]


def test_what_a_student_wrote_is_not_translated() -> None:
    found = result(exercise(check(Outcome.FAILED, message="your function raised KeyError: 'the result'")))
    remarks = Remarks(score=1, max_score=2, comments=(Comment("softmax", "the result"),))
    page = render_feedback(in_chinese(course()), found, BEFORE, remarks)
    assert "KeyError: &#39;the result&#39;" in page
    assert '<p class="message">the result</p>' in page


def test_a_message_that_nobody_translated_stays_english() -> None:
    found = result(exercise(check(Outcome.FAILED, title="a check that was added today")))
    assert "a check that was added today" in render_feedback(in_chinese(course()), found, BEFORE)


def test_the_state_of_a_question_stands_there_once() -> None:
    found = result(questions=(question(state=QuestionState.WRONG, message="not right", prompt="What?"),))
    page = render_feedback(in_chinese(course()), found, BEFORE)
    assert page.count("不正确") == 2  # in the table, and at the question


def test_how_to_answer_is_said_in_chinese_below_the_authors_prompt() -> None:
    prompt = 'What is it?\n\n*Answer with one letter, such as `axis_sum = "a"`.*'
    page = render_feedback(in_chinese(course()), result(questions=(question(prompt=prompt),)), BEFORE)
    assert "What is it?" in page
    assert "请这样作答：一个字母，例如 <code>" in page


def test_what_is_not_chinese_on_a_chinese_page_says_so() -> None:
    found = result(
        exercise(check(Outcome.FAILED, title="a check that was added today", message="the result has the wrong shape")),
        questions=(question(prompt="What is asked today?", hint="Not so fast, friend."),),
    )
    remarks = Remarks(score=1, max_score=2, comments=(Comment("softmax", "Have a look at `dim`."),))
    page = render_feedback(in_chinese(course()), found, BEFORE, remarks)
    assert '<span class="title" lang="en">a check that was added today</span>' in page
    assert '<p class="message">结果的形状不对</p>' in page
    assert '<div class="text" lang="en"><p>What is asked today?</p>' in page
    assert '<div lang="en"><p>Not so fast, friend.</p>' in page
    assert '<p class="message" lang="en">Have a look at `dim`.</p>' in page


def test_what_is_chinese_on_an_english_page_says_so() -> None:
    remarks = Remarks(score=1, max_score=2, comments=(Comment("softmax", "请再看看 `dim`。"),))
    page = render_feedback(course(), result(exercise(check(Outcome.FAILED))), BEFORE, remarks)
    assert '<p class="message" lang="zh-CN">请再看看 `dim`。</p>' in page
    assert page.count("lang=") == 2


@pytest.mark.parametrize("text", ["`x` is `y`", "<code>the result is here</code>", "x_1 = 3", "王小明", "結果です"])
def test_code_and_names_are_in_no_other_language(text: str) -> None:
    assert language_of_part(text, "zh-CN" if text.isascii() else "en") == ("zh-CN" if text == "王小明" else "")


def test_dates_are_written_as_in_chinese() -> None:
    found = result(exercise(check(Outcome.FAILED, expected="1", got="2")))
    assert re.search(r"在 20\d\d 年 \d+ 月 \d+ 日 \d\d:\d\d", render_feedback(in_chinese(course()), found, BEFORE))


def test_the_page_says_that_it_is_chinese() -> None:
    assert '<html lang="zh-CN">' in render_feedback(in_chinese(course()), result(exercise(check())), BEFORE)


@pytest.mark.parametrize("now", [BEFORE, AFTER])
def test_pages_of_a_graded_class_have_no_english_left(graded: Class, now: datetime) -> None:
    ours = in_chinese(graded.course)
    for found in graded.results:
        assert not english(render_feedback(ours, found, now))

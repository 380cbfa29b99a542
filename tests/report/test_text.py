"""Strings of students, made safe to look at."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.report.text import duration, one_line, plural, points, printable, shortened, size


def test_terminal_colours_vanish() -> None:
    assert printable("\x1b[31;1mred\x1b[0m \x9b2Jgone") == "red gone"


def test_other_control_characters_become_visible() -> None:
    assert printable("a\x00b\x07c\x1b]0;title\x7f\x85d") == "a␀b␇c␛]0;title\ufffd\nd"


def test_direction_marks_and_invisible_characters_become_visible() -> None:
    assert printable("a\u202eb\u2066c\u200bd") == "a[U+202E]b[U+2066]c[U+200B]d"


def test_lone_surrogates_are_replaced() -> None:
    assert printable("a\ud800\udc80b") == "a\ufffd\ufffdb"


def test_line_ends_of_every_kind_become_newlines() -> None:
    assert printable("a\r\nb\rc\u2028d") == "a\nb\nc\nd"


def test_names_in_any_script_stay_as_they_are() -> None:
    names = "王小明 Zoë Ładysław يوسف דוד अमित 👩‍🔬"
    assert printable(names) == names


@settings(deadline=None)
@given(st.text(alphabet=st.characters(codec=None)))
def test_nothing_unprintable_is_left(text: str) -> None:
    shown = printable(text)
    assert all(char in "\n\t" or unicodedata.category(char) not in ("Cc", "Cs") for char in shown)
    shown.encode("utf-8")


@settings(deadline=None)
@given(st.text())
def test_one_line_is_one_short_line(text: str) -> None:
    line = one_line(text, 50)
    assert len(line) <= 50
    assert len(line.splitlines()) <= 1


def test_a_long_text_loses_its_middle_and_says_so() -> None:
    assert shortened("a" * 60 + "b" * 60, 20) == "a" * 10 + "\n[100 characters left out]\n" + "b" * 10


@pytest.mark.parametrize(("value", "shown"), [(4.0, "4"), (2.5, "2.5"), (10 / 3, "3.33"), (-1e-12, "0"), (20, "20")])
def test_points_are_written_as_people_write_them(value: float, shown: str) -> None:
    assert points(value) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0.417, "0.42 s"), (37.2, "37 s"), (59.7, "1 min 00 s"), (185, "3 min 05 s"), (4320, "1 h 12 min")],
)
def test_durations_are_written_as_people_write_them(seconds: float, shown: str) -> None:
    assert duration(seconds) == shown


def test_sizes_have_a_unit() -> None:
    assert [size(12), size(3.8 * 2**30), size(5 * 2**40)] == ["12 bytes", "3.8 GiB", "5.0 TiB"]


def test_one_thing_is_not_plural() -> None:
    assert [plural(1, "check"), plural(2, "check")] == ["1 check", "2 checks"]

"""A text in another language: found whole, or with its places filled; what is not known stays English."""

from __future__ import annotations

import subprocess
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder.report.language import DATE, DEEPEST, LONGEST, Language, Pattern, is_end, read_catalogue

MESSAGES = {
    "wrong": "错误",
    "the result": "结果",
    "your function": "你的函数",
    "{wrong} of {total} entries are {what}": "{total} 个元素中有 {wrong} 个{what}",
    "{name} has the wrong shape": "{name} 的形状不对",
    "{doing} raised {error}": "{doing} 抛出了 {error}",
    " (line {line}: `{source}`)": "（第 {line} 行：`{source}`）",
    "{first}; {second}": "{first}；{second}",
    DATE: "{0.year} 年 {0.month} 月 {0.day} 日 {0:%H:%M}",
}
CHINESE = Language("zh", MESSAGES)
VALUES = st.text(alphabet="abz019 _.[]()", min_size=1, max_size=12)


@pytest.mark.parametrize("text", ["", " ", "nobody translated this", "{", "{}", "{0} {name}", "\ud800 x", "错误"])
def test_what_no_catalogue_knows_stays_as_it_is(text: str) -> None:
    assert CHINESE.say(text) == text


def test_a_text_of_endless_length_stays_as_it_is() -> None:
    text = "the result has the wrong shape" * LONGEST
    assert CHINESE.say(text) == text


def test_texts_within_texts_come_to_an_end() -> None:
    assert CHINESE.say("; ".join(["wrong"] * 100)).startswith("错误；" * DEEPEST)


def test_english_is_what_it_was() -> None:
    assert Language().say("the result") == "the result"
    assert Language().say("{count} of {total}", count=3, total=4) == "3 of 4"


def test_a_text_without_places_is_found_whole() -> None:
    assert CHINESE.say("the result") == "结果"


def test_values_are_kept_and_may_change_their_order() -> None:
    assert CHINESE.say("3 of 12 entries are wrong") == "12 个元素中有 3 个错误"


def test_words_of_ours_in_a_place_are_translated_in_turn() -> None:
    assert CHINESE.say("the result has the wrong shape") == "结果的形状不对"
    assert CHINESE.say("probs[0] has the wrong shape") == "probs[0] 的形状不对"


def test_the_end_of_a_text_is_translated_after_any_other() -> None:
    said = CHINESE.say("your function raised ValueError: x; y (line 3: `a; b`)")
    assert said == "你的函数抛出了 ValueError: x; y（第 3 行：`a; b`）"


def test_what_python_says_is_never_taken_for_words_of_ours() -> None:
    said = CHINESE.say("your function raised ValueError: the result; a has the wrong shape (line 3: `x`)")
    assert said == "你的函数抛出了 ValueError: the result; a has the wrong shape（第 3 行：`x`）"


def test_of_two_ways_to_read_a_text_the_one_with_least_english_is_taken() -> None:
    catalogue = {"a long name of {thing}": "{thing} 的长名", "{name} is wrong": "{name} 不对"}
    assert Language("zh", catalogue, {"a long name of b": "乙"}).say("a long name of b is wrong") == "乙不对"


def test_the_words_of_the_program_stand_around_those_of_a_course() -> None:
    language = Language("zh", MESSAGES | {"{name} is wrong": "{name} 不对"}, {"the type of {name}": "{name} 的类型"})
    assert language.say("the type of the result is wrong") == "结果的类型不对"


def test_a_value_belongs_to_the_whole_name_before_it() -> None:
    language = Language(
        "zh", MESSAGES | {"{name} = {value}": "{name} = {value}"}, {"the type of {name}": "{name} 的类型"}
    )
    assert language.say("the type of batch = 'Pair'") == "batch 的类型 = 'Pair'"


def test_texts_are_held_together_only_where_one_is_known() -> None:
    assert CHINESE.say("the result; other") == "结果；other"
    assert CHINESE.say("a = 1; b = 2") == "a = 1; b = 2"


def test_a_text_with_places_is_filled_when_they_are_given() -> None:
    assert CHINESE.say("{name} has the wrong shape", name="the result") == "结果的形状不对"


@given(wrong=VALUES.map(str.strip).filter(bool), total=VALUES.map(str.strip).filter(bool))
def test_whatever_stands_in_the_places_stands_there_in_chinese(wrong: str, total: str) -> None:
    said = CHINESE.say("{wrong} of {total} entries are {what}", wrong=wrong, total=total, what="wrong")
    if " of " not in wrong and " entries are " not in f"{wrong} {total}":
        assert CHINESE.say(f"{wrong} of {total} entries are wrong") == said
    found = Pattern.of("{total}个元素中有{wrong}个错误").values(said)
    assert found is not None
    assert [value.strip() for value in found] == [total, wrong]


@given(st.text())
def test_no_text_makes_it_raise(text: str) -> None:
    assert isinstance(CHINESE.say(text), str)


@given(st.lists(st.text(alphabet="ab ;", max_size=4), min_size=2, max_size=5), st.data())
def test_a_pattern_gives_back_the_text_that_it_takes_apart(literals: list[str], data: st.DataObject) -> None:
    pattern = Pattern(tuple(literals), tuple(f"p{number}" for number in range(len(literals) - 1)))
    text = literals[0] + "".join(data.draw(st.text("ab ;", min_size=1, max_size=4)) + part for part in literals[1:])
    values = pattern.values(text)
    if values is not None:
        assert text == literals[0] + "".join(
            value + literal for value, literal in zip(values, literals[1:], strict=True)
        )


def test_what_stands_in_code_or_a_formula_is_not_translated() -> None:
    known = Language(
        "zh", {"first": "第一个", "`{name}` comes {rank}, $x_{name_2}$": "`{name}` 是{rank}，$x_{name_2}$"}
    )
    assert known.say("`first` comes first, $x_first$") == "`first` 是第一个，$x_first$"
    assert known.say("`first` comes `first`, $x_1$") == "`first` 是 `first`，$x_1$"


def test_code_that_ends_within_a_place_is_another_text() -> None:
    assert Pattern.of("`{one}` and `{other}`").values("`a` or `b` and `c`") is None


def test_doubled_braces_are_braces() -> None:
    known = Language(
        "zh", {r"half, $\frac{{1}}{{2}}$": r"一半，$\frac{{1}}{{2}}$", "a power $e^{{{n}}}$": "幂 $e^{{{n}}}$"}
    )
    assert known.say(r"half, $\frac{1}{2}$") == r"一半，$\frac{1}{2}$"
    assert known.say("a power $e^{12}$") == "幂 $e^{12}$"


def test_markdown_is_translated_by_paragraphs_and_entries_and_its_code_stays() -> None:
    text = "the result\n\n```python\nwrong\n\nwrong\n```\n\n- **a**: wrong\n- **b**: `x`\n\n1. wrong\n2. 3"
    said = "结果\n\n```python\nwrong\n\nwrong\n```\n\n- **a**: 错误\n- **b**: `x`\n\n1. 错误\n2. 3"
    assert CHINESE.say_markdown(text) == said


def test_only_what_begins_like_an_end_is_one() -> None:
    assert is_end(" (line 3)")
    assert not is_end("line 3")


def test_a_date_is_written_as_the_language_writes_it() -> None:
    moment = datetime(2026, 12, 1, 23, 59, tzinfo=timezone(timedelta(hours=1)))
    assert CHINESE.date(moment) == "2026 年 12 月 1 日 23:59 (UTC+01:00)"
    assert Language().date(moment) == "1 December 2026, 23:59 (UTC+01:00)"


def test_empty_and_fuzzy_entries_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "zh.po"
    path.write_text(
        'msgid ""\nmsgstr "Content-Type: text/plain; charset=utf-8\\n"\n\n'
        'msgid "a"\nmsgstr "甲"\n\nmsgid "b"\nmsgstr ""\n\n#, fuzzy\nmsgid "c"\nmsgstr "丙"\n',
        encoding="utf-8",
    )
    assert read_catalogue(path) == {"a": "甲"}


def test_babel_is_not_imported_for_english() -> None:
    code = "import sys, autograder.report.feedback; sys.exit('babel.messages.pofile' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

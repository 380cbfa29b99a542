"""grader.toml: what is refused, in which words, and what the defaults are."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder.config import Limits, Settings, find_root, load_settings, parse_settings
from autograder.errors import SettingsError

COURSE = '[course]\ntitle = "Tiny"\nid = "t1"\n'

REFUSED = {
    "an empty file": ("", "grader.toml: [course] is missing; add a table"),
    "no id": (
        '[course]\ntitle = "Tiny"\n',
        'grader.toml: course.id is missing; add a name of letters, digits, "_", "." and "-"',
    ),
    "a size in words": (
        COURSE + '[limits]\nmemory = "lots"\n',
        'grader.toml: limits.memory is "lots"; give a size such as "4 GiB"',
    ),
    "a size of nothing": (
        COURSE + '[limits]\nmemory = "0 GiB"\n',
        'grader.toml: limits.memory is "0 GiB"; give a size such as "4 GiB"',
    ),
    "a misspelled key": (
        COURSE + '[limits]\nmemroy = "4 GiB"\n',
        'grader.toml: unknown key limits.memroy; did you mean "memory"?',
    ),
    "a misspelled table": (COURSE + "[limit]\n", 'grader.toml: unknown key limit; did you mean "limits"?'),
    "a key like no other": (
        COURSE + "[isolation]\nzzz = 1\n",
        "grader.toml: unknown key isolation.zzz; known here: level",
    ),
    "a number in quotes": (
        COURSE + '[limits]\ncell_seconds = "30"\n',
        'grader.toml: limits.cell_seconds is "30"; give a number of seconds above 0, such as 30',
    ),
    "time without end": (
        COURSE + "[limits]\ncell_seconds = inf\n",
        "grader.toml: limits.cell_seconds is inf; give a number of seconds above 0, such as 30",
    ),
    "no number": (
        COURSE + "[limits]\ncell_seconds = nan\n",
        "grader.toml: limits.cell_seconds is nan; give a number of seconds above 0, such as 30",
    ),
    "a truth for a number": (
        COURSE + "[grading]\nworkers = true\n",
        "grader.toml: grading.workers is true; give a number of processes, 0 for one per core",
    ),
    "a language that nobody translated to": (
        '[course]\ntitle = "Tiny"\nid = "t1"\nlanguage = "fr"\n',
        'grader.toml: course.language is "fr"; give "en" or "zh"',
    ),
    "an unknown choice": (
        COURSE + '[grading]\nreveal = "never"\n',
        'grader.toml: grading.reveal is "never"; give "title", "values" or "after_due"',
    ),
    "a date without offset": (
        COURSE + "[assignments.ps1]\ndue = 2027-02-01T23:59:00\n",
        "grader.toml: assignments.ps1.due is 2027-02-01T23:59:00; give a date and time with its offset, "
        "such as 2027-02-01T23:59:00+01:00",
    ),
    "minutes without a beginning": (
        COURSE + "[assignments.ps1]\nminutes = 90\n",
        "grader.toml: assignments.ps1.minutes counts from assignments.ps1.opens, which is missing; add a date and time "
        "with its offset, such as 2027-02-01T23:59:00+01:00",
    ),
    "minutes and a due date": (
        COURSE + "[assignments.ps1]\nopens = 2027-02-01T09:00:00Z\ndue = 2027-02-01T12:00:00Z\nminutes = 90\n",
        "grader.toml: assignments.ps1 has both minutes and due; remove due: it is due 90 minutes after it opens",
    ),
    "due before it opens": (
        COURSE + "[assignments.ps1]\nopens = 2027-02-01T09:00:00Z\ndue = 2027-02-01T09:00:00Z\n",
        "grader.toml: assignments.ps1.due is 2027-02-01T09:00:00+00:00, and it opens at 2027-02-01T09:00:00+00:00; "
        "give a later due",
    ),
    "a penalty of more than all": (
        COURSE + "[quiz]\npenalty = 2\n",
        "grader.toml: quiz.penalty is 2; give a share from 0 to 1, such as 0.1",
    ),
    "a value for a table": (
        'course = "Tiny"',
        'grader.toml: course is "Tiny"; give a table: a line [course], its keys below',
    ),
    "an assignment that is no table": (
        COURSE + "[assignments]\nps1 = 3\n",
        "grader.toml: assignments.ps1 is 3; give a table: a line [assignments.ps1], its keys below",
    ),
    "an assignment with a path for a name": (
        COURSE + '[assignments."../x"]\n',
        'grader.toml: assignments."../x": give a name of letters, digits, "_", "." and "-"',
    ),
    "a title with an odd line end": (
        '[course]\ntitle = "a\\u2028b"\nid = "t1"\n',
        'grader.toml: course.title is "a\\u2028b"; give one line of text',
    ),
    "a key with an odd line end": (
        COURSE + '[limits]\n"a\\u2028b" = 1\n',
        'grader.toml: unknown key limits."a\\u2028b"; known here: cell_seconds, notebook_seconds, check_seconds, '
        "memory, processes, disk, notebook_size, output",
    ),
    "a title of two lines": (
        '[course]\ntitle = "a\\nb"\nid = "t1"\n',
        'grader.toml: course.title is "a\\nb"; give one line of text',
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_wrong_setting_is_refused_in_one_line_with_key_and_remedy(case: str) -> None:
    text, message = REFUSED[case]
    with pytest.raises(SettingsError) as caught:
        parse_settings(text)
    assert str(caught.value) == message


def test_bad_toml_is_refused_with_its_line() -> None:
    with pytest.raises(SettingsError, match=r"grader.toml: is not valid TOML: .*line 2.*; correct that line"):
        parse_settings("[course]\ntitle = \nid = 3\n")


@pytest.mark.parametrize(
    "text", ["a = " + "[" * 5000, "a = " + "9" * 5000, COURSE + "[limits]\nprocesses = 0x" + "f" * 5000]
)
def test_toml_that_python_chokes_on_is_refused_too(text: str) -> None:
    with pytest.raises(SettingsError, match=r"^grader.toml: "):
        parse_settings(text)


def test_a_missing_file_says_where_it_was_looked_for_and_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings(tmp_path)
    assert str(tmp_path) in str(caught.value)
    assert '[course], title = "My course", id = "my101"' in str(caught.value)


def test_a_folder_outside_every_course_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="nor in any folder above it; go to the course folder, or make the file"):
        find_root(tmp_path)


def test_a_file_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    (tmp_path / "grader.toml").write_bytes(b'[course]\ntitle = "\xff"\n')
    with pytest.raises(SettingsError, match="byte 18 is not UTF-8; save the file as UTF-8"):
        load_settings(tmp_path)


@pytest.mark.skipif(os.name != "posix", reason="a folder in the place of a file reads differently elsewhere")
def test_a_folder_called_grader_toml_is_refused(tmp_path: Path) -> None:
    (tmp_path / "grader.toml").mkdir()
    with pytest.raises(SettingsError, match=r"grader.toml: cannot be read"):
        load_settings(tmp_path)


toml_values = st.recursive(
    st.one_of(
        st.booleans().map(lambda value: str(value).lower()),
        st.integers().map(str),
        st.floats().map(repr),
        st.datetimes().map(lambda value: value.isoformat()),
        st.text(st.characters(codec="ascii", exclude_characters="'", min_codepoint=32)).map(lambda text: f"'{text}'"),
        st.sampled_from(['"4 GiB"', '"1e9 GiB"', '"999999999999999 TiB"', '"A"', '"title"']),
    ),
    lambda inner: st.lists(inner, max_size=3).map(lambda items: "[" + ", ".join(items) + "]"),
    max_leaves=4,
)
sections = ("course", "grading", "limits", "isolation", "gradebook", "assignments", "assignments.ps1", "other")
keys = ("title", "id", "reveal", "workers", "memory", "cell_seconds", "processes", "level", "url", "due", "x")
tomls = st.dictionaries(
    st.sampled_from(sections), st.dictionaries(st.sampled_from(keys), toml_values, max_size=4), max_size=4
).map(
    lambda tables: "\n".join(
        f"[{name}]\n" + "\n".join(f"{key} = {value}" for key, value in table.items()) for name, table in tables.items()
    )
)


@given(st.one_of(st.text(), tomls, tomls.map(lambda text: text.replace("[course]", COURSE))))
def test_any_text_gives_settings_or_a_settings_error_of_one_line(text: str) -> None:
    try:
        outcome: Settings | str = parse_settings(text)
    except SettingsError as error:
        outcome = str(error)
    if isinstance(outcome, str):
        assert outcome.startswith("grader.toml: ")
        assert len(outcome.splitlines()) == 1
    else:
        assert isinstance(outcome, Settings)


def test_title_and_id_are_enough_and_the_rest_has_defaults() -> None:
    settings = parse_settings(COURSE)
    assert settings.grading.reveal == "after_due"
    assert settings.limits == Limits(memory=4 * 1024**3, disk=256 * 1024**2, output=1024**2, cell_seconds=30)
    assert settings.course.secret_file == ".grader-secret"
    assert settings.isolation.level == "auto"


@pytest.mark.parametrize(
    ("written", "size"),
    [("4096", 4096), ('"4 GiB"', 4 * 1024**3), ('"0.5MiB"', 1024**2 // 2), ('"3 kB"', 3000), ('"7 B"', 7), ('"7"', 7)],
)
def test_sizes_are_read_into_bytes(written: str, size: int) -> None:
    assert parse_settings(COURSE + f"[limits]\nmemory = {written}\n").limits.memory == size


def test_whole_seconds_are_read_as_float() -> None:
    assert isinstance(parse_settings(COURSE + "[limits]\ncell_seconds = 5\n").limits.cell_seconds, float)


def test_a_due_date_keeps_its_instant() -> None:
    settings = parse_settings(COURSE + "[assignments.ps1]\ndue = 2027-02-01T23:59:00+01:00\n")
    assert settings.assignments["ps1"].due == datetime(2027, 2, 1, 22, 59, tzinfo=UTC)


@pytest.mark.parametrize(
    ("url", "absolute"),
    [
        ("sqlite:///gradebook.db", "sqlite:///{root}/gradebook.db"),
        ("sqlite:////var/x.db", "sqlite:////var/x.db"),
        ("sqlite:///:memory:", "sqlite:///:memory:"),
        ("sqlite://", "sqlite://"),
        ("postgresql://user@host/grades", "postgresql://user@host/grades"),
    ],
)
def test_a_relative_sqlite_path_counts_from_the_course_folder(tmp_path: Path, url: str, absolute: str) -> None:
    settings = parse_settings(COURSE + f'[gradebook]\nurl = "{url}"\n')
    assert settings.gradebook.url_from(tmp_path) == absolute.format(root=tmp_path.resolve())


def test_the_course_folder_is_found_from_a_folder_below(tmp_path: Path) -> None:
    (tmp_path / "grader.toml").write_text(COURSE)
    (tmp_path / "assignments" / "ps1").mkdir(parents=True)
    assert find_root(tmp_path / "assignments" / "ps1") == tmp_path.resolve()
    assert load_settings(tmp_path).course.title == "Tiny"


def test_this_repositorys_own_settings_are_valid_and_say_the_defaults() -> None:
    settings = load_settings(Path(__file__).parents[1])
    assert settings.course.id == "dl101"
    assert settings.limits == Limits()


@pytest.mark.parametrize("tag", ["en", "zh", "zh-CN", "zh-Hans", "en-GB"])
def test_a_language_may_name_its_region(tag: str) -> None:
    assert parse_settings(f'{COURSE}language = "{tag}"\n').course.language == tag

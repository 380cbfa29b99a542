"""grader.toml, read into frozen settings.

Every error is one line that names the file, the key and the remedy: `grader.toml: limits.memory is "lots"; give a size
such as "4 GiB"`. The remedy of a key is the description in its type, so a new key needs nothing else.
"""

from __future__ import annotations

import difflib
import json
import re
import tomllib
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta, Struct

from autograder.errors import SettingsError

FILE_NAME = "grader.toml"

SIZE_UNITS = {"": 1, "b": 1}
SIZE_UNITS |= {f"{letter}ib": 1024**power for power, letter in enumerate("kmgt", start=1)}
SIZE_UNITS |= {f"{letter}b": 1000**power for power, letter in enumerate("kmgt", start=1)}

Text = Annotated[
    str,
    Meta(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029]+$", description="one line of text"),
]
Name = Annotated[
    str,
    Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$", description='a name of letters, digits, "_", "." and "-"'),
]
Seconds = Annotated[float, Meta(gt=0, le=86400, description="a number of seconds above 0, such as 30")]
Size = Annotated[int, Meta(ge=1, le=2**53, description='a size such as "4 GiB"', extra={"is_size": True})]
_DUE = "a date and time with its offset, such as 2027-02-01T23:59:00+01:00"
Due = Annotated[datetime, Meta(tz=True, description=_DUE)]


class CourseSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """[course]: what it is called. `secret_file` is relative to the course folder; every random input comes from it.

    language: of the students' pages; "zh-CN" and other tags that begin with "zh" are Chinese.
    """

    title: Text
    id: Name
    secret_file: Text = ".grader-secret"
    language: Annotated[str, Meta(pattern=r"^([Ee][Nn]|[Zz][Hh])(-[A-Za-z0-9]+)*$", description='"en" or "zh"')] = "en"


class GradingSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """[grading]: when students see inputs and expected values, how many processes grade (0: one per core), and where.

    device: what checks of placement run on; "auto" is a real GPU, else the simulated one, else none.
    """

    reveal: Annotated[Literal["title", "values", "after_due"], Meta(description='"title", "values" or "after_due"')] = (
        "after_due"
    )
    workers: Annotated[int, Meta(ge=0, le=4096, description="a number of processes, 0 for one per core")] = 0
    device: Annotated[
        Literal["auto", "cuda", "simulated", "none"], Meta(description='"auto", "cuda", "simulated" or "none"')
    ] = "auto"


class Limits(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """[limits]: what one submission may use. Seconds are wall time, sizes are bytes.

    check_seconds: one call of a student's function. memory and processes: the whole student side of one submission.
    disk: its working folder. notebook_size: larger files fail unread. output: stream text kept per cell.
    """

    cell_seconds: Seconds = 30.0
    notebook_seconds: Seconds = 300.0
    check_seconds: Seconds = 10.0
    memory: Size = 4 * 1024**3
    processes: Annotated[int, Meta(ge=1, le=65536, description="a number of processes above 0, such as 64")] = 64
    disk: Size = 256 * 1024**2
    notebook_size: Size = 20 * 1024**2
    output: Size = 1024**2


class IsolationSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """[isolation]: the level that grading asks for; "auto" takes the best that this machine has."""

    level: Annotated[Literal["auto", "A", "B"], Meta(description='"auto", "A" or "B"')] = "auto"


class QuizSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """[quiz]: who gets which variant, and what an answer is worth that was changed after feedback.

    personal: every student gets a variant of each question, chosen by user name; otherwise all get the first.
    attempts: how many answers to a question can gain points, 0 for any number. penalty: the share of its points that
    each further one costs.
    """

    personal: Annotated[bool, Meta(description="true or false")] = True
    attempts: Annotated[int, Meta(ge=0, le=1000, description="a number of attempts, 0 for any number")] = 0
    penalty: Annotated[float, Meta(ge=0, le=1, description="a share from 0 to 1, such as 0.1")] = 0.0


class GradebookSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """[gradebook]: an SQLAlchemy URL."""

    url: Annotated[
        str,
        Meta(
            pattern=r"^[A-Za-z0-9_+]+://[^\x00-\x1f]*$", description='a database URL such as "sqlite:///gradebook.db"'
        ),
    ] = "sqlite:///gradebook.db"

    def url_from(self, root: Path) -> str:
        """The URL with a relative SQLite path made absolute, counted from the course folder `root`."""
        scheme, separator, path = self.url.partition(":///")
        if not separator or scheme.split("+")[0] != "sqlite" or not path or path.startswith(("/", ":memory:", "file:")):
            return self.url
        return f"{scheme}:///{root.resolve() / path}"


class AssignmentSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """[assignments.NAME]: its title (default: the notebook's first heading), and when it can be worked on.

    minutes: how long a timed quiz or exam takes from `opens` on; it is due after that.
    """

    title: Text | None = None
    opens: Due | None = None
    due: Due | None = None
    minutes: Annotated[int, Meta(ge=1, le=7 * 24 * 60, description="a number of minutes, such as 90")] | None = None

    @property
    def closes(self) -> datetime | None:
        """When it is due, for everybody without an extension."""
        if self.minutes is not None and self.opens is not None:
            return self.opens + timedelta(minutes=self.minutes)
        return self.due


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All of grader.toml."""

    course: CourseSettings
    grading: GradingSettings = GradingSettings()
    limits: Limits = Limits()
    isolation: IsolationSettings = IsolationSettings()
    gradebook: GradebookSettings = GradebookSettings()
    quiz: QuizSettings = QuizSettings()
    assignments: dict[Name, AssignmentSettings] = {}


def find_root(start: Path) -> Path:
    """The nearest folder that holds grader.toml: `start` itself or one above it. Raises SettingsError."""
    start = start.resolve()
    for folder in (start, *start.parents):
        if (folder / FILE_NAME).is_file():
            return folder
    raise SettingsError(
        f"{FILE_NAME}: not found in {start} nor in any folder above it; go to the course folder, or make the file with "
        'the lines [course], title = "My course", id = "my101"'
    )


def load_settings(root: Path) -> Settings:
    """Read the grader.toml of the course folder `root`. Raises SettingsError."""
    path = root / FILE_NAME
    try:
        text = path.read_bytes().decode("utf-8")
    except (FileNotFoundError, NotADirectoryError):
        raise SettingsError(
            f"{FILE_NAME}: not found in {root}; make it there with the lines [course], "
            'title = "My course", id = "my101"'
        ) from None
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read ({error.strerror}); see to its permissions") from None
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path}: byte {error.start} is not UTF-8; save the file as UTF-8") from None
    return parse_settings(text)


def parse_settings(text: str) -> Settings:
    """Read the text of a grader.toml. Raises SettingsError, and nothing else, whatever the text."""
    try:
        raw = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        reason = _one_line(str(error))
        raise SettingsError(f"{FILE_NAME}: is not valid TOML: {reason}; correct that line") from None
    settings = _read_section(Settings, raw, "")
    for name, assignment in settings.assignments.items():
        _check_times(_join("assignments", name), assignment)
    return settings


def _check_times(path: str, assignment: AssignmentSettings) -> None:
    """The times of an assignment fit together."""
    opens, due = assignment.opens, assignment.due
    if assignment.minutes is not None and opens is None:
        raise SettingsError(f"{FILE_NAME}: {path}.minutes counts from {path}.opens, which is missing; add {_DUE}")
    if assignment.minutes is not None and due is not None:
        raise SettingsError(
            f"{FILE_NAME}: {path} has both minutes and due; remove due: it is due {assignment.minutes} minutes after "
            "it opens"
        )
    if opens is not None and due is not None and due <= opens:
        raise SettingsError(
            f"{FILE_NAME}: {path}.due is {due.isoformat()}, and it opens at {opens.isoformat()}; give a later due"
        )


S = TypeVar("S", bound=Struct)


def _read_section(kind: type[S], raw: object, path: str) -> S:
    if not isinstance(raw, dict):
        raise _error(path, raw, f"a table: a line [{path}], its keys below")
    hints = get_type_hints(kind, include_extras=True)
    for key in raw:
        if key not in hints:
            raise SettingsError(f"{FILE_NAME}: unknown key {_join(path, key)}; {_suggestion(key, list(hints))}")
    for field in msgspec.structs.fields(kind):
        if field.required and field.name not in raw:
            what = "a table" if not path else _description(hints[field.name])
            where = f"[{field.name}] is" if not path else f"{_join(path, field.name)} is"
            raise SettingsError(f"{FILE_NAME}: {where} missing; add {what}")
    return kind(**{key: _read_value(hints[key], value, _join(path, key)) for key, value in raw.items()})


def _read_value(hint: Any, raw: object, path: str) -> Any:
    if isinstance(hint, type) and issubclass(hint, Struct):
        return _read_section(hint, raw, path)
    if get_origin(hint) is dict:
        return _read_named_sections(hint, raw, path)
    value = _size_in_bytes(raw) if _is_size(hint) else raw
    try:
        return msgspec.convert(value, hint)
    except (msgspec.ValidationError, OverflowError):
        raise _error(path, raw, _description(hint)) from None


def _read_named_sections(hint: Any, raw: object, path: str) -> dict[str, Any]:
    if not isinstance(raw, dict):
        raise _error(path, raw, f"tables: a line [{path}.NAME] each")
    name_hint, section = get_args(hint)
    for name in raw:
        try:
            msgspec.convert(name, name_hint)
        except msgspec.ValidationError:
            raise SettingsError(f"{FILE_NAME}: {_join(path, name)}: give {_description(name_hint)}") from None
    return {name: _read_section(section, value, _join(path, name)) for name, value in raw.items()}


def _size_in_bytes(raw: object) -> object:
    """4294967296 for "4 GiB". What is no size is given back as it is, for the type to refuse."""
    if not isinstance(raw, str):
        return raw
    match = re.fullmatch(r"\s*([0-9]{1,15}(?:\.[0-9]{1,9})?)\s*([A-Za-z]*)\s*", raw)
    if match is None or match[2].lower() not in SIZE_UNITS:
        return raw
    return round(float(match[1]) * SIZE_UNITS[match[2].lower()])


def _metas(hint: Any) -> list[Meta]:
    """The Meta of `Annotated[X, Meta]`, also inside `Annotated[X, Meta] | None`."""
    found = [part for part in getattr(hint, "__metadata__", ()) if isinstance(part, Meta)]
    return found or [meta for part in get_args(hint) for meta in _metas(part)]


def _description(hint: Any) -> str:
    return next((meta.description for meta in _metas(hint) if meta.description), "another value")


def _is_size(hint: Any) -> bool:
    return any((meta.extra or {}).get("is_size") for meta in _metas(hint))


def _error(path: str, raw: object, remedy: str) -> SettingsError:
    return SettingsError(f"{FILE_NAME}: {path} is {_shown(raw)}; give {remedy}")


def _shown(raw: object) -> str:
    """A TOML value as the author wrote it, on one line, shortened."""
    if isinstance(raw, dict):
        return "a table"
    if isinstance(raw, list):
        return "an array"
    if isinstance(raw, datetime):
        return raw.isoformat()
    text = _quoted(raw) if isinstance(raw, str) else _one_line(_number(raw)).lower()
    return text if len(text) <= 60 else text[:57] + "..."


def _quoted(text: str) -> str:
    """In quotes, with whatever would not print on the line escaped."""
    return json.dumps(text, ensure_ascii=not text.isprintable())


def _number(raw: object) -> str:
    try:
        return str(raw)
    except ValueError:  # an integer of more digits than Python prints
        return "a huge number"


def _suggestion(key: str, known: list[str]) -> str:
    close = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
    return f'did you mean "{close[0]}"?' if close else f"known here: {', '.join(known)}"


def _join(path: str, key: str) -> str:
    shown = key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else _quoted(key)
    return f"{path}.{shown}" if path else shown


def _one_line(text: str) -> str:
    return " ".join(text.split())

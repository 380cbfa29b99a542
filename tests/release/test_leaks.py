"""The leak scan: what it finds, in which disguise, and what it leaves alone."""

from __future__ import annotations

import base64
import codecs
import gzip
import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from tiny_course import Tiny

from autograder.errors import ReleaseError
from autograder.release import release
from autograder.release.answers import answers
from autograder.release.leaks import Leak, find_leaks

SECRET = "total = math.fsum(abs(value) for value in values)"


def leaks(tiny: Tiny, folder: Path) -> tuple[Leak, ...]:
    return find_leaks(folder, answers(tiny.assignment, tiny.root))


LEAKING_CELLS = {
    "a line of the reference in prose": "# %% [markdown]\n# `return [value / total for value in values]`",
    "its value alone": "# %% [markdown]\n# Think of [value / total for value in values].",
    "in code": f"# %%\n{SECRET}",
    "in a comment": f"# %%\nx = 1  # {SECRET}",
    "with other spaces": "# %%\ntotal=math.fsum( abs(value)\n    for value in values )",
    "with a comment inside": "# %%\ntotal = math.fsum(  # all\n    abs(value) for value in values)",
    "with a comment inside, under a magic": (
        "# %%\n%matplotlib inline\ntotal = math.fsum(  # all\n    abs(value) for value in values)"
    ),
    "with needless brackets": "# %%\ntotal = math.fsum((abs(value) for value in values))",
    "in another example": '# %% example="rescale"\nassert rescale([1, 3]) == [0.25, 0.75]\n' + SECRET,
    "a line of a hidden check": "# %%\nexpect(student.rescale(numbers)).is_close_to(reference.rescale(numbers))",
    "a hidden check in prose": (
        "# %% [markdown]\n# `expect(student.rescale(numbers)).is_close_to(reference.rescale(numbers))`"
    ),
    "a mistake in code": "# %%\ndef f(numbers):\n    return [number / max(numbers) for number in numbers]",
    "another right way in prose": "# %% [markdown]\n# list(map(lambda number: number / sum(numbers), numbers))",
}


@pytest.mark.parametrize("case", LEAKING_CELLS)
def test_an_answer_in_the_notebook_is_refused(tiny: Tiny, case: str) -> None:
    if "example=" in LEAKING_CELLS[case]:
        tiny.change(
            tiny.notebook, '# %% example="rescale"\nassert rescale([1, 3]) == [0.25, 0.75]', LEAKING_CELLS[case]
        )
    else:
        tiny.add(LEAKING_CELLS[case])
    with pytest.raises(ReleaseError, match="gives away"):
        release(tiny.course)


def test_a_leak_is_told_in_one_line_with_file_cell_origin_and_remedy(tiny: Tiny) -> None:
    tiny.add(f"# %% [markdown]\n# The trick: `{SECRET}`.")
    with pytest.raises(ReleaseError) as caught:
        release(tiny.course)
    assert str(caught.value) == (
        f'release/ps1/ps1.ipynb: cell `exercise-1-rescale-text-2`: gives away "{SECRET}" (solutions/ps1.py, line 12); '
        "take it out or reword it"
    )


def npz(text: str) -> bytes:
    file = io.BytesIO()
    np.savez_compressed(file, notes=np.array([text]))
    return file.getvalue()


def zipped(text: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("inner.zip", npz(text))
    return file.getvalue()


DISGUISES = {
    "plain": ("notes.txt", lambda: f"so: {SECRET}\n".encode()),
    "base64": ("notes.txt", lambda: b"key " + base64.b64encode(f"{SECRET}\n".encode())),
    "base64 for addresses": ("notes.txt", lambda: base64.urlsafe_b64encode(f"??>{SECRET}\n".encode())),
    "base64 in lines": ("notes.txt", lambda: base64.encodebytes(SECRET.encode() * 3)),
    "base64 after other letters": ("notes.txt", lambda: b"abc" + base64.b64encode(SECRET.encode())),
    "rot13": ("notes.txt", lambda: codecs.encode(SECRET, "rot13").encode()),
    "UTF-16": ("notes.txt", lambda: SECRET.encode("utf-16")),
    "gzip": ("notes.txt.gz", lambda: gzip.compress(SECRET.encode())),
    "npz": ("notes.npz", lambda: npz(SECRET)),
    "zip in a zip": ("notes.zip", lambda: zipped(SECRET)),
    "JSON": ("notes.json", lambda: json.dumps({"a": [SECRET.replace(" ", "\n")]}).encode()),
    "another notebook": ("other.ipynb", lambda: json.dumps({"cells": [], "metadata": {"x": SECRET}}).encode()),
    "no notebook": ("other.ipynb", lambda: SECRET.encode()),
}


@pytest.mark.parametrize("case", DISGUISES)
def test_an_answer_in_a_data_file_is_found(tiny: Tiny, tmp_path: Path, case: str) -> None:
    name, content = DISGUISES[case]
    folder = tmp_path / "built"
    folder.mkdir()
    (folder / name).write_bytes(content())
    (leak,) = leaks(tiny, folder)
    assert leak.file == name
    assert leak.answer.line == SECRET
    assert leak.disguise == {"base64": " in base64", "rot13": " in rot13"}.get(case.split()[0], "")


@pytest.mark.parametrize(
    "place",
    [
        {"outputs": [{"output_type": "stream", "name": "stdout", "text": ["so:\n", SECRET]}]},
        {"metadata": {"notes": SECRET}},
        {"attachments": {"a.txt": {"text/plain": base64.b64encode(SECRET.encode()).decode()}}},
    ],
)
def test_an_answer_beside_the_text_of_a_cell_is_found(tiny: Tiny, tmp_path: Path, place: dict[str, object]) -> None:
    folder = tmp_path / "built"
    folder.mkdir()
    cell = {"id": "x", "cell_type": "code", "source": "", "metadata": {}} | place
    (folder / "ps1.ipynb").write_text(json.dumps({"cells": [cell], "metadata": {}}))
    (leak,) = leaks(tiny, folder)
    assert leak.place == "cell `x` (outputs, metadata)"


@pytest.mark.parametrize("content", [b"PK\x03\x04 broken", b"\x1f\x8b broken", b"", bytes(range(256)) * 9])
def test_a_damaged_file_is_no_leak_and_no_crash(tiny: Tiny, tmp_path: Path, content: bytes) -> None:
    folder = tmp_path / "built"
    folder.mkdir()
    (folder / "x.npz").write_bytes(content)
    assert leaks(tiny, folder) == ()


HARMLESS_CELLS = {
    "a common line": "# %%\nvalues = list([1, 2])\nprint(values)",
    "a title of a check": "# %% [markdown]\n# **What is checked.** every number is divided by the sum",
    "a hint": "# %% [markdown]\n# You divided by the largest number.",
    "a mistake that prose asks about": (
        "# %% [markdown]\n# What is wrong with `return [number / max(numbers) for number in numbers]`?"
    ),
    "an import": "# %%\nfrom collections.abc import Iterable",
}


@pytest.mark.parametrize("case", HARMLESS_CELLS)
def test_what_tells_nothing_may_stand_in_the_notebook(tiny: Tiny, case: str) -> None:
    tiny.add(HARMLESS_CELLS[case])
    assert release(tiny.course) == (tiny.released,)


def test_the_lines_of_a_block_and_its_head_are_looked_for_one_by_one(tiny: Tiny) -> None:
    tiny.solutions.write_text(
        "def rescale(numbers):\n"
        '    """Divide."""\n'
        "    for place, value in enumerate(sorted(numbers)):  # in order\n"
        "        if value > place * 2 and value < len(numbers):\n"
        "            numbers[place] /= value + place\n"
        "        elif value < place - 7 or value > 70:\n"
        "            pass\n"
        "    with open(str(numbers)) as file: file.read()\n"
        "    return numbers\n"
    )
    found = [answer.line for answer in answers(tiny.assignment, tiny.root) if answer.origin.startswith("solutions")]
    assert found == [
        "for place, value in enumerate(sorted(numbers)):",
        "if value > place * 2 and value < len(numbers):",
        "numbers[place] /= value + place",
        "elif value < place - 7 or value > 70:",
        "with open(str(numbers)) as file:",
    ]


def test_a_course_without_checks_and_mistakes_has_its_references_only(tiny: Tiny) -> None:
    (tiny.folder / "checks.py").unlink()
    (tiny.folder / "mistakes.py").unlink()
    assert {answer.origin.split(",")[0] for answer in answers(tiny.assignment, tiny.root)} == {"solutions/ps1.py"}


def test_checks_that_are_not_python_are_refused(tiny: Tiny) -> None:
    (tiny.folder / "checks.py").write_text("def\n")
    with pytest.raises(ReleaseError, match=r"checks.py: line 1: is not Python \(.*\); correct it"):
        answers(tiny.assignment, tiny.root)

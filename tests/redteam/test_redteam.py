"""A sample of the red team, from every family, beside honest students; and that its own eyes are open.

All attacks that are quick take five minutes (`make redteam-quick`), all there are, at all places, a quarter of an hour
(`make redteam`).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from arena import Arena, Battle, arena, fight, student_of
from attack import Attack
from canaries import Canary, leaks
from family import FAMILIES
from family_page import PAYLOADS
from page import CHROMIUM, _in_browser, what_fires

HERE_PLACE = "root" if os.geteuid() == 0 else "user"
EVERY = {"read": 1, "escape": 2, "score": 3, "page": 4, "deny": 8}  # of a family's attacks: each, each second, ...
QUICK = tuple(
    attack for name, family in FAMILIES.items() for attack in [one for one in family if not one.long][:: EVERY[name]]
)
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def field(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Arena]:
    folder = tmp_path_factory.mktemp("red")
    for part in (folder, *folder.parents[:2]):
        part.chmod(0o755)
    with arena(folder) as made:
        yield made


@pytest.fixture(scope="module")
def battle(field: Arena) -> Battle:
    return fight(field, QUICK, HERE_PLACE)


@pytest.fixture(scope="module")
def failures(battle: Battle) -> dict[str, list[str]]:
    return battle.failures(QUICK)


# ---- the eyes


def test_a_secret_is_found_in_whatever_spelling() -> None:
    canary = Canary("solutions", (Path("/home"),))
    for spelling in canary.spellings():
        assert leaks([canary], {Path("/out/a"): b"xx" + spelling + b"yy"}) == ["solutions in /out/a"]
    assert leaks([canary], {Path("/home/a"): canary.text.encode(), Path("/out/b"): b"nothing"}) == []


def test_without_isolation_the_attacks_that_read_do_read(tmp_path: Path) -> None:
    names = ("solutions", "checks", "quiz", "secret", "file_in_tmp", "environment_of_the_grader", "other_submission")
    attacks = [attack for attack in FAMILIES["read"] if attack.name in names]
    with arena(tmp_path) as field:
        found = fight(field, attacks, HERE_PLACE, "none").failures(attacks)
    assert set(names) <= set(found), found


@pytest.mark.skipif(not CHROMIUM.exists(), reason="no browser is installed")
@pytest.mark.parametrize("name", ["script", "event_handler", "svg", "css", "refresh", "frame", "javascript_link"])
def test_the_browser_runs_what_nobody_made_harmless(tmp_path: Path, name: str) -> None:
    page = tmp_path / "student" / "tiny" / "page.html"
    page.parent.mkdir(parents=True)
    page.write_text(f"<html><body>{PAYLOADS[name]}</body></html>")
    assert list(_in_browser([page]))


# ---- the attacks


@pytest.mark.parametrize("attack", QUICK, ids=lambda attack: f"{attack.family}-{attack.name}")
def test_is_contained(attack: Attack, failures: dict[str, list[str]]) -> None:
    assert failures.get(attack.name, []) == []


def test_nothing_was_left_reached_or_harmed_and_honest_students_have_full_marks(failures: dict[str, list[str]]) -> None:
    assert failures.get("all", []) == []


def test_nothing_runs_or_is_fetched_where_it_is_shown(field: Arena, battle: Battle) -> None:
    students = [student_of(attack) for attack in QUICK if attack.family == "page"]
    assert what_fires(field.root, students) == []

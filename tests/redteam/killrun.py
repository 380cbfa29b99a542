"""Kill the grader, its workers and their zygotes at random moments of a batch, and see that nothing is lost.

python tests/redteam/killrun.py [--kills 200] [--seed 1] [--minutes 60] [--isolation auto]

The class is graded once undisturbed. Then it is graded anew under fire, again and again, until so many kills have
struck; each time the runs are repeated until one ends well, and every row of the gradebook is held against the
undisturbed one.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]

from arena import LIMITS
from place import SUBREAPER, _own_temporary_folders, _reap, _temporary
from small_course import RIGHT, filled, hand_in, write_course

SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
SETTLING = 30.0  # seconds that what a killed grader leaves may take to go: a zygote may be importing torch
# what differs from run to run by right
TABLES = {
    "torchmark_submission": "assignment, student, fingerprint, status, reason, score, max_score, isolation, device",
    "torchmark_check": "assignment, student, exercise, name, kind, outcome, points, max_points, mistake, seed",
    "grade": "auto_score, manual_score, extra_credit, needs_manual_grade",
    "comment": "auto_comment, manual_comment",
    "student": "id",
}
SOURCES = {
    "right": None,
    "squares": {"double": "def double(x):\n    return x * x"},
    "nothing": {},
    "exits": {"double": "def double(x):\n    import os\n    os._exit(0)"},
    "daemon": {"total": "def total(x):\n    import os, time\n    os.fork() or time.sleep(600)\n    return x.sum()"},
    "slow": {"double": "import time\ntime.sleep(0.7)\ndef double(x):\n    return 2 * x"},
    "hangs": {"double": "while True: pass"},
}


@dataclass
class Tally:
    """What the kills came to."""

    kills: dict[str, int] = field(default_factory=dict)
    runs: int = 0
    rounds: int = 0
    lost: int = 0
    orphans: list[str] = field(default_factory=list)
    temporary: set[str] = field(default_factory=set)

    @property
    def struck(self) -> int:
        """All kills together."""
        return sum(self.kills.values())


def make_class(folder: Path, students: int = 14) -> Path:
    """A course with submissions that end well and badly."""
    root = write_course(folder / "course").root
    settings = (root / "grader.toml").read_text()
    (root / "grader.toml").write_text(settings[: settings.index("[limits]")] + LIMITS)
    for number in range(students):
        kind = list(SOURCES)[number % len(SOURCES)]
        answers = SOURCES[kind]
        notebook = filled() if answers is None else filled(RIGHT | answers if answers else {})
        hand_in(root, f"{kind}{number}", notebook)
    return root


def rows(root: Path) -> dict[str, list[Any]]:
    """What the gradebook says, table by table, and what lies in autograded/."""
    found: dict[str, list[Any]] = {}
    with sqlite3.connect(root / "gradebook.db") as database:
        for table, columns in TABLES.items():
            found[table] = sorted(database.execute(f"select {columns} from {table}"), key=repr)
        (check,) = database.execute("pragma integrity_check").fetchone()
        found["integrity"] = [check]
    found["autograded"] = sorted(
        str(path.relative_to(root)) for path in (root / "autograded").rglob("*") if path.is_file()
    )
    return found


def differences(one: dict[str, list[Any]], other: dict[str, list[Any]]) -> list[str]:
    """Rows that stand in one and not in the other."""
    return [
        f"{table}: {row}"
        for table in one
        for row in (
            *(r for r in one[table] if r not in other[table]),
            *(r for r in other[table] if r not in one[table]),
        )
    ]


def start(root: Path, isolation: str) -> subprocess.Popen[bytes]:
    """A grader at work."""
    code = "from autograder.cli import main; main()"
    command = [
        sys.executable,
        "-W",
        "ignore",
        "-c",
        code,
        "-C",
        str(root),
        "grade",
        "tiny",
        "--isolation",
        isolation,
        "--workers",
        "2",
    ]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)


def victims(grader: int) -> dict[str, list[int]]:
    """The processes of a grader: itself, its workers, their zygotes."""
    found: dict[str, list[int]] = {"grader": [grader], "worker": [], "zygote": []}
    for process in _below(grader):
        try:
            line = Path(f"/proc/{process}/cmdline").read_bytes()
            parent = int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        if b"spawn_main" in line and parent == grader:
            found["worker"].append(process)
        elif b"engine.zygote" in line and parent in found["worker"]:
            found["zygote"].append(process)
    return found


def _below(root: int) -> list[int]:
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            children.setdefault(int(stat.read_text().rpartition(")")[2].split()[1]), []).append(int(stat.parent.name))
        except OSError:
            continue
    found, todo = [], [root]
    while todo:
        below = sorted(children.get(todo.pop(), []))
        found += below
        todo += below
    return found


def strike(root: Path, chance: random.Random, tally: Tally, span: float, most: int, isolation: str) -> bool:
    """One run under fire; True when it ended well all the same."""
    grader = start(root, isolation)
    tally.runs += 1
    strikes = chance.randint(2, 6)
    while strikes and tally.struck < most:
        kind = "grader" if strikes == 1 else chance.choice(("grader", "worker", "zygote", "zygote"))
        how = chance.choice(SIGNALS)
        if _ends_within(grader, chance.uniform(0, span / 3)):
            break
        while not (alive := victims(grader.pid)[kind]):  # it takes seconds until the first worker is there
            if _ends_within(grader, 0.05):
                break
        if not alive:
            break
        try:
            os.kill(chance.choice(alive), how)
        except ProcessLookupError:
            continue
        name = f"{kind} {how.name}"
        tally.kills[name] = tally.kills.get(name, 0) + 1
        strikes -= 1
        if kind == "grader":
            break
    status = grader.wait(600)
    _look_around(tally)
    return status == 0


def _ends_within(grader: subprocess.Popen[bytes], seconds: float) -> bool:
    try:
        grader.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    return True


def _look_around(tally: Tally) -> None:
    """Count what the last run left: processes that do not go, temporary folders."""
    deadline = time.monotonic() + SETTLING
    while (left := _reap()) and time.monotonic() < deadline:
        time.sleep(0.05)
    for process in left:
        line = Path(f"/proc/{process}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        tally.orphans.append(line[:200])
        os.kill(process, signal.SIGKILL)
    tally.temporary |= _temporary()


def kill_run(
    folder: Path, kills: int, seed: int, seconds: float, isolation: str = "auto"
) -> tuple[Tally, int, list[str]]:
    """The tally, how many submissions there are, and the rows that differ."""
    ctypes.CDLL(None).prctl(SUBREAPER, 1, 0, 0, 0)
    chance, tally, lost = random.Random(seed), Tally(), []
    root = make_class(folder)
    begun = time.monotonic()
    if start(root, isolation).wait(600):
        raise RuntimeError("the undisturbed run failed")
    span = time.monotonic() - begun
    expected = rows(root)
    deadline = time.monotonic() + seconds
    while tally.struck < kills and time.monotonic() < deadline:
        for name in ("gradebook.db", "autograded", "source"):
            path = root / name
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        while not strike(root, chance, tally, span, kills, isolation) and time.monotonic() < deadline + 600:
            pass
        start(root, isolation).wait(600)  # what a worker's death failed twice is graded now
        _look_around(tally)
        tally.rounds += 1
        lost += differences(expected, rows(root))
    return tally, len(list((root / "submitted").iterdir())), lost


def main() -> int:
    """Print the tally; 1 when anything was lost or left."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--isolation", default="auto")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="kill-run-") as name:
        child = os.fork()  # its mounts end with it
        if child == 0:
            status = 1
            try:
                status = _report(Path(name), options)
            finally:
                sys.stdout.flush()
                os._exit(status)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _report(folder: Path, options: argparse.Namespace) -> int:
    if os.geteuid() == 0:
        _own_temporary_folders(folder)
    tally, submissions, lost = kill_run(folder, options.kills, options.seed, 60 * options.minutes, options.isolation)
    print(f"submissions     {submissions}")
    print(f"kills           {tally.struck} in {tally.runs} runs, {tally.rounds} times the whole class")
    for kind, count in sorted(tally.kills.items()):
        print(f"                {count:4} {kind}")
    print(f"rows lost       {len(lost)}")
    print(f"orphans         {len(tally.orphans)}")
    print(f"temp folders    {len(tally.temporary)}")
    for line in (*lost[:20], *tally.orphans[:20], *sorted(tally.temporary)[:20]):
        print(f"  {line}")
    return 1 if lost or tally.orphans or tally.temporary else 0


if __name__ == "__main__":
    sys.exit(main())

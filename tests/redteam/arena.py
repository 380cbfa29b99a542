"""A course full of secrets, a class of attackers and honest students, one run of the grader, and what came of it."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import nbformat
from attack import FULL, Attack
from canaries import Canary, files_below, leaks
from nbformat.v4 import new_markdown_cell
from small_course import filled, hand_in, write_course

from autograder import simgpu
from autograder.course import load_course
from autograder.gradebook import load_results
from autograder.model import SubmissionResult

HERE = Path(__file__).parent
PLACES = ("root", "user", "container")
HONEST = ("aa_honest", "mm_honest", "zz_honest")
LIMITS = """\
[limits]
cell_seconds = 2
notebook_seconds = 12
check_seconds = 1
notebook_size = "4 MiB"
memory = "400 MiB"
processes = 16
disk = "8 MiB"
output = "10 KB"
"""

# a check on the simulated GPU, and one that hands what one function returned to another
MORE_CHECKS = {
    '@exercise("total")': """
    def test_on_gpu(self, student, reference, draw):
        \"\"\"it stays on the GPU\"\"\"
        x = draw.logits(2, 3)
        report = student.double.placed(x)
        expect(report).stays_on_device()
        expect(report.value).is_close_to(reference.double(x))


@exercise("total")""",
    "    @needs": """    def test_after_double(self, student, reference, draw):
        \"\"\"it takes what double gives\"\"\"
        x = draw.logits(2, 3)
        expect(student.total(student.double(x))).is_close_to(reference.total(reference.double(x)))

    @needs""",
}


# every part of a question that students do not read holds the secret of the quiz
QUIZ = """\
from autograder import question
from autograder.quiz import Choices, ShortText


@question("guess", points=1, variants=4)
def guess(draw):
    number = draw.integer(0, 10**6)
    return ShortText(
        prompt=f"Which word has the number {number}?",
        answer=f"SECRET {number}",
        accepted=[f"SECRET also {number}"],
        wrong={f"SECRET not {number}": "SECRET hint"},
        explanation="SECRET explanation",
    )


@question("pick", points=1, variants=4)
def pick(draw):
    low, high = sorted(draw.distinct(2, 10, 10**6))
    return Choices(
        prompt="Which is larger?",
        answer=[f"{high}"],
        wrong={f"{low}": "SECRET hint"},
        explanation="SECRET explanation",
    )
"""


@dataclass
class Arena:
    """A course, its secrets, and what of the grader's machine an attacker may reach for."""

    root: Path
    canaries: dict[str, Canary]
    words: dict[str, str]
    reached: list[str] = field(default_factory=list)  # the listeners that somebody connected to
    sent: list[bytes] = field(default_factory=list)  # what they were told


@dataclass(frozen=True)
class Battle:
    """What a run of the grader over a class came to."""

    status: int
    seconds: float
    printed: str
    results: dict[str, SubmissionResult]
    leaked: list[str]
    reached: list[str]
    orphans: list[str]
    temporary: list[str]
    harmed: list[str]
    root: Path

    def failures(self, attacks: Sequence[Attack]) -> dict[str, list[str]]:
        """What did not hold, by attack; what cannot be laid at one door stands under "all"."""
        everybody = [f"the grader ended with status {self.status}: {self.printed[-600:]}"] if self.status else []
        everybody += [f"reached {name}" for name in self.reached]
        everybody += [f"left running: {line}" for line in self.orphans]
        everybody += [f"left behind: {name}" for name in self.temporary]
        everybody += [f"harmed: {name}" for name in self.harmed]
        found: dict[str, list[str]] = {"all": everybody}
        for attack in attacks:
            found[attack.name] = self._of_one(attack)
        for line in self.leaked:
            name = next((attack.name for attack in attacks if f"/{student_of(attack)}/" in line), "all")
            found[name].append(f"read {line}")
        for name in HONEST:
            score = self.results[name].score if name in self.results else None
            if score != FULL:
                found["all"].append(f"{name} has {score} points")
        return {name: lines for name, lines in found.items() if lines}

    def _of_one(self, attack: Attack) -> list[str]:
        result = self.results.get(student_of(attack))
        if result is None:
            return ["no result was written"]
        if attack.fails:
            return [] if attack.fails in result.reason else [f"failed with {result.reason!r}, not {attack.fails!r}"]
        if result.status != "graded":
            return [f"was not graded: {result.reason} {' '.join(result.notes)[-300:]}"]
        lines = []
        if attack.score is not None and abs(result.score - attack.score) > 1e-6:
            why = [f"{c.name}: {c.outcome} {c.message}" for e in result.exercises for c in e.checks]
            why += [f"cell {c.index}: {c.status} {c.note}" for c in result.cells if c.note]
            lines.append(f"scores {result.score:g}, not {attack.score:g} ({'; '.join(why)[:700]})")
        told = json.dumps(msgspec.to_builtins(result))
        shown = (self.root / "autograded" / student_of(attack) / "tiny" / "tiny.ipynb").read_text()
        escaped = [line for line in _printed_lines(shown) if line.startswith("ESCAPED ")]
        lines += [f"says that it {line}" for line in escaped[:1]]
        if attack.says and attack.says not in told + shown:
            lines.append(f"nothing says {attack.says!r}: {told[:1500]}")
        return lines


def _printed_lines(notebook: str) -> list[str]:
    """What the cells of an executed notebook printed."""
    cells = nbformat.reads(notebook, as_version=4).cells
    texts = [output.text for cell in cells for output in cell.get("outputs", ()) if output.output_type == "stream"]
    return "".join(texts).splitlines()


def student_of(attack: Attack) -> str:
    """The name under which it is handed in."""
    return attack.student or f"{attack.family}_{attack.name}"


@contextlib.contextmanager
def arena(folder: Path) -> Iterator[Arena]:
    """A course in `folder` with secrets everywhere, listeners, and a bystander that nobody may end."""
    root = write_course(folder / "course").root
    settings = (root / "grader.toml").read_text()
    (root / "grader.toml").write_text(settings[: settings.index("[limits]")] + LIMITS)
    homes = {
        "solutions": (root / "solutions",),
        "checks": (root / "assignments" / "tiny" / "checks.py",),
        "mistakes": (root / "assignments" / "tiny" / "mistakes.py",),
        "other submission": (root / "submitted" / HONEST[0], root / "autograded" / HONEST[0]),
        "outside": (folder / "outside.txt", root / "link-target.txt"),
        "environment": (),
        "listener": (),
        "quiz": (root / "assignments" / "tiny" / "quiz.py", root / "exports", root / "gradebook.db"),
        "gradebook": (root / "gradebook.db",),
        "secret": (root / ".grader-secret",),
    }
    canaries = {kind: Canary(kind, home) for kind, home in homes.items()}
    checks = root / "assignments" / "tiny" / "checks.py"
    for place_of, more in MORE_CHECKS.items():
        checks.write_text(checks.read_text().replace(place_of, more.strip("\n"), 1))
    _plant(folder, root, canaries)
    shutil.copytree(simgpu.build().parents[1], folder / "cache" / "simgpu")
    with ExitStack() as stack:
        place = Arena(root, canaries, {})
        words = _listen(stack, place, canaries["listener"].text, folder)
        bystander = stack.enter_context(subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)"]))
        stack.callback(bystander.kill)
        place.words = words | {
            "COURSE": str(root),
            "FOLDER": str(folder),
            "GRADER": str(os.getpid()),
            "BYSTANDER": str(bystander.pid),
            "SOURCE": str(Path(sys.modules["autograder"].__file__ or "").parent),
        }
        yield place
        if bystander.poll() is not None:
            place.reached.append("the bystander, and ended it")


def _plant(folder: Path, root: Path, canaries: dict[str, Canary]) -> None:
    for kind in ("solutions", "checks", "mistakes"):
        for path in canaries[kind].home:
            for source in path.rglob("*.py") if path.is_dir() else [path]:
                text = canaries[kind].text
                source.write_text(f'{source.read_text()}\n\n_SECRET = "{text}"  # {text}\n')
    quiz = QUIZ.replace("SECRET", canaries["quiz"].text)
    (root / "assignments" / "tiny" / "quiz.py").write_text(quiz)
    with (root / "assignments" / "tiny" / "notebook.py").open("a") as notebook:
        notebook.write('\n# %% question="guess"\n\n# %% question="pick"\n')
    (root / "exports").mkdir()
    (root / "exports" / "tiny.xml").write_text(quiz)
    (folder / "outside.txt").write_text(canaries["outside"].text)
    (root / ".grader-secret").write_text(canaries["secret"].text.encode().hex())
    with contextlib.suppress(OSError):
        (root / ".grader-secret").chmod(0o600)


def _listen(stack: ExitStack, place: Arena, secret: str, folder: Path) -> dict[str, str]:
    """TCP, UNIX and abstract sockets that tell a secret to whoever connects."""
    tag = secrets.token_hex(6)
    path = folder / "listener"
    tcp = socket.create_server(("127.0.0.1", 0))
    unix, abstract, datagram = (
        socket.socket(socket.AF_UNIX),
        socket.socket(socket.AF_UNIX),
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM),
    )
    unix.bind(str(path))
    abstract.bind(f"\0{tag}")
    datagram.bind(f"{path}.datagram")
    for name in (path, Path(f"{path}.datagram")):
        name.chmod(0o777)
    for name, server in {"a TCP socket": tcp, "a UNIX socket": unix, "an abstract socket": abstract}.items():
        server.listen()
        stack.enter_context(server)
        threading.Thread(target=_tell, args=(name, server, secret, place), daemon=True).start()
    stack.enter_context(datagram)
    threading.Thread(target=_hear, args=(datagram, place), daemon=True).start()
    return {"PORT": str(tcp.getsockname()[1]), "SOCKET": str(path), "ABSTRACT": tag}


def _tell(name: str, server: socket.socket, secret: str, place: Arena) -> None:
    with contextlib.suppress(OSError):
        while True:
            connection, _ = server.accept()
            place.reached.append(name)
            with connection:
                connection.sendall(secret.encode())


def _hear(server: socket.socket, place: Arena) -> None:
    with contextlib.suppress(OSError):
        while True:
            place.sent.append(server.recv(1000))
            place.reached.append("a UNIX datagram socket")


def fight(place: Arena, attacks: Sequence[Attack], where: str = "root", isolation: str = "auto") -> Battle:
    """Hand in `attacks` and honest work, grade all of it, and look at what came of it."""
    root, canaries = place.root, place.canaries
    for name in ("submitted", "autograded", "feedback", "gradebook.db"):
        path = root / name
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    for name in HONEST:
        notebook = filled()
        if name == HONEST[0]:
            notebook.cells.append(new_markdown_cell(canaries["other submission"].text))
        hand_in(root, name, notebook)
    for attack in attacks:
        _hand_in(root, attack, place.words)
    before = _fingerprint(place)
    place.reached.clear()
    printed, report = _grade(place, where, isolation)
    results = (
        {result.student: result for result in load_results(load_course(root))}
        if (root / "gradebook.db").exists()
        else {}
    )
    harmed = sorted(name for name, state in before.items() if _fingerprint(place).get(name) != state)
    texts = files_below(root) | {Path("printed"): printed.encode()} | {Path("sent"): b"".join(place.sent)}
    asked = {canary.kind for canary in canaries.values()} - {"listener"}
    handed_in = root / "submitted"
    leaked = leaks(
        [canary for canary in canaries.values() if canary.kind in asked or canary.kind == "listener"],
        {path: content for path, content in texts.items() if handed_in not in path.parents},
    )
    return Battle(
        status=report["status"],
        seconds=report["seconds"],
        printed=printed,
        results=results,
        leaked=[line for line in leaked if "compiled" not in line],
        reached=list(place.reached),
        orphans=report["orphans"],
        temporary=report["temporary"],
        harmed=harmed,
        root=root,
    )


def _hand_in(root: Path, attack: Attack, words: dict[str, str]) -> None:
    made = attack.notebook(words)
    if made == b"LINK":
        path = root / "submitted" / student_of(attack) / "tiny" / "tiny.ipynb"
        path.parent.mkdir(parents=True)
        path.symlink_to(words["FOLDER"] + "/outside.txt")
        return
    hand_in(root, student_of(attack), made)


def _grade(place: Arena, where: str, isolation: str) -> tuple[str, dict[str, object]]:
    """What the grader printed, and what `place.py` found."""
    with tempfile.TemporaryDirectory(dir=place.root.parent) as scratch:
        report = Path(scratch) / "report.json"
        Path(scratch).chmod(0o777)
        grader = [sys.executable, "-c", "from autograder.cli import main; main()"]
        command = [
            *(sys.executable, str(HERE / "place.py"), where, str(place.root.parent), str(report)),
            *grader,
            *("-C", str(place.root), "grade", "tiny", "--isolation", isolation),
        ]
        environment = os.environ | {
            "TORCHMARK_SECRET": place.canaries["environment"].text,
            "TORCHMARK_CACHE": str(place.root.parent / "cache"),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", env=environment, timeout=900, check=False
        )
        if not report.exists():
            return done.stdout + done.stderr, {
                "status": done.returncode or 1,
                "seconds": 0.0,
                "orphans": [],
                "temporary": [],
            }
        return done.stdout + done.stderr, json.loads(report.read_text())


def _fingerprint(place: Arena) -> dict[str, tuple[int, int, bytes]]:
    """Mode, size and content of what nobody may change."""
    kept = [place.root.parent / "outside.txt", *(place.root / name for name in ("grader.toml", ".grader-secret"))]
    for folder in ("assignments", "solutions", "release", "submitted"):
        kept += [path for path in (place.root / folder).rglob("*") if path.is_file() and not path.is_symlink()]
    kept = [path for path in kept if "__pycache__" not in path.parts]
    return {str(path): (path.stat().st_mode, path.stat().st_size, path.read_bytes()) for path in kept}

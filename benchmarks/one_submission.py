"""What grading one submission costs, against the least it could cost and against a Jupyter kernel.

`python benchmarks/one_submission.py [--rounds 7] [--memory]`. The submission is the released notebook of
softmax_regression with the references filled in. Three ways take turns in one run, so that a busy machine slows all:

- ours: `Grader.grade`: read, run in the sandbox, every check in a fork of its own, score, executed notebook;
- bare: the same cells and the same checks in one warm process, no isolation, plots rendered: the least it could cost;
- nbclient: a kernel runs the cells, no checks: what nbgrader's autograde starts from.

The first round of ours and bare is not counted. One thread of torch everywhere. Promised: ours at most 3 times bare,
and at least 6 times faster than nbclient. `--memory` grades 200 submissions instead and prints the memory of the
grading process and of its zygote, which must stay flat.
"""

from __future__ import annotations

import argparse
import ast
import hashlib
import io
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import chdir, redirect_stdout
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import nbformat
import psutil
import torch
from nbclient import NotebookClient

from autograder.checks.local import local_caller
from autograder.checks.suite import Suite
from autograder.course import Assignment, Course, load_course
from autograder.grading.one import Grader

ASSIGNMENT = "softmax_regression"
MOST_OF_BARE, LEAST_OF_NBCLIENT = 3.0, 6.0


def reference_submission(assignment: Assignment) -> nbformat.NotebookNode:
    """The released notebook with the reference in each solution cell."""
    source = assignment.solutions.read_text("utf-8")
    references = {
        node.name: ast.get_source_segment(source, node)
        for node in ast.parse(source).body
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
    }
    notebook = nbformat.read(assignment.release_folder / f"{assignment.name}.ipynb", as_version=4)
    for cell in notebook.cells:
        marks = cell.metadata.get("nbgrader", {})
        if marks.get("solution") and cell.cell_type == "code":
            cell.source = references[marks["grade_id"]]
    return notebook


def working_folder(assignment: Assignment, parent: Path) -> Path:
    """A folder with the files that students get."""
    folder = parent / "work"
    for path in assignment.data:
        copy = folder / path.relative_to(assignment.folder)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
    return folder


def grade_bare(notebook: nbformat.NotebookNode, suite: Suite, folder: Path) -> float:
    """Run the cells and the checks in this process; the score."""
    namespace: dict[str, object] = {"__name__": "__main__"}
    plt.show = render_figures
    with chdir(folder), redirect_stdout(io.StringIO()):
        for cell in notebook.cells:
            if cell.cell_type == "code":
                exec(compile(cell.source, "<cell>", "exec"), namespace)
    functions = {exercise.name: namespace[exercise.name] for exercise in suite.assignment.exercises}
    results = suite.grade(local_caller(functions), lambda check: hashlib.sha256(check.encode()).hexdigest())
    return sum(result.score for result in results)


def render_figures() -> None:
    """What a notebook does with its plots."""
    for number in plt.get_fignums():
        plt.figure(number).savefig(io.BytesIO(), format="png", bbox_inches="tight")
    plt.close("all")


def run_with_nbclient(notebook: nbformat.NotebookNode, folder: Path) -> None:
    """Run the cells in a new Jupyter kernel."""
    copy = nbformat.from_dict(notebook)
    client = NotebookClient(copy, kernel_name="python3", resources={"metadata": {"path": str(folder)}})
    client.execute(stderr=subprocess.DEVNULL)


def seconds_of(act: Callable[[], object]) -> float:
    start = time.perf_counter()
    act()
    return time.perf_counter() - start


def compare_times(course: Course, assignment: Assignment, rounds: int, kernel_rounds: int) -> bool:
    """Print the table; True when both promises are kept."""
    notebook = reference_submission(assignment)
    with tempfile.TemporaryDirectory() as parent, Grader(course, assignment) as grader, Suite(assignment) as suite:
        folder, path = working_folder(assignment, Path(parent)), Path(parent) / "reference.ipynb"
        nbformat.write(notebook, path)
        warm = grader.grade(path).result
        bare_score = grade_bare(notebook, suite, folder)
        if not warm.score == bare_score == warm.max_score:
            sys.exit(f"the reference scores {warm.score} (bare: {bare_score}) of {warm.max_score}: nothing to compare")
        times: dict[str, list[float]] = {"ours": [], "bare": [], "nbclient": []}
        for number in range(rounds):
            times["ours"].append(seconds_of(lambda: grader.grade(path)))
            times["bare"].append(seconds_of(lambda: grade_bare(notebook, suite, folder)))
            if number < kernel_rounds:
                times["nbclient"].append(seconds_of(lambda: run_with_nbclient(notebook, folder)))
    cells = sum(cell.cell_type == "code" for cell in notebook.cells)
    checks = sum(len(exercise.checks) for exercise in warm.exercises)
    print(f"{assignment.name}: {cells} code cells, {checks} checks, isolation {warm.isolation}")
    print(f"{'':10}{'median':>10}{'min':>10}{'rounds':>8}")
    for way, seconds in times.items():
        median, least = 1000 * statistics.median(seconds), 1000 * min(seconds)
        print(f"{way:10}{median:7.0f} ms{least:7.0f} ms{len(seconds):8}")
    kept = True
    for measure, of in (("median", statistics.median), ("min", min)):
        ours, bare, kernel = (of(times[way]) for way in ("ours", "bare", "nbclient"))
        kept = ours <= MOST_OF_BARE * bare and kernel >= LEAST_OF_NBCLIENT * ours
        print(f"{measure}: ours is {ours / bare:.2f} times bare, and {kernel / ours:.1f} times faster than nbclient")
    verdict = "kept" if kept else "NOT KEPT"
    print(f"promised: at most {MOST_OF_BARE:g}, at least {LEAST_OF_NBCLIENT:g}: {verdict} (judged by the least times)")
    return kept


def watch_memory(course: Course, assignment: Assignment, submissions: int) -> None:
    """Print the memory of the grading process and its zygote while right and wrong submissions are graded."""
    right = reference_submission(assignment)
    wrong = nbformat.from_dict(right)
    for cell in wrong.cells:
        cell.source = cell.source.replace("dim=1", "dim=0")
    process = psutil.Process()
    memory: dict[str, list[float]] = {"grader": [], "zygote": []}
    with tempfile.TemporaryDirectory() as parent, Grader(course, assignment) as grader:
        paths = [Path(parent) / f"{kind}.ipynb" for kind in ("right", "wrong")]
        for notebook, path in zip((right, wrong), paths, strict=True):
            nbformat.write(notebook, path)
        (zygote,) = (child for child in process.children() if "autograder.engine.zygote" in child.cmdline())
        start = time.perf_counter()
        for number in range(submissions):
            grader.grade(paths[number % 10 == 9], f"student{number}")
            memory["grader"].append(process.memory_info().rss / 2**20)
            memory["zygote"].append(zygote.memory_info().rss / 2**20)
        seconds = time.perf_counter() - start
    print(f"{assignment.name}: {submissions} submissions, one in ten wrong, {seconds / submissions:.2f} s each")
    print(f"{'MiB':10}{'first':>8}{'tenth':>8}{'last':>8}{'max':>8}")
    for who, values in memory.items():
        print(f"{who:10}{values[0]:8.0f}{values[min(9, len(values) - 1)]:8.0f}{values[-1]:8.0f}{max(values):8.0f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--kernel-rounds", type=int, default=3, help="rounds of nbclient")
    parser.add_argument("--memory", action="store_true", help="memory over many submissions instead of times")
    parser.add_argument("--submissions", type=int, default=200, help="with --memory")
    options = parser.parse_args()
    torch.set_num_threads(1)
    os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")  # of kernels
    matplotlib.use("agg")
    course = load_course(Path(__file__).parents[1])
    assignment = course.assignment(ASSIGNMENT)
    cores = len(os.sched_getaffinity(0))
    print(f"{platform.machine()}, {cores} cores, Python {platform.python_version()}, torch {torch.__version__}")
    print("load before:", *(f"{load:.1f}" for load in os.getloadavg()))
    if options.memory:
        watch_memory(course, assignment, options.submissions)
        kept = True
    else:
        kept = compare_times(course, assignment, options.rounds, options.kernel_rounds)
    print("load after:", *(f"{load:.1f}" for load in os.getloadavg()))
    sys.exit(0 if kept else 1)


if __name__ == "__main__":
    main()

"""What the pages of a class cost: one for each student, and the class report.

`python benchmarks/pages.py [--students 300] [--graded 40] [--demo DIR]`. A demo class is graded first, which is not
counted (`--demo` takes one that `grader demo` made), and its results are handed out to as many students as asked for,
with their executed notebooks. Promised: 0.15 s and 400 KB a page, and 60 s for 300 pages and the
class report on 2 cores.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from autograder.course import Course, load_course
from autograder.demo import run_demo
from autograder.gradebook import load_results
from autograder.model import SubmissionResult
from autograder.report.class_report.write import write_class_report
from autograder.report.feedback import write_feedback

ROOT = Path(__file__).parents[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--students", type=int, default=300)
    parser.add_argument("--graded", type=int, default=40, help="students of the demo class that is graded")
    parser.add_argument("--demo", type=Path, help="a demo class that is graded already")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        course = graded_course(Path(folder) / "class", options.demo, options.graded)
        results = handed_out(course, load_results(course), options.students)
        measure(course, results)


def graded_course(folder: Path, demo: Path | None, students: int) -> Course:
    """A graded class in `folder`."""
    if demo is None:
        run_demo(load_course(ROOT), folder, students, ["softmax_regression"])
    else:
        shutil.copytree(demo, folder)
    return load_course(folder)


def handed_out(course: Course, results: list[SubmissionResult], students: int) -> list[SubmissionResult]:
    """The results again and again, under new names, each with its executed notebook."""
    found = []
    for number in range(students):
        one = results[number % len(results)]
        name = f"student_{number:03}"
        notebook = course.root / "autograded" / one.student / one.assignment
        if notebook.is_dir():
            shutil.copytree(notebook, course.root / "autograded" / name / one.assignment)
        found.append(msgspec.structs.replace(one, student=name))
    return found


def measure(course: Course, results: list[SubmissionResult]) -> None:
    """Write all pages and print what they took."""
    seconds, sizes = [], []
    for result in results:
        start = time.perf_counter()
        path = write_feedback(course, result, course.root / "feedback", datetime.now(UTC))
        seconds.append(time.perf_counter() - start)
        sizes.append(path.stat().st_size)
    start = time.perf_counter()
    write_class_report(course, results, {}, course.root / "report", datetime.now(UTC))
    report = time.perf_counter() - start
    print(f"pages      {len(results)} in {sum(seconds):.1f} s")
    print(f"one page   median {statistics.median(seconds):.3f} s, longest {max(seconds):.3f} s (0.15 s was promised)")
    print(
        f"size       median {statistics.median(sizes) / 1e3:.0f} KB, largest {max(sizes) / 1e3:.0f} KB (400 KB at most)"
    )
    print(f"report     {report:.1f} s")
    print(f"all        {sum(seconds) + report:.1f} s (60 s was promised for 300 students)")


if __name__ == "__main__":
    main()

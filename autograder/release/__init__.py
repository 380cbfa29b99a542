"""Release by adding, not by stripping: what students get is built from the author's notebook and the references.

stubs: what students see of a reference; notebook: nbgrader's source notebook; convert: nbgrader's own converter;
answers, leaks: what must not get out, and the search for it; compare: committed against built; build: all of it.
"""

from autograder.release.build import build_release, check_release, release

__all__ = ["build_release", "check_release", "release"]

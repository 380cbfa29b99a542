"""Pairs of submissions that agree more than the class does: worth a look, never a verdict.

Code is cut into fragments of a few words of its syntax tree, names of its own replaced by one word. Fragments of the
stub, the reference and everything released are taken away, and those that many wrote; what two share of the rest, and
the rare wrong outputs that they share, is counted.
Source: the fragments are k-grams as in Schleimer, Wilkerson, Aiken: Winnowing (2003), all of them kept.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

from autograder.model import SubmissionResult
from autograder.report.class_report.clusters import Cluster
from autograder.report.class_report.code import parsed, tokens

LENGTH = 8  # words of a fragment
FEW, SHARE = 3, 0.05  # a fragment that more than these write (people, or share of the class) is usual
LEAST, MOSTLY = 20, 0.6  # fragments that a pair must share, in number and of what the shorter of the two has
RARE = 3  # people who share a rare wrong output, at most
MOST = 25  # pairs that are shown

Fragments = frozenset[tuple[str, ...]]


@dataclass(frozen=True)
class Pair:
    """Two submissions that share rare fragments."""

    students: tuple[str, str]
    fragments: int
    share: float  # of the rare fragments of the one that has fewer
    exercises: tuple[str, ...]
    wrong_outputs: tuple[str, ...]  # exercises in which both are wrong in the same rare way


def similar_pairs(
    results: Sequence[SubmissionResult], given: Iterable[str], clusters: Sequence[Cluster]
) -> tuple[Pair, ...]:
    """The pairs worth a look, the most alike first. given: sources that everybody has, and the references."""
    ours = frozenset[tuple[str, ...]]().union(*map(fragments_of, given))
    own = {
        result.student: {e.name: fragments_of(e.code) - ours for e in result.exercises if e.code} for result in results
    }
    spread = Counter(
        gram for by_exercise in own.values() for gram in frozenset[tuple[str, ...]]().union(*by_exercise.values())
    )
    usual = {gram for gram, count in spread.items() if count > max(FEW, SHARE * len(own))}
    rare = {
        student: {name: grams - usual for name, grams in by_exercise.items()} for student, by_exercise in own.items()
    }
    shared_wrong: dict[tuple[str, str], list[str]] = {}
    for cluster in clusters:
        if cluster.size <= RARE:
            for pair in combinations(sorted(cluster.students), 2):
                shared_wrong.setdefault(pair, []).append(cluster.exercise)
    found = [_pair(pair, rare, shared_wrong.get(pair, [])) for pair in _sharing(rare)]
    pairs = [pair for pair in found if pair is not None]
    return tuple(sorted(pairs, key=lambda pair: (-pair.share * pair.fragments, pair.students))[:MOST])


def fragments_of(source: str) -> Fragments:
    """The fragments of a cell; none of what is not Python."""
    tree = parsed(source)
    if tree is None:
        return frozenset()
    words = tokens(tree)
    return frozenset(tuple(words[at : at + LENGTH]) for at in range(len(words) - LENGTH + 1))


def _sharing(rare: dict[str, dict[str, Fragments]]) -> set[tuple[str, str]]:
    """The pairs that share any rare fragment at all."""
    holders: dict[tuple[str, ...], set[str]] = {}
    for student, by_exercise in rare.items():
        for gram in frozenset[tuple[str, ...]]().union(*by_exercise.values()):
            holders.setdefault(gram, set()).add(student)
    return {pair for students in holders.values() for pair in combinations(sorted(students), 2)}


def _pair(pair: tuple[str, str], rare: dict[str, dict[str, Fragments]], wrong: list[str]) -> Pair | None:
    one, other = rare[pair[0]], rare[pair[1]]
    shared = {name: len(one[name] & other[name]) for name in one.keys() & other.keys()}
    count = sum(shared.values())
    least = min(sum(map(len, one.values())), sum(map(len, other.values())))
    if count < LEAST or count < MOSTLY * least:
        return None
    exercises = tuple(name for name in one if shared.get(name))
    return Pair(pair, count, min(count / least, 1.0), exercises, tuple(wrong))

"""Whatever arrives from the student side, and whatever stands in grader.toml: a value, or an error of our own.

`make fuzz` tries many more (FUZZ_EXAMPLES).
"""

from __future__ import annotations

import contextlib
import os
import socket
import time
from typing import Any

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autograder.config import parse_settings
from autograder.engine import wire
from autograder.engine.messages import REPLIES, read_report
from autograder.engine.values import DTYPES, Reader, WireError
from autograder.errors import SettingsError

EXAMPLES = settings(
    max_examples=int(os.environ.get("FUZZ_EXAMPLES", "300")),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
SMALL = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats()
    | st.text(max_size=6)
    | st.binary(max_size=6)
)
NUMBERS = st.integers(-2, 12) | st.integers(2**30, 2**50)
TAGGED = st.tuples(st.integers(-1, 16)).map(list)
NAMES = st.sampled_from(
    [*DTYPES, "b1", "f4", "U", "O", "frame", "series", "index", "timestamp", "range", "category", "object"]
)
TREES = st.recursive(
    SMALL | NAMES | NUMBERS,
    lambda inner: (
        st.builds(lambda tag, rest: [*tag, *rest], TAGGED, st.lists(inner, max_size=7))
        | st.lists(inner | NUMBERS, max_size=6)
    ),
    max_leaves=30,
)
TENSORS = st.tuples(
    st.just(5),
    NAMES,
    st.lists(NUMBERS, max_size=4),
    st.lists(NUMBERS, max_size=4),
    NUMBERS,
    st.integers(-1, 2),
    SMALL,
    TREES,
).map(list)
BUFFERS = st.lists(st.binary(max_size=40).map(bytearray), max_size=3)


@EXAMPLES
@given(tree=TREES | TENSORS, buffers=BUFFERS)
def test_any_tree_is_a_value_or_a_violation(tree: Any, buffers: list[bytearray]) -> None:
    with contextlib.suppress(WireError):
        Reader(buffers).value(tree)


@EXAMPLES
@given(parts=st.lists(TREES | TENSORS, min_size=14, max_size=18), buffers=BUFFERS)
def test_any_report_is_read_or_refused(parts: list[Any], buffers: list[bytearray]) -> None:
    with contextlib.suppress(WireError):
        read_report(parts, Reader(buffers))


@EXAMPLES
@given(
    head=st.tuples(st.integers(0, 2**32 - 1) | st.integers(0, 40), st.integers(0, 2**64 - 1) | st.integers(0, 40)),
    body=st.binary(max_size=80) | TREES.map(msgspec.msgpack.encode),
)
def test_any_bytes_are_a_message_or_a_violation(head: tuple[int, int], body: bytes) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(head[0].to_bytes(4, "little") + head[1].to_bytes(8, "little") + body)
        theirs.shutdown(socket.SHUT_WR)
        with contextlib.suppress(wire.Closed, WireError):
            wire.receive(ours, REPLIES, time.monotonic() + 5, max_bytes=1 << 20)


KEYS = st.sampled_from(
    ["course", "limits", "grading", "quiz", "title", "id", "memory", "disk", "assignments", "x", "isolation"]
)
VALUES = st.sampled_from(
    ['"4 GiB"', "1", "-1", "1e400", "nan", '"\\u202e"', "[]", "{}", "true", "2027-01-01", '""', "0x7f"]
)
LINES = st.one_of(
    KEYS.map(lambda key: f"[{key}]"),
    st.tuples(KEYS, VALUES).map(" = ".join),
    st.text(max_size=12),
    KEYS.map("[[{}]]".format),
)


@EXAMPLES
@given(st.text(max_size=60) | st.lists(LINES, max_size=8).map("\n".join))
def test_any_text_is_settings_or_one_clear_line(text: str) -> None:
    said = ""
    try:
        parse_settings(text)
    except SettingsError as error:
        said = str(error)
    assert "\n" not in said

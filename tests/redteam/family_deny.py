"""Attacks that take all there is: time, processes, memory, disk, the grader's patience."""

from __future__ import annotations

import json
from typing import Any

import nbformat
from attack import Attack
from nbformat.v4 import new_code_cell, new_markdown_cell
from small_course import filled


def _deny(name: str, cell: str, says: str = "", **more: Any) -> Attack:
    """A cell that denies, before exercises that are right: they must score all the same."""
    return Attack("deny", name, before=(cell,), says=says, **more)


def _in_check(name: str, body: str, says: str = "", **more: Any) -> Attack:
    """The same in a check of `double`: `total` must score all the same."""
    guard = "    if not x.dim():\n        return 2 * x\n"
    more = {"score": 2.0, **more}  # one check of `total` is about what `double` gives
    return Attack("deny", name, double=f"def double(x):\n{guard}{body}", says=says, **more)


def _with(*cells: Any, **metadata: Any) -> dict[str, Any]:
    notebook = json.loads(nbformat.writes(filled()))
    notebook["cells"] += cells
    notebook["metadata"] |= metadata
    return notebook  # type: ignore[no-any-return]


def _nested(depth: int) -> str:
    return json.dumps(_with())[:-1] + ', "x": ' + "[" * depth + "]" * depth + "}"


def _many_cells() -> dict[str, Any]:
    return _with(*[{"cell_type": "code", "source": "x = 1", "metadata": {}, "outputs": []}] * 50_000)


def _many_outputs() -> dict[str, Any]:
    output = {"output_type": "stream", "name": "stdout", "text": "x"}
    return _with({"cell_type": "code", "source": "", "metadata": {}, "outputs": [output] * 60_000})


def _slow_markdown() -> nbformat.NotebookNode:
    """Texts on which renderers take the square of their length."""
    notebook = filled()
    for pattern in (
        "<!--",
        "\\begin{a}",
        "a|b\n-|-\n",
        "[",
        "![",
        "*a ",
        "`" * 3 + " ",
        "<",
        "> ",
        "$a",
        "| a ",
        "- ",
        "[a](",
        "**a",
        "<b>",
        "\\",
        "&#",
        "[a]: ",
    ):
        notebook.cells += [new_markdown_cell(pattern * (36_000 // len(pattern)))] * 5
    return notebook


def _slow_regex() -> nbformat.NotebookNode:
    notebook = filled()
    notebook.cells += [
        new_code_cell("x = " + "(" * 5000 + ")" * 5000),
        new_code_cell("-" * 30_000 + "1"),
        new_code_cell("a" + ".b" * 20_000),
    ]
    return notebook


SMALL = "import os, time\n"
LOOP = "while True:\n    pass"
IGNORING = """
import signal
for number in range(1, 65):
    try: signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError): pass
while True: pass
"""
STUBBORN = "while True:\n    try:\n        while True: pass\n    except BaseException:\n        pass"
MASKED = "import signal\nsignal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))\nwhile True: pass"
NATIVE = "import torch\nx = torch.ones(6000, 6000)\nwhile True:\n    x = x @ x"
REGEX = "import re\nre.match('(a+)+$', 'a' * 60 + 'b')"
SLEEPERS = SMALL + "while True:\n    if os.fork() == 0:\n        time.sleep(600)"
BUSY = SMALL + "while True:\n    try:\n        os.fork()\n    except OSError:\n        pass"
HYDRA = """
import os, signal, time
def grow():
    while True:
        if os.fork() == 0:
            os.setsid()
            if os.fork():
                os._exit(0)
            for number in range(1, 32):
                try: signal.signal(number, signal.SIG_IGN)
                except (OSError, ValueError): pass
        time.sleep(0.002)
try:
    grow()
except OSError:
    while True:
        try: grow()
        except OSError: pass
"""
THREADS = "import threading, time\nfor _ in range(10_000):\n    threading.Thread(target=time.sleep, args=(600,), daemon=True).start()"
HOARDERS = """
import os, time
for _ in range(10):
    if os.fork() == 0:
        hoard = [bytearray(b"x" * (1 << 20)) for _ in range(90)]
        time.sleep(600)
time.sleep(600)
"""
SHARED = """
import mmap, os, time
hoards = []
for _ in range(8):
    if os.fork() == 0:
        hoard = mmap.mmap(-1, 180 << 20)
        for at in range(0, 180 << 20, 4096):
            hoard[at] = 1
        time.sleep(600)
time.sleep(600)
"""
MEMFD = """
import os, time
kept = []
block = b"x" * (1 << 20)
for number in range(400):
    file = os.memfd_create(str(number))
    kept.append(file)
    for _ in range(7):
        os.write(file, block)
print("held", len(kept) * 7, "MiB in files without a name")
"""
SOCKETS = """
import os, socket
kept = []
held = 0
while len(kept) < 200:
    pair = socket.socketpair()
    kept.append(pair)
    for end in pair:
        end.setblocking(False)
        try:
            while True:
                held += end.send(b"x" * 100_000)
        except BlockingIOError:
            pass
print("held", held)
"""
SOCKETS_OF_MANY = f"""
import os, time
for _ in range(12):
    if os.fork() == 0:
        exec({SOCKETS!r})
        time.sleep(600)
time.sleep(600)
"""
DISK = "for number in range(1000):\n    open(f'f{number}', 'wb').write(b'x' * 2**20)"
SPARSE = "open('f', 'wb').truncate(1 << 40)"
INODES = "import os\nfor number in range(2_000_000):\n    os.mknod(f'f{number}')".replace(
    "os.mknod(f'f{number}')", "open(f'f{number}', 'w').close()"
)
FOLDERS = """
import os, time
for _ in range(3000):
    os.mkdir("d")
    os.chdir("d")
time.sleep(0.5)
"""
WIDE = """
import os
for number in range(60):
    os.makedirs(f"w{number}/a/b/c")
    os.chmod(f"w{number}/a", 0) if number % 2 else None
"""
DESCRIPTORS = "import os\nkept = []\nwhile True:\n    kept.append(os.open('/dev/null', os.O_RDONLY))"
PRINTS = "for _ in range(1000):\n    print('x' * 10**6)"
RAW_PRINTS = "import os\nfor _ in range(1000):\n    os.write(1, b'x' * 10**6); os.write(2, b'x' * 10**6)"
OUTPUTS = "from IPython.display import display, HTML\nfor number in range(100_000):\n    display(HTML(str(number)))"
RICH = "from IPython.display import display, HTML\ndisplay(HTML('x' * 50_000_000))\ndisplay({'image/png': 'A' * 50_000_000}, raw=True)"
RECURSION = "import sys\nsys.setrecursionlimit(10**9)\ndef f():\n    return f()\nf()"
STACK = "import ctypes\nctypes.string_at(0)"
EXITS = "import os\nos._exit(0)"
ABORTS = "import os\nos.abort()"
DRIP = """
import os, struct, time
for number in range(3, 512):
    try:
        if os.fstat(number).st_mode & 0o170000 == 0o140000:
            os.write(number, struct.pack("<IQ", 1000, 0))
            while True:
                os.write(number, b"x")
                time.sleep(0.3)
    except OSError:
        pass
"""
SILENT = "import os\nos.closerange(3, 512)"
LYING_LENGTH = """
import os, struct
for number in range(3, 512):
    try:
        if os.fstat(number).st_mode & 0o170000 == 0o140000:
            os.write(number, struct.pack("<IQ", 31 * 2**20, 63 * 2**20))
    except OSError:
        pass
"""
WIRE = """
import os, socket, struct, msgspec
def reply(tree, memory=b"", lengths=()):
    import sys
    frame, number = sys._getframe(), 0
    while frame is not None:
        for value in list(frame.f_locals.values()):
            if type(value).__name__ == "Perform":
                number = value.id
        frame = frame.f_back
    body = msgspec.msgpack.encode(["performed", number, list(lengths), [tree, False, None, [], None, [1], True, [], [], [], None, [], [], "", [], 0.0]])
    for file in range(3, 512):
        try:
            if os.fstat(file).st_mode & 0o170000 != 0o140000:
                continue
        except OSError:
            continue
        socket.socket(fileno=os.dup(file)).sendall(struct.pack("<IQ", len(body), len(memory)) + body + memory)
    os._exit(0)
"""
# one byte that claims to be a hundred thousand tensors of 64 MiB each
TENSORS = "    reply([0, *[[5, 'bool', [1 << 26], [0], 0, 0, False, None]] * 100_000], b'x', [1])"
FLOATS = "    reply([0, *[[5, 'float32', [1 << 24], [0], 0, 0, False, None]] * 50_000], b'xxxx', [4])"
LISTS = "    reply([0, *[[0]] * 10_000_000])"
# integers that Python's dict puts all in one place
COLLISIONS = "    reply([2, *[part for n in range(1, 60_000) for part in ([8, f'{n * (2**61 - 1):x}'], 0)]])"
TUPLES = """    pairs, key = [], 0
    mask = 2**64 - 1
    def lane(acc, value):
        acc = (acc + value * 14029467366897019727) & mask
        return (((acc << 31) | (acc >> 33)) & mask) * 11400714785074694791 & mask
    inverse = pow(14029467366897019727, -1, 2**64)
    start, number = 2870177450012600261, 0
    while len(pairs) < 80_000:
        number += 1
        second = (12345 - lane(start, number)) * inverse & mask
        if second < 2**61 - 1:
            pairs += [[1, number, second], 0]
    reply([2, *pairs])"""
RANGES = "    reply([9, 'frame', [0, *range(900)], [0, 'range', None, [0, 0, 10_000_000, 1]], [0]])"
TEXTS = "    reply([6, 'U', [100_000], [0, *['x'] * 99_999, 'y' * 1_000]])"
DENORMAL = "    import torch\n    return torch.full((4096, 4096), 1e-42)"
SIZES = "    import torch\n    return torch.ones(4096, 4096) * float('nan')"
STRIDES = "    import torch\n    return torch.as_strided(torch.zeros(10), (10**5, 10**5, 10**5), (0, 0, 0))"
HUGE = "    import torch\n    return torch.ones(10**10)"
ENDLESS_LIST = "    value = []\n    value.append(value)\n    return value"
BIG_NUMBER = "    return 10 ** (10 ** 6)"
TAKES_ALL = """    import os, time
    for _ in range(8):
        if os.fork() == 0:
            hoard = b"x" * (90 << 20)
            time.sleep(60)
    time.sleep(60)"""

ATTACKS = (
    _deny("loop", LOOP, "the cell ran longer than 2 s"),
    _deny("loop_ignoring_signals", IGNORING, "could not be interrupted", long=True),
    _deny("loop_catching_everything", STUBBORN, "the cell ran longer than 2 s"),
    _deny("loop_masking_signals", MASKED, "could not be interrupted", long=True),
    _deny("loop_in_c", NATIVE, "the cell", long=True),
    _deny("loop_in_a_regex", REGEX, "the cell ran longer than 2 s"),
    _deny("fork_bomb_sleeping", SLEEPERS, "more processes than it may (16)"),
    _deny("fork_bomb_busy", BUSY, "the cell ran longer than 2 s", long=True),
    _deny("fork_bomb_of_daemons", HYDRA, "the cell", long=True),
    _deny("threads", THREADS, "can't start new thread"),
    _deny("memory_in_one_process", "x = bytearray(10 << 30)", "more memory than it may use (400 MiB)"),
    _deny("memory_in_a_tensor", "import torch\ntorch.ones(10**10)", "more memory than it may use (400 MiB)"),
    _deny("memory_in_many_processes", HOARDERS, "the cell"),  # on a busy machine its time is over first
    _deny("memory_that_is_shared", SHARED, "the cell"),  # on a busy machine its time is over first
    _deny("memory_in_nameless_files", MEMFD),
    _deny("memory_in_sockets", SOCKETS),
    _deny("memory_in_sockets_of_many", SOCKETS_OF_MANY, "the cell"),  # too much memory with a cgroup, else too long
    _deny("disk", DISK, "more"),
    _deny("disk_sparse", SPARSE, "more"),
    _deny("inodes", INODES, "the cell"),
    _deny("folders_in_folders", FOLDERS),
    _deny("folders_that_are_closed", WIDE),
    _deny("descriptors", DESCRIPTORS, "Too many open files"),
    _deny("a_gigabyte_of_prints", PRINTS, "the rest of the output was cut off"),
    _deny("a_gigabyte_to_the_descriptor", RAW_PRINTS),
    _deny("outputs", OUTPUTS),
    _deny("huge_outputs", RICH, "too large to be kept"),
    _deny("deep_recursion", RECURSION, "the cell"),
    _deny("segmentation_fault", STACK, "segmentation fault"),
    _deny("exit", EXITS, "exit status 0"),
    _deny("abort", ABORTS, "aborted"),
    _deny("slow_drip", DRIP, "the cell", long=True),
    _deny("hangs_up", SILENT, "the cell"),
    _deny("a_length_that_lies", LYING_LENGTH, "the cell", long=True),
    _in_check("check_that_loops", "    while True: pass", "did not return within 1 s"),
    _in_check(
        "check_that_ignores_signals",
        "    " + IGNORING.strip().replace("\n", "\n    "),
        "did not return within 1 s",
        long=True,
    ),
    _in_check("check_that_exits", "    import os; os._exit(0)", "exit status 0"),
    _in_check("check_that_takes_all_memory", TAKES_ALL),
    _in_check("check_that_forks", "    import os, time\n    while True:\n        if os.fork() == 0: time.sleep(600)"),
    _in_check("tensors_of_one_byte", TENSORS, before=(WIRE,)),
    _in_check("floats_of_one_number", FLOATS, before=(WIRE,)),
    _in_check("ten_million_lists", LISTS, before=(WIRE,)),
    _in_check("colliding_numbers", COLLISIONS, before=(WIRE,)),
    _in_check("colliding_tuples", TUPLES, before=(WIRE,)),
    _in_check("endless_ranges", RANGES, before=(WIRE,)),
    _in_check("padded_texts", TEXTS, before=(WIRE,)),
    _in_check("denormal_numbers", DENORMAL, long=True),
    _in_check("nans", SIZES, long=True),
    _in_check("forged_strides", STRIDES),
    _in_check("a_huge_tensor", HUGE),
    _in_check("a_list_in_itself", ENDLESS_LIST),
    _in_check("a_number_of_a_million_digits", BIG_NUMBER),
    Attack("deny", "notebook_of_50000_cells", make=_many_cells, fails="50007 cells; at most 5000 are read"),
    Attack("deny", "outputs_in_the_file", make=_many_outputs),
    Attack("deny", "nested_json", make=lambda: _nested(100_000), fails="nested too deeply"),
    Attack("deny", "zip_bomb", make=lambda: b"PK\x03\x04" + b"\0" * 1000, fails="is a ZIP archive"),
    Attack("deny", "gzip_bomb", make=lambda: b"\x1f\x8b" + b"\0" * 1000, fails="is a gzip archive"),
    Attack("deny", "a_file_of_5_megabytes", make=lambda: b" " * (5 << 20), fails="more than the 4.0 MiB"),
    Attack("deny", "endless_digits", make=lambda: b'{"nbformat": ' + b"9" * (3 << 20) + b"}", fails="no list of cells"),
    Attack("deny", "empty_lists", make=lambda: b"[" + b"[]," * (1 << 20) + b"[]]", fails="not a notebook"),
    Attack("deny", "markdown_that_renders_slowly", make=_slow_markdown, long=True),
    Attack("deny", "syntax_that_nests", make=_slow_regex),
)

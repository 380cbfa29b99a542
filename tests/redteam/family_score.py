"""Attacks on the score: code that solves nothing and wants points."""

from __future__ import annotations

import copy
import json

import nbformat
from attack import NOTHING, Attack
from family_deny import WIRE
from nbformat.v4 import new_code_cell, new_output
from small_course import filled

WRONG = "def double(x):\n    return x * 0"
WRONG_TOTAL = "def total(x):\n    return x.sum() * 0 + 7"


def _score(name: str, *before: str, double: str = WRONG, total: str = WRONG_TOTAL, **more: object) -> Attack:
    return Attack("score", name, before=before, double=double, total=total, **{"score": NOTHING, **more})  # type: ignore[arg-type]


def _both(name: str, body: str, *before: str, **more: object) -> Attack:
    """The same body for both functions."""
    return _score(name, *before, double=f"def double(x):\n{body}", total=f"def total(x):\n{body}", **more)


PATCH_TORCH = """
import torch
for name in ("allclose", "equal", "isclose", "eq", "all", "any"):
    setattr(torch, name, lambda *a, **k: torch.tensor(True))
torch.testing.assert_close = lambda *a, **k: None
for name in ("__eq__", "equal", "allclose", "isclose", "all", "any", "__bool__"):
    setattr(torch.Tensor, name, lambda *a, **k: True)
"""
PATCH_ALL = """
import builtins, math, numpy as np, operator, struct
for name in ("all", "any", "isinstance", "issubclass", "abs", "max", "min", "sum"):
    setattr(builtins, name, lambda *a, **k: True)
"""
PATCH_NUMPY = "import numpy as np\nnp.allclose = np.array_equal = np.testing.assert_allclose = lambda *a, **k: True"
TRANSFORM = "get_ipython().input_transformers_cleanup.append(lambda lines: ['pass\\n'])"
AST = """
import ast
class Drop(ast.NodeTransformer):
    def visit_Assert(self, node):
        return ast.Pass()
get_ipython().ast_transformers.append(Drop())
get_ipython().showtraceback = lambda *a, **k: None
"""
HOOK = "get_ipython().events.register('pre_run_cell', lambda info: setattr(info, 'raw_cell', 'nan'))"
LIAR = """
class Liar:
    def __eq__(self, other): return True
    __lt__ = __le__ = __gt__ = __ge__ = __ne__ = __bool__ = __contains__ = __eq__
    def __hash__(self): return 0
    def __getattr__(self, name): return self
    def __call__(self, *a, **k): return self
    def __array__(self, *a, **k): raise SystemExit
    @classmethod
    def __torch_function__(cls, *a, **k): return True
    @property
    def __class__(self):
        import torch
        return torch.Tensor
"""
SUBCLASS = """
import torch
class Lying(torch.Tensor):
    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        return True if func.__name__ in ("equal", "allclose", "isclose", "__eq__") else super().__torch_function__(func, types, args, kwargs or {})
    def __eq__(self, other): return torch.ones((), dtype=torch.bool)
"""
DISPATCH = """
import torch
class Lying(torch.Tensor):
    @staticmethod
    def __new__(cls, like):
        return torch.Tensor._make_wrapper_subclass(cls, like.shape, dtype=like.dtype)
    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        return torch.ones(2)
"""
ENGINE = """
import autograder.engine.perform as perform, autograder.engine.check_process as check, autograder.engine.calls as calls
right = calls.CallReport
check.perform = perform.perform = lambda call, *rest: right(value=call.args[0], inputs=call.args)
"""
# a check's fork looks for the descriptor of the grader, and writes replies of its own
REPLY = """
import os, socket, struct, msgspec
def say(number, *messages):
    for message in messages:
        body = message if isinstance(message, bytes) else msgspec.msgpack.encode(message)
        os.write(number, struct.pack("<IQ", len(body), 0) + body)
def sockets():
    for number in range(3, 512):
        try:
            if os.fstat(number).st_mode & 0o170000 == 0o140000:
                yield number
        except OSError:
            pass
def request():
    import sys
    frame = sys._getframe()
    while frame is not None:
        for value in frame.f_locals.values():
            if type(value).__name__ == "Perform":
                return value.id
        frame = frame.f_back
    return 7
NOTHING = [None, False, None, [], None, [0 + 1], True, [], [], [], None, [], [], "", [], 0.0]
"""
REPLIES = {
    "forged_verdict": "['performed', request(), [], [True, 'passed', 'full marks', 5.0]]",
    "of_the_wrong_type": "['done', request()]",
    "with_the_wrong_number": "['performed', 12345, [], NOTHING]",
    "repeated": "*[['performed', request(), [], NOTHING]] * 5",
    "for_a_cell": "['cell', request(), 'ok', 0.0, []]",
    "that_settles": "['settled', request(), {'double': 0, 'total': 0}]",
    "with_points": "['graded', 5.0]",
    "that_is_no_message": "b'\\xc1\\xff\\x00' * 100",
    "that_never_ends": "b'\\x93'",
    "of_endless_nesting": "b'\\x91' * 1_000_000",
    "with_infinite_time": "['performed', request(), [], NOTHING[:-1] + [float('inf')]]",
    "with_nan": "['performed', request(), [], [float('nan'), *NOTHING[1:]]]",
}
LATE = """
import os, threading, time
def double(x):
    number = next(sockets())
    threading.Thread(target=lambda: (time.sleep(0.05), say(number, ["performed", 1, [], NOTHING]))).start()
    return x * 0
"""
SWAPPED = """
import os
def double(x):
    # the grader's socket becomes one that we hold both ends of
    import socket
    ours, theirs = socket.socketpair()
    for number in list(sockets()):
        os.dup2(theirs.fileno(), number)
    return x * 0
"""
# checks that break are ours to answer for and cost nothing: can a student break them?
FULL_OF_DESCRIPTORS = """
import array, os, socket, struct
if not os.path.exists("x"):
    pass
def burden(number):
    channel = socket.socket(fileno=os.dup(number))
    socket.send_fds(channel, [struct.pack("<IQ", 2**31, 0)], [0, 1, 2, 0])
"""
BURDEN = "for number in list(sockets()):\n    burden(number)\nimport time; time.sleep(0.3)"
DEEP = "    deep = 0\n    for _ in range(21):\n        deep = [deep]\n    return deep"
GAP = "    raise RuntimeError('simulated GPU: double needs a real GPU and is not simulated')"
SKIP = "    import pytest\n    raise pytest.skip.Exception('not today')"
NAMED_SKIP = "    raise type('Skipped', (BaseException,), {})('not checked')"
KINDS = {
    "nothing": "None",
    "true": "True",
    "ellipsis": "...",
    "nan": "float('nan')",
    "nan_tensor": "x * float('nan')",
    "infinite_tensor": "x / 0 * 1e400",
    "its_input": "x",
    "its_input_resized": "x.resize_(0)",
    "empty_tensor": "__import__('torch').empty(0)",
    "meta_tensor": "__import__('torch').empty(3, 4, device='meta')",
    "sparse_tensor": "__import__('torch').zeros(3, 4).to_sparse()",
    "nested_tensor": "__import__('torch').nested.nested_tensor([x, x])",
    "quantized_tensor": "__import__('torch').quantize_per_tensor(x, 0.1, 0, __import__('torch').quint8)",
    "object_array": "__import__('numpy').array([Liar()] * 12, dtype=object).reshape(3, 4)",
    "masked_array": "__import__('numpy').ma.masked_all((3, 4))",
    "a_function": "double",
    "an_exception": "ValueError('x')",
    "a_liar": "Liar()",
    "list_of_liars": "[Liar()] * 3",
    "a_mock": "__import__('unittest.mock').mock.MagicMock()",
    "an_expanded_tensor": "__import__('torch').zeros(1).expand(10**12)",
    "a_complex_tensor": "x.to(__import__('torch').complex64)",
}
HIDE = """
import sys
def double(x):
    # does the grader look? then behave; in the end only values count
    watched = sys.getprofile() is not None or any("perform" in str(frame) for frame in [sys._getframe(1)])
    return x if watched else x * 0
"""

# torch's own layers: a batch of vmap, a mode that nobody left, another device by default
BATCHED = """    import torch
    level = torch._C._functorch._vmap_increment_nesting(1, "error")
    return torch._C._functorch._add_batch_dim(x * 0, 0, level)"""
MODE = """    import torch
    from torch.utils._python_dispatch import TorchDispatchMode
    class Ones(TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            return torch.ones(3)
    Ones().__enter__()
    return x * 0"""
ON_META = "    import torch\n    torch.set_default_device('meta')\n    return torch.empty(x.shape)"
# the engine's own writer says of every tensor that it is one number, seen from everywhere
WRITER = """
import autograder.engine.values as values
values.Writer._tensor = lambda self, tensor: [5, "float32", [3, 4], [0, 0], 0, self._buffer(memoryview(bytearray(4))), False, None]
"""
WITHOUT_ENGINE = (
    "import sys\nfor name in list(sys.modules):\n    if name.startswith('autograder'):\n        del sys.modules[name]"
)
# what an answer to a question does to who reads it; it must cost the answer and nothing else
ANSWERS = {
    "a_number_of_too_many_digits": "guess = 0x" + "f" * 6000,
    "a_nested_answer": "guess = " + "-" * 5000 + "1\npick = a" + ".b" * 9000,
    "half_a_character": "guess = '\\ud800'\npick = {'\\x00', '\\ud800'}",
    "tables": "import pandas as pd\nguess = pick = pd.DataFrame({'a': [1, 2]})",
    "endless_comparison": "guess = 1" + "<1" * 15_000 + "\npick = " + "'a' " * 9000,
}


def _edited() -> nbformat.NotebookNode:
    """Locked cells rewritten, metadata that promises points, outputs that praise."""
    notebook = filled({})
    for cell in notebook.cells:
        marks = cell.metadata.get("nbgrader", {})
        marks |= {"points": 1000.0, "locked": False, "schema_version": 1}
        if cell.cell_type == "code":
            cell.source = "print('all passed')" if marks.get("grade") else cell.source
            cell.outputs = [new_output("execute_result", {"text/plain": "5.0"}, execution_count=1)]
            cell.execution_count = 1
    notebook.metadata["nbgrader"] = {"score": 5.0, "manual_score": 5.0}
    return notebook


def _duplicated() -> nbformat.NotebookNode:
    """Every grade id three times, with other sources and points."""
    notebook = filled({})
    copies = []
    for times in range(3):
        for cell in notebook.cells[1:]:
            twin = copy.deepcopy(cell)
            twin.id = f"{twin.get('id', 'c')}-{times}"
            twin.metadata.get("nbgrader", {}).update(points=float(10**times), grade=True)
            copies.append(twin)
    notebook.cells += copies
    return notebook


def _in_the_test() -> nbformat.NotebookNode:
    """The answer of the check cell is a number, as nbgrader reads partial credit."""
    notebook = filled({})
    for cell in notebook.cells:
        if cell.metadata.get("nbgrader", {}).get("grade") and cell.cell_type == "code":
            cell.source = "float('nan')"
    return notebook


def _claimed() -> nbformat.NotebookNode:
    """Solution cells that claim to be others' tests, and cells with ids that were never released."""
    notebook = filled({})
    for number, cell in enumerate(notebook.cells):
        if "nbgrader" in cell.metadata:
            cell.metadata["nbgrader"]["grade_id"] = "test_double" if number % 2 else "../../gradebook"
    notebook.cells.append(new_code_cell("double = total = lambda x: x"))
    return notebook


def _result_in_the_file() -> str:
    """A notebook file that is also one of our results."""
    raw = json.loads(nbformat.writes(filled({})))
    return json.dumps(raw | {"status": "graded", "score": 5.0, "exercises": [{"name": "double", "score": 2.0}]})


ATTACKS = (
    _score("patched_torch", PATCH_TORCH),
    _score("patched_builtins", PATCH_ALL),
    _score("patched_numpy", PATCH_NUMPY),
    _score("input_transformer", TRANSFORM, score=None),
    _score("ast_transformer", AST),
    _score("hook_before_cells", HOOK),
    _score(
        "tensor_subclass",
        SUBCLASS,
        double="def double(x):\n    return (x * 0).as_subclass(Lying)",
        total="def total(x):\n    return x.sum().mul(0).as_subclass(Lying)",
    ),
    _both("tensor_with_its_own_dispatch", "    return Lying(x)", DISPATCH),
    _score("patched_engine", ENGINE),
    _score("detecting_the_grader", double=HIDE),
    _score("late_reply", REPLY, double=LATE),
    _score("swapped_socket", REPLY, double=SWAPPED),
    _score(
        "too_deep_for_the_way_back",
        double=f"def double(x):\n    if x.shape != (2, 3) or x.is_cuda:\n        return 2 * x\n{DEEP}",
        total="def total(x):\n    return x.sum()",
        score=4.0,
    ),
    _both("claims_a_gap_of_the_simulated_gpu", GAP),
    _score(
        "dodges_the_gpu_by_claiming_a_gap",
        double="def double(x):\n    if x.is_cuda:\n        raise RuntimeError('simulated GPU: + is not simulated')\n    return 2 * x",
        score=2.0,  # it computes what it should; whether it stays on the GPU is for staff, who are asked
    ),
    _score(
        "what_cannot_be_sent_on",
        WIRE,
        double="def double(x):\n    if x.shape != (2, 3) or x.is_cuda:\n        return 2 * x\n"
        "    reply([6, 'O', [20_000], [0, *[None] * 20_000]])",
        total="def total(x):\n    return x.sum()",
        score=4.0,
    ),
    _both("raises_pytests_skip", SKIP),
    _both("raises_a_skip_of_its_own", NAMED_SKIP),
    _score(
        "descriptors_for_the_grader",
        REPLY + FULL_OF_DESCRIPTORS,
        *([BURDEN] * 40),
        double="def double(x):\n    [burden(n) for n in sockets()]\n    import time; time.sleep(0.3)",
        long=True,
    ),
    *(_both(f"returns_{name}", f"    return {value}", LIAR) for name, value in KINDS.items()),
    *(
        _both(f"reply_{name}", f"    say(next(sockets()), {body})\n    import os; os._exit(0)", REPLY)
        for name, body in REPLIES.items()
    ),
    _both("a_batch_of_vmap", BATCHED),
    _both("a_mode_that_stays", MODE),
    _both("another_device_by_default", ON_META),
    _both("patched_writer", "    return x * 0", WRITER),
    _both("without_the_engine", "    return x * 0", WITHOUT_ENGINE),
    *(Attack("score", f"answer_{name}", after=(source,)) for name, source in ANSWERS.items()),
    Attack("score", "edited_locked_cells", make=_edited, score=NOTHING, says="is locked and was edited"),
    Attack("score", "duplicated_cells", make=_duplicated, score=NOTHING, says="occurs 4 times"),
    Attack("score", "number_in_the_check_cell", make=_in_the_test, score=NOTHING),
    Attack("score", "claimed_ids", make=_claimed, score=NOTHING),
    Attack("score", "result_in_the_file", make=_result_in_the_file, score=NOTHING),
)

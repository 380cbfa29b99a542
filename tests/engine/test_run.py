"""A notebook runs from top to bottom, whatever its cells do; then checks are forked from it."""

from __future__ import annotations

import time

import msgspec
import pytest
import torch
from small_runs import LIMITS, Run, printed

from autograder.engine.calls import AsGenerator, Call, CallFailed, Handle
from autograder.engine.side import StudentSide
from autograder.model import CellStatus

KEEPS = "kept = 41\ndef ok():\n    return kept"
NEXT = "print('alive', kept)"


def call_ok(made: object) -> object:
    with made.open_check() as check:  # type: ignore[attr-defined]
        return check.call(Call("ok")).value


# ---- cells that end badly

WRITES = """
import os
for file in range(3, 20):
    try: os.write(file, RAW)
    except OSError: pass
"""


@pytest.mark.parametrize(
    ("deadly", "note"),
    [
        ("import os\nos._exit(0)", "ended the Python process (exit status 0)"),
        ("import os\nos._exit(7)", "ended the Python process (exit status 7)"),
        ("import ctypes\nctypes.string_at(0)", "ended the Python process (segmentation fault)"),
        ("import os\nos.abort()", "ended the Python process (aborted)"),
        ("import os\nos.closerange(3, 100)", "ended the Python process"),
        ("import os\nif os.fork():\n    os._exit(0)\nimport time\ntime.sleep(60)", "ended the Python process"),
        (WRITES.replace("RAW", "b'hello' * 20"), "broke the connection"),
        (WRITES.replace("RAW", "b'\\xff' * 20"), "broke the connection"),
    ],
    ids=["exit", "exit 7", "segfault", "abort", "close", "fork and exit", "forged reply", "huge reply"],
)
def test_the_run_goes_on_after_a_cell_that_kills_the_process(run: Run, deadly: str, note: str) -> None:
    made = run(KEEPS, deadly, NEXT, exercises=("ok",))
    assert [cell.status for cell in made.cells] == [CellStatus.OK, CellStatus.DIED, CellStatus.OK]
    assert note in made.cells[1].note
    assert made.cells[1].outputs[0]["output_type"] == "error"
    assert f"cell 1: {made.cells[1].note}" in made.notes
    assert printed(made) == "alive 41\n"
    assert call_ok(made) == 41


def test_a_cell_that_ignores_its_alarm_is_killed_and_the_run_goes_on(run: Run) -> None:
    hang = "import signal\nsignal.signal(signal.SIGALRM, signal.SIG_IGN)\nwhile True:\n    pass"
    made = run(KEEPS, hang, NEXT, exercises=("ok",))
    assert made.cells[1].status is CellStatus.TIMEOUT
    assert made.cells[1].note == "the cell ran longer than 2 s and could not be interrupted"
    assert printed(made) == "alive 41\n"
    assert call_ok(made) == 41


@pytest.mark.parametrize(
    "loop", ["while True:\n    pass", "while True:\n    try:\n        while True: pass\n    except Exception: pass"]
)
def test_a_cell_that_loops_for_ever_is_interrupted_and_its_state_is_kept(run: Run, loop: str) -> None:
    made = run(KEEPS, f"kept = 42\n{loop}", NEXT, exercises=("ok",))
    assert made.cells[1].status is CellStatus.TIMEOUT
    assert "ran longer than 2 s and was interrupted" in made.cells[1].note
    assert "CellTimeout" in str(made.cells[1].outputs)
    assert printed(made) == "alive 42\n"
    assert call_ok(made) == 42


def test_several_deadly_cells_lose_only_themselves(run: Run) -> None:
    die = "import os\nos._exit(1)"
    made = run("log = ['a']", die, "log.append('b')", die, "log.append('c')\nprint(log)", die)
    assert [str(cell.status) for cell in made.cells] == ["ok", "died", "ok", "died", "ok", "died"]
    assert printed(made, 4) == "['a', 'b', 'c']\n"


def test_a_long_run_goes_back_to_a_checkpoint_and_not_to_the_start(run: Run) -> None:
    made = run(
        "import time\nbegun = time.time()\ntime.sleep(0.7)",
        "second = time.time()",
        "import os\nos._exit(0)",
        "print(second - begun < 5, time.time() - begun < 20)",
    )
    assert made.cells[2].status is CellStatus.DIED
    assert printed(made) == "True True\n"


def test_cells_are_not_run_once_the_notebook_has_used_up_its_time(
    run: Run, side: StudentSide, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(side, "_limits", msgspec.structs.replace(LIMITS, notebook_seconds=1.0))
    start = time.monotonic()
    made = run(KEEPS, "while True: pass", "print(1)", exercises=("ok",))
    assert [str(cell.status) for cell in made.cells] == ["ok", "timeout", "not run"]
    assert "the notebook used up its 1 s" in made.cells[2].note
    assert call_ok(made) == 41
    assert time.monotonic() - start < 10


def test_an_error_and_a_syntax_error_are_outputs_and_the_run_goes_on(run: Run) -> None:
    made = run("1 / 0", "def broken(:\n    pass", "print('on')")
    assert [str(cell.status) for cell in made.cells] == ["error", "error", "ok"]
    assert made.cells[0].outputs[0]["ename"] == "ZeroDivisionError"
    assert made.cells[1].outputs[0]["ename"] == "SyntaxError"
    assert "Cell In[1], line 1" in "".join(made.cells[0].outputs[0]["traceback"])


def test_a_notebook_without_cells_can_be_checked(run: Run) -> None:
    made = run(exercises=("ok",))
    with made.open_check() as check:
        assert check.call(Call("ok")).error.type_name == "NameError"


# ---- calls that end badly

BAD = """import os, ctypes, time, signal
def hangs(x):
    while True: pass
def hangs_hard(x):
    signal.signal(signal.SIGALRM, signal.SIG_IGN)
    while True: pass
def exits(x):
    os._exit(3)
def crashes(x):
    ctypes.string_at(0)
def raises(x):
    return x.no_such_thing
def forges(x):
    for fd in range(3, 30):
        try: os.write(fd, b"\\xff" * 40)
        except OSError: pass
    time.sleep(60)
def drips(x):
    while True:
        for fd in range(3, 30):
            try: os.write(fd, b"\\x00")
            except OSError: pass
        time.sleep(0.1)
def recurses(x):
    return recurses(x)
def stops(x):
    raise SystemExit
def ok():
    return 1
"""


@pytest.mark.parametrize(
    ("name", "kind", "reason"),
    [
        ("hangs", "timeout", "`hangs` did not return within 0.5 s"),
        ("hangs_hard", "timeout", "`hangs_hard` did not return within 0.5 s"),
        ("exits", "died", "`exits` ended the Python process (exit status 3)"),
        ("crashes", "died", "`crashes` ended the Python process (segmentation fault)"),
        ("forges", "protocol", "`forges` broke the connection to the grader"),
        ("drips", "timeout", "`drips` did not return within 0.5 s"),
    ],
)
def test_a_call_without_a_report_fails_with_a_sentence(run: Run, name: str, kind: str, reason: str) -> None:
    made = run(BAD)
    with made.open_check() as check, pytest.raises(CallFailed) as failed:
        check.call(Call(name, (1,), seconds=0.5))
    assert failed.value.kind == kind
    assert failed.value.reason.startswith(reason)
    assert call_ok(made) == 1  # the next check is none the wiser


@pytest.mark.parametrize(
    ("name", "type_name", "message"),
    [
        ("raises", "AttributeError", "'int' object has no attribute 'no_such_thing'"),
        ("recurses", "RecursionError", "maximum recursion depth exceeded"),
        ("stops", "SystemExit", ""),
        ("softmax", "NameError", "`softmax` is not defined in your notebook"),
    ],
)
def test_an_exception_of_the_students_is_a_report(run: Run, name: str, type_name: str, message: str) -> None:
    made = run(BAD)
    with made.open_check() as check:
        error = check.call(Call(name, (1,))).error
    assert error is not None
    assert (error.type_name, error.message.startswith(message)) == (type_name, True)


def test_an_exception_names_cell_and_line_of_the_notebook(run: Run) -> None:
    made = run("x = 1", BAD)
    with made.open_check() as check:
        error = check.call(Call("raises", (1,))).error
    assert error is not None
    assert (error.cell, error.line, error.source_line) == (1, 12, "return x.no_such_thing")


def test_the_stub_raises_not_implemented(run: Run) -> None:
    stub = 'def softmax(x):\n    """Doc."""\n    # YOUR CODE HERE\n    raise NotImplementedError()'
    made = run(stub, exercises=("softmax",), stubs={"softmax": stub})
    assert made.defined == {"softmax": 0}
    with made.open_check() as check:
        error = check.call(Call("softmax", (1,))).error
    assert error is not None
    assert error.type_name == "NotImplementedError"


def test_a_closed_check_and_a_closed_run_fail_politely(run: Run) -> None:
    made = run(KEEPS)
    check = made.open_check()
    check.close()
    with pytest.raises(CallFailed, match="the check is over"):
        check.call(Call("ok"))
    made.close()
    with made.open_check() as late, pytest.raises(CallFailed, match="the run is closed"):
        late.call(Call("ok"))


def test_an_argument_that_cannot_be_sent_is_the_authors_mistake(run: Run) -> None:
    made = run(KEEPS)
    with made.open_check() as check, pytest.raises(TypeError, match="cannot be given to a student's function"):
        check.call(Call("ok", (object(),)))


# ---- calls that go well


def test_a_call_brings_back_value_gradient_and_inputs(run: Run) -> None:
    made = run("def twice(x, scale=2):\n    print('hm')\n    return x * scale")
    x = torch.tensor([1.0, 2.0])
    with made.open_check() as check:
        report = check.call(Call("twice", (x,), {"scale": 3.0}, wrt=(0,), cotangent=torch.tensor([1.0, 10.0])))
    assert report.value.tolist() == [3.0, 6.0]
    assert [gradient.tolist() for gradient in report.gradients] == [[3.0, 30.0]]
    assert report.inputs[0].tolist() == [1.0, 2.0]
    assert report.printed == "hm\n"


def test_objects_stay_behind_and_can_be_called_through_their_handles(run: Run) -> None:
    made = run("import torch\nclass Net(torch.nn.Module):\n    def forward(self, x):\n        return x + 1")
    with made.open_check() as check:
        net = check.call(Call("Net")).value
        assert isinstance(net, Handle)
        assert net.type_name == "Net"
        assert check.call(Call("forward", (1,), target=net)).value == 2
        assert check.call(Call("no_such", (1,), target=net)).error.type_name == "AttributeError"
        assert check.call(Call("isinstance", (net, net))).error is not None


def test_a_generator_reaches_the_function_as_one(run: Run) -> None:
    made = run("def kind(params):\n    return type(params).__name__, sum(params), sum(params)")
    with made.open_check() as check:
        assert check.call(Call("kind", (AsGenerator((1, 2)),))).value == ("generator", 3, 0)


def test_each_check_starts_from_the_notebook_as_it_was_loaded(run: Run) -> None:
    made = run("calls = []\ndef count():\n    calls.append(1)\n    return len(calls)")
    for _ in range(3):
        with made.open_check() as check:
            assert check.call(Call("count")).value == 1
            assert check.call(Call("count")).value == 2


def test_functions_of_the_notebook_find_each_other_after_scratch_work(run: Run) -> None:
    made = run(
        "def softmax(x):\n    return x + 1\ndef loss(x):\n    return softmax(x) * 2\nsoftmax = softmax(1)\nloss = loss",
        exercises=("softmax", "loss"),
    )
    with made.open_check() as check:
        assert check.call(Call("loss", (1,))).value == 4


# ---- what a cell may show and use


def test_files_of_the_assignment_lie_in_the_working_folder(run: Run) -> None:
    made = run("print(open('data/words.txt').read())", files={"data/words.txt": b"hello"})
    assert printed(made) == "hello\n"


def test_plots_tables_and_values_are_shown_as_in_a_notebook(run: Run) -> None:
    made = run(
        "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()",
        "import pandas as pd\npd.DataFrame({'a': [1]})",
        "6 * 7",
        "from IPython.display import HTML, display\ndisplay(HTML('<b>x</b>'))",
    )
    plot, table, value, rich = (cell.outputs[0] for cell in made.cells)
    assert (plot["output_type"], "image/png" in plot["data"]) == ("display_data", True)
    assert (table["output_type"], "<table" in table["data"]["text/html"]) == ("execute_result", True)
    assert (value["data"], value["execution_count"]) == ({"text/plain": "42"}, 3)
    assert rich["data"]["text/html"] == "<b>x</b>"


def test_outputs_make_a_valid_notebook(run: Run) -> None:
    import nbformat

    made = run("import matplotlib.pyplot as plt\nplt.plot([1])\nplt.show()\nprint(1)\n1 / 0", "2")
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell("x", outputs=list(cell.outputs)) for cell in made.cells]
    )
    nbformat.validate(nbformat.from_dict(notebook))


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("!ls -l", "`!ls -l` was not run: a graded notebook cannot start programs"),
        ("files = !ls\nprint(files)", "was not run"),
        ("%pip install torch", "`%pip install torch` was not run"),
        ("%%bash\nls", "`%%bash` was not run"),
        ("exit()", "exit() does nothing while the notebook is graded"),
    ],
)
def test_what_a_graded_notebook_cannot_do_is_said_and_does_not_fail_the_cell(run: Run, source: str, said: str) -> None:
    made = run(source)
    assert made.cells[0].status is CellStatus.OK
    assert said in printed(made)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("input('name?')", "input() has nobody to ask while the notebook is graded"),
        ("import subprocess\nsubprocess.run(['ls'])", "a graded notebook cannot start programs: ['ls']"),
    ],
)
def test_what_a_graded_notebook_must_not_ask_for_is_a_clear_error(run: Run, source: str, said: str) -> None:
    made = run(source)
    assert made.cells[0].status is CellStatus.ERROR
    assert said in printed(made)


def test_top_level_await_threads_and_workers_work(run: Run) -> None:
    made = run(
        "import asyncio\nawait asyncio.sleep(0.01)\nprint('awaited')",
        "import threading\nt = threading.Thread(target=lambda: print('threaded'))\nt.start()\nt.join()",
        "import torch\nfrom torch.utils.data import DataLoader, TensorDataset\n"
        "print(sum(x.sum().item() for (x,) in DataLoader(TensorDataset(torch.ones(8, 2)), 2, num_workers=2)))",
        "import torch\n@torch.compile\ndef f(x):\n    return x\ntorch.set_num_threads(8)\nprint(f(1))",
        "import torch\ntorch.save({'a': torch.ones(1)}, 'a.pt')\nprint(torch.load('a.pt'))",
        "import warnings\nwarnings.warn('careful')",
    )
    assert [str(cell.status) for cell in made.cells] == ["ok"] * 6
    assert [printed(made, cell) for cell in range(3)] == ["awaited\n", "threaded\n", "16.0\n"]
    assert printed(made, 3).endswith("1\n")
    assert "careful" in printed(made)


def test_a_real_notebook_imports_nothing_that_the_zygote_did_not(run: Run) -> None:
    made = run(
        "import sys\nbefore = set(sys.modules)",
        "import torch, numpy as np, pandas as pd, matplotlib.pyplot as plt\nfrom torch import nn",
        "model = nn.Sequential(nn.Linear(4, 3), nn.ReLU())\noptimizer = torch.optim.Adam(model.parameters())",
        "model(torch.ones(2, 4)).sum().backward()\noptimizer.step()\nplt.plot([1, 2])\nplt.show()",
        "pd.DataFrame({'a': [1, 2]}).describe()\n1 / 0",
        "print(sorted(set(sys.modules) - before))",
    )
    assert printed(made) == "[]\n"


def test_a_notebook_can_be_checked_more_often_than_it_may_have_processes(run: Run) -> None:
    made = run(KEEPS, exercises=("ok",))
    assert [call_ok(made) for _ in range(LIMITS.processes + 10)] == [41] * (LIMITS.processes + 10)

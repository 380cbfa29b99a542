"""What ordinary students do keeps working in a graded notebook, at every level; what cannot work says so clearly."""

from __future__ import annotations

import pytest
import torch
from small_runs import printed, run_on

from autograder.engine.calls import Call
from autograder.engine.side import StudentSide
from autograder.model import CellStatus

LOADER = """
import torch
from torch.utils.data import DataLoader, TensorDataset
def batches(x):
    loader = DataLoader(TensorDataset(x), batch_size=2, num_workers=2, persistent_workers=True)
    return torch.stack([batch.sum() for (batch,) in loader]).sum()
"""

WORKS = {
    "DataLoader with workers": (LOADER + "print(batches(torch.ones(8, 2)))", "tensor(16.)\n"),
    "threads": (
        "from concurrent.futures import ThreadPoolExecutor\n"
        "with ThreadPoolExecutor(4) as pool:\n    print(sum(pool.map(lambda n: n * n, range(5))))",
        "30\n",
    ),
    "pandas": ("import pandas as pd\nprint(pd.DataFrame({'a': [1, 2]}).a.sum())", "3\n"),
    "warnings": ("import warnings\nwarnings.warn('careful')\nprint('on')", "on\n"),
    "prints to stderr": ("import sys\nprint('hm', file=sys.stderr)", "hm\n"),
    "torch.save and load": (
        "import torch\ntorch.save({'w': torch.ones(2)}, 'model.pt')\nprint(torch.load('model.pt')['w'])",
        "tensor([1., 1.])\n",
    ),
    "np.save and a memory map": (
        "import numpy as np\nnp.save('a.npy', np.ones(3))\nprint(np.load('a.npy', mmap_mode='r').sum())",
        "3.0\n",
    ),
    "data of the assignment": ("print(open('data/numbers.txt').read())", "1 2 3\n"),
    "timeit": ("%timeit -n 1 -r 1 sum(range(10))", "per loop"),
    "matplotlib inline": (
        "%matplotlib inline\nimport matplotlib.pyplot as plt\nplt.plot([1]); plt.close()\nprint(1)",
        "1\n",
    ),
    "tqdm": ("from tqdm import tqdm\nfor _ in tqdm(range(3)): pass\nprint('done')", "done\n"),
    "top-level await": ("import asyncio\nawait asyncio.sleep(0.01)\nprint('slept')", "slept\n"),
    "asyncio.run": ("import asyncio\nasync def f():\n    return 3\nprint(await asyncio.gather(f(), f()))", "[3, 3]\n"),
    "four threads of torch": ("import torch\ntorch.set_num_threads(4)\nprint(torch.ones(4).sum())", "tensor(4.)\n"),
    "temporary files": ("import tempfile\nwith tempfile.NamedTemporaryFile() as f:\n    print(f.write(b'x'))", "1\n"),
    "a seed": ("import torch\ntorch.manual_seed(0)\nprint(torch.rand(1).shape)", "torch.Size([1])\n"),
    "the time": ("%%time\nprint(1)", "1\n"),
    "logging": ("import logging\nlogging.warning('note')\nprint('on')", "on\n"),
    "profiler": ("import cProfile\ncProfile.run('1 + 1')", "function calls"),
    "a script module": ("import torch\nprint(torch.jit.script(torch.nn.ReLU())(torch.ones(1)))", "tensor([1.])\n"),
}
SAID = {
    "!ls": ("!ls", "`!ls` was not run: a graded notebook cannot start programs"),
    "!pip": ("!pip install einops", "cannot start programs or install packages"),
    "%pip": ("%pip install einops", "cannot start programs or install packages"),
    "%%bash": ("%%bash\nls", "cannot start programs or install packages"),
    "os.system": ("import os\nprint(os.system('ls'))", "a graded notebook cannot start programs"),
    "subprocess": ("import subprocess\nsubprocess.run(['ls'])", "a graded notebook cannot start programs"),
    "input": ("input('name? ')", "input() has nobody to ask while the notebook is graded"),
    "getpass": ("import getpass\ngetpass.getpass()", "nobody to ask while the notebook is graded"),
    "torch.compile": (
        "import torch\nprint(torch.compile(lambda x: x + 1)(torch.ones(1)))",
        "torch.compile does nothing while the notebook is graded: the function runs as it is written",
    ),
    "a download": (
        "import urllib.request\nurllib.request.urlopen('https://pytorch.org')",
        "a graded notebook has no network",
    ),
    "requests": ("import socket\nsocket.create_connection(('pytorch.org', 443))", "a graded notebook has no network"),
}


@pytest.mark.parametrize("what", WORKS)
def test_works(any_side: StudentSide, what: str) -> None:
    source, expected = WORKS[what]
    if what == "tqdm":
        pytest.importorskip("tqdm")
    with run_on(any_side, source, files={"data/numbers.txt": b"1 2 3\n"}) as made:
        assert made.cells[0].status is CellStatus.OK, printed(made)
        assert expected in printed(made)


@pytest.mark.parametrize("what", SAID)
def test_what_cannot_work_says_why(any_side: StudentSide, what: str) -> None:
    source, expected = SAID[what]
    with run_on(any_side, source, "print('on')") as made:
        assert expected in printed(made, 0)
        assert printed(made) == "on\n"


def test_a_function_with_a_loader_and_workers_can_be_checked(any_side: StudentSide) -> None:
    with run_on(any_side, LOADER, exercises=("batches",)) as made, made.open_check() as check:
        report = check.call(Call("batches", (torch.ones(8, 2),)))
        assert report.error is None, report.error
        assert report.value == 16


def test_a_thread_that_waits_for_ever_is_in_nobodys_way(any_side: StudentSide) -> None:
    source = (
        "import threading\nthreading.Thread(target=threading.Event().wait, daemon=True).start()\ndef f():\n    return 1"
    )
    with run_on(any_side, source, exercises=("f",)) as made:
        for _ in range(3):
            with made.open_check() as check:
                assert check.call(Call("f")).value == 1


def test_tensors_in_shared_memory_keep_their_values_for_the_checks(side: StudentSide) -> None:
    source = "import torch\nweights = torch.arange(3.).share_memory_()\ndef f():\n    return weights * 2"
    with run_on(side, source, exercises=("f",)) as made, made.open_check() as check:
        assert check.call(Call("f")).value.tolist() == [0, 2, 4]


def test_many_files_left_open_do_not_stop_the_checks(any_side: StudentSide) -> None:
    source = "kept = []\nwhile True:\n    kept.append(open('/dev/null'))"
    with run_on(any_side, source, "def f():\n    return 1", exercises=("f",)) as made:
        assert "Too many open files" in printed(made, 0)
        with made.open_check() as check:
            assert check.call(Call("f")).value == 1

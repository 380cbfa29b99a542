"""The warm process that every session is forked from: torch and its company imported once, one thread, no secrets.

Run as `python -m autograder.engine.zygote FD LEVEL LIBRARY [serial]`: FD is a socket to the grader, LIBRARY that of a
simulated GPU, or "". It never runs student code, and never sees the course.

A `serial` one is for sessions that have the GPU. It must not use it, nor ask for it, nor run a backward pass, which
starts autograd's threads for every GPU in sight: neither CUDA nor those threads survive a fork.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import signal
import socket
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import torch

import autograder.engine.no_arrow  # noqa: F401  (before all that imports pandas)
from autograder import simgpu
from autograder.engine import isolation, placement, seccomp, wire
from autograder.engine.calls import Call
from autograder.engine.cgroup_home import NoCgroupError, find_home
from autograder.engine.cgroups import Home, remove_leftovers
from autograder.engine.devices import VISIBLE
from autograder.engine.guardian import Warm, guard
from autograder.engine.manners import teach_manners
from autograder.engine.no_compiler import leave_out_compiler
from autograder.engine.pages import use_large_pages
from autograder.engine.perform import perform
from autograder.engine.shell import Shell
from autograder.engine.starting import START, Hello
from autograder.errors import IsolationError
from autograder.model import Isolation

PRELOADED = """
numpy pandas matplotlib.pyplot torch.nn.functional torch.utils.data torch.optim torch.utils._device statistics
torch.utils.checkpoint torch.fx.experimental.symbolic_shapes torch._functorch.apis torch.autograd.functional torch.func
torch.testing
""".split()  # noqa: SIM905 (a list that is read in groups)

# What notebooks do, done once: it imports what torch and IPython import late (SGD's first step alone takes a second).
PLOTS = """
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
plt.plot([1, 2], label="a"); plt.title("b"); plt.legend(); plt.show()
display(pd.DataFrame({"a": [1.0]}))
"""
TRAINING = """
layer = torch.nn.Linear(3, 2)
optimizer = torch.optim.SGD(layer.parameters(), lr=0.1)
for (batch,) in torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.ones(4, 3)), batch_size=2):
    layer(batch).softmax(1).square().sum().backward()
    optimizer.step()
    optimizer.zero_grad()
torch.autograd.grad(layer(batch).sum(), layer.weight)
torch.testing.assert_close(batch, batch.clone())
print(layer, 1 / 3)
batch
"""
MISTAKE = "1 / 0"


def main(file: int, wanted: str, gpu: Path | None, is_serial: bool) -> None:
    """Warm up, say hello, and fork a guardian for each session until the grader hangs up.

    gpu: the library of a simulated GPU. is_serial: sessions have the GPU from their start, in place of checks that ask.
    """
    grader = socket.socket(fileno=file)
    try:
        layers = isolation.try_layers() if wanted != "none" else ()
        level = isolation.choose_level(wanted, layers)
    except IsolationError as error:
        wire.send(grader, Hello(Isolation.NONE, [], str(error)))
        return
    home, no_cgroup = _find_home()
    warm = _warm_up(level, gpu, is_serial, home)
    threads = _other_threads(warm.proc)
    if threads:
        problem = f"a library started threads, and a process that has some must not fork: {', '.join(threads)}"
        wire.send(grader, Hello(Isolation.NONE, [], problem))
        return
    missing = isolation.IsolationReport(level, layers).missing
    wire.send(grader, Hello(level, list(missing), cgroup=_shown(home), no_cgroup=no_cgroup))
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # guardians report over their lifeline; nobody waits for them
    while True:
        try:
            start, _, files = wire.receive(grader, START, takes_files=True)
        except wire.Closed:
            return
        requests, lifeline = (socket.socket(fileno=number) for number in files)
        if _other_threads(warm.proc):
            raise RuntimeError("the zygote has more than one thread and must not fork")
        if os.fork() == 0:
            grader.close()
            guard(warm, start, requests, lifeline)
        requests.close()
        lifeline.close()


def _other_threads(proc: int) -> list[str]:
    """The names of this process's threads but for the first, by an open /proc."""
    tasks = os.open("self/task", os.O_RDONLY | os.O_DIRECTORY, dir_fd=proc)
    try:
        numbers = sorted(map(int, os.listdir(tasks)))[1:]  # noqa: PTH208 (an open folder)
        names = []
        for number in numbers:
            with os.fdopen(os.open(f"{number}/comm", os.O_RDONLY, dir_fd=tasks)) as file:
                names.append(file.read().strip())
        return names
    finally:
        os.close(tasks)


def _find_home() -> tuple[Home | None, str]:
    """Where sessions get cgroups, or why they get none."""
    try:
        home = find_home()
    except (NoCgroupError, OSError) as error:
        return None, str(error)
    remove_leftovers(home)
    return home, ""


def _shown(home: Home | None) -> str:
    return f"{', '.join(home.controllers)} in {home.path}" if home is not None else ""


def _warm_up(level: Isolation, gpu: Path | None, is_serial: bool, home: Home | None) -> Warm:
    """Import and run what sessions will need, then give up what they must not see."""
    torch.set_num_threads(1)
    torch.set_num_interop_threads(1)
    for name in PRELOADED:
        importlib.import_module(name)
    leave_out_compiler()
    shell = Shell()
    teach_manners(level)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if is_serial:
            _import_what_is_imported_by(lambda: _rehearse(shell))
        else:
            _rehearse(shell)
    if gpu is not None:
        simgpu.prepare(gpu)
    elif is_serial:
        placement.take_only_a_real_one()
    gc.collect()
    use_large_pages()
    proc = os.open("/proc", os.O_RDONLY | os.O_DIRECTORY)
    address_space = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    user = isolation.slot_user()
    if level is Isolation.A:
        isolation.enter_namespaces(_own_source(), has_gpu=is_serial)
    filter_ = seccomp.build_filter(beside_others=level is not Isolation.A)
    check_filter = seccomp.build_check_filter()
    gc.freeze()
    visible = os.environ.get(VISIBLE, "")
    return Warm(level, user, shell, filter_, check_filter, proc, address_space, is_serial, visible, home)


def _rehearse(shell: Shell) -> None:
    """Run what notebooks and checks do."""
    uses = [shell.run(0, source, 60) for source in (PLOTS, TRAINING)]
    if any(status != "ok" for status, _, _ in uses) or shell.run(0, MISTAKE, 60)[0] != "error":
        raise RuntimeError(f"the warm-up failed: {uses}")
    shell.forget()
    perform(Call("square", (torch.ones(2, 2),), wrt=(0,), record=True), torch.square)


def _import_what_is_imported_by(act: Callable[[], None]) -> None:
    """Import the modules that `act` imports, which runs in a child that sees no GPU."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.environ[VISIBLE] = ""
        try:
            act()
            os.write(writing, "\n".join(sys.modules).encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        names = pipe.read().split()
    os.waitpid(child, 0)
    for name in names:
        with contextlib.suppress(Exception):  # some are made on the spot, and not to be found
            importlib.import_module(name)


def _own_source() -> list[str]:
    """The folder of this program: no business of students."""
    return [str(Path(__file__).parents[1])]


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], Path(sys.argv[3]) if sys.argv[3] else None, sys.argv[4:] == ["serial"])

"""The student's process: it runs cells, and forks itself for checkpoints and for checks.

It believes the grader and nobody else; what it says, a student may have made it say. Requests and replies are those of
`messages.py`. It has one thread when it forks, unless the student started more.
"""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import socket
import time
from pathlib import Path

from autograder.engine import landlock, limits, memory, placement, seccomp, wire
from autograder.engine.check_process import close_other_files, serve_check
from autograder.engine.forks import fork_quickly
from autograder.engine.messages import (
    REQUESTS,
    CellDone,
    Done,
    EndCheck,
    Ended,
    OpenCheck,
    Park,
    Prepare,
    Reply,
    Request,
    Resume,
    RunCell,
    ServeCheck,
    Serving,
    Settle,
    Settled,
    Unshare,
)
from autograder.engine.shell import Shell
from autograder.errors import DeviceError
from autograder.model import Isolation

# as they were before student code ran
_fork, _kill, _killpg, _waitid, _waitpid, _exit = os.fork, os.kill, os.killpg, os.waitid, os.waitpid, os._exit


WAITS, WAIT = 20, 0.05  # tries to fork a check, and seconds between them


class Notebook:
    """One loaded notebook and the processes that come from it.

    is_serial: it has the GPU from its start, and serves checks in this process, since no fork could use the GPU.
    """

    def __init__(
        self,
        channel: socket.socket,
        shell: Shell,
        level: Isolation,
        readable: list[str],
        check_filter: bytes,
        is_serial: bool,
    ) -> None:
        self._channel = channel
        self._shell = shell
        self._level = level
        self._readable = readable
        self._check_filter = check_filter
        self._is_serial = is_serial
        self._serving: socket.socket | None = None  # to the grader, for a check that is served in this process
        self._is_forking = False
        self._copy = 0  # the process that went on while this one is a checkpoint
        self._checks: dict[int, int] = {}  # number of a check: its process
        self._ended: dict[int, int] = {}  # number of a check that is over: how its process ended
        self._ruleset: int | None = None  # what checks may open

    def serve(self) -> None:
        """Carry out requests until the grader hangs up."""
        os.register_at_fork(after_in_child=self._close_in_students_fork)
        while True:
            try:
                request, _, files = wire.receive(self._channel, REQUESTS, max_tree=1 << 32, takes_files=True)
            except wire.Closed:
                return
            if isinstance(request, Park):
                self._park(request, socket.socket(fileno=files[0]))
                continue
            if isinstance(request, OpenCheck):
                self._open_check(request, socket.socket(fileno=files[0]))
                continue
            if isinstance(request, ServeCheck):
                self._serve_check(request, socket.socket(fileno=files[0]))
                continue
            try:
                wire.send(self._channel, self._carry_out(request))
            except wire.Closed:
                return

    def _carry_out(self, request: Request) -> Reply:
        match request:
            case RunCell(id, index, source, seconds):
                limits.keep_some_files(True)
                status, took, outputs = self._shell.run(index, source, seconds)
                limits.keep_some_files(False)
                return CellDone(id, status, took, outputs)
            case Prepare():
                return self._prepare(request)
            case Resume(id):
                return self._resume(id)
            case Settle(id):
                return self._settle(id)
            case Unshare(id, areas):
                for start, end in areas:
                    memory.make_private(start, end)
                return Done(id)
            case EndCheck(id, number):
                self._collect_ended()
                code = self._ended.pop(number, None)
                return Ended(id, _end_group(self._checks.pop(number, 0)) if code is None else code)
        raise wire.WireError("a request for another process")

    def _prepare(self, request: Prepare) -> Reply:
        for name, content in request.files.items():
            path = Path(name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        self._shell.output_room = request.output
        self._shell.watch(request.exercises, request.stubs)
        if self._is_serial:
            with contextlib.suppress(DeviceError):  # a check that needs it will say what is wrong
                placement.enter()
        return Done(request.id)

    def _close_in_students_fork(self) -> None:
        """A process that student code forks must not hold the grader's socket: its end would go unseen."""
        if not self._is_forking:
            self._channel.close()
            if self._serving is not None:
                self._serving.close()

    def _park(self, request: Park, spare: socket.socket) -> None:
        """Go on in a copy, on the old socket; this process waits on the new one."""
        copy = self._fork_with_room()
        if copy == 0:
            spare.close()
            with contextlib.suppress(wire.Closed):
                wire.send(self._channel, Done(request.id))
            return
        self._channel.close()
        self._channel = spare
        self._copy = copy

    def _resume(self, id: int) -> Reply:
        """Be the notebook again: the copy, and all that it started, must go."""
        code = _end_child(self._copy)
        self._copy = 0
        self._end_leftovers()
        return Ended(id, code)

    def _settle(self, id: int) -> Reply:
        self._end_leftovers()
        defined = self._shell.bindings.settle()
        if self._level is not Isolation.NONE and not self._is_serial:
            self._ruleset = landlock.make_ruleset(self._readable, ["/dev/null"])
        gc.freeze()  # nothing of the notebook is collected any more, so forks share its pages
        return Settled(id, defined)

    def _collect_ended(self) -> None:
        """Let the processes of checks that are over go: a dead one still counts among the processes allowed."""
        for number, process in list(self._checks.items()):
            try:
                is_over = _waitid(os.P_PID, process, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:
                del self._checks[number]
                continue
            if is_over:
                del self._checks[number]
                code = _end_group(process)
                if code is not None:
                    self._ended[number] = code

    def _open_check(self, request: OpenCheck, channel: socket.socket) -> None:
        process = self._fork_check()
        if process == 0:
            self._channel.close()
            self._channel = channel
            try:
                os.setpgid(0, 0)  # what it starts goes with it
                if self._ruleset is not None:
                    landlock.enforce(self._ruleset)
                    seccomp.install(self._check_filter)
                close_other_files(channel)
                serve_check(channel, self._shell)
                if os.getpid() == os.getpgrp():  # not what it forked and what came back to here
                    _killpg(0, signal.SIGKILL)  # the check is over: what it started must not burden the next
            finally:
                _exit(0)
        channel.close()
        if process > 0:
            self._checks[request.number] = process

    def _fork_check(self) -> int:
        """Fork for a check; -1 where the student's processes leave no room for it, and do not go."""
        for _ in range(WAITS):
            self._collect_ended()
            with contextlib.suppress(OSError):
                return fork_quickly()
            time.sleep(WAIT)  # what an earlier check started goes when that check is seen to be over
        return -1

    def _serve_check(self, request: ServeCheck, channel: socket.socket) -> None:
        """Serve a check here. With a GPU that does not work (any more), end: the grader then starts anew."""
        trouble = placement.trouble()
        self._serving = channel
        with contextlib.suppress(wire.Closed):
            wire.send(self._channel, Serving(request.id, trouble))
        if trouble:
            _exit(0)
        serve_check(channel, self._shell)
        channel.close()
        self._serving = None

    def _fork_with_room(self) -> int:
        """Fork; where the student's leftovers have used up the processes, end them first."""
        try:
            return self._fork()
        except OSError:
            self._end_leftovers()
            return self._fork()

    def _fork(self) -> int:
        self._is_forking = True
        try:
            return _fork()
        finally:
            self._is_forking = False

    def _end_leftovers(self) -> None:
        """End every process of this session but this one. Only where signals cannot leave the session."""
        if self._level is Isolation.NONE:
            return
        with contextlib.suppress(OSError):
            _kill(-1, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            while _waitpid(-1, 0)[0]:
                pass


def _end_group(process: int) -> int | None:
    """Kill the process of a check and all that it started, which cannot leave its group; how it ended."""
    if process:
        with contextlib.suppress(OSError):
            _killpg(process, signal.SIGKILL)
    return _end_child(process)


def _end_child(process: int) -> int | None:
    """Kill a child; its exit code, or minus the signal that ended it; None where it cannot be known."""
    if not process:
        return None
    with contextlib.suppress(OSError):
        _kill(process, signal.SIGKILL)
    try:
        return os.waitstatus_to_exitcode(_waitpid(process, 0)[1])
    except (ChildProcessError, ValueError):
        return None

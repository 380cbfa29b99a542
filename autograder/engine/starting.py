"""How the grader starts a session: the one message that the zygote reads, and what it says of itself."""

from __future__ import annotations

import msgspec
from msgspec import Struct

from autograder.config import Limits
from autograder.model import Isolation


class Hello(Struct, frozen=True):
    """The zygote is warm. `problem`: one line, why it refuses to work; empty when it does not.

    cgroup: what is limited by cgroup v2, and where; empty where sessions get none, and `no_cgroup` says why.
    """

    level: Isolation
    missing: list[str]
    problem: str = ""
    cgroup: str = ""
    no_cgroup: str = ""


class Start(Struct, frozen=True):
    """Begin a session. Two sockets come with it: for requests to the notebook, and for its guardian.

    seconds: after these the guardian ends the session, whatever the grader does.
    """

    limits: Limits
    seconds: float


class Look(Struct, tag="look", frozen=True):
    """To the guardian: which memory do the processes of the session share with their forks?"""


class Shared(Struct, tag="shared", frozen=True):
    """The guardian's answer: from where to where, by address. What the zygote had before is left out."""

    areas: list[tuple[int, int]]


class Report(Struct, tag="report", frozen=True):
    """The guardian's last word, when nothing of the session is left.

    reason: "closed" (by the grader), "ended" (the notebook's process is gone), a limit that was met ("memory", "disk",
    "processes"),
    "time" (`Start.seconds` are over), "failed" (isolation could not be set up; `detail` says why).
    code: exit status of the notebook's process, or minus a signal, where it ended by itself.
    """

    reason: str
    code: int | None = None
    detail: str = ""


HELLO: msgspec.msgpack.Decoder[Hello] = msgspec.msgpack.Decoder(Hello)
START: msgspec.msgpack.Decoder[Start] = msgspec.msgpack.Decoder(Start)
LOOK: msgspec.msgpack.Decoder[Look] = msgspec.msgpack.Decoder(Look)
GUARDIAN: msgspec.msgpack.Decoder[Report | Shared] = msgspec.msgpack.Decoder(Report | Shared)

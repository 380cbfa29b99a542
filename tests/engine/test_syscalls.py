"""The system call table, and what the filter made of it says to each call, on both machines."""

from __future__ import annotations

import errno
import struct

import pytest

from autograder.engine import seccomp, syscalls

MACHINES = ("x86_64", "aarch64")
ARCHITECTURE = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
ALLOWED, EPERM = "allowed", errno.EPERM
UNUSED = 400  # a number that no machine gave away


def verdict(program: bytes, number: int, architecture: int, arguments: tuple[int, ...] = ()) -> int | str:
    """Run a filter as the kernel does: "allowed", "killed", or the error number that the call fails with."""
    words = struct.pack("=IIQ6Q", number, architecture, 0, *(arguments + (0,) * 6)[:6])
    code = [struct.unpack_from("=HBBI", program, at) for at in range(0, len(program), 8)]
    accumulator, at = 0, 0
    while True:
        operation, if_true, if_false, value = code[at]
        at += 1
        if operation == 0x20:
            (accumulator,) = struct.unpack_from("=I", words, value)
        elif operation == 0x54:
            accumulator &= value
        elif operation == 0x06:
            return {0x7FFF0000: ALLOWED, 0x80000000: "killed"}.get(value, value & 0xFFFF)
        else:
            holds = {0x15: accumulator == value, 0x35: accumulator >= value, 0x45: bool(accumulator & value)}
            at += if_true if holds[operation] else if_false


def verdict_on(machine: str, name: str, *arguments: int, beside_others: bool = False) -> int | str | None:
    number = syscalls.number_of(name, machine)
    if number is None:
        return None
    program = seccomp.build_filter(beside_others, machine)
    return verdict(program, number, ARCHITECTURE[machine], arguments)


def test_an_unknown_machine_has_no_numbers() -> None:
    with pytest.raises(OSError, match="no system call table for m68k"):
        syscalls.number_of("mount", "m68k")


def test_an_unknown_machine_has_no_filter() -> None:
    with pytest.raises(OSError, match="m68k"):
        seccomp.build_filter(False, "m68k")


@pytest.mark.parametrize("column", [0, 1])
def test_no_number_stands_twice_in_a_column(column: int) -> None:
    numbers = [pair[column] for pair in syscalls.NUMBERS.values() if pair[column] is not None]
    assert len(numbers) == len(set(numbers))


@pytest.mark.parametrize(
    ("name", "x86_64", "aarch64"),
    [
        ("clone", 56, 220),
        ("clone3", 435, 435),
        ("execve", 59, 221),
        ("mount", 165, 40),
        ("ptrace", 101, 117),
        ("seccomp", 317, 277),
        ("setns", 308, 268),
        ("socket", 41, 198),
        ("unshare", 272, 97),
        ("chmod", 90, None),
        ("landlock_restrict_self", 446, 446),
    ],
)
def test_numbers_are_those_of_linux(name: str, x86_64: int, aarch64: int | None) -> None:
    assert syscalls.number_of(name, "x86_64") == x86_64
    assert syscalls.number_of(name, "aarch64") == aarch64


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("name", seccomp.REFUSED)
def test_the_filter_refuses(machine: str, name: str) -> None:
    assert verdict_on(machine, name) in (EPERM, None)


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("name", seccomp.REFUSED_BESIDE_OTHERS)
def test_modes_and_owners_are_out_of_reach_where_files_of_others_are_in_sight(machine: str, name: str) -> None:
    assert verdict_on(machine, name) in (ALLOWED, None)
    assert verdict_on(machine, name, beside_others=True) in (EPERM, None)


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize(
    ("name", "arguments", "expected"),
    [
        ("socket", (1,), ALLOWED),  # AF_UNIX
        ("socket", (2,), errno.EACCES),  # AF_INET
        ("socket", (10,), errno.EACCES),  # AF_INET6
        ("socket", (16,), errno.EACCES),  # AF_NETLINK
        ("clone", (17,), ALLOWED),  # fork
        ("clone", (0x3D0F00,), ALLOWED),  # a thread
        ("clone", (0x10000000 | 17,), EPERM),  # a new user namespace
        ("clone3", (), errno.ENOSYS),
        ("prlimit64", (0, 7), ALLOWED),
        ("prlimit64", (1, 7), EPERM),  # of another process
        ("ioctl", (0, 0x5401), ALLOWED),
        ("ioctl", (0, 0x5412), EPERM),  # typing into somebody's terminal
        ("ioctl", (0, 0x541C), EPERM),
    ],
)
def test_the_filter_looks_at_arguments(
    machine: str, name: str, arguments: tuple[int, ...], expected: int | str
) -> None:
    assert verdict_on(machine, name, *arguments) == expected


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize(
    ("name", "arguments"),
    [("socket", (1, 1)), ("connect", (3,)), ("bind", (3,)), ("socketpair", (1, 2)), ("socketpair", (1, 0x80002))],
)
def test_sockets_that_reach_others_are_refused_beside_others_and_in_checks(
    machine: str, name: str, arguments: tuple[int, ...]
) -> None:
    assert verdict_on(machine, name, *arguments) == ALLOWED
    assert verdict_on(machine, name, *arguments, beside_others=True) == errno.EACCES
    number = syscalls.number_of(name, machine)
    assert number is not None
    assert verdict(seccomp.build_check_filter(machine), number, ARCHITECTURE[machine], arguments) == errno.EACCES


@pytest.mark.parametrize("machine", MACHINES)
def test_connected_pairs_of_streams_pass_everywhere(machine: str) -> None:
    number = syscalls.number_of("socketpair", machine)
    assert number is not None
    for kind in (1, 0x80001):  # SOCK_STREAM, with SOCK_CLOEXEC
        assert verdict_on(machine, "socketpair", 1, kind, beside_others=True) == ALLOWED
        assert verdict(seccomp.build_check_filter(machine), number, ARCHITECTURE[machine], (1, kind)) == ALLOWED


@pytest.mark.parametrize("machine", MACHINES)
def test_shared_memory_that_can_be_written_is_refused_beside_others(machine: str) -> None:
    def mmap(prot: int, flags: int, beside_others: bool = True) -> int | str | None:
        return verdict_on(machine, "mmap", 0, 4096, prot, flags, beside_others=beside_others)

    assert mmap(3, 0x21) == mmap(3, 0x01) == EPERM
    assert mmap(1, 0x01) == mmap(3, 0x22) == mmap(3, 0x02) == mmap(3, 0x21, False) == ALLOWED


@pytest.mark.parametrize("machine", MACHINES)
def test_a_check_cannot_leave_its_process_group(machine: str) -> None:
    for name in ("setsid", "setpgid"):
        number = syscalls.number_of(name, machine)
        assert number is not None
        assert verdict(seccomp.build_check_filter(machine), number, ARCHITECTURE[machine]) == EPERM


@pytest.mark.parametrize("machine", MACHINES)
def test_other_calls_pass(machine: str) -> None:
    assert verdict(seccomp.build_filter(True, machine), UNUSED, ARCHITECTURE[machine]) == ALLOWED


@pytest.mark.parametrize("machine", MACHINES)
def test_calls_in_the_way_of_another_architecture_kill(machine: str) -> None:
    assert verdict(seccomp.build_filter(True, machine), UNUSED, 0x40000003) == "killed"  # i386


def test_calls_in_the_x32_way_kill() -> None:
    assert verdict(seccomp.build_filter(True, "x86_64"), 0x40000000 | UNUSED, ARCHITECTURE["x86_64"]) == "killed"


def test_a_failed_call_raises_with_its_name() -> None:
    with pytest.raises(OSError, match="setns: Bad file descriptor"):
        syscalls.call("setns", 10_000, 0)

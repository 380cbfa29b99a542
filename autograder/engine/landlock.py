"""Landlock: the kernel's own list of what a process and its children may open, connect to and signal.

A rule set can only be narrowed later, never widened. Documented in Linux's Documentation/userspace-api/landlock.rst.
"""

from __future__ import annotations

import os
import stat
import struct
from collections.abc import Iterable

from autograder.engine import syscalls

EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
MAKE_CHAR, MAKE_BLOCK = 1 << 6, 1 << 11
REFER, TRUNCATE, IOCTL_DEV = 1 << 13, 1 << 14, 1 << 15
READ = EXECUTE | READ_FILE | READ_DIR
OF_FILES = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV  # the rights that make sense for what is no folder

SIGNALS_ABI = 6  # from here on a domain's processes cannot signal others: Linux 6.12

_CREATE_VERSION = 1
_PATH_BENEATH = 1
_SCOPE_ABSTRACT_SOCKETS, _SCOPE_SIGNALS = 1, 2


def abi() -> int:
    """The version of Landlock that this kernel speaks; 0 where it has none or has it switched off."""
    try:
        return syscalls.call("landlock_create_ruleset", None, 0, _CREATE_VERSION)
    except OSError:
        return 0


def rights(version: int) -> int:
    """Every file right that version `version` knows."""
    known = (1 << 13) - 1
    for since, right in ((2, REFER), (3, TRUNCATE), (5, IOCTL_DEV)):
        if version >= since:
            known |= right
    return known


def restrict(read: Iterable[str], write: Iterable[str] = (), devices: Iterable[str] = ()) -> None:
    """From now on only open files below `read` for reading and below `write` for all but devices; no TCP at all.

    `devices` may be read, written and controlled (ioctl).

    Also, as far as the kernel can: no signals to, and no abstract sockets of, processes outside. Paths that do not
    exist are passed over. Needs no_new_privs. Raises OSError where Landlock is missing.
    """
    enforce(make_ruleset(read, write, devices))


def make_ruleset(read: Iterable[str], write: Iterable[str] = (), devices: Iterable[str] = ()) -> int:
    """What `restrict` would enforce, made beforehand, as a file descriptor. Raises OSError."""
    version = abi()
    if version == 0:
        raise OSError("Landlock is missing")
    known = rights(version)
    network = 0b11 if version >= 4 else 0
    scope = _SCOPE_ABSTRACT_SOCKETS | _SCOPE_SIGNALS if version >= SIGNALS_ABI else 0
    attributes = struct.pack("=QQQ", known, network, scope)
    size = 24 if version >= SIGNALS_ABI else 16 if version >= 4 else 8
    ruleset = syscalls.call("landlock_create_ruleset", attributes, size, 0)
    for path in read:
        _allow(ruleset, path, READ & known)
    for path in write:
        _allow(ruleset, path, known & ~(EXECUTE | MAKE_CHAR | MAKE_BLOCK | IOCTL_DEV))
    for path in devices:
        _allow(ruleset, path, (READ_FILE | READ_DIR | WRITE_FILE | IOCTL_DEV) & known)
    return ruleset


def enforce(ruleset: int) -> None:
    """Enforce a rule set on this process and its children, and close it. Raises OSError."""
    try:
        syscalls.call("landlock_restrict_self", ruleset, 0)
    finally:
        os.close(ruleset)


def _allow(ruleset: int, path: str, allowed: int) -> None:
    try:
        file = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        if not stat.S_ISDIR(os.fstat(file).st_mode):
            allowed &= OF_FILES
        syscalls.call("landlock_add_rule", ruleset, _PATH_BENEATH, struct.pack("=Qi", allowed, file), 0)
    finally:
        os.close(file)

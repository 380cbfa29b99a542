"""seccomp: the system calls that student code is refused, as a small program that the kernel runs before each call.

What no notebook needs and what has been a way out of sandboxes is refused; the rest is left to Landlock, namespaces and
limits. A refused call fails with "Operation not permitted", so that Python raises an ordinary OSError.
"""

from __future__ import annotations

import ctypes
import errno
import platform
import struct
from dataclasses import dataclass, field

from autograder.engine import syscalls

REFUSED = """
ptrace process_vm_readv process_vm_writev process_madvise process_mrelease kcmp
mount umount2 pivot_root chroot move_mount open_tree open_tree_attr fsopen fsconfig fsmount fspick mount_setattr
statmount listmount unshare setns
execve execveat
bpf perf_event_open userfaultfd io_uring_setup io_uring_enter io_uring_register memfd_secret map_shadow_stack
add_key request_key keyctl
init_module finit_module delete_module kexec_load kexec_file_load reboot swapon swapoff acct quotactl quotactl_fd
syslog sethostname setdomainname settimeofday clock_settime adjtimex clock_adjtime iopl ioperm modify_ldt vhangup
_sysctl uselib nfsservctl lookup_dcookie fanotify_init open_by_handle_at name_to_handle_at
pidfd_getfd pidfd_open pidfd_send_signal
mknod mknodat personality setpriority sched_setattr migrate_pages move_pages
msgget msgsnd msgrcv msgctl shmget shmat shmctl semget semop semtimedop semctl mq_open
memfd_create io_setup inotify_init inotify_init1
""".split()  # noqa: SIM905 (a list that is read in groups)
# Landlock does not cover who owns a file and who may open it: where the files of others are in sight, these go too.
REFUSED_BESIDE_OTHERS = """
chmod fchmod fchmodat fchmodat2 chown fchown lchown fchownat utime utimes futimesat utimensat file_setattr
setxattr lsetxattr fsetxattr setxattrat removexattr lremovexattr fremovexattr removexattrat
sched_setaffinity sched_setscheduler sched_setparam ioprio_set
""".split()  # noqa: SIM905
# Files in memory (memfd) belong to no folder whose size is limited. Sockets in the file system are open to whoever sees
# their path, and no rule of Landlock's covers that: where paths of others are in sight there are only socket pairs.

ARCHITECTURES = {0: 0xC000003E, 1: 0xC00000B7}  # AUDIT_ARCH of the columns of the system call table
X32_BIT = 0x40000000

ALLOW, KILL_PROCESS, ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
LOAD, EQUAL, AT_LEAST, ANY_BIT, AND, RETURN = 0x20, 0x15, 0x35, 0x45, 0x54, 0x06
NUMBER_AT, ARCH_AT, ARGUMENTS_AT = 0, 4, 16

AF_UNIX, SOCK_STREAM = 1, 1
SOCKET_KIND = 0xF  # of the second argument of socket(); the rest are flags
MAP_TYPE, MAP_SHARED, PROT_WRITE = 0xF, 1, 2
NEW_NAMESPACES = 0x7E020000 | 0x80  # CLONE_NEW*, with CLONE_NEWTIME
TERMINAL_INPUT, LINUX_CONSOLE = 0x5412, 0x541C  # ioctl TIOCSTI, TIOCLINUX

_SET_MODE_FILTER = 1


@dataclass
class _Program:
    """A filter under construction: instructions of eight bytes each."""

    machine: str
    code: list[bytes] = field(default_factory=list)

    def add(self, operation: int, value: int, if_true: int = 0, if_false: int = 0) -> None:
        self.code.append(struct.pack("=HBBI", operation, if_true, if_false, value & 0xFFFFFFFF))

    def refuse(self, name: str, error: int = errno.EPERM) -> None:
        number = syscalls.number_of(name, self.machine)
        if number is not None:
            self.add(EQUAL, number, 0, 1)
            self.add(RETURN, ERRNO | error)

    def on(self, name: str, argument: int, body: list[tuple[int, int, int, int]]) -> None:
        """Where the call is `name`, load the low half of an argument, run `body`, and never come back."""
        number = syscalls.number_of(name, self.machine)
        if number is not None:
            self.add(EQUAL, number, 0, 1 + len(body))
            self.add(LOAD, ARGUMENTS_AT + 8 * argument)
            for operation, value, if_true, if_false in body:
                self.add(operation, value, if_true, if_false)


def build_filter(beside_others: bool, machine: str | None = None) -> bytes:
    """The filter for student code, as the kernel reads it.

    beside_others: the process still sees files of other owners, or its own user's files (no mount namespace).
    """
    machine = machine or platform.machine()
    program = _Program(machine)
    column = syscalls.MACHINES.get(machine)
    if column is None:
        raise OSError(f"no system call filter for {machine}")
    refuse = (RETURN, ERRNO | errno.EPERM, 0, 0)
    allow = (RETURN, ALLOW, 0, 0)
    program.add(LOAD, ARCH_AT)
    program.add(EQUAL, ARCHITECTURES[column], 1, 0)
    program.add(RETURN, KILL_PROCESS)
    program.add(LOAD, NUMBER_AT)
    if column == 0:
        program.add(AT_LEAST, X32_BIT, 0, 1)
        program.add(RETURN, KILL_PROCESS)
    if beside_others:
        _refuse_sockets(program)
        _refuse_shared_memory(program)
    program.on("socket", 0, [(EQUAL, AF_UNIX, 1, 0), (RETURN, ERRNO | errno.EACCES, 0, 0), allow])
    program.on("clone", 0, [(ANY_BIT, NEW_NAMESPACES, 0, 1), refuse, allow])
    program.on("prlimit64", 0, [(EQUAL, 0, 1, 0), refuse, allow])
    program.on("ioctl", 1, [(EQUAL, TERMINAL_INPUT, 1, 0), (EQUAL, LINUX_CONSOLE, 0, 1), refuse, allow])
    program.refuse("clone3", errno.ENOSYS)  # its flags lie in memory, out of sight; C libraries then use clone
    for name in REFUSED + (REFUSED_BESIDE_OTHERS if beside_others else []):
        program.refuse(name)
    program.add(RETURN, ALLOW)
    return b"".join(program.code)


def build_check_filter(machine: str | None = None) -> bytes:
    """What the fork of a check is refused on top of `build_filter`.

    Sockets, through which it could tell others what it was given; to leave its process group, which ends with it.
    """
    machine = machine or platform.machine()
    program = _Program(machine)
    program.add(LOAD, NUMBER_AT)
    _refuse_sockets(program)
    for name in ("setsid", "setpgid"):
        program.refuse(name)
    program.add(RETURN, ALLOW)
    return b"".join(program.code)


def _refuse_shared_memory(program: _Program) -> None:
    """No memory that forks write for each other: where nobody can look at it from outside, nobody could undo it."""
    prot_is_loaded = (LOAD, ARGUMENTS_AT + 8 * 2, 0, 0)
    refuse = (RETURN, ERRNO | errno.EPERM, 0, 0)
    body = [(AND, MAP_TYPE, 0, 0), (EQUAL, MAP_SHARED, 0, 3), prot_is_loaded, (ANY_BIT, PROT_WRITE, 0, 1), refuse]
    program.on("mmap", 3, [*body, (RETURN, ALLOW, 0, 0)])


def _refuse_sockets(program: _Program) -> None:
    """No socket but connected pairs of streams: pairs of datagrams can be sent to any path."""
    kind = [(AND, SOCKET_KIND, 0, 0), (EQUAL, SOCK_STREAM, 1, 0), (RETURN, ERRNO | errno.EACCES, 0, 0)]
    program.on("socketpair", 1, [*kind, (RETURN, ALLOW, 0, 0)])
    for name in ("socket", "connect", "bind"):
        program.refuse(name, errno.EACCES)


class _FilterProgram(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))


def install(program: bytes) -> None:
    """Put a filter on this process and all its children, for good. Needs no_new_privs. Raises OSError."""
    code = ctypes.create_string_buffer(program, len(program))
    header = bytes(_FilterProgram(len(program) // 8, ctypes.addressof(code)))
    syscalls.call("seccomp", _SET_MODE_FILTER, 0, header)

"""Attacks that reach out: to the network, to other processes, into the kernel, to other people's files, and beyond the end."""

from __future__ import annotations

import json
from typing import Any

from attack import Attack
from small_course import filled

CALL = """
import ctypes, errno, os, socket
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
def call(number, *arguments):
    result = libc.syscall(ctypes.c_long(number), *[a if isinstance(a, bytes) else ctypes.c_long(a) for a in arguments])
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result
def must_fail(**things):
    for name, thing in things.items():
        try:
            value = thing()
        except (OSError, ValueError, AttributeError) as error:
            print("refused", name, error)
        else:
            print("ESCAPED", name, repr(value)[:200])
            raise SystemExit
"""
MARK = "ESCAPED"


def _escape(name: str, cell: str, **more: Any) -> Attack:
    return Attack("escape", name, before=(CALL, cell), **more)


CONNECT = "must_fail(connect=lambda: socket.create_connection(('127.0.0.1', PORT), 1), name=lambda: socket.gethostbyname('localhost.'))"
UDP = "must_fail(send=lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', PORT)))"
SIX = "must_fail(connect=lambda: socket.create_connection(('::1', PORT), 1))"
UNIX = """
def connect(kind, path):
    client = socket.socket(socket.AF_UNIX, kind)
    client.settimeout(1)
    client.connect(path)
    return client.recv(100)
paths = ["SOCKET", "/run/docker.sock", "/var/run/dbus/system_bus_socket", "/run/user/0/bus", "/tmp/.X11-unix/X0"]
for path in paths:
    must_fail(connect=lambda: connect(socket.SOCK_STREAM, path), seqpacket=lambda: connect(socket.SOCK_SEQPACKET, path))
"""
DATAGRAM = """
one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
must_fail(pair=lambda: one.sendto(b"told by a pair", "SOCKET.datagram"))
"""
DATAGRAM_MESSAGE = """
try:
    one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
except OSError:
    one = socket.socketpair()[0]
must_fail(message=lambda: one.sendmsg([b"told by a message"], [], 0, "SOCKET.datagram"), bound=lambda: one.connect("SOCKET.datagram"))
"""
DATAGRAM_SOCKET = (
    "must_fail(send=lambda: socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b'told', 'SOCKET.datagram'))"
)
ABSTRACT = "must_fail(connect=lambda: socket.socket(socket.AF_UNIX).connect(b'\\0ABSTRACT'))"
FAMILIES = """
for family, kind, protocol in ((16, 3, 0), (16, 3, 9), (17, 3, 768), (40, 1, 0), (38, 5, 0), (2, 3, 1), (31, 1, 0), (44, 2, 0), (29, 3, 1), (15, 3, 2), (30, 1, 0), (10, 3, 58), (21, 5, 0)):
    must_fail(family=lambda: call(41, family, kind, protocol), pair=lambda: call(53, family, kind, protocol, ctypes.create_string_buffer(8).raw))
"""
KERNEL = """
page = ctypes.create_string_buffer(4096)
at = ctypes.addressof(page)
must_fail(
    bpf=lambda: call(321, 0, at, 72), perf=lambda: call(298, at, 0, -1, -1, 0), userfaultfd=lambda: call(323, 0),
    io_uring=lambda: call(425, 8, at), keys=lambda: call(248, b"user", b"x", b"y", 1, -3), keyctl=lambda: call(250, 0, -3, 0),
    request_key=lambda: call(249, b"user", b"x", None or 0, -3), module=lambda: call(175, at, 10, b""), kexec=lambda: call(246, 0, 0, 0, 0),
    syslog=lambda: call(103, 3, at, 100), ioperm=lambda: call(173, 0, 1, 1), iopl=lambda: call(172, 3), ldt=lambda: call(154, 1, at, 16),
    acct=lambda: call(163, b"x"), reboot=lambda: call(169, 0xfee1dead, 672274793, 0, 0), swap=lambda: call(167, b"x", 0), quota=lambda: call(179, 0, 0, 0, 0),
    hostname=lambda: call(170, b"x", 1), clock=lambda: call(227, 0, at), personality=lambda: call(135, 0x0040000),
    fanotify=lambda: call(300, 0, 0), handle=lambda: call(304, -100, at, 0), secret=lambda: call(447, 0), memfd=lambda: call(319, b"x", 0),
    aio=lambda: call(206, 100, at), inotify=lambda: call(294, 0), shm=lambda: call(29, 1, 4096, 0o1600), msg=lambda: call(68, 1, 0o1600), sem=lambda: call(64, 1, 1, 0o1600), attach=lambda: call(30, 0, 0, 0),
    queue=lambda: call(240, b"x", 0o102, 0o600, 0),
)
"""
MOUNTS = """
must_fail(
    mount=lambda: call(165, b"none", b".", b"tmpfs", 0, 0), bind=lambda: call(165, b"/", b".", 0, 4096, 0), umount=lambda: call(166, b"/dev/shm", 2),
    remount=lambda: call(165, b"none", b"/", 0, 32, 0), fsopen=lambda: call(430, b"tmpfs", 0), tree=lambda: call(428, -100, b"/", 1), move=lambda: call(429, 3, b"", -100, b".", 4),
    setattr=lambda: call(442, -100, b"/", 0, bytes(32), 32), pivot=lambda: call(155, b".", b"."), chroot=lambda: os.chroot("."), root=lambda: call(457, bytes(24), 0, 0, 0),
    unshare=lambda: call(272, 0x10000000), mounts=lambda: call(272, 0x20000), setns=lambda: call(308, 3, 0), clone=lambda: call(56, 0x10000000 | 17, 0, 0, 0, 0),
    mknod=lambda: os.mknod("disk", 0o60666, os.makedev(8, 0)), fifo=lambda: os.mkfifo("/tmp/../fifo"),
)
"""
RIGHTS = """
open("tool", "wb").write(b"#!/bin/sh\\necho")
try: os.chmod("tool", 0o6755)
except OSError: pass
must_fail(
    setuid=lambda: os.setuid(0), setgid=lambda: os.setgid(0), groups=lambda: os.setgroups([0]), exec=lambda: os.execv("tool", ["tool"]), sh=lambda: os.execv("/bin/sh", ["sh"]),
    spawn=lambda: os.posix_spawn("/bin/sh", ["sh"], {}), memory=lambda: call(322, os.open("tool", os.O_RDONLY), b"", 0, 0, 4096), nice=lambda: call(141, 0, 0, -5),
    limits=lambda: __import__("resource").setrlimit(7, (4096, 4096)), of_others=lambda: call(302, GRADER, 7, bytes(16), 0), chown=lambda: os.chown("tool", 0, 0),
)
must_fail(popen=lambda: __import__("subprocess").run(["ls"]), system=lambda: 1 / 0 if os.system("ls") == 0 else (_ for _ in ()).throw(OSError("no shell")))
"""
SIGNALS = """
for process in (GRADER, BYSTANDER, os.getppid(), 1):
    must_fail(kill=lambda: os.kill(process, 9), queue=lambda: call(129, process, 9, bytes(128)), thread=lambda: call(234, process, process, 9), tkill=lambda: call(200, process, 9), pidfd=lambda: call(434, process, 0))
must_fail(group=lambda: os.killpg(os.getpgid(0), 0) and None or (_ for _ in ()).throw(OSError("its own")), priority=lambda: os.setpriority(0, GRADER, 19), affinity=lambda: os.sched_setaffinity(GRADER, {0}), scheduler=lambda: os.sched_setscheduler(GRADER, os.SCHED_BATCH, os.sched_param(0)))
try: os.kill(-1, 9)
except OSError as error: print(error)
"""
OWNER = """
import fcntl
child = os.fork()
if child == 0:
    try:
        reader, writer = os.pipe()
        fcntl.fcntl(reader, fcntl.F_SETOWN, GRADER)
        fcntl.fcntl(reader, 10, 9)  # F_SETSIG
        fcntl.fcntl(reader, fcntl.F_SETFL, os.O_ASYNC | os.O_NONBLOCK)
        os.write(writer, b"x")
    finally:
        os._exit(0)
os.waitpid(child, 0)
"""
DAEMON = """
import os, signal, time
for _ in range(3):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            for number in range(1, 32):
                try: signal.signal(number, signal.SIG_IGN)
                except OSError: pass
            os.chdir("/")
            time.sleep(3600)
        os._exit(0)
"""
CHECK_DAEMON = "def double(x):\n    if x.dim():\n" + DAEMON.replace("\n", "\n        ") + "\n    return 2 * x"
SUBREAPER = """
import os, time
libc.prctl(36, 1, 0, 0, 0)
if os.fork() == 0:
    libc.prctl(36, 1, 0, 0, 0)
    libc.prctl(1, 0, 0, 0, 0)
    for _ in range(4):
        if os.fork() == 0:
            os.setsid()
            time.sleep(3600)
    os._exit(0)
"""
WRITES = """
for path in ("COURSE/submitted/aa_honest/tiny/tiny.ipynb", "COURSE/solutions/tiny.py", "COURSE/gradebook.db", "COURSE/.grader-secret", "COURSE/grader.toml", "FOLDER/outside.txt", "/etc/passwd", "SOURCE/model.py"):
    must_fail(append=lambda: open(path, "ab"), truncate=lambda: os.truncate(path, 0), remove=lambda: os.remove(path), rename=lambda: os.rename(path, "here"),
              link=lambda: os.link(path, "linked"), chmod=lambda: os.chmod(path, 0), chown=lambda: os.chown(path, os.getuid(), os.getgid()), touch=lambda: os.utime(path),
              attribute=lambda: os.setxattr(path, "user.x", b"x"))
for folder in ("COURSE", "COURSE/autograded", "FOLDER", "/etc", "/usr/lib", "/var/tmp", "/run", "/", "/dev", "/root", "SOURCE"):
    must_fail(make=lambda: open(folder + "/planted-by-torchmark-attack", "w"), folder=lambda: os.mkdir(folder + "/planted-torchmark"), link=lambda: os.symlink("x", folder + "/planted-torchmark-link"), socket=lambda: socket.socket(socket.AF_UNIX).bind(folder + "/planted-torchmark-socket"))
"""
OUT = "import os\nos.symlink('COURSE', 'out')\nmust_fail(through=lambda: open('out/autograded/planted', 'w'), rename=lambda: os.rename('out', 'COURSE/moved'))"
TERMINAL = """
import fcntl, termios
for number in (0, 1, 2):
    must_fail(type=lambda: fcntl.ioctl(number, termios.TIOCSTI, b"x"), console=lambda: fcntl.ioctl(number, 0x541C, b"\\x03"))
must_fail(tty=lambda: os.open("/dev/tty", os.O_RDWR), console=lambda: os.open("/dev/console", os.O_RDWR), ptmx=lambda: os.open("/dev/ptmx", os.O_RDWR))
"""
SETTINGS = """
for path in ("/proc/sys/kernel/core_pattern", "/proc/self/oom_score_adj", "/proc/GRADER/oom_score_adj", "/sys/fs/cgroup/cgroup.procs", "/proc/sysrq-trigger", "/proc/self/uid_map", "/proc/self/attr/current"):
    must_fail(write=lambda: open(path, "w").write("1"))
"""
FOREIGN = "import ctypes\n# int 0x80: the calls of 32 bits have other numbers\ncode = b'\\xb8\\x14\\x00\\x00\\x00\\xcd\\x80\\xc3'\nimport mmap\npage = mmap.mmap(-1, 4096, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, prot=7)\npage.write(code)\nctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))()"
X32 = "import ctypes\nctypes.CDLL(None).syscall(ctypes.c_long(0x40000000 | 39))"


def _odd_cells() -> dict[str, Any]:
    """File names in attachments and metadata that lead elsewhere."""
    notebook = json.loads(json.dumps(filled()))
    notebook["metadata"]["title"] = "../../../outside.txt"
    notebook["cells"].append(
        {
            "cell_type": "markdown",
            "metadata": {},
            "source": "![x](attachment:../../x.png)",
            "attachments": {"../../../planted.png": {"image/png": "iVBORw0KGgo="}},
        }
    )
    return notebook  # type: ignore[no-any-return]


NAMES = {
    "spaces": "escape name with spaces",
    "case": "ESCAPE_CASE",
    "case_again": "Escape_Case",
    "composed": "escape_jos\u00e9",
    "decomposed": "escape_jose\u0301",
    "right_to_left": "escape_\u202egnp.x",
    "formula": "=1+cmd|'c calc'!A1",
    "option": "--again",
    "quote": "escape_o'neil",
    "markup": "[red]escape[blink]",
    "braces": "escape_{{7*7}}{% x %}",
    "percent": "escape_%2e%2e%2f",
    "glob": "escape_[a-z]*?",
    "home": "~root",
    "backslash": "escape\\..\\x",
    "long": "escape_" + "n" * 110,
    "colon": "C:escape",
    "zero_width": "escape_a\u200bb",
    "ansi": "escape_\u009b31m",
}

ATTACKS = (
    _escape("tcp", CONNECT),
    _escape("udp", UDP),
    _escape("tcp_over_ipv6", SIX),
    _escape("unix_sockets", UNIX),
    _escape("unix_datagrams_from_a_pair", DATAGRAM),
    _escape("unix_datagrams_by_message", DATAGRAM_MESSAGE),
    _escape("unix_datagrams", DATAGRAM_SOCKET),
    _escape("abstract_sockets", ABSTRACT),
    _escape("other_families", FAMILIES),
    _escape("kernel_interfaces", KERNEL),
    _escape("mounts_and_namespaces", MOUNTS),
    _escape("more_rights", RIGHTS),
    _escape("signals", SIGNALS),
    _escape("signals_by_ownership", OWNER),
    _escape("daemons", DAEMON),
    Attack("escape", "daemons_from_a_check", double=CHECK_DAEMON),
    _escape("a_reaper_of_its_own", SUBREAPER),
    _escape("writes", WRITES),
    _escape("writes_through_a_link", OUT),
    _escape("terminals", TERMINAL),
    _escape("settings_of_the_kernel", SETTINGS),
    Attack("escape", "calls_of_32_bits", before=(CALL, FOREIGN), says="the cell"),
    Attack("escape", "calls_of_x32", before=(CALL, X32), says="the cell"),
    Attack("escape", "paths_in_the_file", make=_odd_cells),
    *(Attack("escape", f"name_{kind}").named(name) for kind, name in NAMES.items()),
)

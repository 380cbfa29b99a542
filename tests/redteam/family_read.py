"""Attacks that read: what stands in files, in processes, in memory, and what an earlier check was given."""

from __future__ import annotations

from attack import Attack

FILES = {
    "solutions": "open('COURSE/solutions/tiny.py').read()",
    "checks": "open('COURSE/assignments/tiny/checks.py').read()",
    "mistakes": "open('COURSE/assignments/tiny/mistakes.py').read()",
    "quiz": "open('COURSE/assignments/tiny/quiz.py').read()",
    "exported_questions": "open('COURSE/exports/tiny.xml').read()",
    "gradebook": "open('COURSE/gradebook.db', 'rb').read()",
    "secret": "open('COURSE/.grader-secret').read()",
    "other_submission": "open('COURSE/submitted/aa_honest/tiny/tiny.ipynb').read()",
    "other_result": "open('COURSE/autograded/aa_honest/tiny/tiny.ipynb').read()",
    "names_of_the_class": "__import__('os').listdir('COURSE/submitted')",
    "file_in_tmp": "open('FOLDER/outside.txt').read()",
    "passwords": "open('/etc/shadow').read()",
    "environment_of_the_grader": "environments()",
    "own_environment": "open('/proc/self/environ').read()",
    "environment_of_init": "open('/proc/1/environ').read()",
    "memory_of_the_grader": "open('/proc/GRADER/mem', 'rb').read(1)",
    "maps": "open('/proc/self/maps').read()",
    "descriptors_by_proc": "__import__('os').listdir('/proc/self/fd')",
    "import_of_the_solutions": "__import__('sys').path.append('COURSE/solutions') or __import__('tiny')._SECRET",
}


ENVIRONMENTS = """
import os
def environments():
    found = []
    for process in filter(str.isdigit, os.listdir("/proc")):
        try:
            found.append(open(f"/proc/{process}/environ").read())
        except OSError:
            pass
    return [text for text in found if "canary" in text]
"""


def _file(name: str, expression: str) -> Attack:
    return Attack("read", name, before=(ENVIRONMENTS, f"attempt(lambda: {expression})"))


WALK = """
import os
for folder, folders, names in os.walk("/"):
    if any(part in folder for part in ("site-packages", "/lib/", "/lib64", "/usr/share", "python3")):
        folders[:] = []
        continue
    for name in names:
        try:
            text = open(os.path.join(folder, name), "rb").read(200_000)
        except OSError:
            continue
        if b"canary" in text:
            print(folder, name, text)
"""

LINK = """
import os
for number, target in enumerate(("COURSE/solutions/tiny.py", "/proc/self/environ", "/proc/self/root/etc/shadow")):
    os.symlink(target, f"link{number}")
    attempt(lambda: open(f"link{number}").read())
attempt(lambda: os.link("COURSE/solutions/tiny.py", "hard"), lambda: open("hard").read())
attempt(lambda: open("../" * 20 + "COURSE/solutions/tiny.py").read())
"""

DESCRIPTORS = """
import os
for number in range(600):
    try:
        status = os.fstat(number)
    except OSError:
        continue
    for act in (lambda: os.pread(number, 100_000, 0), lambda: os.listdir(number), lambda: os.readlink(f"/proc/self/fd/{number}")):
        attempt(act)
    attempt(lambda: open(os.open("solutions/tiny.py", os.O_RDONLY, dir_fd=number)).read())
    attempt(lambda: os.listdir(os.open("..", os.O_RDONLY, dir_fd=number)))
    attempt(lambda: open(os.open("self/environ", os.O_RDONLY, dir_fd=number)).read())
"""

MEMORY = """
import gc, sys, types
def texts(thing):
    if isinstance(thing, str):
        yield thing
    elif isinstance(thing, bytes):
        yield thing.decode("utf-8", "replace")
    elif isinstance(thing, types.CodeType):
        for constant in thing.co_consts:
            yield from texts(constant)
for thing in gc.get_objects():
    for part in gc.get_referents(thing):
        for text in texts(part):
            if "canary" in text and "PART" not in text:
                print(text)
""".replace("PART", "can" + 'ary" in text')

HEAP = """
import ctypes, re
# what lies in memory above and below a fresh object, as far as it can be read: forked memory keeps what it held
base = id(object()) & ~0xFFFFF
for start in range(base - (8 << 20), base + (1 << 20), 1 << 20):
    reader, writer = __import__("os").pipe()
    for at in range(start, start + (1 << 20), 4096):
        try:
            ctypes.CDLL(None, use_errno=True).write(writer, ctypes.c_void_p(at), 4096)
            page = __import__("os").read(reader, 4096)
        except OSError:
            continue
        for found in re.findall(b"can" + b"ary[0-9a-f]{24}", page):
            print(found)
    __import__("os").close(reader), __import__("os").close(writer)
"""

SYSCALLS = """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
buffer = ctypes.create_string_buffer(4096)
class Span(ctypes.Structure):
    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))
ours, theirs = Span(ctypes.addressof(buffer), 4096), Span(id(os), 4096)
def checked(result):
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result, buffer.raw
for process in (os.getppid(), GRADER, BYSTANDER, 1):
    attempt(lambda: checked(libc.process_vm_readv(process, ctypes.byref(ours), 1, ctypes.byref(theirs), 1, 0)))
    attempt(lambda: checked(libc.ptrace(16, process, 0, 0)))
    attempt(lambda: checked(libc.syscall(434, process, 0)))  # pidfd_open
    attempt(lambda: checked(libc.syscall(312, os.getpid(), process, 0, 0, 0)))  # kcmp
attempt(lambda: checked(libc.syscall(438, 3, 0, 0)))  # pidfd_getfd
attempt(lambda: checked(libc.syscall(250, 6, -3, buffer, 4096)))  # keyctl describe
attempt(lambda: checked(libc.shmat(0, None, 0)), lambda: checked(libc.msgrcv(0, buffer, 4000, 0, 0o4000)))
"""

MODULES = """
import sys, autograder
for name in ("autograder.checks", "autograder.checks.suite", "autograder.gradebook", "autograder.course", "tiny", "checks"):
    attempt(lambda: vars(sys.modules[name]))
for name in ("checks", "gradebook", "quiz"):
    attempt(lambda: open(f"{autograder.__path__[0]}/{name}.py").read())
attempt(lambda: sys.argv, lambda: sys.orig_argv, lambda: dict(__import__("os").environ))
"""

# one check keeps what it is given, and a later one returns it
KEEP = """
import mmap, os, sys, torch
try:
    KEPT = mmap.mmap(-1, 1 << 16)
except OSError:
    KEPT = bytearray(1 << 16)
try:
    TENSOR = torch.zeros(1000).share_memory_()
except RuntimeError:
    TENSOR = torch.zeros(1000)
reader, writer = os.pipe()
os.set_blocking(reader, False)
file = open("kept", "w+b", buffering=0)
segment = None
try:
    from multiprocessing.shared_memory import SharedMemory
    segment = SharedMemory(create=True, size=1 << 12)
except OSError:
    pass
def keep(x):
    mark, found = b"KEPT%d" % x.numel(), []
    if not x.dim():  # the visible example, which runs in the notebook itself
        return found
    for name, put, get in (
        ("mmap", lambda: KEPT.__setitem__(slice(0, len(mark)), mark), lambda: bytes(KEPT[:8])),
        ("tensor", lambda: TENSOR.fill_(x.numel()), lambda: f"KEPT{int(TENSOR[0])}" if TENSOR[0] else ""),
        ("pipe", lambda: os.write(writer, mark), lambda: os.read(reader, 8)),
        ("file", lambda: os.pwrite(file.fileno(), mark, 0), lambda: os.pread(file.fileno(), 8, 0)),
        ("new file", lambda: open("new", "wb").write(mark), lambda: open("new", "rb").read()),
        ("tmp", lambda: open(os.environ["TMPDIR"] + "/new", "wb").write(mark), lambda: open(os.environ["TMPDIR"] + "/new", "rb").read()),
        ("shm", lambda: open("/dev/shm/new", "wb").write(mark), lambda: open("/dev/shm/new", "rb").read()),
        ("segment", lambda: segment.buf.__setitem__(slice(0, len(mark)), mark), lambda: bytes(segment.buf[:8])),
        ("global", lambda: globals().__setitem__("GLOBAL", mark), lambda: globals().get("GLOBAL", b"")),
        ("module", lambda: setattr(torch, "kept", mark), lambda: getattr(torch, "kept", b"")),
    ):
        try:
            seen = get()
        except Exception:
            seen = b""
        if b"KEPT" in (seen if isinstance(seen, bytes) else str(seen).encode()):
            found.append(name)
        try:
            put()
        except Exception:
            pass
    return found
"""

# a thread of the notebook's own process waits on a socket for what checks bring, and forks of it know
THREAD = """
import os, socket, threading
HEARD = []
def listen():
    server = socket.socket(socket.AF_UNIX)
    server.bind("meeting")
    server.listen()
    while True:
        connection, _ = server.accept()
        HEARD.append(connection.recv(1000))
threading.Thread(target=listen, daemon=True).start()
def keep(x):
    found = ["socket"] if HEARD else []
    if not x.dim():
        return found
    try:
        client = socket.socket(socket.AF_UNIX)
        client.connect("meeting")
        client.send(b"KEPT")
    except OSError:
        pass
    return found
"""

# an answer to a question that looks for the right one when it is asked for its value
HUNT = """
import gc, os, sys
class Answer:
    def tolist(self):
        frame, texts = sys._getframe(), list(os.environ.values())
        while frame is not None:
            texts += map(repr, frame.f_locals.values())
            frame = frame.f_back
        texts += [part for thing in gc.get_objects() for part in gc.get_referents(thing) if type(part) is str]
        for folder, _, names in os.walk("."):
            texts += [open(os.path.join(folder, name), errors="replace").read() for name in names]
        found = [text for text in texts if "can" + "ary" in text and "hunted" not in text and len(text) < 80]
        return found[0] if found else "nothing, hunted"
    __str__ = __repr__ = __reduce__ = tolist
"""

LEAK = (
    "def double(x):\n    found = keep(x)\n    if found:\n        raise RuntimeError(f'LEAK {found}')\n    return 2 * x"
)

FRAMES = """
def double(x):
    import gc, sys
    seen, frame = [], sys._getframe()
    while frame is not None:
        seen.append({name: repr(value)[:2000] for name, value in frame.f_locals.items()})
        frame = frame.f_back
    raise RuntimeError(repr(seen)[:50_000])
"""

ATTACKS = (
    *(_file(name, expression) for name, expression in FILES.items()),
    Attack("read", "walk_over_the_machine", before=(WALK,)),
    Attack("read", "links", before=(LINK,)),
    Attack("read", "open_descriptors", before=(DESCRIPTORS,)),
    Attack("read", "objects_in_memory", before=(MEMORY,)),
    Attack("read", "raw_memory", before=(HEAP,)),
    Attack("read", "memory_of_others_by_system_calls", before=(SYSCALLS,)),
    Attack("read", "modules_and_source", before=(MODULES,)),
    Attack("read", "frames_of_the_check", double=FRAMES, score=2.0),
    Attack(
        "read",
        "files_from_within_a_check",
        double="def double(x):\n    attempt(lambda: open('COURSE/solutions/tiny.py').read())\n    return 2 * x",
    ),
    Attack("read", "answers_of_its_own_variant", before=(HUNT,), after=("guess = Answer()", "pick = Answer()")),
    Attack("read", "inputs_of_an_earlier_check", before=(KEEP,), double=LEAK),
    Attack("read", "inputs_by_a_thread_and_a_socket", before=(THREAD,), double=LEAK),
    Attack("read", "handed_in_as_a_link", make=lambda: b"LINK", fails="is a symbolic link out of its folder"),
)

"""How much a folder of a student's holds, and its removal, whatever shape the student gave it.

Nothing here recurses or trusts a path: folders may lie in folders thousands of times, deeper than any path reaches.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path

MOST_FILES = 50_000  # in one working folder, as the private root allows
DEEPEST = 64  # folders within each other
BLOCK = 512  # bytes

_OPEN = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def is_over(folder: str, most: int) -> bool:
    """True when more than `most` bytes lie below `folder`, or more files, or deeper folders, than anybody needs."""
    size, count, todo = 0, 0, [(folder, 0)]
    while todo:
        path, depth = todo.pop()
        with contextlib.suppress(OSError), os.scandir(path) as entries:
            for entry in entries:
                count += 1
                with contextlib.suppress(OSError):
                    size += entry.stat(follow_symlinks=False).st_blocks * BLOCK
                    if entry.is_dir(follow_symlinks=False):
                        todo.append((entry.path, depth + 1))
                if size > most or count > MOST_FILES or depth > DEEPEST:
                    return True
    return False


def remove(folder: str) -> None:
    """Remove a folder and all in it. What lies deep is moved up first, so that no path grows long. Never raises."""
    with contextlib.suppress(OSError):
        top = os.open(folder, _OPEN)
        try:
            while _empty_some(top):
                pass
        finally:
            os.close(top)
        Path(folder).rmdir()


def _empty_some(top: int) -> bool:
    """Remove what lies in `top` but for what lies in its folders, which move up; True when something was there."""
    names = os.listdir(top)
    done = 0
    for name in names:
        with contextlib.suppress(OSError):
            _remove_or_flatten(name, top)
            done += 1
    return done > 0


def _remove_or_flatten(name: str, top: int) -> None:
    if not _is_folder(name, top):
        os.unlink(name, dir_fd=top)
        return
    os.chmod(name, 0o700, dir_fd=top)
    inner = os.open(name, _OPEN, dir_fd=top)
    try:
        for below in os.listdir(inner):  # noqa: PTH208
            if _is_folder(below, inner):
                os.chmod(below, 0o700, dir_fd=inner)
                os.rename(below, f".moved-{secrets.token_hex(8)}", src_dir_fd=inner, dst_dir_fd=top)
            else:
                os.unlink(below, dir_fd=inner)
    finally:
        os.close(inner)
    os.rmdir(name, dir_fd=top)


def _is_folder(name: str, parent: int) -> bool:
    """A folder itself, not a link to one."""
    return os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode & 0o170000 == 0o040000

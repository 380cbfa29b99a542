"""Memory that a process shares with its forks, made its own: what one check writes there, no other must read."""

from __future__ import annotations

import ctypes
import mmap

_READ_WRITE = mmap.PROT_READ | mmap.PROT_WRITE
_MOVE, _MOVE_TO = 1, 2  # MREMAP_MAYMOVE, MREMAP_FIXED
_FAILED = ctypes.c_void_p(-1).value

_libc = ctypes.CDLL(None, use_errno=True)
_libc.mmap.restype = _libc.mremap.restype = ctypes.c_void_p
_libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
_libc.mremap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_size_t, ctypes.c_int, ctypes.c_void_p]
_libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]


def make_private(start: int, end: int) -> None:
    """Put private memory with the same content in place of [start, end). Raises OSError where there is no room."""
    length = end - start
    _libc.mprotect(start, length, _READ_WRITE)
    copy = _libc.mmap(None, length, _READ_WRITE, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, -1, 0)
    if copy in (None, _FAILED):
        raise OSError(ctypes.get_errno(), "no room for a private copy of shared memory")
    ctypes.memmove(copy, start, length)
    if _libc.mremap(copy, length, length, _MOVE | _MOVE_TO, start) == _FAILED:
        raise OSError(ctypes.get_errno(), "shared memory could not be replaced")

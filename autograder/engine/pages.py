"""Large pages for the zygote's heap: a fork copies page tables, and a large page takes one entry in place of 512."""

from __future__ import annotations

import ctypes
import re
from pathlib import Path

LARGE = 2 * 1024**2  # bytes
_USE_LARGE_PAGES, _COLLAPSE = 14, 25  # MADV_HUGEPAGE, MADV_COLLAPSE (Linux 6.1)
_HEAP = re.compile(r"^(\w+)-(\w+) rw-p \S+ \S+ 0\s*(\[heap\])?$", re.MULTILINE)


def use_large_pages() -> int:
    """Put the memory that this process has now into large pages, as far as the kernel does that; how many bytes.

    A kernel that cannot, or an administrator who does not want it, only makes forks slower.
    """
    libc = ctypes.CDLL(None)
    done = 0
    for found in _HEAP.finditer(Path("/proc/self/maps").read_text()):
        start = -(-int(found[1], 16) // LARGE) * LARGE
        length = int(found[2], 16) // LARGE * LARGE - start
        if length > 0:
            area = ctypes.c_void_p(start), ctypes.c_size_t(length)
            libc.madvise(*area, _USE_LARGE_PAGES)
            done += length if libc.madvise(*area, _COLLAPSE) == 0 else 0
    return done

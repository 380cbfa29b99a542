"""Imported before pandas: no PyArrow on the student side, installed or not.

pandas imports it wherever it is found; it then starts a thread (jemalloc's), and what has threads must not fork. It
also makes other strings of the same column, so that a notebook would depend on what the grader has installed.
"""

from __future__ import annotations

import sys

sys.modules["pyarrow"] = None  # type: ignore[assignment]

"""The words of a check for what it looks at: `expect(probs.sum(dim=1))` speaks of "probs.sum(dim=1)".

Only short expressions without anything drawn or computed by us are given away; all else is "the result".
"""

from __future__ import annotations

import ast
import itertools
import linecache
from dataclasses import dataclass
from types import CodeType, FrameType

RESULT = "the result"
MAX_LENGTH = 48
_OURS = {"draw", "reference", "expect", "torch", "self"}


@dataclass(frozen=True)
class CallSite:
    """A place in a check: code and instruction, kept without the frame and its values."""

    code: CodeType
    instruction: int

    @classmethod
    def of(cls, frame: FrameType) -> CallSite:
        """Where `frame` is now."""
        return cls(frame.f_code, frame.f_lasti)

    def words_of_first_argument(self) -> str:
        """The source of the first argument of the call that stands here, when it may be shown; else "the result"."""
        try:
            return self._words()
        except (SyntaxError, ValueError, IndexError):
            return RESULT

    def _words(self) -> str:
        place = next(itertools.islice(self.code.co_positions(), self.instruction // 2, None))
        first, last, start, end = place
        if first is None or last is None or start is None or end is None:
            return RESULT
        lines = [linecache.getline(self.code.co_filename, number).encode() for number in range(first, last + 1)]
        lines[-1] = lines[-1][:end]
        lines[0] = lines[0][start:]
        tree = ast.parse(b"".join(lines).decode().strip(), mode="eval").body
        while isinstance(tree, ast.Call) and isinstance(
            tree.func, ast.Attribute
        ):  # expect(x).is_finite(): to the inmost
            tree = tree.func.value
        if not isinstance(tree, ast.Call) or not tree.args:
            return RESULT
        return _shown(tree.args[0])


def _shown(tree: ast.expr) -> str:
    """The expression as a student may read it, without `student.`."""
    kinds = (
        ast.Name,
        ast.Attribute,
        ast.Call,
        ast.Subscript,
        ast.keyword,
        ast.Constant,
        ast.Tuple,
        ast.Load,
        ast.Slice,
    )
    for node in ast.walk(tree):
        if not isinstance(node, kinds) or (isinstance(node, ast.Name) and node.id in _OURS):
            return RESULT
    words = ast.unparse(tree).replace("student.", "")
    is_plain = len(words) <= MAX_LENGTH and not isinstance(tree, ast.Constant) and not words.endswith(".value")
    return words if is_plain else RESULT

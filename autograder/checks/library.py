"""Does a recorded call belong to a function that a rule forbids, under whichever of its names?"""

from __future__ import annotations

import re
from collections.abc import Iterable

from autograder.engine.recorder import AUTOGRAD

EVASIONS = frozenset({"sys.setprofile", "sys.getprofile"})
_PREFIXES = re.compile(r"^(?:special_|safe_|native_|masked_|sparse_|linalg_|_)+")
_SUFFIX = re.compile(r"(?:_forward|_backward|_data|_loss|_nd|2d|_out|_for_cpu|_)$")


def forbidden_calls(functions: Iterable[str], names: Iterable[str]) -> list[str]:
    """The recorded functions that `names` forbid, the plainest first.

    A name without a dot stands for every function of that name, in any library and under torch's internal names
    ("softmax": torch.softmax, F.softmax, Tensor.softmax, aten::_softmax, scipy.special.softmax); "autograd" stands for
    automatic differentiation; a name with dots for that function, or all of that module ("torch.optim").
    """
    found = {
        function for function in functions for name in names if _is_forbidden(function, name) or function in EVASIONS
    }
    return sorted(found, key=lambda function: (function in EVASIONS, "::" in function, "_C" in function, function))


def _is_forbidden(function: str, name: str) -> bool:
    if name == AUTOGRAD or function == AUTOGRAD:
        return name == function
    if "." in name or "::" in name:
        return function == name or function.startswith(name + ".")
    own = re.split(r"::|\.", function)[-1]
    bare = _PREFIXES.sub("", own)
    spellings = {own, bare}
    while (shorter := _SUFFIX.sub("", bare)) != bare:
        spellings.add(bare := shorter)
    return name in spellings

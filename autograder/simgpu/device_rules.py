"""What PyTorch's operator table says about devices: which operations its generated code checks, and how.

PyTorch ships the table (native_functions.yaml) with torchgen, so the rules always belong to the installed version.
"""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import msgspec


class DeviceRules(msgspec.Struct, frozen=True):
    """Operations by name ("aten::add.Tensor")."""

    unchecked: tuple[str, ...]  # `device_check: NoCheck`: TensorIterator checks them, and takes CPU scalars
    wrappers: dict[str, str]  # of structured operations: the generated function that PyTorch's error names


def read_device_rules(table: Path | None = None) -> DeviceRules:
    """Read the rules from `table`, by default the one that came with the installed PyTorch."""
    entries = re.split(r"\n(?=- func: )", (table or operator_table()).read_text())
    named = [(_name(entry), entry) for entry in entries if entry.startswith("- func: ")]
    return DeviceRules(
        unchecked=tuple(name for name, entry in named if _is_unchecked(entry)),
        wrappers=_wrappers(named),
    )


def operator_table() -> Path:
    """The operator table of the installed PyTorch."""
    spec = importlib.util.find_spec("torchgen")
    if spec is None or spec.origin is None:
        raise FileNotFoundError("torchgen, which comes with PyTorch, is not installed")
    return Path(spec.origin).parent / "packaged" / "ATen" / "native" / "native_functions.yaml"


def _name(entry: str) -> str:
    return "aten::" + entry.removeprefix("- func: ").split("(", 1)[0]


def _is_unchecked(entry: str) -> bool:
    return "device_check: NoCheck" in entry or "structured_inherits: TensorIteratorBase" in entry


def _wrappers(named: list[tuple[str, str]]) -> dict[str, str]:
    """Name the wrappers as torchgen does (dest/register_dispatch_key.py, StructuredRegisterDispatchKey).

    A call of `mm` reaches the simulated device as `mm.out`, on a GPU as `wrapper_CUDA_mm`: the out form gets that name.
    """
    wrappers: dict[str, str] = {}
    for name, entry in named:
        delegate = re.search(r"structured_delegate: (\S+)", entry)
        if delegate is None or name.split(".")[0].endswith("_"):  # in-place forms reach us under their own name
            continue
        wrappers[name] = wrappers[f"aten::{delegate[1]}"] = "wrapper_CUDA_" + name.removeprefix("aten::").replace(
            ".", "_"
        )
    return wrappers

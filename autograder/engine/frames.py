"""pandas' tables as plain columns: names, dtype names and lists of values, in place of pickles."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

FRAMES = (pd.DataFrame, pd.Series, pd.Index, pd.RangeIndex, pd.Timestamp, pd.Timedelta)
MAX_COLUMNS = 1_000
MAX_ROWS = 10_000_000  # of an index that is a range, and so takes no room on the wire
PLAIN = frozenset(
    ["bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float16", "float32", "float64"]
)
AS_NUMBERS = frozenset(f"{kind}64[{unit}]" for kind in ("datetime", "timedelta") for unit in ("s", "ms", "us", "ns"))
AS_OBJECTS = frozenset(("object", "str", "string", "category", "boolean", "Int64", "Float64", "Int32", "Float32"))


def pack_frame(value: Any) -> list[Any] | None:
    """A table, series or index as nested lists of arrays, strings and numbers; None where it has no such form."""
    kind = type(value)
    if kind is pd.DataFrame:
        if len(value.columns) > MAX_COLUMNS or isinstance(value.columns, pd.MultiIndex):
            return None
        columns = [_pack_column(value.iloc[:, position]) for position in range(len(value.columns))]
        index = _pack_index(value.index)
        if index is None or None in columns:
            return None
        return ["frame", list(value.columns), index, columns]
    if kind is pd.Series:
        column, index = _pack_column(value), _pack_index(value.index)
        return None if column is None or index is None else ["series", value.name, index, column]
    if kind in (pd.Index, pd.RangeIndex):
        index = _pack_index(value)
        return None if index is None else ["index", index]
    if kind is pd.Timestamp and value.tz is None:
        return ["timestamp", value.as_unit("ns").value]
    if kind is pd.Timedelta:
        return ["timedelta", value.as_unit("ns").value]
    return None


def _pack_column(column: Any) -> list[Any] | None:
    name = str(column.dtype)
    if name in PLAIN:
        return [name, column.to_numpy()]
    if name in AS_NUMBERS:
        return [name, column.to_numpy().view(np.int64)]
    if name in AS_OBJECTS:
        return [name, [None if item is pd.NA else item for item in column.tolist()]]
    return None


def _pack_index(index: Any) -> list[Any] | None:
    if isinstance(index, pd.MultiIndex):
        return None
    if isinstance(index, pd.RangeIndex):
        return ["range", index.name, [index.start, index.stop, index.step]]
    column = _pack_column(index)
    return None if column is None else [column[0], index.name, column[1]]


def unpack_frame(parts: list[Any]) -> Any:
    """What `pack_frame` packed. A malformed argument raises any exception: the caller must expect it."""
    kind, *rest = parts
    if kind == "frame":
        names, index, columns = rest
        rows = _unpack_index(index)
        made = {position: pd.Series(_unpack_column(*column), index=rows) for position, column in enumerate(columns)}
        frame = pd.DataFrame(made, index=rows)
        frame.columns = pd.Index(names) if names else frame.columns
        return frame
    if kind == "series":
        name, index, column = rest
        return pd.Series(_unpack_column(*column), index=_unpack_index(index), name=name)
    if kind == "index":
        return _unpack_index(*rest)
    (number,) = rest
    if type(number) is not int:
        raise ValueError("not a number of nanoseconds")
    return {"timestamp": pd.Timestamp, "timedelta": pd.Timedelta}[kind](number)


def _unpack_column(dtype: Any, content: Any) -> Any:
    if dtype in PLAIN and isinstance(content, np.ndarray) and content.dtype == dtype and content.ndim == 1:
        return content
    if dtype in AS_NUMBERS and isinstance(content, np.ndarray) and content.dtype == np.int64 and content.ndim == 1:
        return content.view(dtype)
    if dtype in AS_OBJECTS and type(content) is list:
        return pd.array(content, dtype=dtype) if dtype != "object" else np.array([*content, None], dtype=object)[:-1]
    raise ValueError("not a column")


def _unpack_index(packed: Any) -> pd.Index[Any]:
    dtype, name, content = packed
    index: pd.Index[Any]
    if dtype == "range":
        start, stop, step = (int(number) for number in content)
        if max(abs(start), abs(stop)) > MAX_ROWS:
            raise ValueError("an endless range")
        index = pd.RangeIndex(start, stop, step, name=name)
    else:
        index = pd.Index(_unpack_column(dtype, content), name=name)
    return index

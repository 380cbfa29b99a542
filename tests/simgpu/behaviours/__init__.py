"""What tensors do on a GPU, row by row. It needs torch and numpy, and no pytest."""

from . import (
    asserts,
    compiling,
    gaps,
    gradients,
    indexing,
    layers,
    loading,
    machine,
    making,
    memory,
    mixing,
    modules,
    moving,
    randomness,
    reading,
    saving,
    several,
    streams,
    training,
    views,
)
from .row import ENTERED, Row

_READING_ORDER = (
    *(machine, making, moving, reading, mixing, indexing, views, gradients, modules, training, layers),
    *(randomness, memory, saving, loading, asserts, streams, several, compiling, gaps),
)

# The rows by the first sentence of their module, in the order in which the table shows them.
GROUPS: dict[str, tuple[Row, ...]] = {
    (module.__doc__ or "").split("\n")[0]: tuple(row for row in ENTERED if row.check.__module__ == module.__name__)
    for module in _READING_ORDER
}
ROWS: tuple[Row, ...] = tuple(row for rows in GROUPS.values() for row in rows)

__all__ = ["GROUPS", "ROWS", "Row"]

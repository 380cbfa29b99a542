"""What tensors do on a GPU, row by row. Importing this package fills `ROWS`; it needs torch and numpy, and no pytest."""

from . import (  # noqa: F401  (each module enters its rows, in this order)
    making,
    moving,
    reading,
    mixing,
    indexing,
    views,
    gradients,
    modules,
    training,
    layers,
    randomness,
    memory,
    streams,
    saving,
    loading,
    machine,
    asserts,
    compiling,
    several,
    gaps,
)
from .row import ROWS, Row

__all__ = ["ROWS", "Row"]

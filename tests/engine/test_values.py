"""Values cross the wire as they are, or not at all; forged trees never do harm."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from torch import Tensor

from autograder.engine import values
from autograder.engine.calls import AsGenerator, Handle
from autograder.engine.values import DTYPES, TENSOR, Reader, WireError, Writer


def crossed(value: Any) -> Any:
    """`value` after the way from the student side to the grader."""
    held: list[Any] = []

    def hold(thing: Any) -> int:
        held.append(thing)
        return len(held) - 1

    writer = Writer(hold)
    tree = msgspec.msgpack.decode(msgspec.msgpack.encode(writer.tree(value)))
    return Reader([bytearray(buffer) for buffer in writer.buffers]).value(tree)


def tensor_tree(dtype: str, shape: list[int], stride: list[int], offset: int = 0) -> list[Any]:
    return [TENSOR, dtype, shape, stride, offset, 0, False, None]


# ---- what a forger may send


def many(tag: int, items: list[Any]) -> list[Any]:
    return [tag, *items]


@pytest.mark.parametrize(
    "tree",
    [
        many(values.LIST, [tensor_tree("bool", [1 << 26], [0])] * 5),
        many(values.LIST, [tensor_tree("float32", [1 << 24], [0])] * 5),
        many(values.LIST, [[values.BIG_INT, "f" * 20]] * 1001),
        many(values.DICT, [part for n in range(1001) for part in ([values.TUPLE, n], 0)]),
    ],
    ids=["bytes that are tensors", "numbers that are tensors", "huge integers", "tuples as keys"],
)
def test_what_is_small_to_send_and_large_to_hold_is_refused(tree: list[Any]) -> None:
    with pytest.raises(WireError):
        Reader([bytearray(4)]).value(tree)


def test_a_thousand_tuples_as_keys_and_numbers_of_many_digits_cross() -> None:
    value = {(n, n): 10**30 + n for n in range(400)}
    assert crossed(value) == value


@pytest.mark.parametrize(
    "tree",
    [
        [],
        [99],
        ["list"],
        {"a": 1},
        b"raw",
        [values.DICT, 1],
        [values.DICT, [values.LIST], 1],
        [values.HANDLE, -1, "x"],
        [values.HANDLE, 0],
        [values.BIG_INT, "0x"],
        [values.BIG_INT, "f" * 100_000],
        [values.SCALAR, "O8", b"12345678"],
        [values.SCALAR, "f8", b"123"],
        [values.ARRAY, "f4", [5], 0],
        [values.ARRAY, "f4", [-1], 0],
        [values.ARRAY, "O", [2], [values.LIST, 1]],
        [values.ARRAY, "U", [300], [values.LIST, "x" * 1_000_000, *["y"] * 299]],
        [values.FRAME, "frame"],
        [values.FRAME, "pickle", b"..."],
        [values.FRAME, "index", [values.LIST, "range", None, [values.LIST, 0, 2**60, 1]]],
        tensor_tree("float32", [2], [1], offset=3),
        tensor_tree("float32", [2, 2], [100, 1]),
        tensor_tree("float32", [-1], [1]),
        tensor_tree("float32", [2**40], [0]),
        tensor_tree("float32", [1] * 65, [1] * 65),
        tensor_tree("object", [1], [1]),
        tensor_tree("float32", [1], [1])[:5],
        [TENSOR, "float32", [1], [1], 0, 7, False, None],
        [TENSOR, "int64", [1], [1], 0, 0, True, None],
        [TENSOR, "float32", [1], [1], 0, 0, False, [TENSOR, "float32", [2], [1], 0, 0, False, None]],
    ],
    ids=repr,
)
def test_a_forged_tree_is_a_wire_error(tree: Any) -> None:
    with pytest.raises(WireError):
        Reader([bytearray(16)]).value(tree)


def test_a_tree_that_nests_for_ever_is_a_wire_error() -> None:
    tree: Any = None
    for _ in range(10_000):
        tree = [values.LIST, tree]
    with pytest.raises(WireError):
        Reader([]).value(tree)


def test_a_tree_with_too_many_things_is_a_wire_error() -> None:
    with pytest.raises(WireError):
        Reader([]).value([values.LIST, *[None] * (values.MAX_NODES + 1)])


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary()
trees = st.recursive(scalars | st.integers(0, 12), lambda children: st.lists(children, max_size=9))


@settings(max_examples=300, deadline=None)
@given(trees, st.lists(st.binary(max_size=64), max_size=3))
def test_a_reader_raises_nothing_but_wire_errors(tree: Any, buffers: list[bytes]) -> None:
    with contextlib.suppress(WireError):
        Reader([bytearray(buffer) for buffer in buffers]).value(tree)


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(sorted(DTYPES)),
    st.lists(st.integers(-2, 5), max_size=4),
    st.lists(st.integers(-2, 9), max_size=4),
    st.integers(-1, 9),
    st.booleans(),
)
def test_a_forged_tensor_never_reaches_beyond_its_memory(
    dtype: str, shape: list[int], stride: list[int], offset: int, needs_grad: bool
) -> None:
    raw = bytearray(b"\x05" * 48)
    try:
        tensor = Reader([raw]).value([TENSOR, dtype, shape, stride, offset, 0, needs_grad, None])
    except WireError:
        return
    assert tensor.untyped_storage().nbytes() <= max(48, tensor.numel() * tensor.element_size())
    assert tensor.tolist() is not None  # reads every element


def test_a_bool_tensor_holds_only_true_and_false_whatever_bytes_came() -> None:
    tensor = Reader([bytearray(b"\x00\x02\xff")]).value(tensor_tree("bool", [3], [1]))
    assert tensor.view(torch.uint8).tolist() == [0, 1, 1]


# ---- what cannot cross


@pytest.mark.parametrize(
    ("make", "description"),
    [
        (lambda: torch.eye(3).to_sparse(), "Tensor (sparse_coo)"),
        (lambda: torch.ones(2, device="meta"), "Tensor (on meta)"),
        (lambda: torch.nested.nested_tensor([torch.ones(2)], layout=torch.jagged), "Tensor (NestedTensor)"),
        (lambda: torch.ones(1).expand(10**10), "Tensor of shape (10000000000,), 40000 MB: too large"),
        (lambda: torch.zeros(20_000_000), "Tensor of shape (20000000,), 80 MB: too large"),
        (lambda: object(), "object"),
        (lambda: torch.nn.Linear(1, 1), "Linear"),
        (lambda: len, "builtin_function_or_method"),
        (lambda: "x" * 2_000_000, "long str"),
        (lambda: np.zeros(2, dtype="M8[s]"), "ndarray of datetime64[s]"),
        (lambda: 10**10_000, "int of thousands of digits"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_cross_stays_behind_with_a_description(make: Callable[[], Any], description: str) -> None:
    assert crossed(make()) == Handle(0, description)


def test_a_list_that_holds_itself_ends_in_a_handle() -> None:
    endless: list[Any] = []
    endless.append(endless)
    assert "deeply nested list" in repr(crossed(endless))


def test_the_grader_cannot_send_what_cannot_cross() -> None:
    with pytest.raises(TypeError, match="Linear cannot be given to a student's function"):
        Writer().tree(torch.nn.Linear(1, 1))


class Liar(Tensor):
    """A tensor subclass that lies wherever it is asked."""

    shape = (1, 2, 3)
    dtype = "float99"
    requires_grad = True
    __class__ = int

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return True


def test_a_tensor_subclass_is_reduced_to_its_real_values() -> None:
    got = crossed(torch.tensor([1.0, 2.0]).as_subclass(Liar))
    assert type(got) is Tensor
    assert got.tolist() == [1.0, 2.0]


class AlwaysEqual:
    __class__ = Tensor

    def __eq__(self, other: object) -> bool:
        return True


def test_an_object_that_claims_to_be_a_tensor_is_a_handle() -> None:
    assert crossed(AlwaysEqual()) == Handle(0, "AlwaysEqual")


# ---- what crosses

plain = st.none() | st.booleans() | st.integers(-(2**80), 2**80) | st.floats(allow_nan=False) | st.text()
nested = st.recursive(
    plain,
    lambda children: (
        st.lists(children, max_size=4)
        | st.lists(children, max_size=4).map(tuple)
        | st.dictionaries(st.text(max_size=3) | st.integers(0, 9), children, max_size=3)
    ),
)


@settings(max_examples=100, deadline=None)
@given(nested)
def test_nested_plain_values_cross_unchanged(value: Any) -> None:
    got = crossed(value)
    assert got == value
    assert repr(got) == repr(value)  # so tuples stay tuples and -0.0 stays -0.0


@pytest.mark.parametrize("number", [math.inf, -math.inf, -0.0, 5e-324])
def test_strange_floats_cross(number: float) -> None:
    assert repr(crossed(number)) == repr(number)


def test_nan_crosses() -> None:
    assert math.isnan(crossed(math.nan))


def test_a_lone_surrogate_becomes_a_question_mark() -> None:
    assert crossed("a\ud800") == "a?"


@pytest.mark.parametrize("name", sorted(DTYPES))
def test_tensors_of_every_dtype_cross(name: str) -> None:
    dtype = DTYPES[name]
    tensor = torch.tensor([[0, 1, 2], [3, 4, 5]]).to(dtype)
    got = crossed(tensor)
    assert got.dtype is dtype
    assert torch.equal(got, tensor)


@pytest.mark.parametrize(
    "tensor",
    [
        torch.arange(12.0).reshape(3, 4).t(),
        torch.arange(12.0)[2:11:3],
        torch.tensor(1.5),
        torch.empty(0, 3),
        torch.ones(1, 3).expand(4, 3),
        torch.arange(6.0).reshape(2, 3)[:, 1:],
    ],
)
def test_shape_strides_and_values_of_a_tensor_cross(tensor: Tensor) -> None:
    got = crossed(tensor)
    assert (got.shape, got.stride()) == (tensor.shape, tensor.stride())
    assert torch.equal(got, tensor)


def test_a_small_view_of_a_large_storage_does_not_drag_it_along() -> None:
    writer = Writer()
    writer.tree(torch.zeros(1_000_000)[:3])
    assert sum(buffer.nbytes for buffer in writer.buffers) == 12


def test_views_of_one_storage_still_share_memory() -> None:
    base = torch.arange(6.0)
    first, second = crossed((base[:4], base[2:]))
    first[2] = 100.0
    assert second[0] == 100.0


def test_requires_grad_and_grad_cross() -> None:
    parameter = torch.nn.Parameter(torch.tensor([1.0, 2.0]))
    parameter.grad = torch.tensor([3.0, 4.0])
    got = crossed(parameter)
    assert type(got) is Tensor
    assert got.requires_grad
    assert got.grad.tolist() == [3.0, 4.0]


@settings(max_examples=50, deadline=None)
@given(arrays.arrays(st.sampled_from(["f4", "f8", "i4", "i8", "u1", "?", "c16"]), arrays.array_shapes(min_side=0)))
def test_numpy_arrays_cross(array: np.ndarray[Any, Any]) -> None:
    got = crossed(array)
    assert got.dtype == array.dtype
    np.testing.assert_array_equal(got, array)


def test_arrays_of_strings_and_objects_cross() -> None:
    assert crossed(np.array(["a", "bc"])).tolist() == ["a", "bc"]
    assert crossed(np.array([1, "a", None], dtype=object)).tolist() == [1, "a", None]


def test_a_numpy_scalar_stays_apart_from_a_python_float() -> None:
    assert type(crossed(np.float32(0.5))) is np.float32
    assert type(crossed(np.int64(3))) is np.int64
    assert type(crossed(np.float64(0.5))) is float
    assert type(crossed(0.5)) is float


def test_a_generator_argument_crosses_as_one() -> None:
    got = crossed(AsGenerator((torch.ones(1), 2)))
    assert isinstance(got, AsGenerator)
    assert got.items[1] == 2


def test_a_table_crosses_column_by_column() -> None:
    table = pd.DataFrame(
        {
            "count": [1, 2, 3],
            "share": [0.5, math.nan, -1.0],
            "name": ["a", None, "c"],
            "when": pd.to_datetime(["2026-01-01", "2026-02-03", None]),
            "kind": pd.Categorical(["x", "y", "x"]),
            "maybe": pd.array([True, None, False], dtype="boolean"),
        },
        index=["r", "s", "t"],
    )
    pd.testing.assert_frame_equal(crossed(table), table)


def test_a_series_and_an_index_cross() -> None:
    series = pd.Series([1.5, 2.5], name="s", index=pd.RangeIndex(5, 9, 2))
    pd.testing.assert_series_equal(crossed(series), series)
    pd.testing.assert_index_equal(crossed(pd.Index(["a", "b"], name="i")), pd.Index(["a", "b"], name="i"))


def test_a_table_with_an_index_of_several_levels_stays_behind() -> None:
    table = pd.DataFrame({"a": [1]}, index=pd.MultiIndex.from_tuples([(1, 2)]))
    assert crossed(table) == Handle(0, "DataFrame")

"""A gap of the simulation is told apart from a mistake of the student's."""

from __future__ import annotations

import pytest

from autograder.simgpu.gaps import gap_of, refusal


@pytest.mark.parametrize(
    ("type_name", "message"),
    [
        (
            "RuntimeError",
            "Expected all tensors to be on the same device, but found two, cuda:0 and cpu!",
        ),
        ("TypeError", "can't convert cuda:0 device type tensor to numpy."),
        ("NotImplementedError", ""),
        ("AttributeError", "'Tensor' object has no attribute 'gpu'"),
        ("AcceleratorError", "CUDA error: device-side assert triggered"),
    ],
)
def test_a_students_error_is_no_gap(type_name: str, message: str) -> None:
    assert gap_of(type_name, message) is None


@pytest.mark.parametrize(
    ("type_name", "message"),
    [
        ("NotSimulatedError", refusal("torch.cuda.CUDAGraph")),
        ("NotImplementedError", "Could not run 'aten::_x' with arguments from the 'CUDA' backend."),
        ("RuntimeError", "Distributed package doesn't have NCCL built in"),
    ],
)
def test_a_gap_is_named_in_one_line(type_name: str, message: str) -> None:
    gap = gap_of(type_name, message + "\nmore")
    assert gap is not None
    assert gap.startswith("simulated GPU:")
    assert "\n" not in gap
    assert "more" not in gap

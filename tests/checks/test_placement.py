"""What a check of placement says: which line moved what, and where the result was; allowances; no device at all."""

from __future__ import annotations

import msgspec
import pytest
import torch

from autograder.checks.expect import expect
from autograder.checks.failure import BrokenCheckError, CheckFailedError, NotCheckedError
from autograder.checks.student import Functions, Report, Whose
from autograder.engine.calls import NO_DEVICE, Call, CallError, CallFailed, CallReport
from autograder.simgpu.transfers import LineTransfers, Place, TransferKind


def line(kind: TransferKind, times: int = 1, number: int = 3, phase: str = "forward") -> LineTransfers:
    ways = {TransferKind.TO_HOST: ("cuda:0", "cpu"), TransferKind.TO_DEVICE: ("cpu", "cuda:0")}
    source, target = ways.get(kind, ("cuda:0", "cpu"))
    place = Place("<cell>", number, "softmax", "z = z.cpu()")
    return LineTransfers(place, phase, kind, source, target, times, 8, ((2, 3),), ("float32",))


def report(*transfers: LineTransfers, devices: tuple[str, ...] = ("cuda:0",)) -> Report:
    call = Call("softmax", device="cuda:0")
    return Report(call, CallReport(value=torch.ones(2), devices=devices, transfers=transfers))


def answering(answer: CallReport | CallFailed, is_students: bool = True) -> Functions:
    def perform(call: Call) -> CallReport:
        if isinstance(answer, CallFailed):
            raise answer
        return answer

    return Functions(perform, whose=Whose(is_students), seed="1")


def test_a_report_of_a_call_on_the_cpu_cannot_tell():
    with pytest.raises(BrokenCheckError, match="placed"):
        expect(Report(Call("softmax"), CallReport())).stays_on_device()


def test_without_a_device_the_check_is_not_checked():
    with pytest.raises(NotCheckedError, match="no compiler"):
        answering(CallFailed("no compiler", NO_DEVICE)).softmax.placed(torch.ones(2))


def test_a_gap_that_a_student_meets_or_claims_gives_no_points_until_staff_look():
    gap = CallError("NotImplementedError", "simulated GPU: sparse tensors needs a real GPU and is not simulated")
    with pytest.raises(CheckFailedError, match=r"sparse .* gives no points until staff have looked at it"):
        answering(CallReport(error=gap)).softmax.placed(torch.ones(2))


def test_a_gap_that_a_reference_meets_is_not_checked():
    gap = CallError("NotImplementedError", "simulated GPU: sparse tensors needs a real GPU and is not simulated")
    with pytest.raises(NotCheckedError, match="sparse"):
        answering(CallReport(error=gap), is_students=False).softmax.placed(torch.ones(2))


def test_the_same_words_on_the_cpu_are_the_students_own():
    gap = CallError("NotImplementedError", "simulated GPU: sparse tensors needs a real GPU and is not simulated")
    with pytest.raises(CheckFailedError):
        answering(CallReport(error=gap)).softmax(torch.ones(2))


def test_the_line_that_moved_a_tensor_is_named():
    with pytest.raises(CheckFailedError) as failed:
        expect(report(line(TransferKind.TO_HOST))).stays_on_device()
    assert failed.value.message == "line 3 moves a tensor (2, 3) float32 from the GPU to the CPU: `z = z.cpu()`"


def test_the_backward_pass_is_named():
    with pytest.raises(CheckFailedError, match="from the CPU to the GPU in the backward pass"):
        expect(report(line(TransferKind.TO_DEVICE, phase="backward"))).stays_on_device()


def test_a_result_on_the_cpu_is_named():
    with pytest.raises(CheckFailedError, match=r"^the result is on the CPU, and should be on the GPU"):
        expect(report(devices=("cpu",))).stays_on_device()
    with pytest.raises(CheckFailedError, match=r"^a tensor of the result is on the CPU"):
        expect(report(devices=("cuda:0", "cpu"))).stays_on_device()


def test_more_than_what_is_allowed_says_how_many_and_where_most_of_them_were():
    found = report(line(TransferKind.TO_DEVICE, 2), line(TransferKind.TO_DEVICE, 5, number=7))
    with pytest.raises(CheckFailedError, match="7, and 6 are enough; line 7"):
        expect(found).stays_on_device(copies_in=6)
    expect(found).stays_on_device(copies_in=7)


def test_numbers_may_be_read_unless_the_check_counts_them():
    found = report(line(TransferKind.READ, 4))
    expect(found).stays_on_device()
    with pytest.raises(CheckFailedError, match="4, and 1 are enough"):
        expect(found).stays_on_device(reads=1)
    with pytest.raises(CheckFailedError, match="line 3 waits for the GPU to read a number"):
        expect(found).stays_on_device(reads=0)


def listed(shape: tuple[int, ...] = (4, 5), dtype: str = "float32") -> LineTransfers:
    return msgspec.structs.replace(line(TransferKind.READ, number=3), shapes=(shape,), dtypes=(dtype,))


def made_of_numbers(shape: tuple[int, ...] = (4, 5), dtype: str = "float32") -> LineTransfers:
    return msgspec.structs.replace(line(TransferKind.FROM_PYTHON, number=7), shapes=(shape,), dtypes=(dtype,))


def test_a_trip_through_python_lists_names_both_lines():
    with pytest.raises(CheckFailedError, match=r"^line 3 takes the numbers of a tensor .*, and line 7 makes"):
        expect(report(listed(), made_of_numbers())).stays_on_device()


@pytest.mark.parametrize(
    "transfers",
    [
        (listed(),),
        (made_of_numbers(),),
        (listed((20,), "int64"), made_of_numbers((20,), "int64")),
        (listed((20,), "int64"), made_of_numbers()),
        (listed((8,)), made_of_numbers()),
        (listed(), made_of_numbers((2, 4))),
        (msgspec.structs.replace(line(TransferKind.READ, 100), shapes=((),)), made_of_numbers()),
    ],
    ids=["reading", "making", "labels", "labels and numbers", "a handful", "a handful back", "one by one"],
)
def test_what_may_go_through_python_lists(transfers: tuple[LineTransfers, ...]):
    expect(report(*transfers)).stays_on_device()


def test_single_numbers_may_be_written():
    number = msgspec.structs.replace(line(TransferKind.TO_DEVICE, 9), shapes=((),))
    expect(report(number)).stays_on_device()
    with pytest.raises(CheckFailedError, match="from the CPU to the GPU"):
        expect(report(msgspec.structs.replace(number, shapes=((), (4,))))).stays_on_device()


def test_index_tensors_waits_and_lines_of_nobody_are_allowed():
    expect(
        report(line(TransferKind.INDEX), line(TransferKind.WAIT), line(TransferKind.TO_HOST, number=0))
    ).stays_on_device()

"""What torch.cuda says about the machine."""

import torch

from .row import gpu, raises, row


@row("torch.cuda.is_available() and `'cuda' if available else 'cpu'`")
def available() -> None:
    assert torch.cuda.is_available()
    assert torch.device("cuda" if torch.cuda.is_available() else "cpu").type == "cuda"


@row("device_count, current_device, get_device_name, get_device_capability, synchronize")
def device_facts() -> None:
    assert torch.cuda.device_count() >= 1
    assert torch.cuda.current_device() == 0
    assert isinstance(torch.cuda.get_device_name(0), str)
    assert torch.cuda.get_device_capability() >= (5, 0)
    torch.cuda.synchronize()


@row("get_device_properties gives name and total_memory")
def device_properties() -> None:
    properties = torch.cuda.get_device_properties("cuda")
    assert properties.total_memory > 1 << 30
    assert properties.name == torch.cuda.get_device_name()


@row("torch.accelerator names cuda")
def accelerator() -> None:
    assert torch.accelerator.current_accelerator().type == "cuda"
    assert torch.accelerator.is_available()
    assert torch.accelerator.device_count() == torch.cuda.device_count()


@row("`device='cuda:99'` raises: `invalid device ordinal`")
def no_such_device() -> None:
    raises(RuntimeError, "invalid device ordinal", lambda: torch.zeros(1, device="cuda:99"))
    raises(RuntimeError, "invalid device ordinal", lambda: torch.zeros(1).to("cuda:99"))


@row("get_device_properties of a GPU that is not there raises")
def no_such_properties() -> None:
    raises(AssertionError, "Invalid device id", lambda: torch.cuda.get_device_properties(99))


@row("is_initialized is False until the first use of the GPU", own_process=True)
def lazy_initialisation() -> None:
    assert not torch.cuda.is_initialized()
    gpu(1)
    assert torch.cuda.is_initialized()


@row("a seed set before the first use of the GPU counts", own_process=True)
def early_seed() -> None:
    torch.manual_seed(7)
    early = torch.randn(3, device="cuda").cpu()
    torch.manual_seed(7)
    assert torch.equal(torch.randn(3, device="cuda").cpu(), early)


@row("`with torch.cuda.device(0)` and torch.cuda.device_of")
def device_guard() -> None:
    with torch.cuda.device(0):
        assert gpu(1).get_device() == 0
    with torch.cuda.device_of(gpu(1)):
        assert torch.cuda.current_device() == 0


@row("bfloat16 is supported")
def bfloat16() -> None:
    assert torch.cuda.is_bf16_supported()

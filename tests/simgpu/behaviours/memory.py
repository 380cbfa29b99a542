"""Memory on the GPU: counted, limited, given back."""

import torch

from .row import on_gpu, raises, row


@row("memory_allocated grows by a tensor's bytes and falls when it goes")
def allocated_bytes() -> None:
    before = torch.cuda.memory_allocated()
    x = torch.zeros(1 << 20, device="cuda")
    assert torch.cuda.memory_allocated() - before == 4 << 20
    del x
    assert torch.cuda.memory_allocated() == before


@row("a view costs no memory, a result does")
def views_are_free() -> None:
    x = torch.zeros(1 << 18, device="cuda")
    before = torch.cuda.memory_allocated()
    half = x[: 1 << 17]
    assert torch.cuda.memory_allocated() == before
    doubled = half * 2
    assert torch.cuda.memory_allocated() == before + on_gpu(doubled).numel() * 4


@row("max_memory_allocated remembers the peak until it is reset")
def peak_bytes() -> None:
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.max_memory_allocated()
    x = torch.zeros(1 << 20, device="cuda")
    del x
    assert torch.cuda.max_memory_allocated() >= before + (4 << 20)
    torch.cuda.reset_peak_memory_stats()
    assert torch.cuda.max_memory_allocated() == torch.cuda.memory_allocated()


@row("reserved memory stays until empty_cache")
def reserved_bytes() -> None:
    x = torch.zeros(8 << 20, device="cuda")
    held = torch.cuda.memory_reserved()
    assert held >= torch.cuda.memory_allocated()
    del x
    assert torch.cuda.memory_reserved() == held
    torch.cuda.empty_cache()
    assert torch.cuda.memory_reserved() < held


@row("mem_get_info gives free and total bytes, memory_summary a table")
def memory_reports() -> None:
    free, total = torch.cuda.mem_get_info()
    assert 0 < free <= total == torch.cuda.get_device_properties(0).total_memory or free < total
    assert "Allocated memory" in torch.cuda.memory_summary()


@row("too large an allocation raises torch.cuda.OutOfMemoryError: `CUDA out of memory`")
def out_of_memory() -> None:
    raises(
        torch.cuda.OutOfMemoryError,
        "CUDA out of memory. Tried to allocate",
        lambda: torch.empty(1 << 42, device="cuda"),
    )


@row("after an out-of-memory error the GPU can be used")
def after_out_of_memory() -> None:
    out_of_memory()
    on_gpu(torch.ones(3, device="cuda"))


@row("a training step leaves no memory behind once its tensors go")
def nothing_leaks() -> None:
    def step() -> None:
        net = torch.nn.Linear(64, 64).to("cuda")
        net(torch.ones(8, 64, device="cuda")).sum().backward()

    step()
    before = torch.cuda.memory_allocated()
    step()
    assert torch.cuda.memory_allocated() == before

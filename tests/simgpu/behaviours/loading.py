"""DataLoader, worker processes and forks."""

import torch
from torch.utils.data import DataLoader, Dataset, TensorDataset

from .row import gpu, holds, on_cpu, on_gpu, raises, row


class MakesGpuTensors(Dataset[torch.Tensor]):
    """Its items are made on the GPU, in a worker."""

    def __len__(self) -> int:
        return 2

    def __getitem__(self, index: int) -> torch.Tensor:
        return torch.zeros(1, device="cuda")


@row("DataLoader(pin_memory=True) gives pinned CPU batches")
def pinned_batches() -> None:
    data = TensorDataset(torch.arange(8.0).view(4, 2), torch.arange(4))
    for x, _ in DataLoader(data, batch_size=2, pin_memory=True):
        assert on_cpu(x).is_pinned()
        holds(on_gpu(x.to("cuda", non_blocking=True)), x.tolist())


@row("worker processes load CPU data after the GPU was used")
def workers() -> None:
    gpu(1)
    data = TensorDataset(torch.arange(4.0))
    assert sum(float(x.to("cuda").sum()) for (x,) in DataLoader(data, num_workers=1)) == 6


@row("a GPU tensor made in a forked worker raises: `Cannot re-initialize CUDA in forked subprocess`")
def gpu_in_a_worker() -> None:
    gpu(1)
    raises(
        RuntimeError,
        "Cannot re-initialize CUDA in forked subprocess",
        lambda: list(DataLoader(MakesGpuTensors(), num_workers=1, multiprocessing_context="fork")),
    )


@row("a dataset of GPU tensors can be loaded without workers")
def gpu_dataset() -> None:
    for (x,) in DataLoader(TensorDataset(torch.arange(4.0, device="cuda")), batch_size=2):
        on_gpu(x)


@row("default_collate stacks GPU tensors on the GPU")
def collate() -> None:
    on_gpu(torch.utils.data.default_collate([gpu(1), gpu(2)]))

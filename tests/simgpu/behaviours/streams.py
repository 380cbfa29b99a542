"""Streams, events and synchronisation: their form. Their timing is never graded."""

import torch

from .row import gpu, holds, on_gpu, raises, row


@row("events measure a time of zero or more milliseconds")
def events() -> None:
    start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    start.record()
    gpu(1)
    end.record()
    torch.cuda.synchronize()
    assert start.elapsed_time(end) >= 0
    assert end.query()


@row("elapsed_time without enable_timing raises")
def events_without_timing() -> None:
    first, second = torch.cuda.Event(), torch.cuda.Event()
    first.record()
    second.record()
    torch.cuda.synchronize()
    raises(ValueError, "enable_timing=True", lambda: first.elapsed_time(second))


@row("`with torch.cuda.stream(s)` makes s current and puts the old one back")
def stream_context() -> None:
    before = torch.cuda.current_stream()
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        assert torch.cuda.current_stream() == stream
        x = on_gpu(gpu(1, 2))
    assert torch.cuda.current_stream() == before == torch.cuda.default_stream()
    torch.cuda.current_stream().wait_stream(stream)
    holds(x, [1, 2])


@row("wait_stream, record_event, wait_event, record_stream, query, synchronize")
def stream_methods() -> None:
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    event = stream.record_event()
    torch.cuda.current_stream().wait_event(event)
    gpu(1).record_stream(stream)
    stream.synchronize()
    assert stream.query()


@row("isinstance: torch.cuda.Stream is a torch.Stream")
def stream_types() -> None:
    assert isinstance(torch.cuda.Stream(), torch.Stream)
    assert isinstance(torch.cuda.Event(), torch.Event)
    assert torch.cuda.Stream().device == torch.device("cuda", 0)

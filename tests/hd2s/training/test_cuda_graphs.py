"""That work is recorded and repeated on a GPU, and that a recording that breaks leaves nothing behind."""

from contextlib import contextmanager
from types import SimpleNamespace

import pytest
import torch

from hd2s.training.cuda_graphs import CudaGraphs
from tests.gpu.right.captured import broken_recording
from tests.gpu.subjects import Bench

needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="graphs are CUDA's")


@needs_gpu
def test_what_is_recorded_is_repeated_and_what_breaks_leaves_nothing_behind():
    assert broken_recording(Bench(torch.device("cuda"), tiny=True, models=[])) == {"ok": True}


def test_a_broken_recording_ends_where_pytorch_leaves_it(monkeypatch):
    """PyTorch as its source says: where a capture is broken, its end raises before anything is put back."""
    outer = SimpleNamespace(device_index=0, name="outer")
    pools = iter(["first", "second"])
    now, ended, states = [outer], [], []

    @contextmanager
    def graph(graph, **options):
        now[0] = options["stream"]
        try:
            yield
        finally:
            raise RuntimeError("operation failed due to a previous error during capture")

    generator = SimpleNamespace(clone_state=lambda: "clone", graphsafe_set_state=states.append)
    stand_ins = {
        "Stream": lambda device: SimpleNamespace(device_index=0, name="of graphs"),
        "CUDAGraph": SimpleNamespace,
        "graph_pool_handle": lambda: next(pools),
        "current_stream": lambda device=None: now[0],
        "set_stream": lambda stream: now.__setitem__(0, stream),
        "graph": graph,
        "default_generators": (generator,),
    }
    for name, stand_in in stand_ins.items():
        monkeypatch.setattr(torch.cuda, name, stand_in)
    monkeypatch.setattr(torch._C, "_cuda_endAllocateToPool", lambda *told: ended.append(told), raising=False)
    recorder = CudaGraphs(torch.device("cuda"))
    with pytest.raises(RuntimeError, match="previous error"):
        recorder.record(lambda: None)
    assert (now, ended, states, recorder._pool) == ([outer], [(0, "first")], ["clone"], "second")

"""Time and memory of HD2S, ways of running it against each other in one run.

    python tests/benchmarks/model_speed.py [--batch 2] [--length 16] [--size 128 192] [--rounds 5] [--compile]
        [--tiny]

Every way has a process of its own, ours with the memory that runs keep (`hd2s.prediction.processor`). They
take turns in every round, and medians are compared, so that a busy machine slows all alike. The yardstick is
the released style (`released_style.py`).
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from multiprocessing import get_context
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

sys.path.insert(0, str(Path(__file__).parents[2]))

from hd2s import build_model
from hd2s.approaches.contract import total
from hd2s.approaches.learners.adaptation import SOURCE, domain_loss
from hd2s.layers.domain_classifiers import DomainClassifiers
from hd2s.models.contract import Prediction, SaliencyModel
from hd2s.models.registry import find_model, on_meta
from hd2s.prediction.processor import use_processor
from hd2s.training.execution import Execution
from tests.benchmarks.released_style import in_released_style, released_loss

VARIANTS = {"hd2s": None, "hd2s_da": None, "hd2s_dsl": "DHF1K"}
"""Name → the domain that is asked for; `ADAPTED` has domain classifiers beside the model."""
ADAPTED = "hd2s_da"


class Trained(nn.Module):
    """A model with the domain classifiers beside it, if it is the adapted one."""

    def __init__(self, name: str, model: SaliencyModel):
        super().__init__()
        self.model, self.domain = model, VARIANTS[name]
        self.classifiers = DomainClassifiers(model.config.features) if name == ADAPTED else None

    def forward(self, clips: Tensor) -> tuple[Prediction, dict[str, Tensor]]:
        """Return the prediction, and each level's log-probabilities of the domains."""
        prediction = self.model(clips, domain=self.domain)
        return prediction, {} if self.classifiers is None else self.classifiers(prediction.features, 0.5)


RELEASED = "released style"


def labels(arguments: argparse.Namespace, device: torch.device) -> dict[str, dict[str, bool]]:
    """Return the ways to compare, with what each asks of `Execution`; the first is the yardstick."""
    found = {
        RELEASED: {"mixed_precision": False},
        "ours, defaults": {},
        "contiguous": {"channels_last": False},
        "checkpointing": {"checkpointing": True},
    }
    if device.type == "cuda":
        found["float32"] = {"mixed_precision": False}
    if arguments.compile:
        found["compiled"] = {"compile": True}
    return found


class Way:
    """A model as it is run, in the released style or in ours, on its own clips and maps."""

    def __init__(self, name: str, label: str, arguments: argparse.Namespace, device: torch.device):
        self.released = label == RELEASED
        self.execution = Execution(**labels(arguments, device)[label]).resolve(device)
        model = build_model(name, seed=0, **size_of(arguments))
        style = in_released_style if self.released else self.execution.prepare
        self.trained = Trained(name, style(model)).to(device)
        generator = torch.Generator().manual_seed(0)
        shape = (arguments.batch, 3, arguments.length, *arguments.size)
        self.clips = (torch.rand(shape, generator=generator) * 2 - 1).to(device)
        self.maps = torch.rand(arguments.batch, 1, *arguments.size, generator=generator).to(device)

    def forward(self) -> tuple[Prediction, dict[str, Tensor]]:
        with self.execution.autocast(self.clips.device):
            return self.trained(self.clips)

    def train(self) -> None:
        """Forward pass, loss and backward pass of one micro-batch."""
        self.trained.zero_grad()
        prediction, logits = self.forward()
        ours = self.trained.model.losses
        loss = released_loss(prediction, self.maps) if self.released else total(ours(prediction, self.maps))
        if logits:
            loss = loss + domain_loss(logits, SOURCE)
        loss.backward()

    def infer(self) -> None:
        """Forward pass alone."""
        with torch.inference_mode():
            self.forward()

    def seconds(self, kind: str) -> float:
        """Return what a training step ("train") or a prediction ("infer") takes."""
        self.trained.train(kind == "train")
        return seconds(getattr(self, kind))

    def kept(self) -> int:
        """Count the bytes that a forward pass keeps for the backward pass, beside weights."""
        own = {p.untyped_storage().data_ptr() for p in self.trained.parameters()}
        sizes: dict[int, int] = {}
        held = []

        def pack(tensor: Tensor) -> Tensor:
            storage = tensor.untyped_storage()
            if storage.data_ptr() not in own:
                sizes[storage.data_ptr()] = storage.nbytes()
                held.append(storage)  # an address that is free again may be given twice
            return tensor

        self.trained.train()
        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            self.forward()
        return sum(sizes.values())


_ways: list[Way] = []
"""The one way of a process that measures."""


def _begin(name: str, label: str, arguments: argparse.Namespace, device: torch.device) -> None:
    torch.set_num_threads(arguments.threads)
    if label != RELEASED:
        use_processor()
    _ways.append(Way(name, label, arguments, device))


def _ask(method: str, *of: str) -> float:
    return getattr(_ways[0], method)(*of)


@contextmanager
def processes(
    name: str, arguments: argparse.Namespace, device: torch.device
) -> Iterator[dict[str, ProcessPoolExecutor]]:
    """Start a process for each way, which answers `_ask`."""
    with ExitStack() as stack:
        fresh = {"mp_context": get_context("spawn"), "initializer": _begin}
        yield {
            label: stack.enter_context(
                ProcessPoolExecutor(1, initargs=(name, label, arguments, device), **fresh)
            )
            for label in labels(arguments, device)
        }


def size_of(arguments: argparse.Namespace) -> dict[str, int]:
    return {"clip_length": arguments.length, "height": arguments.size[0], "width": arguments.size[1]}


def seconds(work: Callable[..., object], *inputs: Tensor) -> float:
    start = time.perf_counter()
    work(*inputs)
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - start


def measure(name: str, arguments: argparse.Namespace, device: torch.device) -> dict[str, float]:
    """Print one variant's table; return the seconds of a training step by way."""
    times: dict[tuple[str, str], list[float]] = defaultdict(list)
    with processes(name, arguments, device) as ways:
        for round_ in range(arguments.rounds + 1):
            for label, way in ways.items():
                for kind in ("train", "infer"):
                    taken = way.submit(_ask, "seconds", kind).result()
                    if round_:  # the first warms up
                        times[label, kind].append(taken)
        kept = {label: way.submit(_ask, "kept").result() for label, way in ways.items()}
    medians = {key: statistics.median(values) for key, values in times.items()}
    print(f"\n{name}, {arguments.batch} clips of {arguments.length} frames of {arguments.size}")
    print(f"  {'':16}{'training step':>22}{'inference':>22}{'kept for backward':>20}")
    for label, bytes_ in kept.items():
        columns = []
        for kind in ("train", "infer"):
            value = medians[label, kind]
            columns.append(f"{value:8.3f} s  ×{medians[RELEASED, kind] / value:5.2f}")
        print(f"  {label:16}{columns[0]:>22}{columns[1]:>22}{bytes_ / 1e6:>17.0f} MB")
    return {label: medians[label, "train"] for label in kept}


def stages(name: str, arguments: argparse.Namespace) -> float:
    """Print parameters and FLOPs (two per multiply-add) per stage; return a clip's GFLOP forward."""
    trained, clip = without_memory(name, arguments)
    with FlopCounterMode(display=False) as counter:
        trained(clip)
    counts = {module: sum(ops.values()) for module, ops in counter.get_flop_counts().items()}
    flops = counts["Global"]
    parameters = sum(p.numel() for p in trained.parameters())
    print(f"\n{name}: {parameters:,} parameters, {flops / 1e9:.2f} GFLOP per clip")
    parts = [f"model.backbone.block{i}" for i in range(1, 6)]
    levels = trained.model.conspicuity
    parts += [
        f"model.conspicuity.{level}.{part}" for level in levels for part in ("temporal_removal", "stages")
    ]
    parts += [f"model.{part}" for part in ("priors", "fusion", "smoothing") if getattr(trained.model, part)]
    parts += ["classifiers"] * (name == ADAPTED)
    for path in parts:
        module = trained.get_submodule(path)
        # Containers that are never called themselves are counted by the outermost ones that are.
        called = {p for p, _ in module.named_modules(prefix=f"Trained.{path}") if p in counts}
        of_part = sum(counts[p] for p in called if not any(p.startswith(f"{q}.") for q in called))
        parameters = sum(p.numel() for p in module.parameters())
        shown = path.removeprefix("model.")
        print(f"  {shown:32}{parameters:>12,}{of_part / 1e9:>9.2f} GFLOP{of_part / flops:>7.1%}")
    return flops / 1e9


def without_memory(name: str, arguments: argparse.Namespace) -> tuple[Trained, Tensor]:
    """Return what is trained and a clip for it on the meta device."""
    found = find_model(name)
    trained = Trained(name, on_meta(found.model, found.options | size_of(arguments)))
    return trained.to("meta").eval(), torch.empty(1, 3, arguments.length, *arguments.size, device="meta")


def traffic(name: str, arguments: argparse.Namespace, itemsize: int) -> float:
    """Return the GB that a clip's forward pass moves at least: each layer's input, output and weights."""
    trained, clip = without_memory(name, arguments)
    moved = []

    def count(layer: nn.Module, inputs: tuple, output: Tensor) -> None:
        weights = sum(p.numel() for p in layer.parameters())
        moved.append(inputs[0].numel() + output.numel() + weights)

    for layer in trained.modules():
        if not list(layer.children()):
            layer.register_forward_hook(count)
    trained(clip)
    return sum(moved) * itemsize / 1e9


def peaks(device: torch.device) -> tuple[float, float]:
    """Measure TFLOP/s of a large bfloat16 product and GB/s of a large copy."""
    a, b = (torch.randn(8192, 8192, device=device, dtype=torch.bfloat16) for _ in range(2))
    x = torch.empty(2**30, device=device, dtype=torch.uint8)
    y = torch.empty_like(x)
    product = min(seconds(torch.mm, a, b) for _ in range(10))
    copy = min(seconds(y.copy_, x) for _ in range(10))
    return 2 * 8192**3 / product / 1e12, 2 * x.nbytes / copy / 1e9


def main() -> None:
    """Measure all variants."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--batch", type=int, default=2)
    parser.add_argument("--length", type=int, default=16)
    parser.add_argument("--size", type=int, nargs=2, default=(128, 192))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--compile", action="store_true", help="compare it too (GPUs alone)")
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, default=list(VARIANTS))
    parser.add_argument("--tiny", action="store_true", help="as small as it can be, to see that it runs")
    arguments = parser.parse_args()
    if arguments.tiny:
        arguments.length, arguments.size, arguments.rounds, arguments.threads = 8, (64, 64), 1, 1
        arguments.variants = arguments.variants[:1]
    torch.set_num_threads(arguments.threads)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    print(f"PyTorch {torch.__version__} on {device.type}, {arguments.threads} threads")
    print("×: how many times as fast as the released style")
    for name in arguments.variants:
        gflop = stages(name, arguments)
        taken = measure(name, arguments, device)
        if device.type == "cuda":
            matrix, memory = peaks(device)
            # Backward takes twice the forward pass, in FLOPs and in bytes of bfloat16.
            clips = 3 * arguments.batch / taken["ours, defaults"]
            flops, bytes_ = gflop * clips / 1e3, traffic(name, arguments, itemsize=2) * clips
            print(f"  training: {flops:.1f} TFLOP/s, {flops / matrix:.1%} of a large product's {matrix:.0f}")
            print(f"  and at least {bytes_:.0f} GB/s, {bytes_ / memory:.1%} of a large copy's {memory:.0f}")


if __name__ == "__main__":
    main()

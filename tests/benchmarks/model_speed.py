"""Time and memory of HD2S, ways of running it against each other in one run.

    python tests/benchmarks/model_speed.py [--batch 2] [--length 16] [--size 128 192] [--rounds 5] [--compile]
        [--tiny]

Every way takes its turn in every round, and medians are compared, so that a busy machine slows all alike.
The yardstick is the released style (`released_style.py`).
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Way:
    """A model as it is run: a forward pass, and the loss of one, in the released style or in ours."""

    label: str
    trained: Trained
    execution: Execution
    released: bool = False

    def forward(self, clips: Tensor) -> tuple[Prediction, dict[str, Tensor]]:
        with self.execution.autocast(clips.device):
            return self.trained(clips)

    def train(self, clips: Tensor, maps: Tensor) -> None:
        """Forward pass, loss and backward pass of one micro-batch."""
        self.trained.zero_grad()
        prediction, logits = self.forward(clips)
        ours = self.trained.model.losses
        loss = released_loss(prediction, maps) if self.released else total(ours(prediction, maps))
        if logits:
            loss = loss + domain_loss(logits, SOURCE)
        loss.backward()

    def infer(self, clips: Tensor, maps: Tensor) -> None:
        """Forward pass alone."""
        del maps
        with torch.inference_mode():
            self.forward(clips)


def ways(name: str, arguments: argparse.Namespace, device: torch.device) -> list[Way]:
    """Return the ways to compare; the first is the yardstick."""

    def built() -> SaliencyModel:
        return build_model(name, seed=0, **size_of(arguments))

    def trained(model: SaliencyModel) -> Trained:
        return Trained(name, model).to(device)

    plain = Execution(mixed_precision=False).resolve(device)
    found = [Way("released style", trained(in_released_style(built())), plain, released=True)]
    options = {
        "ours, defaults": {},
        "contiguous": {"channels_last": False},
        "checkpointing": {"checkpointing": True},
    }
    if device.type == "cuda":
        options["float32"] = {"mixed_precision": False}
    if arguments.compile:
        options["compiled"] = {"compile": True}
    for label, chosen in options.items():
        execution = Execution(**chosen).resolve(device)
        found.append(Way(label, trained(execution.prepare(built())), execution))
    return found


def size_of(arguments: argparse.Namespace) -> dict[str, int]:
    return {"clip_length": arguments.length, "height": arguments.size[0], "width": arguments.size[1]}


def seconds(work: Callable[..., None], *inputs: Tensor) -> float:
    start = time.perf_counter()
    work(*inputs)
    if inputs[0].is_cuda:
        torch.cuda.synchronize()
    return time.perf_counter() - start


def kept(way: Way, clips: Tensor) -> int:
    """Count the bytes that a forward pass keeps for the backward pass, beside weights."""
    own = {p.untyped_storage().data_ptr() for p in way.trained.parameters()}
    sizes: dict[int, int] = {}
    held = []

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            sizes[storage.data_ptr()] = storage.nbytes()
            held.append(storage)  # an address that is free again may be given twice
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        way.forward(clips)
    return sum(sizes.values())


def measure(name: str, arguments: argparse.Namespace, device: torch.device) -> dict[str, float]:
    """Print one variant's table; return the seconds of a training step by way."""
    generator = torch.Generator().manual_seed(0)
    shape = (arguments.batch, 3, arguments.length, *arguments.size)
    clips = (torch.rand(shape, generator=generator) * 2 - 1).to(device)
    maps = torch.rand(arguments.batch, 1, *arguments.size, generator=generator).to(device)
    candidates = ways(name, arguments, device)
    times: dict[tuple[str, str], list[float]] = defaultdict(list)
    for round_ in range(arguments.rounds + 1):
        for way in candidates:
            for kind, mode in (("train", True), ("infer", False)):
                way.trained.train(mode)
                taken = seconds(getattr(way, kind), clips, maps)
                if round_:  # the first warms up
                    times[way.label, kind].append(taken)
    medians = {key: statistics.median(values) for key, values in times.items()}
    print(f"\n{name}, clips {tuple(clips.shape)}")
    print(f"  {'':16}{'training step':>22}{'inference':>22}{'kept for backward':>20}")
    base = candidates[0].label
    for way in candidates:
        columns = []
        for kind in ("train", "infer"):
            value = medians[way.label, kind]
            columns.append(f"{value:8.3f} s  ×{medians[base, kind] / value:5.2f}")
        way.trained.train()
        print(f"  {way.label:16}{columns[0]:>22}{columns[1]:>22}{kept(way, clips) / 1e6:>17.0f} MB")
    return {way.label: medians[way.label, "train"] for way in candidates}


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

"""What each of several workers runs in test_iteration.py: the same iterations, on its own micro-batches."""

import sys
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import distributed

from hd2s import build_model
from hd2s.approaches.contract import Learner, LearnerOptions, MicroBatch
from hd2s.approaches.registry import approaches
from hd2s.models.contract import SaliencyModel
from hd2s.training.iteration import Iteration, NonFiniteError, Recipe, take_iteration
from hd2s.training.optimiser import Optimiser, OptimiserOptions
from hd2s.training.turns import worker_share, worker_turns
from tests.hd2s.models.few_weights import FEW
from tests.hd2s.models.small_models import DOMAINS, SMALL, micro_batch
from tests.hd2s.models.toy_models import declared
from tests.hd2s.models.unisal.small_unisal import NO_DROPOUT
from tests.hd2s.models.unisal.small_unisal import SMALL as SMALL_UNISAL

# The two deepest levels hold most weights and nothing that the others do not show.
TWO_LEVELS = {**SMALL, "conspicuity": (1, 2)}
CASES = {  # name → (approach, options of the model, micro-batches of each worker)
    "supervised": ("generalization", {}, 2),
    "adversarial": ("adaptation", {}, 2),
    "domain_specific": ("domain-specific", {"domains": DOMAINS}, 3),
    "calibrated": ("calibration", {}, 2),
}
# Approaches that are trained as a whole; some draw, on each worker for itself, and some gather sums of all
# clips, where running statistics are means over workers.
DRAWING, GATHERING = ("mean-teacher", "mixstyle"), ("adabn", "monotone-map", "swad")
WHOLE = ("adaptation-control", "coral", "mmd", "dare-gram", "fda", *GATHERING, *DRAWING)


def drawn(k: int, worker: int, *, spoilt: bool = False) -> tuple[list[MicroBatch], list[MicroBatch]]:
    """Return what `worker` draws as number k: its clips differ from the other's, its domain does not."""
    domain = DOMAINS[k % 3]
    options = {"domain": domain, "source": domain, "keys": [f"clip {k} of worker {worker}"]}
    labelled = micro_batch(10 * k + worker, torch.float64, **options)
    if spoilt:
        labelled.clips[0, 0, 0, 0, 0] = float("nan")
    return [labelled], [micro_batch(100 + 10 * k + worker, torch.float64)]


def build(case: str, **options) -> Learner:
    """Return a case's learner without dropout, whose draws would differ, and in double precision."""
    if case in CASES:
        word, of_model, _ = CASES[case]
        model = build_model("hd2s", seed=0, **TWO_LEVELS, **of_model)
    else:
        word, model = case, few_weights()
    learner = approaches()[word].learner(model, LearnerOptions(**options)).double()
    for module in learner.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    return learner


def few_weights() -> SaliencyModel:
    torch.manual_seed(0)
    return declared(FEW, **SMALL)


def recipe(accumulate: int, **options) -> Recipe:
    # λ is 0 in the first of many iterations; here the reversal must be seen.
    return Recipe(iterations=2, accumulate=accumulate, **options)


def still(learner: Learner) -> Optimiser:
    """Return what moves no weight, so that gradients alone are compared."""
    return Optimiser(learner, OptimiserOptions(kind="sgd", lr=0.0, weight_decay=0.0))


def outcome(learner: Learner, result: Iteration) -> dict:
    gradients = {name: p.grad for name, p in learner.named_parameters() if p.grad is not None}
    return {"gradients": gradients, "terms": result.terms, "skipped": result.skipped}


def uneven(case: str, worker: int, world_size: int) -> dict:
    """Take this worker's share of five micro-batches, which neither two nor four divide, of all domains."""
    learner, mine = build(case), [drawn(k, 0) for k in worker_turns(0, 5, 5, worker, world_size)]
    options = recipe(worker_share(5, worker, world_size), of_all=5, sources=DOMAINS)
    result = take_iteration(learner, still(learner), options, 1, iter(mine))
    return outcome(learner, result) | {"watched": result.watched}


def of_both_media(mine: Sequence[int]) -> dict[str, torch.Tensor]:
    """Take a step with a video, number 0, and a photograph, number 1, as far as they are this worker's."""
    learner = Learner(unisal(), LearnerOptions()).double()
    optimiser = Optimiser(learner, OptimiserOptions(kind="sgd", lr=0.1, weight_decay=0.0))
    own = [(([_medium(frames)], [])) for frames in (2, 1)]
    options = Recipe(iterations=2, accumulate=len(mine), of_all=2)
    take_iteration(learner, optimiser, options, 1, iter([own[k] for k in mine]))
    return {name: parameter.detach() for name, parameter in learner.model.named_parameters()}


def unisal() -> SaliencyModel:
    """Return a model that shows photographs otherwise than videos."""
    return build_model("unisal", seed=0, **SMALL_UNISAL, **NO_DROPOUT)


def _medium(frames: int) -> MicroBatch:
    generator = torch.Generator().manual_seed(frames)
    size, domain = (1, frames, 64, 96), ("SALICON" if frames == 1 else "DHF1K")
    clip = torch.randn(1, 3, *size[1:], generator=generator, dtype=torch.float64)
    maps = torch.rand(size, generator=generator, dtype=torch.float64) ** 4
    fixations = (torch.rand(size, generator=generator) < 0.01).double()
    return MicroBatch(clip, maps, [f"of {frames}"], domain, fixations)


def trained(word: str, worker: int = 0, world_size: int = 1) -> dict:
    """Train by an approach from beginning to end, on this worker's share; return what comes of it."""
    torch.manual_seed(worker)
    learner, iterations, of_all = build(word), 4, 2
    optimiser = Optimiser(learner, OptimiserOptions(kind="sgd", lr=0.01, weight_decay=0.0))
    options = Recipe(iterations=iterations, accumulate=of_all // world_size, of_all=of_all)
    for step in range(iterations):
        mine = [drawn(of_all * step + k, 0) for k in range(worker, of_all, world_size)]
        done = take_iteration(learner, optimiser, options, step, iter(mine))
        learner.after_validation(1.0 / (step + 1))
    return {
        "result": learner.result().state_dict(),
        "beside": dict(learner.named_buffers()) | dict(learner.named_parameters()),
        "terms": done.terms,
    }


def work(worker: int, folder: str, world_size: int = 2) -> None:
    torch.set_num_threads(1)
    distributed.init_process_group(
        "gloo", init_method=f"file://{folder}/rendezvous", rank=worker, world_size=world_size
    )
    if world_size == 2:
        equal_shares(worker, folder)
        whole = {word: trained(word, worker, world_size) for word in WHOLE}
        torch.save(whole, Path(folder) / f"whole{worker}.pt")
        torch.save(of_both_media([worker]), Path(folder) / f"media{worker}.pt")
    found = {case: uneven(case, worker, world_size) for case in CASES}
    torch.save(found, Path(folder) / f"uneven{worker}.pt")
    distributed.destroy_process_group()


def equal_shares(worker: int, folder: str) -> None:
    found = {}
    for case, (_, _, accumulate) in CASES.items():
        learner = build(case)
        batches = (drawn(k, worker) for k in range(accumulate))
        result = take_iteration(learner, still(learner), recipe(accumulate), 1, batches)
        found[case] = outcome(learner, result)
        found[case]["statistics"] = dict(learner.named_buffers())
    for policy in ("skip", "stop"):
        learner = build("supervised")
        batches = (drawn(k, worker, spoilt=worker == 1 and k == 1) for k in range(2))
        options = recipe(2, non_finite=policy)
        try:
            found[policy] = outcome(learner, take_iteration(learner, still(learner), options, 1, batches))
        except NonFiniteError as error:
            found[policy] = str(error)
    torch.save(found, Path(folder) / f"worker{worker}.pt")


if __name__ == "__main__":
    work(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]))

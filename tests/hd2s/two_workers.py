"""What each of two workers runs in test_iteration.py: the same iterations, on its own micro-batches."""

import sys
from pathlib import Path

import torch
from torch import distributed
from torch.nn.parallel import DistributedDataParallel

from hd2s import build_model
from hd2s.training.iteration import NonFiniteError, Recipe, take_iteration
from hd2s.training.turns import MicroBatch

# The two deepest levels hold most weights and nothing that the others do not show.
SMALL = {"clip_length": 8, "height": 32, "width": 32, "conspicuity": (1, 2)}
DOMAINS = ("DHF1K", "Hollywood2", "UCFSports")
CASES = {  # name → (model, step, micro-batches of each worker)
    "supervised": ("hd2s", "supervised", 2),
    "adversarial": ("hd2s_da", "adversarial", 2),
    "domain_specific": ("hd2s_dsl", "domain_specific", 3),
    "calibrated": ("hd2s_calibrated", "supervised", 2),
}


def micro_batch(seed, **options):
    generator = torch.Generator().manual_seed(seed)
    clips = torch.rand(2, 3, 8, 32, 32, generator=generator, dtype=torch.float64) * 2 - 1
    return MicroBatch(clips, torch.rand(2, 32, 32, generator=generator), **options)


def drawn(k, worker, *, spoilt=False):
    """Return what `worker` draws as number k: its clips differ from the other's, its domain does not."""
    labelled = micro_batch(10 * k + worker, domain=DOMAINS[k % 3], keys=[f"clip {k} of worker {worker}"])
    if spoilt:
        labelled.clips[0, 0, 0, 0, 0] = float("nan")
    return [labelled], [micro_batch(100 + 10 * k + worker)]


def build(name):
    """Without dropout, whose draws would differ, and in double precision."""
    model = build_model(name, seed=0, **SMALL).double()
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    return model


def recipe(step, accumulate, **options):
    # λ is 0 in the first of many iterations; here the reversal must be seen.
    return Recipe(step=step, iterations=2, accumulate=accumulate, **options)


def sgd(model):
    return torch.optim.SGD(model.parameters(), lr=0.0)


def outcome(model, result):
    named = getattr(model, "module", model).named_parameters()
    gradients = {name: p.grad for name, p in named if p.grad is not None}
    return {"gradients": gradients, "terms": result.terms, "skipped": result.skipped}


def work(worker, folder):
    torch.set_num_threads(1)
    distributed.init_process_group(
        "gloo", init_method=f"file://{folder}/rendezvous", rank=worker, world_size=2
    )
    found = {}
    for case, (name, step, accumulate) in CASES.items():
        model = build(name)
        if case == "adversarial":  # the usual wrapper may be there, and changes nothing
            model = DistributedDataParallel(model)
        batches = (drawn(k, worker) for k in range(accumulate))
        result = take_iteration(model, sgd(model), recipe(step, accumulate), 1, batches)
        found[case] = outcome(model, result)
        found[case]["statistics"] = dict(model.named_buffers())
    for policy in ("skip", "stop"):
        model = build("hd2s")
        batches = (drawn(k, worker, spoilt=worker == 1 and k == 1) for k in range(2))
        options = recipe("supervised", 2, non_finite=policy)
        try:
            found[policy] = outcome(model, take_iteration(model, sgd(model), options, 1, batches))
        except NonFiniteError as error:
            found[policy] = str(error)
    torch.save(found, Path(folder) / f"worker{worker}.pt")
    distributed.destroy_process_group()


if __name__ == "__main__":
    work(int(sys.argv[1]), sys.argv[2])

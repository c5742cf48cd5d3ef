"""The learner of Monotone Map; what that is, and whose, says `hd2s.approaches.monotone_map`."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from hd2s.approaches.contract import Learner, LearnerOptions, MicroBatch, Progress, Terms
from hd2s.approaches.frozen import FrozenModel
from hd2s.layers.domains import gaussian_profiles
from hd2s.layers.known import known_as
from hd2s.models.contract import SaliencyModel

LEVELS = 256


_SPREAD = 0.2


_ENOUGH = 1e-12


_MOST_ROUNDS = 10_000


class MappedModel(FrozenModel):
    """A model, frozen, with a monotone map and a centre prior behind it; at first the identity.

    Attributes:
        curve: m at each level, (256,).
        prior_weight: β.
    """

    curve: Tensor
    prior_weight: Tensor

    def __init__(self, model: SaliencyModel):
        super().__init__(model)
        self.register_buffer("curve", torch.linspace(0, 1, LEVELS))
        self.register_buffer("prior_weight", torch.zeros(()))
        self.train()

    def behind(self, maps: Tensor) -> Tensor:
        """Map (B, H, W); between two levels m is a line."""
        place = levels(maps)
        below = place.floor().long().clamp(0, LEVELS - 2)
        share = place - below
        mapped = torch.lerp(self.curve[below].to(maps), self.curve[below + 1].to(maps), share)
        return (mapped + self.prior_weight.to(maps) * centre(maps)).clamp_min(0)


def levels(maps: Tensor) -> Tensor:
    """Return maps (…, H, W) between 0 and 255, the peak of each at the end: their scale says nothing."""
    return maps * ((LEVELS - 1) / maps.amax((-2, -1), keepdim=True).clamp_min(torch.finfo(maps.dtype).tiny))


def centre(maps: Tensor) -> Tensor:
    """Return the centre prior of maps' size, (H, W) of peak 1."""
    parameters = maps.new_tensor([[0.5, math.log(_SPREAD)]])
    rows, columns = (gaussian_profiles(parameters, side) for side in maps.shape[-2:])
    return rows.T * columns


class Sums(nn.Module):
    """All that least squares asks of predicted and true maps; workers' are averaged, and their ratios stay.

    Attributes:
        of_levels: (3, 256): pixels of each level, and there the sums of truth and of centre prior.
        of_prior: (2,): the sums of c² and c·y.
    """

    of_levels: Tensor
    of_prior: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("of_levels", torch.zeros(3, LEVELS, dtype=torch.float64))
        self.register_buffer("of_prior", torch.zeros(2, dtype=torch.float64))

    @torch.no_grad()
    def gather(self, maps: Tensor, truth: Tensor) -> None:
        """Add predicted and true maps (B, A, H, W)."""
        prior = centre(maps.double()).expand(maps.shape)
        found = levels(maps.double()).round().long().flatten()
        true = truth.double()
        for row, values in enumerate((torch.ones_like(prior), true, prior)):
            self.of_levels[row].index_add_(0, found, values.flatten())
        self.of_prior += torch.stack([(prior**2).sum(), (prior * true).sum()])

    def fitted(self) -> tuple[Tensor, Tensor]:
        """Return m (256,) and β that are best, float64; the identity before anything was gathered.

        One is solved for with the other as it is, in turn: isotonic regression, and a ratio. Squares over a
        convex set of both, so that this ends at the best of both.
        """
        from scipy.optimize import isotonic_regression  # noqa: PLC0415 - half a second, that predicting does without

        # On the meta device, where a plan counts operations, nothing has values.
        if self.of_levels.is_meta or not self.of_levels[0].any():
            return torch.linspace(0, 1, LEVELS, dtype=torch.float64), torch.zeros((), dtype=torch.float64)
        n, true, prior = self.of_levels.cpu().numpy()
        squares, products = self.of_prior.tolist()
        seen = n > 0
        weight, curve = 0.0, np.zeros(int(seen.sum()))
        for _ in range(_MOST_ROUNDS):
            curve = isotonic_regression((true - weight * prior)[seen] / n[seen], weights=n[seen]).x
            before, weight = weight, max(0.0, (products - float(prior[seen] @ curve)) / squares)
            if abs(weight - before) <= _ENOUGH:
                break
        whole = np.interp(np.arange(LEVELS), np.flatnonzero(seen), curve)
        return torch.from_numpy(whole), torch.tensor(weight, dtype=torch.float64)


class MonotoneMapLearner(Learner):
    """A frozen model whose maps are compared with the target's."""

    def __init__(self, model: SaliencyModel, options: LearnerOptions):
        super().__init__(MappedModel(model), options)
        self.sums = Sums()

    @property
    def mapped(self) -> MappedModel:
        """The model with what is behind it."""
        return known_as(MappedModel, self.model)

    def losses(
        self, labelled: Sequence[MicroBatch], unlabelled: Sequence[MicroBatch], progress: Progress
    ) -> Iterator[tuple[Tensor, Terms]]:
        """Look at the target's clips and maps; the loss, nothing, has no gradient."""
        del unlabelled, progress
        (batch,) = labelled
        with torch.no_grad():
            found = self.mapped.model(batch.clips, domain=batch.domain)
        self.sums.gather(found.saliency, batch.truth)
        yield batch.clips.new_zeros(()), {}

    def watched(self, progress: Progress) -> Mapping[str, float]:
        """Return how many micro-batches have been looked at, by all workers."""
        return {"micro_batches": float((progress.iteration + 1) * progress.accumulate)}

    def result(self) -> SaliencyModel:
        """Return the model with what suits all that was seen."""
        curve, weight = self.sums.fitted()
        self.mapped.curve.copy_(curve)
        self.mapped.prior_weight.copy_(weight)
        return self.mapped

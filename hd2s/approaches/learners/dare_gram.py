"""The learner of DARE-GRAM; what that is, and whose, says `hd2s.approaches.dare_gram`."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from hd2s.approaches.alignment import AlignmentLearner
from hd2s.approaches.dare_gram import DareGramSettings


class DareGramLearner(AlignmentLearner):
    """Alignment of inverse Gram matrices."""

    def distance(self, source: Tensor, target: Tensor) -> Tensor:
        """Return what angles and eigenvalues weigh together."""
        settings = self.options.settings or DareGramSettings()
        angle, scale = gram_distances(source, target, settings.share)
        return settings.angle * angle + settings.scale * scale


def gram_distances(source: Tensor, target: Tensor, share: float) -> tuple[Tensor, Tensor]:
    """Compare the Gram matrices of samples (N, C) and (M, C), each with a constant beside its channels.

    Returns:
        The mean over columns of 1 − cos of the angle between the pseudo-inverses, and the distance of the
        principal eigenvalues over their number; scalars, NaN where some sample is not finite.
    """
    # In double precision: eigenvalues that are equal but for rounding do not converge in single.
    grams = [_gram(samples.double()) for samples in (source, target)]
    if not all(gram.is_meta or bool(gram.isfinite().all()) for gram in grams):
        nothing = torch.stack([gram.sum() for gram in grams]).sum() * math.nan
        return nothing, nothing
    # From the largest on.
    parts = [[part.flip(-1) for part in torch.linalg.eigh(gram.detach())] for gram in grams]
    kept = max(_principal(values, share) for values, _ in parts)
    (first, of_first), (second, of_second) = (
        _PrincipalInverse.apply(gram, *part, kept) for gram, part in zip(grams, parts, strict=True)
    )
    angle = (1 - F.cosine_similarity(first, second, dim=0)).abs().mean()
    scale = torch.linalg.vector_norm(of_first - of_second) / kept
    return angle.to(source), scale.to(source)


def _gram(samples: Tensor) -> Tensor:
    with_constant = torch.cat([torch.ones_like(samples[:, :1]), samples], dim=1)
    return with_constant.T @ with_constant


def _principal(values: Tensor, share: float) -> int:
    """Return how many of descending eigenvalues reach a share of their sum."""
    if values.is_meta:
        return len(values)
    reached = values.clamp_min(0).cumsum(0)
    return min(int((reached < share * reached[-1]).sum()) + 1, len(values))


class _PrincipalInverse(torch.autograd.Function):
    """The inverse of a symmetric matrix on its principal eigenvectors, and their eigenvalues.

    PyTorch's gradient of eigenvectors divides by the differences of all eigenvalues, of which those that are
    left out are equal: 0, where samples are fewer than channels.
    """

    @staticmethod
    def forward(
        ctx: Any, matrix: Tensor, values: Tensor, vectors: Tensor, kept: int
    ) -> tuple[Tensor, Tensor]:
        del matrix
        # A matrix of a lower rank than the other one's has nothing more to invert.
        floor = values[0] * torch.finfo(values.dtype).eps * len(values)
        chosen = (torch.arange(len(values), device=values.device) < kept) & (values > floor)
        inverse = torch.where(chosen, 1 / values.clamp_min(torch.finfo(values.dtype).tiny), 0)
        ctx.save_for_backward(values, vectors, inverse, chosen)
        ctx.kept = kept
        return (vectors * inverse) @ vectors.T, values[:kept].clone()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None, None]:
        """Return V (F ∘ Vᵀ G V) Vᵀ, with F the inverse's divided differences, and Σ gᵢ vᵢ vᵢᵀ."""
        of_inverse, of_values = gradients
        values, vectors, inverse, chosen = ctx.saved_tensors
        both = chosen[:, None] & chosen
        one = chosen[:, None] ^ chosen
        gap = torch.where(one, values[:, None] - values, 1)
        divided = (inverse[:, None] - inverse) / gap
        divided = torch.where(both, -inverse[:, None] * inverse, torch.where(one, divided, 0))
        inner = divided * (vectors.T @ of_inverse @ vectors)
        inner.diagonal()[: ctx.kept] += of_values
        return vectors @ inner @ vectors.T, None, None, None

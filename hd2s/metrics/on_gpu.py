"""The metrics of many frames at once, for GPUs (definitions: `hd2s.metrics.scores`).

On a processor a batched sort is many times slower than `hd2s.metrics.on_processor`; the results are the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad

from hd2s.metrics.definitions import Array, Convention, Metric
from hd2s.metrics.on_processor import CHANCE, KLD_EPS, SHUFFLED_THRESHOLDS, pixels

_AT_ONCE, _PIXELS_AT_ONCE = 64, 64 * 360 * 640  # frames, and pixels of them: one to two GiB of temporaries


def score(
    saliency: Tensor,
    fixations: Sequence[Array],
    maps: Tensor,
    others: Sequence[Array],
    *,
    metrics: Sequence[Metric],
    convention: Convention,
) -> Tensor:
    """Score N frames on the device of `saliency`: float64 (metrics, N)."""
    parts = [torch.empty(len(metrics), 0, dtype=torch.float64, device=saliency.device)]
    at_once = min(_AT_ONCE, max(1, _PIXELS_AT_ONCE // max(1, saliency[0].numel()))) if len(saliency) else 1
    for start in range(0, len(saliency), at_once):
        some = slice(start, start + at_once)
        batch = Batch(
            Images.of(saliency[some], start),
            Images.of(maps[some].to(saliency.device), start),
            Points.of(fixations[some], saliency, start),
            Points.of(others[some], saliency, start),
            convention,
        )
        parts.append(torch.stack([_scored(metric, batch, start) for metric in metrics]))
    return torch.cat(parts, dim=1)


def _scored(metric: Metric, batch: Batch, first: int) -> Tensor:
    """Score frames from `first` on; what goes wrong in a metric is told with its name."""
    if metric.of_batch is None:
        raise ValueError(f"metric {metric.name}: expected one that scores batches, found no `of_batch`")
    where = f"frames from {first} on: metric {metric.name}"
    try:
        found = metric.of_batch(batch)
    except (torch.OutOfMemoryError, torch.AcceleratorError):
        raise  # no fault of the metric's
    except Exception as error:
        raise ValueError(f"{where}: {type(error).__name__}: {error}") from error
    shape, expected = tuple(getattr(found, "shape", ())), (len(batch.saliency.values),)
    if shape != expected:
        raise ValueError(f"{where}: expected scores of the shape {expected}, found {shape}")
    return found


@dataclass(frozen=True)
class Images:
    """Maps of N frames, prepared once for all metrics."""

    values: Tensor
    """Float64 (N, H·W), as given."""
    scaled: Tensor
    """Float64 (N, H·W), min–max scaled; zero for a constant map."""
    constant: Tensor
    """Bool (N,): all values of a map are one."""
    zero: Tensor
    """Bool (N,): all are zero."""

    @classmethod
    def of(cls, images: Tensor, first: int) -> Images:
        """Prepare maps.

        Args:
            images: (N, H, W).
            first: the number of the first of them in what is said of a bad one.

        Raises:
            ValueError: a map is not finite.
        """
        values = images.flatten(1).double()
        low, high = values.aminmax(dim=1)
        bad = ~(low.isfinite() & high.isfinite())
        if bad.any():
            raise ValueError(
                f"frame {first + int(bad.nonzero()[0])}: expected a finite map, found NaN or infinity; "
                "check the model's output"
            )
        constant = low == high
        scaled = (values - low[:, None]) / (high - low).masked_fill(constant, 1.0)[:, None]
        return cls(values, scaled, constant, constant & (low == 0))


@dataclass(frozen=True)
class Points:
    """Sets of pixels of N frames, padded to the largest."""

    index: Tensor
    """Int64 (N, K): flat indices, zero where there is none."""
    valid: Tensor
    """Bool (N, K)."""

    @classmethod
    def of(cls, points: Sequence[Array], like: Tensor, first: int) -> Points:
        """Prepare each frame's points.

        Args:
            points: of each frame, as `hd2s.metrics.on_processor.pixels` takes them.
            like: (N, H, W), of that size and on the device where they are to be.
            first: as in `Images.of`.

        Raises:
            ValueError: with the frame's number: points are neither a mask nor pairs, or lie outside the map.
        """
        sets: list[np.ndarray] = []
        for i, each in enumerate(points):
            known = i and each is points[i - 1]
            try:
                sets.append(sets[-1] if known else pixels(each, (like.shape[1], like.shape[2])))
            except ValueError as error:
                raise ValueError(f"frame {first + i}: {error}") from error
        index = np.zeros((len(sets), max(map(len, sets))), np.int64)
        valid = np.zeros(index.shape, bool)
        for i, each in enumerate(sets):
            index[i, : len(each)], valid[i, : len(each)] = each, True
        return cls(*(torch.from_numpy(a).to(like.device) for a in (index, valid)))

    @property
    def count(self) -> Tensor:
        """Float64 (N,), lest PyTorch divide whole numbers in float32."""
        return self.valid.sum(dim=1, dtype=torch.float64)


@dataclass(frozen=True)
class Batch:
    """Everything that a metric may be computed from."""

    saliency: Images
    truth: Images
    fixated: Points
    others: Points
    convention: Convention


def nss(batch: Batch) -> Tensor:
    """`hd2s.metrics.scores.nss` of each frame."""
    values, fixated, n = batch.saliency.scaled, batch.fixated, batch.fixated.count
    mean, deviation = values.mean(dim=1, keepdim=True), values.std(dim=1, keepdim=True)
    z = (values.gather(1, fixated.index) - mean) / deviation
    scores = (z * fixated.valid).nansum(dim=1) / n
    scores = scores.masked_fill(batch.saliency.constant, CHANCE["NSS"])
    return scores.masked_fill(n == 0, batch.convention.empty_nss)


def cc(batch: Batch) -> Tensor:
    """`hd2s.metrics.scores.cc` of each frame."""
    images, truths = batch.saliency, batch.truth
    a, c = (each.scaled - each.scaled.mean(dim=1, keepdim=True) for each in (images, truths))
    scores = (a * c).sum(dim=1) / (a.square().sum(dim=1) * c.square().sum(dim=1)).sqrt()
    scores = scores.masked_fill(images.constant, CHANCE["CC"])
    return scores.masked_fill(truths.constant, torch.nan)


def sim(batch: Batch) -> Tensor:
    """`hd2s.metrics.scores.sim` of each frame."""
    images, truths = batch.saliency, batch.truth
    uniform = images.scaled.masked_fill(images.constant[:, None], 1.0)
    a, c = (each / each.sum(dim=1, keepdim=True) for each in (uniform, truths.scaled))
    scores = torch.minimum(a, c).sum(dim=1)
    scores = scores.masked_fill(images.zero | truths.zero, 0.0)
    return scores.masked_fill(truths.constant & ~truths.zero, torch.nan)


def auc_judd(batch: Batch) -> Tensor:
    """`hd2s.metrics.scores.auc_judd` of each frame."""
    values, fixated, n = batch.saliency.values, batch.fixated, batch.fixated.count
    n_pixels = values.shape[1]
    ascending = values.sort(dim=1).values
    at = values.gather(1, fixated.index).masked_fill(~fixated.valid, -torch.inf)
    thresholds = at.sort(dim=1, descending=True).values  # those of padding last
    rank = torch.arange(1, at.shape[1] + 1, device=at.device).expand_as(at)
    above = n_pixels - torch.searchsorted(ascending, thresholds.contiguous())
    tp = rank / n[:, None]
    fp = (above - rank) / (n_pixels - n)[:, None]
    beyond = rank > n[:, None]  # the corner (1, 1) once more adds nothing
    scores = _area(tp.masked_fill(beyond, 1.0), fp.masked_fill(beyond, 1.0), batch.convention)
    scores = scores.masked_fill(batch.saliency.constant, CHANCE["AUC-J"])
    return scores.masked_fill((n == 0) | (n == n_pixels), torch.nan)


def shuffled_auc(batch: Batch) -> Tensor:
    """`hd2s.metrics.scores.shuffled_auc` of each frame."""
    values, points = batch.saliency.scaled, (batch.fixated, batch.others)
    thresholds = torch.from_numpy(SHUFFLED_THRESHOLDS[::-1].copy()).to(values.device)
    samples = [(values.gather(1, p.index).masked_fill(~p.valid, -1.0), p.count) for p in points]
    rates = [(at[:, None] >= thresholds[:, None]).sum(dim=2) / count[:, None] for at, count in samples]
    if not batch.convention.shuffled_endpoint:
        largest = torch.cat([at for at, _ in samples], dim=1).amax(dim=1, keepdim=True)
        rates = [rate.masked_fill(thresholds >= largest, 0.0) for rate in rates]
    true_positives, false_positives = rates
    scores = _area(true_positives, false_positives, batch.convention)
    nowhere = (batch.fixated.count == 0) | (batch.others.count == 0)
    return scores.masked_fill(batch.saliency.constant, CHANCE["s-AUC"]).masked_fill(nowhere, torch.nan)


def _area(tp: Tensor, fp: Tensor, convention: Convention) -> Tensor:
    tp, fp = (pad(pad(rates.double(), (1, 0)), (0, 1), value=1.0) for rates in (tp, fp))
    if convention.auc_digits is not None:
        tp, fp = tp.round(decimals=convention.auc_digits), fp.round(decimals=convention.auc_digits)
    return torch.trapezoid(tp, fp)


def kld(batch: Batch) -> Tensor:
    """`hd2s.metrics.scores.kld` of each frame."""
    p, q = (each.values.clamp(min=0) for each in (batch.saliency, batch.truth))
    sums = [each.sum(dim=1, keepdim=True) for each in (p, q)]
    p, q = (each / total.where(total > 0, 1.0) for each, total in zip((p, q), sums, strict=True))
    scores = (q * torch.log(KLD_EPS + q / (KLD_EPS + p))).sum(dim=1)
    return scores.masked_fill(sums[1][:, 0] == 0, torch.nan)

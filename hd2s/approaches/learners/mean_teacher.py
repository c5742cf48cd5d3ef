"""The learner of Mean Teacher; what that is, and whose, says `hd2s.approaches.mean_teacher`."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from hd2s.approaches.contract import Learner, LearnerOptions, MicroBatch, Progress, Terms, total
from hd2s.approaches.mean_teacher import MeanTeacherSettings
from hd2s.approaches.pixel_values import from_pixels, to_pixels
from hd2s.approaches.schedule import alignment_strength
from hd2s.losses import kld
from hd2s.models.contract import SaliencyModel

_NARROWEST_BLUR, _WIDEST_BLUR = 0.15, 1.15  # σ in pixels
_RADIUS = 4  # pixels, more than three of the widest σ


class MeanTeacherLearner(Learner):
    """A student, which `model` is, and its moving average.

    What is changed in a clip is drawn from PyTorch's generator, as dropout is: by iteration and worker.
    Several workers have one teacher, since weights and statistics that it follows are those of all.
    """

    def __init__(self, model: SaliencyModel, options: LearnerOptions):
        super().__init__(model, options)
        self.teacher = copy.deepcopy(model).requires_grad_(False)
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))
        self.train(model.training)

    @property
    def settings(self) -> MeanTeacherSettings:
        """The approach's own."""
        return self.options.settings or MeanTeacherSettings()

    def train(self, mode: bool = True) -> MeanTeacherLearner:
        """Let the teacher predict as a test does, always."""
        super().train(mode)
        self.teacher.eval()
        return self

    def losses(
        self, labelled: Sequence[MicroBatch], unlabelled: Sequence[MicroBatch], progress: Progress
    ) -> Iterator[tuple[Tensor, Terms]]:
        """Yield the source's loss, then the target's."""
        yield from super().losses(labelled, [], progress)
        (target,) = unlabelled
        maps, agreement = self.taught(target)
        with torch.no_grad():
            changed = from_pixels(self.model, self.changed(to_pixels(self.model, target.clips)))
        # As a test would have it answer: a part that no source trains is not to be trained by the teacher.
        found = self.model.answer(changed, target.domain).saliency
        strength = alignment_strength(progress, self.options) * self.settings.weight
        terms = {"kld/teacher": strength * (agreement * kld(found, maps)).mean()}
        yield total(terms), terms

    @torch.no_grad()
    def taught(self, target: MicroBatch) -> tuple[Tensor, Tensor]:
        """Return the teacher's maps (B, A, H, W), and exp(−KLD) of those of mirrored clips, (B, A)."""
        maps = self.teacher(target.clips, domain=target.domain).saliency
        mirrored = self.teacher(target.clips.flip(-1), domain=target.domain).saliency.flip(-1)
        return maps, (-kld(mirrored, maps)).exp()

    def changed(self, colours: Tensor) -> Tensor:
        """Return clips (B, 3, T, H, W) from 0 to 1, some of them in other colours, some blurred."""
        drawn = torch.rand(6, len(colours), 1, 1, 1, 1).to(colours, non_blocking=True)
        settings = self.settings
        jittered = _jittered(colours, 1 + settings.jitter * (2 * drawn[1:4] - 1))
        colours = torch.where(drawn[0] < settings.jitter_share, jittered, colours)
        blurred = _blurred(colours, _NARROWEST_BLUR + (_WIDEST_BLUR - _NARROWEST_BLUR) * drawn[5])
        return torch.where(drawn[4] < settings.blur_share, blurred, colours)

    def watched(self, progress: Progress) -> Mapping[str, float]:
        """Return λ."""
        return {"lambda": alignment_strength(progress, self.options)}

    @torch.no_grad()
    def after_step(self) -> None:
        """Let the teacher follow, running statistics and all."""
        steps = self.get_buffer("steps")
        kept = min(1 - 1 / (int(steps) + 1), self.settings.decay)
        steps += 1
        theirs = self.model.state_dict()
        for name, ours in self.teacher.state_dict().items():
            if ours.is_floating_point():
                ours.lerp_(theirs[name], 1 - kept)
            else:
                ours.copy_(theirs[name])

    def result(self) -> SaliencyModel:
        """Return the one that lasts."""
        return self.teacher if self.settings.lasts == "teacher" else self.model

    def further(self) -> Mapping[str, SaliencyModel]:
        """Return the student, of which the same training may be asked for as well."""
        return {"student": self.model}


def _jittered(colours: Tensor, factors: Tensor) -> Tensor:
    """Change brightness, contrast and saturation by factors (3, B, 1, 1, 1, 1), the same in all frames."""
    brightness, contrast, saturation = factors
    bright = (colours * brightness).clamp(0, 1)
    middle = bright.mean((1, 2, 3, 4), keepdim=True)
    contrasted = (middle + (bright - middle) * contrast).clamp(0, 1)
    grey = contrasted.mean(1, keepdim=True)
    return (grey + (contrasted - grey) * saturation).clamp(0, 1)


def _blurred(colours: Tensor, sigma: Tensor) -> Tensor:
    """Blur clips by Gaussians of σ (B, 1, 1, 1, 1) pixels, along rows and columns."""
    offsets = torch.arange(-_RADIUS, _RADIUS + 1, device=colours.device)
    weights = (-(offsets.view(-1, 1, 1, 1, 1, 1) ** 2) / (2 * sigma**2)).exp()
    weights = weights / weights.sum(0)
    for dim, padding in ((-1, (_RADIUS, _RADIUS, 0, 0)), (-2, (0, 0, _RADIUS, _RADIUS))):
        side = colours.shape[dim]
        padded = F.pad(colours.flatten(1, 2), padding, mode="replicate").unflatten(1, colours.shape[1:3])
        shifted = (padded.narrow(dim, place, side) for place in range(len(offsets)))
        colours = sum((w * x for w, x in zip(weights, shifted, strict=True)), torch.zeros_like(colours))
    return colours

"""Mean teacher: a model's moving average says what the model is to predict on the target (Tarvainen, 2017).

"Mean teachers are better role models", arXiv 1703.01780, with the average and the colours of DACS (Tranheden
et al., arXiv 2007.08702). The teacher sees target clips as they are, and the student the same in other
colours and blurred; the student's maps are drawn to the teacher's by their KLD. Where segmentation trusts
confident pixels, a saliency map is trusted as far as the teacher finds it again in the mirrored clip: its
entropy would say how far fixations spread, not how sure the teacher is.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from hd2s.approaches.alignment import not_negative
from hd2s.approaches.contract import (
    Approach,
    Learner,
    LearnerOptions,
    MicroBatch,
    Progress,
    Terms,
    target_alone,
    total,
)
from hd2s.approaches.pixel_values import from_pixels, to_pixels
from hd2s.approaches.schedule import alignment_strength
from hd2s.losses import kld
from hd2s.models.config import Fault, PlainConfig
from hd2s.models.contract import SaliencyModel

_WIDEST_BLUR = 1.15
_NARROWEST_BLUR = 0.15
_RADIUS = 4  # pixels, more than three of the widest σ


@dataclass(frozen=True)
class MeanTeacherSettings(PlainConfig):
    """How the teacher follows, and what the student sees.

    Attributes:
        decay: what the teacher keeps of itself in an iteration; less in the first ones.
        weight: of the target's loss, times λ of Eq. 4 and each map's agreement.
        jitter: how far brightness, contrast and saturation depart from 1 at most.
        jitter_share: of clips whose colours are changed.
        blur_share: of clips that are blurred, by σ from 0.15 to 1.15 pixels.
        lasts: "teacher" or "student", which is validated, saved and tested. It changes nothing in training.
    """

    decay: float = 0.99
    weight: float = 1.0
    jitter: float = 0.2
    jitter_share: float = 0.2
    blur_share: float = 0.5
    lasts: str = "teacher"

    def faults(self) -> Iterable[Fault]:
        """List what cannot work."""
        if not 0 <= self.decay < 1:
            yield "decay", "0 or more and less than 1"
        yield from not_negative(self, "weight")
        for share in ("jitter", "jitter_share", "blur_share"):
            if not 0 <= getattr(self, share) <= 1:
                yield share, "from 0 to 1"
        if self.lasts not in ("teacher", "student"):
            yield "lasts", "teacher or student"


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
        found = self.model(changed, domain=target.domain).saliency
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
        drawn = torch.rand(6, len(colours), 1, 1, 1, 1).to(colours)
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


APPROACH = Approach(
    word="mean-teacher",
    title="Mean Teacher",
    unlabelled=target_alone,
    learner=MeanTeacherLearner,
    needs_target=True,
    further=("student",),
    settings=MeanTeacherSettings,
    colour="#AA4499",
    improves_on="generalization",
)

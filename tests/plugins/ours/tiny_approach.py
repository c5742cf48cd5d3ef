"""An approach in one file: the source's maps, and the target's clips predicted alike in a mirror."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from torch import Tensor

from hd2s.approaches.contract import Approach, Learner, MicroBatch, Progress, Terms, total


@dataclass(frozen=True)
class MirrorSettings:
    """The fields are the settings `approach.mirror.*` of a grid."""

    weight: float = 1.0


class MirrorLearner(Learner):
    """Supervision on the source, then the difference between a target's maps and their mirror images."""

    def losses(
        self, labelled: Sequence[MicroBatch], unlabelled: Sequence[MicroBatch], progress: Progress
    ) -> Iterator[tuple[Tensor, Terms]]:
        """Yield the source's loss, then the target's; each is propagated back before the next is computed."""
        yield from super().losses(labelled, (), progress)
        (target,) = unlabelled
        plain = self.model(target.clips, domain=target.domain).saliency
        mirrored = self.model(target.clips.flip(-1), domain=target.domain).saliency.flip(-1)
        settings = self.options.settings or MirrorSettings()
        terms = {"mirror/target": settings.weight * (plain - mirrored).abs().mean()}
        yield total(terms), terms


APPROACH = Approach(
    word="mirror",
    title="Mirror consistency",
    unlabelled=lambda sources, target: (target,),
    learner=MirrorLearner,
    needs_target=True,
    settings=MirrorSettings,
    colour="#8A2BE2",
    # Whom the significance table compares it with.
    improves_on="generalization",
)

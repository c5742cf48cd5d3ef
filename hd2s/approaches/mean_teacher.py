"""Mean teacher: a model's moving average says what the model is to predict on the target (Tarvainen, 2017).

"Mean teachers are better role models", arXiv 1703.01780, with the average and the colours of DACS (Tranheden
et al., arXiv 2007.08702). The teacher sees target clips as they are, and the student the same in other
colours and blurred; the student's maps are drawn to the teacher's by their KLD. Where segmentation trusts
confident pixels, a saliency map is trusted as far as the teacher finds it again in the mirrored clip: its
entropy would say how far fixations spread, not how sure the teacher is.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from hd2s.approaches.declaration import Approach, target_alone
from hd2s.approaches.shared_settings import not_negative
from hd2s.models.config import Fault, PlainConfig
from hd2s.registry import Later


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


APPROACH = Approach(
    word="mean-teacher",
    title="Mean Teacher",
    unlabelled=target_alone,
    learner=Later("hd2s.approaches.learners.mean_teacher", "MeanTeacherLearner"),
    needs_target=True,
    further=("student",),
    settings=MeanTeacherSettings,
    colour="#AA4499",
    improves_on="generalization",
)

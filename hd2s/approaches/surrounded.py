"""A model with something around it, which its approach trains with it and its test finds again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from torch import Tensor, nn

from hd2s.models.contract import ParameterGroup, Prediction, SaliencyModel
from hd2s.models.declaration import WeightLayout
from hd2s.models.learnt import Learnt


class Surrounded(SaliencyModel):
    """Does as the model inside does, between `entering` and `leaving`: what `Approach.around` is made of.

    Args:
        model: what is inside.
    """

    def __init__(self, model: SaliencyModel):
        super().__init__(model.config)
        layouts = tuple(map(_of_inner, model.declaration.layouts))
        self.declaration = replace(model.declaration, layouts=layouts)
        self.memory_format = model.memory_format
        self.model = model

    def entering(self, clips: Tensor) -> Tensor:
        """Return what becomes of normalised clips, which stay as they are, before the model sees them."""
        return clips

    def leaving(self, prediction: Prediction) -> Prediction:
        """Return what becomes of what the model predicts."""
        return prediction

    def normalise(self, clips: Tensor) -> Tensor:
        """Do as the model does."""
        return self.model.normalise(clips)

    def forward(self, clips: Tensor, domain: str | None = None, *, unlabelled: bool = False) -> Prediction:
        """Predict as the model does."""
        return self.leaving(self.model(self.entering(clips), domain, unlabelled=unlabelled))

    def answer(self, clips: Tensor, domain: str | None = None, state: Any = None) -> Prediction:
        """Follow clips as the model does."""
        return self.leaving(self.model.answer(self.entering(clips), domain, state))

    def losses(
        self, prediction: Prediction, maps: Tensor, *, auxiliary: bool = True, fixations: Tensor | None = None
    ) -> dict[str, Tensor]:
        """Return the model's terms."""
        return self.model.losses(prediction, maps, auxiliary=auxiliary, fixations=fixations)

    def sized(self, prediction: Prediction, maps: Tensor) -> Prediction:
        """Do as the model does."""
        return self.model.sized(prediction, maps)

    def lr_share(self, clips: Tensor) -> float:
        """Return the model's share."""
        return self.model.lr_share(clips)

    def parameter_groups(self) -> list[ParameterGroup]:
        """Return the model's groups, and what is around it in one more."""
        groups = self.model.parameter_groups()
        grouped = {id(parameter) for group in groups for parameter in group.parameters}
        around = [parameter for parameter in self.parameters() if id(parameter) not in grouped]
        return [*groups, ParameterGroup(around)] if around else groups

    def blocks(self) -> Iterable[nn.Module]:
        """Return the model's."""
        return self.model.blocks()

    def learnt(self, domain: str | None) -> Learnt:
        """Return what the model has learnt."""
        return self.model.learnt(domain)


def _of_inner(layout: WeightLayout) -> WeightLayout:
    """Return a layout of the model inside, which has no place for what is around it."""
    return replace(
        layout,
        names=lambda outer: {f"model.{own}": name for own, name in layout.names(outer.model).items()},
    )

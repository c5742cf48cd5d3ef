"""A model that stays as it is, with something behind its saliency maps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from torch import Tensor

from hd2s.layers.folded import Casting
from hd2s.models.contract import Prediction, Push, SaliencyModel, Stream
from hd2s.models.declaration import WeightLayout
from hd2s.models.learnt import Learnt
from hd2s.models.shown import with_input


class FrozenModel(SaliencyModel):
    """A model whose parameters and statistics stay as they are; `behind` says what becomes of its maps.

    It stays in evaluation mode, so that batch norms keep the source's statistics.
    """

    def __init__(self, model: SaliencyModel):
        super().__init__(model.config)
        layouts = tuple(map(_of_inner, model.declaration.layouts))
        self.declaration = replace(model.declaration, layouts=layouts)
        self.memory_format = model.memory_format
        self.model = model.requires_grad_(False)

    def behind(self, maps: Tensor) -> Tensor:
        """Return what becomes of maps (B, H, W), the same shape."""
        raise NotImplementedError

    def train(self, mode: bool = True) -> FrozenModel:
        """Stay in evaluation mode, whatever is asked for."""
        del mode
        return super().train(False)

    def normalise(self, clips: Tensor) -> Tensor:
        """Do as the model does."""
        return self.model.normalise(clips)

    def forward(self, clips: Tensor, domain: str | None = None, *, unlabelled: bool = False) -> Prediction:
        """Predict as the model does, and change the saliency map; all else is the model's."""
        return self._changed(self.model(clips, domain, unlabelled=unlabelled))

    def answer(self, clips: Tensor, domain: str | None = None, state: Any = None) -> Prediction:
        """Follow clips as the model does, and change the saliency map."""
        return self._changed(self.model.answer(clips, domain, state))

    def losses(
        self, prediction: Prediction, maps: Tensor, *, auxiliary: bool = True, fixations: Tensor | None = None
    ) -> dict[str, Tensor]:
        """Return the model's terms; those of auxiliary maps are frozen, and have no gradient."""
        return self.model.losses(prediction, maps, auxiliary=auxiliary, fixations=fixations)

    def learnt(self, domain: str | None) -> Learnt:
        """Return what the model has learnt."""
        return self.model.learnt(domain)

    def stream(self, cast: Casting) -> Stream | None:
        """Return the model's own stream with its maps changed; None where it has none."""
        stream = with_input(self.model, self.config).stream(cast)
        return stream and _ChangedStream(stream, self.behind)

    def _changed(self, found: Prediction) -> Prediction:
        changed = self.behind(found.saliency.flatten(0, 1)).unflatten(0, found.saliency.shape[:2])
        return replace(found, saliency=changed, log_density=None)


def _of_inner(layout: WeightLayout) -> WeightLayout:
    """Return a layout of the model inside, which has no place for what is around it."""
    return replace(
        layout,
        names=lambda outer: {f"model.{own}": name for own, name in layout.names(outer.model).items()},
    )


class _ChangedStream:
    def __init__(self, stream: Stream, behind: Callable[[Tensor], Tensor]):
        self._stream, self._behind = stream, behind

    def begin(self, n_windows: int | None = None) -> Push:
        push = self._stream.begin(n_windows)

        def changed(frames: Tensor) -> Tensor | None:
            maps = push(frames)
            return None if maps is None else self._behind(maps)

        return changed

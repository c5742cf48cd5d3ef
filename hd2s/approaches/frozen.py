"""A model that stays as it is, with something behind its saliency maps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from torch import Tensor

from hd2s.approaches.surrounded import Surrounded
from hd2s.layers.folded import Casting
from hd2s.models.contract import ParameterGroup, Prediction, Push, SaliencyModel, Stream
from hd2s.models.shown import with_input


class FrozenModel(Surrounded):
    """A model whose parameters and statistics stay as they are; `behind` says what becomes of its maps.

    It stays in evaluation mode, so that batch norms keep the source's statistics. Terms of auxiliary maps are
    frozen, and have no gradient.
    """

    def __init__(self, model: SaliencyModel):
        super().__init__(model.requires_grad_(False))

    def behind(self, maps: Tensor) -> Tensor:
        """Return what becomes of maps (B, H, W), the same shape."""
        raise NotImplementedError

    def train(self, mode: bool = True) -> FrozenModel:
        """Stay in evaluation mode, whatever is asked for."""
        del mode
        return super().train(False)

    def lr_share(self, clips: Tensor) -> float:
        """Return all of the learning rate: it is that of what is behind the maps."""
        del clips
        return 1.0

    def parameter_groups(self) -> list[ParameterGroup]:
        """Return all parameters together: those of the model stay as they are."""
        return [ParameterGroup(self.parameters())]

    def leaving(self, prediction: Prediction) -> Prediction:
        """Change the saliency map; all else is the model's."""
        maps = prediction.saliency
        changed = self.behind(maps.flatten(0, 1)).unflatten(0, maps.shape[:2])
        return replace(prediction, saliency=changed, log_density=None)

    def stream(self, cast: Casting) -> Stream | None:
        """Return the model's own stream with its maps changed; None where it has none."""
        stream = with_input(self.model, self.config).stream(cast)
        return stream and _ChangedStream(stream, self.behind)


class _ChangedStream:
    def __init__(self, stream: Stream, behind: Callable[[Tensor], Tensor]):
        self._stream, self._behind = stream, behind

    def begin(self, n_windows: int | None = None) -> Push:
        push = self._stream.begin(n_windows)

        def changed(frames: Tensor) -> Tensor | None:
            maps = push(frames)
            return None if maps is None else self._behind(maps)

        return changed

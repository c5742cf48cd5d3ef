"""What every model offers: nothing outside a model's own file or folder names it.

A model's file or folder declares it (`hd2s.models.declaration`), and what is built of that is a
`SaliencyModel`. A plug-in finds both here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from hd2s.layers.folded import Casting
from hd2s.losses import kld_terms
from hd2s.models.capturable import Capturable
from hd2s.models.clips import check_bytes
from hd2s.models.config import ModelConfig
from hd2s.models.declaration import Model, Traffic, WeightLayout
from hd2s.models.learnt import Learnt
from hd2s.models.tested import AsTested

__all__ = [
    "Model",
    "ParameterGroup",
    "Prediction",
    "Push",
    "SaliencyModel",
    "Stream",
    "Traffic",
    "WeightLayout",
]


@dataclass(frozen=True)
class Prediction:
    """What a model returns, in training and evaluation alike.

    Attributes:
        saliency: (B, A, H, W), not negative, in the weights' dtype: a map of each answered frame.
        auxiliary: further maps of the same shape by name, such as those of a model's inner levels.
        features: (B, C, H, W) by name, as `ModelConfig.features` announces them.
        log_density: the logarithm of a saliency that is a density, where the model computes it: it is exact
            where the density is too small for its dtype.
        state: what the model remembers of the frames, for those that follow (`SaliencyModel.answer`).
    """

    saliency: Tensor
    auxiliary: Mapping[str, Tensor] = field(default_factory=dict)
    features: Mapping[str, Tensor] = field(default_factory=dict)
    log_density: Tensor | None = None
    state: Any = None


@dataclass(frozen=True)
class ParameterGroup:
    """Parameters that are trained alike.

    Attributes:
        parameters: of the model.
        lr: factor of the training's learning rate.
        weight_decay: factor of the training's weight decay.
        frozen: iterations from the beginning in which they stay as they are.
        frozen_periods: the same in periods of the learning rate, where it has one.
        scheduled: whether the learning rate's schedule holds for them.
    """

    parameters: Iterable[nn.Parameter]
    lr: float = 1.0
    weight_decay: float = 1.0
    frozen: int = 0
    frozen_periods: int = 0
    scheduled: bool = True

    def __post_init__(self) -> None:
        # Gone through several times, which a generator, such as `Module.parameters()`, gives once.
        object.__setattr__(self, "parameters", list(self.parameters))


Push = Callable[[Tensor], Tensor | None]


class Stream(Protocol):
    """A model made ready to predict frame after frame, computing once what windows share."""

    def begin(self, n_windows: int | None = None) -> Push:
        """Begin a clip.

        Args:
            n_windows: how many windows will be asked for, where that is known.

        Returns:
            What takes the next frames, normalised (1, 3, n, H, W), and returns the maps, float32 (m, H, W),
            of the windows that they complete, or None.
        """


class SaliencyModel(Capturable, nn.Module):
    """What all models have in common; the methods are what a model may do otherwise than most.

    Args:
        config: of the model's own class.
    """

    declaration: Model
    """Set by `hd2s.build_model`, which has it from the registry."""
    tested: AsTested | None = None
    """How its test predicts, if the checkpoint says so that `hd2s.prediction.open_checkpoint` has read."""
    memory_format: torch.memory_format = torch.contiguous_format

    def __init__(self, config: ModelConfig):
        super().__init__()
        self.config = config

    @property
    def learns_smoothing(self) -> bool:
        """Whether its maps are smooth as they are to be, so that no fixed Gaussian is to follow."""
        return self.config.learns_smoothing

    def normalise(self, clips: Tensor) -> Tensor:
        """Make of clips what the model takes.

        On the clips' device: send them there as bytes first.

        Args:
            clips: uint8 (B, T, H, W, 3), RGB.

        Returns:
            float32 (B, 3, T, H, W) in [-1, 1], a view of channels-last memory (`torch.channels_last_3d`), the
            layout in which 3-D convolutions are fastest; no copy is made for it.

        Raises:
            ValueError: another dtype or shape.
        """
        check_bytes(clips)
        return clips.permute(0, 4, 1, 2, 3).float().mul_(2).sub_(255).div_(255)

    def forward(self, clips: Tensor, domain: str | None = None, *, unlabelled: bool = False) -> Prediction:
        """Predict the answered frames of each clip.

        Args:
            clips: as `normalise` gives them.
            domain: the corpus that they come from; a model without layers of a domain's own ignores it.
            unlabelled: they have no ground truth: in training no gradient of the maps is kept.

        Raises:
            ValueError: clips of another size than the model's, or a domain that it needs and does not know.
        """
        raise NotImplementedError

    def answer(self, clips: Tensor, domain: str | None = None, state: Any = None) -> Prediction:
        """Predict frames of clips one after the other, as whoever predicts whole clips calls it.

        Args:
            clips: as `forward` takes them.
            domain: as `forward` takes it.
            state: `Prediction.state` of the frames before; None at the beginning of the clips.

        Raises:
            ValueError: there is a state, which as it is here is not followed.
        """
        if state is not None:
            told = f"{type(self).__name__} is to have an `answer` that goes on from what its predictions"
            raise ValueError(f"{told} remember (`state`), found none; without one they remember nothing")
        return self(clips, domain=domain)

    def losses(
        self, prediction: Prediction, maps: Tensor, *, auxiliary: bool = True, fixations: Tensor | None = None
    ) -> dict[str, Tensor]:
        """Return the terms that supervision adds up, by name: scalars, means over the batch.

        Args:
            prediction: of a batch.
            maps: ground truth (B, A, H, W) of the answered frames, not negative, any scale; one without mass
                counts as 0.
            auxiliary: supervise the auxiliary maps as well.
            fixations: how many fall into each pixel, (B, A, H, W), where model or approach
                `needs_fixations`.
        """
        del fixations
        outputs = {"saliency": prediction.saliency} | (dict(prediction.auxiliary) if auxiliary else {})
        return kld_terms(outputs, maps)

    def sized(self, prediction: Prediction, maps: Tensor) -> Prediction:
        """Return a prediction at the size of its ground truth (B, A, H, W), where that may be another.

        The maps' alone: what else the prediction has is left out where it would have to be brought there.
        """
        del maps
        return prediction

    def lr_share(self, clips: Tensor) -> float:
        """Return what a batch of clips moves the weights by, as a share of the learning rate."""
        del clips
        return 1.0

    def parameter_groups(self) -> list[ParameterGroup]:
        """Return all parameters, in groups that are trained alike."""
        return [ParameterGroup(list(self.parameters()))]

    def of_one_domain(self, domain: str) -> SaliencyModel:
        """Return a model with the parts of one of its domains alone, on the CPU.

        Raises:
            ValueError: it has no parts of this domain's own.
        """
        raise ValueError(
            f"{self.declaration.title} as it is has no parts of {domain} that stand for themselves"
        )

    def learnt(self, domain: str | None) -> Learnt:
        """Return what of its weights says something by itself, for one of its domains."""
        del domain
        return Learnt()

    def blocks(self) -> Iterable[nn.Module]:
        """Return the modules of which checkpointing keeps the inputs alone and computes the rest again.

        What each returns is of clips (B, C, …), or of their frames in order of time (T · B, C, …).
        """
        return ()

    def stream(self, cast: Casting) -> Stream | None:
        """Return the fast way of predicting, equal to the plain one; None where windows are all there is.

        Args:
            cast: where its weights, a copy, are to live.
        """
        del cast
        return None

    def fit(self, maps: Iterator[Tensor]) -> None:
        """Fit a model that has no weights to train (`Model.trains`) to maps, uint8 (n, H, W) each time."""
        del maps

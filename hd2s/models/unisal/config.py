"""What shapes a UNISAL, and what it reads, answers and offers."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from hd2s.layers.features import Feature
from hd2s.models.config import Fault, Framing, Input, ModelConfig, Size, nearest_size
from hd2s.models.unisal import targets

SHARED = "shared"
"""The name of a part that all domains have in common."""

_CELL = 32  # pixels of the frame to a pixel of the encoder's output, in each direction
_CELLS_A_SIDE, _CELLS = range(7, 14), range(100, 121)
_FREE_SIZES = tuple(
    (_CELL * rows, _CELL * columns)
    for rows in _CELLS_A_SIDE
    for columns in _CELLS_A_SIDE
    if rows * columns in _CELLS
)
_FINE_TUNED_SIZES = (256, 416), (288, 416), (288, 384), (384, 288), (416, 288)
_WIDTH = 256  # channels after the post-CNN
_OTHER_PHOTOGRAPHS = ("MIT300", "SALICON2015")
"""Corpora of them that no domain is made for by default."""


def _is_side(pixels: float) -> bool:
    return pixels >= _CELL and pixels % _CELL == 0


# What is allowed of numbers, in words, and of which.
_RANGES: tuple[tuple[Callable[[float], bool], str, tuple[str, ...]], ...] = (
    (lambda x: x >= 1, "1 or more", ("clip_length", "step")),
    (_is_side, f"a positive multiple of {_CELL}", ("height", "width")),
    (
        lambda x: 0 < x <= 1,
        "more than 0 and at most 1",
        ("bn_momentum", "photograph_momentum", "shared_momentum"),
    ),
    (lambda x: 0 <= x < 1, "0 or more and less than 1", ("skip_dropout", "recurrent_dropout")),
    (lambda x: x > 0, "more than 0", ("encoder_lr", "photograph_lr")),
    (lambda x: x >= 0, "0 or more", ("encoder_frozen", "encoder_weight_decay", "cc_weight", "nss_weight")),
)
_WORDS = {
    "statistics": ("frame", "batch"),
    "encoder_statistics": ("stored", "learned"),
    "loss": ("paper", "released"),
    "short_clips": ("window", "released"),
    "framing": ("squashed", "height", "cover", "released"),
    "photograph_sizes": ("one", "released"),
}
_RELEASED_FRAMING: dict[str, Framing] = {"Hollywood2": "height", "UCFSports": "cover"}
_INPUT = re.compile(r"(?P<corpus>[\w-]+)=(?P<height>\d+)x(?P<width>\d+)/(?P<step>\d+)")


@dataclass(frozen=True)
class UnisalConfig(ModelConfig):
    """What shapes a UNISAL; the defaults are the released network's.

    Attributes:
        clip_length: frames of a training sequence.
        step: from one of them to the next, in frames of the clip; as many sequences, interleaved, predict a
            clip. The paper takes 5 of videos of 30 frames a second (DHF1K) and 4 of 24 (Sect. 3.3).
        height: in pixels, divisible by 32.
        width: in pixels, divisible by 32.
        domains: the corpora that have parts of their own; all is shared without any.
        photographs: those domains that hold photographs: they leave the recurrence out in prediction,
            whatever they are given, and their batch norms follow `photograph_momentum`.
        priors: sixteen Gaussian maps beside the encoder's features. What follows are further rows of the
            ablation (Table 5), and what the paper's domain adaptation is made of.
        recurrence: the Bypass-RNN.
        residual: it is added to what it is given; otherwise it takes its place.
        bypass: a sequence of a single frame leaves it out.
        skips: shallow features join the decoder.
        smoothing: a learnt filter of 41 × 41 follows the upsampled map.
        domain_priors: domains have priors of their own, and so with what follows.
        domain_batch_norm: behind the post-CNN, whose own batch norms are shared as in the released network.
        domain_fusion: of the last features to one map.
        domain_smoothing: the learnt filter.
        bn_momentum: the share of each batch in the running statistics of a domain of videos, and of what is
            shared before the recurrence.
        photograph_momentum: of a domain of photographs.
        photographs_alone: without domains, all that it is trained on are photographs (`trained_on`): batch
            norms have `photograph_momentum` then, as those of a released model of one source.
        shared_momentum: of batch norms that all domains share in place of their own.
        skip_dropout: the probability with which a channel of a skip connection is left out in training.
        recurrent_dropout: the same of the recurrent state.
        statistics: in training a batch norm sees each "frame" of the sequences by itself, as released; or all
            together, as one "batch", which is faster, and another model.
        encoder_statistics: the encoder's batch norms keep those "stored" with its initial weights, as the
            paper has it; from scratch they must be "learned".
        encoder_lr: the encoder's share of the learning rate.
        encoder_weight_decay: its share of the weight decay: the paper's 1e-4 for all is the released code's
            1e-5 for the encoder.
        encoder_frozen: epochs from the beginning in which the encoder stays as it is, where the learning rate
            has a period.
        photograph_lr: what a batch of photographs moves the weights by, as a share of the learning rate. The
            paper halves it (Sect. 4.1); the released code has a setting for it that it does not read.
        cc_weight: of CC in the loss, which grows with the KLD less so much CC.
        nss_weight: of NSS, as well; without any no fixations are read.
        domain_inputs: the clips of a corpus have the size and the step that `inputs` says of it, and no
            features are offered to approaches, which would differ in size (Sect. 3.3, "Domain-Aware
            Optimization").
        inputs: CORPUS=HEIGHTxWIDTH/STEP each, in pixels and frames; others have the model's own.
        short_clips: what is trained and validated on: clips that a "window" fits into; or, as in the
            "released" code, those of as many frames as the sequence's times the step.
        framing: how frames lie in their size in training and validation (`hd2s.models.config.Input`); the
            "released" code keeps the aspect of Hollywood2's and UCF Sports' alone, with black bars beside the
            former's narrow shots.
        photograph_sizes: with `domain_inputs`, the photographs of a corpus have "one" size; or each has, as
            MIT1003's in the "released" code, the nearest in aspect of five in training, a batch being of one,
            and in prediction that of `free_size`. SALICON's are all alike, and have the same size by either.
        target_size: of maps and fixations in the loss, to which what is predicted is brought: the "input"'s;
            the "released" code's, DHF1K's and SALICON's own and twice the input's for MIT1003; HEIGHTxWIDTH,
            or Nx. Frames that are not squashed have maps of the input's.
        loss: the "paper" counts a frame without fixations, or a map without mass, as no error; the "released"
            code takes the one for an NSS of 1 and the other for a uniform map.

    Raises:
        ConfigError: listing everything that is not allowed.
    """

    clip_length: int = 12
    step: int = 5
    height: int = 224
    width: int = 384
    domains: tuple[str, ...] = ()
    photographs: tuple[str, ...] = ("SALICON", "MIT1003")
    priors: bool = True
    recurrence: bool = True
    residual: bool = True
    bypass: bool = True
    skips: bool = True
    smoothing: bool = True
    domain_priors: bool = True
    domain_batch_norm: bool = True
    domain_fusion: bool = True
    domain_smoothing: bool = True
    bn_momentum: float = 0.01
    photograph_momentum: float = 0.1
    photographs_alone: bool = False
    shared_momentum: float = 0.1
    skip_dropout: float = 0.6
    recurrent_dropout: float = 0.2
    statistics: str = "frame"
    encoder_statistics: str = "stored"
    encoder_lr: float = 0.1
    encoder_weight_decay: float = 1.0
    encoder_frozen: int = 2
    photograph_lr: float = 0.5
    cc_weight: float = 0.1
    nss_weight: float = 0.1
    domain_inputs: bool = False
    inputs: tuple[str, ...] = (
        "DHF1K=224x384/5",
        "Hollywood2=224x416/4",
        "UCFSports=256x384/4",
        "SALICON=288x384/1",
        "MIT1003=288x384/1",
        "MIT300=288x384/1",
    )
    short_clips: str = "window"
    framing: str = "squashed"
    photograph_sizes: str = "one"
    target_size: str = targets.INPUT
    loss: str = "paper"

    def faults(self) -> Iterator[Fault]:
        """List the fields whose values cannot work, with what is expected of them."""
        for allowed, expected, names in _RANGES:
            yield from ((name, expected) for name in names if not allowed(getattr(self, name)))
        for name, words in _WORDS.items():
            if getattr(self, name) not in words:
                yield name, f"one of {', '.join(words)}"
        if not targets.is_target_size(self.target_size):
            yield "target_size", targets.EXPECTED
        if not _are_inputs(self.inputs):
            expected = (
                f"CORPUS=HEIGHTxWIDTH/STEP of each corpus once, sides multiples of {_CELL}, a step of 1 on"
            )
            yield "inputs", expected
        lowered = [name.lower() for name in self.domains]
        if (
            len(set(lowered)) < len(lowered)
            or not all(name.isidentifier() for name in lowered)
            or SHARED in lowered
        ):
            expected = f"names of letters, digits and underscores, distinct whatever their case, not {SHARED}"
            yield "domains", expected

    @property
    def input(self) -> Input:
        """Sequences of which every frame is answered; a photograph is a sequence of one (Sect. 3.2)."""
        least = self.clip_length * self.step if self.short_clips == "released" else 0
        framing = cast(Framing, "squashed" if self.framing == "released" else self.framing)
        shape = self.clip_length, self.height, self.width, self.step
        several = self.domain_inputs and self.photograph_sizes == "released"
        trained, predicted = (_FINE_TUNED_SIZES, _FREE_SIZES) if several else ((), ())
        # Cut and edged at another size, maps would lie otherwise than frames.
        maps, scale = targets.size_or_scale(self.target_size) if framing == "squashed" else (None, 1)
        return Input(*shape, "every", "alone", least, framing, trained, predicted, maps, scale)

    @property
    def features(self) -> dict[str, Feature]:
        """The means over time of what the post-CNN gives to the Bypass-RNN and the decoder."""
        if self.domain_inputs:
            return {}
        return {"post_cnn": Feature(_WIDTH, self.height // _CELL, self.width // _CELL)}

    @property
    def learns_smoothing(self) -> bool:
        """No Gaussian follows: the released code knows none, with the learnt filter or without."""
        return True

    @property
    def needs_fixations(self) -> bool:
        """NSS is a part of the loss (Sect. 4.1)."""
        return self.nss_weight > 0

    def shown(self, corpus: str) -> UnisalConfig:
        """Return the configuration with the size, step and framing of a corpus of its own, if it has such."""
        own = next(
            (each for each in map(_INPUT.fullmatch, self.inputs) if each and each["corpus"] == corpus), None
        )
        changed: dict[str, Any] = {}
        if own and self.domain_inputs:
            changed = {name: int(own[name]) for name in ("height", "width", "step")}
        if self.framing == "released":
            changed["framing"] = _RELEASED_FRAMING.get(corpus, "squashed")
        if not self._holds_photographs(corpus):
            changed["photograph_sizes"] = "one"
        return replace(self, target_size=targets.of_corpus(self.target_size, corpus), **changed)

    def trained_on(self, corpora: Sequence[str]) -> UnisalConfig:
        """Return the configuration that knows whether these, which have no domains, are all photographs."""
        alone = bool(corpora) and not self.domains and all(map(self._holds_photographs, corpora))
        return replace(self, photographs_alone=True) if alone else self

    def faults_from_scratch(self) -> Iterator[Fault]:
        """List the statistics, which would be those of no frames at all."""
        if self.encoder_statistics == "stored":
            yield "encoder_statistics", "learned"

    def domain_of(self, corpus: str) -> str | None:
        """Return whose parts a corpus' clips take: its own, else the first's, as released; None without any.

        The first is the first of photographs for photographs.
        """
        if corpus in self.domains:
            return corpus
        still = self._holds_photographs(corpus)
        alike = (name for name in self.domains if still and name in self.photographs)
        return next(alike, next(iter(self.domains), None))

    def _holds_photographs(self, corpus: str) -> bool:
        return corpus in (*self.photographs, *_OTHER_PHOTOGRAPHS)

    def keys(self, own: bool) -> tuple[str, ...]:
        """Return whose parts there are of a kind that domains have of their `own`, or share."""
        return self.domains if own and self.domains else (SHARED,)

    def key(self, own: bool, domain: str | None) -> str:
        """Return which of these parts a domain's clips take."""
        return domain if own and domain in self.domains and domain else SHARED

    def momentum(self, key: str) -> float:
        """Return the momentum of a domain's batch norms, or of shared ones."""
        if key == SHARED and self.domains:
            return self.shared_momentum
        # Without domains there is one, of whatever there is.
        still = self.photographs_alone if key == SHARED else key in self.photographs
        return self.photograph_momentum if still else self.bn_momentum


def _are_inputs(inputs: tuple[str, ...]) -> bool:
    found = [_INPUT.fullmatch(each) for each in inputs]
    sound = all(
        each and int(each["step"]) > 0 and all(_is_side(int(each[side])) for side in ("height", "width"))
        for each in found
    )
    return sound and len({each["corpus"] for each in found if each}) == len(found)


def free_size(height: int, width: int) -> Size:
    """Return the input size that the released code takes for frames of any size, in pixels.

    Of sizes with 7 to 13 times 32 pixels a side, 100 to 120 such squares in all, the nearest in aspect.

    Raises:
        ValueError: a side without pixels.
    """
    return nearest_size((height, width), _FREE_SIZES) or (height, width)

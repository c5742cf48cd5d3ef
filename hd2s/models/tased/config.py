"""What shapes a TASED-Net, and what it reads, answers and offers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from hd2s.layers.features import Feature
from hd2s.layers.s3d.shapes import feature_shapes
from hd2s.models.config import Fault, Input, ModelConfig

AGGREGATIONS = ("released", "late", "early two-step", "late two-step")
UPSAMPLINGS = ("unpooling", "trilinear", "transposed")
LENGTHS = (16, 32, 48, 64)


@dataclass(frozen=True)
class TasedConfig(ModelConfig):
    """What shapes a TASED-Net; the defaults are the released network's.

    The paper gives no widths of its variants (they are in a supplement), nor T = 4 and 8 of its Table 5: the
    variants here have the released widths, and those two lengths are refused.

    Attributes:
        clip_length: T, of `LENGTHS`.
        height: in pixels, divisible by 32.
        width: in pixels, divisible by 32.
        aggregation: how the quarter-sized map of T/8 steps becomes a full-sized one of a single step: the
            released network's way, or one of the paper's three (Sect. 3.4), which takes the last of them.
        upsampling: how the prediction network doubles sizes before that: by the places of the encoder's
            maxima (Sect. 3.3), or the two variants of Table 4: interpolated, or by transposed convolutions
            (of kernel 4, as those that follow; the paper gives none).
        loss: the KLD of each "map", as for every model here, or of the whole "batch" as one distribution, as
            the released code computes it: there a map with more mass weighs more.
        encoder_lr: the encoder's share of the learning rate with which training begins; what pre-training has
            taught it is moved a hundredth as fast (Sect. 4.1). From scratch it has to learn as all else does.
        bn_momentum: the share of each batch in the batch norms' running statistics; the release's is 0.001.
        batch_norm_parts: parts of a batch that batch norms see apart in training, of which the first is
            remembered: as on so many GPUs that share it, two where the release was trained.

    Raises:
        ConfigError: listing everything that is not allowed.
    """

    clip_length: int = 32
    height: int = 224
    width: int = 384
    aggregation: str = "released"
    upsampling: str = "unpooling"
    loss: str = "map"
    encoder_lr: float = 0.01
    bn_momentum: float = 0.001
    batch_norm_parts: int = 1

    def faults(self) -> Iterator[Fault]:
        """List the fields whose values cannot work, with what is expected of them."""
        if self.clip_length not in LENGTHS:
            yield "clip_length", f"one of {', '.join(map(str, LENGTHS))}"
        for name in ("height", "width"):
            if getattr(self, name) < 32 or getattr(self, name) % 32:
                yield name, "a positive multiple of 32"
        words = {"aggregation": AGGREGATIONS, "upsampling": UPSAMPLINGS, "loss": ("map", "batch")}
        for name, allowed in words.items():
            if getattr(self, name) not in allowed:
                yield name, f"one of {', '.join(allowed)}"
        if not self.encoder_lr > 0:
            yield "encoder_lr", "more than 0"
        if not 0 < self.bn_momentum <= 1:
            yield "bn_momentum", "more than 0 and at most 1"
        if self.batch_norm_parts < 1:
            yield "batch_norm_parts", "1 or more"

    @property
    def input(self) -> Input:
        """T consecutive frames, of which the last is answered (Sect. 3.1)."""
        return Input(self.clip_length, self.height, self.width)

    @property
    def features(self) -> dict[str, Feature]:
        """The encoder's features after each pool and at its end, their means over time."""
        shapes = feature_shapes(self.clip_length, self.height, self.width)
        return {str(level): Feature(c, h, w) for level, (c, _, h, w) in shapes.items()}

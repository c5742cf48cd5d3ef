"""What shapes an HD2S, and what it reads, answers and offers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from math import prod

from hd2s.layers.features import Feature
from hd2s.layers.s3d.shapes import feature_shapes
from hd2s.models.config import Fault, Input, ModelConfig

# Per level, the widths of a domain classifier's 1×1 convolutions and of its hidden layers (Sect. 3.5).
_CLASSIFIERS = {
    1: ((64, 32, 4), (512, 128, 32)),
    2: ((64, 4), (64, 16)),
    3: ((128, 16), (64, 16)),
    4: ((512, 64, 16), (64, 16)),
}
_DIVISORS = {"clip_length": 8, "height": 32, "width": 32}
_OF_DOMAINS = ("priors", "batch_norm", "smoothing", "fusion", "domain_bn_momentum", "max_sigma", "quantise")


@dataclass(frozen=True)
class HD2SConfig(ModelConfig):
    """What shapes an HD2S; the defaults are the paper's.

    Attributes:
        clip_length: T, divisible by 8.
        height: in pixels, divisible by 32.
        width: in pixels, divisible by 32.
        conspicuity: the levels that are decoded, ascending; the map of a single one is the saliency map,
            without fusion (the encoder-decoder baselines of Tables 3 and 4).
        bn_momentum: the share of each batch in the running statistics of the batch norms that the authors set
            to 0.001: those of the backbone, of temporal removal and of the first convolution of each decoder
            stage. All others keep PyTorch's 0.1. After a few dozen steps 0.001 leaves the statistics near
            their initial values and evaluation meaningless, so that a short profile asks for 0.1 here too.
        fusion_gain: g > 0 starts the fusion at the mean m of the conspicuity maps, steepened:
            sigmoid(4g(m - ½)). 0 leaves it to PyTorch's initialisation, whose weights may be negative; a
            short profile cannot wait until their signs have turned.
        domains: the corpora of domain-specific learning (Sect. 3.6), each with parts of its own; none
            without. What follows says which parts, and means nothing without domains.
        priors: prior maps.
        batch_norm: the batch norms of the decoders.
        smoothing: a Gaussian filter of learnt width behind the fused map.
        fusion: the fusion.
        domain_bn_momentum: the share of each batch in a domain's running statistics. The authors set it to
            0.01, and eps to 1e-5, for every batch norm of the decoders: `bn_momentum` holds for the shared
            ones.
        max_sigma: in pixels: sizes the smoothing's kernel, 6·`max_sigma` rounded up to an odd number, and its
            first σ, `max_sigma` / 2. The released training sets 10; the released test leaves it at 11, by
            which maps of σ under 6 differ by less than 1e-6.
        quantise: rounds the fused map down to 255 levels before it is smoothed, as the released code does. No
            gradient passes, so that the fusion keeps its first weights, where the paper learns them.

    Raises:
        ConfigError: listing everything that is not allowed.
    """

    clip_length: int = 16
    height: int = 128
    width: int = 192
    conspicuity: tuple[int, ...] = (1, 2, 3, 4)
    bn_momentum: float = 0.001
    fusion_gain: float = 0.0
    domains: tuple[str, ...] = ()
    priors: bool = True
    batch_norm: bool = True
    smoothing: bool = True
    fusion: bool = True
    domain_bn_momentum: float = 0.01
    max_sigma: float = 10.0
    quantise: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.domains:
            # What means nothing makes no difference: models that differ in it alone are one.
            for each in fields(self):
                if each.name in _OF_DOMAINS:
                    object.__setattr__(self, each.name, each.default)

    def faults(self) -> Iterator[Fault]:
        """List the fields whose values cannot work, with what is expected of them."""
        for name, step in _DIVISORS.items():
            if getattr(self, name) < step or getattr(self, name) % step:
                yield name, f"a positive multiple of {step}"
        levels = self.conspicuity
        if not levels or list(levels) != sorted({1, 2, 3, 4}.intersection(levels)):
            yield "conspicuity", "levels out of 1, 2, 3, 4, ascending"
        for name in ("bn_momentum", "domain_bn_momentum"):
            if not 0 < getattr(self, name) <= 1:
                yield name, "more than 0 and at most 1"
        if not self.fusion_gain >= 0:
            yield "fusion_gain", "0 or more"
        if not self.max_sigma > 0:
            yield "max_sigma", "more than 0, in pixels"
        names = [name.lower() for name in self.domains]
        if len(set(names)) < len(names) or not all(name.isidentifier() for name in names):
            yield "domains", "names of letters, digits and underscores, distinct whatever their case"

    @property
    def input(self) -> Input:
        """T consecutive frames, of which the last is answered (Sect. 3.1)."""
        return Input(self.clip_length, self.height, self.width)

    @property
    def level_shapes(self) -> dict[int, tuple[int, int, int, int]]:
        """Decoded level → (C, T, H, W) of its features, before temporal removal."""
        shapes = feature_shapes(self.clip_length, self.height, self.width)
        return {level: shapes[level] for level in self.conspicuity}

    @property
    def features(self) -> dict[str, Feature]:
        """The decoded levels' features after temporal removal, on which the domains are told apart."""
        shapes = self.level_shapes.items()
        return {str(level): Feature(c, h, w, *_CLASSIFIERS[level]) for level, (c, _, h, w) in shapes}

    @property
    def learns_smoothing(self) -> bool:
        """Whether domains have filters of their own."""
        return bool(self.domains) and self.smoothing

    @property
    def smallest_batch(self) -> int:
        """2 where a backbone's last features, or a decoded level's after temporal removal, are one value."""
        _, *last = feature_shapes(self.clip_length, self.height, self.width)[4]
        decoded = [shape[2:] for shape in self.level_shapes.values()]
        return 2 if 1 in map(prod, (last, *decoded)) else 1

    def domain_of(self, corpus: str) -> str | None:
        """Return the corpus itself if it is one of the domains."""
        return corpus if corpus in self.domains else None

"""TASED-Net, a temporally-aggregating spatial encoder-decoder network (Min and Corso, ICCV 2019)."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from hd2s.layers.batch_norm import split_batch_norms
from hd2s.layers.convolution import max_pool3d
from hd2s.layers.folded import Casting
from hd2s.layers.s3d.network import S3D
from hd2s.losses import kld
from hd2s.models.clips import check_clips
from hd2s.models.contract import ParameterGroup, Prediction, SaliencyModel
from hd2s.models.tased.config import TasedConfig
from hd2s.models.tased.decoder import PredictionNetwork
from hd2s.models.tased.fast import FastTased
from hd2s.models.tased.unpooling import auxiliary_places, pool_places


class Tased(SaliencyModel):
    """S3D as the encoder, and a prediction network that unpools by the places of the encoder's maxima."""

    config: TasedConfig
    memory_format = torch.channels_last_3d

    def __init__(self, config: TasedConfig):
        super().__init__(config)
        self.backbone = S3D(bn_momentum=config.bn_momentum)
        self.prediction = PredictionNetwork(config)
        if config.batch_norm_parts > 1:
            split_batch_norms(self, config.batch_norm_parts)

    def forward(self, clips: Tensor, domain: str | None = None, *, unlabelled: bool = False) -> Prediction:
        """Predict the saliency of the last frame of each clip, in (0, 1).

        Args:
            clips: (B, 3, T, H, W), RGB, float in [-1, 1].
            domain: ignored.
            unlabelled: they have no ground truth: in training the prediction network sees them (its batch
                norms as well), and no gradient is kept.

        Returns:
            `saliency` (B, 1, H, W); `features`: level → (B, C, H, W), means over time.

        Raises:
            ValueError: clips of another size than the model's.
        """
        del domain
        check_clips(clips, self.config.input)
        levels, places, sizes = self.encode(clips.contiguous(memory_format=self.memory_format))
        with torch.set_grad_enabled(torch.is_grad_enabled() and not unlabelled):
            logits = self.prediction(levels["4"], places, sizes)
        return Prediction(
            logits.sigmoid()[:, None], features={level: x.mean(2) for level, x in levels.items()}
        )

    def encode(self, clips: Tensor) -> tuple[dict[str, Tensor], list[Tensor], list[tuple[int, int]]]:
        """Return what the prediction network needs.

        Returns:
            The features after each pool, levels 1 to 3, and at the end, level 4; and of the three pools that
            are undone, deepest first, the places of the maxima and the sizes of the frames that they lie in.
        """
        net = self.backbone
        y3 = net.block2(net.pool1(net.block1(clips)))
        level1 = net.pool2(y3)
        y2 = net.block3(level1)
        level2 = net.pool3(y2)
        y1 = max_pool3d(net.block4(level2), (2, 1, 1), (2, 1, 1), (0, 0, 0))
        level3, i0 = pool_places(y1, 2, 2, 0)
        i1, i2 = auxiliary_places(y2), auxiliary_places(y3)
        levels = {"1": level1, "2": level2, "3": level3, "4": net.block5(level3)}
        return levels, [i0, i1, i2], [(y.shape[3], y.shape[4]) for y in (y1, y2, y3)]

    def losses(
        self, prediction: Prediction, maps: Tensor, *, auxiliary: bool = True, fixations: Tensor | None = None
    ) -> dict[str, Tensor]:
        """Return the KLD of each map (Sect. 4.1), or the released code's: the batch as one distribution."""
        if self.config.loss == "map":
            return super().losses(prediction, maps, auxiliary=auxiliary, fixations=fixations)
        whole = prediction.saliency.flatten(0, -2)
        return {"kld/saliency": kld(whole, maps.expand_as(prediction.saliency).flatten(0, -2))}

    def parameter_groups(self) -> list[ParameterGroup]:
        """Return the encoder, whose learning rate is a share and stays, and the rest (Sect. 4.1)."""
        encoder = ParameterGroup(list(self.backbone.parameters()), lr=self.config.encoder_lr, scheduled=False)
        return [encoder, ParameterGroup(list(self.prediction.parameters()))]

    def stream(self, cast: Casting) -> FastTased:
        """Return the model folded, computing once what neighbouring windows share."""
        return FastTased(self, cast)

    def blocks(self) -> Iterator[nn.Module]:
        """Yield the convolutions of the encoder and of the prediction network, by stages."""
        for stage in range(1, 6):
            yield from getattr(self.backbone, f"block{stage}")
        yield self.prediction.redistribution
        yield from self.prediction.stages
        yield from self.prediction.aggregation

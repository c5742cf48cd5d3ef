"""The files of S3D trained on Kinetics-400 that a model with it as its `backbone` may start from."""

from __future__ import annotations

from hd2s.layers.s3d.weights import (
    KINETICS_CLASSIFIER,
    TORCHVISION_CLASSIFIER,
    kinetics_names,
    torchvision_names,
)
from hd2s.models.declaration import WeightLayout

S3D_LAYOUTS = (
    WeightLayout(
        word="kinetics",
        title="S3D on Kinetics-400 in its author's layout (base.…)",
        prefix="base.",
        names=lambda model: kinetics_names(model.backbone, "backbone."),
        fills=False,
        ignored=(KINETICS_CLASSIFIER,),
        had_from="https://github.com/kylemin/S3D: Google Drive, without a request (33 MB, MIT licence)",
    ),
    WeightLayout(
        word="torchvision",
        title="S3D on Kinetics-400 in torchvision's layout (features.…)",
        prefix="features.",
        names=lambda model: torchvision_names(model.backbone, "backbone."),
        fills=False,
        ignored=(TORCHVISION_CLASSIFIER,),
        had_from="https://docs.pytorch.org/vision/stable/models/generated/torchvision.models.video.s3d.html:"
        " torchvision's S3D_Weights.KINETICS400_V1 (32 MB)",
    ),
)

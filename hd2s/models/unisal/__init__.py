"""UNISAL, unified image and video saliency modelling (Droste, Jiao and Noble, ECCV 2020)."""

from hd2s.models.declaration import Model
from hd2s.models.tested import PredictionProtocol
from hd2s.models.unisal.config import UnisalConfig
from hd2s.models.unisal.departures import DEPARTURES
from hd2s.models.unisal.held_out import HELD_OUT
from hd2s.models.unisal.published import LAYOUTS
from hd2s.registry import Later

MODEL = Model(
    word="unisal",
    title="UNISAL",
    config=UnisalConfig,
    build=Later("hd2s.models.unisal.model", "Unisal"),
    has_blocks=True,
    # Sect. 4.1, which clips gradients "to ±2"; that of their norm is the released code's way.
    settings={
        "train.optimiser": "sgd",
        "train.momentum": 0.9,
        "train.lr": 0.04,
        "train.weight_decay": 1e-4,
        "train.micro_batch": 4,
        "train.accumulate": 1,
        "train.photograph_batch": 32,
        "train.clip_gradient": 2.0,
        "train.lr_decay": 0.8,
        "train.epochs": 16,
    },
    # The true network at a size that two CPU cores train in seconds, from scratch: what the encoder's batch
    # norms have to know of frames it must learn then, like all else.
    demo={
        "model.clip_length": 4,
        "model.step": 2,
        "model.height": 64,
        "model.width": 64,
        "model.inputs": (
            *("DHF1K=64x96/2", "Hollywood2=64x96/2", "UCFSports=64x64/2"),
            *("SALICON=64x96/1", "MIT1003=64x64/1", "MIT300=64x64/1"),
        ),
        # Those of the released code are for photographs and maps of its own sizes.
        "model.photograph_sizes": "one",
        "model.target_size": "input",
        "model.encoder_statistics": "learned",
        "model.encoder_lr": 1.0,
        "model.bn_momentum": 0.1,
        # Of the source videos that the released code validates on the demo generates none of Hollywood2.
        "train.splits": "corpus",
        "train.epochs": None,
        "train.photograph_batch": None,
        "train.optimiser": "adam",
        "train.lr": 0.003,
        "train.lr_decay": 1.0,
    },
    prediction={
        "paper": PredictionProtocol(),
        "released": PredictionProtocol(truncate=True, resizing="pil-lanczos"),
    },
    of_protocol={
        "released": {
            "": {
                "model.loss": "released",
                "model.encoder_weight_decay": 0.1,
                "model.photograph_lr": 1.0,
                "model.short_clips": "released",
                "model.framing": "released",
                "model.photograph_sizes": "released",
                "model.target_size": "released",
                "train.gradients": "sum",
                "train.fixations": "nearest",
                "train.sampling": "passes",
                "train.mirrored": False,
                "train.resizing": "pil-lanczos",
                "train.validation_protocol": "released",
                "train.validation_windows": 2,
                "train.validation_starts": "released",
                "train.validation_loss": "training",
                "train.validation_source": "DHF1K",
                "train.validation_from": 3,
                "train.splits": "released",
            }
        }
    },
    held_out=HELD_OUT,
    layouts=LAYOUTS,
    cite="Droste, Jiao and Noble, ECCV 2020, arXiv 2003.05477",
    departures=DEPARTURES,
)

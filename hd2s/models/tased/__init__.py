"""TASED-Net, a temporally-aggregating spatial encoder-decoder network (Min and Corso, ICCV 2019)."""

from hd2s.models.declaration import Model
from hd2s.models.tased.config import TasedConfig
from hd2s.models.tased.departures import DEPARTURES
from hd2s.models.tased.published import LAYOUTS
from hd2s.models.tested import PredictionProtocol
from hd2s.registry import Later

MODEL = Model(
    word="tased",
    title="TASED-Net",
    config=TasedConfig,
    build=Later("hd2s.models.tased.model", "Tased"),
    has_blocks=True,
    # Sect. 4.1, which gives the two drops for T = 32. The weight decay is the released script's alone.
    settings={
        "train.optimiser": "sgd",
        "train.momentum": 0.9,
        "train.lr": 0.1,
        "train.lr_decay": 0.1,
        "train.lr_milestones": [750, 950],
        "train.weight_decay": 2e-7,
        "train.micro_batch": 8,
        "train.accumulate": 5,
        "train.iterations": 1000,
        "train.finetune_iterations": 1000,
        # Sect. 4.3, of videos of fewer than 2T − 1 frames. How those are validated on it does not say.
        "test.short_clips": "looped",
    },
    # The true network at its smallest length and a size that two CPU cores train in seconds, from scratch.
    demo={
        "model.clip_length": 16,
        "model.height": 64,
        "model.width": 64,
        "model.bn_momentum": 0.1,
        "model.encoder_lr": 1.0,
        # The authors' 7 pixels of 224 x 384, at this size.
        "test.smoothing_sigma": 2.0,
        "train.optimiser": "adam",
        "train.lr": 0.003,
        "train.lr_milestones": [],
    },
    # The paper does not speak of smoothing; the released example smooths by 7 pixels, and rounds maps down to
    # 8 bits before and after. Of clips under 2T − 1 frames, which it leaves out, its author says (in a public
    # thread) to begin them again until they are long enough, as the paper's tests do.
    prediction={
        "paper": PredictionProtocol(smoothing_sigma=7.0),
        "released": PredictionProtocol(
            smoothing_sigma=7.0,
            quantise=True,
            truncate=True,
            short_clips="looped",
            resizing="opencv-bilinear",
        ),
    },
    of_protocol={
        "released": {
            "": {
                "model.loss": "batch",
                "model.batch_norm_parts": 2,
                "train.gradients": "sum",
                "train.resizing": "opencv-bilinear",
                "train.sampling": "passes",
                "train.selection": "last",
                "train.validation_protocol": "released",
            }
        }
    },
    layouts=LAYOUTS,
    cite="Min and Corso, ICCV 2019, arXiv 1908.05786",
    departures=DEPARTURES,
)

"""HD2S, hierarchical decoding for dynamic saliency (Bellitto et al., IJCV 2021)."""

from hd2s.models.declaration import Model, Traffic
from hd2s.models.hd2s.config import HD2SConfig
from hd2s.models.hd2s.departures import DEPARTURES
from hd2s.models.hd2s.published import LAYOUTS
from hd2s.models.tested import PredictionProtocol
from hd2s.registry import Later

MODEL = Model(
    word="hd2s",
    title="HD2S",
    config=HD2SConfig,
    build=Later("hd2s.models.hd2s.model", "HD2S"),
    has_blocks=True,
    # Sect. 4.2.
    settings={
        "train.optimiser": "adam",
        "train.lr": 1e-3,
        "train.weight_decay": 2e-7,
        "train.micro_batch": 8,
        "train.accumulate": 25,
        "train.iterations": 2500,
        "train.finetune_iterations": 2500,
    },
    # The true network at a size that two CPU cores train in seconds, from scratch.
    demo={
        "model.clip_length": 8,
        "model.height": 64,
        "model.width": 64,
        "model.bn_momentum": 0.1,
        "model.fusion_gain": 2.0,
        # The paper's 5 pixels of 128 x 192, at this size.
        "test.smoothing_sigma": 2.0,
        "train.lr": 0.003,
    },
    # The released code predicts the first T−1 frames from windows whose colour channels are reversed instead
    # of their time, and of a clip under 2T−1 frames all those whose window would end beyond it from its last
    # one (it appends frames, but makes no windows of them; under T frames it fails). It rounds maps down to
    # 8 bits before a Gaussian of 7 px and again after it, and resizes what it validates and tests on by
    # OpenCV's bicubic rule.
    prediction={
        "paper": PredictionProtocol(smoothing_sigma=5.0),
        "released": PredictionProtocol(
            smoothing_sigma=7.0,
            head="colours reversed",
            quantise=True,
            short_clips="last window",
            truncate=True,
            resizing="opencv-bicubic",
        ),
    },
    # Of the released training scripts: the base model's, and where those of adaptation and of
    # domain-specific learning are otherwise.
    of_protocol={
        "released": {
            "": {
                "model.quantise": True,
                "train.micro_batch": 16,
                "train.accumulate": 25,
                "train.iterations": 5000,
                "train.gradients": "sum",
                "train.resizing": "opencv-bilinear",
                "train.sampling": "passes",
                "train.validation_protocol": "released",
                "train.validation_clips": "random half",
            },
            "domain-specific": {"train.micro_batch": 8},
            "adaptation": {
                "train.micro_batch": 8,
                "train.iterations": 2500,
                "train.validation_clips": "all",
                "train.pretrained": False,
            },
        }
    },
    layouts=LAYOUTS,
    aliases={
        "hd2s_da": {},
        "hd2s_dsl": {"domains": ("DHF1K", "Hollywood2", "UCFSports")},
        "hd2s_calibrated": {},
    },
    # In bfloat16, from calculated limits at 4.8 TB/s: 4,650 clips of 64.2 GFLOP a second in training, run
    # layer by layer, and 34,600 windows of 22.0 GFLOP in prediction, with batch norms folded and ReLUs
    # fused. Taken to be the same for other sizes.
    traffic=Traffic(training=4.8e12 / (4650 * 64.2e9), prediction=4.8e12 / (34600 * 22.0e9)),
    cite="Bellitto et al., IJCV 2021, arXiv 2010.01220",
    departures=DEPARTURES,
)

"""What UNISAL does here by default otherwise than its paper (Droste, Jiao and Noble, ECCV 2020) says."""

from hd2s.models.departures import PRECISION, Departure

DEPARTURES = (
    PRECISION,
    Departure(
        "The network is the released one, whose weights load: Skip-2x has 320 hidden channels (256 in the"
        " paper's Table 1), Post-US2 192 and then 384 (200 and 400), a prior's exponent a factor of ½ (none"
        " in Eq. 1), and each convolution of the recurrence a batch norm and a scale behind it; Post-CNN's"
        " batch norms are all domains', and the fusion has none."
    ),
    Departure(
        "Frames are squashed to the input's size, and maps are of that size; the paper does not say.",
        when={"model.framing": "squashed", "model.target_size": "input"},
    ),
    Departure(
        "Gradients are clipped by their norm together, as in the released code; the paper clips them to ±2.",
        when={"train.clip_gradient": 2.0},
    ),
    Departure(
        "Windows are drawn anew each step, with replacement, as for all models; the released code takes each"
        " clip once in an epoch, as train.sampling=passes does.",
        when={"train.sampling": "anew"},
    ),
    Departure(
        "Half of the windows are mirrored, as for all models; the paper speaks of no augmentation, and the"
        " released code has none. train.mirrored=false mirrors none.",
        when={"train.mirrored": True},
    ),
    Departure(
        "The lowest validation KLD on every frame of the first source's clips selects the weights; the paper"
        " stops early on DHF1K's validation set.",
        when={"train.selection": "validation", "train.validation_loss": "kld"},
    ),
    Departure(
        "Of DHF1K's 600 training videos 60 validate, and of SALICON's 10,000 training photographs 1,000: the"
        " validation sets, which the paper keeps for that, are the test sets here, since those have no public"
        " annotations."
    ),
)

"""What UNISAL does here by default otherwise than its paper (Droste, Jiao and Noble, ECCV 2020) says."""

from hd2s.models.departures import PRECISION, Departure

DEPARTURES = (
    PRECISION,
    Departure(
        "Gradients are clipped by their norm together, as in the released code; the paper clips them to ±2.",
        when={"train.clip_gradient": 2.0},
    ),
    Departure(
        "Windows are drawn anew each step, with replacement, and mirrored half of the time, as for all"
        " models; the released code takes each clip once in an epoch, and mirrors none."
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

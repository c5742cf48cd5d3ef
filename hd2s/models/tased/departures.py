"""What TASED-Net does here by default otherwise than its paper (Min and Corso, ICCV 2019) or its code."""

from hd2s.models.departures import PRECISION, Departure

DEPARTURES = (
    PRECISION,
    Departure(
        "The weights of the lowest validation KLD are kept, as every model's are; the paper validates to"
        " decide when the learning rate drops, the released script never.",
        when={"train.selection": "validation"},
    ),
    Departure(
        "The KLD is each map's, and gradients of micro-batches are averaged; the released code takes the KLD"
        " over the batch and sums. train.protocol=released does so.",
        when={"train.gradients": "mean"},
    ),
    Departure(
        "Of DHF1K's 600 training videos 60 validate; the paper trains on all, and validates on the validation"
        " set, which is the test set here, since that has no public annotations."
    ),
)

"""What TASED-Net does here by default otherwise than its paper (Min and Corso, ICCV 2019) or its code."""

from hd2s.models.departures import MIRRORED, PRECISION, Departure
from hd2s.models.tased.config import AGGREGATIONS

DEPARTURES = (
    PRECISION,
    MIRRORED,
    Departure(
        "The last stage is the released network's, whose weights load: time is summed up between the two last"
        " doublings; in the paper's network, which its numbers are of, it is after each of them"
        " (model.aggregation=late two-step).",
        when={"model.aggregation": "released"},
    ),
    Departure(
        "The paper's own aggregations have the released network's widths, 64 and 4 channels: the paper gives"
        " its own in a supplement.",
        when={"model.aggregation": frozenset(AGGREGATIONS) - {"released"}},
    ),
    Departure(
        "The learning rate drops after 750 and 950 iterations whatever T is; the paper drops it where the"
        " validation stalls, and gives these numbers for T = 32. train.lr_milestones sets others.",
        when={"train.lr_curve": "steps", "train.lr_milestones": (750, 950)},
    ),
    Departure(
        "Maps are smoothed by a Gaussian of 7 pixels of 224 × 384, as in the released example; the paper"
        " speaks of no smoothing. test.smoothing_sigma sets others.",
        when={"test.protocol": "paper", "test.smoothing_sigma": 7.0},
    ),
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
    Departure(
        "Transfer learning fine-tunes for 1,000 iterations from a learning rate of 0.1 on, as DHF1K is"
        " trained on; the paper has no numbers for it. train.finetune_iterations and train.finetune_lr set"
        " others.",
        when={"approach": "transfer", "train.iterations": 1000, "train.lr": 0.1},
    ),
)

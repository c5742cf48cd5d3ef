"""What HD2S does here by default otherwise than its paper (Bellitto et al., IJCV 2021) or its released code.

The one list of it: a grid's first table and the README say what stands here.
"""

from hd2s.models.departures import MIRRORED, PRECISION, Departure

DEPARTURES = (
    PRECISION,
    MIRRORED,
    Departure(
        "The gradients of an iteration's micro-batches, 25 by default, are averaged, since their mean is the"
        " gradient of the one batch of 200 that Sect. 4.2 describes; the released code sums them. To Adam"
        " only its epsilon and the weight decay then weigh 25 times less. train.protocol=released sums.",
        when={"train.gradients": "mean"},
    ),
    Departure(
        "The final Gaussian's 5 pixels (Sect. 3.1) are pixels of the 128 × 192 map: the paper does not say of"
        " which map, and the released code smooths (by 7) at that size. test.smoothing_sigma sets others.",
        when={"test.protocol": "paper", "test.smoothing_sigma": 5.0},
    ),
    Departure(
        "The domain classifiers have a dropout of 0.5 after each hidden layer but the first, as the released"
        " code has; the paper speaks of none.",
        when={"approach": "adaptation"},
    ),
    Departure(
        "With gradient reversal the domain losses reach the feature extractor, through the reversal, as"
        " Sect. 3.5 and Eq. 3 say and the released code does; Sect. 4.2 says that its batches update the"
        " domain classifier only.",
        when={"approach": "adaptation"},
    ),
    Departure(
        "As in the released code, a domain has batch norms of its own in the decoders alone, a fusion of its"
        " own, and its learnt smoothing in the place of the 5 pixels'; the paper does not say which batch"
        " norms, names no fusion (Sect. 3.6), and smooths all maps by 5 pixels (Sect. 3.1).",
        when={"approach": "domain-specific"},
    ),
    Departure(
        "Transfer learning fine-tunes for 2,500 iterations at a learning rate of 1e-3, as all else is"
        " trained; the paper has no numbers for it. train.finetune_iterations and train.finetune_lr set"
        " others.",
        when={"approach": "transfer", "train.iterations": 2500, "train.lr": 1e-3},
    ),
    Departure(
        "The paper's two versions print different numbers for the same cells: of the 48 values that are both"
        " in Tables 5 and 6 and in the first version's Tables 3 to 7, 10 differ, by up to 0.010. Each table"
        " has those of the version that it is from.",
        when={"printed": True},
    ),
)

"""The smallest metric: how far the predicted peak is from the true one, in shares of the diagonal.

A table asks for it by its name: `metrics: [NSS, peak-distance]`.
"""

import math

from hd2s.metrics.definitions import Metric
from hd2s.metrics.on_processor import Frame


def peak_distance(frame: Frame) -> float:
    """Score a frame: 0 where the peaks coincide, NaN where there is none."""
    if frame.saliency.constant or frame.truth.constant:
        return math.nan
    width = frame.truth.shape[1]
    ours, theirs = (divmod(int(image.values.argmax()), width) for image in (frame.saliency, frame.truth))
    return math.dist(ours, theirs) / math.hypot(*frame.truth.shape)


METRIC = Metric("peak-distance", 0.0, 1.0, larger_is_better=False, of_frame=peak_distance)

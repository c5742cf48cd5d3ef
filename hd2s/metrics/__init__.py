"""NSS, CC, SIM, AUC-J, s-AUC and KLD: what they are, and how they are computed on processors and GPUs."""

from hd2s.metrics.definitions import BENCHMARK, METRICS
from hd2s.metrics.scores import score_frames

__all__ = ["BENCHMARK", "METRICS", "score_frames"]

"""The metrics by name: what values they take, which of them is better, and the functions that compute them.

A metric is one declaration: below, or in a module of somebody's own as ``METRIC = Metric(...)``, which
`register` adds. What they measure is told in `hd2s.metrics.scores`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from hd2s.checks import unknown
from hd2s.registry import Later

Array: TypeAlias = Any
"""NumPy's array or PyTorch's tensor, whose type is not named here lest scoring arrays load PyTorch."""


@dataclass(frozen=True)
class Convention:
    """Where Python ports of the metrics depart from the benchmark's code, whose choices are the defaults.

    Attributes:
        empty_nss: NSS of a frame without fixations; the benchmark drops such frames (NaN), UNISAL's code
            counts 1.0, ViNet++'s 0.
        auc_digits: decimals to which the rates of AUC-J's and s-AUC's curves are rounded; some ports keep 4.
        shuffled_endpoint: s-AUC's thresholds 0:0.1:max with `max`; ports by `numpy.arange` lose it.
    """

    empty_nss: float = float("nan")
    auc_digits: int | None = None
    shuffled_endpoint: bool = True


BENCHMARK = Convention()


@dataclass(frozen=True)
class Metric:
    """All that is asked of a metric.

    Attributes:
        name: as specs, columns and tables say it.
        low: its lowest value; NaN, for a frame without a score, is always possible.
        high: its highest value.
        larger_is_better: which way predictions are ranked.
        of_frame: scores a `hd2s.metrics.on_processor.Frame`: a number, NaN where it is undefined.
        of_batch: scores a `hd2s.metrics.on_gpu.Batch` of N frames: float64 (N,) on its device. None: frames
            that lie on a GPU are brought to the processor.
    """

    name: str
    low: float
    high: float
    larger_is_better: bool
    of_frame: Callable[[Any], float]
    of_batch: Callable[[Any], Array] | None = None


def register(metric: Metric) -> None:
    """Add a metric, which `score_frames` then knows by its name.

    Raises:
        ValueError: another metric has its name.
    """
    if _REGISTERED.setdefault(metric.name, metric) != metric:
        raise ValueError(f"metric {metric.name}: expected a name that is free, found another metric of it")


def find_metric(name: str) -> Metric:
    """Return a metric by its name.

    Raises:
        ValueError: there is none; it names those there are.
    """
    if name not in _REGISTERED:
        raise ValueError(unknown("metric", name, _REGISTERED))
    return _REGISTERED[name]


def known_metrics() -> tuple[str, ...]:
    """Return the names of all metrics, those that were added last."""
    return tuple(_REGISTERED)


def _declared(name: str, low: float, high: float, function: str, *, larger_is_better: bool = True) -> Metric:
    """Declare a metric whose two forms are functions of one name in `on_processor` and `on_gpu`."""
    forms = (Later(f"hd2s.metrics.{module}", function) for module in ("on_processor", "on_gpu"))
    return Metric(name, low, high, larger_is_better, *forms)


_REGISTERED = {
    metric.name: metric
    for metric in (
        _declared("NSS", -math.inf, math.inf, "nss"),
        _declared("CC", -1.0, 1.0, "cc"),
        _declared("SIM", 0.0, 1.0, "sim"),
        _declared("AUC-J", 0.0, 1.0, "auc_judd"),
        _declared("s-AUC", 0.0, 1.0, "shuffled_auc"),
        _declared("KLD", 0.0, math.inf, "kld", larger_is_better=False),
    )
}

METRICS = tuple(_REGISTERED)
"""Those by which every frame is scored unless others are asked for."""

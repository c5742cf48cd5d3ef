"""A map, prepared once for all the metrics of its frame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hd2s.metrics.vectors import dot


@dataclass(frozen=True, slots=True)
class Image:
    """One map (H, W) with its moments."""

    shape: tuple[int, int]
    values: np.ndarray
    """(H·W,) as given."""
    low: float
    high: float
    shifted: np.ndarray
    """(H·W,) float64, (`values` − `low`) / `unit`. From 0 on, its plain moments lose no digits that count."""
    unit: float
    """1, or the range of float64 values, whose squares might overflow; no metric depends on it."""
    total: float
    """Sum of `shifted`."""
    square: float
    """Sum of its squares."""

    @classmethod
    def of(cls, image: np.ndarray, room: np.ndarray | None = None) -> Image:
        """Prepare a map (H, W); `room`, float64 (H·W,), is then `shifted`.

        Raises:
            ValueError: it is not finite.
        """
        values = image.reshape(-1)
        low, high = float(values.min()), float(values.max())
        if not (np.isfinite(low) and np.isfinite(high)):
            raise ValueError("expected a finite map, found NaN or infinity; check the model's output")
        shifted, unit = np.empty(values.size) if room is None else room, 1.0
        np.copyto(shifted, values, casting="unsafe")
        if low:
            shifted -= low
        if values.dtype == np.float64 and high > low:
            unit = high - low
            shifted /= unit
        total, square = float(shifted.sum()), dot(shifted, shifted)
        # All metrics of the frame read them, perhaps somebody's own among these.
        values, shifted = (each.view() for each in (values, shifted))
        values.flags.writeable = shifted.flags.writeable = False
        return cls(image.shape, values, low, high, shifted, unit, total, square)

    @property
    def constant(self) -> bool:
        """All values are one."""
        return self.low == self.high

    @property
    def zero(self) -> bool:
        """All values are zero."""
        return self.low == self.high == 0

    @property
    def spread(self) -> float:
        """Sum of squared deviations of `shifted`."""
        return self.square - self.total * self.total / self.values.size

    def scaled(self, at: np.ndarray) -> np.ndarray:
        """Return the values at some pixels, min–max scaled: float64 (n,). Not for a constant map."""
        return (self.values[at].astype(np.float64) - self.low) / (self.high - self.low)

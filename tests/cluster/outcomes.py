"""What two runs of one grid have come to, compared."""

import time

import numpy as np
import pyarrow.parquet as pq


def assert_same_numbers(ours, theirs):
    """Compare all results in two output folders, between which only machines differ."""
    files = sorted(path.name for path in theirs.glob("results/*.parquet"))
    assert files
    assert files == sorted(path.name for path in ours.glob("results/*.parquet"))
    for name in files:
        mine, other = (pq.read_table(out / "results" / name) for out in (ours, theirs))
        assert mine.num_rows > 0
        if name.startswith("training"):
            # Bit for bit, also of a training that went on on another host.
            assert mine.equals(other), name
            continue
        for column in mine.column_names:
            _assert_same_column(mine[column].to_numpy(), other[column].to_numpy())


def _assert_same_column(ours, theirs):
    if ours.dtype.kind == "f":
        # KLD's sums are in float32, and BLAS may be told to sum otherwise by one's environment.
        np.testing.assert_allclose(ours, theirs, atol=1e-6, rtol=0)
    else:
        np.testing.assert_array_equal(ours, theirs)


def wait_for(condition, what, patience=240):
    """Wait until a condition holds."""
    deadline = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < deadline, f"no {what}"
        time.sleep(0.5)

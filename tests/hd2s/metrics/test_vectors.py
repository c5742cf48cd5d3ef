"""Products of pixels that are the same with any number of threads, and buffers of each thread's own."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from hd2s.metrics.vectors import buffer, dot, ends_of_runs
from tests.places import REPOSITORY


@pytest.mark.parametrize("n", [0, 1, 8191, 8192, 8193, 50_000])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_product_is_that_of_the_whole_vectors(n, dtype):
    a, b = np.random.default_rng(n).random((2, n)).astype(dtype)
    assert dot(a, b) == pytest.approx(float(a.astype(np.float64) @ b.astype(np.float64)), rel=1e-6)


@pytest.mark.parametrize(("values", "ends"), [([3], [0]), ([1, 1], [1]), ([1, 2, 2, 2, 5], [0, 3, 4])])
def test_equal_values_end_where_others_begin(values, ends):
    assert ends_of_runs(np.array(values)).tolist() == ends


def test_a_thread_keeps_its_buffers_of_one_size():
    first = buffer(0, 12)
    assert buffer(0, 12) is first
    assert buffer(1, 12) is not first
    assert buffer(0, 13).shape == (13,)
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(buffer, 0, 13).result() is not buffer(0, 13)


@pytest.mark.slow
def test_no_number_of_threads_changes_a_bit():
    code = """
import numpy as np
from hd2s.metrics.benchmark import score_frame
draw = np.random.default_rng(0)
size = 240, 320
prediction, truth = (draw.integers(0, 256, shape).astype(np.uint8) for shape in ((120, 160), size))
points = draw.integers(0, 240, (20, 2))
scores = score_frame(prediction, truth, points, ([points], [size]), ("a", 1))
print([value.hex() for value in scores.values()])
"""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    told = {
        subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ | dict.fromkeys(names, count),
            cwd=REPOSITORY,
            check=True,
            capture_output=True,
        ).stdout
        for count in ("1", "2")
    }
    assert len(told) == 1

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from hd2s.prediction.processor import use_processor
from tests.places import REPOSITORY

LARGE = 2**24  # values, 64 MiB

MEASURED = """
import re, resource, sys
import torch
from hd2s.prediction.processor import use_processor

if sys.argv[1] == "kept":
    use_processor(1)
def touch():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    torch.ones(int(sys.argv[2]))
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
first, second = touch(), touch()
huge = re.search(r"AnonHugePages: +(\\d+)", open("/proc/self/smaps_rollup").read())
print(first, second, huge[1])
"""


def measured(way: str) -> list[int]:
    """Return the pages that a large tensor asks for, those of a second one, and the KiB in huge pages."""
    command = [sys.executable, "-c", MEASURED, way, str(LARGE)]
    # Which a test may have set that ran before in this process.
    env = {name: value for name, value in os.environ.items() if name != "THP_MEM_ALLOC_ENABLE"}
    found = subprocess.run(command, check=True, capture_output=True, text=True, env=env, cwd=REPOSITORY)
    return [int(value) for value in found.stdout.split()]


@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux for its counts")
def test_a_tensor_s_memory_serves_the_next_one():
    pages = LARGE * 4 // 4096
    _, again, none = measured("as it is")
    assert again > pages / 2
    first, again, huge = measured("kept")
    assert again < 10
    offered = Path("/sys/kernel/mm/transparent_hugepage/enabled")
    if offered.exists() and "[never]" not in offered.read_text():
        assert first < pages / 2
        assert huge > none + LARGE * 4 // 1024 // 2


def test_threads_are_those_asked_for_and_stay_where_none_are():
    before = torch.get_num_threads()
    try:
        use_processor(3)
        assert torch.get_num_threads() == 3
        use_processor()
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)

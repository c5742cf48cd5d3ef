"""What several rooms' tests share."""

import pytest
import torch


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    """Tests run beside each other's Ray workers on few processors."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def demo_out(tmp_path_factory):
    """An output folder with the demo corpora generated and indexed, as `--demo` leaves it."""
    from grid import config
    from grid.inputs import prepare_demo

    out = tmp_path_factory.mktemp("demo-runs")
    prepare_demo(config.load([], demo=True), out, lambda text: None)
    return out


@pytest.fixture
def small_demo(demo_out, tmp_path):
    """An output folder of one's own that shares the session's corpora and manifests."""
    out = tmp_path / "out"
    out.mkdir()
    for name in ("corpora", "manifests"):
        (out / name).symlink_to(demo_out / name)
    return out

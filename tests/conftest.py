"""What several rooms' tests share."""

import gc
import os
import signal
import subprocess
import sys
from operator import attrgetter

import pytest

# A shell has what it starts in the background ignore interruptions, and so would the commands under test.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(wrapper=True)
def pytest_collection():
    """Look for no garbage while all is imported: it stays, and later nobody looks through it."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(items):
    """Begin with the longest: of two processes none is to wait for it at the end."""
    items.sort(key=lambda item: item.path.name != "test_readme_commands.py")


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    """Tests run beside each other's Ray workers on few processors."""
    import torch  # seconds, which the process that only hands out the tests does without

    torch.set_num_threads(1)


_REGISTRIES = {
    "hd2s.models.registry": "MODELS.plugged_in",
    "hd2s.approaches.registry": "APPROACHES.plugged_in",
    "hd2s.metrics.definitions": "_REGISTERED",
    "datasets.corpora.registry": "_registered",
    "grid.specs.plugins": "_ORIGINS",
}


@pytest.fixture(autouse=True)
def registries():
    """What one test plugs in is unknown to the next."""
    loaded = ((sys.modules[name], place) for name, place in _REGISTRIES.items() if name in sys.modules)
    found = [attrgetter(place)(module) for module, place in loaded]
    known = [(registry, dict(registry)) for registry in found]
    yield
    for registry, before in known:
        registry.clear()
        registry.update(before)


@pytest.fixture
def tiny_disk(tmp_path):
    """Mount a disk of a size such as "120k", where one may be mounted, and return its folder."""
    folder = tmp_path / "disk"

    def mount(size):
        folder.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
        if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode != 0:
            pytest.skip("no disk can be mounted here")
        return folder

    yield mount
    if folder.is_mount():
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture(scope="session")
def demo_out(tmp_path_factory):
    """An output folder with the demo corpora generated and indexed, as `--demo` leaves it."""
    from grid.planning.demo import prepare_demo
    from grid.specs import settings_reader

    out = tmp_path_factory.mktemp("demo-runs")
    prepare_demo(settings_reader.load([], demo=True), out, lambda text: None)
    return out


@pytest.fixture
def small_demo(demo_out, tmp_path):
    """An output folder of one's own that shares the session's corpora and manifests."""
    out = tmp_path / "out"
    out.mkdir()
    for name in ("corpora", "manifests"):
        (out / name).symlink_to(demo_out / name)
    return out


@pytest.fixture(scope="module")
def server():
    """What stands after a folder in a url of an S3-compatible server's bucket."""
    from tests.grid.buckets import bucket

    with bucket() as where:
        yield where


@pytest.fixture(params=["file", "s3"])
def url(request, tmp_path):
    """A storage that is empty."""
    if request.param == "file":
        return f"file://{tmp_path}/store"
    return f"s3://bucket/{tmp_path.name}{request.getfixturevalue('server')}"


@pytest.fixture
def node(monkeypatch, tmp_path):
    """Be one machine or another of a cluster."""
    from datasets.remote import LOCAL

    def be(name):
        monkeypatch.setenv(LOCAL, str(tmp_path / name))

    be("first")
    return be

"""A user's laptop and three hosts, and the reason why there are none."""

import pytest

from tests.cluster.hosts import Hosts, missing, namespaces


@pytest.fixture(scope="module")
def hosts(tmp_path_factory):
    """Two workers and a head, in a new world; nothing of it is left afterwards."""
    if reason := missing():
        pytest.skip(reason)
    with Hosts(tmp_path_factory.mktemp("hosts"), 3) as running:
        yield running
    assert [pid for name in running.addresses for pid in running.processes(name)] == []
    assert not any(name in namespaces() for name in running.addresses)

"""Ray on this machine alone: who reaches it, how often it is started, and what becomes of its end."""

import os
import socket
import subprocess
import sys
import threading
from types import SimpleNamespace

import pytest
from ray._private.node import Node
from ray.exceptions import ActorDiedError, NodeDiedError, RaySystemError, RayTaskError
from ray.tune.execution.tune_controller import _get_max_pending_trials

from grid.running.ray_cluster import ray_session as cluster
from manifests.problem import LostError


@pytest.mark.parametrize(
    ("address", "local"), [("", True), ("local", True), (" local ", True), ("auto", False), ("h:1", False)]
)
def test_local_is_rays_word_for_this_machine(monkeypatch, address, local):
    monkeypatch.setenv("RAY_ADDRESS", address)
    assert cluster.is_local() is local


@pytest.mark.parametrize(
    ("raised", "tries"),
    [
        (["The current node timed out during startup."], 2),
        (["The current node timed out during startup."] * 3, 4),
        (["The current node timed out during startup."] * 4, 4),
        (["No space left on device"], 1),
    ],
)
def test_a_start_that_comes_too_late_for_ray_is_tried_again(monkeypatch, raised, tries):
    errors, tried, left, ended = [Exception(text) for text in raised], [], [], []

    class Started(Node):
        def __init__(self):
            if errors:
                raise errors.pop(0)

        def kill_all_processes(self, check_alive, allow_graceful):
            ended.append(len(tried))

    def start(**options):
        tried.append(options)
        Started()

    monkeypatch.setattr("ray.init", start)
    monkeypatch.setattr("ray.shutdown", lambda: left.append(len(tried)))
    if len(raised) < tries:
        cluster._start(address="local")
    else:
        with pytest.raises(Exception, match=raised[0]):
            cluster._start(address="local")
    assert tried == [{"address": "local"}] * tries
    assert left == ended == [*range(1, tries)], "what one has started is ended before the next"


@pytest.fixture
def processes(monkeypatch):
    """What Ray has started here: processes that only wait."""
    from ray._private import worker

    names = ("raylet", "gcs_server", "monitor")
    found = {
        name: subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) for name in names
    }
    started = {name: [SimpleNamespace(process=process)] for name, process in found.items()}
    monkeypatch.setattr(worker, "_global_node", SimpleNamespace(all_processes=started))
    yield found
    for process in found.values():
        process.kill()
        process.communicate()


@pytest.mark.parametrize("name", ["raylet", "gcs_server"])
def test_the_end_of_ray_is_noticed_once_and_the_rest_of_it_is_ended(processes, name):
    """All units of a grid were recorded as failed then, or its driver was aborted a minute later."""
    heard, noticed = [], threading.Event()

    def lost(why):
        heard.append(why)
        noticed.set()

    with cluster._watched(lost):
        processes[name].kill()
        assert noticed.wait(20)
    assert heard == [f"Ray's {name} has ended"]
    assert all(process.wait(20) for process in processes.values())


def test_an_error_that_came_of_it_is_not_taken_for_the_works(processes):
    heard = []
    with pytest.raises(RuntimeError), cluster._watched(heard.append):
        processes["raylet"].kill()
        processes["raylet"].wait()
        raise RuntimeError
    assert heard == ["Ray's raylet has ended"]


def test_an_end_that_its_clients_hear_of_first_is_waited_for(processes):
    heard = []
    with pytest.raises(ActorDiedError), cluster._watched(heard.append):
        threading.Timer(1.5, processes["raylet"].kill).start()
        raise ActorDiedError
    assert heard == ["Ray's raylet has ended"]


def test_a_cluster_that_does_not_answer_any_more_is_noticed_and_one_that_pauses_is_not(monkeypatch):
    """Ray's client ended the driver after a minute then, with status 1 and without a word."""
    monkeypatch.setattr(cluster, "_LISTENED_EVERY_S", 0.02)
    monkeypatch.setattr(cluster, "_SILENT_S", 1.0)
    heard, noticed = [], threading.Event()

    def lost(why):
        heard.append(why)
        noticed.set()

    def opened(port=0):
        return socket.create_server(("127.0.0.1", port))

    store = opened()
    address = "{}:{}".format(*store.getsockname())
    monkeypatch.setenv("RAY_ADDRESS", address)
    monkeypatch.setattr("ray.get_runtime_context", lambda: SimpleNamespace(gcs_address=address))
    with cluster._listened_to(lost):
        store.close()
        assert not noticed.wait(0.3)
        store = opened(int(address.rpartition(":")[2]))
        assert not noticed.wait(1.5)
        store.close()
        assert noticed.wait(20)
    assert len(heard) == 1
    assert heard[0].startswith(f"RAY_ADDRESS={address} has not answered for 1 s (")
    monkeypatch.setenv("RAY_ADDRESS", f"ray://{address}")
    with cluster._listened_to(pytest.fail):
        pass


@pytest.mark.parametrize(
    ("raised", "lost"),
    [
        (NodeDiedError("the head\nis gone"), True),
        (RaySystemError("Broken pipe"), True),
        (RayTaskError("f", "Traceback: ...", ValueError("ours")), False),
        (ValueError("ours"), False),
    ],
)
def test_an_error_of_rays_own_is_the_loss_of_it_and_any_other_stays_what_it_is(monkeypatch, raised, lost):
    """A grid ended with a traceback then, and as one of whose cells some had failed."""
    monkeypatch.setenv("RAY_ADDRESS", "10.0.0.1:6379")
    with pytest.raises(LostError if lost else type(raised)) as caught, cluster._goes_on():
        raise raised
    if lost:
        (problem,) = caught.value.problems
        assert problem.where == "RAY_ADDRESS=10.0.0.1:6379"
        assert problem.found == " ".join(str(raised).split())


def test_a_ray_that_lives_and_one_that_its_user_ends_are_not_lost(processes):
    heard = []
    with cluster._watched(heard.append):
        processes["monitor"].kill()
        processes["monitor"].wait()
    with pytest.raises(KeyboardInterrupt), cluster._watched(heard.append):
        raise KeyboardInterrupt
    assert heard == []


_SESSION = """
import os, pathlib, subprocess, sys, psutil
from grid.running.ray_cluster import ray_session
ray_session.protect()
with ray_session.session():
    import ray
    ray.get(ray.remote(lambda: None).remote())
    ours = {os.getpid(), *(child.pid for child in psutil.Process().children(recursive=True))}
    for found in psutil.net_connections("tcp"):
        if found.status == psutil.CONN_LISTEN and found.pid in ours:
            print("listens", found.laddr.ip)
    session = ray._private.worker._global_node.get_session_dir_path()
    print("entered", all(os.stat(up).st_mode & 1 for up in pathlib.Path(session).parents))
    address = ray.get_runtime_context().gcs_address
    ask = [sys.executable, "-m", "ray.scripts.scripts", "health-check", "--address", address]
    for token in ("", "0" * 64, os.environ["RAY_AUTH_TOKEN"]):
        known = {"RAY_AUTH_TOKEN": token} if token else {"RAY_AUTH_MODE": "disabled"}
        try:
            answer = subprocess.run(ask, env=os.environ | known, capture_output=True, timeout=60).returncode
        except subprocess.TimeoutExpired:
            answer = "none"
        print("answers", answer)
"""


@pytest.mark.ray
@pytest.mark.slow
def test_ray_on_this_machine_is_reached_neither_from_others_nor_by_other_users():
    """Ray's own default would be the machine's address, whatever it is told, and nobody asked for a token."""
    keys = ("RAY_ADDRESS", "RAY_AUTH_MODE", "RAY_AUTH_TOKEN")
    environment = {name: value for name, value in os.environ.items() if name not in keys}
    call = [sys.executable, "-c", _SESSION]
    done = subprocess.run(call, capture_output=True, text=True, check=True, timeout=400, env=environment)
    told = [line.split() for line in done.stdout.splitlines()]
    listening = [address for word, address in told if word == "listens"]
    assert len(listening) > 3
    assert set(listening) <= {"127.0.0.1", "::1", "::ffff:127.0.0.1"}
    assert ["entered", "False"] in told, "by others: Ray gives them all rights to its folder"
    without, wrong, right = [answer for word, answer in told if word == "answers"]
    assert right == "0"
    assert "0" not in (without, wrong)


@pytest.mark.parametrize(
    ("settings", "imported", "protected"),
    [
        ({}, False, True),
        ({"RAY_AUTH_MODE": "disabled"}, False, False),
        ({"RAY_ADDRESS": "h:1"}, False, False),
        ({}, True, False),
    ],
    ids=["by default", "as the user says", "of a cluster", "too late"],
)
def test_ray_asks_for_a_token_that_nobody_else_knows(monkeypatch, settings, imported, protected):
    for name in ("RAY_ADDRESS", "RAY_AUTH_MODE", "RAY_AUTH_TOKEN"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setitem(sys.modules, "ray", None) if imported else monkeypatch.delitem(
        sys.modules, "ray", raising=False
    )
    cluster.protect()
    token = os.environ.get("RAY_AUTH_TOKEN", "")
    assert len(token) == (64 if protected else 0)
    cluster.protect()
    assert os.environ.get("RAY_AUTH_TOKEN", "") == token, "one for all sessions of a process"


def test_trials_are_not_started_one_after_the_other(monkeypatch):
    assert _get_max_pending_trials(None) == 1, "of a search that is not Tune's own, unless it is told"
    for name, value in cluster._ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    assert _get_max_pending_trials(None) > 100

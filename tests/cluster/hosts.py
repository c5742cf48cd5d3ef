"""Hosts for a real cluster on one Linux machine: namespaces with an address, an sshd and files of their own.

A host has network, process, mount, name and IPC namespaces. Network alone would not do: `ray stop` ends every
Ray process that it can see. One more host is the user's laptop. All hang on a bridge in a network namespace
of its own; the machine's own network is not touched and cannot be reached.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.places import REPOSITORY

NETWORK = "10.88.0"
# Where every host finds the folder that all share.
SHARED = Path("/srv")
HOME = Path("~root").expanduser()
_TOOLS = {"ip": "iproute2", "sshd": "openssh-server", "ssh": "openssh-client", "rsync": "rsync"}
# Debian keeps these out of an ordinary user's path.
_PATH = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"

_SSHD = """
HostKey /run/host_key
AuthorizedKeysFile /run/authorized_keys
PidFile none
UsePAM no
PasswordAuthentication no
PermitRootLogin prohibit-password
StrictModes no
# Ray opens many sessions at once.
MaxStartups 100
"""

# As the first process of a host: what it hides of the machine, and what it shows all the same.
_INIT = """
set -eu
mount --make-rprivate /
hostname {name}
ip link set lo up
mount -t tmpfs tmpfs /run
mkdir /run/sshd
mount -t tmpfs -o size=2g tmpfs /dev/shm
cp {ssh}/* /run/
{mounts}
cd /
{sshd} -f /run/sshd_config
# Not exec: a first process has to take in the orphans that end.
while true; do sleep 5; done
"""


def missing() -> str | None:
    """Say why there can be no hosts here; None if there can."""
    if sys.platform != "linux":
        return "network namespaces are Linux's"
    if os.geteuid() != 0:
        return "only root may make network namespaces"
    absent = sorted({package for tool, package in _TOOLS.items() if not shutil.which(tool, path=_PATH)})
    if absent:
        return f"needs {', '.join(absent)}"
    probe = ["unshare", "--net", "--mount", "--uts", "--ipc", "--pid", "--fork", "true"]
    done = subprocess.run(probe, capture_output=True, text=True, check=False)
    return f"namespaces are refused: {done.stderr.strip()}" if done.returncode else None


def namespaces() -> list[str]:
    """Name the network namespaces that there are."""
    done = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, env=_env(), check=False)
    return [line.split()[0] for line in done.stdout.splitlines()]


class Hosts:
    """Running hosts, the laptop first.

    Args:
        folder: scratch; `shared/` in it is what all hosts but the laptop see at `SHARED`.
        count: how many, without the laptop.
    """

    def __init__(self, folder: Path, count: int) -> None:
        self.folder, self.shared = folder, folder / "shared"
        # Beside another test run on the same machine.
        self._bridge, *names = (f"hd2s-{os.getpid()}-{number}" for number in range(count + 2))
        self.addresses = {name: f"{NETWORK}.{number}" for number, name in enumerate(names, 1)}
        self.laptop, *self.names = names
        self._running: dict[str, subprocess.Popen] = {}

    def __enter__(self) -> Hosts:
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        for name in self.addresses:
            self.take_away(name)
        for name in [self._bridge, *self.addresses]:
            subprocess.run(["ip", "netns", "delete", name], capture_output=True, env=_env(), check=False)

    def take_away(self, name: str) -> None:
        """End a host as a power cut does: everything in it, at once."""
        process = self._running.pop(name, None)
        if process:
            # It takes its child with it, the host's first process, and that one all others.
            process.kill()
            process.wait()
            self._empty(name)

    def private(self, name: str, path: Path | str) -> Path:
        """Say where a path of root's home on a host, such as `.ssh/key`, lies on this machine."""
        return self.folder / name / "home" / path

    def command(self, name: str, *words: str, **environment: str) -> list[str]:
        """Make a command one that runs on a host, in root's home."""
        path = f"{Path(sys.executable).parent}:{_PATH}"
        own = {
            "HOME": str(HOME),
            "PATH": path,
            "LANG": "C.UTF-8",
            "USER": "root",
            "TERM": "dumb",
        } | environment
        spaces = ["--mount", "--uts", "--ipc", "--net", "--pid"]
        inside = ["nsenter", "--target", str(self._first_process(name)), *spaces, f"--wdns={HOME}"]
        return ["env", "-i", *(f"{key}={value}" for key, value in own.items()), *inside, *words]

    def on(self, name: str, *words: str, timeout: float = 60, **environment: str) -> str:
        """Return what a command prints on a host, and fail with it."""
        done = subprocess.run(
            self.command(name, *words, **environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=timeout,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"{name}: {' '.join(words)}: exit status {done.returncode}\n{done.stdout}")
        return done.stdout

    def processes(self, name: str) -> list[int]:
        """List the processes in a host."""
        words = ["ip", "netns", "pids", name]
        done = subprocess.run(words, capture_output=True, text=True, env=_env(), check=False)
        return [int(pid) for pid in done.stdout.split()]

    def _start(self) -> None:
        self.shared.mkdir(parents=True)
        _forget_the_dead()
        _ip("netns", "add", self._bridge)
        _ip("-n", self._bridge, "link", "add", "br0", "type", "bridge")
        _ip("-n", self._bridge, "addr", "add", f"{NETWORK}.254/24", "dev", "br0")
        _ip("-n", self._bridge, "link", "set", "br0", "up")
        key = self.private(self.laptop, ".ssh/id_ed25519")
        _key(key)
        for name in self.addresses:
            self._connect(name)
            self._boot(name, key.with_suffix(".pub"))
        deadline = time.monotonic() + 60
        for name in self.addresses:
            self._wait_for(name, deadline)

    def _connect(self, name: str) -> None:
        address = self.addresses[name]
        port = f"port{address.rpartition('.')[2]}"
        _ip("netns", "add", name)
        peer = ["type", "veth", "peer", "name", "eth0", "netns", name]
        _ip("-n", self._bridge, "link", "add", port, *peer)
        _ip("-n", self._bridge, "link", "set", port, "master", "br0", "up")
        _ip("-n", name, "addr", "add", f"{address}/24", "dev", "eth0")
        _ip("-n", name, "link", "set", "eth0", "up")
        # Ray finds its own address by the way out, though that leads nowhere here.
        _ip("-n", name, "route", "add", "default", "via", f"{NETWORK}.254")

    def _boot(self, name: str, authorized: Path) -> None:
        host = self.folder / name
        _key(host / "ssh" / "host_key")
        shutil.copy(authorized, host / "ssh" / "authorized_keys")
        (host / "ssh" / "sshd_config").write_text(_SSHD)
        share = f"mount --bind {self.shared} {SHARED}" if name in self.names else ""
        mounts = "\n".join([share, *_mounts(host)])
        script = _INIT.format(
            name=name, ssh=host / "ssh", mounts=mounts, sshd=shutil.which("sshd", path=_PATH)
        )
        apart = ["--mount", "--uts", "--ipc", "--pid", "--fork", "--kill-child", "--mount-proc"]
        # Should these tests be killed, the host goes with them.
        with_tests = ["setpriv", "--pdeathsig", "KILL"]
        with (host / "log").open("wb") as log:
            self._running[name] = subprocess.Popen(
                [*with_tests, "ip", "netns", "exec", name, "unshare", *apart, "bash", "-c", script],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=_env(),
                start_new_session=True,
            )

    def _wait_for(self, name: str, deadline: float) -> None:
        while True:
            try:
                self.on(name, "bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/22")
                return
            except (RuntimeError, IndexError) as error:
                log = (self.folder / name / "log").read_text()
                if time.monotonic() > deadline or self._running[name].poll() is not None:
                    raise RuntimeError(f"{name} does not start: {error}\n{log}") from error
                time.sleep(0.2)

    def _first_process(self, name: str) -> int:
        parent = self._running[name].pid
        return int(Path(f"/proc/{parent}/task/{parent}/children").read_text().split()[0])

    def _empty(self, name: str) -> None:
        """End what is left in a namespace, all of it started from here, and see it gone."""
        deadline = time.monotonic() + 20
        while (left := self.processes(name)) and time.monotonic() < deadline:
            for pid in left:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue
            time.sleep(0.1)


def _forget_the_dead() -> None:
    """Delete the names of networks that tests which were killed have left behind, empty."""
    for name in namespaces():
        mine = re.fullmatch(r"hd2s-(\d+)-\d+", name)
        if mine and not Path(f"/proc/{mine[1]}").exists():
            _ip("netns", "delete", name)


def _mounts(host: Path) -> list[str]:
    """Hide the machine's home, temporary files and this repository; show Python and its packages again."""
    hidden = {HOME: "home", Path("/tmp"): "tmp", REPOSITORY: "repository"}
    hidden = {path: name for path, name in hidden.items() if not set(path.parents) & hidden.keys()}
    shown = {Path(sys.prefix).resolve(), Path(sys.base_prefix).resolve()}
    lines = []
    for path, name in hidden.items():
        (host / name).mkdir(exist_ok=True)
        for python in shown:
            if path in python.parents:
                place = host / name / python.relative_to(path)
                place.mkdir(parents=True, exist_ok=True)
                lines.append(f"mount --bind {python} {place}")
    # This folder itself may lie in one of those, so all are held before the first is hidden.
    lines += [f"exec {number}< {host / name}" for number, name in enumerate(hidden.values(), 3)]
    return lines + [f"mount --rbind /proc/self/fd/{number} {path}" for number, path in enumerate(hidden, 3)]


def _key(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)]
    subprocess.run(words, check=True, capture_output=True)


def _ip(*words: str) -> None:
    done = subprocess.run(["ip", *words], capture_output=True, text=True, env=_env(), check=False)
    if done.returncode:
        raise RuntimeError(f"ip {' '.join(words)}: {done.stderr}")


def _env() -> dict[str, str]:
    return os.environ | {"PATH": _PATH}

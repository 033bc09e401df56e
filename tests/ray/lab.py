"""A real Ray cluster on this machine, from nothing: the head here, the other nodes in network namespaces.

Each node has an address, a directory of Ray's and a process tree of its own, so one can be killed alone.
Needs root. What Ray started is stopped by pid, and what a launcher left is found by the lab's directory.
"""

import contextlib
import os
import secrets
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.ports import free_ports
from tests.ray import wire as wires
from tests.ray.wire import Bad

PATIENCE_S = 180.0
TRIES = 3
_JOIN = """
import ray, time
ray.init(address={address!r}, log_to_driver=False, logging_level="ERROR")
"""
_WAIT_FOR = """
while sum(node["Alive"] for node in ray.nodes()) < {nodes}:
    time.sleep(0.2)
"""
_FORGET = """
from ray._raylet import PlacementGroupID
from ray.util.placement_group import PlacementGroup
for one in ray.util.list_named_actors(all_namespaces=True):
    if one["name"].startswith("agent-"):
        ray.kill(ray.get_actor(one["name"], namespace=one["namespace"]))
for number, one in ray.util.placement_group_table().items():
    if one["state"] != "REMOVED":
        ray.util.remove_placement_group(PlacementGroup(PlacementGroupID(bytes.fromhex(number))))
"""


class Lab:
    """`start`, then `address`. Node 0 is the head's; the others are 1 and up."""

    def __init__(
        self,
        directory: Path,
        programs: Path,
        *,
        nodes: int = 3,
        cpus: int = 4,
        memory_mib: int = 3814,
        named: str = "",
        user: str = "",
        labels: str = "",
        gpu_type: str = "",
    ) -> None:
        """`directory` must have a short path: sockets of Ray lie deep below it. `named`: what nodes are
        called, with a number from 1 on where there are several. `labels` are Ray's (`zone=a`), `gpu_type`
        that of its GPUs. `user`: as whom Ray runs on the head's, else as root."""
        self._user = user
        self._labels = labels
        self._gpu_type = gpu_type
        self._named = named
        self.directory = directory
        self.nodes = nodes
        self._programs = programs
        self._cpus, self._memory_mib = cpus, memory_mib
        self._mark = secrets.token_hex(3)
        self._net = f"10.{64 + secrets.randbelow(128)}.{secrets.randbelow(250)}"
        self._port, self._client_port = free_ports(2)
        self._processes: dict[int, subprocess.Popen[bytes]] = {}
        self._hidden: dict[int, list[Path]] = {}
        self.base = directory / "nodes"
        """Where the nodes keep what is the product's."""

    @property
    def address(self) -> str:
        return f"{self.ip(0)}:{self._port}"

    @property
    def client_address(self) -> str:
        """Where programs come in that are on no node."""
        return f"ray://{self.ip(0)}:{self._client_port}"

    @property
    def python(self) -> Path:
        return self._programs / "python"

    def ip(self, node: int) -> str:
        return f"{self._net}.{node + 1}"

    def name(self, node: int) -> str:
        """What the engine calls it."""
        if self._named:
            return self._named if self.nodes == 1 else f"{self._named}{node + 1}"
        return "ip-" + self.ip(node).replace(".", "-")

    # -- up and down

    def start(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        self.directory.chmod(0o755)
        self._make_network()
        for left in reversed(range(TRIES)):
            for node in range(self.nodes):
                self.start_node(node)
            try:
                self._wait_for_all()
            except AssertionError:
                # The head's own agent was slow to answer: what has joined it is of no use.
                if not left:
                    raise
            else:
                break
            for node in reversed(range(self.nodes)):
                self.kill_node(node)

    def start_node(self, node: int) -> None:
        """Also again, after it was killed."""
        words = [f"--node-ip-address={self.ip(node)}", f"--num-cpus={self._cpus}", "--block"]
        # Without ports of its own each node takes some at random, and those of two may meet.
        words += ["--min-worker-port=0", "--max-worker-port=0", f"--memory={self._memory_mib << 20}"]
        words += ["--object-store-memory=100000000", "--disable-usage-stats", "--num-gpus=2"]
        if self._named:
            words += [f"--node-name={self.name(node)}"]
        if self._labels:
            words += [f"--labels={self._labels}"]
        if self._gpu_type:
            words += [f'--resources={{"accelerator_type:{self._gpu_type}": 1}}']
        # What an earlier Ray of the node left is in the way of the next.
        own, seen = self.directory / f"t{node}-{secrets.token_hex(3)}", self.directory / "t"
        for path in (own, seen):
            path.mkdir(exist_ok=True)
        if node == 0:
            words += ["--head", f"--port={self._port}", f"--temp-dir={seen}", "--include-dashboard=false"]
            words += ["--dashboard-agent-listen-port=0", f"--ray-client-server-port={self._client_port}"]
        else:
            words += [f"--address={self.address}"]
        command = [str(self._programs / "ray"), "start", *words]
        if self._user:
            command = self._as_user([own, seen], words)
        if node:
            # Names are not looked up: nobody there would answer.
            within = f"mount --bind {own} {seen} && mount --bind /dev/null /etc/resolv.conf && "
            within += "".join(f"{shlex.join(_hiding(path))} && " for path in self._hidden.get(node, ()))
            # On a busy machine Ray gives up to start when its head or its own agent is slow to answer.
            within += 'until "$@"; do sleep 1; done'
            command = ["ip", "netns", "exec", self._space(node), "sh", "-c", within, "sh", *command]
        with (self.directory / f"ray-{node}.log").open("ab") as log:
            self._processes[node] = subprocess.Popen(
                command,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                start_new_session=True,
            )
        if node == 0:
            self.until(lambda: self._has_ended(0) or _listens(self.ip(0), self._port), "the head listens")
            assert not self._has_ended(0), (self.directory / "ray-0.log").read_text()

    def _as_user(self, directories: Sequence[Path], words: Sequence[str]) -> list[str]:
        """Ray may be where the user cannot look into: it is put where it can."""
        place = self.directory / "ray"
        self.base.mkdir(exist_ok=True)
        place.mkdir(exist_ok=True)
        for directory in (self.directory, self.base, *directories):
            shutil.chown(directory, self._user)
        within = f"mount --bind {self._programs.parent} {place} && "
        within += f'exec setpriv --reuid={self._user} --regid={self._user} --clear-groups "$@"'
        ray = [str(place / "bin" / "python"), "-m", "ray.scripts.scripts", "start"]
        return ["unshare", "--mount", "sh", "-c", within, "sh", *ray, *words]

    def _has_ended(self, node: int) -> bool:
        return self._processes[node].poll() is not None

    @property
    def environment(self) -> dict[str, str]:
        return {
            "PATH": f"{self._programs}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
            "HOME": str(self.directory),
            "LANG": "C.UTF-8",
            "LAUNCHYARD_NODES": str(self.base),
            "RAY_USAGE_STATS_ENABLED": "0",
            # A raylet whose agent has not come within 15 s ends itself, which is told after this time alone.
            "RAY_raylet_start_wait_time_s": "45",
            "RAY_agent_register_timeout_ms": "120000",
        }

    def hide(self, node: int, path: Path) -> None:
        """From here on this directory is empty for what starts on the node: it shares no files with us."""
        path.mkdir(parents=True, exist_ok=True)
        self._hidden.setdefault(node, []).append(path)
        command = ["nsenter", f"--target={self._processes[node].pid}", "--mount", "--", *_hiding(path)]
        subprocess.run(command, check=True, capture_output=True)

    def cut(self, node: int) -> None:
        """Nothing comes from it or to it, until it is joined again."""
        _ip("link", "set", self._wire(node), "down")

    def join(self, node: int) -> None:
        _ip("link", "set", self._wire(node), "up")

    @contextmanager
    def worse(self, node: int, how: Bad) -> Iterator[None]:
        """Its wire is that bad meanwhile."""
        middle, wire, here = f"lyn{self._mark}", self._wire(node), f"lyw{self._mark}"
        _ip("netns", "add", middle)
        _ip("link", "add", here, "type", "veth", "peer", "name", "far", "netns", middle)
        _ip("link", "set", wire, "nomaster", "netns", middle)
        for device in (wire, "far"):
            _ip("-n", middle, "link", "set", device, "up")
        _ip("link", "set", here, "master", self._bridge, "up")
        words = [sys.executable, "-m", wires.__name__]
        inside = ["ip", "netns", "exec", self._space(node)]
        subprocess.run([*words, "offload", here, "off"], check=True)
        subprocess.run([*inside, *words, "offload", "eth0", "off"], check=True)
        command = ["ip", "netns", "exec", middle, *words, "pass", wire, "far", how.told()]
        passing = subprocess.Popen(command, stdout=subprocess.PIPE)
        try:
            assert passing.stdout is not None
            assert passing.stdout.readline() == wires.READY
            yield
        finally:
            passing.kill()
            passing.communicate()
            _ip("-n", middle, "link", "set", wire, "netns", str(os.getpid()))
            _ip("link", "set", wire, "master", self._bridge, "up")
            _ip("link", "del", here)
            _ip("netns", "del", middle)
            subprocess.run([*inside, *words, "offload", "eth0", "on"], check=True)

    def kill_node(self, node: int) -> None:
        """All that Ray has there, at once; what left its tree lives on."""
        tree = _descendants(self._processes[node].pid)
        for pid in tree:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._processes.pop(node).wait()

    def kill_launcher(self, node: int) -> None:
        """With its keeper: what runs jobs there."""
        own = os.fsencode(self.base)
        for pid in _pids():
            words = _of(pid, "cmdline")
            if b"launchyard.launcher" in words and own in words and f"-{self.name(node)}\0".encode() in words:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    def bring_back(self) -> None:
        """All of Ray anew, after its head has died: as an operator does it. Ray starts no head while it sees
        processes that look for one, which here are on the same machine."""
        for node in sorted(self._processes, reverse=True):
            self.kill_node(node)
        for node in range(self.nodes):
            self.start_node(node)

    def stop(self) -> None:
        for node in sorted(self._processes, reverse=True):
            self.kill_node(node)
        self.kill_leftovers()
        for node in range(1, self.nodes):
            _ip("netns", "del", self._space(node), check=False)
        _ip("link", "del", self._bridge, check=False)
        shutil.rmtree(self.directory, ignore_errors=True)

    def kill_leftovers(self) -> None:
        """Launchers and jobs of the nodes, and what of Ray outlived its parent."""
        own = os.fsencode(self.directory)
        for pid in _pids():
            if pid != os.getpid() and (own in _of(pid, "cmdline") or own in _of(pid, "environ")):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    def kill_leftovers_of_jobs(self) -> None:
        """Launchers of the nodes, and their jobs."""
        own = os.fsencode(self.base)
        for pid in _pids():
            if b"launchyard.launcher" in _of(pid, "cmdline") and own in _of(pid, "cmdline"):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        for pid in _pids():
            if b"LAUNCHYARD_LAUNCH_ID=" in _of(pid, "environ") and own in _of(pid, "environ"):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        # Agents of daemons that are gone, a process on each node for as long as Ray is there, and what their
        # jobs hold. A Ray that has been killed has neither.
        with contextlib.suppress(subprocess.SubprocessError):
            self._say_to_ray(_FORGET, within_s=60)

    # -- looking

    def _wait_for_all(self) -> None:
        """Until the head counts all nodes."""
        try:
            self._say_to_ray(_WAIT_FOR.format(nodes=self.nodes), within_s=PATIENCE_S)
        except subprocess.SubprocessError as error:
            told = [path.read_text()[-2000:] for path in sorted(self.directory.glob("ray-*.log"))]
            raise AssertionError("\n".join([str(error), *told])) from None

    def _say_to_ray(self, program: str, within_s: float) -> None:
        """A program of the cluster, to its end."""
        subprocess.run(
            [self.python, "-c", _JOIN.format(address=self.address) + program],
            env=self.environment,
            capture_output=True,
            check=True,
            timeout=within_s,
        )

    def until(self, condition: Callable[[], bool], what: str, within_s: float = PATIENCE_S) -> None:
        deadline = time.monotonic() + within_s
        while not condition():
            assert time.monotonic() < deadline, f"waited {within_s:g} s until {what}"
            time.sleep(0.1)

    # -- the network

    @property
    def _bridge(self) -> str:
        return f"lyb{self._mark}"

    def _space(self, node: int) -> str:
        return f"ly{self._mark}{node}"

    def _wire(self, node: int) -> str:
        return f"lyv{self._mark}{node}"

    def _make_network(self) -> None:
        _ip("link", "add", self._bridge, "type", "bridge")
        _ip("addr", "add", f"{self.ip(0)}/24", "dev", self._bridge)
        _ip("link", "set", self._bridge, "up")
        for node in range(1, self.nodes):
            space, wire = self._space(node), self._wire(node)
            _ip("netns", "add", space)
            _ip("link", "add", wire, "type", "veth", "peer", "name", "eth0", "netns", space)
            _ip("link", "set", wire, "master", self._bridge, "up")
            _ip("-n", space, "addr", "add", f"{self.ip(node)}/24", "dev", "eth0")
            _ip("-n", space, "link", "set", "lo", "up")
            _ip("-n", space, "link", "set", "eth0", "up")
            # Ray asks which address leads out; nothing is sent there.
            _ip("-n", space, "route", "add", "default", "via", self.ip(0))


@contextmanager
def sharing_nothing(spaces: Mapping[str, str]) -> Iterator[None]:
    """Network namespaces by name, each with its address, on one network of their own."""
    middle = f"lym{secrets.token_hex(3)}"
    _ip("netns", "add", middle)
    _ip("-n", middle, "link", "add", "bridge", "type", "bridge")
    _ip("-n", middle, "link", "set", "bridge", "up")
    try:
        for space, address in spaces.items():
            wire = f"w{secrets.token_hex(3)}"
            _ip("netns", "add", space)
            _ip("-n", middle, "link", "add", wire, "type", "veth", "peer", "name", "eth0", "netns", space)
            _ip("-n", middle, "link", "set", wire, "master", "bridge", "up")
            _ip("-n", space, "addr", "add", f"{address}/24", "dev", "eth0")
            _ip("-n", space, "link", "set", "lo", "up")
            _ip("-n", space, "link", "set", "eth0", "up")
            _ip("-n", space, "route", "add", "default", "dev", "eth0")
        yield
    finally:
        for space in (middle, *spaces):
            _ip("netns", "del", space, check=False)


def _ip(*words: str, check: bool = True) -> None:
    subprocess.run(["ip", *words], check=check, capture_output=True)


def _hiding(path: Path) -> list[str]:
    return ["mount", "-t", "tmpfs", "none", str(path)]


def _listens(host: str, port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((host, port)) == 0


def _pids() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _of(pid: int, what: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/{what}").read_bytes()
    except OSError:
        return b""


def _descendants(pid: int) -> list[int]:
    """It and all that it started and that did not leave it."""
    parents: dict[int, int] = {}
    for one in _pids():
        fields = _of(one, "stat").rpartition(b")")[2].split()
        if len(fields) > 1:
            parents[one] = int(fields[1])
    found = [pid]
    for one in found:
        found += [child for child, parent in parents.items() if parent == one]
    return found

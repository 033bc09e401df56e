"""The guide of the Ray engine, from nothing to a cluster: every command of its text is typed here.

In network namespaces with the addresses of the text, so that what it writes can be typed as it is. Only what
would fetch Ray is left out: that is there already.
"""

import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.ray.lab import sharing_nothing
from tests.system.product import wait_for
from tests.system.ray_client import programs
from tests.tidy.source import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.root, pytest.mark.timeout(600)]

GUIDE = (ROOT / "docs/guides/ray-engine.md").read_text()
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", GUIDE, re.DOTALL | re.MULTILINE)
SHELL = [text for kind, text in BLOCKS if kind == "sh"]
TOML = [text for kind, text in BLOCKS if kind == "toml"]
THERE_ALREADY = ("python3 -m venv", "~/ray/bin/pip install")
SETTINGS = """
listen = "127.0.0.1:0"
allow_root_jobs = true
daemon_user = "root"
"""


class Machine:
    """A network namespace with an address of the guide, a home with Ray, and directories of its own."""

    def __init__(self, directory: Path, name: str, address: str) -> None:
        self.home = directory / name
        self.space = f"lyg{secrets.token_hex(3)}"
        self.address = address
        for part in ("etc/launchyard", "tmp", "nodes"):
            (self.home / part).mkdir(parents=True)
        (self.home / "ray").symlink_to(programs().parent)
        self.configure("")

    def configure(self, more: str) -> None:
        file = self.home / "etc" / "launchyard" / "config.toml"
        file.write_text(SETTINGS + more)
        file.chmod(0o600)

    def type(self, line: str, tries: int = 4) -> str:
        """A line of the guide, as a person at this machine types it."""
        # Nothing of this machine's own /etc is changed.
        bind = f"mount -t overlay none -o lowerdir={self.home}/etc:/etc /etc"
        bind += f" && mount --bind {self.home}/tmp /tmp/ray"
        words = ["ip", "netns", "exec", self.space, "bash", "-c", f"{bind} && cd /tmp && {line}"]
        path = f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"
        environment = {
            "HOME": str(self.home),
            "PATH": path,
            "LANG": "C.UTF-8",
            "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
            "LAUNCHYARD_STATE": str(self.home / "state"),
            "LAUNCHYARD_NODES": str(self.home / "nodes"),
            "RAY_raylet_start_wait_time_s": "45",
            "RAY_agent_register_timeout_ms": "120000",
        }
        with (self.home / "said").open("w+b") as said:
            done = subprocess.run(
                words, env=environment, stdin=subprocess.DEVNULL, stdout=said, stderr=said, timeout=240
            )
            said.seek(0)
            text = said.read().decode()
        if done.returncode and "/ray start " in line and tries > 1:
            # On a busy machine Ray gives up to start when its own agent is slow to answer.
            return self.type(line, tries - 1)
        assert done.returncode == 0, f"$ {line}\n{text}"
        return text

    def stop(self) -> None:
        deadline = time.monotonic() + 30
        while pids := _output("ip", "netns", "pids", self.space).split():
            assert time.monotonic() < deadline
            for pid in pids:
                with suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGKILL)
        subprocess.run(["ip", "netns", "del", self.space], check=False)


@pytest.fixture
def machines() -> Iterator[list[Machine]]:
    """Three, joined by a bridge in a namespace of its own."""
    directory = Path(tempfile.mkdtemp(prefix="lyg", dir="/tmp"))
    made = [Machine(directory, f"m{number}", f"10.0.0.{number}") for number in (1, 2, 3)]
    place = Path("/tmp/ray")
    place.mkdir(exist_ok=True)
    try:
        with sharing_nothing({one.space: one.address for one in made}):
            yield made
            for one in made:
                one.stop()
    finally:
        with suppress(OSError):
            place.rmdir()
        shutil.rmtree(directory, ignore_errors=True)


def _output(*words: str) -> str:
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout


def lines(block: str) -> list[str]:
    return [line for line in block.splitlines() if not line.startswith(THERE_ALREADY)]


def test_one_machine_has_a_cluster_of_its_own_that_ends_with_the_server(machines: list[Machine]) -> None:
    (machine, *_) = machines
    said = [machine.type(line) for line in lines(SHELL[0])]
    # On a busy machine the job waits for the head first, which is said on standard error.
    assert said[-1].splitlines()[-1:] == _output("hostname").splitlines()
    status = machine.type("ly status")
    assert "Cluster ray  ray, 1 node" in status
    assert _rays(machine)
    machine.type("ly submit -- sleep 600")
    machine.type("ly down --cancel-jobs")
    assert not _rays(machine)
    # Neither what runs jobs: without jobs a launcher ends with the server.
    wait_for(lambda: not _pids(machine), 60, "nothing of ours runs")


def test_three_machines_become_a_cluster_as_written(machines: list[Machine]) -> None:
    (head, others, configured) = SHELL[1], SHELL[2], TOML[0]
    first, *more = machines
    for line in lines(head):
        first.type(line)
    for machine in more:
        for line in lines(others):
            machine.type(line)
    first.configure(configured.replace("/home/ada", str(first.home)))
    first.type("ly up -d")
    wait_for(lambda: first.type("ly nodes --json").count('"UP"') == 3, 120, "three nodes serve", 1)
    for machine in machines:
        name = "ip-" + machine.address.replace(".", "-")
        assert first.type(f"ly run -w {name} -- printenv LAUNCHYARD_NODE") == f"{name}\n"
    first.type("ly down")


def _pids(machine: Machine) -> list[str]:
    return _output("ip", "netns", "pids", machine.space).split()


def _rays(machine: Machine) -> list[str]:
    """Processes of Ray's there."""
    lines = [Path(f"/proc/{pid}/cmdline") for pid in _pids(machine)]
    found = []
    for line in lines:
        with suppress(OSError):
            text = line.read_bytes().replace(b"\0", b" ").decode()
            found += [text] if "gcs_server" in text or "raylet" in text else []
    return found

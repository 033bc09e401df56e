"""What runs inside a guest with systemd itself: the units that `ly admin install --systemd` writes, in use.

Each test goes on where the one before it stopped, with one service and one user's jobs (test_guest.py).
"""

import os
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.system.accounts import account, acting_as
from tests.system.ly import ly
from tests.system.product import PATIENCE_S, Client, wait_for

STATE, CONFIG = Path("/var/lib/launchyard"), Path("/etc/launchyard/config.toml")
DAEMON, LAUNCHER = "launchyard.service", "launchyard-launcher.service"
TEXT = """
listen = "127.0.0.1:0"
grace_s = 2
[[nodes]]
name = "node"
cpus = 8
memory = "1GiB"
"""
LOOK_S = 0.5
"""Whoever looks more often takes from what it looks for: the guest is slow."""
HOG = "exec python3 -c 'x = bytearray(300 << 20)'"


@dataclass(frozen=True)
class Service:
    """As its one user sees it."""

    user: str

    def call(self, method: str, path: str, body: object = None) -> Any:
        client = Client(STATE / "run" / "api.sock")
        try:
            with acting_as(account(self.user)):
                return client.call(method, path, body)
        finally:
            client.close()

    def submits(self, command: str, memory_mib: int = 64) -> int:
        resources = {"cpus": 0.5, "memory_mib": memory_mib}
        return int(self.call("POST", "/v1/jobs", {"command": command, "resources": resources})["id"])

    def until(self, job: int, *states: str) -> Any:
        def there() -> Any:
            found = self.call("GET", f"/v1/jobs/{job}")
            return found if found["state"] in states else None

        return wait_for(there, PATIENCE_S, f"job {job} is {' or '.join(states)}", LOOK_S)

    def runs(self, name: str) -> tuple[int, int]:
        """A job until somebody writes to /tmp/NAME, which exits with 7 then: its id and its process."""
        gate = f"/tmp/{name}"
        os.mkfifo(gate, 0o644)
        job = self.submits(f"read -r word < {gate}; exit 7")
        self.until(job, "RUNNING")
        (pid,) = wait_for(
            lambda: [one for one in processes_of(job) if gate in words(one)][:1] or None,
            PATIENCE_S,
            "it runs",
        )
        return job, pid

    def ends(self, job: int, name: str) -> Any:
        Path(f"/tmp/{name}").write_text("go\n")
        return self.until(job, "COMPLETED", "FAILED", "CANCELLED", "LOST")


def words(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode().replace("\0", " ")
    except OSError:
        return ""


def processes_of(job: int) -> list[int]:
    """By the variable that every job has."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                variables = (entry / "environ").read_bytes().split(b"\0")
            except OSError:
                continue
            if f"LAUNCHYARD_JOB_ID={job}".encode() in variables:
                found.append(int(entry.name))
    return sorted(found)


def systemctl(*given: str) -> str:
    done = subprocess.run(["systemctl", *given], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        journal = subprocess.run(
            ["journalctl", "-b", "-n", "40", "--no-pager"], capture_output=True, text=True
        )
        raise AssertionError(f"systemctl {given}: {done.stdout}{done.stderr}\n{journal.stdout}")
    return done.stdout


def shown(unit: str, name: str) -> str:
    return systemctl("show", "--value", "-p", name, unit).strip()


def main_pid(unit: str) -> int:
    return int(shown(unit, "MainPID"))


def cgroup_of(pid: int) -> Path:
    (line,) = Path(f"/proc/{pid}/cgroup").read_text().splitlines()
    return Path("/sys/fs/cgroup" + line.removeprefix("0::"))


def cgroups_of_jobs() -> list[str]:
    """Of all launches that are left, wherever they are."""
    return [
        str(one)
        for base in Path("/sys/fs/cgroup").rglob("launchyard-????????")
        for one in base.iterdir()
        if one.is_dir()
    ]


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    name = account("lytest1").pw_name
    CONFIG.parent.mkdir(exist_ok=True)
    CONFIG.write_text(TEXT)
    done = ly(None, "admin", "install", "--systemd")
    assert done.code == 0, done
    assert "They pass systemd-analyze verify." in done.out
    systemctl("daemon-reload")
    systemctl("enable", "--now", "launchyard")
    yield Service(name)
    systemctl("stop", DAEMON, LAUNCHER)


def test_it_starts_as_the_guide_says_and_a_job_is_its_users(service: Service) -> None:
    assert [shown(unit, "ActiveState") for unit in (DAEMON, LAUNCHER)] == ["active", "active"]
    assert Path(f"/proc/{main_pid(DAEMON)}").owner() == "launchyard"
    assert Path(f"/proc/{main_pid(LAUNCHER)}").owner() == "root"
    job = service.submits("id -un; cat /proc/self/cgroup")
    assert service.until(job, "COMPLETED", "FAILED")["state"] == "COMPLETED"
    said = service.call("GET", f"/v1/jobs/{job}/logs").decode().splitlines()
    assert said[0] == service.user
    assert said[1].startswith("0::/system.slice/launchyard")


def test_memory_over_the_limit_is_the_reason_and_no_failure_of_the_service(service: Service) -> None:
    job = service.submits(HOG)
    ended = service.until(job, "OUT_OF_MEMORY", "FAILED", "COMPLETED")
    assert ended["state"] == "OUT_OF_MEMORY"
    assert service.call("GET", f"/v1/jobs/{job}/why")["code"] == "memory"
    assert shown(LAUNCHER, "ActiveState") == "active"


def test_a_restart_and_a_reload_of_the_daemon_kill_no_job(service: Service) -> None:
    job, pid = service.runs("daemon")
    before = main_pid(DAEMON)
    systemctl("reload", DAEMON)
    assert main_pid(DAEMON) == before
    systemctl("restart", DAEMON)
    assert main_pid(DAEMON) != before
    assert service.until(job, "RUNNING")["attempt"] == 1
    assert pid in processes_of(job)
    assert service.ends(job, "daemon")["exit_code"] == 7


def test_a_daemon_that_is_killed_is_back_and_no_job_was_killed(service: Service) -> None:
    job, pid = service.runs("killed")
    before = main_pid(DAEMON)
    os.kill(before, signal.SIGKILL)
    wait_for(lambda: main_pid(DAEMON) not in (0, before), PATIENCE_S, "another daemon", LOOK_S)
    wait_for(lambda: shown(DAEMON, "ActiveState") == "active", PATIENCE_S, "it serves", LOOK_S)
    assert service.until(job, "RUNNING")["attempt"] == 1
    assert pid in processes_of(job)
    assert service.ends(job, "killed")["exit_code"] == 7


def test_a_reload_of_the_launcher_is_its_upgrade_and_loses_no_exit_code(service: Service) -> None:
    job, pid = service.runs("reload")
    keeper, room = main_pid(LAUNCHER), cgroup_of(pid)
    log = STATE / "launcher" / "launcher.log"
    times = log.read_text().count("starting anew by exec")
    systemctl("reload", LAUNCHER)
    wait_for(lambda: log.read_text().count("starting anew by exec") > times, PATIENCE_S, "exec", LOOK_S)
    assert main_pid(LAUNCHER) == keeper
    assert cgroup_of(pid) == room
    assert service.ends(job, "reload")["exit_code"] == 7
    wait_for(lambda: not room.exists(), PATIENCE_S, "its cgroup is gone", LOOK_S)


def test_a_restart_of_the_launcher_kills_no_job_and_the_next_has_its_limits(service: Service) -> None:
    job, pid = service.runs("restart")
    before, room = main_pid(LAUNCHER), cgroup_of(pid)
    systemctl("restart", LAUNCHER)
    assert main_pid(LAUNCHER) != before
    assert (cgroup_of(pid), (room / "memory.max").read_text()) == (room, f"{64 << 20}\n")
    assert service.until(job, "RUNNING")["attempt"] == 1
    assert service.until(service.submits(HOG), "OUT_OF_MEMORY", "FAILED")["state"] == "OUT_OF_MEMORY"
    service.call("POST", f"/v1/jobs/{job}/cancel")
    assert service.until(job, "CANCELLED", "LOST")
    wait_for(lambda: not room.exists(), PATIENCE_S, "its cgroup is gone", LOOK_S)
    assert not processes_of(job)


def test_a_keeper_that_is_killed_is_back_while_jobs_run_on(service: Service) -> None:
    job, pid = service.runs("keeper")
    before, room = main_pid(LAUNCHER), cgroup_of(pid)
    os.kill(before, signal.SIGKILL)
    wait_for(lambda: main_pid(LAUNCHER) not in (0, before), PATIENCE_S, "another keeper", LOOK_S)
    assert cgroup_of(pid) == room
    assert service.until(service.submits("true"), "COMPLETED")
    service.call("POST", f"/v1/jobs/{job}/cancel")
    assert service.until(job, "CANCELLED", "LOST")
    wait_for(lambda: not room.exists(), PATIENCE_S, "its cgroup is gone", LOOK_S)


def test_both_are_stopped_under_a_job_and_started_again(service: Service) -> None:
    job, pid = service.runs("stopped")
    room = cgroup_of(pid)
    systemctl("stop", DAEMON, LAUNCHER)
    assert pid in processes_of(job)
    systemctl("start", DAEMON)
    assert shown(LAUNCHER, "ActiveState") == "active"
    assert cgroup_of(pid) == room
    assert service.until(job, "RUNNING")["attempt"] == 1
    service.call("POST", f"/v1/jobs/{job}/cancel")
    assert service.until(job, "CANCELLED", "LOST")
    wait_for(lambda: not cgroups_of_jobs(), PATIENCE_S, "no cgroup is left", LOOK_S)


def test_the_doctor_finds_nothing_wrong(service: Service) -> None:
    done = ly(STATE, "doctor")
    assert "FAIL" not in done.out, done
    assert done.code == 0, done

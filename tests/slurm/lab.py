"""A real Slurm of Debian's packages on this machine's loopback, from nothing, for comparing.

Everything lies below one directory and listens on picked free ports: munge with a key and socket of its own,
MariaDB, slurmdbd, slurmctld, and one `slurmd -N` for each virtual node. Stopped by the pids it started.
"""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import pytest

from tests.ports import free_ports
from tests.slurm import settings

NEEDED = ("slurmctld", "slurmd", "slurmdbd", "sbatch", "munged", "mariadbd", "mariadb-install-db", "setpriv")
PATIENCE_S = 60.0
CGROUPS = Path("/sys/fs/cgroup")


def missing() -> list[str]:
    """What is not installed of all that it takes; `scripts/install-slurm` installs it."""
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    return [name for name in NEEDED if shutil.which(name, path=path) is None]


class Lab:
    """A cluster of four virtual nodes in `directory`; `start`, then run commands with `environment`."""

    def __init__(self, directory: Path, nodes: int = 4, **settings: Any) -> None:
        """`settings` as in `settings.write`."""
        self.directory = directory
        self._settings = settings
        self.nodes = tuple(f"n{number}" for number in range(1, nodes + 1))
        self.started: list[tuple[str, subprocess.Popen[bytes]]] = []
        self._commands: dict[str, tuple[str, ...]] = {}
        path = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"
        self.environment = {"PATH": path, "SLURM_CONF": str(directory / "etc" / "slurm.conf")}

    def start(self) -> None:
        self._make_directories()
        host, ports = socket.gethostname().partition(".")[0], _free_ports(len(self.nodes))
        settings.write(self.directory, host, ports, **self._settings)
        self._own("slurmdbd.conf", 0o600)
        self._start_munge()
        self._start_database()
        self._start("slurmdbd", "slurm", "slurmdbd", "-D")
        _until(lambda: self.run("sacctmgr", "-n", "list", "cluster") == 0, "slurmdbd answers")
        self._make_accounts()
        self._start("slurmctld", "slurm", "slurmctld", "-D", "-i")
        for name in self.nodes:
            (self.directory / "spool" / name).mkdir(parents=True)
            self._start(f"slurmd-{name}", "root", "slurmd", "-D", "-N", name)
        _until(self._all_idle, "all nodes are idle")

    def stop(self) -> None:
        """End everything that `start` started, last first, and the jobs before."""
        if any(name == "slurmctld" for name, _ in self.started):
            with contextlib.suppress(AssertionError, subprocess.TimeoutExpired):
                self.end_all_jobs()
        for _, process in reversed(self.started):
            process.terminate()
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for pid in self._left():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.started.clear()
        for name in self.nodes:
            for controller in ("memory", "freezer"):
                with contextlib.suppress(OSError):
                    (CGROUPS / controller / f"slurm_{name}").rmdir()

    def end_all_jobs(self) -> None:
        """Whosever they are."""
        for user in ("root", *settings.USERS):
            # It takes one name, and does nothing for several.
            self.run("scancel", "-u", user)
        _until(lambda: self._said("squeue", "-h") == "", "all jobs have ended")

    def kill(self, name: str) -> None:
        """End one of its daemons as a power cut does; `start_again` brings it back."""
        (process,) = [one for known, one in self.started if known == name]
        process.kill()
        process.wait()
        self.started = [(known, one) for known, one in self.started if known != name]

    def saved_at(self) -> float:
        """When slurmctld last wrote down what jobs there are; 0: never."""
        path = self.directory / "state" / "job_state"
        return path.stat().st_mtime if path.exists() else 0.0

    def start_again(self, name: str) -> None:
        self._start(name, *self._commands[name])

    def start_nodes_again(self) -> None:
        """All slurmds.

        One refuses a job whose number it remembers as that of one that runs, and nobody tells it of the end
        of a job that slurmctld has forgotten. A new one remembers none. What slurmctld, killed before it had
        saved their end, believes to run on is ended.
        """
        for name in self.nodes:
            self.kill(f"slurmd-{name}")
            self.start_again(f"slurmd-{name}")
        self.end_all_jobs()
        _until(self._all_resumed, "all nodes are idle")

    def run(self, *command: str) -> int:
        """The exit code of a command of Slurm's, run by root."""
        return self._asked(command).returncode

    def said(self, *command: str) -> str:
        """What a command of Slurm's, run by root, prints."""
        return self._said(*command)

    # -- its parts

    def _make_directories(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        self.directory.chmod(0o755)
        for name, owner in PARTS.items():
            (self.directory / name).mkdir()
            (self.directory / name).chmod(0o755)
            shutil.chown(self.directory / name, owner)
        for number in range(2):
            os.mknod(self.directory / "dev" / f"gpu{number}", 0o20666, os.makedev(1, 3))

    def _own(self, name: str, mode: int) -> None:
        path = self.directory / "etc" / name
        shutil.chown(path, "slurm")
        path.chmod(mode)

    def _start_munge(self) -> None:
        munge = self.directory / "munge"
        (munge / "key").write_bytes(os.urandom(1024))
        shutil.chown(munge / "key", "munge", "munge")
        (munge / "key").chmod(0o400)
        places = ("key-file=key", "socket=sock", "pid-file=pid", "log-file=log", "seed-file=seed")
        options = [f"--{option}={munge}/{name}" for option, _, name in (one.partition("=") for one in places)]
        self._start("munged", "munge", "munged", "--foreground", "--force", *options)
        _until((munge / "sock").exists, "munge's socket is there")

    def _start_database(self) -> None:
        # Not the directory of all: each removes there what it takes for its own left over, and so another's.
        data, scratch = self.directory / "mysql", f"--tmpdir={self.directory}/scratch"
        installing = ["mariadb-install-db", "--no-defaults", "--user=mysql", f"--datadir={data}", scratch]
        installing += ["--auth-root-authentication-method=socket", "--skip-test-db"]
        subprocess.run(installing, env=self.environment, capture_output=True, check=True)
        port = _value(self.directory / "etc" / "slurmdbd.conf", "StoragePort")
        options = [
            scratch,
            f"--datadir={data}",
            f"--socket={data}/sock",
            f"--pid-file={data}/pid",
            f"--port={port}",
        ]
        options += ["--bind-address=127.0.0.1", "--innodb-buffer-pool-size=64M", "--innodb-log-file-size=16M"]
        options += ["--innodb-lock-wait-timeout=900", "--innodb-flush-log-at-trx-commit=2"]
        self._start("mariadbd", "mysql", "mariadbd", "--no-defaults", *options)
        client = ("mariadb", "--no-defaults", f"--socket={data}/sock", "-e")
        _until(lambda: self.run(*client, "select 1") == 0, "the database answers")
        assert self.run(*client, settings.DATABASE) == 0

    def _make_accounts(self) -> None:
        for line in ("cluster lab", *settings.ACCOUNTS):
            self.run("sacctmgr", "-i", "-Q", "add", *line.split())
        users = ",".join((*settings.USERS, "root"))
        assert self.run("sacctmgr", "-i", "-Q", "modify", "user", users, "set", "qos+=high") == 0

    def _all_idle(self) -> bool:
        return self._said("sinfo", "-h", "-p", "debug", "-t", "idle", "-o", "%D").strip() == str(
            len(self.nodes)
        )

    def _all_resumed(self) -> bool:
        """A node may be told that it does not answer, or is drained, some time after it has begun again."""
        if self._all_idle():
            return True
        self.run("scontrol", "update", f"NodeName={','.join(self.nodes)}", "State=RESUME")
        return False

    # -- processes

    def _start(self, name: str, user: str, *command: str) -> None:
        self._commands[name] = (user, *command)
        log = (self.directory / "log" / f"{name}.out").open("ab")
        switch = [] if user == "root" else ["setpriv", "--reuid", user, "--regid", user, "--init-groups"]
        process = subprocess.Popen(
            [*switch, *command],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        log.close()
        self.started.append((name, process))

    def _asked(self, command: Sequence[str]) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            command,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=30,
            check=False,
        )

    def _said(self, *command: str) -> str:
        return self._asked(command).stdout.decode()

    def _left(self) -> list[int]:
        """The pids of what still carries our slurm.conf: step daemons and what they started."""
        mark = f"SLURM_CONF={self.environment['SLURM_CONF']}\0".encode()
        found = []
        for entry in Path("/proc").iterdir():
            with contextlib.suppress(OSError):
                if entry.name.isdigit() and mark in (entry / "environ").read_bytes() + b"\0":
                    found.append(int(entry.name))
        return found


PARTS = {
    **dict.fromkeys(("etc", "log", "run", "state"), "slurm"),
    **dict.fromkeys(("spool", "dev"), "root"),
    "munge": "munge",
    **dict.fromkeys(("mysql", "scratch"), "mysql"),
}
"""Its directories and whose they are."""


def _free_ports(nodes: int) -> settings.Ports:
    first, second, third, fourth, *others = free_ports(4 + nodes)
    return settings.Ports(first, second, third, fourth, tuple(others))


def _value(path: Path, name: str) -> str:
    return dict(line.split("=", 1) for line in path.read_text().splitlines() if "=" in line)[name]


def _until(condition: Callable[[], bool], what: str, within_s: float = PATIENCE_S) -> None:
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, f"after {within_s:g} s still not: {what}"
        time.sleep(0.1)


L = TypeVar("L", bound=Lab)


@contextlib.contextmanager
def brought_up(lab: L) -> Iterator[L]:
    """Such a cluster while it is up. The test is skipped where no Slurm is installed; it fails in CI."""
    if lack := missing():
        pytest.skip(f"real Slurm is not installed (scripts/install-slurm): no {', '.join(lack)}")
    try:
        lab.start()
        yield lab
    finally:
        lab.stop()

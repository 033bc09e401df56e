"""A power cut without a machine: a file system in a file, and copies of that file at chosen moments.

What the file holds is what a disk would hold: everything flushed, and of the rest only what the kernel
happened to write. A copy of it, mounted, is the machine after the power came back. Needs root and a loop
device; skips where there is none (CI counts that as failed).
"""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from select import select
from time import monotonic

import pytest

from tests.tidy.source import ROOT

PATIENCE_S = 200.0
COPIES_MAX = 50


class Disk:
    """An ext4 file system in a file, mounted at `mount_point`."""

    def __init__(self, directory: Path, size_mib: int) -> None:
        self._directory = directory
        self._image = directory / "disk.img"
        self._cuts = 0
        self.mount_point = directory / "disk"
        with open(self._image, "wb") as file:
            file.truncate(size_mib * 1024 * 1024)
        run("mkfs.ext4", "-q", "-F", "-m", "0", str(self._image))
        self.mount_point.mkdir()
        mount("-o", "loop", str(self._image), str(self.mount_point))

    @contextmanager
    def cut(self) -> Iterator[Path]:
        """The same file system as after a power cut at this moment, mounted elsewhere while in use.

        Whoever writes should stand still (`stopped`): a copy of a file that changes is of no moment at all.
        """
        self._cuts += 1
        copy = self._directory / f"cut{self._cuts}.img"
        place = self._directory / f"cut{self._cuts}"
        self._copy_of_one_moment(copy)
        place.mkdir()
        mount("-o", "loop", str(copy), str(place))
        try:
            with mounted(place):
                yield place
        finally:
            copy.unlink()

    def _copy_of_one_moment(self, copy: Path) -> None:
        """Until two copies in a row are the same: the kernel may be writing on its own."""
        again = copy.with_suffix(".again")
        for _ in range(COPIES_MAX):
            for target in (copy, again):
                run("cp", "--sparse=always", str(self._image), str(target))
            if subprocess.run(["cmp", "-s", str(copy), str(again)]).returncode == 0:
                again.unlink()
                return
        raise AssertionError("the file system is never at rest; is the program that writes stopped?")


@contextmanager
def mounted(place: Path) -> Iterator[None]:
    """Let go of at the end. An error before that is the one that is told: what it left may hold the place."""
    try:
        yield
    except BaseException:
        subprocess.run(["umount", "--lazy", str(place)], capture_output=True, check=False)
        raise
    run("umount", str(place))


@contextmanager
def powered_disk(directory: Path, size_mib: int = 48) -> Iterator[Disk]:
    """A disk that can be cut off; skips the test where it cannot be made."""
    if os.geteuid() != 0:
        pytest.skip("a power cut needs root: it mounts a file system")
    if shutil.which("mkfs.ext4") is None:
        pytest.skip("a power cut needs mkfs.ext4 (package e2fsprogs)")
    disk = Disk(directory, size_mib)
    with mounted(disk.mount_point):
        yield disk


@contextmanager
def memory_disk(directory: Path, size_mib: int) -> Iterator[Path]:
    """A file system in memory with little room; skips the test where it cannot be made."""
    if os.geteuid() != 0:
        pytest.skip("a small file system needs root: it is mounted")
    directory.mkdir()
    mount("-t", "tmpfs", "-o", f"size={size_mib}m", "tmpfs", str(directory))
    with mounted(directory):
        yield directory


def run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr.strip()}"


def mount(*arguments: str) -> None:
    done = subprocess.run(["mount", *arguments], capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip(f"nothing can be mounted here: {done.stderr.strip()}")


class Committer:
    """`tests.system.committer` as a child: `acknowledged` is what it said to be durable, name by job id."""

    def __init__(self, database: Path, mode: str = "FULL") -> None:
        self.acknowledged: dict[int, str] = {}
        self._rest = b""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.system.committer", str(database), mode],
            stdout=subprocess.PIPE,
            cwd=ROOT,
        )
        assert self._process.stdout is not None
        self._fd = self._process.stdout.fileno()
        os.set_blocking(self._fd, False)

    def wait_for(self, count: int) -> None:
        """Until it has acknowledged that many jobs more."""
        deadline, goal = monotonic() + PATIENCE_S, len(self.acknowledged) + count
        while len(self.acknowledged) < goal:
            assert monotonic() < deadline, "the committing program does not get on"
            assert self._process.poll() is None, "the committing program has ended"
            select([self._fd], [], [], 1)
            self._read()

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """The program stands still; what it had acknowledged until then has been read."""
        self._process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self._process.pid, os.WSTOPPED | os.WNOWAIT)
        self._read()
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        self._read()

    def _read(self) -> None:
        try:
            while chunk := os.read(self._fd, 1 << 16):
                self._rest += chunk
        except BlockingIOError:
            pass
        *lines, self._rest = self._rest.split(b"\n")
        for line in lines:
            job_id, name = line.decode().split()
            assert int(job_id) not in self.acknowledged, f"the id {job_id} was acknowledged twice"
            self.acknowledged[int(job_id)] = name

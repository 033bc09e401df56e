"""F12: a thousand clients follow logs at once: one log that grows, and a log each of a thousand that grow."""

import contextlib
import hashlib
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.system.growing import BEGUN
from tests.system.person import ADA, Person, for_all, served
from tests.system.product import Json, Product, wait_for
from tests.system.tails import Probe, Tails

TAILS = 1000
SECONDS = 20
OF_LOGIN = 1024
"""Descriptors that a usual login, and what it starts, may have."""
LINES_A_SECOND = 10
"""Of the one log; each of the thousand has one a second: as many that wait to be read, at the same rate."""
MEMORY_MAX_MIB = 200
LINE_MAX_S = 1.0
ANSWER_MAX_S = 0.3
WITHIN_S = 180.0

pytestmark = [
    pytest.mark.slow,
    pytest.mark.alone,
    pytest.mark.root,
    pytest.mark.timeout(900),
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root: the server serves the users of the machine"),
]


@contextmanager
def started(config: str) -> Iterator[Product]:
    """As from a login: with few descriptors, of which the tests themselves need more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (OF_LOGIN, hard))
    try:
        with served(config) as product:
            resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4 * TAILS), hard))
            yield product
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


class Growth:
    """What jobs print: lines with their time, `rate` a second into each of `count` FIFOs."""

    def __init__(self, folder: Path, count: int, rate: int) -> None:
        self.folder = folder
        folder.mkdir()
        for number in range(1, count + 1):
            os.mkfifo(folder / str(number))
            (folder / str(number)).chmod(0o666)
        command = [sys.executable, "-m", "tests.system.growing", str(folder)]
        command += [str(number) for number in (count, rate, SECONDS)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def until_read(self) -> None:
        """All jobs have begun to print."""
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == b"ready\n"

    def begin(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(b"\n")
        self._process.stdin.flush()

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()


@contextmanager
def growing(folder: Path, count: int, rate: int) -> Iterator[Growth]:
    made = Growth(folder, count, rate)
    try:
        yield made
    finally:
        made.close()


class Measured:
    """What the server has and needs, before the tails come and when they have gone."""

    def __init__(self, product: Product) -> None:
        self._pid = product.pid
        self.memory_mib, self.files = resident_mib(self._pid), descriptors(self._pid)

    def bounded(self) -> None:
        more_mib = resident_mib(self._pid) - self.memory_mib
        print(f"{more_mib:.0f} MiB more")
        assert more_mib < MEMORY_MAX_MIB
        wait_for(
            lambda: descriptors(self._pid) <= self.files + 16, WITHIN_S, "the descriptors are given back"
        )


def resident_mib(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def descriptors(pid: int) -> int:
    return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())


def helper_files(product: Product) -> int:
    """Logs that are open in processes that act for users of this product."""
    count, spool = 0, str(product.state / "spool")
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if b"launchyard.helper.main" in (process / "cmdline").read_bytes():
                count += sum(str(fd.readlink()).startswith(spool) for fd in (process / "fd").iterdir())
    return count


def bodies_by_job(tails: Tails) -> dict[str, set[str]]:
    """Hashes of what the followers of each job got."""
    found: dict[str, set[str]] = {}
    for tail in tails.all:
        found.setdefault(tail.job, set()).add(hashlib.sha256(tail.body).hexdigest())
    return found


def logs_by_job(jobs: list[Json]) -> dict[str, set[str]]:
    """Hashes of what they printed."""
    return {str(job["id"]): {hashlib.sha256(Path(job["log_path"]).read_bytes()).hexdigest()} for job in jobs}


def quick_enough(tails: Tails, probe: Probe, lines: int) -> None:
    late = sorted(late_s for tail in tails.all for late_s in tail.late_s())
    took = sorted(probe.took_s())
    assert len(late) == lines
    line_s, answer_s = late[int(len(late) * 0.99)], took[int(len(took) * 0.99)]
    for what, times in (("a line", late), ("an answer", took)):
        median, p99, last = (1000 * times[int((len(times) - 1) * share)] for share in (0.5, 0.99, 1))
        print(f"{what}: median {median:.0f} ms, p99 {p99:.0f} ms, at most {last:.0f} ms of {len(times)}")
    assert line_s < LINE_MAX_S
    assert answer_s < ANSWER_MAX_S


def test_f12_a_thousand_tails_of_one_log_all_get_every_byte() -> None:
    """F12: over HTTP and WebSockets; lines and answers come quickly, memory and descriptors are bounded."""
    with (
        started(for_all(memory="8GiB")) as product,
        growing(product.state.parent / "fifos", 1, LINES_A_SECOND) as growth,
    ):
        ada = Person(product, ADA)
        ada.call("POST", "/api/jobs/", {"entrypoint": f"cat {growth.folder}/1", "submission_id": "grows"})
        (job,) = ada.all_jobs()
        growth.until_read()
        before, tails = Measured(product), Tails(ada)
        for _ in range(TAILS // 2):
            tails.follow(job["id"])
            tails.follow_as_ray("grows")
        wait_for(lambda: tails.have_begun(BEGUN), WITHIN_S, "all tails have begun")
        wait_for(lambda: helper_files(product) == 1, WITHIN_S, "they share one descriptor")
        probe = Probe(ada, job["id"])
        growth.begin()
        tails.to_their_ends(WITHIN_S)
        quick_enough(tails, probe, TAILS * SECONDS * LINES_A_SECOND)
        ended = ada.until(job["id"])
        (printed,) = logs_by_job([ended]).values()
        assert bodies_by_job(tails) == {str(job["id"]): printed, "grows": printed}
        before.bounded()


def test_f12_a_thousand_growing_logs_with_a_tail_each_all_get_every_byte() -> None:
    """F12: each of a job that prints meanwhile."""
    with (
        started(for_all(cpus=TAILS, memory="64GiB")) as product,
        growing(product.state.parent / "fifos", TAILS, 1) as growth,
    ):
        ada = Person(product, ADA)
        printing = f"exec cat {growth.folder}/$SLURM_ARRAY_TASK_ID"
        array = ada.submit(printing, array=f"1-{TAILS}", resources={"memory_mib": 16})
        growth.until_read()
        jobs = [job for job in ada.all_jobs() if job["id"] != array]
        assert len(jobs) == TAILS
        before, tails = Measured(product), Tails(ada)
        for job in jobs:
            tails.follow(job["id"])
        wait_for(lambda: tails.have_begun(BEGUN), WITHIN_S, "all tails have begun")
        assert helper_files(product) <= TAILS
        probe = Probe(ada, jobs[0]["id"])
        growth.begin()
        tails.to_their_ends(WITHIN_S)
        quick_enough(tails, probe, TAILS * SECONDS)
        ada.until(array)
        assert bodies_by_job(tails) == logs_by_job(jobs)
        before.bounded()

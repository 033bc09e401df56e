"""Our engine in front of a real Slurm: handed over, looked at, ended, lost and found again."""

import asyncio
import os
import pwd
import secrets
import signal
import statistics
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import pytest

from launchyard.engine.building import Surroundings
from launchyard.engine.keeper import launch_keeper
from launchyard.engine.local import LocalEngine
from launchyard.engine.protocol import (
    EngineConnected,
    EngineLost,
    EngineReport,
    Launch,
    LaunchEnded,
    LaunchFound,
    LaunchStarted,
    LaunchTaken,
    LaunchWaits,
)
from launchyard.engine.slurm.engine import SlurmEngine, build
from launchyard.model.cluster import ClusterSettings, EngineKind
from launchyard.model.event import Exited
from launchyard.model.job import Job, JobKind
from launchyard.model.node import Node
from launchyard.model.resources import Request
from tests.slurm.costs import bare_sbatch, used_below
from tests.slurm.lab import Lab, brought_up
from tests.slurm.settings import USERS
from tests.system.product import Product

pytestmark = [pytest.mark.root, pytest.mark.slow, pytest.mark.timeout(300)]
PATIENCE_S = 60.0
Report = TypeVar("Report", bound=EngineReport)


@pytest.fixture(scope="module")
def lab(place: Path) -> Iterator[Lab]:
    with brought_up(Lab(place / "engine-lab")) as lab:
        yield lab


@dataclass
class Heard:
    """The engine, and what it has reported."""

    engine: SlurmEngine
    reports: list[EngineReport] = field(default_factory=list)
    patience_s: float = PATIENCE_S

    def take(self, reports: Sequence[EngineReport]) -> None:
        self.reports += reports

    def of(self, kind: type[Report], launch_id: str | None = None) -> list[Report]:
        found = [report for report in self.reports if isinstance(report, kind)]
        return [one for one in found if launch_id in (None, getattr(one, "launch_id", None))]

    async def until(self, condition: Callable[[], object]) -> None:
        deadline = asyncio.get_running_loop().time() + self.patience_s
        while not condition():
            assert asyncio.get_running_loop().time() < deadline, f"not so: {self.reports[-20:]}"
            await asyncio.sleep(0.02)

    async def connected(self) -> None:
        await self.until(lambda: self.of(EngineConnected))

    async def end(self, launch_id: str) -> Exited:
        await self.until(lambda: self.of(LaunchEnded, launch_id))
        return self.of(LaunchEnded, launch_id)[0].exit


@asynccontextmanager
async def host(state: Path) -> AsyncIterator[LocalEngine]:
    """This machine's launcher, whose helpers act as users."""
    launch_keeper(state, daemon_uid=os.geteuid(), allow_root_jobs=True)
    engine, product = LocalEngine(state, nodes=(Node(name="here", cpus=1, memory_mib=100),)), Product(state)
    try:
        await engine.open(lambda reports: None)
        yield engine
        await engine.close()
    finally:
        product.destroy()


def surroundings(lab: Lab, local: LocalEngine, directory: Path) -> Surroundings:
    """Of an engine before that Slurm, which keeps what is its own in `directory`."""
    return Surroundings(
        cluster=ClusterSettings(
            name="lab", engine=EngineKind.SLURM, conf=lab.environment["SLURM_CONF"], bin="/usr/bin"
        ),
        directory=directory,
        host=local,
        serves_all=True,
        drop_in="/nowhere",
        spool="/nowhere",
        clock=time.time,
    )


Story = Callable[[Heard], Coroutine[Any, Any, None]]
Tell = Callable[..., Heard]


@pytest.fixture
def tell(lab: Lab, tmp_path: Path) -> Tell:
    """Live through stories, each with an engine of its own in one directory: a daemon after another."""
    (tmp_path / "engine").mkdir()

    def told(*stories: Story) -> Heard:
        async def inside() -> Heard:
            async with host(tmp_path / "state") as local:
                for story in stories:
                    heard = Heard(build(surroundings(lab, local, tmp_path / "engine")))
                    await heard.engine.open(heard.take)
                    await heard.connected()
                    await story(heard)
                    await heard.engine.close()
                return heard

        return asyncio.run(inside())

    return told


def launch(text: str = "true", *, user: str | None = None, **changes: Any) -> Launch:
    entry = pwd.getpwnam(user or USERS[0])
    launch_id = secrets.token_hex(8)
    job = Job(
        id=int(launch_id[:6], 16),
        name="engine test",
        kind=JobKind.BATCH,
        user=entry.pw_name,
        uid=entry.pw_uid,
        partition="debug",
        submitted_at=0,
        request=Request(memory_mib=100),
    )
    one = Launch(
        launch_id=launch_id,
        job_id=job.id,
        uid=entry.pw_uid,
        node="",
        argv=(),
        script=f"#!/bin/sh\n{text}\n".encode(),
        environment={"PATH": "/usr/bin:/bin", "MINE": "é"},
        working_dir=entry.pw_dir if Path(entry.pw_dir).is_dir() else "/tmp",
        spool_log="",
        time_limit_s=600,
        job=job,
    )
    return replace(one, **changes)


def asking(one: Launch, **changes: Any) -> Launch:
    assert one.job is not None
    return replace(one, job=replace(one.job, **changes))


def test_jobs_end_as_they_ended(tell: Tell) -> None:
    good = launch("id -u; echo $MINE $SLURM_JOB_ID $(hostname); test -d $TMPDIR")
    bad, killed = launch("exit 3"), launch("kill -SEGV $$")

    async def story(heard: Heard) -> None:
        heard.engine.start([good, bad, killed])
        ends = [await heard.end(one.launch_id) for one in (good, bad, killed)]
        assert [(one.exit_code, one.signal) for one in ends] == [(0, None), (3, None), (None, signal.SIGSEGV)]
        assert all(heard.of(LaunchStarted, one.launch_id) for one in (good, bad, killed))
        (taken,) = heard.of(LaunchTaken, good.launch_id)
        assert taken.log is not None
        lines = Path(taken.log).read_text().splitlines()
        assert lines[0] == str(good.uid)
        assert lines[1].startswith(f"é {taken.engine_id} ")

    tell(story)


def test_waiting_job_is_held_released_and_cancelled(tell: Tell, lab: Lab) -> None:
    # One process: of a shell beside it either may be the first that is told to end.
    wide = asking(launch("exec sleep 60"), held=True)

    async def story(heard: Heard) -> None:
        heard.engine.start([wide])
        await heard.until(lambda: any(one.reason.code == "held" for one in heard.of(LaunchWaits)))
        heard.engine.hold(wide.launch_id, held=False)
        await heard.until(lambda: heard.of(LaunchStarted))
        heard.engine.stop(wide.launch_id, signal=signal.SIGTERM, grace_s=5)
        exited = await heard.end(wide.launch_id)
        assert (exited.exit_code, exited.lost) == (None, False)

    tell(story)


def test_jobs_survive_the_daemon_and_are_given_once(tell: Tell, lab: Lab) -> None:
    one = launch("sleep 5; exit 4")

    async def first(heard: Heard) -> None:
        heard.engine.start([one])
        await heard.until(lambda: heard.of(LaunchTaken))

    async def second(heard: Heard) -> None:
        heard.engine.start([one])
        assert heard.of(EngineConnected)[0].known >= {one.launch_id}
        assert (await heard.end(one.launch_id)).exit_code == 4
        assert len(heard.of(LaunchTaken, one.launch_id)) == 1

    tell(first, second)


def test_refusal_of_slurm_is_the_cause(tell: Tell) -> None:
    one = asking(launch(), partition="nosuch")

    async def story(heard: Heard) -> None:
        heard.engine.start([one])
        assert "invalid partition" in ((await heard.end(one.launch_id)).error or "")

    tell(story)


def test_job_given_past_us_is_found(tell: Tell, lab: Lab) -> None:
    async def story(heard: Heard) -> None:
        words = ("sbatch", "--parsable", "-J", "theirs", "--mem=10", "-o", "/dev/null", "--wrap", "sleep 3")
        await asyncio.to_thread(lab.run, *words)
        await heard.until(lambda: heard.of(LaunchFound))
        (found,) = heard.of(LaunchFound)
        assert (found.job.name, found.job.user) == ("theirs", "root")
        assert (await heard.end(found.launch_id)).exit_code == 0

    tell(story)


def test_controller_of_slurm_killed_and_back_loses_nothing_that_it_had_saved(tell: Tell, lab: Lab) -> None:
    before, meanwhile = [launch("sleep 15; exit 5") for _ in range(3)], launch("exit 6")

    async def story(heard: Heard) -> None:
        heard.engine.start(before)
        await heard.until(lambda: len(heard.of(LaunchStarted)) >= 3)
        now = time.time()
        await heard.until(lambda: lab.saved_at() > now)
        await asyncio.to_thread(lab.kill, "slurmctld")
        heard.engine.start([meanwhile])
        await heard.until(lambda: heard.of(EngineLost))
        await asyncio.to_thread(lab.start_again, "slurmctld")
        assert [(await heard.end(one.launch_id)).exit_code for one in before] == [5, 5, 5]
        assert (await heard.end(meanwhile.launch_id)).exit_code == 6

    tell(story)


def test_jobs_that_slurm_forgets_end_as_they_ended_or_are_lost(tell: Tell, lab: Lab) -> None:
    """It is killed before it has saved them, and gives their numbers to others."""
    jobs = [launch("sleep 3; exit 5") for _ in range(4)]

    async def story(heard: Heard) -> None:
        heard.engine.start(jobs)
        await heard.until(lambda: len(heard.of(LaunchStarted)) >= 4)
        await asyncio.to_thread(lab.kill, "slurmctld")
        await asyncio.to_thread(lab.start_again, "slurmctld")
        for one in jobs:
            exited = await heard.end(one.launch_id)
            assert exited.exit_code == 5 or exited.lost or exited.cancelled, exited
            assert len(heard.of(LaunchEnded, one.launch_id)) == 1
        await asyncio.to_thread(lab.start_nodes_again)

    tell(story)


def test_node_that_dies_takes_its_job_along(tell: Tell, lab: Lab) -> None:
    one = launch("sleep 300")

    async def story(heard: Heard) -> None:
        heard.engine.start([one])
        await heard.until(lambda: heard.of(LaunchStarted))
        allocation = heard.of(LaunchStarted)[0].allocation
        assert allocation is not None
        node = allocation.nodes[0]
        await asyncio.to_thread(
            lab.run, "scontrol", "update", f"NodeName={node}", "State=DOWN", "Reason=test"
        )
        exited = await heard.end(one.launch_id)
        await asyncio.to_thread(lab.run, "scontrol", "update", f"NodeName={node}", "State=RESUME")
        assert (exited.lost, exited.node_lost, exited.exit_code) == (True, True, None), exited

    tell(story)


def test_a_submission_costs_little_more_than_sbatch_itself(tell: Tell, lab: Lab, tmp_path: Path) -> None:
    """In time of processors, all processes together: the same on a machine that others use."""
    script = tmp_path / "script"
    script.write_text("#!/bin/sh\ntrue\n")
    product = Product(tmp_path / "state")

    async def ours(heard: Heard) -> float:
        """Of this process, which is the daemon, and of the one that acts for the user, with its sbatch."""
        one = asking(launch(), held=True)
        here, there = time.process_time(), used_below(product)
        heard.engine.start([one])
        await heard.until(lambda: heard.of(LaunchTaken, one.launch_id))
        return time.process_time() - here + used_below(product) - there

    async def story(heard: Heard) -> None:
        looks, since = heard.engine.looks, time.monotonic()
        await ours(heard)
        pairs = [
            (await asyncio.to_thread(bare_sbatch, lab.environment, script), await ours(heard))
            for _ in range(20)
        ]
        alone, together = (statistics.mean(times) for times in zip(*pairs, strict=True))
        print(f"sbatch {1000 * alone:.1f} ms, ours {1000 * (together - alone):.1f} ms more")
        assert together - alone <= 0.030
        assert heard.engine.looks - looks <= time.monotonic() - since + 1

    tell(story)

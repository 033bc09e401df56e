"""The Slurm engine against a Slurm that is told what to do: nothing twice, nothing guessed."""

import asyncio
import errno
import os
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import pytest

from launchyard.engine.building import Surroundings
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
from launchyard.engine.slurm import handing
from launchyard.engine.slurm.engine import SlurmEngine
from launchyard.engine.slurm.journal import Journal
from launchyard.model.cluster import ClusterSettings, EngineKind
from launchyard.model.errors import Invalid
from launchyard.model.job import Job, JobKind
from tests.unit.slurmsite import FakeHelpers, FakeSlurm, Theirs

UID = os.getuid()
Report = TypeVar("Report", bound=EngineReport)


class NoHost:
    """Nobody asks for a process here."""

    async def user_channel(
        self, uid: int, memory_mib: int | None = None, node: str | None = None
    ) -> NoReturn:
        raise AssertionError("a helper was asked for")


@dataclass
class Yard:
    """A Slurm, the engine before it, and what the engine has reported. `now` is what its clock says."""

    directory: Path
    slurm: FakeSlurm
    now: float = 1_795_312_800.0
    reports: list[EngineReport] = field(default_factory=list)

    def engine(self, poll_s: float = 0.01) -> SlurmEngine:
        return SlurmEngine(self.surroundings(poll_s), self.slurm, self.helpers)

    def surroundings(self, poll_s: float = 0.01) -> Surroundings:
        return Surroundings(
            cluster=ClusterSettings(name="hpc", engine=EngineKind.SLURM, poll_s=poll_s),
            directory=self.directory,
            host=NoHost(),
            serves_all=True,
            drop_in="/nowhere",
            spool="/nowhere",
            clock=lambda: self.now,
        )

    @property
    def helpers(self) -> FakeHelpers:
        return FakeHelpers(self.directory)

    def of(self, kind: type[Report]) -> list[Report]:
        return [report for report in self.reports if isinstance(report, kind)]

    def take(self, reports: Sequence[EngineReport]) -> None:
        self.reports += reports

    async def until(self, condition: Callable[[], object]) -> None:
        deadline = asyncio.get_running_loop().time() + 60
        while not condition():
            assert asyncio.get_running_loop().time() < deadline, f"not so: {self.reports} {self.slurm.said}"
            await asyncio.sleep(0.002)

    async def looked(self, times: int = 2) -> None:
        """What Slurm says by now has been taken in."""
        seen = self.slurm.looks
        await self.until(lambda: self.slurm.looks >= seen + times)


@pytest.fixture
def yard(tmp_path: Path) -> Yard:
    return Yard(tmp_path, FakeSlurm())


def with_engine(yard: Yard, story: Callable[[SlurmEngine], Coroutine[Any, Any, None]]) -> None:
    """`story` with an engine that is open, then closed."""

    async def told() -> None:
        engine = yard.engine()
        await engine.open(yard.take)
        await story(engine)
        await engine.close()

    asyncio.run(told())


def launch(launch_id: str = "aa01", **changes: Any) -> Launch:
    job = Job(
        id=7, name="train", kind=JobKind.COMMAND, user="ada", uid=UID, partition="debug", submitted_at=0
    )
    one = Launch(
        launch_id=launch_id,
        job_id=7,
        uid=UID,
        node="",
        argv=("true",),
        environment={"PATH": "/bin"},
        working_dir="/",
        spool_log="7.log",
        job=job,
    )
    return replace(one, **changes)


def test_job_goes_from_the_queue_to_its_end(yard: Yard) -> None:
    async def story(engine: SlurmEngine) -> None:
        engine.start([launch()])
        await yard.until(lambda: yard.of(LaunchWaits))
        yard.slurm.run(101)
        await yard.until(lambda: yard.of(LaunchStarted))
        yard.helpers.keep("aa01.end", exit_code=3, cpu_s=1.5)
        yard.slurm.jobs[101].state = "FAILED"
        await yard.until(lambda: yard.of(LaunchEnded))

    with_engine(yard, story)
    assert [one.engine_id for one in yard.of(LaunchTaken)] == ["101"]
    assert yard.of(LaunchWaits)[0].reason.code == "priority"
    assert yard.of(LaunchStarted)[0].allocation.nodes == ("n1",)  # type: ignore[union-attr]
    exited = yard.of(LaunchEnded)[0].exit
    assert (exited.exit_code, exited.usage.cpu_s) == (3, 1.5)


def test_a_launch_waits_for_its_place_in_the_journal_and_is_given_once(
    yard: Yard, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its disk was full: nothing that is not on record is given to Slurm, and nothing is forgotten."""
    tries: list[int] = []

    def full(journal: Journal, lines: list[dict[str, Any]]) -> None:
        tries.append(len(lines))
        raise OSError(errno.ENOSPC, "No space left on device")

    async def story(engine: SlurmEngine) -> None:
        with monkeypatch.context() as disk:
            disk.setattr(Journal, "write", full)
            engine.start([launch()])
            await yard.until(lambda: len(tries) > 2)
            assert not yard.slurm.jobs
        await yard.until(lambda: yard.of(LaunchTaken))
        await yard.looked()

    monkeypatch.setattr(handing, "FULL_S", 0.01)
    with_engine(yard, story)
    assert list(yard.slurm.jobs) == [101]
    assert Journal(yard.directory / "journal").launches["aa01"].slurm_id == 101


def test_programs_of_the_site_that_are_not_run_there_are_told_of(yard: Yard) -> None:
    def hooks_of(engine: SlurmEngine) -> str | None:
        async def told() -> str | None:
            facts = await engine.open(yard.take)
            await engine.close()
            return facts.details.get("hooks")

        return asyncio.run(told())

    around = yard.surroundings()
    assert hooks_of(SlurmEngine(around, yard.slurm, yard.helpers)) is None
    around = replace(around, hooks={"prolog": "/etc/launchyard/prolog", "limit_s": 30})
    assert "Slurm runs its own" in (hooks_of(SlurmEngine(around, yard.slurm, yard.helpers)) or "")


def test_job_that_ran_between_two_looks_was_started_too(yard: Yard) -> None:
    async def story(engine: SlurmEngine) -> None:
        engine.start([launch()])
        await yard.until(lambda: 101 in yard.slurm.jobs)
        yard.slurm.run(101)
        yard.slurm.jobs[101].state = "COMPLETED"
        await yard.until(lambda: yard.of(LaunchEnded))

    with_engine(yard, story)
    kinds = [type(one) for one in yard.reports]
    assert kinds.index(LaunchStarted) < kinds.index(LaunchEnded)
    assert yard.of(LaunchEnded)[0].exit.exit_code == 0


def test_submission_without_an_answer_is_found_by_its_mark_and_never_repeated(yard: Yard) -> None:
    yard.slurm.answers = False

    async def story(engine: SlurmEngine) -> None:
        engine.start([launch()])
        await yard.until(lambda: yard.of(LaunchTaken))
        await yard.looked()

    with_engine(yard, story)
    assert len(yard.slurm.jobs) == 1
    assert yard.of(LaunchTaken)[0].engine_id == "101"


def test_submission_that_nobody_can_find_is_lost(yard: Yard) -> None:
    yard.slurm.answers = yard.slurm.keeps = False

    async def story(engine: SlurmEngine) -> None:
        engine.start([launch()])
        await yard.until(lambda: yard.slurm.called("sbatch"))
        await yard.looked(3)
        assert not yard.of(LaunchEnded)
        yard.now += 61
        await yard.until(lambda: yard.of(LaunchEnded))

    with_engine(yard, story)
    exited = yard.of(LaunchEnded)[0].exit
    assert exited.lost
    assert "whether it ran is not known" in (exited.error or "")
    assert len(yard.slurm.called("sbatch")) == 1


def test_slurm_that_is_away_gets_the_job_when_it_is_back(yard: Yard) -> None:
    async def story(engine: SlurmEngine) -> None:
        await yard.until(lambda: yard.of(EngineConnected))
        yard.slurm.away = True
        engine.start([launch()])
        await yard.until(lambda: yard.slurm.called("sbatch"))
        assert not yard.slurm.jobs
        yard.slurm.away = False
        await yard.until(lambda: yard.of(LaunchTaken))

    with_engine(yard, story)
    assert len(yard.slurm.jobs) == 1


def test_job_is_told_as_it_was_while_slurm_is_away(yard: Yard) -> None:
    async def story(engine: SlurmEngine) -> None:
        engine.start([launch()])
        await yard.until(lambda: 101 in yard.slurm.jobs)
        yard.slurm.run(101)
        await yard.until(lambda: yard.of(LaunchStarted))
        yard.slurm.away = True
        await yard.until(lambda: yard.of(EngineLost))
        yard.now += 3600
        yard.slurm.away = False
        await yard.until(lambda: len(yard.of(LaunchStarted)) == 2)

    with_engine(yard, story)
    assert not yard.of(LaunchEnded)
    assert yard.of(EngineConnected)[-1].known == {"aa01"}


def test_running_job_that_slurm_forgot_is_lost_after_a_while(yard: Yard) -> None:
    async def story(engine: SlurmEngine) -> None:
        engine.start([launch()])
        await yard.until(lambda: yard.of(LaunchTaken))
        yard.slurm.jobs.clear()
        await yard.looked()
        yard.now += 61
        await yard.until(lambda: yard.of(LaunchEnded))

    with_engine(yard, story)
    exited = yard.of(LaunchEnded)[0].exit
    assert (exited.lost, exited.exit_code) == (True, None)
    assert "no record of it any more" in (exited.error or "")


def test_job_that_slurm_forgot_ended_as_its_runner_wrote_down(yard: Yard) -> None:
    async def story(engine: SlurmEngine) -> None:
        engine.start([launch()])
        await yard.until(lambda: yard.of(LaunchTaken))
        yard.helpers.keep("aa01.end", exit_code=0)
        yard.slurm.jobs.clear()
        await yard.until(lambda: yard.of(LaunchEnded))

    with_engine(yard, story)
    assert yard.of(LaunchEnded)[0].exit.exit_code == 0
    assert yard.of(LaunchStarted)


def test_job_that_slurm_began_twice_is_lost_unless_its_first_run_wrote_down_its_end(yard: Yard) -> None:
    """The exit code is that of our runner, which runs nothing twice."""

    async def story(engine: SlurmEngine) -> None:
        engine.start([launch("aa01"), launch("aa02"), launch("aa03")])
        await yard.until(lambda: len(yard.of(LaunchTaken)) == 3)
        yard.helpers.keep("aa01.start")
        yard.helpers.keep("aa02.end", exit_code=75)
        for job in yard.slurm.jobs.values():
            job.state, job.nodes, job.exit_code = "FAILED", "n1", "75:0"
        await yard.until(lambda: len(yard.of(LaunchEnded)) == 2)
        yard.now += 60
        await yard.until(lambda: len(yard.of(LaunchEnded)) == 3)

    with_engine(yard, story)
    ends = {one.launch_id: one.exit for one in yard.of(LaunchEnded)}
    assert (ends["aa01"].lost, ends["aa01"].exit_code) == (True, None)
    assert "a second time" in (ends["aa01"].error or "")
    assert [(ends[one].lost, ends[one].exit_code) for one in ("aa02", "aa03")] == [(False, 75), (False, 75)]


def test_failure_that_slurm_tells_is_believed_after_the_record_was_waited_for(yard: Yard) -> None:
    """Slurm tells FAILED of a launch whose answer came too late for it, though the job runs to its end."""

    async def story(engine: SlurmEngine) -> None:
        engine.start([launch("aa01"), launch("aa02")])
        await yard.until(lambda: len(yard.of(LaunchTaken)) == 2)
        yard.helpers.keep("aa01.start")
        for job in yard.slurm.jobs.values():
            job.state, job.nodes, job.exit_code = "FAILED", "n1", "1:0"
        await yard.until(lambda: len(yard.slurm.asked) == 2)
        await yard.looked(9)
        assert not yard.of(LaunchEnded)
        # Slurm tells no more than it did, so it is not asked at each look.
        assert sorted(yard.slurm.asked) == [101, 102]
        yard.helpers.keep("aa01.end", exit_code=0)
        await yard.until(lambda: len(yard.of(LaunchEnded)) == 1)
        yard.now += 60
        await yard.until(lambda: len(yard.of(LaunchEnded)) == 2)

    with_engine(yard, story)
    assert [(one.launch_id, one.exit.exit_code) for one in yard.of(LaunchEnded)] == [("aa01", 0), ("aa02", 1)]
    assert sorted(yard.slurm.asked) == [101, 102, 102]


def test_new_daemon_never_gives_again_what_an_earlier_one_may_have_given(yard: Yard) -> None:
    async def first(engine: SlurmEngine) -> None:
        engine.start([launch()])
        await yard.until(lambda: yard.of(LaunchTaken))

    async def second(engine: SlurmEngine) -> None:
        engine.start([launch()])
        await yard.until(lambda: yard.of(LaunchTaken))
        await yard.looked()

    with_engine(yard, first)
    epoch = yard.of(EngineConnected)[0].epoch
    yard.reports.clear()
    with_engine(yard, second)
    connected = yard.of(EngineConnected)[0]
    assert (connected.epoch, connected.known) == (epoch, frozenset({"aa01"}))
    assert len(yard.slurm.called("sbatch")) == 1


def test_end_that_slurm_does_not_notice_is_told_by_the_record(yard: Yard) -> None:
    async def story(engine: SlurmEngine) -> None:
        engine.start([launch()])
        await yard.until(lambda: yard.of(LaunchTaken))
        yard.slurm.run(101)
        await yard.until(lambda: yard.of(LaunchStarted))
        yard.helpers.keep("aa01.end", exit_code=3)
        await yard.looked()
        assert not yard.of(LaunchEnded)
        yard.now += 100
        await yard.until(lambda: yard.of(LaunchEnded) and yard.slurm.called("scancel"))

    with_engine(yard, story)
    assert yard.of(LaunchEnded)[0].exit.exit_code == 3


def test_log_is_beside_the_records_unless_the_job_names_a_file(yard: Yard) -> None:
    async def story(engine: SlurmEngine) -> None:
        engine.start([launch("aa01"), launch("bb02", stdout="/home/ada/out")])
        await yard.until(lambda: len(yard.of(LaunchTaken)) == 2)

    with_engine(yard, story)
    logs = {one.launch_id: one.log for one in yard.of(LaunchTaken)}
    assert (logs["aa01"] or "").endswith("/.local/state/launchyard/slurm/hpc/7-aa01.log")
    assert logs["bb02"] is None


def test_acknowledged_end_is_told_no_more(yard: Yard) -> None:
    async def first(engine: SlurmEngine) -> None:
        engine.start([launch()])
        await yard.until(lambda: yard.of(LaunchTaken))
        yard.slurm.jobs[101].state = "CANCELLED"
        await yard.until(lambda: yard.of(LaunchEnded))
        engine.acknowledge(yard.of(LaunchEnded)[0].token)

    async def second(engine: SlurmEngine) -> None:
        await yard.until(lambda: yard.of(EngineConnected))
        await yard.looked()

    with_engine(yard, first)
    assert yard.of(LaunchEnded)[0].exit.cancelled
    yard.reports.clear()
    with_engine(yard, second)
    assert [type(one) for one in yard.reports] == [EngineConnected]


def test_refusal_is_the_cause_in_slurms_own_words(yard: Yard) -> None:
    yard.slurm.refusal = "Batch job submission failed: Invalid account or account/partition combination"

    async def story(engine: SlurmEngine) -> None:
        engine.start([launch()])
        await yard.until(lambda: yard.of(LaunchEnded))

    with_engine(yard, story)
    error = yard.of(LaunchEnded)[0].exit.error
    assert (
        error
        == "Slurm refused it: Batch job submission failed: Invalid account or account/partition combination"
    )


def test_stop_before_the_order_keeps_it_from_slurm(yard: Yard) -> None:
    async def story(engine: SlurmEngine) -> None:
        await yard.until(lambda: yard.of(EngineConnected))
        engine.stop("aa01", signal=15, grace_s=0)
        engine.start([launch()])
        await yard.until(lambda: yard.of(LaunchEnded))

    with_engine(yard, story)
    assert not yard.slurm.called("sbatch")


def test_stop_cancels_and_the_end_is_slurms(yard: Yard) -> None:
    async def story(engine: SlurmEngine) -> None:
        engine.start([launch()])
        engine.stop("aa01", signal=15, grace_s=0)
        await yard.until(lambda: yard.of(LaunchEnded))

    with_engine(yard, story)
    assert yard.slurm.called("scancel") in ([], [["101"]])
    assert yard.of(LaunchEnded)


def test_mark_in_somebody_elses_comment_is_nothing(yard: Yard) -> None:
    """Threat 11: a user who says that a job of his is another's."""

    async def story(engine: SlurmEngine) -> None:
        engine.start([launch()])
        await yard.until(lambda: yard.of(LaunchTaken))
        yard.slurm.jobs[900] = Theirs(number=900, uid=UID + 1, comment="launchyard:aa01", state="FAILED")
        await yard.looked()

    with_engine(yard, story)
    assert not yard.of(LaunchEnded)
    assert [one.engine_id for one in yard.of(LaunchTaken)] == ["101"]


def test_job_given_to_slurm_past_us_is_found_once(yard: Yard) -> None:
    yard.slurm.jobs[50] = Theirs(number=50, uid=UID, comment="my own")

    async def story(engine: SlurmEngine) -> None:
        await yard.until(lambda: yard.of(LaunchFound))
        yard.slurm.run(50)
        await yard.until(lambda: yard.of(LaunchStarted))

    with_engine(yard, story)
    found = yard.of(LaunchFound)
    assert [(one.engine_id, one.job.name, one.job.cluster) for one in found] == [("50", "a name", "hpc")]
    assert yard.of(LaunchStarted)[0].launch_id == found[0].launch_id


@pytest.mark.parametrize(
    ("output", "log"),
    [("/home/ada/my run.out", "/home/ada/my run.out"), ("/dev/null", None), ("/home/%Z/x", None)],
)
def test_log_of_a_users_own_job_is_where_slurm_lets_it_print(
    yard: Yard, output: str, log: str | None
) -> None:
    yard.slurm.jobs[50] = Theirs(number=50, uid=UID, comment="my own", output=output)
    yard.slurm.jobs[51] = Theirs(number=51, uid=UID, comment="over at the next look", output=output)

    async def story(engine: SlurmEngine) -> None:
        await yard.until(lambda: len(yard.of(LaunchFound)) == 2)
        yard.slurm.run(50)
        yard.slurm.run(51)
        yard.slurm.jobs[51].state = "COMPLETED"
        await yard.until(lambda: yard.of(LaunchStarted) and yard.of(LaunchEnded))
        await yard.looked()

    with_engine(yard, story)
    for number in ("50", "51"):
        assert [one.log for one in yard.of(LaunchTaken) if one.engine_id == number][-1] == log


def test_hold_release_and_change_are_passed_on_as_the_user(yard: Yard) -> None:
    async def story(engine: SlurmEngine) -> None:
        first = launch()
        engine.start([first])
        await yard.until(lambda: yard.of(LaunchTaken))
        engine.hold("aa01", held=True)
        engine.hold("aa01", held=False)
        assert first.job is not None
        engine.amend("aa01", replace(first.job, name="other", time_limit_s=90))
        engine.signal("aa01", 10, main_only=True)
        await yard.until(lambda: len(yard.slurm.said) >= 5)

    with_engine(yard, story)
    assert {uid for uid, _ in yard.slurm.said} == {UID}
    assert ["uhold", "101"] in yard.slurm.called("scontrol")
    assert ["release", "101"] in yard.slurm.called("scontrol")
    assert ["update", "JobId=101", "Name=other", "TimeLimit=00:02:00"] in yard.slurm.called("scontrol")
    assert ["--signal=10", "--batch", "101"] in yard.slurm.called("scancel")


def test_slurm_that_forgets_before_we_look_is_refused(yard: Yard) -> None:
    yard.slurm.min_job_age = 2

    async def told() -> None:
        engine = yard.engine(poll_s=1.0)
        with pytest.raises(Invalid, match="MinJobAge of Slurm is 2 s"):
            await engine.open(yard.take)
        await engine.close()

    asyncio.run(told())


def test_users_own_job_is_never_taken_for_a_leftover_of_ours(yard: Yard) -> None:
    yard.slurm.jobs[50] = Theirs(number=50, uid=UID, comment="my own")

    async def first(engine: SlurmEngine) -> None:
        await yard.until(lambda: yard.of(LaunchFound))

    async def second(engine: SlurmEngine) -> None:
        """A controller that never kept the report stops what it does not know, as it does with ours."""

        def take(reports: Sequence[EngineReport]) -> None:
            yard.take(reports)
            for launch_id in {one for report in yard.of(EngineConnected) for one in report.known}:
                engine.stop(launch_id, signal=9, grace_s=0)

        engine._table.report = take
        await yard.until(lambda: yard.of(LaunchFound))
        await yard.looked()

    with_engine(yard, first)
    yard.reports.clear()
    with_engine(yard, second)
    assert not yard.slurm.called("scancel")
    connected, found = yard.of(EngineConnected)[0], yard.of(LaunchFound)[0]
    assert yard.reports.index(connected) < yard.reports.index(found)


def test_users_own_job_that_is_gone_is_never_given_to_slurm_by_us(yard: Yard) -> None:
    async def story(engine: SlurmEngine) -> None:
        await yard.until(lambda: yard.of(EngineConnected))
        engine.start([launch("s50t1795312800")])
        await yard.until(lambda: yard.of(LaunchEnded))

    with_engine(yard, story)
    assert yard.of(LaunchEnded)[0].exit.lost
    assert not yard.slurm.called("sbatch")

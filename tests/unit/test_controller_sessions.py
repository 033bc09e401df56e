"""Sessions in the controller: what an attendant may tell, who may open, more time, idle stop by one timer."""

import asyncio
import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from launchyard.controller.idling import Idling
from launchyard.controller.sessions import Told
from launchyard.model.change import Change
from launchyard.model.errors import Conflict, Infeasible, NotFound
from launchyard.model.event import SessionMoved
from launchyard.model.job import Attempt, Job, JobKind
from launchyard.model.node import NodeState
from launchyard.model.partition import Partition
from launchyard.model.resources import Allocation, NodeShare
from launchyard.model.rules import Rules
from launchyard.model.session import Session, TcpTarget, place
from launchyard.model.state import JobState
from launchyard.model.submission import Submission
from launchyard.policy.sessions import WARNED_S, state_of
from launchyard.store.memory import MemoryStore
from tests.unit.yard import ADA, BOB, ROOT, RULES, Yard, running_yard

SESSION = Session(app="tool", title="Tool", folder="/apps/tool")
SMALL = Rules(partitions={"all": Partition(name="all", default=True, time_limit_max_s=7200)})


async def running(yard: Yard, **asked: Any) -> Job:
    """A session of ada's whose program has been executed."""
    asked.setdefault("session", SESSION)
    job = await yard.submit(kind=JobKind.SESSION, time_limit_s=3600, **asked)
    await yard.until_state(job.id, JobState.RUNNING)
    return yard.job(job.id)


def told(job: Job, what: str = "answers", **facts: Any) -> Told:
    assert job.attempt is not None
    return Told(launch_id=job.attempt.launch_id, what=what, **facts)


def run(test: Any) -> None:
    asyncio.run(test())


def test_a_session_is_reached_once_its_attendant_says_that_it_answers() -> None:
    async def test() -> None:
        async with running_yard() as yard:
            sessions = yard.controller.sessions
            job = await running(yard)
            with pytest.raises(NotFound, match="is starting"):
                sessions.endpoint(ADA, job.id)

            await sessions.told(ADA, job.id, told(job, secret="s3cret", port=4000))

            found = sessions.endpoint(ADA, job.id)
            assert found.secret == "s3cret"
            assert found.target == TcpTarget(port=4000)
            assert state_of(yard.job(job.id)) == "running"

    run(test)


def test_nobody_else_tells_of_a_session_opens_it_or_changes_it() -> None:
    async def test() -> None:
        async with running_yard() as yard:
            sessions = yard.controller.sessions
            job = await running(yard)
            await sessions.told(ADA, job.id, told(job, secret="s"))
            assert sessions.endpoint(ADA, job.id) is sessions.endpoint(ADA, job.id)

            with pytest.raises(NotFound):
                await sessions.told(BOB, job.id, told(job, secret="mine"))
            with pytest.raises(NotFound):
                sessions.endpoint(BOB, job.id)
            with pytest.raises(NotFound):
                sessions.endpoint(ROOT, job.id)
            with pytest.raises(NotFound):
                await sessions.extend(BOB, job.id, 60)
            with pytest.raises(NotFound):
                await sessions.share(BOB, job.id, ["bob"])
            assert sessions.endpoint(ADA, job.id).secret == "s"

    run(test)


def test_those_it_is_shared_with_open_it_and_do_not_change_it() -> None:
    async def test() -> None:
        async with running_yard() as yard:
            sessions = yard.controller.sessions
            job = await running(yard)
            await sessions.told(ADA, job.id, told(job, secret="s"))

            await sessions.share(ADA, job.id, ["bob", "ada"])
            assert sessions.endpoint(BOB, job.id).secret == "s"
            with pytest.raises(NotFound):
                await sessions.extend(BOB, job.id, 60)
            await sessions.share(ADA, job.id, [])
            with pytest.raises(NotFound):
                sessions.endpoint(BOB, job.id)

    run(test)


def test_what_is_told_of_another_launch_is_refused() -> None:
    async def test() -> None:
        async with running_yard() as yard:
            job = await running(yard)

            with pytest.raises(Conflict, match="another launch"):
                await yard.controller.sessions.told(ADA, job.id, Told(launch_id="other", what="answers"))

            assert state_of(yard.job(job.id)) == "starting"

    run(test)


def test_a_job_that_is_no_session_is_none_here() -> None:
    async def test() -> None:
        async with running_yard() as yard:
            job = await yard.submit()
            await yard.until_state(job.id, JobState.RUNNING)

            with pytest.raises(NotFound):
                await yard.controller.sessions.told(ADA, job.id, told(yard.job(job.id)))

    run(test)


def test_the_way_to_a_session_is_gone_with_its_job() -> None:
    async def test() -> None:
        async with running_yard() as yard:
            sessions = yard.controller.sessions
            job = await running(yard)
            await sessions.told(ADA, job.id, told(job, secret="s"))
            sessions.endpoint(ADA, job.id)

            await yard.controller.cancel(ADA, yard.ref(job.id))
            with pytest.raises(NotFound):
                sessions.endpoint(ADA, job.id)

    run(test)


class EndsLate(MemoryStore):
    """What ends is on its way to the store until the test lets it in."""

    def __init__(self) -> None:
        super().__init__()
        self.let_in = threading.Event()

    def commit(self, changes: Sequence[Change]) -> None:
        if any(job.ended for change in changes for job in change.jobs):
            self.let_in.wait(60)
        super().commit(changes)


def test_one_whose_end_is_on_its_way_to_the_store_is_known_and_does_not_live() -> None:
    async def test() -> None:
        store = EndsLate()
        async with running_yard(store=store) as yard:
            sessions = yard.controller.sessions
            job = await running(yard)
            cancelling = asyncio.ensure_future(yard.controller.cancel(ADA, yard.ref(job.id)))
            await yard.until(lambda: yard.job(job.id).ended)

            known, live = sessions.known(), sessions.live()
            store.let_in.set()
            await cancelling
            await yard.until_ended(job.id)
            await yard.until(lambda: not sessions.known())

            assert [one.id for one in known] == [job.id]
            assert live == []

    run(test)


def test_after_a_restart_the_secret_is_read_again_as_its_user_even_if_the_first_try_fails() -> None:
    async def test() -> None:
        store = MemoryStore()
        async with running_yard(store=store) as yard:
            job = await running(yard)
            await yard.controller.sessions.told(ADA, job.id, told(job, secret="s3cret"))
            launch_id, engine = yard.launch_id(job.id), yard.engine
        tries: list[tuple[int, str]] = []

        async def read_as(job: Job, path: str) -> bytes:
            tries.append((job.uid, path))
            if len(tries) == 1:
                raise OSError
            return json.dumps({"launch_id": launch_id, "secret": "s3cret"}).encode()

        async with running_yard(store=store, engine=engine) as yard:
            sessions = yard.controller.sessions
            sessions.begin(read_as)
            await yard.until(lambda: len(tries) == 1)

            def reached() -> bool:
                try:
                    return sessions.endpoint(ADA, job.id).secret == "s3cret"
                except NotFound:
                    return False

            await yard.until(reached)
        assert tries[1] == (1000, place("", launch_id) + "/session.json")

    run(test)


def test_it_gets_more_time_as_far_as_its_partition_allows() -> None:
    async def test() -> None:
        async with running_yard(rules=SMALL) as yard:
            job = await running(yard)

            longer = await yard.controller.sessions.extend(ADA, job.id, 1800)
            with pytest.raises(Infeasible, match="cannot be extended: partition all allows 7200 s"):
                await yard.controller.sessions.extend(ADA, job.id, 3600)

            assert longer.time_limit_s == 5400

    run(test)


def test_a_waiting_session_is_not_extended() -> None:
    async def test() -> None:
        async with running_yard() as yard:
            job = await yard.submit(kind=JobKind.SESSION, session=SESSION, held=True)

            with pytest.raises(Conflict, match="is queued"):
                await yard.controller.sessions.extend(ADA, job.id, 60)

    run(test)


def test_each_change_is_told_to_its_owner_and_to_those_it_is_shared_with() -> None:
    async def test() -> None:
        async with running_yard() as yard:
            heard: list[SessionMoved] = []
            yard.controller.sessions.watch(heard.append)
            job = await running(yard)
            await yard.controller.sessions.told(ADA, job.id, told(job, secret="s"))
            await yard.controller.sessions.share(ADA, job.id, ["bob"])

            states = [one.state for one in heard if one.what == "state"]
            assert states[0] == "queued"
            assert states[-1] == "running"
            assert {one.users for one in heard if one.what == "sharers"} == {("ada",), ("ada", "bob")}

    run(test)


def test_sessions_take_the_interactive_qos_while_there_is_room_in_it() -> None:
    async def test() -> None:
        async with running_yard(rules=RULES) as yard:
            sessions = yard.controller.sessions
            from_form = [await _asked(yard) for _ in range(3)]

            assert from_form == ["interactive", "interactive", None]
            assert sessions.qos_for(BOB, _submission()) == "interactive"

    run(test)


async def _asked(yard: Yard) -> str | None:
    qos = yard.controller.sessions.qos_for(ADA, _submission())
    await yard.submit(kind=JobKind.SESSION, session=SESSION, qos=qos)
    return qos


def _submission() -> Submission:
    return Submission(command=("true",), kind=JobKind.SESSION, session=SESSION)


def test_who_works_in_a_session_is_warned_before_its_time_is_over_and_again_after_more_time() -> None:
    async def test() -> None:
        clock = [1_000_000.0]
        async with running_yard(clock=lambda: clock[0]) as yard:
            heard: list[SessionMoved] = []
            job = await running(yard)
            await yard.controller.sessions.told(ADA, job.id, told(job, secret="s"))
            yard.controller.sessions.watch(lambda event: heard.append(event) if warns(event) else None)

            clock[0] += 3600 - WARNED_S + 1
            await yard.until(lambda: len(heard) == 1)
            await yard.controller.sessions.extend(ADA, job.id, 3600)
            await yard.until(lambda: len(heard) == 2)
            clock[0] += 3600
            await yard.until(lambda: len(heard) == 3)

            assert {(one.session_id, one.state) for one in heard} == {(job.id, "running")}

    run(test)


def warns(event: SessionMoved) -> bool:
    return event.what == "ending"


def test_who_has_a_session_on_a_node_hears_that_it_is_drained_and_that_it_is_open_again() -> None:
    async def test() -> None:
        async with running_yard() as yard:
            sessions, heard = yard.controller.sessions, list[SessionMoved]()
            job = await running(yard)
            sessions.watch(heard.append)

            await yard.controller.mark_node("node", NodeState.DRAIN, "new disks", "root")
            noticed = sessions.notice(yard.job(job.id))
            await yard.controller.mark_node("node", NodeState.UP, "", "root")

            of_node = [(one.what, one.users) for one in heard if one.what == "node"]
            assert of_node == [("node", ("ada",))] * 2
            assert noticed == "node node is closed for new work (new disks); Tool runs on until it ends"
            assert sessions.notice(yard.job(job.id)) is None

    run(test)


class Watched:
    """Idle stop with a log of what it did, and a usage that grows by `busy_s` from look to look."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.warned: list[int] = []
        self.stopped: list[int] = []
        self.cpu_s = self.busy_s = 0.0
        self.looks = 0
        self.idling = Idling(clock, self.warned.append, lambda job_id, _: self.stopped.append(job_id))
        self.idling.usage = self._usage

    async def _usage(self) -> Mapping[str, Mapping[str, float]]:
        self.looks, self.cpu_s = self.looks + 1, self.cpu_s + self.busy_s
        return {"l1": {"cpu_s": self.cpu_s}}

    async def until(self, condition: Any) -> None:
        deadline = time.monotonic() + 60
        while not condition():
            assert time.monotonic() < deadline, "what the test waits for did not happen"
            await asyncio.sleep(0.005)


def job_of(number: int) -> Job:
    attempt = Attempt(
        number=1,
        launch_id="l1",
        epoch="e",
        allocation=Allocation(shares=(NodeShare(node="n", cpus_milli=1000, memory_mib=64),)),
        allocated_at=0,
    )
    return Job(
        id=number,
        name="tool",
        kind=JobKind.SESSION,
        user="ada",
        uid=1000,
        partition="all",
        submitted_at=0,
        attempt=attempt,
    )


def test_a_session_that_nobody_uses_is_warned_and_then_stopped() -> None:
    async def test() -> None:
        now = [0.0]
        watched = Watched(lambda: now[0])
        watched.idling.begin(job_of(7), 0.2)

        now[0] = 0.199
        await watched.until(lambda: watched.warned)
        assert not watched.stopped
        assert watched.idling.since(7) is not None
        now[0] = 0.2
        await watched.until(lambda: watched.stopped)
        assert watched.stopped == [7]
        watched.idling.close()

    run(test)


def test_use_takes_the_warning_back() -> None:
    async def test() -> None:
        now = [0.0]
        watched = Watched(lambda: now[0])
        watched.idling.begin(job_of(7), 0.3)

        now[0] = 0.299
        await watched.until(lambda: watched.warned)
        watched.idling.use(7)

        assert watched.idling.since(7) is None
        assert watched.warned == [7, 7]
        assert not watched.stopped
        watched.idling.close()

    run(test)


def test_a_session_that_computes_is_in_use_though_nobody_looks() -> None:
    async def test() -> None:
        watched = Watched()
        watched.busy_s = 1000.0
        watched.idling.begin(job_of(7), 0.1)

        await watched.until(lambda: watched.looks > 4)

        assert not watched.stopped
        watched.idling.close()

    run(test)


def test_one_that_has_ended_is_forgotten() -> None:
    async def test() -> None:
        watched = Watched()
        watched.idling.begin(job_of(7), 0.1)
        watched.idling.end(7)
        watched.idling.begin(job_of(8), 0.2)

        await watched.until(lambda: watched.stopped)

        assert watched.stopped == [8]
        watched.idling.close()

    run(test)

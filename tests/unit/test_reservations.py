"""Nodes kept for a time: who may use them, who waits for them, and what the waiting are told."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from launchyard.model.errors import Conflict, Infeasible, Invalid, NotFound
from launchyard.model.job import Job
from launchyard.model.node import Node
from launchyard.model.reservation import Reservation
from launchyard.model.state import JobState
from launchyard.model.submission import Submission, Update
from launchyard.model.wishes import Wishes
from launchyard.store.memory import MemoryStore
from tests.unit.yard import ADA, BOB, ROOT, Yard, running_yard

T0 = 1_000_000.0
HOUR = 3600.0
NODES = tuple(Node(name=f"n{n}", cpus=2, memory_mib=4096) for n in (1, 2))
NIGHT = Reservation(
    name="night", start=T0 + HOUR, end=T0 + 2 * HOUR, nodes=("n1", "n2"), maintenance=True, created_by="root"
)
COURSE = Reservation(name="course", start=T0, end=T0 + 2 * HOUR, nodes=("n2",), users=("ada",))


class Clock:
    def __init__(self) -> None:
        self.now = T0

    def __call__(self) -> float:
        return self.now


def on_yard(body: Callable[[Yard, Clock], Awaitable[None]]) -> None:
    async def run() -> None:
        clock = Clock()
        async with running_yard(nodes=NODES, clock=clock) as yard:
            await body(yard, clock)

    asyncio.run(run())


def why(yard: Yard, job: Job) -> str:
    reason = yard.controller.reason(job.id)
    assert reason is not None
    return reason.sentence


def test_a_job_that_would_run_into_maintenance_waits_and_is_told_until_when() -> None:
    async def body(yard: Yard, clock: Clock) -> None:
        await yard.controller.reserving.create(NIGHT)
        short = await yard.submit(time_limit_s=3600)
        long = await yard.submit(time_limit_s=3601)
        await yard.until_state(short.id, JobState.RUNNING)
        assert yard.state(long.id) is JobState.PENDING
        assert why(yard, long) == (
            "waits until 1970-01-12T15:46:40Z: nodes n1 and n2 are reserved for maintenance from "
            f"1970-01-12T14:46:40Z; it would fit before with `ly update {long.id} --time 1h`"
        )

    on_yard(body)


def test_a_job_starts_when_the_maintenance_is_over() -> None:
    async def body(yard: Yard, clock: Clock) -> None:
        await yard.controller.reserving.create(replace(NIGHT, start=T0, reason="new disks"))
        job = await yard.submit(time_limit_s=60)
        assert (
            why(yard, job) == "waits until 1970-01-12T15:46:40Z: nodes n1 and n2 are reserved for new disks"
        )
        clock.now = NIGHT.end
        yard.controller.reserving.look()
        await yard.until_state(job.id, JobState.RUNNING)
        assert yard.controller.reserving.all() == []
        await yard.until(lambda: yard.store.reservations() == [])

    on_yard(body)


@pytest.mark.parametrize(
    ("kept", "asked", "limit_s"),
    [
        (NIGHT, Wishes(), 3600),
        (COURSE, Wishes(reservation="course"), 7200),
        (replace(COURSE, users=("bob",)), Wishes(nodelist=("n2",)), None),
    ],
)
def test_a_job_with_a_minimum_of_time_is_cut_to_what_a_reservation_leaves(
    kept: Reservation, asked: Wishes, limit_s: int | None
) -> None:
    async def body(yard: Yard, clock: Clock) -> None:
        await yard.controller.reserving.create(kept)
        job = await yard.submit(wishes=asked, time_limit_s=3 * 3600, time_min_s=1800)
        if limit_s is None:
            assert "node n2 is reserved as course" in why(yard, job)
            return
        await yard.until_state(job.id, JobState.RUNNING)
        assert yard.job(job.id).time_limit_s == limit_s

    on_yard(body)


def test_reserved_nodes_are_for_those_who_may_and_name_them() -> None:
    async def body(yard: Yard, clock: Clock) -> None:
        await yard.controller.reserving.create(COURSE)
        own = await yard.submit(wishes=Wishes(reservation="course"), cpus_milli=2000)
        other = await yard.submit(BOB, cpus_milli=2000)
        last = await yard.submit(BOB, cpus_milli=2000, time_limit_s=60)
        await yard.until_state(other.id, JobState.RUNNING)
        await yard.until_state(own.id, JobState.RUNNING)
        assert [yard.job(one.id).attempt.allocation.nodes for one in (own, other)] == [("n2",), ("n1",)]  # type: ignore[union-attr]
        assert yard.job(own.id).time_limit_s == 7200
        assert yard.state(last.id) is JobState.PENDING

    on_yard(body)


def test_a_job_without_a_time_limit_gets_what_its_reservation_leaves_when_it_starts() -> None:
    async def body(yard: Yard, clock: Clock) -> None:
        await yard.controller.reserving.create(COURSE)
        course = Wishes(reservation="course")
        first = await yard.submit(wishes=course, cpus_milli=2000, time_limit_s=3600)
        await yard.until_state(first.id, JobState.RUNNING)
        job = await yard.submit(wishes=course, cpus_milli=2000)
        assert yard.job(job.id).time_limit_s == 7200
        clock.now += 600.5
        assert "reservation" not in why(yard, job)
        await yard.controller.update(ADA, yard.ref(job.id), Update(cpus_milli=1000))
        await yard.controller.cancel(ADA, yard.ref(first.id))
        await yard.until_state(job.id, JobState.RUNNING)
        assert yard.job(job.id).time_limit_s == 6599

    on_yard(body)


def test_a_time_limit_that_was_asked_for_in_a_reservation_is_kept() -> None:
    async def body(yard: Yard, clock: Clock) -> None:
        await yard.controller.reserving.create(replace(COURSE, start=T0 + 60))
        course = Wishes(reservation="course")
        asked = await yard.submit(wishes=course, time_limit_s=7140)
        later = await yard.submit(wishes=course)
        await yard.controller.update(ADA, yard.ref(later.id), Update(time_limit_s=7140))
        clock.now += 61
        yard.controller.reserving.look()
        for job in (asked, later):
            assert "would run past the end of reservation course" in why(yard, job)
            assert yard.state(job.id) is JobState.PENDING

    on_yard(body)


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"reservation": "curse"}, 'there is no reservation "curse"; did you mean course?'),
        (
            {"reservation": "night"},
            "reservation night is not for ada; it is for maintenance, and for no jobs",
        ),
        (
            {"reservation": "bobs"},
            "reservation bobs is not for ada; it is for users bob and accounts physics",
        ),
        (
            {"reservation": "course", "time_limit_s": 7201},
            "reservation course has 2 h left, 2 h asked for; ask for --time 2h or less",
        ),
        (
            {"reservation": "course", "nodes": 2},
            "on the nodes of reservation course (n2): 2 nodes asked for, 1 named",
        ),
        (
            {"reservation": "course", "nodelist": ("n1",)},
            "--nodelist names none of the nodes of reservation course: n2",
        ),
    ],
)
def test_what_a_reservation_does_not_hold_is_refused(asked: dict[str, object], sentence: str) -> None:
    async def body(yard: Yard, clock: Clock) -> None:
        reserving = yard.controller.reserving
        await reserving.create(COURSE)
        later = {"start": T0 + 9 * HOUR, "end": T0 + 10 * HOUR}
        await reserving.create(replace(NIGHT, **later))  # type: ignore[arg-type]
        bobs = replace(COURSE, name="bobs", users=("bob",), accounts=("physics",), nodes=("n1",))
        await reserving.create(bobs)
        wishes = Wishes(**{k: v for k, v in asked.items() if k in Wishes.__slots__})  # type: ignore[arg-type]
        others = {name: value for name, value in asked.items() if name not in Wishes.__slots__}
        with pytest.raises(Infeasible) as refused:
            await yard.submit(ADA, wishes=wishes, **others)
        assert sentence in str(refused.value)

    on_yard(body)


@pytest.mark.parametrize(
    ("asked", "error", "sentence"),
    [
        (replace(COURSE, end=T0 - 1), Invalid, "would be over before it begins"),
        (replace(COURSE, users=()), Invalid, "nobody could use it"),
        (replace(COURSE, nodes=("n7",)), Infeasible, 'there is no node "n7"'),
        (replace(COURSE, name="first"), Conflict, 'there is a reservation "first"'),
        (COURSE, Conflict, "reservation first has n2 at that time"),
    ],
)
def test_a_wrong_reservation_is_refused(asked: Reservation, error: type[Exception], sentence: str) -> None:
    async def body(yard: Yard, clock: Clock) -> None:
        await yard.controller.reserving.create(replace(COURSE, name="first"))
        with pytest.raises(error, match=sentence):
            await yard.controller.reserving.create(asked)
        assert [one.name for one in yard.controller.reserving.all()] == ["first"]

    on_yard(body)


def test_nodes_are_chosen_that_will_be_free_and_belong_to_nobody() -> None:
    async def body(yard: Yard, clock: Clock) -> None:
        job = await yard.submit(time_limit_s=7200)
        await yard.until_state(job.id, JobState.RUNNING)
        (busy,) = yard.job(job.id).attempt.allocation.nodes  # type: ignore[union-attr]
        asked = replace(COURSE, nodes=(), start=T0 + HOUR)
        made, running = await yard.controller.reserving.create(asked, 1)
        assert (made.nodes, running) == (tuple({"n1", "n2"} - {busy}), [])
        whole, running = await yard.controller.reserving.create(replace(NIGHT, nodes=(busy,)))
        assert (whole.nodes, running) == ((busy,), [job.id])
        with pytest.raises(Infeasible, match="1 node asked for, 0 of 2 are in no other reservation then"):
            await yard.controller.reserving.create(replace(asked, name="more"), 1)

    on_yard(body)


def test_a_job_whose_reservation_was_deleted_is_told_how_to_go_on() -> None:
    async def body(yard: Yard, clock: Clock) -> None:
        reserving = yard.controller.reserving
        await reserving.create(replace(COURSE, start=T0 + 60))
        job = await yard.submit(wishes=Wishes(reservation="course"), time_limit_s=60)
        assert why(yard, job) == "waits until 1970-01-12T13:47:40Z, when reservation course begins"
        await reserving.delete("course")
        assert "waits for reservation course, which is over or was deleted" in why(yard, job)
        await yard.controller.update(ROOT, yard.ref(job.id), Update(wishes=Wishes(reservation="")))
        await yard.until_state(job.id, JobState.RUNNING)
        with pytest.raises(NotFound, match="there are none"):
            await reserving.delete("course")

    on_yard(body)


def test_the_reservation_is_named_after_which_the_job_fits() -> None:
    async def body(yard: Yard, clock: Clock) -> None:
        for name, node, hours in (("a", "n1", 1), ("b", "n2", 2)):
            end = T0 + hours * HOUR
            await yard.controller.reserving.create(
                replace(NIGHT, name=name, nodes=(node,), start=T0, end=end, reason=name)
            )
        both = await yard.submit(nodes=2, time_limit_s=60)
        one = await yard.submit(time_limit_s=60)
        assert "node n2 is reserved for b" in why(yard, both)
        assert "node n1 is reserved for a" in why(yard, one)
        _, outlook = await yard.controller.check(ADA, Submission(command=("true",), time_limit_s=60))
        reason = outlook.reason
        assert reason is not None
        assert reason.sentence.endswith("node n1 is reserved for a")

    on_yard(body)


def test_reservations_outlive_a_restart() -> None:
    async def run() -> None:
        store = MemoryStore()
        async with running_yard(store=store, nodes=NODES) as yard:
            made, _ = await yard.controller.reserving.create(COURSE)
        async with running_yard(store=store, nodes=NODES) as yard:
            assert yard.controller.reserving.all() == [made]
            with pytest.raises(Infeasible, match="is not for bob"):
                await yard.submit(BOB, wishes=Wishes(reservation="course"))
            await yard.submit(ADA, wishes=Wishes(reservation="course"))

    asyncio.run(run())

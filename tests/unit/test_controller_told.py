"""Whatever the order in which changes are decided, durable, heard of and read: what clients are told of jobs.

An answer tells a state that the job had between the asking and the answer: so nothing older than what any
earlier answer told. A list has each job that matches it all that time, none that never does, and none twice.
Events come in the order of what happened, each once, also to who comes back. Nobody is told of a job whose
id is not durable.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from launchyard.api.context import READERS as READERS_AT_ONCE
from launchyard.api.events import Hearer
from launchyard.api.ray_jobs import routes as ray
from launchyard.api.ray_jobs.details import status_of
from launchyard.api.routes import accounting, joblist, jobs, sessions, tables, tasks
from launchyard.controller import loop as loops
from launchyard.engine.fake import Obedience
from launchyard.model.array import Indexes, Task
from launchyard.model.errors import LaunchyardError, NotFound
from launchyard.model.job import Job, JobKind
from launchyard.model.session import Session
from launchyard.model.sight import EVERYBODYS
from launchyard.model.state import JobState
from launchyard.sdk.events import EventParser
from tests.often import often
from tests.unit.asking import Asking, LateStore
from tests.unit.test_controller import turns
from tests.unit.yard import ADA, Yard, running_yard

SESSION = Session(app="tool", title="Tool", folder="/apps/tool")
SUBMITTED: Sequence[dict[str, Any]] = (
    {},
    {"submission_id": "named"},
    {"kind": JobKind.SESSION, "session": SESSION},
    {"indexes": Indexes(((1, 2, 1),))},
)
SOME = (JobState.RUNNING, JobState.FAILED, JobState.PENDING)
Told = list[tuple[int, str]]
"""Jobs by id, with the state that is told."""


@dataclass(frozen=True)
class Reader:
    """What asks, which jobs as they are at a moment belong into the answer, and in what words."""

    name: str
    ask: Callable[[Asking], Awaitable[Told]]
    lists: Callable[[Job], bool] = lambda job: True
    word: Callable[[Job], str] = lambda job: job.state.value


async def listed(asking: Asking, **asked: Any) -> Told:
    """Page by page."""
    told: Told = []
    while True:
        page = await asking.ask(jobs.list_jobs, **asked)
        told += [(one["id"], one["state"]) for one in page["jobs"]]
        if page["next"] is None:
            return told
        asked["cursor"] = page["next"]


async def tabled(asking: Asking) -> Told:
    columns = (await asking.ask(joblist.joblist))["columns"]
    return list(zip(whole(columns["id"]), whole(columns["state"]), strict=True))


def whole(column: Any) -> list[Any]:
    """Also one of few values, which is told as positions in them."""
    return [column["of"][at] for at in column["at"]] if isinstance(column, dict) else column


async def rows(asking: Asking, route: Any, **asked: Any) -> Told:
    return [
        (job_id, state) for job_id, state in (await asking.ask(route, columns="id,state", **asked))["rows"]
    ]


async def cards(asking: Asking) -> Told:
    return [
        (one["id"], one["job"]["state"]) for one in (await asking.ask(sessions.list_sessions))["sessions"]
    ]


async def grid(asking: Asking, record: Job) -> list[str]:
    """The state of each task of an array."""
    told = await asking.ask(tasks.tasks, in_job=record.id)
    assert told["indexes"] == "1-2"
    return [told["letters"][letter] for letter in told["states"]]


async def of_ray(asking: Asking) -> Told:
    return [(one["launchyard"]["id"], one["status"]) for one in await asking.ask(ray.list_jobs)]


READERS = (
    Reader("list", lambda asking: listed(asking)),
    Reader("list by pages", lambda asking: listed(asking, limit=2)),
    Reader(
        "list of some states",
        lambda asking: listed(asking, state=",".join(SOME)),
        lists=lambda job: job.state in SOME,
    ),
    Reader(
        "list of what waits",
        lambda asking: listed(asking, state="PENDING"),
        lists=lambda job: job.state is JobState.PENDING,
    ),
    Reader(
        "list of what completed",
        lambda asking: listed(asking, state="COMPLETED"),
        lists=lambda job: job.state is JobState.COMPLETED,
    ),
    Reader("page of all jobs", tabled, lists=lambda job: job.task is None),
    Reader("squeue", lambda asking: rows(asking, tables.jobs), lists=lambda job: not job.ended),
    Reader(
        "squeue with ended ones",
        lambda asking: rows(asking, tables.jobs, recent=1),
        lists=lambda job: not job.ended or job.array is None or bool(job.array.waiting),
    ),
    Reader("sacct", lambda asking: rows(asking, accounting.accounting)),
    Reader("sessions", cards, lists=lambda job: job.session is not None),
    Reader("ray list", of_ray, lists=lambda job: job.submission_id is not None, word=status_of),
)


class World:
    """A yard, what was decided of each job in it, and everybody who asks and hears."""

    def __init__(self, yard: Yard, store: LateStore) -> None:
        self.yard, self.store, self.asking = yard, store, Asking(yard)
        self.decided: dict[int, list[Job]] = {}
        """As each job was, one after another."""
        self.forgetting: set[int] = set()
        self.reading: list[asyncio.Task[None]] = []
        self.doing: list[asyncio.Task[None]] = []
        self.begun: set[str] = set()
        self.heard: list[list[dict[str, Any]]] = [[], []]
        self._heard_up_to: list[str | None] = [None, None]
        self._hearing = [asyncio.ensure_future(self._hear(one)) for one in (0, 1)]
        live = yard.controller._live
        put = live.put

        def noted(job: Job, now: float) -> None:
            self.decided.setdefault(job.id, []).append(job)
            put(job, now)

        live.put = noted  # type: ignore[method-assign]

    # -- what happens; `n` says to which

    def submit(self, n: int) -> None:
        asked = dict(SUBMITTED[n % len(SUBMITTED)])
        if "submission_id" in asked:
            asked["submission_id"] += str(len(self.doing))
        self._do(self.yard.submit(**asked))

    def move(self, n: int) -> None:
        """A launch begins, or one that has begun ends."""
        known = [one.launch_id for one in self.yard.engine.launches]
        chosen = [one for one in known if one not in self.begun or one in self.yard.engine.running]
        if not chosen:
            return
        launch_id = chosen[n % len(chosen)]
        if launch_id in self.begun:
            self.yard.engine.finish(launch_id, exit_code=n % 2)
        else:
            self.begun.add(launch_id)
            self.yard.engine.begin(launch_id)

    def cancel(self, n: int) -> None:
        if (job := self._one(n)) is not None:
            self._do(self.yard.controller.cancel(ADA, self.yard.ref(job.id)))

    def requeue(self, n: int) -> None:
        if (job := self._one(n)) is not None:
            self._do(self.yard.controller.requeue(ADA, self.yard.ref(job.id), even_ended=True))

    def forget(self, n: int) -> None:
        job = self._one(n)
        if job is not None and job.submission_id is not None:
            self.forgetting.add(job.id)
            self._do(self.asking.ask(ray.delete, in_submission=job.submission_id))

    def commits(self, n: int) -> None:
        self.store.commits.turn()

    def news(self, n: int) -> None:
        self.store.news.turn()

    def reads(self, n: int) -> None:
        self.store.reads.turn()

    def read(self, n: int) -> None:
        chosen = [READERS[(n + more) % len(READERS)] for more in (0, 3, 6, 9)]
        self.reading += [asyncio.ensure_future(self._read(one)) for one in chosen]
        arrays = [versions[-1] for versions in self.decided.values() if versions[-1].array is not None]
        self.reading += [asyncio.ensure_future(self._read_grid(one)) for one in arrays]

    def show(self, n: int) -> None:
        if (job := self._one(n)) is None:
            return
        readers = [Reader("show", lambda asking: self._shown(job.id), lists=lambda one: one.id == job.id)]
        if (name := job.submission_id) is not None and job.id not in self.forgetting:
            ask = partial(self._shown_to_ray, name)
            readers.append(Reader("ray show", ask, lambda one: one.id == job.id, status_of))
        self.reading += [asyncio.ensure_future(self._read(one)) for one in readers]

    def come_back(self, n: int) -> None:
        """Of two who hear what happens, one goes and comes back where it was."""
        self._hearing[1].cancel()
        self._hearing[1] = asyncio.ensure_future(self._hear(1))

    # -- waiting

    async def quiet(self) -> None:
        """Until all stand before a gate, or have come through."""
        for one in [one for one in (*self.reading, *self.doing) if one.done()]:
            one.result()
        for _ in range(3):
            await turns(5)
            await self.yard.until(self._stands)

    async def end(self) -> None:
        self.store.open()
        await asyncio.gather(*self.doing, *self.reading)
        await self.yard.controller._loop.committed()
        for reader in READERS:
            await self._read(reader)
        await self.yard.until(lambda: self.heard[0] == self.heard[1] and self._is_heard())
        for one in self._hearing:
            one.cancel()

    # -- inside

    def _stands(self) -> bool:
        """Nobody is on the way but who stands before a gate."""
        store, writer = self.store, self.yard.controller._loop.writer
        pending = sum(not one.done() for one in self.reading) - self.asking.waiting
        at_gate = store.commits.waiting + store.news.waiting > 0
        written = writer._queue.empty() and not store.committing
        return (at_gate or written) and min(pending, READERS_AT_ONCE) <= store.reads.waiting

    def _one(self, n: int) -> Job | None:
        return self.decided[sorted(self.decided)[n % len(self.decided)]][-1] if self.decided else None

    def _do(self, work: Awaitable[Any]) -> None:
        async def done() -> None:
            with suppress(LaunchyardError):
                await work

        self.doing.append(asyncio.ensure_future(done()))

    async def _shown(self, job_id: int) -> Told:
        told = await self.asking.ask(jobs.show, in_job=job_id)
        return [(told["id"], told["state"])]

    async def _shown_to_ray(self, name: str, asking: Asking) -> Told:
        try:
            told = await asking.ask(ray.show, in_submission=name)
        except NotFound:
            return []
        return [(told["launchyard"]["id"], told["status"])]

    async def _read_grid(self, record: Job) -> None:
        before = [self._task_of(record, index) for index in (1, 2)]
        firsts = [0 if one is None else len(self.decided[one]) - 1 for one in before]
        told = await grid(self.asking, record)
        for index, known, first, state in zip((1, 2), before, firsts, told, strict=True):
            task, array = self._task_of(record, index), self.decided[record.id][-1].array
            fitting = {one.state.value for one in (self.decided[task][first:] if task is not None else ())}
            fitting |= {"PENDING"} if known is None else set()
            fitting |= {"CANCELLED"} if array is not None and index in array.ended else set()
            assert state in fitting, f"task {index} of {record.id}: {state}, not {fitting}"

    def _task_of(self, record: Job, index: int) -> int | None:
        """The id of a task that has split off."""
        wanted = Task(job_id=record.id, index=index)
        return next((one for one, versions in self.decided.items() if versions[0].task == wanted), None)

    async def _read(self, reader: Reader) -> None:
        before = {job_id: len(versions) - 1 for job_id, versions in self.decided.items()}
        told = await reader.ask(self.asking)
        words = dict(told)
        assert len(words) == len(told), f"{reader.name}: told twice: {told}"
        for job_id, first in before.items():
            if reader.word is status_of and job_id in self.forgetting:
                continue
            meanwhile = self.decided[job_id][first:]
            fitting = {reader.word(one) for one in meanwhile if reader.lists(one)}
            if job_id in words:
                assert words[job_id] in fitting, f"{reader.name}: job {job_id} {words[job_id]}, not {fitting}"
            else:
                assert not all(map(reader.lists, meanwhile)), f"{reader.name}: no {meanwhile[0]}"

    async def _hear(self, who: int) -> None:
        parser, last_id = EventParser(), self._heard_up_to[who]
        hearer = Hearer(ADA.user, EVERYBODYS, all_sessions=True)
        async for data in self.asking.context.events.stream(hearer, last_id, lambda: None):
            self.asking.hears(data)
            self.heard[who] += [event.data for event in parser.feed(data)]
            self._heard_up_to[who] = parser.last_id or last_id

    def _is_heard(self) -> bool:
        """Each move of each job, one after another, to the last."""
        now: dict[int, str] = {}
        for told in self.heard[0]:
            if "job_id" in told:
                assert told["previous"] == now.get(told["job_id"], told["previous"])
                now[told["job_id"]] = told["state"]
        return now == {job_id: versions[-1].state for job_id, versions in self.decided.items()}


DEEDS = (
    *("submit", "submit", "move", "move", "move", "cancel", "requeue", "forget", "come_back"),
    *("commits", "news", "reads", "read", "read", "show"),
)


@settings(max_examples=often(40, thorough=600))
@given(st.lists(st.tuples(st.sampled_from(DEEDS), st.integers(0, 20)), min_size=25, max_size=60))
def test_what_is_told_of_jobs_is_never_older_than_what_was_told(deeds: list[tuple[str, int]]) -> None:
    async def live() -> None:
        store = LateStore()
        async with running_yard(store=store, obedience=Obedience.RECORD) as yard:
            world = World(yard, store)
            try:
                for name, n in deeds:
                    getattr(world, name)(n)
                    await world.quiet()
                await world.end()
            finally:
                store.open()
                world.asking.context.readers.shutdown()

    with pytest.MonkeyPatch.context() as patch:
        # How long somebody waits here says nothing: a gate opens when the deeds say so.
        patch.setattr(loops, "SHOWN_S", 120)
        asyncio.run(asyncio.wait_for(live(), 120))

"""Sessions on nodes from which the server is not reached: what their attendants write down is read there."""

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any

import pytest

from launchyard.attendant.order import HEARD_SIGNAL, VARIABLE
from launchyard.controller.tidings import LINE_MAX
from launchyard.engine.fake import FakeEngine, Obedience
from launchyard.engine.gateway import Outpost
from launchyard.model.errors import NotFound
from launchyard.model.job import Job, JobKind
from launchyard.model.node import Node
from launchyard.model.session import Session, Target, TcpTarget, UnixTarget
from launchyard.model.state import JobState
from tests.unit.yard import ADA, Yard, running_yard

NODES = (Node(name="far", cpus=4, memory_mib=4096),)
SESSION = Session(app="tool", title="Tool", folder="/apps/tool")


class Far(FakeEngine):
    """An engine whose nodes are elsewhere."""

    furnishes = True

    def __init__(self) -> None:
        super().__init__(NODES, obedience=Obedience.START, now=lambda: 1_000_000.0)
        self.signalled: list[tuple[str, int, bool]] = []
        self.known = True

    def signal(
        self, launch_id: str, signal: int, *, main_only: bool = False, steps_only: bool = False
    ) -> None:
        self.signalled.append((launch_id, signal, main_only))

    def at(self, node: str, launch_id: str, *, inside: bool) -> str | None:
        return node

    def spool(self, node: str, uid: int) -> str:
        return ""

    def outpost(self, node: str) -> Outpost | None:
        return Outpost(state="/far", package="/far/code", python="/far/python") if self.known else None

    async def user_channel(self, uid: int, memory_mib: int | None = None, node: str | None = None) -> int:
        raise NotImplementedError

    async def reach(self, node: str, uid: int, target: Target) -> int:
        raise NotImplementedError

    async def step(self, *_: object) -> Any: ...

    async def usage(self, launch_ids: Sequence[str] | None = None) -> Mapping[str, Mapping[str, float]]:
        return {}


class Written:
    """The file that the attendant writes; what a test puts there is read."""

    def __init__(self) -> None:
        self.parts: asyncio.Queue[bytes] = asyncio.Queue()
        self.read: list[tuple[int, str]] = []

    async def follow(self, job: Job, path: str, ended: asyncio.Event) -> AsyncGenerator[bytes, None]:
        self.read.append((job.uid, path))
        while True:
            yield await self.parts.get()

    def put(self, launch_id: str, what: str, **facts: Any) -> None:
        self.parts.put_nowait(json.dumps({"launch_id": launch_id, "what": what, **facts}).encode() + b"\n")


async def _read_nothing(job: Job, path: str) -> bytes:
    raise OSError


async def started(yard: Yard, written: Written) -> Job:
    yard.controller.sessions.begin(_read_nothing, written.follow)
    job = await yard.submit(kind=JobKind.SESSION, time_limit_s=3600, session=SESSION)
    await yard.until_state(job.id, JobState.RUNNING)
    return yard.job(job.id)


def run(test: Any) -> None:
    asyncio.run(test())


def test_session_elsewhere_is_told_where_it_is_and_reached_there_once_its_attendant_wrote_so() -> None:
    async def test() -> None:
        written, engine = Written(), Far()
        async with running_yard(engine=engine, nodes=NODES) as yard:
            job = await started(yard, written)
            launch_id = yard.launch_id(job.id)
            (launch,) = engine.launches
            order = json.loads(launch.environment[VARIABLE])
            assert (order["directory"], order["api"]) == (f"/far/tmp/{launch_id}/s", "")
            assert launch.argv[0] == "/far/python"
            assert "/far/code" in launch.argv[-1]

            written.put(launch_id, "listens")
            written.put(launch_id, "answers", secret="s3cret")
            sessions = yard.controller.sessions
            await yard.until(lambda: _is_reached(yard, job.id))
            assert written.read == [(1000, f"/far/tmp/{launch_id}/s/told")]
            assert sessions.endpoint(ADA, job.id).target == UnixTarget(
                path=f"/far/tmp/{launch_id}/s/app.sock"
            )

    run(test)


def test_who_wrote_of_a_failure_is_told_that_it_was_heard() -> None:
    async def test() -> None:
        written, engine = Written(), Far()
        async with running_yard(engine=engine, nodes=NODES) as yard:
            job = await started(yard, written)
            launch_id = yard.launch_id(job.id)
            written.put(launch_id, "failed", sentence="no tool\x1bhere")
            await yard.until(lambda: bool(engine.signalled))
            assert engine.signalled == [(launch_id, HEARD_SIGNAL, True)]
            session = yard.job(job.id).session
            assert session is not None
            assert session.failure == "no tool here"

    run(test)


@pytest.mark.parametrize(
    "line",
    [
        b"not json\n",
        b"[1]\n",
        b'{"launch_id": "other", "what": "answers", "secret": "s"}\n',
        b'{"launch_id": "MINE", "what": "obey"}\n',
        b'{"launch_id": "MINE", "what": "answers", "port": 70000}\n',
        b'{"launch_id": "MINE", "what": "answers", "secret": 7}\n',
    ],
)
def test_what_no_attendant_of_the_launch_writes_changes_nothing(line: bytes) -> None:
    async def test() -> None:
        written = Written()
        async with running_yard(engine=Far(), nodes=NODES) as yard:
            job = await started(yard, written)
            launch_id = yard.launch_id(job.id)
            written.parts.put_nowait(line.replace(b"MINE", launch_id.encode()))
            written.put(launch_id, "answers", secret="s", port=4000)
            await yard.until(lambda: _is_reached(yard, job.id))
            assert yard.controller.sessions.endpoint(ADA, job.id).target == TcpTarget(port=4000)

    run(test)


def test_endless_line_is_not_read_on() -> None:
    async def test() -> None:
        written = Written()
        async with running_yard(engine=Far(), nodes=NODES) as yard:
            await started(yard, written)
            for _ in range(3):
                written.parts.put_nowait(b"x" * LINE_MAX)
            await yard.until(lambda: written.parts.qsize() == 1)

    run(test)


def test_page_of_a_session_waits_for_a_node_of_which_nothing_is_known_yet() -> None:
    async def test() -> None:
        written, engine = Written(), Far()
        async with running_yard(engine=engine, nodes=NODES) as yard:
            job = await started(yard, written)
            written.put(yard.launch_id(job.id), "answers", secret="s")
            await yard.until(lambda: _is_reached(yard, job.id))
            engine.known = False
            yard.controller.sessions._endpoints.clear()
            with pytest.raises(NotFound, match="does not answer"):
                yard.controller.sessions.endpoint(ADA, job.id)

    run(test)


def _is_reached(yard: Yard, job_id: int) -> bool:
    try:
        yard.controller.sessions.endpoint(ADA, job_id)
    except NotFound:
        return False
    return True

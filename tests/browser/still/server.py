"""The application over a store in memory and an engine that only obeys, served by a thread of the test.

All of it is the product but for what has to do with this machine: the clock stands still, jobs run nowhere,
and files, apps and terminals are stand-ins. So pages look alike at every run, a second after the start.
"""

import asyncio
import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import uvloop
from playwright.sync_api import Browser

from launchyard.api.app import create_app
from launchyard.api.server import listen_tcp, listen_unix, serve
from launchyard.api.services import Services
from launchyard.api.shells import Shells
from launchyard.controller.assembly import Bounds, Yard, assemble
from launchyard.controller.launching import LaunchSettings
from launchyard.engine.fake import FakeEngine
from launchyard.engine.protocol import Launch
from launchyard.model.account import IMPLICIT, Spent
from launchyard.model.change import Change, NodeMark
from launchyard.model.job import Job
from launchyard.model.node import NodeState
from launchyard.model.token import Token
from launchyard.store.memory import MemoryStore
from tests.browser.portal import Portal
from tests.browser.still.history import past_jobs
from tests.browser.still.logs import StillLogs, StillSeries
from tests.browser.still.moment import DAY, EPOCH, HOUR, MOMENT, NODES, NOW, RULES, UID, USER
from tests.browser.still.notebooks import StillNotebooks
from tests.browser.still.present import NEXT, SCRIPT, SCRIPT_DIGEST, present_jobs
from tests.browser.still.sittings import sessions
from tests.browser.still.standins import StillApps, StillFiles, StillOperating, StillTerminals, StillUsers
from tests.system.product import Product

START_S = 30
SEATS = 100
"""So many ids are left for sessions before the next job's."""


@contextmanager
def standing(directory: Path, browser: Browser, *, empty: bool = False) -> Iterator[Portal]:
    """With all that is seeded, or `empty`: without a single job."""
    product = Product(directory / "state")
    (product.state / "run").mkdir(parents=True)
    loop, ready = uvloop.new_event_loop(), threading.Event()
    server = _Server(product, empty=empty)
    thread = threading.Thread(target=lambda: loop.run_until_complete(server.run(ready)))
    thread.start()
    try:
        assert ready.wait(START_S), "the server did not start"
        yield Portal(product, browser, moment=MOMENT)
    finally:
        loop.call_soon_threadsafe(server.stop.set)
        thread.join(START_S)
        assert not thread.is_alive(), "the server did not stop"
        loop.close()


class _Server:
    def __init__(self, product: Product, *, empty: bool) -> None:
        self.stop = asyncio.Event()
        self._operating = StillOperating(empty=empty)
        self._product = product
        self._jobs: Sequence[Job] = () if empty else [*past_jobs(), *present_jobs(), *sessions()]

    async def run(self, ready: threading.Event) -> None:
        store = MemoryStore()
        store.commit([self._change()])
        yard = await self._yard(store)
        tcp = listen_tcp("127.0.0.1:0", explicit=True)
        self._product.facts = {"url": f"http://127.0.0.1:{tcp.getsockname()[1]}"}
        unix = listen_unix(self._product.socket_path, everyone=True)
        app = create_app(self._services(yard, store))
        ready.set()
        try:
            await serve(app, [tcp, unix], self.stop)
        finally:
            await yard.close()

    def _change(self) -> Change:
        mark = NodeMark(
            cluster="local", name="n4", state=NodeState.DOWN, reason="memory errors", by="root", at=NOW - HOUR
        )
        token = Token(id="k3", user=USER, uid=UID, name="laptop", digest="0" * 64, created_at=NOW - 12 * DAY)
        used = {"billed_s": 2_584_000.0, "cpu_s": 1_840_000.0, "gpu_s": 93_000.0}
        spent = Spent(user=USER, account=IMPLICIT, qos="normal", at=NOW, charged_until=NOW, **used)
        there = bool(self._jobs)
        return Change(
            seq=1,
            jobs=tuple(self._jobs),
            texts={SCRIPT_DIGEST: SCRIPT},
            next_job_id=NEXT + SEATS if there else 1,
            nodes=(mark,) if there else (),
            tokens=(token, replace(token, id="k7", name="nightly report")) if there else (),
            spent=(spent,) if there else (),
        )

    async def _yard(self, store: MemoryStore) -> Yard:
        engine = FakeEngine(NODES, now=lambda: NOW, epoch=EPOCH)
        for launch in map(_launch, self._jobs):
            if launch is not None:
                engine.running[launch.launch_id] = launch
        yard = await assemble(
            store=store,
            engines={"local": engine},
            nodes=NODES,
            rules=RULES,
            clock=lambda: NOW,
            launching=LaunchSettings(spool="/var/lib/launchyard/spool"),
            bounds=Bounds(duties_s=DAY),
        )
        yard.users.__dict__.update(StillUsers().__dict__)
        yard.controller.sessions.begin(_facts_of_session)
        return yard

    def _services(self, yard: Yard, store: MemoryStore) -> Services:
        logs, terminals = StillLogs(), StillTerminals()
        return Services(
            controller=yard.controller,
            store=store,
            users=yard.users,
            logs=logs,
            log_search=logs,
            series=StillSeries(),
            terminals=terminals,
            status=lambda: _FACTS,
            clock=lambda: NOW,
            owner_uid=UID,
            apps=StillApps(),
            files=StillFiles(),
            notebooks=StillNotebooks(),
            operating=self._operating,
            shells=Shells(terminals, host="n2", keep_s=DAY, clock=lambda: NOW),
        )


_FACTS: dict[str, Any] = {
    "url": "http://127.0.0.1:8265",
    "state": "/var/lib/launchyard",
    "version": "0.1.0",
    "pid": 4711,
    "started_at": NOW - 9 * DAY,
    "cpus": sum(node.cpus for node in NODES),
    "memory_mib": sum(node.memory_mib for node in NODES),
    "gpus": sum(node.gpus for node in NODES),
    "nodes": len(NODES),
    "enforcement": {**dict.fromkeys(("memory", "cpus", "processes"), "cgroup v2"), "users": "switched"},
    "resumed": 0,
}


async def _facts_of_session(job: Job, path: str) -> bytes:
    """What a session's attendant wrote down, below the directory of its launch."""
    return json.dumps({"secret": "still", "launch_id": path.split("/")[2]}).encode()


def _launch(job: Job) -> Launch | None:
    """What the engine has a record of."""
    if job.attempt is None or job.ended:
        return None
    return Launch(
        launch_id=job.attempt.launch_id,
        job_id=job.id,
        uid=job.uid,
        node=job.attempt.allocation.nodes[0],
        argv=job.command,
        environment={},
        working_dir=job.working_dir,
        spool_log=f"{job.id}.out",
    )

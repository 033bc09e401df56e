"""The routes of the API asked on a yard, and a store whose commits, news and reads come when a test says.

No socket is between: so a test says in which order a change is decided, durable, heard of and read.
"""

import json
import re
import threading
from collections.abc import Awaitable, Callable, Sequence
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from launchyard.api.auth import Identity
from launchyard.api.context import Context
from launchyard.api.durable import Durable
from launchyard.api.events import EventHub
from launchyard.api.services import Services
from launchyard.api.stream import Closing
from launchyard.api.tokens import TokenTable
from launchyard.controller.users import Users
from launchyard.model.change import Change
from launchyard.model.job import Job
from launchyard.model.state import JobState
from launchyard.model.submission import Caller
from launchyard.store.memory import MemoryStore
from launchyard.store.protocol import JobQuery
from tests.api_bench import FakeLogs, FakeTerminals
from tests.unit.yard import ADA, Yard

PATIENCE_S = 60
NOW = 1_000_000.0
"""By the clock of a yard."""
FIRST_ID = 77_000_001
"""Of the jobs of a late store, so that no other number of an answer looks like one."""
_IDS = re.compile(rb"\b77\d{6}\b")
Route = Callable[[Request], Awaitable[Response]]


class Gate:
    """Open at first. Who comes while it is shut waits."""

    def __init__(self) -> None:
        self._open = threading.Event()
        self._open.set()
        self.waiting = 0
        """How many stand before it."""

    def shut(self) -> None:
        self._open.clear()

    def open(self) -> None:
        self._open.set()

    def turn(self) -> None:
        self.shut() if self._open.is_set() else self.open()

    def come(self) -> None:
        self.waiting += 1
        assert self._open.wait(PATIENCE_S), "nobody opened the gate"
        self.waiting -= 1


class LateStore(MemoryStore):
    """`commits`: before what changed is written. `news`: before the loop hears of it. `before_reads`: before
    jobs are read. `reads`: before what was read comes to who asked."""

    def __init__(self) -> None:
        super().__init__()
        self.commits, self.news, self.before_reads, self.reads = Gate(), Gate(), Gate(), Gate()
        self.committing = False
        self.durable: frozenset[int] = frozenset()
        """The ids of all jobs that were ever written."""
        self._next_job_id = FIRST_ID

    def commit(self, changes: Sequence[Change]) -> None:
        self.committing = True
        self.commits.come()
        super().commit(changes)
        self.durable |= {job.id for change in changes for job in change.jobs}
        self.news.come()
        self.committing = False

    def jobs(self, query: JobQuery) -> list[Job]:
        self.before_reads.come()
        found = super().jobs(query)
        self.reads.come()
        return found

    def job_of_submission(self, user: str, submission_id: str) -> Job | None:
        found = super().job_of_submission(user, submission_id)
        self.reads.come()
        return found

    def task_states(self, array_job_id: int) -> dict[int, JobState]:
        found = super().task_states(array_job_id)
        self.reads.come()
        return found

    def open(self) -> None:
        for gate in (self.commits, self.news, self.before_reads, self.reads):
            gate.open()


class Asking:
    """Routes are functions of a request; `context` has what lives as long as the server.

    Asked of a yard on a late store, whatever is told names durable jobs alone.
    """

    def __init__(self, yard: Yard) -> None:
        self._store = yard.store
        self._controller = yard.controller
        self.waiting = 0
        """How many answers wait until the ids that they name are durable."""
        self._shown = yard.controller.shown
        yard.controller.shown = self._waiting  # type: ignore[method-assign]
        self.logs = FakeLogs()
        services = Services(
            controller=yard.controller,
            store=yard.store,
            users=Users(),
            logs=self.logs,
            terminals=FakeTerminals(),
            status=lambda: {},
            clock=lambda: NOW,
            owner_uid=None,
        )
        tokens = TokenTable(clock=services.clock)
        self.context = Context(services, tokens, Closing(tokens), EventHub())
        yard.controller.watch(self.context.tell)

    async def ask(self, route: Route, *, caller: Caller = ADA, **given: Any) -> Any:
        """The answer's JSON. What the path has is given with `in_` before its name; `body` is sent."""
        body = given.pop("body", None)
        sent = b"" if body is None else json.dumps(body).encode()
        path = {name.removeprefix("in_"): str(given.pop(name)) for name in list(given) if name[:3] == "in_"}
        scope = {
            "type": "http",
            "method": "GET",
            "path": "/",
            "headers": [(b"content-type", b"application/json")],
            "query_string": urlencode(given).encode(),
            "path_params": path,
            "app": SimpleNamespace(state=SimpleNamespace(context=self.context)),
            "state": {"identity": Identity(caller)},
        }

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": sent, "more_body": False}

        async def answers(scope: Scope, receive: Receive, send: Send) -> None:
            response = await route(Request(scope, receive))
            source = getattr(response, "source", None)
            if source is None:
                await response(scope, receive, send)
                return
            await send({"type": "http.response.start", "status": response.status_code, "headers": []})
            async for part in source:
                await send({"type": "http.response.body", "body": part, "more_body": True})

        parts: list[bytes] = []

        async def send(message: Message) -> None:
            parts.append(message.get("body", b""))
            self.hears(parts[-1])

        await Durable(answers, self._controller)(scope, receive, send)
        return json.loads(b"".join(parts))

    def hears(self, told: bytes) -> None:
        """What anybody is told."""
        if isinstance(self._store, LateStore):
            early = set(map(int, _IDS.findall(told))) - self._store.durable
            assert not early, f"told of {early} before they are durable"

    async def _waiting(self, *, hid: bool = False) -> None:
        self.waiting += 1
        try:
            await self._shown(hid=hid)
        finally:
            self.waiting -= 1

"""A real server around a controller that is a few dicts: what the API tests speak to, by sockets.

`FakeController` makes every submission a waiting job at once; tests move jobs by `put`. Peers of the unix
socket are this process's own user; other users come by TCP with tokens that the test hands out.
"""

import asyncio
import http.client
import json
import math
import os
import socket
import threading
import time
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import uvloop

from launchyard.api.app import create_app
from launchyard.api.forwarded import Doors
from launchyard.api.listing import matches
from launchyard.api.server import listen_tcp, listen_unix, serve
from launchyard.api.services import LogPart, Services, Terminal, TerminalEnd
from launchyard.api.tokens import new_token
from launchyard.config.overlay import difference, over
from launchyard.controller.administration import Administration, UsageRow
from launchyard.controller.clusters import LiveClusters
from launchyard.controller.controller import Controller, JobRef, NodeUse
from launchyard.controller.outlook import Outlook
from launchyard.controller.reserving import Reserving
from launchyard.controller.reviving import Reviving
from launchyard.controller.sessions import Sessions
from launchyard.controller.tally import Depth, Group, Tally
from launchyard.controller.users import UserEntry, Users
from launchyard.model.account import Spent
from launchyard.model.array import Array
from launchyard.model.change import Change, Idempotency, NodeMark
from launchyard.model.crontab import Crontab
from launchyard.model.errors import Conflict, Infeasible, LaunchyardError, NotFound
from launchyard.model.event import NodeMoved, StateChanged
from launchyard.model.job import Job, JobKind
from launchyard.model.node import Node, NodeState
from launchyard.model.reason import Estimate, Reason
from launchyard.model.reservation import Reservation
from launchyard.model.resources import Request
from launchyard.model.role import Role
from launchyard.model.rules import Rules
from launchyard.model.state import JobState
from launchyard.model.step import Step
from launchyard.model.submission import Caller, Submission, Update
from launchyard.model.token import Token
from launchyard.model.trigger import Triggers
from launchyard.policy.case import Room
from launchyard.policy.order import Ordering
from launchyard.store.protocol import JobQuery, StepQuery

T0 = 1_800_000_000.0
ADA = Caller(user="ada", uid=61_001)
BOB = Caller(user="bob", uid=61_002)
ROOT = Caller(user="root", uid=0, role=Role.ADMINISTRATOR)


class FakeUsers(Users):
    """Knows three users, and whoever runs the test."""

    def __init__(self) -> None:
        super().__init__()
        for caller in (ADA, BOB, ROOT):
            self._entries[caller.uid] = UserEntry(caller.user, "/", "/bin/sh")
            self._looked_up_at[caller.uid] = math.inf

    async def uid_of(self, name: str) -> int | None:
        return next((uid for uid, one in self._entries.items() if one.name == name), None)


class FakeStore:
    """Rows in a dict, newest first when listed."""

    def __init__(self) -> None:
        self.rows: dict[int, Job] = {}
        self.live: dict[int, Job] = {}
        self.kept_texts: dict[str, bytes] = {}
        self.kept_tokens: list[Token] = []
        self.fails: Exception | None = None

    def job(self, job_id: int) -> Job | None:
        if self.fails is not None:
            raise self.fails
        return self.rows.get(job_id)

    def jobs(self, query: JobQuery) -> list[Job]:
        rows = [
            job
            for job in sorted(self.rows.values(), key=lambda job: -job.id)
            if matches(job, query) and (not query.ids or job.id in query.ids)
        ]
        return rows[: query.limit]

    def job_of_task(self, array_job_id: int, index: int) -> Job | None:
        for job in self.rows.values():
            if job.task is not None and (job.task.job_id, job.task.index) == (array_job_id, index):
                return job
        return None

    def steps(self, query: StepQuery) -> list[Step]:
        return []

    def task_states(self, array_job_id: int) -> dict[int, JobState]:
        tasks = [(job.task, job.state) for job in self.rows.values() if job.task is not None]
        return {task.index: state for task, state in tasks if task.job_id == array_job_id}

    def texts(self, digests: Iterable[str]) -> dict[str, bytes]:
        return {digest: self.kept_texts[digest] for digest in digests if digest in self.kept_texts}

    def tokens(self) -> list[Token]:
        return list(self.kept_tokens)

    def spent(self) -> list[Spent]:
        return []

    def rules(self) -> str:
        return ""

    def reservations(self) -> list[Reservation]:
        return []

    def crontabs(self) -> list[Crontab]:
        return []

    def triggers(self) -> Triggers:
        return Triggers()

    def commit(self, changes: Sequence[Change]) -> None: ...
    def last_seq(self) -> int:
        return 0

    def next_job_id(self) -> int:
        return 1

    def live_jobs(self) -> list[Job]:
        return []

    def old_jobs(self, **limits: object) -> list[Job]:
        return []

    def job_of_submission(self, user: str, submission_id: str) -> Job | None:
        for job in (*self.live.values(), *self.rows.values()):
            if (job.user, job.submission_id) == (user, submission_id):
                return job
        return None

    def end_states(self, job_ids: Iterable[int]) -> dict[int, JobState]:
        return {}

    def digests(self, *, after: str, limit: int) -> list[str]:
        return []

    def digests_of_jobs(self, *, after_id: int, limit: int) -> tuple[set[str], int]:
        return set(), 0

    def idempotency(self, user: str, key: str) -> Idempotency | None:
        return None

    def idempotencies(self, *, after: tuple[str, str], limit: int) -> list[Idempotency]:
        return []

    def node_marks(self) -> list[NodeMark]:
        return []

    def check(self) -> None: ...
    def close(self) -> None: ...


class FakeReserving(Reserving):
    """Reservations in a variable; every node is there."""

    def __init__(self) -> None:
        self.known: dict[str, Reservation] = {}

    def all(self) -> list[Reservation]:
        return list(self.known.values())

    async def create(self, asked: Reservation, count: int | None = None) -> tuple[Reservation, list[int]]:
        nodes = asked.nodes or tuple(f"n{n + 1}" for n in range(count or 0))
        self.known[asked.name] = replace(asked, nodes=nodes)
        return self.known[asked.name], [7]

    async def delete(self, name: str) -> Reservation:
        if name not in self.known:
            raise NotFound(f"there is no reservation {name}")
        return self.known.pop(name)


class FakeAdministration(Administration):
    """Rules in a variable; a file without any."""

    def __init__(self) -> None:
        self.alone = asyncio.Lock()
        self.kept = ""
        self.in_force = Rules()

    @property
    def rules(self) -> Rules:
        return self.in_force

    @property
    def told(self) -> Rules:
        return self.in_force

    @property
    def nodes(self) -> frozenset[str]:
        return frozenset({"n1"})

    async def put_in_force(self, rules: Rules) -> None:
        self.in_force, self.kept = rules, difference(Rules(), rules)

    async def reload(self, *, forget: bool = False) -> None:
        self.in_force = Rules() if forget else over(Rules(), self.kept)
        self.kept = difference(Rules(), self.in_force)

    def usage(self, caller: Caller, others: bool = False) -> list[UsageRow]:
        return [UsageRow(account=None, user=caller.user, cpu_s=7200.0)]


class FakeReviving(Reviving):
    """Forgets rows."""

    def __init__(self, store: FakeStore) -> None:
        self._rows = store.rows

    async def forget(self, job: Job) -> None:
        self._rows[job.id] = replace(job, forgotten=True)


class FakeSessions(Sessions):
    """There are none."""

    def __init__(self) -> None: ...
    def watch(self, tell: Callable[..., None]) -> Callable[[], None]:
        return lambda: None

    def live(self) -> list[Job]:
        return []

    def use(self, session_id: int) -> None: ...


NO_CLUSTERS = LiveClusters({})


class FakeController(Controller):
    """The interface over dicts; records what it was asked."""

    def __init__(self, store: FakeStore) -> None:
        self.store = store
        self.administration = FakeAdministration()
        self.reserving = FakeReserving()
        self.reviving = FakeReviving(store)
        self.sessions = FakeSessions()
        self.jobs: dict[int, Job] = {}
        store.live = self.jobs
        self.next_id = 1
        self.calls: list[tuple[Any, ...]] = []
        self.keys: dict[str, tuple[str, list[Job | LaunchyardError]]] = {}
        self.told: list[Callable[[Sequence[StateChanged]], None]] = []
        self.told_of_nodes: list[Callable[[NodeMoved], None]] = []
        self.watch_nodes = self._watch_nodes
        self.why: str | None = None
        self.node = Node(name="n1", cpus=8, memory_mib=32_000)
        self.fails: Exception | None = None

    @property
    def clusters(self) -> LiveClusters:
        return NO_CLUSTERS

    def make(self, caller: Caller, submission: Submission, job_id: int) -> Job:
        if (submission.nodes or 1) > 1:
            raise Infeasible(f"no {submission.nodes} nodes; there is 1")
        indexes = submission.indexes
        array = None
        if indexes is not None:
            array = Array(waiting=indexes, size=len(indexes), first=1, last=len(indexes))
        return Job(
            id=job_id,
            name=submission.name or "job",
            kind=JobKind.COMMAND if submission.command else JobKind.BATCH,
            user=caller.user,
            uid=caller.uid,
            partition=submission.partition or "main",
            submitted_at=T0,
            request=Request(cpus_milli=submission.cpus_milli or 1000, memory_mib=submission.memory_mib or 0),
            command=submission.command or submission.arguments,
            time_limit_s=submission.time_limit_s,
            metadata=submission.metadata,
            terminal=submission.terminal,
            working_dir=submission.working_dir or "/",
            submission_id=submission.submission_id,
            entrypoint=submission.entrypoint,
            array=array,
        )

    async def submit(
        self, caller: Caller, submissions: Sequence[Submission], *, idempotency: tuple[str, str] | None = None
    ) -> list[Job | LaunchyardError]:
        if self.fails is not None:
            raise self.fails
        if idempotency is not None and idempotency[0] in self.keys:
            digest, results = self.keys[idempotency[0]]
            if digest != idempotency[1]:
                raise Conflict("the Idempotency-Key was used for another request; take a new one")
            return [result for result in results if isinstance(result, Job)]
        results = []
        for submission in submissions:
            try:
                job = self.make(caller, submission, self.next_id)
                name = submission.submission_id
                if name is not None and self.store.job_of_submission(caller.user, name) is not None:
                    raise Conflict(f"a job with submission_id {name} already exists")
            except LaunchyardError as error:
                results.append(error)
                continue
            self.next_id += 1
            self.put(job)
            results.append(job)
        if idempotency is not None:
            self.keys[idempotency[0]] = (idempotency[1], results)
        return results

    def admitted(self, caller: Caller, submission: Submission) -> Job:
        return self.make(caller, submission, 0)

    async def check(self, caller: Caller, submission: Submission) -> tuple[Job, Outlook]:
        reason = Reason(code="resources", sentence="waits for CPUs")
        return self.admitted(caller, submission), Outlook(reason=reason)

    def put(self, job: Job) -> None:
        """The job as it is now; an ended one moves to the store. Call it on the loop."""
        before = self.jobs.get(job.id)
        if job.ended:
            self.jobs.pop(job.id, None)
            self.store.rows[job.id] = job
        else:
            self.jobs[job.id] = job
        previous = None if before is None else before.state
        event = StateChanged(
            seq=job.id,
            job_id=job.id,
            user=job.user,
            state=job.state,
            previous=previous,
            at=T0,
            account=job.account,
        )
        for tell in list(self.told):
            tell([event])

    async def act(self, name: str, caller: Caller, ref: JobRef, *more: Any) -> Job:
        self.calls.append((name, caller.user, str(ref), *more))
        return self.jobs[ref.job_id]

    async def cancel(self, caller: Caller, ref: JobRef) -> Job:
        await self.act("cancel", caller, ref)
        job = replace(self.jobs[ref.job_id], state=JobState.CANCELLED, ended_at=T0 + 5)
        self.put(job)
        return job

    async def outlook(self, caller: Caller, job: Job) -> Outlook:
        estimate = Estimate(start=T0 + 60, low=T0, high=T0 + 90)
        reason = Reason(code="resources", sentence="waits for CPUs", estimate=estimate)
        return Outlook(reason=reason, ahead_count=2)

    async def hold(self, caller: Caller, ref: JobRef, *, as_user: bool = False) -> Job:
        return await self.act("hold", caller, ref)

    async def release(self, caller: Caller, ref: JobRef) -> Job:
        return await self.act("release", caller, ref)

    async def requeue(
        self, caller: Caller, ref: JobRef, *, held: bool = False, even_ended: bool = False
    ) -> Job:
        return await self.act("requeue", caller, ref)

    async def signal(self, caller: Caller, ref: JobRef, signal: int, target: str = "all") -> Job:
        return await self.act("signal", caller, ref, signal)

    async def update(self, caller: Caller, ref: JobRef, update: Update) -> Job:
        return await self.act("update", caller, ref, update)

    @property
    def hides(self) -> bool:
        return False

    async def shown(self, *, hid: bool = False) -> None:
        return None

    def live_job(self, job_id: int) -> Job | None:
        return self.jobs.get(job_id)

    def live_task(self, array_job_id: int, index: int) -> Job | None:
        return None

    def live_tasks(self, array_job_id: int) -> list[Job]:
        return [one for one in self.live_jobs() if one.task is not None and one.task.job_id == array_job_id]

    def live_jobs(self, wanted: Callable[[Group], bool] | None = None) -> Iterable[Job]:
        ids: Iterable[int] = self.jobs if wanted is None else self._tally.ids(wanted)
        return [self.jobs[job_id] for job_id in sorted(ids)]

    def newest(self, wanted: Callable[[Group], bool], below: int | None = None) -> Iterator[Job]:
        return (self.jobs[job_id] for job_id in self._tally.newest(wanted, below))

    @property
    def depths(self) -> dict[Depth, int]:
        return self._tally.depths

    @property
    def _tally(self) -> Tally:
        tally = Tally()
        for job in self.jobs.values():
            tally.move(None, job)
        return tally

    def holding(self) -> dict[int, Job]:
        return {job.id: job for job in self.live_jobs() if job.holds is not None}

    def states(self, counts: Callable[[int, str | None], bool]) -> dict[JobState, int]:
        return self._tally.of(counts)

    def reason(self, job_id: int) -> Reason | None:
        return Reason(code="resources", sentence="waits for CPUs") if job_id in self.jobs else None

    def reason_codes(self, jobs: Iterable[Job]) -> dict[int, Reason]:
        return {job.id: Reason(code="resources", sentence="") for job in jobs if job.state.name == "PENDING"}

    @property
    def ordering(self) -> Ordering:
        return Ordering()

    def seconds(self, job: Job) -> float:
        return job.time_limit_s or 3600

    def room(self, job: Job) -> Room:
        return Room(memory_mib=self.node.memory_mib, gpus=self.node.gpus)

    def node_uses(self) -> list[NodeUse]:
        return [NodeUse(node=self.node, cpus_milli=1500, memory_mib=100, gpus=0, jobs=1)]

    async def mark_node(self, name: str, state: NodeState, reason: str, by: str = "") -> NodeUse:
        if name != self.node.name:
            raise NotFound(f"there is no node {name!r}; there is: n1")
        self.node = replace(self.node, state=state, reason=reason)
        return self.node_uses()[0]

    async def keep_token(self, token: Token) -> None:
        if self.fails is not None:
            raise self.fails
        self.store.kept_tokens.append(token)

    def watch(self, tell: Callable[[Sequence[StateChanged]], None]) -> Callable[[], None]:
        self.told.append(tell)
        return lambda: self.told.remove(tell)

    def _watch_nodes(self, tell: Callable[[NodeMoved], None]) -> Callable[[], None]:
        self.told_of_nodes.append(tell)
        return lambda: self.told_of_nodes.remove(tell)

    def watch_job(self, job_id: int, tell: Callable[[], None]) -> Callable[[], None]:
        return self.watch(lambda events: tell() if any(told.job_id == job_id for told in events) else None)

    @property
    def degraded(self) -> str | None:
        return self.why


class FakeLogs:
    """Logs in memory, by job id."""

    def __init__(self) -> None:
        self.contents: dict[int, bytes] = {}
        self.capped: set[int] = set()
        self.fails: Exception | None = None
        self.answers = True
        self.grown = asyncio.Event()

    async def read(self, job: Job, stream: str, offset: int, limit: int) -> LogPart:
        if self.fails is not None:
            raise self.fails
        while not self.answers:
            await asyncio.sleep(0.01)
        content = self.contents.get(job.id, b"")
        begin = max(0, len(content) + offset) if offset < 0 else min(offset, len(content))
        data = content[begin : begin + limit]
        return LogPart(data=data, offset=begin, size=len(content), capped=job.id in self.capped)

    async def follow(
        self, job: Job, stream: str, offset: int, ended: asyncio.Event
    ) -> AsyncGenerator[LogPart, None]:
        while True:
            over = ended.is_set()
            part = await self.read(job, stream, offset, 1000)
            offset += len(part.data)
            if part.data:
                yield part
            elif over:
                return
            else:
                await asyncio.sleep(0.01)

    def path(self, job: Job) -> str | None:
        return f"/spool/{job.id}"


class FakeTerminal:
    """Echoes what is typed in capitals; `exit` ends it with 3."""

    def __init__(self) -> None:
        self.output: asyncio.Queue[bytes] = asyncio.Queue()
        self.orders: list[tuple[Any, ...]] = []
        self.closed = False

    async def read(self) -> bytes:
        return await self.output.get()

    async def write(self, data: bytes) -> None:
        self.output.put_nowait(b"" if data == b"exit" else data.upper())

    async def resize(self, rows: int, cols: int) -> None:
        self.orders.append(("resize", rows, cols))

    async def signal(self, signal: int) -> None:
        self.orders.append(("signal", signal))

    def end(self) -> TerminalEnd:
        return TerminalEnd(exit_code=3)

    async def close(self) -> None:
        self.closed = True


@dataclass
class FakeTerminals:
    """Opens one after another."""

    opened: list[tuple[int, tuple[str, ...], FakeTerminal]] = field(default_factory=list)

    async def attach(self, job: Job) -> Terminal:
        return await self.shell(job, ())

    async def shell(self, job: Job, command: tuple[str, ...]) -> Terminal:
        terminal = FakeTerminal()
        self.opened.append((job.id, command, terminal))
        return terminal


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def sentence(self) -> str:
        assert self.headers["content-type"] == "application/problem+json", self.body
        return str(self.json["detail"])


class UnixConnection(http.client.HTTPConnection):
    """Over a unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=60)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(30)
        self.sock.connect(str(self._path))


@dataclass
class Bench:
    """The running server and its parts."""

    unix: Path
    port: int
    loop: asyncio.AbstractEventLoop
    controller: FakeController
    store: FakeStore
    logs: FakeLogs
    terminals: FakeTerminals
    secrets: Mapping[str, str]

    def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        user: str | None = None,
        headers: Mapping[str, str] | None = None,
        raw: bytes | None = None,
    ) -> Answer:
        """By the unix socket; with `user` by TCP with that user's token."""
        sent = dict(headers or {})
        if user is None:
            connection: http.client.HTTPConnection = UnixConnection(self.unix)
        else:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
            if user:
                sent.setdefault("Authorization", f"Bearer {self.secrets[user]}")
        data = raw if raw is not None else (json.dumps(body).encode() if body is not None else None)
        if data is not None:
            sent.setdefault("Content-Type", "application/json")
        try:
            connection.request(method, path, body=data, headers=sent)
            response = connection.getresponse()
            names = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, names, response.read())
        finally:
            connection.close()

    def on_loop(self, work: Callable[[], Any]) -> Any:
        """Do `work` where the controller lives."""

        async def do() -> Any:
            return work()

        return asyncio.run_coroutine_threadsafe(do(), self.loop).result(30)

    def put(self, job: Job) -> Job:
        self.on_loop(lambda: self.controller.put(job))
        return job

    def reset(self) -> None:
        """Everything as it was at first, but for open connections and tokens."""
        self.store.__dict__.update(FakeStore().__dict__ | {"kept_tokens": self.store.kept_tokens})
        kept = {name: self.controller.__dict__[name] for name in ("told", "told_of_nodes", "watch_nodes")}
        fresh = FakeController(self.store).__dict__ | kept
        self.on_loop(lambda: self.controller.__dict__.update(fresh))
        self.logs.__dict__.update(FakeLogs().__dict__)
        self.terminals.opened.clear()

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=60)


def job_of(caller: Caller, job_id: int, **more: Any) -> Job:
    given: dict[str, Any] = {"name": "a", "kind": JobKind.COMMAND, "partition": "main", "submitted_at": T0}
    return Job(id=job_id, user=caller.user, uid=caller.uid, **{**given, **more})


def eventually(holds: Callable[[], bool], what: str = "the condition") -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline, f"{what} did not come true within 60 s"
        time.sleep(0.01)


def as_rules(bench: Bench, rules: Rules) -> None:
    """These are in force from now on."""
    bench.on_loop(lambda: setattr(bench.controller.administration, "in_force", rules))


@contextmanager
def running(
    directory: Path,
    *,
    owner_uid: int | None = None,
    heartbeat_s: float = 15.0,
    doors: Doors | None = None,
    **more: Any,
) -> Iterator[Bench]:
    """A server in a thread; stopped and joined at the end."""
    store = FakeStore()
    controller = FakeController(store)
    secrets = {}
    for caller in (ADA, BOB, ROOT):
        token, secrets[caller.user] = new_token(caller, "test", T0)
        store.kept_tokens.append(token)
    unix = directory / "api.sock"
    sockets = [listen_tcp("127.0.0.1:0", explicit=True), listen_unix(unix, everyone=True)]
    logs, terminals = FakeLogs(), FakeTerminals()
    services = Services(
        controller=controller,
        store=store,
        users=FakeUsers(),
        logs=logs,
        terminals=terminals,
        status=lambda: {"version": "test"},
        clock=more.pop("clock", lambda: T0),
        owner_uid=owner_uid,
        **more,
    )
    app = create_app(services, heartbeat_s=heartbeat_s)
    loop = uvloop.new_event_loop()
    stop = asyncio.Event()
    port = sockets[0].getsockname()[1]
    thread = threading.Thread(target=lambda: loop.run_until_complete(serve(app, sockets, stop, doors=doors)))
    thread.start()
    try:
        bench = Bench(unix, port, loop, controller, store, logs, terminals, secrets)
        assert bench.ask("GET", "/v1/health").status == 200
        yield bench
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(30)
        assert not thread.is_alive(), "the server did not stop"
        loop.close()


ME = os.getuid()

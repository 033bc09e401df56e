"""Logs and terminals of jobs over helpers: the adapter of the API's ports. No file is opened here."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from typing import Any, Protocol

from launchyard.api.services import LogPart, TerminalEnd
from launchyard.controller.launching import log_paths
from launchyard.controller.users import Users
from launchyard.engine.channel import Request, UserHelpers, data_in, data_of
from launchyard.model.errors import Conflict, NotFound
from launchyard.model.job import Job

ROWS, COLS = 24, 80


class StepEngine(Protocol):
    """What is needed of an engine that can start steps inside a running launch."""

    async def step(
        self, launch_id: str, uid: int, argv: Sequence[str], env: dict[str, str], cwd: str, terminal: str
    ) -> "asyncio.Future[dict[str, Any]]": ...

    def signal(self, launch_id: str, signal: int, *, main_only: bool = False) -> None: ...


Environment = Callable[[Job], "asyncio.Future[Mapping[str, str]]"]


class JobLogs:
    """`api.services.Logs`: reads as the job's user."""

    def __init__(self, helpers: UserHelpers, users: Users, spool: str) -> None:
        self._helpers = helpers
        self._users = users
        self._spool = spool

    async def read(self, job: Job, stream: str, offset: int, limit: int) -> LogPart:
        path = self._path_of(job, stream)
        if path is None:
            return LogPart(data=b"", offset=0, size=0)
        channel = await self._helpers.of(job.uid)
        try:
            part = await channel.read(path, offset, limit)
        except NotFound:
            if job.ended and job.started_at is not None:
                raise
            return LogPart(data=b"", offset=0, size=0)
        return LogPart(data=part.data, offset=part.offset, size=part.size, capped=_capped(job))

    async def follow(
        self, job: Job, stream: str, offset: int, ended: asyncio.Event
    ) -> AsyncGenerator[LogPart, None]:
        path = self._path_of(job, stream)
        if path is None:
            return
        channel = await self._helpers.of(job.uid)
        async for part in channel.follow(path, offset, ended):
            yield LogPart(data=part.data, offset=part.offset, size=part.size, capped=_capped(job))

    def path(self, job: Job) -> str | None:
        return self._path_of(job, "stdout")

    def _path_of(self, job: Job, stream: str) -> str | None:
        out, err = log_paths(job, self._spool, self._users.entry(job.uid))
        return out if stream == "stdout" else err


def _capped(job: Job) -> bool:
    return job.cause is not None and job.cause.startswith("its log grew")


class JobTerminals:
    """`api.services.Terminals`: the master side lives in the user's helper."""

    def __init__(self, helpers: UserHelpers, users: Users, spool: str, engine: StepEngine) -> None:
        self._helpers = helpers
        self._users = users
        self._spool = spool
        self._engine = engine
        self._open: dict[int, Request] = {}

    async def open(self, job: Job) -> str:
        """Make the terminal of a job that is about to start; the answer is its path."""
        out, _ = log_paths(job, self._spool, self._users.entry(job.uid))
        request = await self._new(job, out)
        self._open[job.id] = request
        return await _path_of(request)

    async def attach(self, job: Job) -> "HelperTerminal":
        request = self._open.get(job.id)
        if request is None or job.attempt is None:
            raise Conflict(f"job {job.id} has no terminal any more; `ly logs -f {job.id}` follows its output")
        launch_id = job.attempt.launch_id
        request.say({"t": "attach"})
        return HelperTerminal(request, lambda number: self._engine.signal(launch_id, number))

    async def shell(self, job: Job, command: tuple[str, ...]) -> "HelperTerminal":
        attempt, entry = job.attempt, self._users.entry(job.uid)
        if attempt is None:
            raise Conflict(f"job {job.id} is not running")
        shell = entry.shell if entry is not None else "/bin/sh"
        home = entry.home if entry is not None else "/"
        request = await self._new(job, None)
        env = {"HOME": home, "SHELL": shell, "USER": job.user, "LOGNAME": job.user, "TERM": "xterm-256color"}
        env |= {"PATH": "/usr/local/bin:/usr/bin:/bin", "LAUNCHYARD_JOB_ID": str(job.id)}
        path = await _path_of(request)
        ended = await self._engine.step(
            attempt.launch_id, job.uid, command or (shell,), env, job.working_dir, path
        )
        request.say({"t": "attach"})
        ended.add_done_callback(lambda _: request.say({"t": "close"}))
        return HelperTerminal(request, lambda number: None, ended)

    def job_ended(self, job_id: int) -> None:
        """Its terminal is let go of once everything that it printed was carried."""
        request = self._open.pop(job_id, None)
        if request is not None:
            request.say({"t": "close"})

    async def _new(self, job: Job, log: str | None) -> Request:
        channel = await self._helpers.of(job.uid)
        request = channel.request({"t": "terminal", "rows": ROWS, "cols": COLS, "log": log})
        return request.__enter__()


class HelperTerminal:
    """`api.services.Terminal`."""

    def __init__(
        self,
        request: Request,
        send_signal: Callable[[int], None],
        ended: "asyncio.Future[dict[str, Any]] | None" = None,
    ) -> None:
        self._request = request
        self._send_signal = send_signal
        self._ended = ended

    async def read(self) -> bytes:
        message = await self._request.next()
        return data_of(message) if message["t"] == "part" else b""

    async def write(self, data: bytes) -> None:
        self._request.say({"t": "input", "data": data_in(data)})

    async def resize(self, rows: int, cols: int) -> None:
        self._request.say({"t": "resize", "rows": rows, "cols": cols})

    async def signal(self, signal: int) -> None:
        self._send_signal(signal)

    def end(self) -> TerminalEnd:
        if self._ended is None or not self._ended.done():
            return TerminalEnd()
        message = self._ended.result()
        return TerminalEnd(exit_code=message.get("exit_code"), signal=message.get("signal"))

    async def close(self) -> None:
        self._request.say({"t": "detach"})


async def _path_of(request: Request) -> str:
    answer = await request.next()
    if answer["t"] != "terminal":
        raise Conflict(f"no terminal can be opened: {answer.get('why')}")
    path: str = answer["path"]
    return path

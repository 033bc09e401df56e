"""Logs and terminals of jobs over helpers: the adapter of the API's ports. No file is opened here."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping
from contextlib import aclosing, contextmanager
from typing import Any, Protocol

from launchyard.api.services import LogPart
from launchyard.api.terminals import TerminalEnd
from launchyard.controller.launching import log_paths
from launchyard.controller.preparing import FAILED
from launchyard.controller.users import Users
from launchyard.engine import searching
from launchyard.engine.channel import UserHelpers
from launchyard.engine.files import Who
from launchyard.engine.places import Place
from launchyard.engine.protocol import Launch
from launchyard.engine.terminal import Attachment, Terminal, open_terminal
from launchyard.model.errors import Conflict, NotFound
from launchyard.model.job import Job
from launchyard.model.state import JobState


class PlaceOfFiles(Protocol):
    """`engine.places.Places`: who acts as a job's user where the job is."""

    helpers: UserHelpers

    def of(self, job: Job) -> Place: ...

    def inside(self, job: Job) -> Place: ...


PlaceOf = Callable[[Job, tuple[str, ...]], Awaitable[Launch]]


class JobLogs:
    """`api.services.Logs`: reads as the job's user."""

    def __init__(
        self,
        places: PlaceOfFiles,
        users: Users,
        setup_log: Callable[[Job, int], str] | None = None,
    ) -> None:
        self._places = places
        self._users = users
        self._setup_log = setup_log

    async def read(self, job: Job, stream: str, offset: int, limit: int) -> LogPart:
        helpers, path = self._path_of(job, stream)
        if path is None:
            return LogPart(data=b"", offset=0, size=0)
        try:
            part = await helpers.read(job.uid, path, offset, limit)
        except NotFound:
            if job.ended and job.started_at is not None:
                raise
            return LogPart(data=b"", offset=0, size=0)
        return LogPart(data=part.data, offset=part.offset, size=part.size, capped=_capped(job))

    async def follow(
        self, job: Job, stream: str, offset: int, ended: asyncio.Event
    ) -> AsyncGenerator[LogPart, None]:
        helpers, path = self._path_of(job, stream)
        if path is None:
            return
        async with aclosing(helpers.follow(job.uid, path, offset, ended)) as parts:
            async for part in parts:
                yield LogPart(data=part.data, offset=part.offset, size=part.size, capped=_capped(job))

    def path(self, job: Job) -> str | None:
        return self._path_of(job, "stdout")[1]

    async def search(
        self, job: Job, stream: str, text: str, *, offset: int, line: int, limit: int
    ) -> Mapping[str, Any]:
        """As `api.services.LogSearch`; of a log that is not there yet nothing."""
        helpers, path = self._path_of(job, stream)
        if path is not None:
            with _none_yet(job):
                return await searching.search(
                    helpers, job.uid, path, text, offset=offset, line=line, limit=limit
                )
        return {"matches": [], "next": None, "line": line, "size": 0}

    async def marks(self, job: Job, stream: str) -> Mapping[str, Any]:
        """As `api.services.LogSearch`."""
        helpers, path = self._path_of(job, stream)
        if path is not None:
            with _none_yet(job):
                return await searching.marks(helpers, job.uid, path)
        return {"lines": 0, "places": [], "errors": [], "error_count": 0, "size": 0, "complete": True}

    def _path_of(self, job: Job, stream: str) -> tuple[UserHelpers, str | None]:
        """Who reads it, and its path there."""
        place = self._places.of(job)
        if stream == "setup":
            shared = job.task is not None and place.helpers is self._places.helpers
            of = job.task.job_id if job.task is not None and shared else job.id
            known = job.runtime_env is not None and self._setup_log is not None
            return place.helpers, self._setup_log(job, of) if known and self._setup_log is not None else None
        if self._setup_log is not None and job.ended and (job.cause or "").startswith(FAILED):
            # It printed nothing of its own; how it was set up is what there is to read.
            return place.helpers, self._setup_log(job, job.id)
        out, err = log_paths(job, place.spool, self._users.entry(job.uid))
        return place.helpers, out if stream == "stdout" else err


@contextmanager
def _none_yet(job: Job) -> Iterator[None]:
    """A log that is gone is an error only of a job that has run and ended."""
    try:
        yield
    except NotFound:
        if job.ended and job.started_at is not None:
            raise


def _capped(job: Job) -> bool:
    return job.cause is not None and job.cause.startswith("its log grew")


class JobTerminals:
    """`api.services.Terminals`: the master side lives in the user's helper.

    `place_of` says how a command starts beside a job's own: with its variables, in its environment.
    """

    def __init__(self, places: PlaceOfFiles, users: Users, place_of: PlaceOf) -> None:
        self._places = places
        self._users = users
        self._place_of = place_of
        self._open: dict[int, Terminal] = {}

    async def open(self, job: Job) -> str:
        """Make the terminal of a job that is about to start; the answer is its path."""
        out, _ = log_paths(job, self._places.of(job).spool, self._users.entry(job.uid))
        terminal = self._open[job.id] = await self._new(job, out)
        return terminal.path

    async def attach(self, job: Job) -> "HelperTerminal":
        terminal = self._open.get(job.id)
        if terminal is None or job.attempt is None:
            raise Conflict(f"job {job.id} has no terminal any more; `ly logs -f {job.id}` follows its output")
        launch_id, engine = job.attempt.launch_id, self._places.inside(job).engine
        return HelperTerminal(terminal.attach(), lambda number: engine.signal(launch_id, number))

    async def shell(self, job: Job, command: tuple[str, ...]) -> "HelperTerminal":
        kept = await self.kept_shell(job, command)
        return kept.attach(kept.hang_up)

    async def kept_shell(self, job: Job, command: tuple[str, ...] = ()) -> "HelperShell":
        """A step in the job that does not end when its client goes."""
        attempt, entry = job.attempt, self._users.entry(job.uid)
        if attempt is None:
            raise Conflict(f"job {job.id} is not running")
        if job.state is JobState.SUSPENDED:
            raise Conflict(f"job {job.id} is suspended, as its shell would be; `ly resume {job.id}` first")
        shell = entry.shell if entry is not None else "/bin/sh"
        place = await self._place_of(job, command or (shell,))
        env = {**place.environment, "TERM": "xterm-256color"}
        terminal = await self._new(job, None)
        try:
            ended = await self._places.inside(job).engine.step(
                attempt.launch_id, job.uid, place.argv, env, place.working_dir, terminal.path
            )
        except BaseException:
            terminal.close()
            raise
        ended.add_done_callback(lambda _: terminal.hang_up())
        return HelperShell(terminal, ended)

    async def folder_shell(self, who: Who, path: str, *, rows: int, cols: int) -> "HelperShell":
        """The user's login shell in a folder, on this machine and outside of any job."""
        terminal = await open_terminal(self._places.helpers, who.uid, rows=rows, cols=cols, log=None)
        await terminal.spawn(path, who.roots)
        return HelperShell(terminal, terminal.over)

    def job_ended(self, job_id: int) -> None:
        """Its terminal is let go of once everything that it printed was carried."""
        terminal = self._open.pop(job_id, None)
        if terminal is not None:
            terminal.close()

    async def _new(self, job: Job, log: str | None) -> Terminal:
        rows, columns = job.window
        helpers = self._places.inside(job).helpers
        return await open_terminal(helpers, job.uid, rows=rows, cols=columns, log=log)


class HelperShell:
    """`api.terminals.KeptShell`."""

    def __init__(self, terminal: Terminal, ended: "asyncio.Future[dict[str, Any]]") -> None:
        self.ended = ended
        self._terminal = terminal

    def attach(self, left: Callable[[], None]) -> "HelperTerminal":
        """A new client, shown the latest part first; `left` is called when it goes."""
        return HelperTerminal(self._terminal.attach(), lambda number: None, self.ended, left=left)

    def hang_up(self) -> None:
        self._terminal.hang_up()


class HelperTerminal:
    """`api.services.Terminal`. `left` is called when the client lets go; a job's terminal goes on."""

    def __init__(
        self,
        client: Attachment,
        send_signal: Callable[[int], None],
        ended: "asyncio.Future[dict[str, Any]] | None" = None,
        *,
        left: Callable[[], None] = lambda: None,
    ) -> None:
        self._client = client
        self._send_signal = send_signal
        self._ended = ended
        self._left = left

    async def read(self) -> bytes:
        data = await self._client.read()
        ended = self._ended.result() if self._ended is not None and self._ended.done() else {}
        if not data and "error" in ended:
            raise Conflict(f"the shell does not start: {ended['error']}")
        return data

    async def write(self, data: bytes) -> None:
        await self._client.write(data)

    async def resize(self, rows: int, cols: int) -> None:
        self._client.resize(rows, cols)

    async def signal(self, signal: int) -> None:
        self._send_signal(signal)

    def end(self) -> TerminalEnd:
        if self._ended is None or not self._ended.done():
            return TerminalEnd()
        message = self._ended.result()
        return TerminalEnd(exit_code=message.get("exit_code"), signal=message.get("signal"))

    async def close(self) -> None:
        self._client.detach()
        self._left()

"""`AsyncClient`: `Client` for programs with an event loop.

Each call waits in a thread of its own, and not in the loop: any number may wait at once, and
one that is given up ends with the program.
"""

import asyncio
import contextlib
import threading
from collections.abc import AsyncGenerator, Callable, Coroutine
from itertools import islice
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

from launchyard.sdk.client import PAGE, Client, JobId
from launchyard.sdk.events import Event, EventStream
from launchyard.sdk.jobs import Job
from launchyard.sdk.records import Record

P = ParamSpec("P")
T = TypeVar("T")
C = TypeVar("C", bound=Callable[..., object])
TICK_S = 0.5
"""How long a silent stream holds a thread after its reader has gone."""


class AsyncJob(Record):
    """A job as the server described it when asked; the methods answer a newer one."""

    __slots__ = ("_client", "_job")

    def __init__(self, job: Job, client: "AsyncClient") -> None:
        super().__init__(job.to_json())
        self._job, self._client = job, client

    @property
    def key(self) -> str:
        """What names it to people: `12`, or `12_3` for task 3 of array 12."""
        return self._job.key

    @property
    def ended(self) -> bool:
        return self._job.ended

    @property
    def succeeded(self) -> bool:
        return self._job.succeeded

    async def refresh(self) -> "AsyncJob":
        return await self._client.job(self.id)

    async def wait(self, timeout_s: float | None = None) -> "AsyncJob":
        return await self._client.wait(self.id, timeout_s=timeout_s)

    async def cancel(self) -> "AsyncJob":
        return await self._client.cancel(self.id)

    async def tasks(self) -> list["AsyncJob"]:
        return [AsyncJob(task, self._client) for task in await in_thread(self._job.tasks)]

    def logs(self, *, follow: bool = False) -> AsyncGenerator[bytes, None]:
        return self._client.logs(self.id, follow=follow)

    async def why(self) -> Record:
        return await self._client.why(self.id)


def _told(
    method: Callable[Concatenate[Client, P], T],
) -> Callable[Concatenate["AsyncClient", P], Coroutine[Any, Any, T]]:
    """The same method, in a thread."""

    async def call(self: "AsyncClient", /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await in_thread(lambda: method(self.client, *args, **kwargs))

    return _named(call, method)


def _job(
    method: Callable[Concatenate[Client, P], Job],
) -> Callable[Concatenate["AsyncClient", P], Coroutine[Any, Any, AsyncJob]]:
    """The same of a method that answers a job."""

    async def call(self: "AsyncClient", /, *args: P.args, **kwargs: P.kwargs) -> AsyncJob:
        return AsyncJob(await in_thread(lambda: method(self.client, *args, **kwargs)), self)

    return _named(call, method)


def _jobs(
    method: Callable[Concatenate[Client, P], list[Job]],
) -> Callable[Concatenate["AsyncClient", P], Coroutine[Any, Any, list[AsyncJob]]]:
    """The same of a method that answers jobs."""

    async def call(self: "AsyncClient", /, *args: P.args, **kwargs: P.kwargs) -> list[AsyncJob]:
        return [AsyncJob(job, self) for job in await in_thread(lambda: method(self.client, *args, **kwargs))]

    return _named(call, method)


def _named(call: C, method: Callable[..., object]) -> C:
    call.__doc__, call.__name__ = method.__doc__, getattr(method, "__name__", "call")
    return call


class AsyncClient:
    """A connection to a server, as `Client` has it, whose methods are awaited. Several calls may run at once.

    Use it as `async with launchyard.AsyncClient() as client`.
    """

    def __init__(self, url: str | None = None, **options: Any) -> None:
        self.client = Client(url, **options)

    async def __aenter__(self) -> "AsyncClient":
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.client.close()

    submit = _job(Client.submit)
    sweep = _job(Client.sweep)
    submit_body = _job(Client.submit_body)
    submit_many = _told(Client.submit_many)
    prepare = _told(Client.prepare)

    jobs = _jobs(Client.jobs)
    job = _job(Client.job)
    why = _told(Client.why)
    efficiency = _told(Client.efficiency)
    efficiencies = _told(Client.efficiencies)
    script = _told(Client.script)
    nodes = _told(Client.nodes)
    status = _told(Client.status)
    health = _told(Client.health)

    cancel = _job(Client.cancel)
    hold = _job(Client.hold)
    release = _job(Client.release)
    requeue = _job(Client.requeue)
    top = _job(Client.top)
    suspend = _job(Client.suspend)
    resume = _job(Client.resume)
    signal = _job(Client.signal)
    update = _job(Client.update)
    rerun = _job(Client.rerun)
    wait = _job(Client.wait)
    wait_all = _jobs(Client.wait_all)

    async def iter_jobs(self, **wanted: Any) -> AsyncGenerator[AsyncJob, None]:
        """The jobs of `jobs` one by one, as they come."""
        jobs = self.client.iter_jobs(**wanted)
        while part := await in_thread(lambda: list(islice(jobs, PAGE))):
            for job in part:
                yield AsyncJob(job, self)

    async def events(self) -> AsyncGenerator[Event, None]:
        """What happens to jobs and nodes, for ever; goes on without a gap when the server restarts."""
        stream = await in_thread(lambda: EventStream(self.client.transport))
        while True:
            reading = in_thread(lambda: stream.next(TICK_S))
            try:
                events = await reading
            except BaseException:
                # Its thread reads on for a moment; only then may the connection be closed.
                reading.add_done_callback(lambda _: stream.close())
                raise
            for event in events:
                yield event

    async def logs(
        self, job: JobId, *, follow: bool = False, stream: str | None = None, offset: int = 0
    ) -> AsyncGenerator[bytes, None]:
        """The bytes of a job's output. `follow` goes on until the job has ended and all was read."""
        parts = self.client.logs(job, follow=follow, stream=stream, offset=offset)
        while (part := await in_thread(lambda: next(parts, None))) is not None:
            yield part


def in_thread(call: Callable[[], T]) -> "asyncio.Future[T]":
    """What `call` answers, once it has; it runs in a thread that does not keep the program from ending."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, error: BaseException | None) -> None:
        if future.cancelled():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(cast(T, result))

    def run() -> None:
        result, error = None, None
        try:
            result = call()
        except BaseException as raised:
            error = raised
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(settle, result, error)

    threading.Thread(target=run, daemon=True).start()
    return future


__all__ = ["AsyncClient", "AsyncJob"]

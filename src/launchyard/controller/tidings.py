"""What attendants of sessions write down on nodes from which this server is not reached.

Each has a file for it in its session's own directory. It is followed, as the session's user, until the app
has answered or failed; who wrote a failure down is told by a signal that it was heard, and may end then.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from launchyard.attendant.order import HEARD_SIGNAL, TOLD
from launchyard.controller.clusters import LiveClusters
from launchyard.model.errors import LaunchyardError
from launchyard.model.job import Job
from launchyard.model.session import place
from launchyard.model.state import JobState

AGAIN_S = 1.0
LINE_MAX = 16_384
SENTENCE_MAX = 500
WORDS = ("listens", "answers", "failed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What an attendant says of its app: it `listens`, it `answers`, or it has `failed`."""

    launch_id: str
    what: str
    sentence: str | None = None
    secret: str | None = None
    port: int | None = None


Follow = Callable[[Job, str, asyncio.Event], AsyncGenerator[bytes, None]]
"""The bytes of a file where the job is, as its user: those that are there, then those that come."""


class Tidings:
    """`tell` takes in what was read; `follow` is who reads, once there is one."""

    def __init__(self, clusters: LiveClusters, tell: Callable[[Job, Told], Awaitable[None]]) -> None:
        self._clusters = clusters
        self._tell = tell
        self.follow: Follow | None = None
        self._reading: dict[int, tuple[str, asyncio.Event]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def moved(self, job: Job) -> None:
        """A session's job is in another state: read while it runs and has not come to answer."""
        attempt, before = job.attempt, self._reading.get(job.id)
        launch_id = attempt.launch_id if attempt is not None and not job.ended else None
        if before is not None and before[0] != launch_id:
            before[1].set()
            del self._reading[job.id]
        if launch_id is None or job.state is not JobState.RUNNING or job.id in self._reading:
            return
        if self._clusters.is_elsewhere(job) and self.follow is not None and not _has_come(job, launch_id):
            ended = asyncio.Event()
            self._reading[job.id] = (launch_id, ended)
            task = asyncio.ensure_future(self._read(job, launch_id, self.follow, ended))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def close(self) -> None:
        for task in self._tasks:
            task.cancel()

    # -- inside

    async def _read(self, job: Job, launch_id: str, follow: Follow, ended: asyncio.Event) -> None:
        while not ended.is_set():
            outpost = self._clusters.outpost(job)
            if outpost is not None:
                path = f"{place(outpost.state, launch_id)}/{TOLD}"
                try:
                    if await self._take(job, launch_id, follow(job, path, ended)):
                        return
                except (LaunchyardError, OSError):
                    # The node does not answer at the moment.
                    pass
            await asyncio.sleep(AGAIN_S)

    async def _take(self, job: Job, launch_id: str, parts: AsyncGenerator[bytes, None]) -> bool:
        """True: nothing more will be told."""
        begun = b""
        async with aclosing(parts) as coming:
            async for data in coming:
                *lines, begun = (begun + data).split(b"\n")
                for line in lines:
                    told = _told(line, launch_id)
                    if told is None:
                        continue
                    await self._tell(job, told)
                    if told.what == "failed":
                        self._clusters.of(job).engine.signal(launch_id, HEARD_SIGNAL, main_only=True)
                    if told.what != "listens":
                        return True
                if len(begun) > LINE_MAX:
                    return True
        return False


def _has_come(job: Job, launch_id: str) -> bool:
    session = job.session
    return session is not None and session.launch_id == launch_id and session.answered_at is not None


def _told(line: bytes, launch_id: str) -> Told | None:
    """None: it is not what an attendant of this launch writes."""
    try:
        found: dict[str, Any] = json.loads(line)
        what, sentence = found["what"], found.get("sentence")
        secret, port = found.get("secret"), found.get("port")
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
    if found.get("launch_id") != launch_id or what not in WORDS:
        return None
    if not isinstance(sentence, str | None) or not isinstance(secret, str | None):
        return None
    if port is not None and not (isinstance(port, int) and 0 < port < 65536):
        return None
    plain = None if sentence is None else "".join(c if c.isprintable() else " " for c in sentence)
    return Told(
        launch_id=launch_id,
        what=what,
        sentence=None if plain is None else plain[:SENTENCE_MAX],
        secret=secret,
        port=port,
    )

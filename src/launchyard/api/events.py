"""Server-sent events: moves of jobs, sessions and nodes in a ring, sent to who sees them; encoded if heard.

An id is `RUN-NUMBER`: the number counts the events of this run of the daemon. A client that comes back with
an id that the ring no longer has, or of another run, is told `reset`: it must read the state anew. A client
that does not read is dropped when its backlog passes a bound, and comes back with its last id.
"""

import asyncio
import secrets
from collections import deque
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from launchyard.model.event import NodeMoved, SessionMoved, StateChanged
from launchyard.model.sight import Sight
from launchyard.model.when import rfc3339

RING_MAX = 20_000
BACKLOG_MAX_BYTES = 8 * 1024 * 1024
HEARTBEAT_S = 15.0
HEARTBEAT = b": still here\n\n"
RESET = b"event: reset\ndata: {}\n\n"

Event = StateChanged | SessionMoved | NodeMoved


@dataclass(frozen=True, slots=True)
class Hearer:
    """Who listens: hears of the jobs that lists show, of sessions that are there for them, of all nodes."""

    user: str
    jobs: Sight
    all_sessions: bool

    def hears(self, event: Event) -> bool:
        if isinstance(event, SessionMoved):
            return self.all_sessions or self.user in event.users
        if isinstance(event, NodeMoved):
            return True
        return self.jobs.has(event.user, event.account)


@dataclass(frozen=True, slots=True)
class Told:
    """One event and its number in this run."""

    number: int
    event: Event


class Subscriber:
    """One listening client: what is still to be sent to it."""

    def __init__(self, hearer: Hearer, drop: Callable[[], None]) -> None:
        self.hearer = hearer
        self._drop = drop
        self._waiting: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._news = asyncio.Event()

    def put(self, data: bytes) -> None:
        """Drops the client instead when it is too far behind."""
        if self._waiting_bytes + len(data) > BACKLOG_MAX_BYTES:
            self._drop()
            return
        self._waiting.append(data)
        self._waiting_bytes += len(data)
        self._news.set()

    async def take(self, timeout_s: float) -> bytes:
        """Everything that waits, joined; the heartbeat when nothing came."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._news.wait()
        except TimeoutError:
            return HEARTBEAT
        data = b"".join(self._waiting)
        self._waiting.clear()
        self._waiting_bytes = 0
        self._news.clear()
        return data


class EventHub:
    """Takes what the controller tells after each commit, and hands it on."""

    def __init__(self, *, heartbeat_s: float = HEARTBEAT_S, ring_max: int = RING_MAX) -> None:
        self._run = secrets.token_hex(4)
        self._number = 0
        self._ring: deque[Told] = deque(maxlen=ring_max)
        self._subscribers: set[Subscriber] = set()
        self._heartbeat_s = heartbeat_s

    @property
    def last_id(self) -> str:
        """The id of the last event of all: what is read from now on knows of it."""
        return self._id(self._number).decode()

    def tell(self, events: Sequence[StateChanged]) -> None:
        """Called on the loop."""
        for event in events:
            self._tell(event)

    def tell_session(self, event: SessionMoved) -> None:
        """Called on the loop."""
        self._tell(event)

    def tell_node(self, event: NodeMoved) -> None:
        """Called on the loop."""
        self._tell(event)

    def _tell(self, event: Event) -> None:
        self._number += 1
        told = Told(self._number, event)
        self._ring.append(told)
        hearing = [one for one in self._subscribers if one.hearer.hears(event)]
        if hearing:
            data = self._encode(told)
            for subscriber in hearing:
                subscriber.put(data)

    async def stream(
        self, hearer: Hearer, last_id: str | None, drop: Callable[[], None]
    ) -> AsyncGenerator[bytes, None]:
        """What is for `hearer`, after `last_id` when given; `drop` cuts a client that is too slow."""
        subscriber = Subscriber(hearer, drop)
        for data in self._missed(hearer, last_id):
            subscriber.put(data)
        self._subscribers.add(subscriber)
        try:
            # Tells where to go on from also when nothing happens before the connection is lost.
            here = b"id: " + self._id(self._number) + b"\n" if last_id is None else b""
            yield here + b"retry: 1000\n\n"
            while True:
                yield await subscriber.take(self._heartbeat_s)
        finally:
            self._subscribers.discard(subscriber)

    def _missed(self, hearer: Hearer, last_id: str | None) -> list[bytes]:
        if last_id is None:
            return []
        run, _, digits = last_id.partition("-")
        number = int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 16 else -1
        oldest = self._ring[0].number if self._ring else self._number + 1
        if run != self._run or not oldest - 1 <= number <= self._number:
            return [b"id: " + self._id(self._number) + b"\n" + RESET]
        missed = (told for told in self._ring if told.number > number and hearer.hears(told.event))
        return [self._encode(told) for told in missed]

    def _id(self, number: int) -> bytes:
        return f"{self._run}-{number}".encode()

    def _encode(self, told: Told) -> bytes:
        kind, record = _record(told.event)
        data = msgspec.json.encode(record)
        return b"id: %b\nevent: %b\ndata: %b\n\n" % (self._id(told.number), kind, data)


def _record(event: Event) -> tuple[bytes, dict[str, Any]]:
    """Its kind, and what is said of it."""
    match event:
        case SessionMoved():
            moved = {"id": event.session_id, "what": event.what, "state": event.state}
            return b"session", {**moved, "at": rfc3339(event.at)}
        case NodeMoved():
            return b"node", {
                "name": event.name,
                "cluster": event.cluster,
                "state": event.state,
                "previous": event.previous,
                "reason": event.reason or None,
                "at": rfc3339(event.at),
            }
    return b"job", {
        "seq": event.seq,
        "job_id": event.job_id,
        "user": event.user,
        "account": event.account,
        "state": event.state,
        "previous": event.previous,
        "at": rfc3339(event.at),
    }

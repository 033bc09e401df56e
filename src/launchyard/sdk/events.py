"""Server-sent events: what happens to jobs and nodes, as it happens, without a gap over a reconnect."""

import json
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

from launchyard.sdk.errors import ConnectionLost, NotRunning, TimedOut
from launchyard.sdk.transport import Stream, Transport


class Event(NamedTuple):
    """`kind` is `job` for a job that moved, `node` for a node that came, went, or was closed or opened.

    `session` is for sessions, `reset` when events were missed: then read the state anew. There may be
    further kinds.
    """

    kind: str
    data: dict[str, Any]
    id: str | None = None


class EventParser:
    """Turns the bytes of an event stream into events; keeps what is not whole yet."""

    def __init__(self) -> None:
        self._rest = b""
        self._kind = ""
        self._data: list[str] = []
        self._id: str | None = None
        self.last_id: str | None = None
        """Of the last event that came whole: one that was cut off after its id is still to come."""

    def feed(self, data: bytes) -> list[Event]:
        *lines, self._rest = (self._rest + data).split(b"\n")
        events = []
        for line in lines:
            event = self._take(line.rstrip(b"\r").decode(errors="replace"))
            if event is not None:
                events.append(event)
        return events

    def _take(self, line: str) -> Event | None:
        if line:
            name, _, value = line.partition(":")
            value = value.removeprefix(" ")
            if name == "event":
                self._kind = value
            elif name == "data":
                self._data.append(value)
            elif name == "id":
                self._id = value
            return None
        self.last_id = self._id
        kind, data = self._kind or "message", "\n".join(self._data)
        self._kind, self._data = "", []
        return (
            Event(kind, json.loads(data) if data else {}, self.last_id) if data or kind == "reset" else None
        )


class EventStream:
    """The events since now, or since `last_id`. Reconnects by itself; says `reset` where it missed some."""

    def __init__(self, transport: Transport, *, last_id: str | None = None) -> None:
        self._transport = transport
        self.last_id = last_id
        self._parser = EventParser()
        self._stream = self._open()

    def __enter__(self) -> "EventStream":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._stream.close()

    def next(self, timeout_s: float | None = None) -> list[Event]:
        """The next events; none when `timeout_s` passed without one."""
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        while True:
            left_s = None if deadline is None else max(0.0, deadline - time.monotonic())
            events = self._parser.feed(self._read(left_s))
            self.last_id = self._parser.last_id or self.last_id
            if events:
                return events
            if left_s == 0:
                return []

    def _read(self, timeout_s: float | None) -> bytes:
        try:
            data = self._stream.read(timeout_s)
        except (ConnectionLost, TimedOut):
            data = None
        return self._again() if data is None else data

    def _again(self) -> bytes:
        """Connect anew. Without an id to go on from, what happened meanwhile is not known: say so."""
        self.close()
        self._stream = self._open()
        self._parser = EventParser()
        return b"" if self.last_id is not None else b"event: reset\ndata: {}\n\n"

    def _open(self) -> Stream:
        headers = {"Accept": "text/event-stream"}
        if self.last_id is not None:
            headers["Last-Event-ID"] = self.last_id
        return self._transport.stream("/v1/events", headers=headers)


def follow(transport: Transport, *, last_id: str | None = None) -> Iterator[Event]:
    """Events for ever; ends only when the server stays away."""
    with EventStream(transport, last_id=last_id) as stream:
        while True:
            try:
                yield from stream.next()
            except NotRunning:
                return

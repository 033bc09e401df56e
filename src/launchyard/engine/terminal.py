"""The daemon's side of a terminal that a user's helper holds.

One client at a time is attached, the newest one. What it has not taken is bounded by the helper's window;
what it typed and the job has not read, by ours.
"""

import asyncio
import itertools
from collections.abc import Sequence

from launchyard.engine import files
from launchyard.engine.channel import ANSWER_S, Channel, UserHelpers, data_in, data_of, error_of
from launchyard.launcher.messages import Message
from launchyard.model.errors import Conflict, Unavailable

TYPED_AHEAD_BYTES = 64 * 1024

_clients = itertools.count(1)


async def open_terminal(
    helpers: UserHelpers, uid: int, *, rows: int, cols: int, log: str | None
) -> "Terminal":
    """A new terminal of this user; what is printed on it is kept in `log` too. Raises `LaunchyardError`."""
    terminal = Terminal(await helpers.of(uid), {"t": "terminal", "rows": rows, "cols": cols, "log": log})
    try:
        await terminal.made
    except asyncio.CancelledError:
        terminal.close()
        raise
    return terminal


class Terminal:
    """One terminal, from its making until its job has let go of it."""

    def __init__(self, channel: Channel, order: Message) -> None:
        self.path = ""
        """The job's side, a pts; known once `made` is done."""
        self.made: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._channel = channel
        self._attached: Attachment | None = None
        self._end: Message | None = None
        self._spawned: asyncio.Future[Message] | None = None
        self.over: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        """The end of the shell that `spawn` started: `exit_code`, `signal` or `error`."""
        self._id = ""
        self._id = channel.enter(self._take)
        self.say(order)

    async def spawn(self, path: str, roots: Sequence[str]) -> None:
        """Start the user's shell in a folder below `roots`; when it has ended the terminal has."""
        self._spawned = asyncio.get_running_loop().create_future()
        self.say({"t": "spawn", "path": path, "roots": list(roots)})
        try:
            message = await asyncio.wait_for(self._spawned, ANSWER_S)
        except TimeoutError:
            self.hang_up()
            raise Unavailable(f"{path} does not answer; its file system may be gone") from None
        if message["t"] != "spawned":
            self.hang_up()
            raise files.error_of(message, path, roots)

    def attach(self) -> "Attachment":
        """A new client, shown the latest part first; one that was attached before is told to go."""
        if self._attached is not None:
            self._attached.end("somebody else has attached to this terminal")
        client = self._attached = Attachment(self, next(_clients))
        if self._end is not None:
            client.take(self._end)
        self.say({"t": "attach", "client": client.number})
        return client

    def close(self) -> None:
        """The job has ended: what is left is carried, then the terminal is gone."""
        self.say({"t": "close"})

    def hang_up(self) -> None:
        """Carry what is there by now, then end, whoever still has the terminal."""
        self.say({"t": "hang_up"})

    def say(self, message: Message) -> None:
        self._channel.send({**message, "id": self._id})

    def _take(self, message: Message) -> None:
        match message["t"]:
            case "terminal":
                self.path = message["path"]
                if not self.made.done():
                    self.made.set_result(None)
            case "error" | "gone" if not self.made.done():
                self._channel.leave(self._id)
                why = "the process that acts for the user has ended" if message["t"] == "gone" else ""
                self.made.set_exception(Conflict(f"no terminal can be opened: {why or message.get('why')}"))
            case "spawned" | "error" | "gone" if self._spawned is not None and not self._spawned.done():
                self._spawned.set_result(message)
            case "over":
                self.over.set_result(message)
            case kind:
                if kind in ("done", "error", "gone"):
                    self._end = message
                    self._channel.leave(self._id)
                    if not self.over.done():
                        self.over.set_result({"error": "its terminal has ended"})
                if self._attached is not None:
                    self._attached.take(message)


class Attachment:
    """One client of a terminal. One caller reads, one writes."""

    def __init__(self, terminal: Terminal, number: int) -> None:
        self.number = number
        self._terminal = terminal
        self._inbox: asyncio.Queue[Message] = asyncio.Queue()
        self.unread_by_job = 0
        self._room = asyncio.Event()
        self._room.set()
        self._over = False

    async def read(self) -> bytes:
        """What was printed; empty at the terminal's end. Raises `LaunchyardError`."""
        if self._over and self._inbox.empty():
            return b""
        message = await self._inbox.get()
        match message["t"]:
            case "printed":
                data = data_of(message)
                self._terminal.say({"t": "took", "client": self.number, "bytes": len(data)})
                return data
            case "done":
                return b""
            case "ended":
                raise Conflict(message["why"])
        raise error_of(message, self._terminal.path)

    async def write(self, data: bytes) -> None:
        """Type; waits while the job does not read what was typed before."""
        await self._room.wait()
        if self._over:
            return
        self.unread_by_job += len(data)
        self._terminal.say({"t": "input", "data": data_in(data)})
        self._measure()

    def resize(self, rows: int, cols: int) -> None:
        self._terminal.say({"t": "resize", "rows": rows, "cols": cols})

    def detach(self) -> None:
        """Take nothing any more; the terminal and its job go on."""
        self._over = True
        self._room.set()
        self._terminal.say({"t": "detach", "client": self.number})

    def end(self, why: str) -> None:
        """Another client has it now, or this one took nothing for too long."""
        self._finish({"t": "ended", "why": why})

    def take(self, message: Message) -> None:
        """A message of the helper's."""
        match message["t"]:
            case "printed":
                if message["client"] == self.number and not self._over:
                    self._inbox.put_nowait(message)
            case "typed":
                self.unread_by_job = max(0, self.unread_by_job - message["bytes"])
                self._measure()
            case "lagged":
                if message["client"] == self.number:
                    self.end("what this terminal printed was not taken for a minute; attach again")
            case _:
                self._finish(message)

    def _measure(self) -> None:
        if self._over or self.unread_by_job < TYPED_AHEAD_BYTES:
            self._room.set()
        else:
            self._room.clear()

    def _finish(self, message: Message) -> None:
        if not self._over:
            self._over = True
            self._inbox.put_nowait(message)
        self._room.set()

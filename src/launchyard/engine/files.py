"""The daemon's side of files: orders to a helper of the user, answers and the sentences of what went wrong.

The daemon opens nothing itself. What may be opened at all is a list of folders that goes with each order;
the helper has the kernel hold every path below them.
"""

import asyncio
import errno
import os
import socket
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from launchyard.engine.channel import ANSWER_S, GONE, HelperGone, Request, UserHelpers, data_in
from launchyard.launcher.messages import Message
from launchyard.model.errors import Conflict, Forbidden, Invalid, LaunchyardError, NotFound, Unavailable

LONG_S = 600.0
"""How long a removal or a move may take."""
LOOK_S = 0.25
"""How long a listing looks at what its names stand for; what is left comes without sizes and times."""
LISTED_MAX = 200_000
PIECE_BYTES = 256 * 1024
AT_ONCE = 8
"""Orders of one user that are being done."""


class DiskFull(Unavailable):
    """No room, or no quota, where a user wants to write; reading, deleting and logging in go on."""

    status = 507
    code = "disk-full"


@dataclass(frozen=True, slots=True, kw_only=True)
class Who:
    """As whom files are opened, and below which folders (absolute paths)."""

    uid: int
    roots: Sequence[str]


class Files:
    """Files of users. Paths are absolute. Everything raises `LaunchyardError` with one sentence."""

    def __init__(self, helpers: UserHelpers) -> None:
        self._helpers = helpers
        self._turns: dict[int, asyncio.Semaphore] = {}

    async def ask(self, who: Who, do: str, path: str, *, limit_s: float = ANSWER_S, **more: Any) -> Message:
        """One order, one answer."""
        order = {"t": "file", "do": do, "path": path, "roots": list(who.roots), **more}
        async with self._turns.setdefault(who.uid, asyncio.Semaphore(AT_ONCE)):
            return await self._one_answer(who, order, path, limit_s)

    def list(self, who: Who, path: str) -> AsyncGenerator[Message, None]:
        """What is in a folder: messages with `data`, rows as JSON; the first with what the folder is."""
        order: Message = {"do": "list", "path": path, "most": LISTED_MAX, "look_s": LOOK_S}
        return self._stream(who, order, path, ANSWER_S)

    def send(
        self, who: Who, path: str, offset: int = 0, length: int | None = None
    ) -> AsyncGenerator[Message, None]:
        """A file from a byte on: messages with `data`, the first with `size` and `version` too."""
        return self._stream(who, {"do": "send", "path": path, "offset": offset, "length": length}, path)

    def pack(self, who: Who, paths: Sequence[str]) -> AsyncGenerator[Message, None]:
        """Several files and folders as one zip file."""
        return self._stream(who, {"do": "pack", "paths": list(paths)}, paths[0])

    async def upload(
        self, who: Who, path: str, number: str, *, offset: int, size: int, data: bytes, conflict: str
    ) -> Message:
        """The next piece of an upload."""
        more: dict[str, Any] = {"number": number, "offset": offset, "size": size, "conflict": conflict}
        return await self.ask(who, "upload", path, data=data_in(data), **more)

    async def _one_answer(self, who: Who, order: Message, path: str, limit_s: float) -> Message:
        for again in (True, False):
            with Request(await self._helpers.of(who.uid), order) as request:
                request.over = True
                message = await _next(request, path, limit_s)
            if message["t"] == "file":
                return message
            # A helper that ended just now for want of work; only what changes nothing is asked again.
            if not (again and message["t"] == GONE["t"] and order["do"] in ("about", "read", "upload_state")):
                break
        raise error_of(message, path, who.roots)

    async def _stream(
        self, who: Who, order: Message, path: str, begin_s: float = LONG_S
    ) -> AsyncGenerator[Message, None]:
        loop, (ours, theirs) = asyncio.get_running_loop(), socket.socketpair()
        first = {"t": "send", "roots": list(who.roots), "fds": 1, **order}
        with ours, theirs:
            ours.setblocking(False)
            channel = await self._helpers.of(who.uid)
            with Request(channel, first, fds=[os.dup(theirs.fileno())], cancel="end_send") as request:
                theirs.close()
                known = await _next(request, path, begin_s)
                while known["t"] == "begun":
                    data = await _received(loop, ours, path)
                    yield {**known, "data": data}
                    if not data:
                        break
                last = await _next(request, path, LONG_S) if known["t"] == "begun" else known
                request.over = True
                if last["t"] != "done":
                    raise error_of(last, path, who.roots)


async def _received(loop: asyncio.AbstractEventLoop, ours: socket.socket, path: str) -> bytes:
    try:
        return await asyncio.wait_for(loop.sock_recv(ours, PIECE_BYTES), LONG_S)
    except TimeoutError:
        raise Unavailable(f"{path} does not answer; its file system may be gone") from None


async def _next(request: Request, path: str, limit_s: float) -> Message:
    try:
        return await asyncio.wait_for(request.next(), limit_s)
    except TimeoutError:
        raise Unavailable(f"{path} does not answer; its file system may be gone") from None


_SENTENCES: Mapping[int, tuple[type[LaunchyardError], str, str]] = {
    errno.ENOENT: (NotFound, "no-file", "there is no {path}"),
    errno.ENOTDIR: (NotFound, "no-file", "there is no {path}: a file is where a folder should be"),
    errno.EACCES: (Forbidden, "not-yours", "you may not do that at {path}; `ls -ld` says who may"),
    errno.EPERM: (Forbidden, "not-yours", "you may not do that at {path}: {why}"),
    errno.EROFS: (Forbidden, "read-only", "{path} is on a disk that nothing can be written to"),
    errno.EXDEV: (Forbidden, "outside", "{path} leads out of the folders that may be opened here: {roots}"),
    errno.ELOOP: (Conflict, "loop", "{path} leads through too many links"),
    errno.EISDIR: (Conflict, "is-folder", "{path} is a folder"),
    errno.EEXIST: (Conflict, "exists", "there is something at {path} already"),
    errno.ENOTEMPTY: (Conflict, "exists", "there is a folder at {path} already, and it is not empty"),
    errno.ENAMETOOLONG: (Invalid, "invalid", "{path} has a name that is too long, or lies too deep"),
    errno.EINVAL: (Conflict, "conflict", "{path} cannot be that: {why}"),
    errno.ENOSPC: (
        DiskFull,
        "disk-full",
        "the disk under {path} is full, so it was not written; delete something, which still works, "
        "and try again",
    ),
    errno.EDQUOT: (
        DiskFull,
        "quota-full",
        "your quota under {path} is used up, so it was not written; delete something, which still works, "
        "and try again",
    ),
    errno.EFBIG: (DiskFull, "too-large", "{path} would be larger than its file system or your limits allow"),
}


def error_of(message: Message, path: str, roots: Sequence[str]) -> LaunchyardError:
    """What an answer that is no answer means."""
    if message["t"] == GONE["t"]:
        return HelperGone("the process that acts for you has ended; try again")
    number = message.get("errno", 0)
    why = message.get("why") or os.strerror(number)
    if number == 0:
        return Conflict(_printable(why), code="changed" if "was changed since" in why else None)
    kind, code, sentence = _SENTENCES.get(number, (Conflict, "conflict", "{path} cannot be used: {why}"))
    return kind(sentence.format(path=_printable(path), why=why, roots=", ".join(roots)), code=code)


def _printable(path: str) -> str:
    """A name may hold whatever its owner likes; a sentence is one line."""
    return "".join(c if c.isprintable() else "?" for c in path[:500])

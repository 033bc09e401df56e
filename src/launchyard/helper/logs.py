"""Output files: a range of one, and many followed at once.

A follower that takes nothing gets nothing more: each has a window of bytes that it has not yet taken.
"""

import contextlib
import errno
import os
import stat
import threading
from collections.abc import Callable

from launchyard.launcher.messages import Message

PART_BYTES = 256 * 1024
WINDOW_BYTES = 1024 * 1024
TICK_S = 0.02

Part = Callable[[str, bytes, int, int], None]
Answer = Callable[[Message], None]


def open_regular(path: str) -> int:
    """Open for reading; what is not a regular file is refused, and never waited for."""
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise OSError(errno.EINVAL, "it is not a regular file")
    return fd


def read_range(path: str, offset: int, limit: int) -> tuple[bytes, int, int]:
    """(bytes, their offset, size now); a negative offset counts from the end."""
    fd = open_regular(path)
    try:
        size = os.fstat(fd).st_size
        start = max(0, size + offset) if offset < 0 else min(offset, size)
        data = b""
        while len(data) < limit and (more := os.pread(fd, limit - len(data), start + len(data))):
            data += more
        return data, start, max(size, start + len(data))
    finally:
        os.close(fd)


class _Follow:
    """One follower's place in one file."""

    __slots__ = ("fd", "finishing", "id", "offset", "path", "window")

    def __init__(self, id: str, path: str, offset: int) -> None:
        self.id = id
        self.path = path
        self.offset = offset
        self.fd: int | None = None
        self.window = WINDOW_BYTES
        self.finishing = False


def _look(follow: _Follow) -> None:
    """Open the file where it is there already, and find the place to begin at."""
    with contextlib.suppress(FileNotFoundError):
        follow.fd = open_regular(follow.path)
        if follow.offset < 0:
            follow.offset = max(0, os.fstat(follow.fd).st_size + follow.offset)
    follow.offset = max(0, follow.offset)


def _close(follow: _Follow) -> None:
    if follow.fd is not None:
        os.close(follow.fd)


class Follows:
    """One thread serves all followers: a look at each file's size costs little, a thread each would not."""

    def __init__(self, part: Part, answer: Answer) -> None:
        self._part = part
        self._answer = answer
        self._follows: dict[str, _Follow] = {}
        self._opening: dict[str, _Follow] = {}
        self._lock = threading.Lock()
        self._woken = threading.Event()
        self._stopped = False
        self._thread: threading.Thread | None = None

    @property
    def open_count(self) -> int:
        return len(self._follows) + len(self._opening)

    def begin(self, order: Message) -> None:
        """Take the order down at once, so that a `finish` or `cancel` right after it finds it."""
        self._opening[order["id"]] = _Follow(order["id"], order["path"], order["offset"])

    def open(self, order: Message) -> None:
        """Begin to follow. Called in a thread of its own: the first look at a file may take for ever."""
        follow = self._opening.get(order["id"])
        if follow is None:
            return
        try:
            _look(follow)
        except OSError:
            self._opening.pop(follow.id, None)
            raise
        with self._lock:
            if self._opening.pop(follow.id, None) is None:
                _close(follow)
                return
            self._follows[follow.id] = follow
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, daemon=True)
            self._thread.start()
        self._woken.set()

    def more(self, order: Message) -> None:
        """The follower has taken so many bytes."""
        follow = self._follows.get(order["id"])
        if follow is not None:
            follow.window += order["bytes"]
            self._woken.set()

    def finish(self, order: Message) -> None:
        """Nothing is written any more: read to the end, then be done."""
        with self._lock:
            follow = self._follows.get(order["id"]) or self._opening.get(order["id"])
            if follow is not None:
                follow.finishing = True
        self._woken.set()

    def cancel(self, order: Message) -> None:
        with self._lock:
            # One that is still being opened is closed by the thread that opens it.
            self._opening.pop(order["id"], None)
            follow = self._follows.pop(order["id"], None)
        if follow is not None:
            _close(follow)

    def stop(self) -> None:
        self._stopped = True
        self._woken.set()

    def _run(self) -> None:
        while not self._stopped:
            self._woken.clear()
            busy = False
            for follow in list(self._follows.values()):
                try:
                    busy |= self._advance(follow)
                except OSError as error:
                    if self._follows.pop(follow.id, None) is not None:
                        self._answer(
                            {"t": "error", "id": follow.id, "errno": error.errno, "why": error.strerror}
                        )
            if not busy:
                self._woken.wait(TICK_S if self._follows else None)

    def _advance(self, follow: _Follow) -> bool:
        """Send what there is, within the window; True when there may be more at once."""
        if follow.fd is None and not self._appeared(follow):
            return False
        if follow.fd is None or follow.window <= 0:
            return False
        data = os.pread(follow.fd, min(PART_BYTES, follow.window), follow.offset)
        size = max(os.fstat(follow.fd).st_size, follow.offset + len(data))
        if data:
            self._part(follow.id, data, follow.offset, size)
            follow.offset += len(data)
            follow.window -= len(data)
            return True
        if os.fstat(follow.fd).st_size < follow.offset:
            follow.offset = 0
            return True
        if self._replaced(follow):
            return True
        if follow.finishing:
            self._done(follow)
        return False

    def _appeared(self, follow: _Follow) -> bool:
        try:
            follow.fd = open_regular(follow.path)
        except FileNotFoundError:
            if follow.finishing:
                self._done(follow)
            return False
        return True

    def _replaced(self, follow: _Follow) -> bool:
        """Another file has the name now (it was rotated): go on with that one from its beginning."""
        try:
            named = os.stat(follow.path)  # noqa: PTH116 - this process starts without pathlib, which costs 5 ms
        except FileNotFoundError:
            return False
        if follow.fd is None or os.path.samestat(named, os.fstat(follow.fd)):
            return False
        os.close(follow.fd)
        follow.fd, follow.offset = open_regular(follow.path), 0
        return True

    def _done(self, follow: _Follow) -> None:
        self.cancel({"id": follow.id})
        self._answer({"t": "done", "id": follow.id})

"""Output files: a range of one, and many followed at once.

A follower that takes nothing gets nothing more: each has a window of bytes that it has not yet taken. One
thread a file system looks at all the files followed there: a look costs little, a thread a follower would
not, and where a file system does not answer the followers elsewhere go on.
"""

import contextlib
import errno
import os
import stat
import threading
import time
from collections.abc import Callable

from launchyard.launcher.messages import Message

READ_BYTES = 1024 * 1024
"""The most that one `read` answers."""
PART_BYTES = 64 * 1024
WINDOW_BYTES = 256 * 1024
TICK_S = 0.02
ROTATED_S = 0.5
"""How often to see whether another file has the name."""

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
    """(at most `READ_BYTES`, their offset, size now); a negative offset counts from the end."""
    fd = open_regular(path)
    try:
        size = os.fstat(fd).st_size
        start = max(0, size + offset) if offset < 0 else min(offset, size)
        data = os.pread(fd, min(limit, READ_BYTES), start)
        return data, start, max(size, start + len(data))
    finally:
        os.close(fd)


class _Follow:
    """One follower's place in one file.

    The thread that hears orders writes `taken`, `finishing` and `cancelled`; the lane alone writes the rest
    and closes the file, so neither needs a lock.
    """

    __slots__ = ("cancelled", "fd", "finishing", "id", "lane", "looked_at", "offset", "path", "sent", "taken")

    def __init__(self, id: str, path: str, offset: int) -> None:
        self.id = id
        self.path = path
        self.offset = offset
        self.fd: int | None = None
        self.lane: _Lane | None = None
        self.sent = 0
        self.taken = 0
        self.looked_at = 0.0
        self.finishing = False
        self.cancelled = False

    @property
    def room(self) -> int:
        """How many bytes may be sent now."""
        return WINDOW_BYTES - (self.sent - self.taken)


class Follows:
    """All followers by id."""

    def __init__(self, part: Part, answer: Answer) -> None:
        self._part = part
        self._answer = answer
        self._follows: dict[str, _Follow] = {}
        self._lanes: dict[int, _Lane] = {}
        self._lock = threading.Lock()

    @property
    def open_count(self) -> int:
        return len(self._follows)

    def begin(self, order: Message) -> None:
        """Take the order down at once, so that a `finish` or `cancel` right after it finds it."""
        self._follows[order["id"]] = _Follow(order["id"], order["path"], order["offset"])

    def open(self, order: Message) -> None:
        """Begin to follow. Called in a thread of its own: the first look at a file may take for ever."""
        follow = self._follows.get(order["id"])
        if follow is None:
            return
        try:
            device = _look(follow)
        except (OSError, ValueError):
            self._follows.pop(follow.id, None)
            raise
        with self._lock:
            lane = self._lanes.get(device)
            if lane is None:
                lane = self._lanes[device] = _Lane(self._part, self._ended)
        follow.lane = lane
        lane.add(follow)

    def more(self, order: Message) -> None:
        """The follower has taken so many bytes."""
        follow = self._follows.get(order["id"])
        if follow is not None:
            follow.taken += order["bytes"]
            _wake(follow)

    def finish(self, order: Message) -> None:
        """Nothing is written any more: read to the end, then be done."""
        follow = self._follows.get(order["id"])
        if follow is not None:
            follow.finishing = True
            _wake(follow)

    def cancel(self, order: Message) -> None:
        """Forget it; its lane closes the file."""
        follow = self._follows.pop(order["id"], None)
        if follow is not None:
            follow.cancelled = True
            _wake(follow)

    def stop(self) -> None:
        """Forget all of them."""
        for id in list(self._follows):
            self.cancel({"id": id})

    def _ended(self, follow: _Follow, error: OSError | None) -> None:
        """Called by a lane, once a follow."""
        if self._follows.pop(follow.id, None) is None:
            return
        if error is None:
            self._answer({"t": "done", "id": follow.id})
        else:
            self._answer({"t": "error", "id": follow.id, "errno": error.errno or 0, "why": error.strerror})


class _Lane:
    """The followers of files of one file system, and the thread that looks at them."""

    def __init__(self, part: Part, ended: Callable[[_Follow, OSError | None], None]) -> None:
        self._part = part
        self._ended = ended
        self._follows: list[_Follow] = []
        self._lock = threading.Lock()
        self._woken = threading.Event()
        threading.Thread(target=self._run, daemon=True).start()

    def add(self, follow: _Follow) -> None:
        with self._lock:
            self._follows.append(follow)
        self._woken.set()

    def wake(self) -> None:
        self._woken.set()

    def _run(self) -> None:
        while True:
            self._woken.clear()
            with self._lock:
                follows = list(self._follows)
            gone, busy = [], False
            for follow in follows:
                more = self._turn(follow)
                busy |= bool(more)
                if more is None:
                    gone.append(follow)
            self._drop(gone)
            if not busy:
                self._woken.wait(TICK_S if len(follows) > len(gone) else None)

    def _turn(self, follow: _Follow) -> bool | None:
        """As `_advance`; whoever asked hears of the end."""
        if follow.cancelled:
            return None
        try:
            more = self._advance(follow)
        except OSError as error:
            self._ended(follow, error)
            return None
        if more is None:
            self._ended(follow, None)
        return more

    def _drop(self, gone: list[_Follow]) -> None:
        if not gone:
            return
        with self._lock:
            self._follows = [follow for follow in self._follows if follow not in gone]
        for follow in gone:
            _close(follow)

    def _advance(self, follow: _Follow) -> bool | None:
        """Send what there is, within the window. True: there may be more at once; None: it is over."""
        # Only an end that was told before we looked is an end: what was written until then is then seen.
        finishing = follow.finishing
        if follow.fd is None and not _appeared(follow):
            return None if finishing else False
        if follow.fd is None or follow.room <= 0:
            return False
        data = os.pread(follow.fd, min(PART_BYTES, follow.room), follow.offset)
        if data:
            end = follow.offset + len(data)
            self._part(follow.id, data, follow.offset, max(end, os.fstat(follow.fd).st_size))
            follow.offset = end
            follow.sent += len(data)
            return True
        if os.fstat(follow.fd).st_size < follow.offset:
            follow.offset = 0
            return True
        if _replaced(follow):
            return True
        return None if finishing else False


def _wake(follow: _Follow) -> None:
    if follow.lane is not None:
        follow.lane.wake()


def _look(follow: _Follow) -> int:
    """Open the file where it is there already; the device that it is on, or will be."""
    with contextlib.suppress(FileNotFoundError):
        follow.fd = open_regular(follow.path)
        found = os.fstat(follow.fd)
        follow.offset = max(0, found.st_size + follow.offset if follow.offset < 0 else follow.offset)
        return found.st_dev
    follow.offset = max(0, follow.offset)
    directory = os.path.dirname(follow.path)
    while True:
        try:
            return os.stat(directory or "/").st_dev
        except FileNotFoundError:
            directory = os.path.dirname(directory)


def _appeared(follow: _Follow) -> bool:
    try:
        follow.fd = open_regular(follow.path)
    except FileNotFoundError:
        return False
    return True


def _replaced(follow: _Follow) -> bool:
    """Another file has the name now (it was rotated): go on with that one from its beginning."""
    now = time.monotonic()
    if follow.fd is None or (now - follow.looked_at < ROTATED_S and not follow.finishing):
        return False
    follow.looked_at = now
    try:
        named = os.stat(follow.path)
    except FileNotFoundError:
        return False
    if os.path.samestat(named, os.fstat(follow.fd)):
        return False
    if os.pread(follow.fd, 1, follow.offset):
        # Written after we read and before the name went to another file: first read on here.
        follow.looked_at = 0.0
        return True
    os.close(follow.fd)
    follow.fd = None
    follow.fd, follow.offset = open_regular(follow.path), 0
    return True


def _close(follow: _Follow) -> None:
    if follow.fd is not None:
        os.close(follow.fd)
        follow.fd = None

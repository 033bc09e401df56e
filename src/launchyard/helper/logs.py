"""Output files: a range of one, and many followed at once.

A follower that takes nothing gets nothing more: each has a window of bytes that it has not yet taken. One
thread a file system looks at all the files followed there: a look costs little, a thread a follower would
not, and where a file system does not answer the followers elsewhere go on. Those of one file share its
descriptor, and those at the same place in it what is read there: a thousand cost little more than one.
"""

import contextlib
import errno
import os
import resource
import stat
import threading
import time
from collections.abc import Callable, Sequence

from launchyard.launcher.messages import Message

READ_BYTES = 1024 * 1024
"""The most that one `read` answers."""
PART_BYTES = 64 * 1024
WINDOW_BYTES = 256 * 1024
WINDOW_LEAST_BYTES = 32 * 1024
WINDOWS_BYTES = 64 * 1024 * 1024
"""What all followers together may not have taken, as long as that leaves each its least."""
FILES_SPARE = 256
"""Descriptors beside those of files followed."""
TICK_S = 0.02
TICK_MAX_S = 0.1
REST = 9
"""So many times as long as it took to look at all files it waits then, within the ticks above."""
ROTATED_S = 0.5
"""How often to see whether another file has the name."""

Part = Callable[[Sequence[str], bytes, int, int], None]
"""For whom (ids), what, from which offset on, and the size of the file."""
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

    The thread that hears orders writes `taken`, `finishing` and `cancelled`; the lane alone writes the rest,
    so neither needs a lock.
    """

    __slots__ = ("cancelled", "finishing", "id", "lane", "many", "offset", "path", "sent", "source", "taken")

    def __init__(self, order: Message) -> None:
        self.id: str = order["id"]
        self.path: str = order["path"]
        self.offset: int = order["offset"]
        self.many = bool(order.get("many"))
        """Who ordered it understands a part that is for many."""
        self.lane: _Lane | None = None
        self.source: _Source | None = None
        self.sent = 0
        self.taken = 0
        self.finishing = False
        self.cancelled = False


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

    @property
    def window(self) -> int:
        """How many bytes each follower may have been sent and not have taken."""
        return max(WINDOW_LEAST_BYTES, min(WINDOW_BYTES, WINDOWS_BYTES // max(1, self.open_count)))

    def begin(self, order: Message) -> None:
        """Take the order down at once, so that a `finish` or `cancel` right after it finds it."""
        self._follows[order["id"]] = _Follow(order)
        _allow_files(FILES_SPARE + self.open_count)

    def open(self, order: Message) -> None:
        """Begin to follow. Called in a thread of its own: the first look at a file may take for ever."""
        follow = self._follows.get(order["id"])
        if follow is None:
            return
        try:
            fd, device = _look(follow)
        except (OSError, ValueError):
            self._follows.pop(follow.id, None)
            raise
        with self._lock:
            lane = self._lanes.get(device)
            if lane is None:
                lane = self._lanes[device] = _Lane(self)
        follow.lane = lane
        lane.add(follow, fd)

    def more(self, order: Message) -> None:
        """The follower has taken so many bytes."""
        follow = self._follows.get(order["id"])
        if follow is not None:
            full = 2 * (follow.sent - follow.taken) >= self.window
            follow.taken += order["bytes"]
            if full:
                _wake(follow)

    def finish(self, order: Message) -> None:
        """Nothing is written any more: read to the end, then be done."""
        follow = self._follows.get(order["id"])
        if follow is not None:
            follow.finishing = True
            _wake(follow)

    def cancel(self, order: Message) -> None:
        """Forget it; its lane lets go of the file."""
        follow = self._follows.pop(order["id"], None)
        if follow is not None:
            follow.cancelled = True
            _wake(follow)

    def stop(self) -> None:
        """Forget all of them."""
        for id in list(self._follows):
            self.cancel({"id": id})

    def tell(self, follows: Sequence[_Follow], data: bytes, offset: int, size: int) -> None:
        """Called by a lane: one part for all who understand that, else one for each."""
        many = [follow.id for follow in follows if follow.many]
        if many:
            self._part(many, data, offset, size)
        for follow in follows:
            if not follow.many:
                self._part([follow.id], data, offset, size)

    def ended(self, follow: _Follow, error: OSError | None) -> None:
        """Called by a lane, once a follow."""
        if self._follows.pop(follow.id, None) is None:
            return
        if error is None:
            self._answer({"t": "done", "id": follow.id})
        else:
            self._answer({"t": "error", "id": follow.id, "errno": error.errno or 0, "why": error.strerror})


Place = tuple[int, int, bool]
"""Offset, the most to read, whether the end is an end."""


Key = tuple[str, int, int]
"""Name, device, inode."""


class _Source:
    """A file that is open under a name, and its followers."""

    __slots__ = ("fd", "follows", "looked_at", "path", "rests_at")

    def __init__(self, path: str, fd: int) -> None:
        self.path = path
        self.fd = fd
        self.looked_at = 0.0
        self.rests_at: int | None = None
        """All are at the end of a file of this size, and none has said anything since that was seen."""
        self.follows: list[_Follow] = []

    @property
    def size(self) -> int:
        """-1: its file system does not say; whoever reads hears why."""
        try:
            return os.fstat(self.fd).st_size
        except OSError:
            return -1

    def places(self, window: int) -> dict[Place, list[_Follow]]:
        """Who may be sent more, by where they are."""
        found: dict[Place, list[_Follow]] = {}
        for follow in self.follows:
            room = window - (follow.sent - follow.taken)
            # Not crumb by crumb to who is behind; who has taken all has more room than that.
            if room >= min(PART_BYTES, window // 2):
                # Only an end that was told before we look is one: what was written until then is then seen.
                place = (follow.offset, min(PART_BYTES, room), follow.finishing)
                found.setdefault(place, []).append(follow)
        return found


class _Lane:
    """The followers of files of one file system, and the thread that looks at them."""

    def __init__(self, told: Follows) -> None:
        self._told = told
        self._new: list[tuple[_Follow, int | None]] = []
        self._waiting: dict[str, list[_Follow]] = {}
        """For files that are not there."""
        self._sources: dict[Key, _Source] = {}
        self._lock = threading.Lock()
        self._woken = threading.Event()
        threading.Thread(target=self._run, daemon=True).start()

    def add(self, follow: _Follow, fd: int | None) -> None:
        with self._lock:
            self._new.append((follow, fd))
        self._woken.set()

    def wake(self) -> None:
        self._woken.set()

    def _run(self) -> None:
        while True:
            self._woken.clear()
            began, until = time.thread_time(), time.monotonic() + TICK_S
            with self._lock:
                new, self._new = self._new, []
            for follow, fd in new:
                self._enter([follow], follow.path, fd)
            for path in list(self._waiting):
                self._await(path)
            hot = self._round(list(self._sources))
            while hot and not self._woken.is_set() and time.monotonic() < until:
                hot = self._round(hot)
            if not hot:
                pause_s = min(TICK_MAX_S, max(TICK_S, REST * (time.thread_time() - began)))
                self._woken.wait(pause_s if self._sources or self._waiting else None)

    def _round(self, keys: "list[Key]") -> "list[Key]":
        """Look at these; those that there is more of at once."""
        window, now, hot = self._told.window, time.monotonic(), []
        for key in keys:
            source = self._sources[key]
            size = source.size
            if size == source.rests_at and now - source.looked_at < ROTATED_S:
                continue
            # Set before anybody is looked at: who says something meanwhile takes it back.
            source.rests_at = size
            if self._turn(source, window):
                hot.append(key)
            if not all(follow.offset == size and not follow.finishing for follow in source.follows):
                source.rests_at = None
            if not source.follows:
                os.close(source.fd)
                del self._sources[key]
        return [key for key in hot if key in self._sources]

    def _enter(self, follows: list[_Follow], path: str, fd: int | None) -> None:
        """They follow the file that was opened, with those who do already."""
        if fd is None:
            self._waiting.setdefault(path, []).extend(follows)
            return
        try:
            found = os.fstat(fd)
        except OSError as error:
            os.close(fd)
            for follow in follows:
                self._told.ended(follow, error)
            return
        source = self._sources.setdefault((path, found.st_dev, found.st_ino), _Source(path, fd))
        if source.fd != fd:
            os.close(fd)
        source.rests_at = None
        source.follows.extend(follows)
        for follow in follows:
            follow.source = source

    def _await(self, path: str) -> None:
        """Of those who wait for a file: it has appeared, or will not any more, or cannot be opened."""
        follows = [follow for follow in self._waiting.pop(path) if not follow.cancelled]
        finishing = {follow.id for follow in follows if follow.finishing}
        try:
            fd = open_regular(path) if follows else None
        except FileNotFoundError:
            for follow in follows:
                if follow.id in finishing:
                    self._told.ended(follow, None)
            follows, fd = [follow for follow in follows if follow.id not in finishing], None
        except OSError as error:
            for follow in follows:
                self._told.ended(follow, error)
            return
        if follows:
            self._enter(follows, path, fd)

    def _turn(self, source: _Source, window: int) -> bool:
        """Send what there is to whoever has room. Whether there may be more at once."""
        busy, gone = False, set[str]()
        for (offset, most, finishing), follows in source.places(window).items():
            live = [follow for follow in follows if not follow.cancelled]
            over, error = False, None
            try:
                more = bool(live) and self._advance(source, offset, most, finishing, live)
                over = finishing and not more
            except OSError as failed:
                more, over, error = False, True, failed
            busy |= more
            if over:
                gone.update(follow.id for follow in live)
                for follow in live:
                    self._told.ended(follow, error)
        source.follows = [follow for follow in source.follows if not (follow.cancelled or follow.id in gone)]
        return busy

    def _advance(
        self, source: _Source, offset: int, most: int, finishing: bool, follows: list[_Follow]
    ) -> bool:
        """Send to those who are at one place what is there; False: there is nothing more now."""
        data = os.pread(source.fd, most, offset)
        size = os.fstat(source.fd).st_size
        if data:
            end = offset + len(data)
            for follow in follows:
                follow.offset = end
                follow.sent += len(data)
            self._told.tell(follows, data, offset, max(end, size))
            return finishing or size > end
        if size < offset:
            for follow in follows:
                follow.offset = 0
            return True
        return self._moved(source, offset, finishing, follows)

    def _moved(self, source: _Source, offset: int, finishing: bool, follows: list[_Follow]) -> bool:
        """Another file has the name now (it was rotated): go on with that one from its beginning."""
        now = time.monotonic()
        if now - source.looked_at < ROTATED_S and not finishing:
            return False
        source.looked_at = now
        try:
            named = os.stat(source.path)
        except FileNotFoundError:
            return False
        if os.path.samestat(named, os.fstat(source.fd)):
            return False
        source.looked_at = 0.0
        if os.pread(source.fd, 1, offset):
            # Written after we read and before the name went to another file: first read on here.
            return True
        fd = open_regular(source.path)
        left = {follow.id for follow in follows}
        source.follows = [follow for follow in source.follows if follow.id not in left]
        for follow in follows:
            follow.offset = 0
        self._enter(follows, source.path, fd)
        self._woken.set()
        return True


def _allow_files(count: int) -> None:
    """A login's limit of open files is for a person at work; this is many of them that look at logs."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if 0 <= soft < count and soft != hard:
        wanted = 2 * count if hard == resource.RLIM_INFINITY else min(hard, 2 * count)
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _wake(follow: _Follow) -> None:
    if follow.source is not None:
        follow.source.rests_at = None
    if follow.lane is not None:
        follow.lane.wake()


def _look(follow: _Follow) -> tuple[int | None, int]:
    """Open the file where it is there already; the device that it is on, or will be."""
    with contextlib.suppress(FileNotFoundError):
        fd = open_regular(follow.path)
        found = os.fstat(fd)
        follow.offset = max(0, found.st_size + follow.offset if follow.offset < 0 else follow.offset)
        return fd, found.st_dev
    follow.offset = max(0, follow.offset)
    directory = os.path.dirname(follow.path)
    while True:
        try:
            return None, os.stat(directory or "/").st_dev
        except FileNotFoundError:
            directory = os.path.dirname(directory)

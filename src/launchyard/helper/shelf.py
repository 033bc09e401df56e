"""What a user's set-ups keep for the next ones: unpacked packages and built environments, by what made them.

An entry is a directory that nobody writes, and beside it a record of every file in it. One that was changed
since, or whose making did not come to its end, is made anew. A lock file lets one process make an entry while
the others wait, and keeps it from being removed while somebody copies from it. A failure is remembered for a
minute, so that a thousand jobs with one wrong requirement are not a thousand attempts.
"""

import contextlib
import fcntl
import json
import os
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from launchyard.helper.copies import facts_of, free_space, protect, remove_tree

FAILED_KEEP_S = 60.0
FREE_MIN_BYTES = 64 << 20


class SetupFailed(Exception):
    """It cannot be set up; the text is what its owner reads, at first one sentence."""


class Weight(NamedTuple):
    """How much an entry is."""

    bytes: int
    files: int


class Shelf:
    """Entries below one directory of the user's. `tell` hears what is waited for."""

    def __init__(self, path: str, tell: Callable[[str], None]) -> None:
        self._path = path
        self._tell = tell
        for folder in ("", "locks", "failed"):
            os.makedirs(os.path.join(path, folder), mode=0o700, exist_ok=True)

    @contextmanager
    def entry(self, key: str, make: Callable[[str], None]) -> Iterator[str]:
        """The directory of `key`, made if it must be, kept until the caller is done with it."""
        lock = os.open(os.path.join(self._path, "locks", key), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            while not self._use(key, lock):
                self._make(key, lock, make)
            yield os.path.join(self._path, key)
        finally:
            os.close(lock)

    def weight(self, key: str) -> Weight:
        with open(os.path.join(self._path, f"{key}.json")) as file:
            record = json.load(file)
        return Weight(record["size"], len(record["files"]))

    def trim(self, bytes_max: int, in_use: set[str]) -> list[str]:
        """Remove the entries least recently used while all together take more than `bytes_max`."""
        entries = []
        for name in os.listdir(self._path):
            if name.endswith(".json"):
                with contextlib.suppress(OSError, ValueError, KeyError):
                    record = os.path.join(self._path, name)
                    with open(record) as file:
                        size = int(json.load(file)["size"])
                    entries.append((os.stat(record).st_mtime, name.removesuffix(".json"), size))
        total, removed = sum(size for _, _, size in entries), []
        for _, key, size in sorted(entries):
            if total <= bytes_max:
                break
            if key not in in_use and self._remove(key):
                total -= size
                removed.append(key)
        return removed

    # -- inside

    def _use(self, key: str, lock: int) -> bool:
        """Take the entry for use together with others, if it is whole and as it was made."""
        self._lock(lock, fcntl.LOCK_SH, key)
        try:
            record = os.path.join(self._path, f"{key}.json")
            with open(record) as file:
                known = json.load(file)["files"]
            if facts_of(os.path.join(self._path, key))[0] != known:
                self._tell("what was kept from before has been changed since, so it is made anew")
                return False
            os.utime(record)
        except (OSError, ValueError, KeyError):
            return False
        return True

    def _make(self, key: str, lock: int, make: Callable[[str], None]) -> None:
        self._lock(lock, fcntl.LOCK_EX, key)
        if self._whole(key):
            return
        self._refuse_failed(key)
        target = os.path.join(self._path, key)
        remove_tree(target)
        if free_space(self._path) < FREE_MIN_BYTES:
            raise SetupFailed("the disk that runtime environments are kept on is full; tell the operator")
        os.mkdir(target, 0o700)
        try:
            make(target)
        except SetupFailed as error:
            self._remember_failure(key, str(error))
            remove_tree(target)
            raise
        except BaseException:
            remove_tree(target)
            raise
        protect(target)
        facts, size = facts_of(target)
        fresh = os.path.join(self._path, f".{secrets.token_hex(8)}")
        with open(fresh, "w") as file:
            json.dump({"size": size, "files": facts}, file)
        os.rename(fresh, os.path.join(self._path, f"{key}.json"))

    def _whole(self, key: str) -> bool:
        """Somebody else has made it while we waited for the lock."""
        try:
            with open(os.path.join(self._path, f"{key}.json")) as file:
                known = json.load(file)["files"]
            whole: bool = facts_of(os.path.join(self._path, key))[0] == known
        except (OSError, ValueError, KeyError):
            return False
        if not whole:
            os.unlink(os.path.join(self._path, f"{key}.json"))
        return whole

    def _lock(self, lock: int, how: int, key: str) -> None:
        try:
            fcntl.flock(lock, how | fcntl.LOCK_NB)
        except BlockingIOError:
            self._tell("waits for another job of yours that makes the same")
            fcntl.flock(lock, how)

    def _refuse_failed(self, key: str) -> None:
        path = os.path.join(self._path, "failed", key)
        with contextlib.suppress(OSError):
            age_s = time.time() - os.stat(path).st_mtime
            if 0 <= age_s < FAILED_KEEP_S:
                with open(path) as file:
                    sentence = file.read()
                raise SetupFailed(
                    f"{sentence}\n(this failed {age_s:.0f} s ago; it is tried again after a minute)"
                )
            os.unlink(path)

    def _remember_failure(self, key: str, sentence: str) -> None:
        with contextlib.suppress(OSError), open(os.path.join(self._path, "failed", key), "w") as file:
            file.write(sentence)

    def _remove(self, key: str) -> bool:
        """Unless somebody uses it at this moment."""
        path = os.path.join(self._path, "locks", key)
        lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with contextlib.suppress(FileNotFoundError):
                os.unlink(os.path.join(self._path, f"{key}.json"))
            remove_tree(os.path.join(self._path, key))
        except BlockingIOError:
            return False
        finally:
            os.close(lock)
        return True

"""uv's own cache of what it fetched and built, one a user: emptied when it is too large and not in use."""

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

from launchyard.helper.copies import facts_of, remove_tree

MEASURE_S = 3600.0
"""It is measured now and then: to look at all of it takes a while."""


@contextmanager
def in_use(root: str) -> Iterator[str]:
    """The cache's directory, which stays meanwhile."""
    lock = os.open(os.path.join(root, "uv.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_SH)
        yield os.path.join(root, "uv")
    finally:
        os.close(lock)


def trim(root: str, bytes_max: int) -> bool:
    """Empty it if it is larger; whether it was."""
    stamp, cache = os.path.join(root, "uv.measured"), os.path.join(root, "uv")
    with contextlib.suppress(FileNotFoundError):
        if 0 <= time.time() - os.stat(stamp).st_mtime < MEASURE_S:
            return False
    with open(stamp, "w"):
        os.utime(stamp)
    lock = os.open(os.path.join(root, "uv.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if facts_of(cache)[1] <= bytes_max:
            return False
        remove_tree(cache)
    except OSError:
        # In use, or not there yet.
        return False
    finally:
        os.close(lock)
    return True

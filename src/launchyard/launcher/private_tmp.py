"""Emptying a job's private TMPDIR as its user: the launcher itself never enters a directory of a user's."""

import contextlib
import os
import signal
from typing import NoReturn

_NOBODY = 65534


def empty_as(uid: int | None, path: str) -> NoReturn:
    """In a forked child: become `uid` (None: stay who we are), empty `path`, exit."""
    with contextlib.suppress(BaseException):
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.closerange(3, 1 << 16)
        os.setsid()
        if uid is not None:
            os.setgroups([])
            os.setresgid(_NOBODY, _NOBODY, _NOBODY)
            os.setresuid(uid, uid, uid)
        empty(os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC))
    os._exit(0)


def empty(top: int) -> None:
    """Remove everything below the open directory `top`, following no link, as far as permitted.

    Directories are moved up to the top rather than descended into, so depth costs neither stack nor paths.
    """
    moved = 0
    while names := os.listdir(top):
        before = moved
        removed = False
        for name in names:
            if _gone(name, top):
                removed = True
                continue
            moved += _flatten(name, top, moved)
            removed |= _gone(name, top)
        if not removed and moved == before:
            return


def _gone(name: str, directory: int) -> bool:
    for remove in (os.unlink, os.rmdir):
        with contextlib.suppress(OSError):
            remove(name, dir_fd=directory)
            return True
    return False


def _flatten(name: str, top: int, moved: int) -> int:
    """Empty one directory: unlink its files, move its directories beside it. Gives how many were moved."""
    count = 0
    with contextlib.suppress(OSError):
        os.chmod(name, 0o700, dir_fd=top)
        fd = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=top)
        try:
            for child in os.listdir(fd):
                if not _gone(child, fd):
                    with contextlib.suppress(OSError):
                        os.chmod(child, 0o700, dir_fd=fd)
                        os.rename(child, f".moved-{moved + count}", src_dir_fd=fd, dst_dir_fd=top)
                        count += 1
        finally:
            os.close(fd)
    return count

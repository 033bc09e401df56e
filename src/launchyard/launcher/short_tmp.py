"""A short way to the jobs' private TMPDIRs, for programs that keep sockets deep below theirs.

The kernel allows the path of a socket 107 bytes, and Ray alone takes 70 of them: where the directory of the
jobs' TMPDIRs leaves too few, one link of ours in a place with a short name leads there.
"""

import contextlib
import os
import stat
import zlib
from collections.abc import MutableMapping

DEEP = 34
"""So long may TMPDIR be for Ray's `ray/session_.../sockets/plasma_store.1` to fit behind it."""
NAME = "LAUNCHYARD_TMPDIR"
"""TMPDIR by the short way, for what comes with us."""
_RAY = "RAY_TMPDIR"
_LAUNCH_ID = 16
_PREFIX = "ly-"
_PLACES = ("/run", "/tmp")  # noqa: S108 - a link of ours, which nobody else can move


class ShortTmp:
    """`target` is the directory of all private TMPDIRs."""

    def __init__(self, target: str) -> None:
        self.link: str | None = None
        if len(os.fsencode(target)) + 1 + _LAUNCH_ID > DEEP:
            self.link = _linked(os.path.realpath(target))

    def put(self, env: MutableMapping[str, str], launch_id: str) -> MutableMapping[str, str]:
        """The same variables, with the short way in them. Ray is sent elsewhere by nobody but its user."""
        of_another_job = env.pop(NAME, None)
        if env.get(_RAY, "") in ("", of_another_job):
            env.pop(_RAY, None)
        if self.link is not None:
            env[NAME] = f"{self.link}/{launch_id}"
            env.setdefault(_RAY, env[NAME])
        return env


def _linked(target: str) -> str | None:
    """The path of the link; None: there is no place for one."""
    name = f"{_PREFIX}{zlib.crc32(os.fsencode(target)):08x}"
    for place in _PLACES:
        _remove_old(place)
        for path in (f"{place}/{name}", f"{place}/{_PREFIX}{os.urandom(4).hex()}"):
            with contextlib.suppress(FileExistsError, OSError):
                os.symlink(target, path)
            if _is_ours(path) and os.readlink(path) == target:
                return path
    return None


def _remove_old(place: str) -> None:
    """Links of ours that lead nowhere any more."""
    with contextlib.suppress(OSError):
        for name in os.listdir(place):
            path = f"{place}/{name}"
            if name.startswith(_PREFIX) and _is_ours(path) and not os.path.exists(path):
                os.unlink(path)


def _is_ours(path: str) -> bool:
    with contextlib.suppress(OSError):
        found = os.lstat(path)
        return stat.S_ISLNK(found.st_mode) and found.st_uid == os.geteuid()
    return False

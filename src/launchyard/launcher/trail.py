"""All that decides where a path leads: the directories and the links on the way, and its end.

Whoever may change one of them may have root read or run another file than was meant.
"""

from __future__ import annotations

import errno
import os
import stat

LINKS_MAX = 40


def trail(path: str) -> list[tuple[str, os.stat_result]]:
    """Each with what it is, links as links; the last one is the end. Raises `OSError`."""
    left = [part for part in reversed(os.path.abspath(path).split("/")) if part]
    at, links = "/", 0
    found = [(at, os.stat(at))]
    while left:
        part = left.pop()
        if part in ("", "."):
            continue
        if part == "..":
            at = os.path.dirname(at)
            continue
        there = os.path.join(at, part)
        status = os.lstat(there)
        found.append((there, status))
        if not os.path.islink(there):
            at = there
            continue
        links += 1
        if links > LINKS_MAX:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
        target = os.readlink(there)
        at = "/" if target.startswith("/") else at
        left += reversed(target.split("/"))
    return [one for one in found if one[0] != at] + [(at, os.stat(at))]


def is_loose(found: os.stat_result) -> bool:
    """Whether a group or others could change it; in a sticky directory nobody swaps what is another's."""
    sticky = stat.S_ISDIR(found.st_mode) and found.st_mode & stat.S_ISVTX
    return bool(found.st_mode & 0o022) and not sticky and not stat.S_ISLNK(found.st_mode)

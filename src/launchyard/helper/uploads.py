"""Uploads in pieces, as their user: an upload that was cut goes on where it stopped, also days later.

The part lies in the folder that the file will be in, under a hidden name made of the upload's own number, and
takes the file's name when it is whole. So nothing has to be remembered elsewhere, a half file is never taken
for a whole one, and what it takes counts for the user's own quota.
"""

import contextlib
import errno
import os
import time
from collections.abc import Sequence
from typing import Any

from launchyard.helper.below import open_parent
from launchyard.helper.contents import locked, write_all
from launchyard.helper.folders import is_part, part_name, put_in_place

STALE_S = 7 * 24 * 3600.0
"""Parts that nobody has gone on with for so long are removed."""


def state(path: str, roots: Sequence[str], number: str) -> dict[str, Any]:
    """How much is here, and what has the name already."""
    parent, name = open_parent(path, roots)
    try:
        _remove_stale(parent)
        there = None
        with contextlib.suppress(FileNotFoundError):
            found = os.lstat(name, dir_fd=parent)
            there = {"size": found.st_size, "modified_at": found.st_mtime}
        return {"received": _received(parent, number), "there": there}
    finally:
        os.close(parent)


def put(
    path: str, roots: Sequence[str], number: str, *, offset: int, size: int, data: bytes, conflict: str
) -> dict[str, Any]:
    """The next piece; with the last one the file gets its name, `conflict` as of `move`.

    FileExistsError: it is whole, and the name is taken; ask again, with no data, for another `conflict`.
    """
    parent, name = open_parent(path, roots)
    try:
        part = part_name(number)
        received = _received(parent, number)
        if offset != received:
            raise ValueError(
                f"{received} bytes of {path} are here, so it goes on from there, not from {offset}"
            )
        if offset + len(data) > size:
            raise ValueError(f"more than the {size} bytes of {path} were sent; send it anew")
        if offset == 0:
            _look_for_room(parent, size)
        received += len(data)
        _append(parent, part, path, data, offset, last=received == size)
        if received < size:
            return {"received": received, "complete": False, "name": name}
        placed = put_in_place(parent, part, parent, name, conflict)
        if not placed:
            os.unlink(part, dir_fd=parent)
        return {"received": received, "complete": True, "name": placed or name, "skipped": not placed}
    finally:
        os.close(parent)


def drop(path: str, roots: Sequence[str], number: str) -> None:
    """Forget it."""
    parent, _ = open_parent(path, roots)
    try:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(part_name(number), dir_fd=parent)
    finally:
        os.close(parent)


def _received(parent: int, number: str) -> int:
    try:
        return os.lstat(part_name(number), dir_fd=parent).st_size
    except FileNotFoundError:
        return 0


def _append(parent: int, part: str, path: str, data: bytes, offset: int, *, last: bool) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
    fd = os.open(part, flags, 0o666, dir_fd=parent)
    try:
        if not locked(fd) or os.fstat(fd).st_size != offset:
            raise ValueError(f"{path} is being sent by somebody else at this moment; ask how much is here")
        write_all(fd, data, offset)
        if last:
            os.fsync(fd)
    finally:
        os.close(fd)


def _look_for_room(parent: int, size: int) -> None:
    """A file that cannot fit is refused before it is sent."""
    room = os.statvfs(f"/proc/self/fd/{parent}")
    if room.f_bavail * room.f_frsize < size:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _remove_stale(parent: int) -> None:
    fd = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=parent)
    try:
        with os.scandir(fd) as found:
            for entry in found:
                if not is_part(entry.name):
                    continue
                with contextlib.suppress(OSError):
                    if time.time() - entry.stat(follow_symlinks=False).st_mtime > STALE_S:
                        os.unlink(entry.name, dir_fd=parent)
    finally:
        os.close(fd)

"""Paths below the folders that may be opened, resolved by the kernel and never by comparing texts.

`openat2` with RESOLVE_BENEATH walks the whole path and refuses a step that leaves the folder, whoever swaps a
directory for a link meanwhile. A link that leads to another allowed place is followed once more from there,
without links then. Where the kernel has no such call, every step is opened apart and no link is followed.
"""

import ctypes
import errno
import os
import struct
from collections.abc import Sequence

_OPENAT2 = 437
_NO_MAGIC_LINKS, _NO_SYMLINKS, _BENEATH = 0x02, 0x04, 0x08
_HOW = struct.Struct("QQQ")
_RENAMEAT2 = {"x86_64": 316, "aarch64": 276}.get(os.uname().machine)
_NO_REPLACE = 1
_MISSING = (errno.ENOSYS, errno.EPERM, errno.E2BIG)
_TRIES = 16
"""A path with `..` is refused for once while somebody renames what is on it."""
_FOLDER = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC

_libc = ctypes.CDLL(None, use_errno=True)


class Outside(OSError):
    """The path leads out of every folder that may be opened."""

    def __init__(self) -> None:
        super().__init__(errno.EXDEV, "it leads out of the folders that may be opened here")


def open_below(path: str, roots: Sequence[str], flags: int, mode: int = 0) -> int:
    """Open the absolute `path` if it lies below one of `roots` in the end. Raises `Outside`, OSError."""
    try:
        return _open_from(*_placed(path, roots), flags, mode, links=True)
    except OSError as error:
        if error.errno not in (errno.EXDEV, errno.ELOOP):
            raise
    # A link with an absolute target: it may lead into one of the folders all the same. One that lies in none
    # of them is somebody else's, who says each moment anew where it leads.
    real = [os.path.realpath(root) for root in roots]
    _placed(path, [*roots, *real])
    try:
        return _open_from(*_placed(os.path.realpath(path), real), flags, mode, links=False)
    except OSError as error:
        if error.errno == errno.EXDEV:
            raise Outside from None
        raise


def open_parent(path: str, roots: Sequence[str]) -> tuple[int, str]:
    """The folder that `path` is in, and the last name: what is done to a name follows no link."""
    parent, _, name = path.rstrip("/").rpartition("/")
    if name in ("", ".", "..") or any(path.rstrip("/") == root.rstrip("/") for root in roots):
        raise PermissionError(errno.EPERM, "it is one of the folders that everything else lies in")
    return open_below(parent or "/", roots, _FOLDER), name


def open_inside(folder: int, name: str, flags: int) -> int:
    """Open a name in an open folder, no link."""
    return os.open(name, flags | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)


def rename_new(source: int, name: str, target: int, new: str) -> None:
    """Rename to a name that nothing has yet; FileExistsError where something has, and nothing is changed."""
    arguments = (source, os.fsencode(name), target, os.fsencode(new))
    if _RENAMEAT2 is not None and _libc.syscall(_RENAMEAT2, *arguments, _NO_REPLACE) == 0:
        return
    number = ctypes.get_errno() if _RENAMEAT2 is not None else errno.ENOSYS
    if number not in (errno.ENOSYS, errno.EINVAL):
        raise OSError(number, os.strerror(number))
    # A file system, or a machine, without that call: look first.
    if exists(target, new):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
    os.rename(name, new, src_dir_fd=source, dst_dir_fd=target)


def exists(folder: int, name: str) -> bool:
    try:
        os.lstat(name, dir_fd=folder)
    except FileNotFoundError:
        return False
    return True


def _placed(path: str, roots: Sequence[str]) -> tuple[str, str]:
    """The folder whose names `path` begins with, the deepest, and the path from there."""
    given = _names(path)
    for root in sorted(roots, key=len, reverse=True):
        names = _names(root)
        if path.startswith("/") and given[: len(names)] == names:
            return root, "/".join(given[len(names) :]) or "."
    raise Outside


def _names(path: str) -> list[str]:
    return [name for name in path.split("/") if name not in ("", ".")]


def _open_from(root: str, rest: str, flags: int, mode: int, *, links: bool) -> int:
    folder = os.open(root, _FOLDER)
    try:
        resolve = _BENEATH | _NO_MAGIC_LINKS | (0 if links else _NO_SYMLINKS)
        how = _HOW.pack(flags | os.O_CLOEXEC, mode if flags & os.O_CREAT else 0, resolve)
        for _ in range(_TRIES):
            found = _libc.syscall(_OPENAT2, folder, os.fsencode(rest), how, _HOW.size)
            if found >= 0:
                return int(found)
            number = ctypes.get_errno()
            if number != errno.EAGAIN:
                break
        if number in _MISSING and not _has_openat2():
            return _open_by_steps(folder, rest, flags, mode)
        raise OSError(number, os.strerror(number))
    finally:
        os.close(folder)


def _has_openat2() -> bool:
    how = _HOW.pack(_FOLDER, 0, 0)
    found = int(_libc.syscall(_OPENAT2, -100, b"/", how, _HOW.size))
    if found >= 0:
        os.close(found)
    return found >= 0


def _open_by_steps(folder: int, rest: str, flags: int, mode: int) -> int:
    """Each name in the folder that the one before has opened; neither a link nor `..`."""
    *between, last = rest.split("/")
    if ".." in (*between, last):
        raise Outside
    at = os.dup(folder)
    try:
        for name in between:
            below = os.open(name, _FOLDER | os.O_NOFOLLOW, dir_fd=at)
            os.close(at)
            at = below
        return os.open(last, flags | os.O_NOFOLLOW | os.O_CLOEXEC, mode, dir_fd=at)
    finally:
        os.close(at)

"""What files hold, as their user: read, sent in pieces, packed, saved. Only regular files are opened.

A long answer goes as bytes through a socket of its own, which holds the reading up until it is taken, and
ends it when whoever asked goes away. A packed folder is walked by open directories, so no name in it can lead
out of it meanwhile.
"""

import base64
import contextlib
import errno
import fcntl
import os
import secrets
import socket
import stat
import zipfile
from collections.abc import Callable, Iterator, Sequence
from typing import IO, Any, cast

from launchyard.helper.below import open_below, open_inside, open_parent
from launchyard.helper.folders import part_name, version_of

PIECE_BYTES = 512 * 1024
_READ = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY


Begin = Callable[[dict[str, Any]], None]
"""Told what is known of what comes, before its first byte."""


class Changed(ValueError):
    """The file is not the one that was opened any more."""


@contextlib.contextmanager
def opened(path: str, roots: Sequence[str]) -> Iterator[tuple[int, os.stat_result]]:
    """A regular file to read; a pipe or a device is refused and never waited for."""
    fd = open_below(path, roots, _READ)
    try:
        found = os.fstat(fd)
        if stat.S_ISDIR(found.st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if not stat.S_ISREG(found.st_mode):
            raise ValueError(f"{path} is not a regular file, so it cannot be read here")
        yield fd, found
    finally:
        os.close(fd)


def read(path: str, roots: Sequence[str], limit: int) -> dict[str, Any]:
    """The beginning of a file, and what is to be known of it."""
    with opened(path, roots) as (fd, found):
        data = os.pread(fd, limit, 0)
        return {
            "data": base64.b64encode(data).decode("ascii"),
            "size": found.st_size,
            "modified_at": found.st_mtime,
            "version": version_of(found),
            "writable": os.access(f"/proc/self/fd/{fd}", os.W_OK),
        }


def send(
    path: str, roots: Sequence[str], offset: int, length: int | None, begin: Begin, out: socket.socket
) -> None:
    """A file from a byte on into `out`; `begin` is told size and version before its first byte."""
    with opened(path, roots) as (fd, found):
        end = found.st_size if length is None else min(found.st_size, offset + length)
        begin({"size": found.st_size, "version": version_of(found)})
        while offset < end:
            done = os.sendfile(out.fileno(), fd, offset, end - offset)
            if not done:
                raise Changed(f"{path} became shorter while it was read; read it again")
            offset += done


def pack(paths: Sequence[str], roots: Sequence[str], begin: Begin, out: socket.socket) -> None:
    """Files and folders as one zip file, written as it is sent. Links and devices are left out."""
    target = _Sent(begin, out)
    with zipfile.ZipFile(cast("IO[bytes]", target), "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for path in paths:
            parent, name = open_parent(path, roots)
            try:
                _pack(archive, parent, name, name)
            finally:
                os.close(parent)
    target.end()


class _Sent:
    """What a zip file is written to: pieces of a useful size; there is no way back in it."""

    def __init__(self, begin: Begin, out: socket.socket) -> None:
        self._begin = begin
        self._out = out
        self._begun = False
        self._held = bytearray()

    def write(self, data: bytes) -> int:
        self._held += data
        if len(self._held) >= PIECE_BYTES:
            self._let_go()
        return len(data)

    def flush(self) -> None:
        """Nothing yet: an archive that could not be made is flushed too."""

    def end(self) -> None:
        if self._held:
            self._let_go()

    def _let_go(self) -> None:
        if not self._begun:
            # What is wrong with the first of the paths is told instead.
            self._begun = True
            self._begin({})
        self._out.sendall(self._held)
        self._held.clear()


def _pack(archive: zipfile.ZipFile, folder: int, name: str, shown: str) -> None:
    """One name in an open folder; what cannot be read is named in the archive, not left out silently."""
    try:
        fd = open_inside(folder, name, _READ)
    except OSError as error:
        if error.errno not in (errno.ELOOP, errno.ENXIO, errno.ENOENT):
            archive.writestr(f"{_text(shown)}.unreadable.txt", f"{error.strerror}\n")
        return
    try:
        found = os.fstat(fd)
        if stat.S_ISDIR(found.st_mode):
            for below in sorted(os.listdir(fd)):
                _pack(archive, fd, below, f"{shown}/{below}")
        elif stat.S_ISREG(found.st_mode):
            _pack_file(archive, fd, found, shown)
    finally:
        os.close(fd)


def _pack_file(archive: zipfile.ZipFile, fd: int, found: os.stat_result, shown: str) -> None:
    info = zipfile.ZipInfo.from_file(f"/proc/self/fd/{fd}", _text(shown), strict_timestamps=False)
    info.compress_type = zipfile.ZIP_DEFLATED
    info.file_size = found.st_size
    with archive.open(info, "w", force_zip64=found.st_size >= 1 << 30) as target:
        left = found.st_size
        while left and (data := os.read(fd, min(left, PIECE_BYTES))):
            target.write(data)
            left -= len(data)


def _text(name: str) -> str:
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def save(path: str, roots: Sequence[str], data: bytes, version: str | None) -> str:
    """Write a text that was edited; the answer is its version now. `version` None: the file is new.

    It is written beside the old one and takes its name when it is whole, so a full disk costs nothing. A file
    with other names, or of somebody else, is written where it is.
    """
    parent, name = open_parent(path, roots)
    try:
        if version is None:
            return _write_new(parent, name, data)
        fd = open_below(path, roots, os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY)
        try:
            found = os.fstat(fd)
            if not stat.S_ISREG(found.st_mode):
                raise ValueError(f"{path} is not a regular file, so it cannot be edited")
            if version_of(found) != version:
                raise Changed(
                    f"{path} was changed since it was opened; load it again, or save under another name"
                )
            if found.st_nlink > 1 or found.st_uid != os.geteuid() or _is_link(parent, name):
                return _write_over(fd, data, found.st_size)
            return _write_beside(parent, name, data, found)
        finally:
            os.close(fd)
    finally:
        os.close(parent)


def _is_link(parent: int, name: str) -> bool:
    return stat.S_ISLNK(os.lstat(name, dir_fd=parent).st_mode)


def _write_new(parent: int, name: str, data: bytes) -> str:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    fd = os.open(name, flags, 0o666, dir_fd=parent)
    try:
        write_all(fd, data, 0)
        os.fsync(fd)
        return version_of(os.fstat(fd))
    except OSError:
        os.unlink(name, dir_fd=parent)
        raise
    finally:
        os.close(fd)


def _write_beside(parent: int, name: str, data: bytes, old: os.stat_result) -> str:
    beside = part_name(secrets.token_hex(16))
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    fd = os.open(beside, flags, 0o600, dir_fd=parent)
    try:
        write_all(fd, data, 0)
        with contextlib.suppress(OSError):
            os.fchown(fd, -1, old.st_gid)
        os.fchmod(fd, stat.S_IMODE(old.st_mode))
        os.fsync(fd)
        os.rename(beside, name, src_dir_fd=parent, dst_dir_fd=parent)
        return version_of(os.fstat(fd))
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(beside, dir_fd=parent)
        raise
    finally:
        os.close(fd)


def _write_over(fd: int, data: bytes, size: int) -> str:
    """Room for all of it first: what is there is lost only when the new text fits."""
    if len(data) > size:
        with contextlib.suppress(OSError):
            os.posix_fallocate(fd, 0, len(data))
        if os.fstat(fd).st_size < len(data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    write_all(fd, data, 0)
    os.ftruncate(fd, len(data))
    os.fsync(fd)
    return version_of(os.fstat(fd))


def write_all(fd: int, data: bytes, offset: int) -> None:
    view = memoryview(data)
    while view:
        done = os.pwrite(fd, view, offset)
        view, offset = view[done:], offset + done


def locked(fd: int) -> bool:
    """Whether the file is ours alone from now on."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True

"""Folders as their user sees them: listed, made, moved, removed. All below the folders that may be opened.

A listing of very many names looks at each as long as its time lasts; the rest come with their names and
kinds alone, since a directory that says nothing for a minute is no use to anybody.
"""

import errno
import json
import os
import shutil
import socket
import stat
import time
from collections.abc import Callable, Sequence
from itertools import islice
from operator import attrgetter
from typing import Any

from launchyard.helper.below import open_below, open_parent, rename_new

BATCH = 2_000
_PART_END = ".upload"
_PART_LENGTH = 33 + len(_PART_END)
_LOOK = os.O_RDONLY | os.O_DIRECTORY | os.O_NONBLOCK

Row = list[Any]
"""Name, kind, size, time of last change, permissions; kind of a link's target; whether the name is no text.

Kinds are `d` folder, `f` file, `l` link, `o` something else. Size, time and permissions may be null."""


def list_folder(path: str, roots: Sequence[str], most: int, look_s: float) -> list[Row]:
    """At most so many names, in their order: a browser that sorts them again has next to nothing to do."""
    fd = open_below(path, roots, _LOOK)
    try:
        with os.scandir(fd) as found:
            entries = list(islice((entry for entry in found if not is_part(entry.name)), most))
            entries.sort(key=attrgetter("name"))
            until = time.monotonic() + look_s
            rows: list[Row] = []
            for at in range(0, len(entries), BATCH):
                # The clock is asked once a batch.
                looks = time.monotonic() < until
                rows += _as_text([_row(entry, fd, looks=looks) for entry in entries[at : at + BATCH]])
            return rows
    finally:
        os.close(fd)


def send_rows(rows: Sequence[Row], out: socket.socket) -> None:
    """As the items of a JSON list, so that nobody on the way has to read them."""
    for at in range(0, len(rows), BATCH):
        text = json.dumps(rows[at : at + BATCH], ensure_ascii=False, separators=(",", ":"))[1:-1]
        out.sendall(f"{',' if at else ''}{text}".encode())


def look_at(path: str, roots: Sequence[str], names: Sequence[str]) -> list[Row]:
    """Some names of a folder that a listing had no time for."""
    fd = open_below(path, roots, _LOOK)
    try:
        return _as_text([_looked_at(name, fd) for name in names if "/" not in name])
    finally:
        os.close(fd)


def part_name(number: str) -> str:
    """The hidden name under which a file is written that is not whole yet; `number` has 32 hex digits."""
    return f".{number}{_PART_END}"


def is_part(name: str) -> bool:
    """Whether this is such a name; they are not listed."""
    return len(name) == _PART_LENGTH and name[0] == "." and name.endswith(_PART_END)


def about(path: str, roots: Sequence[str]) -> dict[str, Any]:
    """What there is under a name, a link followed: kind, size, times, what may be done, and room there."""
    fd = open_below(path, roots, os.O_PATH)
    try:
        found = os.fstat(fd)
        here = f"/proc/self/fd/{fd}"
        room = os.statvfs(here)
        return {
            "kind": _kind(found.st_mode),
            "size": found.st_size,
            "modified_at": found.st_mtime,
            "mode": stat.S_IMODE(found.st_mode),
            "version": version_of(found),
            "writable": os.access(here, os.W_OK),
            "free_bytes": room.f_bavail * room.f_frsize,
            "real": os.readlink(here),
        }
    finally:
        os.close(fd)


def version_of(found: os.stat_result) -> str:
    """Changes when the file's content does, or another file has its name."""
    return f"{found.st_ino:x}-{found.st_size:x}-{found.st_mtime_ns:x}"


def make_folder(path: str, roots: Sequence[str]) -> None:
    parent, name = open_parent(path, roots)
    try:
        os.mkdir(name, dir_fd=parent)
    finally:
        os.close(parent)


def move(path: str, to: str, roots: Sequence[str], conflict: str) -> str:
    """Rename a thing, also into another folder. `conflict`: fail, keep (both), replace or skip.

    The answer is the last name that it has now; empty: it was left where it is.
    """
    source, name = open_parent(path, roots)
    try:
        target, new = open_parent(to, roots)
        try:
            return put_in_place(source, name, target, new, conflict)
        finally:
            os.close(target)
    except OSError as error:
        if (
            error.errno == errno.EXDEV
            and os.path.dirname(path) != os.path.dirname(to)
            and _both(path, to, roots)
        ):
            raise ValueError(
                f"{path} is on another disk than {os.path.dirname(to)}, and cannot be moved there at once; "
                f"copy it in a terminal: cp -a"
            ) from None
        raise
    finally:
        os.close(source)


def put_in_place(source: int, name: str, target: int, new: str, conflict: str) -> str:
    """Rename between open folders, and settle what happens when the name is taken."""
    if conflict == "replace":
        os.rename(name, new, src_dir_fd=source, dst_dir_fd=target)
        return new
    number = 0
    while True:
        candidate = numbered(new, number)
        try:
            rename_new(source, name, target, candidate)
            return candidate
        except FileExistsError:
            if conflict == "skip":
                return ""
            if conflict != "keep" or number >= 1_000:
                raise
            number += 1


def numbered(name: str, number: int) -> str:
    """`data.csv` as `data (2).csv`; 0 is the name itself."""
    if number == 0:
        return name
    stem, dot, end = name.rpartition(".")
    return f"{stem} ({number}).{end}" if dot and stem else f"{name} ({number})"


def remove(path: str, roots: Sequence[str]) -> None:
    """A file, a link, or a folder with all that is in it; no link is followed on the way."""
    parent, name = open_parent(path, roots)
    try:
        if stat.S_ISDIR(os.lstat(name, dir_fd=parent).st_mode):
            shutil.rmtree(name, dir_fd=parent)
        else:
            os.unlink(name, dir_fd=parent)
    finally:
        os.close(parent)


def remove_all(
    paths: Sequence[str], roots: Sequence[str], failed: Callable[[str, OSError], None]
) -> list[str]:
    """Each of them; what cannot be removed is told, and no reason to stop."""
    gone = []
    for path in paths:
        try:
            remove(path, roots)
            gone.append(path)
        except OSError as error:
            failed(path, error)
    return gone


def _both(path: str, to: str, roots: Sequence[str]) -> bool:
    """Whether both may be opened: then it was the disks that differ."""
    try:
        for one in (path, to):
            os.close(open_parent(one, roots)[0])
    except OSError:
        return False
    return True


def _row(entry: "os.DirEntry[str]", folder: int, *, looks: bool) -> Row:
    if not looks:
        kind = "l" if entry.is_symlink() else "d" if entry.is_dir() else "f"
        return [entry.name, kind, None, None, None]
    return _looked_at(entry.name, folder)


def _looked_at(name: str, folder: int) -> Row:
    try:
        found = os.lstat(name, dir_fd=folder)
    except OSError:
        return [name, "o", None, None, None]
    mode = found.st_mode
    kind = _kind(mode)
    row: Row = [name, kind, found.st_size, int(found.st_mtime), mode & 0o7777]
    if kind == "l":
        row.append(_target_kind(name, folder))
    return row


def _target_kind(name: str, folder: int) -> str | None:
    try:
        return _kind(os.stat(name, dir_fd=folder).st_mode)
    except OSError:
        return None


_KINDS = {stat.S_IFREG: "f", stat.S_IFDIR: "d", stat.S_IFLNK: "l"}


def _kind(mode: int) -> str:
    return _KINDS.get(stat.S_IFMT(mode), "o")


def _as_text(batch: list[Row]) -> list[Row]:
    """A name that is not UTF-8 is shown as well as it can be, and marked: it cannot be asked for."""
    try:
        "".join([row[0] for row in batch]).encode()
    except UnicodeEncodeError:
        for row in batch:
            shown = row[0].encode("utf-8", "surrogateescape").decode("utf-8", "replace")
            if shown != row[0]:
                row[:] = [shown, *row[1:5], row[5] if len(row) > 5 else None, True]
    return batch

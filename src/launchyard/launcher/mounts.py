"""Whether a path can be walked without waiting for anybody: it lies in local file systems all the way.

A file server that has gone away stops whoever touches one of its paths, for ever. So the way is walked here a
step at a time, and a step is taken only when the mount table says that it stays on this machine.
"""

import os
import select
import stat
from collections.abc import Sequence

LOCAL = frozenset(
    (
        *("bcachefs", "btrfs", "erofs", "ext2", "ext3", "ext4", "f2fs", "iso9660", "overlay", "ramfs"),
        *("squashfs", "tmpfs", "xfs", "zfs"),
    )
)
"""Kinds of file systems that answer without another machine and without another process."""

_LINKS_MAX = 40
_INTERPRETERS_MAX = 4
_MOUNTINFO = "/proc/self/mountinfo"


class Mounts:
    """The mount table, read again when the kernel says that it has changed."""

    def __init__(self, mountinfo: str = _MOUNTINFO) -> None:
        self._file = os.open(mountinfo, os.O_RDONLY | os.O_CLOEXEC)
        self._changes = select.poll()
        self._changes.register(self._file, select.POLLPRI)
        self._local = _read(self._file)
        self._walked: dict[str, str | None] = {}

    def look_again(self) -> None:
        """Forget what was walked, and take up what has been mounted meanwhile."""
        self._walked.clear()
        if self._changes.poll(0):
            self._local = _read(self._file)

    def all_local(self, cwd: str, candidates: Sequence[str]) -> bool:
        """Whether `chdir` to `cwd` and then `execve` of each of the candidates in turn waits for nobody."""
        if self._place(cwd) is None:
            return False
        for path in candidates:
            found = self._place(os.path.join(cwd, path))
            if found is None:
                return False
            if os.path.lexists(found):
                return self._is_local_program(found, _INTERPRETERS_MAX)
        return True

    def _is_local_program(self, path: str, deep: int) -> bool:
        """Whether what the kernel opens to execute a file is local too: scripts name another file."""
        if deep == 0:
            return False
        try:
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
        except OSError:
            return False
        try:
            if not stat.S_ISREG(os.fstat(fd).st_mode):
                return False
            first = os.read(fd, 256)
        finally:
            os.close(fd)
        if not first.startswith(b"#!"):
            return True
        words = first[2:].split(b"\n", 1)[0].split()
        found = self._place(os.fsdecode(words[0])) if words and words[0].startswith(b"/") else None
        return found is not None and self._is_local_program(found, deep - 1)

    def _place(self, path: str) -> str | None:
        """The path without symbolic links, as far as it exists; None when the way leads off this machine."""
        if path not in self._walked:
            self._walked[path] = self._walk(path)
        return self._walked[path]

    def _walk(self, path: str) -> str | None:
        names, links, here = path.split("/")[::-1], 0, ""
        if not path.startswith("/") or not self._local.get("/", False):
            return None
        while names:
            name = names.pop()
            if name in ("", "."):
                continue
            if name == "..":
                here = here.rpartition("/")[0]
                continue
            step = f"{here}/{name}"
            if not self._local.get(step, True):
                return None
            try:
                target = os.readlink(step)
            except OSError:
                # No link; or nothing, which ends the way as fast for whoever walks it next.
                here = step
                continue
            links += 1
            if links > _LINKS_MAX:
                return None
            names += target.split("/")[::-1]
            if target.startswith("/"):
                here = ""
        return here or "/"


def _read(fd: int) -> dict[str, bool]:
    """Whether each mount point leads to a local file system, whatever is mounted over what."""
    os.lseek(fd, 0, os.SEEK_SET)
    parts = []
    while part := os.read(fd, 65536):
        parts.append(part)
    local: dict[str, bool] = {}
    # Names in it are users' (FUSE): only spaces, tabs, ends of lines and backslashes stand as octal.
    for line in b"".join(parts).split(b"\n"):
        fields, _, rest = line.partition(b" - ")
        words = fields.split(b" ")
        if len(words) > 4:
            point = os.fsdecode(words[4].decode("unicode_escape").encode("latin-1"))
            local[point] = local.get(point, True) and os.fsdecode(rest.split(b" ")[0]) in LOCAL
    return local

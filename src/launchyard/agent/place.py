"""Where a node keeps what is ours: code, key, and the state of its launcher; made so that nobody else can."""

from __future__ import annotations

import contextlib
import os
import stat

_NAME = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"


def directory(base: str, yard: str, node: str) -> str:
    """The directory of one daemon's node on this machine. Raises `OSError`, `ValueError`.

    Several nodes may be on one machine, and several daemons may use one node.
    """
    if not yard or not node or set(yard + node) - set(_NAME) or node.startswith("."):
        raise ValueError(f"'{yard}' and '{node}' do not name a directory")
    os.makedirs(base, mode=0o755, exist_ok=True)
    _refuse_of_others(base)
    path = os.path.join(base, f"{yard}-{node}")
    with contextlib.suppress(FileExistsError):
        os.mkdir(path, 0o755)
    _refuse_of_others(path)
    return path


def own(path: str, mode: int = 0o700) -> str:
    """A directory of ours. Raises `OSError`."""
    with contextlib.suppress(FileExistsError):
        os.mkdir(path, mode)
    _refuse_of_others(path)
    return path


def _refuse_of_others(path: str) -> None:
    found = os.lstat(path)
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o022:
        raise PermissionError(
            f"'{path}' must be a directory of user {os.getuid()} that nobody else can write; remove it"
        )


def keep_key(path: str, key: bytes) -> bool:
    """The first key that comes is the node's; False: it has another one."""
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    except FileExistsError:
        with open(path, "rb") as file:
            return file.read() == key
    with open(fd, "wb") as file:
        file.write(key)
    return True

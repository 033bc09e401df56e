"""What is looked at before the app is started: its programs, and room to write in the home directory."""

import errno
import os
import shutil

from launchyard.attendant.order import Order

ROOM_BYTES = 256 * 1024
"""So much an app writes at once when it starts: settings, a database, a history."""
FULL = (errno.ENOSPC, errno.EDQUOT)


class CannotStart(Exception):
    """One sentence that says why."""


def check(order: Order) -> None:
    """Raises `CannotStart`."""
    for names, hint in order.programs:
        alternatives = names.split("|")
        if not any(shutil.which(name) for name in alternatives):
            node = os.environ.get("LAUNCHYARD_NODE") or os.uname().nodename
            how = f": {hint}" if hint else "; ask whoever runs it to install it"
            raise CannotStart(f"{order.title} needs {alternatives[0]}, which is not installed on {node}{how}")
    start = os.path.join(order.folder, "start.sh")
    if not os.path.isfile(start):
        raise CannotStart(f"{order.title} has no start.sh that can be read in {order.folder}")
    _check_home(order, os.environ.get("HOME", "/"))


def _check_home(order: Order, home: str) -> None:
    path = os.path.join(home, f".launchyard-{order.launch_id}")
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except OSError as error:
        if error.errno in FULL:
            raise CannotStart(full(order, home)) from None
        if isinstance(error, FileNotFoundError):
            raise CannotStart(
                f"the home directory {home} is not there, and {order.title} needs one"
            ) from None
        # Others (a directory that may only be read) are the app's own to complain of.
        return
    try:
        _write(fd)
    except OSError as error:
        if error.errno in FULL:
            raise CannotStart(full(order, home)) from None
    finally:
        os.close(fd)
        os.unlink(path)


def _write(fd: int) -> None:
    left = ROOM_BYTES
    while left:
        left -= os.write(fd, b"\0" * min(left, 65536))
    # A network file system and a quota may say so only now.
    os.fsync(fd)


def full(order: Order, home: str) -> str:
    """The sentence of a home directory without room."""
    return (
        f"the home directory {home} is full, so {order.title} cannot start; "
        f"delete what is not needed there, then start it again"
    )

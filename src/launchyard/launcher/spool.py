"""Logs that are not kept any more: only root may take files out of a directory of the spool."""

import contextlib
import os
import signal
from collections.abc import Sequence
from typing import NoReturn


def remove_in_child(directory: str, names: Sequence[str]) -> NoReturn:
    """In a forked child, as large files take their time. Exit code 1: one could not be removed."""
    left = 1
    with contextlib.suppress(BaseException):
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.closerange(3, 1 << 16)
        os.setsid()
        left = remove(directory, names)
    os._exit(1 if left else 0)


def remove(directory: str, names: Sequence[str]) -> int:
    """How many of these could not be removed. What is not there is no fault."""
    try:
        folder = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return 0
    left = 0
    for name in names:
        try:
            os.unlink(name, dir_fd=folder)
        except FileNotFoundError:
            continue
        except OSError:
            left += 1
    os.close(folder)
    return left

"""What a step's tasks left behind: processes that are ours now, ended when the last task has."""

import contextlib
import os
import signal
import time

_PATIENCE_S = 2.0
_PAUSE_S = 0.005


def descendants(pid: int) -> list[int]:
    """The processes below one, as /proc tells."""
    found: list[int] = []
    look = [pid]
    while look:
        children = _children(look.pop())
        found += children
        look += children
    return found


def _children(pid: int) -> list[int]:
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as file:
            return [int(word) for word in file.read().split()]
    except OSError:
        return []


def end_all() -> None:
    """KILL whatever is below this process, until nothing is; what does not die is left to the job's end."""
    give_up_at = time.monotonic() + _PATIENCE_S
    while time.monotonic() < give_up_at:
        rest = descendants(os.getpid())
        for pid in rest:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return
        time.sleep(_PAUSE_S)

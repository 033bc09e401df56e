"""Calls of Linux that Python 3.11 does not have."""

import contextlib
import ctypes
import os
import resource
import signal
import socket
import sys

_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_SET_CHILD_SUBREAPER = 36
_CLONE_NEWUTS = 0x04000000

_libc = ctypes.CDLL(None, use_errno=True)


def become_subreaper() -> None:
    """What the tasks leave behind becomes ours, to be found and ended."""
    _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def die_with(parent: int) -> None:
    """KILL for this process when its parent dies, also when that has happened already."""
    _libc.prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    if os.getppid() != parent:
        os._exit(128 + signal.SIGKILL)


def take_name(node: str) -> None:
    """Let `hostname` answer the node's name for this process and its children, where we may."""
    if os.geteuid() != 0 or socket.gethostname().partition(".")[0] == node:
        return
    if _libc.unshare(_CLONE_NEWUTS) == 0:
        with contextlib.suppress(OSError):
            socket.sethostname(node)


def end_as(status: int) -> None:
    """End this process with a wait status: the same exit code, or by the same signal, without a core."""
    code = os.waitstatus_to_exitcode(status)
    sys.stdout.flush()
    if code < 0:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        _libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
        with contextlib.suppress(OSError, ValueError):
            signal.signal(-code, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, [])
        os.kill(os.getpid(), -code)
    os._exit(code if code >= 0 else 128 - code)

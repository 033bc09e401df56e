"""Signals as something to read: what somebody sends to the runner, or to srun, is for the tasks."""

import os
import signal
from collections.abc import Iterable
from types import FrameType

_NEVER = {
    *(signal.SIGKILL, signal.SIGSTOP, signal.SIGCHLD, signal.SIGPIPE, signal.SIGXFSZ),
    *(signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGTRAP, signal.SIGSYS),
    *(signal.SIGTTIN, signal.SIGTTOU),
}
PASSED_ON = sorted(int(number) for number in signal.valid_signals() if number not in _NEVER)


class Signals:
    """Signals (all that can be passed on, and the ends of children) as bytes of a pipe."""

    def __init__(self, numbers: Iterable[int] = (*PASSED_ON, signal.SIGCHLD)) -> None:
        self._reading, writing = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        for number in numbers:
            signal.signal(number, _noted)
        signal.set_wakeup_fd(writing, warn_on_full_buffer=False)

    def fileno(self) -> int:
        return self._reading

    def read(self) -> list[int]:
        """Those that came, CHLD among them at most once."""
        try:
            data = os.read(self._reading, 4096)
        except BlockingIOError:
            return []
        came = [number for number in data if number != signal.SIGCHLD]
        return [*came, int(signal.SIGCHLD)] if len(came) < len(data) else came


def _noted(number: int, _: FrameType | None) -> None:
    """The byte in the pipe says it all."""

"""Set-ups of runtime environments: each is a program of its own in a process group of its own.

So one that is not wanted any more is ended with all that it has started, and what it needs of memory is gone
with it. It knows by its standard input that this helper still lives.
"""

import contextlib
import fcntl
import json
import os
import signal
import threading
from collections.abc import Callable

from launchyard.launcher.messages import Message, package_argv

Answer = Callable[[Message], None]


class SetUps:
    """All that are at work, by id."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._pids: dict[str, int] = {}
        self._lock = threading.Lock()

    @property
    def open_count(self) -> int:
        return len(self._pids)

    def begin(self, order: Message, fds: list[int]) -> None:
        """Start it; `fds` are the packages that the order counts, closed here."""
        reading, order_pipe = os.pipe()
        told, telling = os.pipe()
        # Below 10 there may be descriptors of ours: these are brought where the program looks for them.
        packages = {uri: {**one, "fd": 10 + one["fd"]} for uri, one in order["order"]["packages"].items()}
        actions: list[tuple[int, int, int]] = [
            (os.POSIX_SPAWN_DUP2, reading, 0),
            (os.POSIX_SPAWN_DUP2, telling, 1),
        ]
        high = [_above(fd) for fd in fds]
        actions += [(os.POSIX_SPAWN_DUP2, fd, 10 + number) for number, fd in enumerate(high)]
        argv = package_argv("launchyard.helper.environments")
        try:
            pid = os.posix_spawn(argv[0], argv, os.environ, file_actions=actions, setpgroup=0)
        except OSError:
            os.close(order_pipe)
            os.close(told)
            raise
        finally:
            for fd in (reading, telling, *high):
                os.close(fd)
        with self._lock:
            self._pids[order["id"]] = pid
        text = json.dumps({**order["order"], "packages": packages})
        threading.Thread(
            target=self._attend, args=(order["id"], pid, order_pipe, told, text), daemon=True
        ).start()

    def cancel(self, order: Message) -> None:
        """End it with all that it has started."""
        with self._lock:
            pid = self._pids.get(order["id"])
            if pid is not None:
                with contextlib.suppress(OSError):
                    os.killpg(pid, signal.SIGKILL)

    def stop(self) -> None:
        for id in list(self._pids):
            self.cancel({"id": id})

    def _attend(self, id: str, pid: int, order_pipe: int, told: int, text: str) -> None:
        """Give the order and carry what is said, to the end."""
        ended = False
        with os.fdopen(told) as lines:
            with contextlib.suppress(OSError):
                _write(order_pipe, f"{text}\n".encode())
            for line in lines:
                said = json.loads(line)
                ended |= "done" in said or "failed" in said
                self._answer({"t": "setup", "id": id, **said})
        os.close(order_pipe)
        status = self._reap(id, pid)
        if not ended:
            why = f"its set-up was ended by signal {-status}" if status < 0 else "its set-up ended too soon"
            self._answer({"t": "setup", "id": id, "failed": why})

    def _reap(self, id: str, pid: int) -> int:
        """The id is ours until it was reaped, so `cancel` never meets another process."""
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        with self._lock:
            with contextlib.suppress(OSError):
                os.killpg(pid, signal.SIGKILL)
            _, status = os.waitpid(pid, 0)
            del self._pids[id]
        return os.waitstatus_to_exitcode(status)


def _above(fd: int) -> int:
    """The same far from where the program expects them, so that none is overwritten before it is moved."""
    moved = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 2_000)
    os.close(fd)
    return moved


def _write(fd: int, data: bytes) -> None:
    while data:
        data = data[os.write(fd, data) :]

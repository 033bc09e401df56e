"""Set-ups of runtime environments: each is at work in a process of its own, in a process group of its own.

So one that is not wanted any more is ended with all that it has started. A process that is done waits a
while for the next order, since to start one takes longer than most set-ups. It knows by the socket through
which its orders come that this helper still lives.
"""

import contextlib
import json
import os
import signal
import socket
import threading
from collections.abc import Callable

from launchyard.launcher.messages import Message, encode, package_argv

IDLE_MAX = 4

Answer = Callable[[Message], None]


class SetUps:
    """All that are at work, by id."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._busy: dict[str, _Worker] = {}
        self._idle: list[_Worker] = []
        self._lock = threading.Lock()

    @property
    def open_count(self) -> int:
        return len(self._busy)

    def begin(self, order: Message, fds: list[int]) -> None:
        """Start it; `fds` are the packages that the order counts, closed here."""
        try:
            with self._lock:
                worker = self._idle.pop() if self._idle else _Worker(self._said)
                worker.id = order["id"]
                worker.ended = False
                self._busy[worker.id] = worker
            worker.order(order["order"], fds)
        finally:
            for fd in fds:
                os.close(fd)

    def cancel(self, order: Message) -> None:
        """End it with all that it has started."""
        with self._lock:
            worker = self._busy.get(order["id"])
            if worker is not None:
                worker.kill()

    def stop(self) -> None:
        with self._lock:
            for worker in [*self._busy.values(), *self._idle]:
                worker.kill()

    def _said(self, worker: "_Worker", said: Message | None) -> bool:
        """Carry what a process says; None: it has ended. False: it is not needed any more."""
        with self._lock:
            id, stays = worker.id, True
            over = said is None or "done" in said or "failed" in said
            if over:
                self._busy.pop(id, None)
                if worker in self._idle:
                    self._idle.remove(worker)
                stays = said is not None and len(self._idle) < IDLE_MAX
                if stays:
                    self._idle.append(worker)
        if said is not None:
            worker.ended = worker.ended or over
            self._answer({"t": "setup", "id": id, **said})
        elif not worker.ended:
            self._answer({"t": "setup", "id": id, **worker.last()})
        return stays


class _Worker:
    """One process. `id` is that of the order that it is at work on."""

    def __init__(self, said: "Callable[[_Worker, Message | None], bool]") -> None:
        self.id = ""
        self.ended = True
        self._said = said
        self._status = 0
        self._reaped = False
        ours, theirs = socket.socketpair()
        told, telling = os.pipe()
        actions = [(os.POSIX_SPAWN_DUP2, theirs.fileno(), 0), (os.POSIX_SPAWN_DUP2, telling, 1)]
        argv = package_argv("launchyard.helper.environments")
        try:
            self._pid = os.posix_spawn(argv[0], argv, os.environ, file_actions=actions, setpgroup=0)
        except OSError:
            ours.close()
            os.close(told)
            raise
        finally:
            theirs.close()
            os.close(telling)
        self._orders = ours
        threading.Thread(target=self._attend, args=(told,), daemon=True).start()

    def order(self, order: Message, fds: list[int]) -> None:
        """A process that has died meanwhile is noticed by its end."""
        frame = encode({"t": "order", **order, "fds": len(fds)})
        with contextlib.suppress(OSError):
            for number, fd in enumerate(fds):
                socket.send_fds(self._orders, [frame[number : number + 1]], [fd])
            self._orders.sendall(frame[len(fds) :])

    def kill(self) -> None:
        """Its id is ours until it was reaped, so this meets nobody else."""
        if not self._reaped:
            with contextlib.suppress(OSError):
                os.killpg(self._pid, signal.SIGKILL)

    def last(self) -> Message:
        """What is said for one that has ended without a word."""
        code = os.waitstatus_to_exitcode(self._status)
        if not code:
            # It had waited for long enough just when the order came.
            return {"again": True}
        why = f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
        if code == -signal.SIGKILL:
            why += "; if it was for want of memory, [runtime_env] memory says how much there is"
        return {"failed": f"its set-up {why}"}

    def _attend(self, told: int) -> None:
        """Carry what is said, to the end."""
        with os.fdopen(told) as lines:
            for line in lines:
                if not self._said(self, json.loads(line)):
                    break
        self._orders.close()
        os.waitid(os.P_PID, self._pid, os.WEXITED | os.WNOWAIT)
        self.kill()
        self._reaped = True
        _, self._status = os.waitpid(self._pid, 0)
        self._said(self, None)

"""The tasks of one node: start them, carry what they read and write, pass signals on, and see them end."""

import contextlib
import os
import select
import signal
import time
from collections.abc import Callable

from launchyard.runner.connection import BACKLOG_MAX, Connection
from launchyard.runner.files import allow_many_files
from launchyard.runner.frames import (
    ERRORS,
    EXITED,
    FINISHED,
    INPUT,
    LAUNCH,
    OUTPUT,
    SIGNAL,
    SIGNALLED,
    SIZE,
    STARTED,
    TAKEN,
    Frame,
)
from launchyard.runner.kernel import become_subreaper, take_name
from launchyard.runner.left import end_all
from launchyard.runner.memory import oom_kills
from launchyard.runner.order import order_of
from launchyard.runner.signals import Signals
from launchyard.runner.task import Task, start

READ_BYTES = 64 * 1024
ORPHAN_GRACE_S = 2.0
"""From TERM to KILL when srun is gone: nobody waits for the tasks any more."""
DRAIN_S = 1.0
"""How long something that outlived the tasks may keep their pipes open."""
SAME_S = 0.5
"""A signal that comes from two sides within this time came to everything of the job, srun too: it is one."""
LAST_WORDS_S = 60.0

_IN = select.POLLIN | select.POLLHUP | select.POLLERR


class Step:
    """One node's part of a step. `run` answers the wait status to end with."""

    def __init__(self, connection: Connection, signals: Signals) -> None:
        self._connection = connection
        self._signals = signals
        self._tasks: dict[int, Task] = {}
        self._by_pid: dict[int, Task] = {}
        self._kill_at: float | None = None
        self._drained_by: float | None = None
        self._passed: dict[int, tuple[float, bool]] = {}
        """By signal, when it was passed on last and whether srun had sent it."""
        self._stopped_by = 0
        self._taken = 0
        self._launched = False
        self._oom_kills = 0
        self._does: dict[int, Callable[[Frame], None]] = {
            LAUNCH: self._launch,
            INPUT: self._input,
            SIGNAL: self._signal,
            SIZE: self._resize,
        }

    def run(self) -> int:
        become_subreaper()
        allow_many_files()
        while not self._over():
            self._turn()
        end_all()
        self._connection.send(FINISHED)
        # Closed by our exit alone, by which srun knows that we are gone and the job may end.
        self._connection.drain(LAST_WORDS_S)
        if not self._launched:
            return int(signal.SIGTERM)
        return worst([task.status or 0 for task in self._tasks.values()])

    # ---- the loop

    def _over(self) -> bool:
        """Nothing to start and nothing to hear any more."""
        if not self._launched:
            return self._connection.lost or self._stopped_by != 0
        if any(task.status is None for task in self._tasks.values()):
            return False
        if self._drained_by is None:
            self._drained_by = time.monotonic() + DRAIN_S
            end_all()
        open_ends = any(task.readable for task in self._tasks.values())
        if self._connection.waiting and not self._connection.lost:
            self._drained_by = time.monotonic() + DRAIN_S
        return not open_ends or self._connection.lost or time.monotonic() >= self._drained_by

    def _turn(self) -> None:
        poll = select.poll()
        connection = self._connection
        poll.register(self._signals, _IN)
        if not connection.lost:
            poll.register(connection, _IN | (select.POLLOUT if connection.waiting else 0))
        readers = self._readers() if connection.waiting < BACKLOG_MAX else {}
        writers = {task.stdin: task for task in self._tasks.values() if task.input and task.stdin >= 0}
        for fd in readers.keys() | writers.keys():
            poll.register(fd, (_IN if fd in readers else 0) | (select.POLLOUT if fd in writers else 0))
        for fd, event in poll.poll(self._pause_ms()):
            if fd == self._signals.fileno():
                self._signalled()
            elif not connection.lost and fd == connection.fileno():
                self._talk(event)
            else:
                if fd in writers and event & (select.POLLOUT | select.POLLERR | select.POLLHUP):
                    self._write(writers[fd])
                if fd in readers and event & _IN:
                    self._read(readers[fd], fd)
        self._kill_the_overdue()

    def _readers(self) -> dict[int, Task]:
        return {fd: task for task in self._tasks.values() for fd in task.readable}

    def _pause_ms(self) -> float | None:
        ends = [at for at in (self._kill_at, self._drained_by) if at is not None]
        return max(0.0, min(ends) - time.monotonic()) * 1000 + 1 if ends else None

    def _kill_the_overdue(self) -> None:
        if self._kill_at is not None and time.monotonic() >= self._kill_at:
            self._kill_at = None
            self._to_all(signal.SIGKILL)

    # ---- srun

    def _talk(self, event: int) -> None:
        if event & select.POLLOUT:
            self._connection.flush()
        if event & _IN and not self._connection.lost:
            for one in self._connection.receive():
                if (act := self._does.get(one.kind)) is not None:
                    act(one)
        if self._connection.lost:
            self._to_all(signal.SIGCONT)
            self._to_all(signal.SIGTERM)
            self._kill_within(ORPHAN_GRACE_S)

    def _launch(self, one: Frame) -> None:
        order = order_of(one.object())
        self._launched = True
        self._oom_kills = oom_kills()
        if order.hostname is not None:
            take_name(order.hostname)
        for local, wanted in enumerate(order.tasks):
            try:
                task = start(order, wanted, local)
            except OSError as error:
                self._unstarted(wanted.rank, f"slurmstepd: error: fork: {error.strerror}\n")
                continue
            self._tasks[task.rank] = self._by_pid[task.pid] = task
        self._connection.tell(STARTED, {str(task.rank): task.pid for task in self._tasks.values()})

    def _unstarted(self, rank: int, sentence: str) -> None:
        task = self._tasks[rank] = Task(rank, 0, -1, -1, -1, False)
        task.status = 1 << 8
        self._connection.send(ERRORS, sentence.encode(), rank)
        self._connection.tell(EXITED, {"status": task.status, "cpu_s": 0, "memory_peak_mib": 0}, rank)

    def _input(self, one: Frame) -> None:
        """Its bytes count as taken when the slowest of those they are for has them; so few wait."""
        for task in self._tasks.values():
            if one.task in (-1, task.rank) and task.stdin >= 0:
                task.input.append(memoryview(one.data))
        self._taken += len(one.data)
        self._tell_taken()

    def _signal(self, one: Frame) -> None:
        order = one.object()
        self._pass_on(int(order["signal"]), by_srun=True)
        if order.get("grace_s") is not None:
            self._kill_within(float(order["grace_s"]))

    def _resize(self, one: Frame) -> None:
        size = one.object()
        for task in self._tasks.values():
            task.resize(int(size["rows"]), int(size["columns"]))

    # ---- tasks

    def _read(self, task: Task, fd: int) -> None:
        if fd not in task.readable:
            return
        kind = ERRORS if fd == task.stderr else OUTPUT
        try:
            data = os.read(fd, READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            # A terminal says so when nothing holds its other side any more.
            data = b""
        if not data:
            task.close(fd)
        self._connection.send(kind, data, task.rank)

    def _write(self, task: Task) -> None:
        while task.input and task.stdin >= 0:
            part = task.input[0]
            try:
                written = os.write(task.stdin, part) if part else self._end_input(task)
            except BlockingIOError:
                return
            except OSError:
                task.close_input()
                break
            if written == len(part):
                if task.input:
                    task.input.pop(0)
            else:
                task.input[0] = part[written:]
        self._tell_taken()

    def _end_input(self, task: Task) -> int:
        if task.terminal:
            os.write(task.stdin, b"\x04")
        else:
            task.close_input()
        return 0

    def _tell_taken(self) -> None:
        """Tell srun what nobody waits to read any more."""
        if self._taken and not any(task.input for task in self._tasks.values()):
            self._connection.tell(TAKEN, {"bytes": self._taken})
            self._taken = 0

    def _signalled(self) -> None:
        for number in self._signals.read():
            if number == signal.SIGCHLD:
                self._reap()
            else:
                self._pass_on(number, by_srun=False)
                if number == signal.SIGTERM:
                    self._stopped_by = number
                    self._connection.tell(SIGNALLED, {"signal": number})

    def _pass_on(self, number: int, *, by_srun: bool) -> None:
        now = time.monotonic()
        at, other = self._passed.get(number, (-SAME_S, by_srun))
        if other == by_srun or now - at >= SAME_S:
            self._passed[number] = now, by_srun
            if number == signal.SIGTERM:
                self._to_all(signal.SIGCONT)
            self._to_all(number)

    def _to_all(self, number: int) -> None:
        for task in self._tasks.values():
            task.signal(number)

    def _kill_within(self, grace_s: float) -> None:
        at = time.monotonic() + grace_s
        self._kill_at = at if self._kill_at is None else min(at, self._kill_at)

    def _reap(self) -> None:
        with contextlib.suppress(ChildProcessError):
            while True:
                pid, status, used = os.wait4(-1, os.WNOHANG)
                if not pid:
                    return
                if (task := self._by_pid.pop(pid, None)) is not None:
                    self._ended(task, status, used.ru_utime + used.ru_stime, used.ru_maxrss // 1024)

    def _ended(self, task: Task, status: int, cpu_s: float, memory_peak_mib: int) -> None:
        task.status = status
        task.close_input()
        for fd in task.readable:
            self._drain(task, fd)
        killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
        facts = {"status": status, "cpu_s": round(cpu_s, 3), "memory_peak_mib": memory_peak_mib}
        facts["oom"] = oom_kills() - self._oom_kills if killed else 0
        self._connection.tell(EXITED, facts, task.rank)
        self._tell_taken()

    def _drain(self, task: Task, fd: int) -> None:
        """What is in the pipe now: it was written before the end."""
        while fd in task.readable and self._connection.waiting < BACKLOG_MAX:
            if not select.select([fd], [], [], 0)[0]:
                return
            self._read(task, fd)


def worst(statuses: list[int]) -> int:
    """A signal before an exit code, then the highest."""
    signalled = [status for status in statuses if os.WIFSIGNALED(status)]
    return max(signalled or statuses, default=0)

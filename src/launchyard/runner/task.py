"""One task: a process with a session of its own, its streams connected to pipes or to a terminal."""

import contextlib
import errno
import fcntl
import os
import pty
import resource
import signal
import struct
import termios
from typing import NoReturn

from launchyard.runner.kernel import die_with
from launchyard.runner.order import Order, TaskOrder

ELSEWHERE = "/tmp"  # noqa: S108 - where Slurm goes when the directory is not there
PATH_DEFAULT = "/usr/local/bin:/usr/bin:/bin"


class Task:
    """A started task. `stdin`, `stdout`, `stderr` are our ends, -1 when closed; a terminal is one for all."""

    def __init__(self, rank: int, pid: int, stdin: int, stdout: int, stderr: int, terminal: bool) -> None:
        self.rank = rank
        self.pid = pid
        self.stdin = stdin
        self.stdout = stdout
        self.stderr = stderr
        self.terminal = terminal
        self.status: int | None = None
        self.input: list[memoryview] = []
        """What it is still to be given; an empty part is the end."""

    @property
    def readable(self) -> list[int]:
        return [fd for fd in (self.stdout, self.stderr) if fd >= 0]

    def signal(self, number: int) -> None:
        """To the task and what it started in its own group; nothing when it has ended."""
        if self.status is not None:
            return
        try:
            os.killpg(self.pid, number)
        except ProcessLookupError:
            # Not yet the leader of its group.
            with contextlib.suppress(OSError):
                os.kill(self.pid, number)

    def resize(self, rows: int, columns: int) -> None:
        if self.terminal and self.stdout >= 0:
            set_size(self.stdout, rows, columns)

    def close_input(self) -> None:
        self.input.clear()
        if self.stdin >= 0 and not self.terminal:
            os.close(self.stdin)
        self.stdin = -1

    def close(self, fd: int) -> None:
        """One of the streams it writes to is at its end."""
        if fd == self.stdout:
            self.stdout = -1
            if self.terminal:
                self.stdin = -1
        if fd == self.stderr:
            self.stderr = -1
        os.close(fd)


def set_size(fd: int, rows: int, columns: int) -> None:
    with contextlib.suppress(OSError):
        fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


def start(order: Order, task: TaskOrder, local: int) -> Task:
    """Fork it. `local` is its number on this node. Raises `OSError` when it cannot be forked."""
    if task.terminal:
        ours, theirs = pty.openpty()
        set_size(ours, order.rows, order.columns)
        pid = _fork(order, task, local, [theirs, theirs, theirs])
        os.close(theirs)
        os.set_blocking(ours, False)
        return Task(task.rank, pid, ours, ours, -1, True)
    out, out_theirs = os.pipe()
    err, err_theirs = os.pipe()
    into_theirs, into = os.pipe() if task.input else (os.open(os.devnull, os.O_RDONLY), -1)
    pid = _fork(order, task, local, [into_theirs, out_theirs, err_theirs])
    for fd in (into_theirs, out_theirs, err_theirs):
        os.close(fd)
    for fd in (out, err, into):
        if fd >= 0:
            os.set_blocking(fd, False)
    return Task(task.rank, pid, into, out, err, False)


def _fork(order: Order, task: TaskOrder, local: int, streams: list[int]) -> int:
    parent = os.getpid()
    # Until the child is itself, a signal that reached it would be told to the parent's loop.
    before = signal.pthread_sigmask(signal.SIG_SETMASK, signal.valid_signals())
    try:
        pid = os.fork()
        if pid == 0:
            try:
                _become(order, task, local, streams, parent)
            except BaseException as error:
                _say(f"error: the task could not be set up: {error}")
                os._exit(1)
        return pid
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _become(order: Order, task: TaskOrder, local: int, streams: list[int], parent: int) -> NoReturn:
    signal.set_wakeup_fd(-1)
    for one in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        with contextlib.suppress(OSError, ValueError):
            signal.signal(one, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    os.setsid()
    die_with(parent)
    for number, fd in enumerate(streams):
        os.dup2(fd, number)
    if task.terminal:
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    for name, (soft, hard) in order.limits.items():
        _set_limit(name, soft, hard)
    os.umask(order.umask)
    if task.cpus:
        with contextlib.suppress(OSError):
            os.sched_setaffinity(0, task.cpus)
    _enter(order.cwd)
    own = {"SLURM_LOCALID": str(local), "SLURM_PROCID": str(task.rank), "SLURM_TASK_PID": str(os.getpid())}
    _execute(task.argv, {**order.env, **own, **task.env})


def _set_limit(name: str, soft: int, hard: int) -> None:
    number = getattr(resource, name, None)
    if number is None:
        return
    most = resource.getrlimit(number)[1]
    if most != resource.RLIM_INFINITY:
        hard = most if hard == resource.RLIM_INFINITY else min(hard, most)
        soft = hard if soft == resource.RLIM_INFINITY else min(soft, hard)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(number, (soft, most))


def _enter(cwd: str) -> None:
    try:
        os.chdir(cwd)
    except OSError as error:
        _say(f"error: couldn't chdir to `{cwd}': {error.strerror}: going to {ELSEWHERE} instead")
        os.chdir(ELSEWHERE)


def _execute(argv: list[str], env: dict[str, str]) -> NoReturn:
    program = _found(argv[0], env.get("PATH", PATH_DEFAULT))
    try:
        os.execve(program, argv, env)
    except OSError as error:
        number = error.errno or errno.ENOENT
        _say(f"error: execve(): {argv[0]}: {os.strerror(number)}")
        os._exit(number)


def _found(name: str, path: str) -> str:
    if "/" in name:
        return name
    for directory in path.split(os.pathsep):
        candidate = os.path.join(directory or ".", name)
        if os.access(candidate, os.X_OK) and os.path.isfile(candidate):
            return candidate
    return name


def _say(sentence: str) -> None:
    with contextlib.suppress(OSError):
        os.write(2, f"slurmstepd: {sentence}\n".encode(errors="surrogateescape"))

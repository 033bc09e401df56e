"""The keeper: it starts the launcher, starts it again when it dies, and notes how the launcher's orphans end.

When the launcher dies its jobs run on and become the keeper's children; their exits go into a journal of
their own before they are reaped, and to the next launcher until it acknowledges them. When the keeper dies,
the launcher sees the end of their socket, starts the next launcher, and becomes the keeper by exec in its own
process, so that its children stay its children. At each moment of that the death of one leaves the other.
"""

import contextlib
import fcntl
import math
import os
import resource
import select
import signal
import socket
import sys
from typing import NoReturn

from launchyard.launcher import processes
from launchyard.launcher.endings import usage_of
from launchyard.launcher.journal import Journal, Record
from launchyard.launcher.kernel import become_subreaper, boot_clock, boot_id
from launchyard.launcher.launcher import make_own_directory, serve
from launchyard.launcher.link import Link
from launchyard.launcher.messages import SOCKET_MAX_BYTES, SOCKET_NAME, package_argv
from launchyard.launcher.state import Settings, log, open_log
from launchyard.launcher.waking import drain, wake_on_signals

_MODULE = "launchyard.launcher.keeper"
_JOURNAL_BYTES = 64 * 1024
_REWRITE_BYTES = 48 * 1024
_BACKOFF_MAX_S = 5.0
_READY = b"r"
"""One byte: more may arrive in pieces."""
_READY_WITHIN_S = 30.0
EXIT_TAKEN = 3
_FLAGS = ("--allow-root-jobs", "--service")
_FDS = ("--lock-fd", "--keeper-fd", "--launcher-fd", "--launcher-pid")
_OPTIONS = ("--state", "--daemon-uid", "--setup-limit", *_FLAGS, *_FDS)


class Options:
    """The command line: `--state=DIR --daemon-uid=N`, flags; the rest is for our processes."""

    def __init__(self, arguments: list[str]) -> None:
        values: dict[str, str] = {}
        for argument in arguments:
            name, equals, value = argument.partition("=")
            if name not in _OPTIONS:
                fail(f"the launcher does not know the option '{name}'")
            values[name] = value if equals else "yes"
        if "--state" not in values:
            fail("the launcher needs --state=DIR, its state directory")
        self.state_dir = os.path.abspath(values["--state"])
        self.daemon_uid = int(values.get("--daemon-uid", str(os.getuid())))
        self.setup_limit_s = float(values.get("--setup-limit", "60"))
        self.flags = [flag for flag in _FLAGS if flag in values]
        self.lock_fd, self.keeper_fd, self.launcher_fd, self.launcher_pid = (
            int(values[name]) if name in values else None for name in _FDS
        )

    def argv(self, **numbers: int) -> list[str]:
        """The command of the same program with other descriptors, and the launcher that it is to keep."""
        names = [f"--{name.replace('_', '-')}={number}" for name, number in numbers.items()]
        state = [f"--state={self.state_dir}", f"--daemon-uid={self.daemon_uid}"]
        state.append(f"--setup-limit={self.setup_limit_s:g}")
        return [*package_argv(_MODULE), *state, *self.flags, *names]

    def settings(self) -> Settings:
        return Settings(
            state_dir=self.state_dir,
            daemon_uid=self.daemon_uid,
            allow_root_jobs="--allow-root-jobs" in self.flags,
            service="--service" in self.flags,
            switch=os.getuid() == 0,
            setup_limit_s=self.setup_limit_s,
            files_soft_max=resource.getrlimit(resource.RLIMIT_NOFILE)[0],
        )


class Keeper:
    """One loop: the launcher's messages, dead children, restarts."""

    def __init__(self, options: Options, lock_fd: int) -> None:
        self._options = options
        self._lock_fd = lock_fd
        self._directory = os.path.join(options.state_dir, "launcher")
        self._journal = Journal(os.path.join(self._directory, "keeper.journal"), chunk_bytes=_JOURNAL_BYTES)
        self._exits: dict[int, Record] = {}
        self._number = 0
        self._launcher_pid = 0
        self._launcher: Link | None = None
        self._ready: socket.socket | None = None
        self._start_at = 0.0
        self._started_at = 0.0
        self._backoff_s = 0.0
        self._stopping = False
        self._upgrading = False
        if options.launcher_fd is not None and options.launcher_pid is not None:
            os.set_inheritable(options.launcher_fd, False)
            connection = socket.socket(fileno=options.launcher_fd)
            self._launcher_pid, self._launcher = options.launcher_pid, Link(connection)
            self._started_at = boot_clock()

    def run(self, ready: socket.socket | None = None) -> None:
        """Until SIGTERM (the launcher is stopped, jobs run on). `ready` hears when the launcher listens."""
        self._ready = ready
        become_subreaper()
        wake = wake_on_signals()
        signal.signal(signal.SIGTERM, lambda *_: setattr(self, "_stopping", True))
        signal.signal(signal.SIGHUP, lambda *_: setattr(self, "_upgrading", True))
        self._load()
        self._tell_exits()
        while True:
            self._reap()
            if self._stopping or self._upgrading:
                if self._launcher_pid == 0:
                    return self._leave()
                with contextlib.suppress(OSError):
                    os.kill(self._launcher_pid, signal.SIGTERM)
            elif self._launcher_pid == 0 and boot_clock() >= self._start_at:
                self._start_launcher()
            self._wait(wake)

    def _leave(self) -> None:
        with contextlib.suppress(OSError):
            os.unlink(os.path.join(self._options.state_dir, SOCKET_NAME))
        if self._upgrading:
            log("starting anew by exec")
            os.set_inheritable(self._lock_fd, True)
            _exec(self._options.argv(lock_fd=self._lock_fd))

    def _wait(self, wake: socket.socket) -> None:
        # The number of the socket of a launcher that became us may be larger than select() takes.
        poll = select.poll()
        poll.register(wake, select.POLLIN)
        if self._launcher is not None:
            poll.register(self._launcher, select.POLLIN)
        wait_s = max(0.0, self._start_at - boot_clock()) if self._launcher_pid == 0 else 60.0
        readable = {fd for fd, _ in poll.poll(math.ceil(wait_s * 1000))}
        if wake.fileno() in readable:
            drain(wake)
        if self._launcher is not None and self._launcher.fileno() in readable:
            self._hear(self._launcher)

    # ---- the launcher

    def _start_launcher(self) -> None:
        self._started_at = boot_clock()
        try:
            pid, connection = spawn_launcher(self._options, self._lock_fd)
        except OSError as error:
            log(f"the launcher cannot be started now: {error.strerror}")
            self._start_later()
            return
        self._launcher_pid, self._launcher = pid, Link(connection)
        self._tell_exits()

    def _start_later(self) -> None:
        lived_s = boot_clock() - self._started_at
        self._backoff_s = 0.0 if lived_s > 1 else min(_BACKOFF_MAX_S, max(0.05, self._backoff_s * 2))
        self._start_at = boot_clock() + self._backoff_s

    def _tell_exits(self) -> None:
        if self._launcher is not None:
            for record in self._exits.values():
                self._launcher.send({"t": "exit", **record})
            self._launcher.flush()

    def _hear(self, launcher: Link) -> None:
        for message in launcher.receive():
            if message["t"] == "ready" and self._ready is not None:
                with contextlib.suppress(OSError):
                    self._ready.send(_READY)
                self._ready.close()
                self._ready = None
            elif message["t"] == "ack":
                self._forget(message["n"])
        if launcher.closed:
            launcher.close()
            self._launcher = None

    def _launcher_ended(self, status: int) -> None:
        self._start_later()
        self._launcher_pid = 0
        if self._launcher is not None:
            self._launcher.close()
            self._launcher = None
        if not self._stopping:
            log(f"the launcher ended ({os.waitstatus_to_exitcode(status)}); starting it again")

    # ---- orphans

    def _reap(self) -> None:
        """Journal how each dead child ended, durably, before the kernel forgets it."""
        while True:
            try:
                seen = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:
                return
            if seen is None:
                return
            if seen.si_pid == self._launcher_pid:
                _, status, _ = os.wait4(seen.si_pid, 0)
                self._launcher_ended(status)
                continue
            self._number += 1
            start, status = processes.start_time(seen.si_pid), processes.wait_status(seen)
            record: Record = {"n": self._number, "p": seen.si_pid, "s": start, "w": status}
            self._write({"k": "exit", **record})
            _, _, rusage = os.wait4(seen.si_pid, 0)
            record["u"] = usage_of(rusage)
            self._exits[self._number] = record
            if self._launcher is not None:
                self._launcher.send({"t": "exit", **record})
                self._launcher.flush()

    def _write(self, record: Record) -> None:
        try:
            self._journal.append(record)
            self._journal.sync()
        except OSError as error:
            # Kept in memory, which is as good while this process lives.
            log(f"the keeper's journal cannot be written: {error.strerror}")

    def _forget(self, number: int) -> None:
        self._exits.pop(number, None)
        if not self._exits or self._journal.size > _REWRITE_BYTES:
            self._rewrite()

    def _load(self) -> None:
        records = self._journal.load()
        if records and records[0].get("boot") == boot_id():
            for record in records[1:]:
                self._exits[record["n"]] = {key: value for key, value in record.items() if key != "k"}
            self._number = max([records[0]["n"], *self._exits])
        self._rewrite()

    def _rewrite(self) -> None:
        head = {"k": "head", "boot": boot_id(), "n": self._number}
        with contextlib.suppress(OSError):
            self._journal.rewrite([head, *({"k": "exit", **record} for record in self._exits.values())])


def spawn_launcher(options: Options, lock_fd: int) -> tuple[int, socket.socket]:
    """A new launcher of this process: its pid and our end of the socket. Raises `OSError`."""
    ours, theirs = socket.socketpair()
    with theirs:
        try:
            pid = os.fork()
        except OSError:
            ours.close()
            raise
        if pid == 0:
            _become_launcher(options, theirs.fileno(), lock_fd)
    # A fault asked for by a test happens once, not to every launcher that follows.
    os.environ.pop("LAUNCHYARD_FAULT", None)
    return pid, ours


def _become_launcher(options: Options, keeper_fd: int, lock_fd: int) -> NoReturn:
    """Never a second keeper: where our program is not there any more, this process ends."""
    try:
        os.set_inheritable(keeper_fd, True)
        os.set_inheritable(lock_fd, True)
        _exec(options.argv(keeper_fd=keeper_fd, lock_fd=lock_fd))
    except OSError as error:
        log(f"the launcher cannot be executed: {error.strerror}")
    finally:
        os._exit(127)


# ---- the program


def main() -> None:
    """Started by hand: become a daemon. With file descriptors: be launcher or keeper of a running pair."""
    options = Options(sys.argv[1:])
    if options.keeper_fd is not None and options.lock_fd is not None:
        os.set_inheritable(options.lock_fd, False)
        os.set_inheritable(options.keeper_fd, False)
        files = resource.getrlimit(resource.RLIMIT_NOFILE)
        serve(options.settings(), options.keeper_fd)
        resource.setrlimit(resource.RLIMIT_NOFILE, files)
        _take_keepers_place(options, options.lock_fd)
    elif options.lock_fd is not None:
        os.set_inheritable(options.lock_fd, False)
        _write_pid(options.lock_fd)
        Keeper(options, options.lock_fd).run()
    else:
        _start(options)


def _take_keepers_place(options: Options, lock_fd: int) -> NoReturn:
    """The next launcher is there before this process is its keeper: dying in between, it leaves an heir."""
    log("the keeper is gone: the launcher takes its place")
    os.environ.pop("LAUNCHYARD_FAULT", None)
    heir = {}
    try:
        pid, connection = spawn_launcher(options, lock_fd)
        os.set_inheritable(connection.fileno(), True)
        heir = {"launcher_pid": pid, "launcher_fd": connection.detach()}
    except OSError as error:
        log(f"the next launcher is left to the keeper: {error.strerror}")
    os.set_inheritable(lock_fd, True)
    _exec(options.argv(lock_fd=lock_fd, **heir))


def _start(options: Options) -> None:
    """Check, lock, and leave a keeper in the background; return when its launcher listens."""
    path = os.path.join(options.state_dir, SOCKET_NAME)
    if (over := len(os.fsencode(path)) - SOCKET_MAX_BYTES) > 0:
        at_most = len(os.fsencode(options.state_dir)) - over
        fail(f"'{options.state_dir}' is too long for the socket in it; use a path of at most {at_most} bytes")
    try:
        _make_directories(options.state_dir)
        lock_fd = _lock(os.path.join(options.state_dir, "launcher", "lock"))
    except OSError as error:
        where = error.filename or options.state_dir
        fail(f"the state directory cannot be used: '{where}': {(error.strerror or str(error)).lower()}")
    ours, theirs = socket.socketpair()
    if os.fork() == 0:
        ours.close()
        os.setsid()
        if os.fork() != 0:
            os._exit(0)
        os.chdir("/")
        os.umask(0o022)
        _write_pid(lock_fd)
        _redirect(os.path.join(options.state_dir, "launcher", "launcher.log"))
        Keeper(options, lock_fd).run(theirs)
        os._exit(0)
    theirs.close()
    ours.settimeout(_READY_WITHIN_S)
    try:
        ready = ours.recv(len(_READY))
    except OSError:
        ready = b""
    if ready != _READY:
        log_path = os.path.join(options.state_dir, "launcher", "launcher.log")
        fail(f"the launcher did not start; see '{log_path}'")


def _make_directories(state_dir: str) -> None:
    as_root = os.getuid() == 0
    os.makedirs(state_dir, mode=0o755 if as_root else 0o700, exist_ok=True)
    if as_root:
        _refuse_writable_by_others(state_dir)
    for name in ("launcher", "spool", "tmp"):
        make_own_directory(os.path.join(state_dir, name), 0o711)


def _refuse_writable_by_others(state_dir: str) -> None:
    found = os.stat(state_dir)
    if found.st_uid != 0 or found.st_mode & 0o022:
        fail(f"the state directory '{state_dir}' must belong to root and be writable by root only")


def _lock(path: str) -> int:
    """The one lock of this state directory; whoever holds it keeps everybody else out."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        pid = os.pread(fd, 20, 0).decode(errors="replace").strip()
        fail(f"a launcher already has this state directory: its keeper is process {pid}", EXIT_TAKEN)
    return fd


def _write_pid(lock_fd: int) -> None:
    line = f"{os.getpid()}\n".encode()
    with contextlib.suppress(OSError):
        os.pwrite(lock_fd, line, 0)
        os.ftruncate(lock_fd, len(line))


def _redirect(log_path: str) -> None:
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 1)
    os.close(null)
    open_log(log_path)


def _exec(argv: list[str]) -> NoReturn:
    signal.set_wakeup_fd(-1)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    os.execv(argv[0], argv)


def fail(sentence: str, code: int = 1) -> NoReturn:
    sys.stderr.write(f"error: {sentence}\n")
    sys.exit(code)

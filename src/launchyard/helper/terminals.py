"""Terminals of jobs: the user's process holds the master side, so a job outlives the daemon.

What a job prints goes to its log in the spool (which the launcher makes before the job runs) and to the
client that is attached, the newest one. The latest part is kept for clients that attach later.

A client that takes nothing holds the job up as any terminal does, but not for longer than `PATIENCE_S`:
then it is detached, and the job goes on with its log alone.
"""

import base64
import contextlib
import fcntl
import os
import pty
import pwd
import select
import struct
import subprocess
import termios
import threading
import time
from collections.abc import Callable, Sequence

from launchyard.helper.below import open_below
from launchyard.launcher.messages import Message

RECENT_BYTES = 128 * 1024
WINDOW_BYTES = 256 * 1024
PATIENCE_S = 60.0
LINGER_S = 0.2
"""How long the last words of a step may take to come through the kernel after its end."""
LINGER_MAX_S = 2.0
"""How long what goes on printing may keep a terminal that is hung up."""

PATH = "/usr/local/bin:/usr/bin:/bin"
_ENTER = 'exec <"$0" >"$0" 2>&1; exec "$@"'
"""What opens the terminal in a new session becomes its owner, so that keys and hang-ups reach it."""

Answer = Callable[[Message], None]


class Terminals:
    """All terminals by id; the methods are the daemon's orders."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._terminals: dict[str, _Terminal] = {}

    @property
    def open_count(self) -> int:
        return len(self._terminals)

    def open(self, order: Message) -> None:
        """Make one; the answer names its path."""
        terminal = _Terminal(order["id"], order.get("log"), self._answer, self._gone)
        terminal.resize(order["rows"], order["cols"])
        terminal.thread.start()
        self._terminals[terminal.id] = terminal
        self._answer({"t": "terminal", "id": terminal.id, "path": terminal.path})

    def spawn(self, order: Message) -> None:
        """Start the user's shell in a terminal, in a folder; `over` answers how it ended.

        Called in a thread of its own: a folder may not answer.
        """
        terminal = self._terminals.get(order["id"])
        if terminal is None:
            raise ValueError("the terminal was closed meanwhile")
        folder = open_below(order["path"], order["roots"], os.O_RDONLY | os.O_DIRECTORY)
        try:
            process = _shell(terminal.path, folder)
        finally:
            os.close(folder)
        terminal.process = process
        self._answer({"t": "spawned", "id": terminal.id})
        threading.Thread(target=self._wait_for, args=(terminal, process), daemon=True).start()

    def _wait_for(self, terminal: "_Terminal", process: "subprocess.Popen[bytes]") -> None:
        code = process.wait()
        end = {"exit_code": code} if code >= 0 else {"signal": -code}
        self._answer({"t": "over", "id": terminal.id, **end})
        terminal.hang_up()

    def attach(self, order: Message) -> None:
        """From now on send what is printed to this client alone, the latest part first."""
        terminal = self._terminals.get(order["id"])
        if terminal is None:
            self._answer({"t": "done", "id": order["id"]})
        else:
            terminal.attach(order["client"])

    def detach(self, order: Message) -> None:
        self._do(order, lambda terminal: terminal.detach(order["client"]))

    def input(self, order: Message) -> None:
        """Bytes typed; `typed` answers how many of them the terminal has taken."""
        self._do(order, lambda terminal: terminal.type(base64.b64decode(order["data"])))

    def took(self, order: Message) -> None:
        """The client has taken so many bytes."""
        self._do(order, lambda terminal: terminal.took(order["client"], order["bytes"]))

    def resize(self, order: Message) -> None:
        self._do(order, lambda terminal: terminal.resize(order["rows"], order["cols"]))

    def close(self, order: Message) -> None:
        """Its job has ended: what is left is carried, then the terminal is gone."""
        self._do(order, lambda terminal: terminal.let_go())

    def hang_up(self, order: Message) -> None:
        """Carry what is there by now, then end; whoever still has the terminal is told by a SIGHUP."""
        self._do(order, lambda terminal: terminal.hang_up())

    def wait(self) -> None:
        """The daemon is gone: until every terminal has been let go of by its job."""
        for terminal in list(self._terminals.values()):
            terminal.detach(None)
            if terminal.process is None:
                terminal.let_go()
            else:
                # A shell that belongs to no job: nobody could come back to it.
                terminal.hang_up()
            terminal.thread.join()

    def _do(self, order: Message, work: "Callable[[_Terminal], None]") -> None:
        terminal = self._terminals.get(order["id"])
        if terminal is not None:
            work(terminal)

    def _gone(self, terminal: "_Terminal") -> None:
        self._terminals.pop(terminal.id, None)
        self._answer({"t": "done", "id": terminal.id})


def _shell(terminal: str, folder: int) -> "subprocess.Popen[bytes]":
    """The user's login shell, which reads the user's own profile."""
    entry = pwd.getpwuid(os.getuid())
    shell = entry.pw_shell or "/bin/sh"
    return subprocess.Popen(
        on_terminal(terminal, [shell, "-l"]),
        cwd=f"/proc/self/fd/{folder}",
        env={
            **{"HOME": entry.pw_dir, "SHELL": shell, "USER": entry.pw_name, "LOGNAME": entry.pw_name},
            **{"PATH": PATH, "TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "C.UTF-8"},
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def on_terminal(terminal: str, argv: Sequence[str]) -> list[str]:
    """What runs `argv` on a terminal, as the first process of a new session."""
    return ["/bin/sh", "-c", _ENTER, terminal, *argv]


class _Terminal:
    """One master side. Its thread carries bytes and closes it; everything it shares is under `_lock`."""

    def __init__(self, id: str, log: str | None, answer: Answer, gone: "Callable[[_Terminal], None]") -> None:
        self.id = id
        self._answer = answer
        self._gone = gone
        self._log_path = log
        self._log = -1
        self._master, self._slave = pty.openpty()
        os.set_blocking(self._master, False)
        self._waker, self._wake_end = os.pipe()
        os.set_blocking(self._wake_end, False)
        self.path = os.ttyname(self._slave)
        self.process: subprocess.Popen[bytes] | None = None
        """The shell, where it is ours and no job's."""
        self.thread = threading.Thread(target=self._carry, daemon=True)
        self._lock = threading.Lock()
        self._recent = b""
        self._typed = bytearray()
        self._client: int | None = None
        self._untaken = 0
        self._took_at = 0.0
        self._hang_up = False
        self._until = 0.0

    # ---- orders

    def attach(self, client: int) -> None:
        with self._lock:
            self._client, self._untaken, self._took_at = client, 0, time.monotonic()
            self._show(self._recent)
        self._wake()

    def detach(self, client: int | None) -> None:
        """None: whichever is attached."""
        with self._lock:
            if client in (None, self._client):
                self._client = None
        self._wake()

    def took(self, client: int, count: int) -> None:
        with self._lock:
            if client == self._client:
                self._untaken -= count
                self._took_at = time.monotonic()
        self._wake()

    def type(self, data: bytes) -> None:
        with self._lock:
            self._typed += data
        self._wake()

    def resize(self, rows: int, cols: int) -> None:
        with self._lock, contextlib.suppress(OSError):
            fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))

    def let_go(self) -> None:
        """Close our own hold on the job's side, which kept its end from showing before the job opened it."""
        with self._lock:
            if self._slave >= 0:
                os.close(self._slave)
                self._slave = -1
        self._wake()

    def hang_up(self) -> None:
        self._until = time.monotonic() + LINGER_MAX_S
        self._hang_up = True
        self.let_go()

    def _wake(self) -> None:
        with self._lock, contextlib.suppress(OSError):
            if self._wake_end >= 0:
                os.write(self._wake_end, b"w")

    # ---- the thread

    def _carry(self) -> None:
        while self._turn():
            pass
        with self._lock:
            self._let_fds_go()
        self._gone(self)

    def _let_fds_go(self) -> None:
        for fd in (self._master, self._waker, self._wake_end, self._slave, self._log):
            if fd >= 0:
                os.close(fd)
        self._master = self._waker = self._wake_end = self._slave = self._log = -1

    def _turn(self) -> bool:
        """Wait for something to do and do it; False at the end."""
        reads = self._may_read()
        wanted = (select.POLLIN if reads else 0) | (select.POLLOUT if self._typed else 0)
        poll = select.poll()
        poll.register(self._waker, select.POLLIN)
        if wanted:
            poll.register(self._master, wanted)
        ready = dict(poll.poll(self._pause_ms(reads)))
        if self._hang_up and (time.monotonic() > self._until or (reads and not ready)):
            return False
        if self._waker in ready:
            os.read(self._waker, 4096)
        if ready.get(self._master, 0) & select.POLLOUT:
            self._write_typed()
        return not (reads and ready.get(self._master, 0) & ~select.POLLOUT) or self._read_printed()

    def _pause_ms(self, reads: bool) -> float | None:
        if not reads:
            return 1000.0
        return LINGER_S * 1000 if self._hang_up else None

    def _may_read(self) -> bool:
        """Whether what is printed has somewhere to go; a client that takes nothing is given up in the end."""
        with self._lock:
            if self._client is None or self._untaken < WINDOW_BYTES:
                return True
            if time.monotonic() - self._took_at < PATIENCE_S:
                return False
            self._answer({"t": "lagged", "id": self.id, "client": self._client})
            self._client = None
            return True

    def _write_typed(self) -> None:
        with self._lock:
            try:
                count = os.write(self._master, self._typed)
            except OSError:
                # The job has gone, and nobody will ever read it.
                count = len(self._typed)
            del self._typed[:count]
        self._answer({"t": "typed", "id": self.id, "bytes": count})

    def _read_printed(self) -> bool:
        try:
            data = os.read(self._master, 65536)
        except BlockingIOError:
            return True
        except OSError:
            # EIO: the last process that had it is gone.
            return False
        with self._lock:
            self._keep(data)
            self._recent = (self._recent + data)[-RECENT_BYTES:]
            self._show(data)
        return bool(data)

    def _show(self, data: bytes) -> None:
        if self._client is None or not data:
            return
        self._untaken += len(data)
        text = base64.b64encode(data).decode("ascii")
        self._answer({"t": "printed", "id": self.id, "client": self._client, "data": text})

    def _keep(self, data: bytes) -> None:
        if self._log_path is not None and self._log < 0:
            with contextlib.suppress(OSError):
                self._log = os.open(
                    self._log_path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
                )
        while self._log >= 0 and data:
            try:
                data = data[os.write(self._log, data) :]
            except OSError:
                return

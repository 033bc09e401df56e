"""This end of a way into a running job, as the user whose job it is: starts the engine's command, carries.

A process of its own for each job, started by the user's helper on the daemon's machine; file descriptor 3 is
the daemon's. So the daemon itself never reads what comes from a node: it is given connected sockets, as by
any helper. Our code travels on the command's standard input, since nothing of ours is installed on nodes.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import socket
import subprocess
import tempfile
import threading
import time
import zlib
from typing import Any

from launchyard.agent import code, seed
from launchyard.agent.frames import Broken
from launchyard.agent.inside import PIECE_BYTES, READY, Pieces, write_all
from launchyard.agent.streams import Streams
from launchyard.launcher.messages import BrokenStream, Decoder, Message, encode, receive

SOCKET_FD = 3
SAID_MAX = 4096
NOISE_MAX = 64 * 1024
"""So much of a site's own greetings may come before our first word."""

STUB = """\
for python in "$1" python3 python3.11 python3.12 python3.13 python3.14; do
    if "$python" -I -S -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        exec "$python" -I -S -c "$2"
    fi
done
echo 'launchyard: the node has no Python 3.11 or later, which the way into a job needs' >&2
exit 127
"""
BOOT = """\
import json, os, sys, zlib
def take(count):
    found = b""
    while len(found) < count:
        data = os.read(0, count - len(found))
        if not data:
            sys.exit(1)
        found += data
    return found
order = json.loads(take(int(take(12))))
packed = zlib.decompress(take(order["size"]))
scope = {"__name__": "seed"}
exec(order["seed"], scope)
sys.path.append(scope["unpack"](packed, order["version"], os.path.expanduser(order["root"])))
from launchyard.agent.inside import main
main()
"""
ROOT = "~/.local/state/launchyard-nodes/code"
"""Where a user's nodes keep our code, of each version once."""


def main() -> None:
    with contextlib.suppress(OSError, BrokenStream):
        Outside(socket.socket(fileno=SOCKET_FD)).serve()
    os._exit(0)


def shell_argv(python: str) -> list[str]:
    """What the engine's command is to run on the node; `python` is tried first."""
    return ["/bin/sh", "-c", STUB, "sh", python, BOOT]


class Outside:
    """One way. Orders: `begin` with the command, then `open` as often as wanted; each answer has the id."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._sending = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._streams: Streams | None = None
        self._directory = tempfile.TemporaryDirectory(prefix="launchyard-outside-")

    def serve(self) -> None:
        """Until the daemon lets go, or there is no way any more."""
        decoder = Decoder()
        try:
            while data := receive(self._connection)[0]:
                for order in decoder.feed(data):
                    self._obey(order)
        finally:
            self._end()

    def _obey(self, order: Message) -> None:
        if order["t"] == "begin" and self._process is None:
            threading.Thread(target=self._begin, args=(order,), daemon=True).start()
        elif order["t"] == "open" and self._streams is not None:
            self._open(order)
        else:
            self._answer({"t": "error", "id": order["id"], "why": "there is no way into the job"})

    # -- making the way

    def _begin(self, order: Message) -> None:
        try:
            process = self._process = subprocess.Popen(
                order["argv"],
                env=order["environment"],
                cwd="/",
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._said_file(),
                start_new_session=True,
            )
        except OSError as error:
            self._answer({"t": "error", "id": order["id"], "why": f"{error.filename}: {error.strerror}"})
            return
        if not self._greeted(process, order["limit_s"]):
            process.kill()
            process.wait()
            why = self._said() or "the engine's command says nothing"
            self._answer({"t": "error", "id": order["id"], "why": why})
            return
        self._streams = Streams(0, self._directory.name)
        threading.Thread(target=self._carry_in, args=(process, self._streams), daemon=True).start()
        threading.Thread(target=self._carry_out, args=(process, self._streams), daemon=True).start()
        self._answer({"t": "begun", "id": order["id"]})

    def _said_file(self) -> int:
        path = os.path.join(self._directory.name, "said")
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)

    def _said(self) -> str:
        with open(os.path.join(self._directory.name, "said"), errors="replace") as file:
            lines = [line.strip() for line in file.read(SAID_MAX).split("\n") if line.strip()]
        return "; ".join(lines[:3])

    def _greeted(self, process: subprocess.Popen[bytes], limit_s: float) -> bool:
        """Our code is there, and says so."""
        if process.stdin is None or process.stdout is None:
            return False
        sending = threading.Thread(target=_send_code, args=(process.stdin.fileno(),), daemon=True)
        sending.start()
        until, found = time.monotonic() + limit_s, b""
        fd = process.stdout.fileno()
        while not found.endswith(READY) and len(found) < NOISE_MAX:
            if not select.select([fd], [], [], max(0.0, until - time.monotonic()))[0]:
                return False
            # One byte at a time near the end would be the same: nothing follows before we have spoken.
            data = os.read(fd, 4096)
            if not data:
                process.wait()
                return False
            found += data
        return found.endswith(READY)

    # -- carrying

    def _carry_in(self, process: subprocess.Popen[bytes], streams: Streams) -> None:
        pieces = Pieces()
        if process.stdout is not None:
            with contextlib.suppress(OSError, Broken):
                while data := os.read(process.stdout.fileno(), PIECE_BYTES):
                    streams.feed(pieces.feed(data))
        # The job has ended, or whoever carried: what hung on it ends too.
        self._end()

    def _carry_out(self, process: subprocess.Popen[bytes], streams: Streams) -> None:
        if process.stdin is not None:
            with contextlib.suppress(OSError):
                while not streams.closed:
                    write_all(process.stdin.fileno(), streams.take(PIECE_BYTES, 60.0))

    def _open(self, order: Message) -> None:
        ours, theirs = socket.socketpair()
        if self._streams is not None:
            self._streams.open(ours, order["what"])
        frame = encode({"t": "opened", "id": order["id"], "fds": 1})
        with theirs, self._sending, contextlib.suppress(OSError):
            socket.send_fds(self._connection, [frame[:1]], [theirs.fileno()])
            self._connection.sendall(frame[1:])

    def _answer(self, message: dict[str, Any]) -> None:
        with self._sending, contextlib.suppress(OSError):
            self._connection.sendall(encode(message))

    def _end(self) -> None:
        process = self._process
        if process is not None and process.poll() is None:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(5)
            process.kill()
        self._directory.cleanup()
        os._exit(0)


def _send_code(fd: int) -> None:
    """Our code, and how to unpack it."""
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    plain = code.pack(package)
    packed = zlib.compress(plain)
    with open(seed.__file__) as file:
        text = file.read()
    order = json.dumps(
        {"seed": text, "version": code.digest(plain), "root": ROOT, "size": len(packed)}
    ).encode()
    with contextlib.suppress(OSError):
        write_all(fd, f"{len(order):12d}".encode() + order + packed)


if __name__ == "__main__":
    main()

"""Connects as the user to what the user listens on: a unix socket, or a port of the loopback.

The connected socket goes to the daemon. A port says nothing of who listens on it, and it may be somebody
else's by now, so the kernel's table is asked: what listens there and what took our connection are the user's.
"""

import errno
import os
import socket
import struct
import sys

from launchyard.launcher.messages import Message, encode

LISTENS, CONNECTED = "0A", "01"
PATH_MAX_BYTES = 107
NOBODY = -1

_UCRED = struct.Struct("3i")
_TABLES = (("tcp", ""), ("tcp6", "0000000000000000FFFF0000"))
_ANY = {"tcp": "00000000", "tcp6": "0" * 32}


class NotOurs(OSError):
    """Somebody else listens there."""


def reach(order: Message, limit_s: float) -> socket.socket:
    """A connection to the order's `path` or `port`. Raises `OSError`."""
    try:
        return _to_path(order["path"], limit_s) if "path" in order else _to_port(order["port"], limit_s)
    except BlockingIOError:
        raise TimeoutError(errno.ETIMEDOUT, "it takes no connection") from None


def send(connection: socket.socket, id: str, reached: socket.socket) -> None:
    """The answer, with the socket on its first byte; nobody else may write meanwhile."""
    frame = encode({"t": "reached", "id": id, "fds": 1})
    socket.send_fds(connection, [frame[:1]], [reached.fileno()])
    connection.sendall(frame[1:])


def _to_path(path: str, limit_s: float) -> socket.socket:
    made = _patient(socket.AF_UNIX, limit_s)
    try:
        _connect_path(made, path)
        uid = _UCRED.unpack(made.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size))[1]
        if uid == NOBODY:
            # A signal interrupted the wait, and the socket is not connected.
            raise BlockingIOError
        if uid != os.geteuid():
            raise NotOurs(errno.EACCES, f"a process of user {uid} listens there")
    except BaseException:
        made.close()
        raise
    return made


def _connect_path(made: socket.socket, path: str) -> None:
    """A path that is too long for an address is reached by way of its directory."""
    if len(os.fsencode(path)) <= PATH_MAX_BYTES:
        made.connect(path)
        return
    folder, name = os.path.split(path)
    fd = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        made.connect(f"/proc/self/fd/{fd}/{name}")
    finally:
        os.close(fd)


def _to_port(port: int, limit_s: float) -> socket.socket:
    made = _patient(socket.AF_INET, limit_s)
    try:
        made.connect(("127.0.0.1", port))
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        holders = _holders(port, made.getsockname()[1])
        if holders != {os.geteuid()}:
            others = ", ".join(str(uid) for uid in sorted(holders - {os.geteuid()})) or "nobody"
            raise NotOurs(errno.EACCES, f"port {port} is held by user {others}")
    except BaseException:
        made.close()
        raise
    return made


def _patient(family: socket.AddressFamily, limit_s: float) -> socket.socket:
    """A blocking socket that waits so long for its connection, also where it is a queue that is full."""
    made = socket.socket(family, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", int(limit_s), 0))
    return made


def _holders(port: int, ours: int) -> set[int]:
    """Who listens on the loopback's `port`, and who holds the other end of our connection from `ours`.

    A connection that nobody has accepted yet has no holder: its inode is 0.
    """
    found: set[int] = set()
    for table, prefix in _TABLES:
        here = f"{prefix}{_loopback()}"
        listening = {f"{address}:{port:04X}" for address in (here, _ANY[table])}
        for local, remote, state, uid, inode in _rows(table):
            other_end = (local, remote) == (f"{here}:{port:04X}", f"{here}:{ours:04X}")
            if (state == LISTENS and local in listening) or (
                state == CONNECTED and other_end and inode != "0"
            ):
                found.add(int(uid))
    return found


def _rows(table: str) -> list[tuple[str, str, str, str, str]]:
    try:
        with open(f"/proc/net/{table}") as file:
            lines = file.read().splitlines()[1:]
    except FileNotFoundError:
        return []
    rows = (line.split() for line in lines)
    return [(row[1], row[2], row[3], row[7], row[9]) for row in rows]


def _loopback() -> str:
    """127.0.0.1 as the kernel lists it, in the machine's order of bytes."""
    return "0100007F" if sys.byteorder == "little" else "7F000001"

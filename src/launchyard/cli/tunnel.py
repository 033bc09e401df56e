"""A port of this machine that leads to the Ray cluster of a job, for programs of our own user."""

import contextlib
import json
import os
import socket
import threading
from typing import NamedTuple

from launchyard.loopback import peer_uid
from launchyard.model.errors import Conflict, Invalid
from launchyard.sdk.client import Client
from launchyard.sdk.websocket import WebSocket

MARK = b"launchyard-ray "
LINE_MAX = 4096
READ_BYTES = 32 * 1024
HERE = "127.0.0.1"


class Served(NamedTuple):
    """The cluster's Ray and Python, as `2.60.0` and `3.11`."""

    ray: str
    python: str


def opened(server: Client, job: str) -> tuple[WebSocket, Served, bytes]:
    """A connection, what the cluster is, and bytes that came behind. Raises `LaunchyardError`."""
    tunnel = server.ray(job)
    data = b""
    while b"\n" not in data and len(data) < LINE_MAX and tunnel.close_code is None:
        for message in tunnel.receive():
            if isinstance(message, str):
                raise Conflict(str(json.loads(message).get("error") or f"the Ray cluster of job {job} ended"))
            data += message
    line, _, rest = data.partition(b"\n")
    if not line.startswith(MARK):
        raise Conflict(f"the Ray cluster of job {job} does not answer; `ly logs {job}` has what it said")
    told = json.loads(line.removeprefix(MARK))
    if "error" in told:
        raise Conflict(f"job {job} runs, and {told['error']}; try again")
    return tunnel, Served(told["ray"], told["python"]), rest


def listen(port: int, *, else_any: bool) -> socket.socket:
    """Listens at this port, or at any where that is taken. Raises `Invalid`."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HERE, port))
    except OSError as error:
        if not else_any:
            listener.close()
            raise Invalid(
                f"port {port} cannot be had here ({error.strerror}); name another with --port"
            ) from None
        listener.bind((HERE, 0))
    listener.listen(16)
    return listener


def serve(server: Client, job: str, listener: socket.socket) -> None:
    """Take connections, each in threads of its own, for as long as this process lives."""
    while True:
        try:
            client, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=_carry, args=(server, job, client), daemon=True).start()


def _carry(server: Client, job: str, client: socket.socket) -> None:
    with client, contextlib.suppress(OSError, Conflict):
        if not ours(client):
            return
        tunnel, _, rest = opened(server, job)
        client.sendall(rest)
        threading.Thread(target=_out, args=(client, tunnel), daemon=True).start()
        while tunnel.close_code is None:
            for message in tunnel.receive():
                if isinstance(message, bytes):
                    client.sendall(message)


def ours(client: socket.socket) -> bool:
    """Whether a program of our own user is there: it acts as this user in the job.

    Where the kernel does not tell (macOS), every program of this machine is let in.
    """
    try:
        return peer_uid(client.getpeername(), client.getsockname()) == os.getuid()
    except FileNotFoundError:
        return True


def _out(client: socket.socket, tunnel: WebSocket) -> None:
    with contextlib.suppress(OSError):
        while data := client.recv(READ_BYTES):
            tunnel.send_bytes(data)
    tunnel.close()

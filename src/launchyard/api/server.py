"""Serving: listening sockets, uvicorn around the application, a stop that does not take long.

Connections are accepted by a loop of our own, because uvloop's answer to having no file descriptor left is to
accept and close at once, which a client cannot tell from a crash. Ours pauses: clients wait in the backlog.
It also keeps some descriptors free for the rest of the daemon, by not accepting more than fit.
"""

import asyncio
import contextlib
import errno
import functools
import os
import resource
import socket
import ssl
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import uvicorn

from launchyard.api.app import Application
from launchyard.api.connection import ClientProtocol
from launchyard.api.forwarded import Doors, Forwarded
from launchyard.model.errors import Conflict, Invalid

BACKLOG = 1024
PORTS_TRIED = 100
RESERVED_FDS = 256
FILES_MAX = 16_384
PAUSE_S = 0.1
HANDSHAKE_MAX_S = 10
STOP_MAX_S = 3
KEEP_ALIVE_S = 75
WS_MESSAGE_MAX_BYTES = 256 * 1024

_NO_FDS = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


def listen_tcp(address: str, *, explicit: bool) -> socket.socket:
    """A listening socket at `HOST:PORT`. A taken port: the next free one, or `Conflict` if `explicit`."""
    host, _, digits = address.rpartition(":")
    host, port = host.removeprefix("[").removesuffix("]"), int(digits)
    for candidate in [port] if explicit or port == 0 else range(port, min(port + PORTS_TRIED, 65536)):
        sock = _bound(host, candidate)
        if sock is not None:
            return sock
    last = "" if explicit else f" to {min(port + PORTS_TRIED, 65536) - 1}"
    raise Conflict(f"port {port}{last} of {host} is taken; name another, such as --listen {host}:{port + 1}")


def _bound(host: str, port: int) -> socket.socket | None:
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except OSError:
        raise Invalid(f"cannot listen on {host!r}: that is no address of this machine") from None
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind(address)
        sock.listen(BACKLOG)
    except OSError as error:
        sock.close()
        if error.errno == errno.EADDRINUSE:
            return None
        raise Invalid(f"cannot listen on {host}:{port}: {os.strerror(error.errno or 0)}") from None
    return sock


def listen_unix(path: Path, *, everyone: bool) -> socket.socket:
    """A listening socket in a directory that only we write to; a left-over one is replaced.

    `everyone` may connect (the kernel says who it is), or our own user alone.
    """
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    path.unlink(missing_ok=True)
    os.fchmod(sock.fileno(), 0o600)
    sock.bind(os.fspath(path))
    if everyone:
        path.chmod(0o666)
    sock.listen(BACKLOG)
    return sock


async def serve(
    app: Application,
    sockets: Sequence[socket.socket],
    stop: asyncio.Event,
    *,
    tls: ssl.SSLContext | None = None,
    doors: Doors | None = None,
) -> None:
    """Serve until `stop` is set, then let requests finish, for a few seconds at most. `tls` is for TCP."""
    doors = doors or Doors()
    forwarded = Forwarded(app, doors, app.carry_at_once)
    config = uvicorn.Config(
        forwarded,
        http=ClientProtocol,
        loop="none",
        lifespan="on",
        log_config=None,
        # It would write addresses of WebSockets with their queries, in which apps have secrets.
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=STOP_MAX_S,
        ws_max_size=WS_MESSAGE_MAX_BYTES,
        ws_per_message_deflate=False,
        # Pings keep a quiet connection open; who does not answer may stand still (Ctrl-Z). TCP sees the rest.
        ws_ping_timeout=None,
    )
    protocol = functools.partial(ClientProtocol, at_once=forwarded.carry_at_once)
    await _Server(config, stop, protocol, app.close_streams, tls, doors).serve(list(sockets))


class _Server(uvicorn.Server):
    """uvicorn's, with our accepting, without its signal handlers, and asleep while nothing happens."""

    def __init__(
        self,
        config: uvicorn.Config,
        stop: asyncio.Event,
        protocol: Callable[..., ClientProtocol],
        close: Callable[[], None],
        tls: ssl.SSLContext | None,
        doors: Doors,
    ) -> None:
        super().__init__(config)
        self._stop = stop
        self._protocol = protocol
        self._close = close
        self._tls = tls
        self._doors = doors
        self._accepting: list[asyncio.Task[None]] = []

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await self.lifespan.startup()
        if self.lifespan.should_exit:
            raise RuntimeError("the application did not start; the log says why")
        protocol = functools.partial(
            self._protocol,
            config=self.config,
            server_state=self.server_state,
            app_state=self.lifespan.state,
        )
        self.servers = []
        most = _connections_max()
        self._accepting = [
            asyncio.create_task(
                Accepting(sock, protocol, self._doors, self._tls).run(
                    lambda: len(self.server_state.connections) < most
                )
            )
            for sock in sockets or ()
        ]
        self.started = True

    async def main_loop(self) -> None:
        """Once a second the date in the headers is renewed."""
        while not self._stop.is_set():
            await self.on_tick(0)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1):
                    await self._stop.wait()
        self._close()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for task in self._accepting:
            task.cancel()
        await asyncio.wait(self._accepting)
        await super().shutdown(sockets)


def allow_connections() -> None:
    """As many descriptors as we may have: what a login's limit leaves would not be a thousand clients."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES_MAX if hard == resource.RLIM_INFINITY else min(hard, FILES_MAX)
    if 0 <= soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _connections_max() -> int:
    """As many as leave room for files, pipes and helpers of the rest of the daemon."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return max(16, soft - RESERVED_FDS) if soft != resource.RLIM_INFINITY else 65_536


class Accepting:
    """Takes connections of one socket for ever; waits where there is no room or no descriptor."""

    def __init__(
        self,
        sock: socket.socket,
        protocol: Callable[[], asyncio.Protocol],
        doors: Doors,
        tls: ssl.SSLContext | None,
    ) -> None:
        self._sock = sock
        self._protocol = protocol
        self._doors = None if sock.family == socket.AF_UNIX else doors
        self._tls = None if sock.family == socket.AF_UNIX else tls
        self._shaking: set[asyncio.Task[None]] = set()

    async def run(self, has_room: Callable[[], bool]) -> None:
        loop = asyncio.get_running_loop()
        self._sock.setblocking(False)
        while True:
            if not has_room() or len(self._shaking) >= BACKLOG:
                await asyncio.sleep(PAUSE_S)
                continue
            try:
                client, address = await loop.sock_accept(self._sock)
            except OSError as error:
                # A client that is gone already is no fault; anything else passes by waiting too.
                if error.errno in _NO_FDS or error.errno != errno.ECONNABORTED:
                    await asyncio.sleep(PAUSE_S)
                continue
            if self._doors is not None and not self._doors.admits(address[0]):
                client.close()
            elif self._tls is not None:
                self._shake(loop, client, self._tls)
            else:
                await _connect(loop, self._protocol, client)

    def _shake(self, loop: asyncio.AbstractEventLoop, client: socket.socket, tls: ssl.SSLContext) -> None:
        """Somebody who is slow at it keeps nobody else waiting."""
        task = asyncio.ensure_future(_connect(loop, self._protocol, client, tls))
        self._shaking.add(task)
        task.add_done_callback(self._shaking.discard)


async def _connect(
    loop: asyncio.AbstractEventLoop,
    protocol: Callable[[], asyncio.Protocol],
    client: socket.socket,
    tls: ssl.SSLContext | None = None,
) -> None:
    """Hand the socket over, wholly also when the server stops just now: half a connection would never end."""
    patience_s = None if tls is None else HANDSHAKE_MAX_S
    connecting = asyncio.ensure_future(
        loop.connect_accepted_socket(protocol, client, ssl=tls, ssl_handshake_timeout=patience_s)
    )
    try:
        await asyncio.shield(connecting)
    except asyncio.CancelledError:
        await connecting
        raise
    except OSError:
        client.close()

"""One HTTP/1.1 connection over a unix socket or TCP, and nothing of the standard library's heavy client.

Importing `http.client` costs 25 ms, more than `ly jobs` needs in all; what we speak to is one known server.
`socket` makes enumerations of some hundred constants, which costs 5 ms: a unix socket does without it.
"""

import _socket
import importlib
import os
import select
from collections.abc import Iterator, Mapping

from launchyard.model.light import NamedTuple
from launchyard.sdk.address import Address, not_running
from launchyard.sdk.body import Body
from launchyard.sdk.errors import ConnectionLost, NotRunning, ProtocolError, TimedOut

HEAD_BYTES_MAX = 64 * 1024
READ_BYTES = 64 * 1024


class Head(NamedTuple):
    """The status and the headers (names in lower case) of an answer."""

    status: int
    headers: dict[str, str]


class Connection:
    """Carries one exchange after another. Any failure of the socket closes it for good."""

    def __init__(self, address: Address, timeout_s: float | None) -> None:
        self.address = address
        self.sock = connect(address, timeout_s)
        self._buffer = bytearray()

    def close(self) -> None:
        self.sock.close()

    def send(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> None:
        """Send one request; `target` is the path with its query."""
        host = self.address.host or "localhost"
        lines = [f"{method} {self.address.prefix}{target} HTTP/1.1"]
        lines.append(f"Host: {host}:{self.address.port}" if self.address.port else f"Host: {host}")
        if self.address.token:
            lines.append(f"Authorization: Bearer {self.address.token}")
        if body or method not in ("GET", "HEAD"):
            lines.append(f"Content-Length: {len(body)}")
        lines += [f"{name}: {value}" for name, value in (*self.address.headers, *headers.items())]
        self.send_bytes("\r\n".join((*lines, "", "")).encode("latin-1") + body)

    def send_bytes(self, data: bytes) -> None:
        try:
            self.sock.sendall(data)
        except TimeoutError:
            raise self._timed_out() from None
        except OSError as error:
            raise self._lost(error) from None

    def read_head(self) -> Head:
        """The next answer's head; interim answers (1xx but 101) are skipped."""
        while True:
            words = self._line().split(" ", 2)
            if len(words) < 2 or not words[0].startswith("HTTP/1.") or not words[1].isdigit():
                raise ProtocolError(f"what answers at {self.address} does not speak HTTP")
            head = Head(int(words[1]), self._headers())
            if head.status >= 200 or head.status == 101:
                return head

    def read_body(self, head: Head) -> Iterator[bytes]:
        """The body, as it comes."""
        body = Body(head.status, head.headers)
        while not body.finished:
            data = self.read_some()
            if not data:
                if body.until_close:
                    return
                raise self._lost(None)
            if part := body.feed(data):
                yield part
        self._buffer[:0] = body.rest

    @property
    def came(self) -> bool:
        """Whether bytes wait for `read_some` here, of which the socket says nothing."""
        return bool(self._buffer)

    def readable(self, timeout_s: float | None) -> bool:
        """Whether `read_some` would answer at once, waiting for that at most `timeout_s` seconds."""
        return self.came or bool(select.select([self.sock], [], [], timeout_s)[0])

    def read_some(self) -> bytes:
        """What is there, or what comes next; empty when the server closed the connection."""
        if self._buffer:
            data = bytes(self._buffer)
            self._buffer.clear()
            return data
        try:
            return self.sock.recv(READ_BYTES)
        except TimeoutError:
            raise self._timed_out() from None
        except OSError as error:
            raise self._lost(error) from None

    def _headers(self) -> dict[str, str]:
        headers = {}
        while line := self._line():
            name, _, value = line.partition(":")
            headers[name.strip().lower()] = value.strip()
        return headers

    def _line(self) -> str:
        while (end := self._buffer.find(b"\n")) < 0:
            if len(self._buffer) > HEAD_BYTES_MAX:
                raise ProtocolError(f"the answer of {self.address} has a line over 64 KiB")
            held, self._buffer = self._buffer, bytearray()
            data = self.read_some()
            if not data:
                raise self._lost(None)
            self._buffer = held + data
        line = self._buffer[:end].rstrip(b"\r")
        del self._buffer[: end + 1]
        return line.decode("latin-1")

    def _lost(self, error: OSError | None) -> ConnectionLost:
        self.close()
        why = f" ({error.strerror})" if error is not None and error.strerror else ""
        return ConnectionLost(f"the connection to the server at {self.address} was lost{why}")

    def _timed_out(self) -> TimedOut:
        self.close()
        return TimedOut(f"the server at {self.address} did not answer in time; is the machine overloaded?")


def connect(address: Address, timeout_s: float | None) -> _socket.socket:
    """A connected socket; raises `NotRunning` when nobody listens there."""
    try:
        return _connect(address, timeout_s)
    except TimeoutError:
        raise TimedOut(f"the server at {address} does not answer") from None
    except (FileNotFoundError, ConnectionRefusedError):
        if address.socket is not None:
            raise not_running(address.socket) from None
        raise NotRunning(f"no Launchyard answers at {address}: start one with `ly up`") from None
    except OSError as error:
        raise NotRunning(f"cannot reach the server at {address}: {error.strerror or error}") from None


def _connect(address: Address, timeout_s: float | None) -> _socket.socket:
    if address.socket is not None:
        sock = _socket.socket(_socket.AF_UNIX)
        sock.settimeout(timeout_s)
        try:
            sock.connect(address.socket)
        except BaseException:
            sock.close()
            raise
        return sock
    return _connect_by_tcp(address, timeout_s)


def _connect_by_tcp(address: Address, timeout_s: float | None) -> _socket.socket:
    socket = importlib.import_module("socket")
    sock: _socket.socket = socket.create_connection((address.host, address.port), timeout_s)
    sock.setsockopt(_socket.IPPROTO_TCP, _socket.TCP_NODELAY, 1)
    sock.setsockopt(_socket.SOL_SOCKET, _socket.SO_KEEPALIVE, 1)
    return _encrypted(sock, address) if address.tls else sock


def _encrypted(sock: _socket.socket, address: Address) -> _socket.socket:
    # Loading TLS costs 12 ms, and a unix socket needs none.
    ssl = importlib.import_module("ssl")
    context = ssl.create_default_context(**_authorities(address.verify))
    if address.verify is False:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    encrypted: _socket.socket = context.wrap_socket(sock, server_hostname=address.host)
    return encrypted


def _authorities(verify: bool | str) -> dict[str, str]:
    """A file or a directory of certificates."""
    if isinstance(verify, bool):
        return {}
    return {"capath" if os.path.isdir(verify) else "cafile": verify}  # noqa: PTH112

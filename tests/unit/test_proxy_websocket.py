"""WebSockets through the proxy: messages, sizes, ends; and bytes of an app that speaks no HTTP."""

import asyncio
import contextlib
import gc
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.types import Message
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection

from launchyard.model.session import Speaks
from launchyard.proxy.http import Interrupted
from launchyard.proxy.way import Way
from launchyard.proxy.websocket import both, carry_bytes, to_bytes
from tests.api_bench import BOB, eventually
from tests.proxy_bench import MIB, Yard, headers_of
from tests.proxy_bench import module_yard as module_yard
from tests.proxy_bench import yard as yard


def test_messages_pass_both_ways_as_they_are(yard: Yard) -> None:
    with yard.dial(yard.let_in()) as sock:
        for message in ("text with ü", b"\x00bytes\xff", "", b"", "x" * 200_000):
            sock.send(message)
            assert sock.recv(30) == message


@pytest.mark.parametrize("tcp", [False, True])
def test_a_message_of_many_mebibytes_passes(yard: Yard, tcp: bool) -> None:
    yard.open(tcp=tcp)
    message = bytes(range(256)) * (24 * MIB // 256)
    with yard.dial(yard.let_in()) as sock:
        sock.send(message)
        assert sock.recv(60) == message


def test_a_message_in_parts_is_one_message(yard: Yard) -> None:
    with yard.dial(yard.let_in()) as sock:
        sock.send(iter(["a", "b", "c"]))
        assert sock.recv(30) == "abc"


def test_the_subprotocol_is_agreed_upon_with_the_app(yard: Yard) -> None:
    with yard.dial(yard.let_in(), subprotocols=["v9", "v1.kernel"]) as sock:
        assert sock.subprotocol == "v1.kernel"
    given = headers_of(yard.app.asked[-1])
    assert given["sec-websocket-protocol"] == "v9,v1.kernel"
    assert given["origin"] == f"http://{yard.host()}"


def test_the_app_ends_it_with_its_own_code(yard: Yard) -> None:
    with yard.dial(yard.let_in()) as sock:
        sock.send("leave")
        with pytest.raises(ConnectionClosed):
            sock.recv(30)
        assert (sock.close_code, sock.close_reason) == (4001, "as you wish")


@pytest.mark.parametrize("politely", [True, False])
def test_a_client_that_goes_ends_it_at_the_app(yard: Yard, politely: bool) -> None:
    with yard.dial(yard.let_in()) as sock:
        eventually(lambda: yard.app.sockets == 1)
        if politely:
            sock.close(4002, "enough")
        else:
            sock.socket.shutdown(socket.SHUT_RDWR)
        eventually(lambda: yard.app.sockets == 0, "the app's end of it to be closed")


@pytest.mark.slow
def test_a_quiet_websocket_is_kept_open_by_pings(yard: Yard) -> None:
    """F13: proxies on the way close what says nothing, and a browser's page says nothing for hours."""
    headers = yard.let_in()
    head = f"GET /ws HTTP/1.1\r\nHost: {yard.host()}\r\nCookie: {headers['Cookie']}\r\n"
    head += f"Origin: {headers['Origin']}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    head += "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    with yard.bench.connect() as sock:
        sock.settimeout(60)
        sock.sendall(head.encode())
        received = b""
        while b"\r\n\r\n" not in received:
            received += sock.recv(65536)
        ping = received.partition(b"\r\n\r\n")[2] or sock.recv(64)
    assert ping[0] == 0x89


def test_an_app_without_a_websocket_there_refuses_it(yard: Yard) -> None:
    with pytest.raises(InvalidStatus) as refused, yard.dial(yard.let_in(), "/nothing"):
        pass
    assert refused.value.response.status_code == 502


def test_a_client_that_reads_nothing_holds_little_here(yard: Yard) -> None:
    """F13: for a WebSocket, whose app would send for ever."""
    with yard.dial(yard.let_in(), max_queue=1) as sock:
        before = resident_mib()
        stopped = threading.Event()
        sending = threading.Thread(target=flood, args=(sock, stopped))
        sending.start()
        settled = time.monotonic() + 2
        eventually(lambda: time.monotonic() > settled)
        assert resident_mib() - before < 48
        assert yard.bench.ask("GET", "/v1/health", user="").status == 200
        stopped.set()
        sock.socket.shutdown(socket.SHUT_RDWR)
        sending.join(30)
    eventually(lambda: yard.app.sockets == 0)


def flood(sock: ClientConnection, stopped: threading.Event) -> None:
    """Sends what comes back as an echo, and never looks at it."""
    with contextlib.suppress(ConnectionClosed, OSError):
        while not stopped.is_set():
            sock.send(b"x" * MIB)


def resident_mib() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / MIB


@pytest.mark.alone
def test_a_revoked_login_loses_what_it_has_open(yard: Yard) -> None:
    """Threat 30: WebSockets and requests of sessions, within 5 s; in truth at once."""
    made = yard.bench.ask("POST", "/v1/tokens", {}, user="ada").json
    by_it = {"Authorization": f"Bearer {made['token']}"}
    opened = yard.bench.ask("POST", "/v1/sessions/17/open", {}, user="", headers=by_it).json["url"]
    entered = yard.ask("GET", opened.partition(yard.host())[2], {})
    headers = {"Cookie": entered.headers["set-cookie"].partition(";")[0], "Origin": f"http://{yard.host()}"}
    with yard.dial(headers) as sock, yard.bench.connect() as stream:
        head = f"GET /stream HTTP/1.1\r\nHost: {yard.host()}\r\nCookie: {headers['Cookie']}\r\n\r\n"
        stream.sendall(head.encode())
        assert stream.recv(100)
        began = time.monotonic()
        assert yard.bench.ask("DELETE", f"/v1/tokens/{made['id']}", user="ada").status == 200
        with pytest.raises(ConnectionClosed):
            sock.recv(30)
        assert sock.close_code == 1001
        stream.settimeout(30)
        with contextlib.suppress(ConnectionResetError):
            while stream.recv(65536):
                pass
        assert time.monotonic() - began < 5
    assert yard.ask("GET", "/x", headers).status == 401
    eventually(lambda: (yard.app.sockets, yard.app.open_streams) == (0, 0))


@contextlib.contextmanager
def vnc(directory: Path) -> Iterator[Path]:
    """What says hello first and then echoes, as no HTTP server does."""
    path = directory / "vnc.sock"
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen(8)

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                client.sendall(b"RFB 003.008\n")
                while data := client.recv(65536):
                    client.sendall(data.upper())
                client.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield path
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(30)


def said(sock: ClientConnection, count: int) -> bytes:
    """So many bytes, in whatever messages they come."""
    found = b""
    while len(found) < count:
        message = sock.recv(30)
        assert isinstance(message, bytes)
        found += message
    return found


def test_bytes_of_a_desktop_are_binary_messages(yard: Yard, tmp_path: Path) -> None:
    with vnc(tmp_path) as path:
        kept, yard.unix = yard.unix, path
        yard.open(speaks=Speaks.RFB)
        yard.unix = kept
        made = yard.bench.ask("POST", "/v1/sessions/17/open", {}, user="ada").json
        assert made["url"] == f"http://127.0.0.1:{yard.bench.port}/sessions/17"
        origin = f"http://127.0.0.1:{yard.bench.port}"
        headers = {"Authorization": f"Bearer {yard.bench.secrets['ada']}", "Origin": origin}
        with yard.dial_portal("/session/17/", headers, subprotocols=["binary"]) as sock:
            assert sock.subprotocol == "binary"
            assert said(sock, 12) == b"RFB 003.008\n"
            sock.send(b"keys")
            assert said(sock, 4) == b"KEYS"
        by_bob = {**headers, "Authorization": f"Bearer {yard.bench.secrets[BOB.user]}"}
        with pytest.raises(InvalidStatus), yard.dial_portal("/session/17/", by_bob):
            pass
        assert yard.bench.ask("GET", "/session/17/", user="ada").status == 404


@pytest.mark.parametrize(("message", "count"), [(b"\x04\x01", 1), (b"\x05\x00", 1), (b"\x03\x01", 0)])
def test_at_a_desktop_only_what_a_person_does_counts_as_use(message: bytes, count: int) -> None:
    """A page asks for new pictures by itself, as long as it is open."""
    used: list[int] = []
    coming: list[Message] = [
        {"type": "websocket.receive", "bytes": message},
        {"type": "websocket.disconnect"},
    ]

    class Writer(asyncio.StreamWriter):
        def __init__(self) -> None:
            self.written = b""

        def __del__(self) -> None:
            """Nothing was opened."""

        def write(self, data: object) -> None:
            self.written += bytes(data)  # type: ignore[call-overload]

        async def drain(self) -> None:
            """At once."""

    async def receive() -> Message:
        return coming.pop(0)

    writer = Writer()
    asyncio.run(to_bytes(receive, writer, lambda: used.append(1)))

    assert writer.written == message
    assert len(used) == count


def test_both_sides_may_break_at_once(caplog: pytest.LogCaptureFixture) -> None:
    """As when a client goes while the app sends: it is the end, and no error of ours."""

    async def breaks() -> tuple[int, str]:
        raise ConnectionResetError

    code, _ = asyncio.run(both(breaks(), breaks(), asyncio.Event()))
    gc.collect()

    assert code == 1011
    assert not caplog.records


def test_a_client_that_goes_before_it_is_let_in_is_no_error() -> None:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)

    async def connect() -> socket.socket:
        return ours

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None:
        raise ConnectionResetError

    way = Way(key="k", connect=connect, prefix="/session/1")
    with theirs, pytest.raises(Interrupted):
        asyncio.run(carry_bytes(way, {"subprotocols": []}, receive, send, asyncio.Event(), lambda: None))

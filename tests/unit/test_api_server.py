"""Listening and serving: ports, sockets, descriptors, limits, the stop."""

import asyncio
import contextlib
import http.client
import os
import resource
import socket
import stat
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import uvloop

from launchyard.api import connection, server
from launchyard.api.server import FILES_MAX, allow_connections, listen_tcp, listen_unix
from launchyard.model.errors import Conflict, Invalid
from tests.api_bench import Bench, eventually, running
from tests.pieces import first_line


def test_a_taken_port_gives_the_next_free_one() -> None:
    with listen_tcp("127.0.0.1:0", explicit=False) as first:
        port = first.getsockname()[1]
        with listen_tcp(f"127.0.0.1:{port}", explicit=False) as second:
            assert port < second.getsockname()[1] <= port + server.PORTS_TRIED


def test_a_taken_port_that_was_asked_for_is_an_error_that_names_it() -> None:
    with listen_tcp("127.0.0.1:0", explicit=True) as first:
        port = first.getsockname()[1]
        with pytest.raises(Conflict, match=f"port {port} of 127.0.0.1 is taken; name another"):
            listen_tcp(f"127.0.0.1:{port}", explicit=True)


def test_an_address_of_another_machine_is_refused() -> None:
    with pytest.raises(Invalid, match="cannot listen on"):
        listen_tcp("192.0.2.1:8265", explicit=True)


@pytest.mark.parametrize(("everyone", "mode"), [(False, 0o600), (True, 0o666)])
def test_the_unix_socket_is_for_its_user_or_for_everyone(tmp_path: Path, everyone: bool, mode: int) -> None:
    path = tmp_path / "api.sock"
    with listen_unix(path, everyone=everyone):
        assert stat.S_IMODE(path.stat().st_mode) == mode


def test_a_left_over_socket_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "api.sock"
    listen_unix(path, everyone=False).close()
    with listen_unix(path, everyone=False), socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))


def test_a_client_that_never_finishes_its_head_is_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "HEAD_MAX_S", 1.0)
    with running(tmp_path) as bench:
        silent, slow = bench.connect(), bench.connect()
        slow.sendall(b"GET /v1/health HTTP/1.1\r\nHost:")
        for sock in (silent, slow):
            assert_cut(sock)
        kept = bench.connect()
        kept.sendall(b"GET /v1/health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        answer = http.client.HTTPResponse(kept)
        answer.begin()
        assert (answer.status, bool(answer.read())) == (200, True)
        kept.settimeout(1.5)
        with pytest.raises(TimeoutError):
            kept.recv(1)
        kept.close()


def assert_cut(sock: socket.socket) -> None:
    try:
        assert sock.recv(100) == b""
    except ConnectionResetError:
        pass
    finally:
        sock.close()


def answers(bench: Bench) -> bool:
    return bench.ask("GET", "/v1/health").status == 200


def test_more_clients_than_fit_wait_for_their_turn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """F10: accepting pauses before descriptors run out; whoever waits is served when there is room."""
    monkeypatch.setattr(server, "_connections_max", lambda: 4)
    with running(tmp_path) as bench:
        crowd = [bench.connect() for _ in range(12)]
        waiting = crowd[-1]
        waiting.sendall(b"GET /v1/health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        waiting.settimeout(0.3)
        with pytest.raises(TimeoutError):
            waiting.recv(1)
        for sock in crowd[:-1]:
            sock.close()
        waiting.settimeout(30)
        assert first_line(waiting).startswith(b"HTTP/1.1 200")
        waiting.close()


def test_a_peer_that_is_gone_without_a_word_is_noticed_within_a_minute() -> None:
    """F13: half-open TCP; pings and heartbeats are what it leaves unanswered."""
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.create_connection(listener.getsockname()):
        accepted, _ = listener.accept()
        with accepted:
            connection._prepared(accepted)
            assert accepted.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
            assert 0 < accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) <= 60_000


def test_a_server_may_have_more_descriptors_than_the_login_that_started_it() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (500, hard))
    try:
        allow_connections()
        now = resource.getrlimit(resource.RLIMIT_NOFILE)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert now == (FILES_MAX if hard == resource.RLIM_INFINITY else min(hard, FILES_MAX), hard)


FEW_DESCRIPTORS = """
import os, resource, socket, sys, tempfile
from pathlib import Path
from tests.api_bench import running
from tests.pieces import first_line
import launchyard.api.server as server

ASK = b"GET /v1/health HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\n\\r\\n"

def limit(files):
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))

def clients(port):
    idle = [socket.create_connection(("127.0.0.1", port)) for _ in range(20)]
    asking = [socket.create_connection(("127.0.0.1", port)) for _ in range(5)]
    for sock in asking:
        sock.sendall(ASK)
        sock.settimeout(0.2)
        try:
            print("early:", sock.recv(100))
            return 1
        except TimeoutError:
            sock.settimeout(30)
    for sock in idle:
        sock.close()
    return 0 if all(first_line(sock).startswith(b"HTTP/1.1 200") for sock in asking) else 1

server._connections_max = lambda: 10_000
with tempfile.TemporaryDirectory() as directory, running(Path(directory)) as bench:
    assert bench.ask("GET", "/v1/health").status == 200
    limit(max(int(name) for name in os.listdir("/proc/self/fd")) + 4)
    if (pid := os.fork()) == 0:
        limit(1000)
        os._exit(clients(bench.port))
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    limit(1000)
    assert bench.ask("GET", "/v1/health").status == 200
    print("all were served")
"""


def test_without_descriptors_clients_wait_and_none_is_turned_away() -> None:
    """F10: no crash, no connection closed unanswered, and it recovers."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(FEW_DESCRIPTORS)],
        capture_output=True,
        text=True,
        timeout=100,
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert done.stdout == "all were served\n", done.stderr


def test_room_is_left_for_the_rest_of_the_daemon() -> None:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert server._connections_max() <= max(16, soft - 200)


class Taken(asyncio.Protocol):
    """Remembers its transport."""

    transport: asyncio.BaseTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport


async def connected_while_cancelled() -> bool:
    """Whether a connection is whole although the accepting task was cancelled in the midst of it."""
    taken = Taken()
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    connecting = asyncio.create_task(server._connect(asyncio.get_running_loop(), lambda: taken, ours))
    await asyncio.sleep(0)
    connecting.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await connecting
    whole = taken.transport is not None and not taken.transport.is_closing()
    if taken.transport is not None:
        taken.transport.close()
    theirs.close()
    return whole


def test_a_client_that_connects_as_the_server_stops_is_taken_in_wholly() -> None:
    """F29: half a connection would hold up the stop, for it never ends."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(connected_while_cancelled())


def test_a_server_starts_again_where_one_has_stopped(tmp_path: Path) -> None:
    for _ in range(2):
        with running(tmp_path) as bench:
            eventually(lambda: answers(bench))

"""Streams between daemon and node: bytes, descriptors and files arrive, and none holds up another."""

import os
import select
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from launchyard.agent.agent import leads_nowhere_else
from launchyard.agent.frames import Broken, Decoder, Frame, attach, attachment, encode
from launchyard.agent.stream import WINDOW
from launchyard.agent.streams import Streams
from launchyard.launcher.messages import receive

WAIT_S = 60


@contextmanager
def ends(directory: Path, server: socket.socket) -> Iterator[tuple[Streams, Streams]]:
    """Both ends, each carried to the other by a thread; the node's end connects to `server`'s other half."""
    waiting = [server]
    here = Streams(0, str(directory))
    there = Streams(1, str(directory), lambda what: waiting.pop())

    def carry(source: Streams, target: Streams) -> None:
        while not source.closed:
            data = source.take(1 << 20, 0.5)
            if data:
                target.feed(data)

    threads = [threading.Thread(target=carry, args=pair) for pair in ((here, there), (there, here))]
    for thread in threads:
        thread.start()
    try:
        yield here, there
    finally:
        here.close()
        there.close()
        for thread in threads:
            thread.join()


@pytest.fixture
def joined(tmp_path: Path) -> Iterator[tuple[socket.socket, socket.socket]]:
    """What the daemon holds, and what a launcher would."""
    daemon, ours = socket.socketpair()
    theirs, launcher = socket.socketpair()
    daemon.settimeout(WAIT_S)
    launcher.settimeout(WAIT_S)
    with ends(tmp_path, theirs) as (here, _), daemon, launcher:
        here.open(ours, "launcher")
        yield daemon, launcher


def read_exactly(connection: socket.socket, count: int) -> bytes:
    found = bytearray()
    while len(found) < count:
        part = connection.recv(count - len(found))
        assert part, f"it ended after {len(found)} of {count} bytes"
        found += part
    return bytes(found)


def receive_one(connection: socket.socket) -> tuple[bytes, int]:
    """The bytes that came, and the one descriptor that came with them."""
    data, fds = receive(connection)
    assert len(fds) == 1
    return data, fds[0]


def send_until_it_waits(connection: socket.socket) -> int:
    """How much went, once no more does."""
    sent = 0
    while select.select([], [connection], [], 0.5)[1]:
        sent += connection.send(bytes(65536))
    return sent


def test_bytes_go_both_ways(joined: tuple[socket.socket, socket.socket]) -> None:
    daemon, launcher = joined
    daemon.sendall(b"order")
    launcher.sendall(b"report")
    assert read_exactly(launcher, 5) == b"order"
    assert read_exactly(daemon, 6) == b"report"


def test_more_than_a_window_arrives_whole(joined: tuple[socket.socket, socket.socket]) -> None:
    daemon, launcher = joined
    data = os.urandom(3 * WINDOW + 17)
    sender = threading.Thread(target=daemon.sendall, args=(data,))
    sender.start()
    assert read_exactly(launcher, len(data)) == data
    sender.join()


def test_end_of_one_direction_leaves_the_other(joined: tuple[socket.socket, socket.socket]) -> None:
    daemon, launcher = joined
    daemon.shutdown(socket.SHUT_WR)
    assert launcher.recv(1) == b""
    launcher.sendall(b"still")
    assert read_exactly(daemon, 5) == b"still"
    launcher.close()
    assert daemon.recv(1) == b""


def test_socket_that_is_passed_is_a_stream_of_its_own(joined: tuple[socket.socket, socket.socket]) -> None:
    daemon, launcher = joined
    helper, passed = socket.socketpair()
    with helper, passed:
        socket.send_fds(launcher, [b"{helper}"], [passed.fileno()])
        data, fd = receive_one(daemon)
        with socket.socket(fileno=fd) as got:
            got.settimeout(WAIT_S)
            assert data == b"{helper}"
            passed.close()
            got.sendall(b"read")
            assert read_exactly(helper, 4) == b"read"
            helper.sendall(b"part")
            assert read_exactly(got, 4) == b"part"
            helper.close()
            assert got.recv(1) == b""


def test_passed_socket_can_pass_a_socket_again(joined: tuple[socket.socket, socket.socket]) -> None:
    """A helper hands over its connection to a session."""
    daemon, launcher = joined
    helper, passed = socket.socketpair()
    session, reached = socket.socketpair()
    with helper, passed, session, reached:
        socket.send_fds(launcher, [b"h"], [passed.fileno()])
        _, fd = receive_one(daemon)
        with socket.socket(fileno=fd) as got:
            socket.send_fds(helper, [b"r"], [reached.fileno()])
            _, fd = receive_one(got)
            with socket.socket(fileno=fd) as inner:
                inner.sendall(b"GET")
                assert read_exactly(session, 3) == b"GET"


def test_file_that_is_passed_is_there_as_a_whole(
    joined: tuple[socket.socket, socket.socket], tmp_path: Path
) -> None:
    daemon, launcher = joined
    data = os.urandom(2 * WINDOW + 5)
    (tmp_path / "package.zip").write_bytes(data)
    with (tmp_path / "package.zip").open("rb") as file:
        socket.send_fds(daemon, [b"setup"], [file.fileno()])
    arrived, fd = receive_one(launcher)
    assert arrived == b"setup"
    with open(fd, "rb") as file:
        assert file.read() == data
        file.seek(0)
        assert file.read(4) == data[:4]


def test_reader_that_does_not_read_holds_up_no_other_stream(
    joined: tuple[socket.socket, socket.socket],
) -> None:
    daemon, launcher = joined
    helper, passed = socket.socketpair()
    with helper, passed:
        socket.send_fds(launcher, [b"h"], [passed.fileno()])
        _, fd = receive_one(daemon)
        with socket.socket(fileno=fd):
            helper.setblocking(False)
            assert send_until_it_waits(helper) < 16 * WINDOW
            launcher.sendall(b"report")
            assert read_exactly(daemon, 6) == b"report"


def test_socket_that_leads_elsewhere_is_over_at_the_far_end(tmp_path: Path) -> None:
    """Threat 5."""
    daemon, ours = socket.socketpair()
    theirs, launcher = socket.socketpair()
    with ends(tmp_path, theirs) as (here, there), daemon, launcher, socket.socket() as elsewhere:
        there._passes = leads_nowhere_else
        daemon.settimeout(WAIT_S)
        here.open(ours, "launcher")
        socket.send_fds(launcher, [b"reached"], [elsewhere.fileno()])
        _, fd = receive_one(daemon)
        with socket.socket(fileno=fd) as got:
            assert got.recv(1) == b""


def test_what_cannot_be_connected_to_ends(tmp_path: Path) -> None:
    daemon, ours = socket.socketpair()
    _, theirs = socket.socketpair()
    with ends(tmp_path, theirs) as (here, there), daemon:
        there._connect = None
        daemon.settimeout(WAIT_S)
        here.open(ours, "launcher")
        assert daemon.recv(1) == b""


def test_frames_are_cut_wherever_the_stream_is() -> None:
    data = encode(2, 7, b"payload") + attach(7, 1, 9)
    decoder = Decoder()
    found = [frame for position in range(len(data)) for frame in decoder.feed(data[position : position + 1])]
    assert found[0] == Frame(2, 7, b"payload")
    assert attachment(found[1]) == (1, 9)


@pytest.mark.parametrize("data", [b"\x09" + bytes(8), b"\x02" + bytes(4) + b"\xff\xff\xff\xff"])
def test_what_is_no_frame_is_refused(data: bytes) -> None:
    with pytest.raises(Broken):
        Decoder().feed(data)

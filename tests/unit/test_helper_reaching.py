"""Sockets that a real helper process connects as its user."""

import asyncio
import os
import socket
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from launchyard.engine.channel import Channel, Request, UserHelpers
from launchyard.engine.reaching import Unreachable, reach
from launchyard.helper import reaching as helping
from launchyard.launcher.messages import encode
from launchyard.model.session import TcpTarget, UnixTarget
from tests.unit.helper_process import Helpers, until

ADA, BOB = 61_001, 61_002
ME = os.geteuid()


@pytest.fixture
def started() -> Iterator[Helpers]:
    helpers = Helpers()
    yield helpers
    helpers.end()


@pytest.fixture
def directory() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as path:
        Path(path).chmod(0o755)
        yield Path(path)


def listening(path: Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen(8)
    return listener


def on_loopback() -> tuple[socket.socket, int]:
    listener = socket.create_server(("127.0.0.1", 0))
    return listener, listener.getsockname()[1]


def as_user(uid: int) -> None:
    """In a child of the test: listen as somebody, so that the kernel knows the socket as theirs."""
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)


def listener_of(uid: int, path: Path | None = None) -> tuple[int, int]:
    """The pid of a process of this user that listens, and its port (0: at `path`)."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            as_user(uid)
            listener = listening(path) if path is not None else on_loopback()[0]
            port = listener.getsockname()[1] if path is None else 0
            os.write(writing, str(port).encode())
            while True:
                listener.accept()
        finally:
            os._exit(1)
    os.close(writing)
    port = int(os.read(reading, 16))
    os.close(reading)
    return pid, port


def stopped(pid: int) -> None:
    os.kill(pid, 9)
    os.waitpid(pid, 0)


def test_a_unix_socket_is_reached(started: Helpers, directory: Path) -> None:
    async def work(helpers: UserHelpers) -> None:
        with listening(directory / "s") as listener:
            made = await reach(helpers, ME, UnixTarget(path=str(directory / "s")))
            taken, _ = listener.accept()
            taken.sendall(b"hello")
            assert await asyncio.get_running_loop().sock_recv(made, 10) == b"hello"
            made.close()
            taken.close()

    started.with_helpers(work)


def test_a_path_longer_than_an_address_is_reached(started: Helpers, directory: Path) -> None:
    folder = directory / ("long" * 40)
    folder.mkdir()
    here = os.open(folder, os.O_PATH)

    async def work(helpers: UserHelpers) -> None:
        with listening(Path(f"/proc/self/fd/{here}/s")):
            (await reach(helpers, ME, UnixTarget(path=str(folder / "s")))).close()

    started.with_helpers(work)
    os.close(here)


def test_a_port_of_the_loopback_is_reached(started: Helpers) -> None:
    async def work(helpers: UserHelpers) -> None:
        listener, port = on_loopback()
        with listener:
            made = await reach(helpers, ME, TcpTarget(port=port))
            assert made.getpeername() == ("127.0.0.1", port)
            made.close()

    started.with_helpers(work)


def test_where_nothing_listens_the_answer_is_one_sentence(started: Helpers, directory: Path) -> None:
    async def work(helpers: UserHelpers) -> None:
        listener, port = on_loopback()
        listener.close()
        with pytest.raises(Unreachable, match=f"port {port} cannot be reached: Connection refused"):
            await reach(helpers, ME, TcpTarget(port=port))
        with pytest.raises(Unreachable, match="No such file"):
            await reach(helpers, ME, UnixTarget(path=str(directory / "none")))

    started.with_helpers(work)


def test_a_listener_that_takes_nothing_is_not_waited_for_long(directory: Path) -> None:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(directory / "full"))
    listener.listen(0)
    waiting = [socket.socket(socket.AF_UNIX) for _ in range(2)]
    waiting[0].connect(str(directory / "full"))
    with pytest.raises(TimeoutError, match="takes no connection"):
        helping.reach({"path": str(directory / "full")}, 1)
    for one in (listener, *waiting):
        one.close()


def test_nothing_is_left_open_where_nobody_waits_any_more(started: Helpers) -> None:
    def sockets() -> int:
        names = Path("/proc/self/fd").iterdir()
        return sum(1 for name in names if name.exists() and stat.S_ISSOCK(name.stat().st_mode))

    async def work(channel: Channel) -> None:
        listener, port = on_loopback()
        with listener:
            before = sockets()
            for _ in range(3):
                with Request(channel, {"t": "reach", "limit_s": 5, "port": port}) as request:
                    request.over = True
            with Request(channel, {"t": "reach", "limit_s": 5, "port": port}) as request:
                request.over = True
                message = await request.next()
                os.close(message["fds"][0])
            await until(lambda: sockets() == before)

    started.with_channel(work)


@pytest.mark.root
def test_a_port_that_somebody_else_took_is_not_reached(started: Helpers) -> None:
    """Threat 6: job A ends, bob's job takes its port."""
    pid, port = listener_of(BOB)

    async def work(helpers: UserHelpers) -> None:
        with pytest.raises(Unreachable, match=f"port {port} is held by user {BOB}"):
            await reach(helpers, ADA, TcpTarget(port=port))
        (await reach(helpers, BOB, TcpTarget(port=port))).close()

    try:
        started.with_helpers(work)
    finally:
        stopped(pid)


@pytest.mark.root
def test_a_socket_that_somebody_else_put_there_is_not_reached(started: Helpers, directory: Path) -> None:
    """Threat 6, for unix sockets: one that bob made, and that everybody may connect to."""
    directory.chmod(0o777)
    pid, _ = listener_of(BOB, directory / "s")
    (directory / "s").chmod(0o777)

    async def work(helpers: UserHelpers) -> None:
        with pytest.raises(Unreachable, match=f"a process of user {BOB} listens there"):
            await reach(helpers, ADA, UnixTarget(path=str(directory / "s")))

    try:
        started.with_helpers(work)
    finally:
        stopped(pid)


@pytest.mark.root
def test_what_the_user_may_not_connect_to_is_not_reached(started: Helpers, directory: Path) -> None:
    """Threat 5: the connection has the rights of the session's user, not the daemon's."""
    with listening(directory / "s"):
        (directory / "s").chmod(0o600)

        async def work(helpers: UserHelpers) -> None:
            with pytest.raises(Unreachable, match="Permission denied"):
                await reach(helpers, ADA, UnixTarget(path=str(directory / "s")))

        started.with_helpers(work)


@pytest.mark.root
@pytest.mark.parametrize("handed", ["file", "datagram", "other port", "nothing"])
def test_what_a_dishonest_helper_hands_over_is_not_taken(handed: str) -> None:
    """Threat 5: a user can make its own helper say anything."""

    async def work() -> None:
        ours, theirs = socket.socketpair()
        listener, _ = on_loopback()
        made = -1
        if handed == "file":
            made = os.open("/etc/hostname", os.O_RDONLY)
        elif handed == "datagram":
            made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM).detach()
        elif handed == "other port":
            made = socket.create_connection(listener.getsockname()).detach()

        class Dishonest(UserHelpers):
            def __init__(self) -> None:
                self.channel = Channel(ours.detach())

            async def of(self, uid: int) -> Channel:
                return self.channel

        helpers = Dishonest()
        frame = encode({"t": "reached", "id": "1", "fds": 1})
        if made < 0:
            theirs.sendall(frame)
        else:
            socket.send_fds(theirs, [frame], [made])
        with pytest.raises(Exception, match=r"reached by|has ended"):
            await reach(helpers, ME, TcpTarget(port=1))
        helpers.channel.close()
        theirs.close()
        listener.close()

    asyncio.run(work())

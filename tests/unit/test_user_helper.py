"""A real helper process over a socket pair: logs read and followed, terminals held."""

import asyncio
import hashlib
import os
import socket
import subprocess
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from launchyard.engine.channel import Channel, UserHelpers, data_in, data_of
from launchyard.engine.fake import FakeEngine
from launchyard.launcher.messages import package_argv
from launchyard.model.errors import Conflict, Forbidden, LaunchyardError, NotFound


class Helpers:
    """Starts helper processes as the launcher does; all are gone at the end of a test."""

    def __init__(self) -> None:
        self.processes: list[subprocess.Popen[bytes]] = []

    def channel(self, uid: int) -> int:
        ours, theirs = socket.socketpair()
        process = subprocess.Popen(
            [
                "/bin/bash",
                "-c",
                f'exec "$@" 3<&{theirs.fileno()}',
                "bash",
                *package_argv("launchyard.helper.main"),
            ],
            pass_fds=[theirs.fileno()],
            user=uid if os.geteuid() == 0 and uid else None,
            extra_groups=[] if os.geteuid() == 0 and uid else None,
        )
        theirs.close()
        self.processes.append(process)
        return ours.detach()


@pytest.fixture
def started() -> Iterator[Helpers]:
    helpers = Helpers()
    yield helpers
    for process in helpers.processes:
        process.kill()
        process.wait()


def live(work: Callable[[Channel], Awaitable[None]], started: Helpers, uid: int = 0) -> None:
    """Run `work` with a channel to a new helper."""

    async def run() -> None:
        channel = Channel(started.channel(uid))
        try:
            await work(channel)
        finally:
            channel.close()

    asyncio.run(asyncio.wait_for(run(), 60))


async def followed(channel: Channel, path: Path, ended: asyncio.Event, offset: int = 0) -> bytes:
    found = b""
    async for part in channel.follow(str(path), offset, ended):
        found += part.data
    return found


@pytest.mark.parametrize(
    ("offset", "limit", "expected"),
    [(0, 4, b"0123"), (4, 100, b"456789"), (-3, 100, b"789"), (99, 5, b""), (-99, 2, b"01")],
)
def test_range_of_a_file_is_read(
    offset: int, limit: int, expected: bytes, started: Helpers, tmp_path: Path
) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"0123456789")

    async def work(channel: Channel) -> None:
        part = await channel.read(str(path), offset, limit)
        assert (part.data, part.size) == (expected, 10)

    live(work, started)


def test_what_is_no_regular_file_is_refused_and_never_waited_for(started: Helpers, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")

    async def work(channel: Channel) -> None:
        for name, kind in (("fifo", Conflict), ("", Conflict), ("nothing", NotFound)):
            with pytest.raises(kind):
                await channel.read(str(tmp_path / name), 0, 10)

    live(work, started)


def test_follower_gets_every_byte_whatever_it_is(started: Helpers, tmp_path: Path) -> None:
    """F33: binary, NUL, no newline, one long line."""
    path = tmp_path / "log"
    path.write_bytes(b"")
    pieces = [b"a line\n", b"\0\xff\xfe no newline", b"x" * 3_000_000, b"\n", os.urandom(500_000)]

    async def work(channel: Channel) -> None:
        ended = asyncio.Event()
        reading = asyncio.ensure_future(followed(channel, path, ended))
        with path.open("ab", buffering=0) as file:
            for piece in pieces:
                file.write(piece)
                await asyncio.sleep(0)
        ended.set()
        assert hashlib.sha256(await reading).digest() == hashlib.sha256(b"".join(pieces)).digest()

    live(work, started)


def test_truncated_log_is_followed_from_its_new_beginning(started: Helpers, tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"first and long\n")

    async def work(channel: Channel) -> None:
        ended = asyncio.Event()
        found: list[bytes] = []
        async for part in channel.follow(str(path), 0, ended):
            found.append(part.data)
            if len(found) == 1:
                path.write_bytes(b"second\n")
            else:
                ended.set()
        assert found == [b"first and long\n", b"second\n"]

    live(work, started)


def test_log_that_is_not_there_yet_is_waited_for(started: Helpers, tmp_path: Path) -> None:
    path = tmp_path / "later"

    async def work(channel: Channel) -> None:
        ended = asyncio.Event()
        reading = asyncio.ensure_future(followed(channel, path, ended))
        await asyncio.sleep(0)
        path.write_bytes(b"now\n")
        ended.set()
        assert await reading == b"now\n"

    live(work, started)


def test_slow_reader_holds_a_bounded_part_and_others_go_on(started: Helpers, tmp_path: Path) -> None:
    """F13."""
    path = tmp_path / "flood"
    path.write_bytes(b"y" * 20_000_000)

    async def work(channel: Channel) -> None:
        ended = asyncio.Event()
        slow = channel.follow(str(path), 0, ended)
        first = await anext(slow)
        for _ in range(20):
            assert (await channel.read(str(path), 0, 10)).data == b"y" * 10
        waiting = sum(inbox.qsize() for inbox in channel._inboxes.values())
        assert waiting <= 8
        ended.set()
        rest = len(first.data)
        async for part in slow:
            rest += len(part.data)
        assert rest == 20_000_000

    live(work, started)


def test_two_hundred_followers_of_one_log_get_all_of_it(started: Helpers, tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"")
    expected = b"".join(b"line %d\n" % n for n in range(200))

    async def work(channel: Channel) -> None:
        ended = asyncio.Event()
        reading = [asyncio.ensure_future(followed(channel, path, ended)) for _ in range(200)]
        with path.open("ab", buffering=0) as file:
            for line in expected.splitlines(keepends=True):
                file.write(line)
                await asyncio.sleep(0.001)
        ended.set()
        assert all(found == expected for found in await asyncio.gather(*reading))

    live(work, started)


def test_helper_that_dies_ends_its_requests_and_the_next_one_gets_a_new_helper(
    started: Helpers, tmp_path: Path
) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"here\n")

    async def run() -> None:
        engine = FakeEngine(channel=started.channel)
        helpers = UserHelpers(engine)
        channel = await helpers.of(0)
        following = asyncio.ensure_future(followed(channel, path, asyncio.Event()))
        await channel.read(str(path), 0, 5)
        started.processes[0].kill()
        with pytest.raises(LaunchyardError, match="has ended; try again"):
            await following
        again = await helpers.of(0)
        assert (await again.read(str(path), 0, 5)).data == b"here\n"
        helpers.close()

    asyncio.run(asyncio.wait_for(run(), 60))


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to act as another user")
def test_helper_reads_only_what_its_user_may(started: Helpers, tmp_path: Path) -> None:
    """Threat 47."""
    path = tmp_path / "secret"
    path.write_bytes(b"root's\n")
    path.chmod(0o600)
    for directory in (tmp_path, *tmp_path.parents):
        if directory != Path("/"):
            directory.chmod(directory.stat().st_mode | 0o111)

    async def work(channel: Channel) -> None:
        with pytest.raises(Forbidden):
            await channel.read(str(path), 0, 10)

    live(work, started, uid=65534)


def test_terminal_carries_both_ways_and_into_the_log(started: Helpers, tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"")

    async def work(channel: Channel) -> None:
        with channel.request({"t": "terminal", "rows": 30, "cols": 90, "log": str(log)}) as terminal:
            path = (await terminal.next())["path"]
            command = f"exec <{path} >{path} 2>&1; stty size; read x; echo got $x"
            process = await asyncio.create_subprocess_exec("setsid", "sh", "-c", command)
            terminal.say({"t": "attach"})
            terminal.say({"t": "input", "data": data_in(b"words\n")})
            printed = b""
            while b"got words" not in printed:
                printed += data_of(await terminal.next())
            assert b"30 90" in printed
            await process.wait()
            terminal.say({"t": "close"})
            while (await terminal.next())["t"] != "done":
                pass
            assert b"got words" in log.read_bytes()

    live(work, started)

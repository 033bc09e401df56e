"""A real helper process over a socket pair: logs read and followed."""

import asyncio
import contextlib
import hashlib
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from launchyard.engine.channel import TRIES, Channel, Request, UserHelpers
from launchyard.helper.logs import PART_BYTES, READ_BYTES, WINDOW_BYTES
from launchyard.launcher.messages import Decoder
from launchyard.model.errors import Conflict, Forbidden, LaunchyardError, NotFound
from tests.system.dead_filesystem import DeadFilesystem
from tests.unit.helper_process import Helpers, on_loop, until


@pytest.fixture
def started() -> Iterator[Helpers]:
    helpers = Helpers()
    yield helpers
    helpers.end()


def test_what_is_said_at_once_goes_together_and_before_the_end() -> None:
    async def work() -> None:
        ours, theirs = socket.socketpair()
        channel, heard = Channel(ours.detach()), Decoder()
        theirs.setblocking(False)

        def numbers() -> list[int]:
            found: list[int] = []
            with contextlib.suppress(BlockingIOError):
                while data := theirs.recv(1 << 20):
                    found += [message["number"] for message in heard.feed(data)]
            return found

        for number in range(100):
            channel.send({"t": "more", "number": number})
        assert numbers() == [0]
        await asyncio.sleep(0)
        assert numbers() == list(range(1, 100))
        for number in range(3):
            channel.send({"t": "more", "number": number})
        channel.close()
        assert numbers() == [0, 1, 2]
        assert theirs.recv(1) == b""
        theirs.close()

    on_loop(work())


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

    started.with_channel(work)


def test_what_is_no_regular_file_is_refused_and_never_waited_for(started: Helpers, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")

    async def work(channel: Channel) -> None:
        for name, kind in (("fifo", Conflict), ("", Conflict), ("nothing", NotFound)):
            with pytest.raises(kind):
                await channel.read(str(tmp_path / name), 0, 10)

    started.with_channel(work)


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

    started.with_channel(work)


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

    started.with_channel(work)


def test_log_that_is_not_there_yet_is_waited_for(started: Helpers, tmp_path: Path) -> None:
    path = tmp_path / "later"

    async def work(channel: Channel) -> None:
        ended = asyncio.Event()
        reading = asyncio.ensure_future(followed(channel, path, ended))
        await asyncio.sleep(0)
        path.write_bytes(b"now\n")
        ended.set()
        assert await reading == b"now\n"

    started.with_channel(work)


def test_slow_reader_holds_a_bounded_part_and_others_go_on(started: Helpers, tmp_path: Path) -> None:
    """F13."""
    path = tmp_path / "flood"
    path.write_bytes(b"y" * 20_000_000)

    async def work(channel: Channel) -> None:
        with Request(channel, {"t": "follow", "path": str(path), "offset": 0}) as slow:
            await until(lambda: slow.waiting * PART_BYTES >= WINDOW_BYTES)
            for _ in range(20):
                assert (await channel.read(str(path), 0, 10)).data == b"y" * 10
            assert slow.waiting * PART_BYTES <= WINDOW_BYTES
            while (message := slow.at_once()) is not None:
                assert type(message["data"]) is bytes, "as text it would be a third more"
        ended = asyncio.Event()
        ended.set()
        assert len(await followed(channel, path, ended)) == 20_000_000

    started.with_channel(work)


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

    started.with_channel(work)


def test_follow_goes_on_where_it_was_when_its_helper_dies(started: Helpers, tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"before\n")

    async def work(helpers: UserHelpers) -> None:
        ended = asyncio.Event()
        found = b""
        async for part in helpers.follow(0, str(path), 0, ended):
            found += part.data
            if found == b"before\n":
                started.processes[0].kill()
                with path.open("ab") as file:
                    file.write(b"after\n")
            else:
                ended.set()
        assert found == b"before\nafter\n"
        assert len(started.processes) == 2

    started.with_helpers(work)


def test_read_that_finds_its_helper_dead_is_asked_again(started: Helpers, tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"here\n")

    async def work(helpers: UserHelpers) -> None:
        await helpers.of(0)
        started.processes[0].kill()
        started.processes[0].wait()
        assert (await helpers.read(0, str(path), 0, 5)).data == b"here\n"

    started.with_helpers(work)


def test_helpers_that_die_again_and_again_end_a_follow_with_a_sentence(
    started: Helpers, tmp_path: Path
) -> None:
    async def work(helpers: UserHelpers) -> None:
        following = asyncio.ensure_future(anext(helpers.follow(0, str(tmp_path / "no"), 0, asyncio.Event())))
        for count in range(1, TRIES + 1):
            await started.have_been(count)
            started.processes[-1].kill()
        with pytest.raises(LaunchyardError, match="has ended; try again"):
            await following

    started.with_helpers(work)


def test_range_longer_than_an_answer_is_read_whole(started: Helpers, tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(os.urandom(3 * READ_BYTES + 5))

    async def work(channel: Channel) -> None:
        part = await channel.read(str(path), 7, 16 * READ_BYTES)
        assert part.data == path.read_bytes()[7:]
        assert (part.offset, part.size) == (7, 3 * READ_BYTES + 5)
        assert len((await channel.read(str(path), -READ_BYTES - 9, READ_BYTES + 1)).data) == READ_BYTES + 1

    started.with_channel(work)


def test_order_that_fails_is_answered_and_ends_nothing(started: Helpers, tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"here\n")

    async def work(channel: Channel) -> None:
        with pytest.raises(LaunchyardError, match="null"):
            await channel.read("/tmp/\0", 0, 10)
        with pytest.raises(LaunchyardError, match="null"):
            await anext(channel.follow("/tmp/\0", 0, asyncio.Event()))
        with Request(channel, {"t": "dance"}) as request:
            assert "does not know the order dance" in (await request.next())["why"]
        assert (await channel.read(str(path), 0, 10)).data == b"here\n"
        assert channel.conversations == 0

    started.with_channel(work)


def test_rotated_log_is_read_to_its_end_and_then_the_new_one(started: Helpers, tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"one ")

    async def work(channel: Channel) -> None:
        ended = asyncio.Event()
        found = b""
        async for part in channel.follow(str(path), 0, ended):
            found += part.data
            if found == b"one ":
                with path.open("ab") as file:
                    file.write(b"two ")
                    path.rename(tmp_path / "log.1")
                    path.write_bytes(b"three")
                    file.write(b"late ")
            if found.endswith(b"three"):
                ended.set()
        assert found == b"one two late three"

    started.with_channel(work)


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to act as another user")
def test_helper_reads_only_what_its_user_may(started: Helpers, tmp_path: Path) -> None:
    """Threat 47."""
    path = tmp_path / "secret"
    path.write_bytes(b"somebody's own\n")
    path.chmod(0o600)
    os.chown(path, 65533, 65533)
    for directory in (tmp_path, *tmp_path.parents):
        if directory != Path("/"):
            directory.chmod(directory.stat().st_mode | 0o111)

    async def work(channel: Channel) -> None:
        with pytest.raises(Forbidden):
            await channel.read(str(path), 0, 10)

    started.with_channel(work, uid=65534)


@pytest.mark.root
def test_file_system_that_does_not_answer_stops_only_its_own_followers(
    started: Helpers, tmp_path: Path
) -> None:
    path, dead = tmp_path / "log", tmp_path / "dead"
    path.write_bytes(b"here\n")
    dead.mkdir()
    filesystem = DeadFilesystem(dead)

    async def work(channel: Channel) -> None:
        hangs = [asyncio.ensure_future(anext(channel.follow(str(dead / "log"), 0, asyncio.Event())))]
        hangs.append(asyncio.ensure_future(channel.read(str(dead / "log"), 0, 1)))
        await until(lambda: filesystem.taken > 0)
        assert (await channel.read(str(path), 0, 10)).data == b"here\n"
        ended = asyncio.Event()
        ended.set()
        assert await followed(channel, path, ended) == b"here\n"
        for hang in hangs:
            hang.cancel()
        await asyncio.gather(*hangs, return_exceptions=True)

    try:
        started.with_channel(work)
    finally:
        filesystem.revive()

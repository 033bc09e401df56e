"""Connections to one app: kept, given to whoever waits, counted when they break."""

import asyncio
import contextlib
import socket
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest
import uvloop

from launchyard.proxy import pool as pools
from launchyard.proxy.link import Link, connected
from launchyard.proxy.pool import Pool
from launchyard.proxy.reader import Broken
from launchyard.proxy.way import Way

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
REFUSAL = b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno"


class App:
    """Answers at its ends of the connections when it is told to."""

    def __init__(self) -> None:
        self.ends: list[socket.socket] = []
        self.refuses = False
        self.way = Way(key="app", connect=self.connect, prefix="/session/1")

    async def connect(self) -> socket.socket:
        if self.refuses:
            raise ConnectionRefusedError
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        self.ends.append(theirs)
        return ours

    async def answer(self, link: Link) -> None:
        """Asked by the link that was made first."""
        asker = Hears()
        link.ask(b"GET / HTTP/1.1\r\n\r\n", asker, only_head=False)
        self.ends[0].sendall(ANSWER)
        await asker.something.wait()
        assert (link.reader.take(), link.reader.over) == (b"hi", True)

    def close(self) -> None:
        for end in self.ends:
            end.close()


class Hears:
    """Who asks, and notes what it hears."""

    def __init__(self) -> None:
        self.something = asyncio.Event()
        self.told: list[str] = []

    def heard(self) -> None:
        self.something.set()

    def full(self) -> None:
        self.told.append("full")

    def drained(self) -> None:
        self.told.append("drained")


@pytest.fixture
def app() -> Iterator[App]:
    made = App()
    yield made
    made.close()


def run(work: Coroutine[Any, Any, None]) -> None:
    async def within() -> None:
        async with asyncio.timeout(30):
            await work

    asyncio.run(within())


def test_a_connection_is_kept_for_the_next_request(app: App) -> None:
    async def work() -> None:
        pool = Pool()
        first = await pool.link(app.way)
        await app.answer(first)
        pool.give_back(app.way, first)
        assert await pool.link(app.way) is first

    run(work())
    assert len(app.ends) == 1


def test_a_connection_that_broke_is_not_given_again(app: App) -> None:
    async def work() -> None:
        pool = Pool()
        first = await pool.link(app.way)
        await app.answer(first)
        pool.give_back(app.way, first)
        app.ends[0].close()
        while first.is_good(0.0):
            await asyncio.sleep(0)
        assert await pool.link(app.way) is not first

    run(work())


def test_what_comes_without_being_asked_ends_a_connection(app: App) -> None:
    async def work() -> None:
        pool = Pool()
        first = await pool.link(app.way)
        await app.answer(first)
        pool.give_back(app.way, first)
        app.ends[0].sendall(ANSWER)
        while first.is_good(0.0):
            await asyncio.sleep(0)
        assert await pool.link(app.way) is not first

    run(work())


def test_an_app_has_so_many_connections_and_whoever_wants_more_waits(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pools, "CONNECTIONS_MAX", 2)

    async def work() -> None:
        pool = Pool()
        first, _ = await pool.link(app.way), await pool.link(app.way)
        gone, third = (asyncio.ensure_future(pool.link(app.way)) for _ in range(2))
        await asyncio.sleep(0)
        await app.answer(first)
        gone.cancel()
        pool.give_back(app.way, first)
        assert await third is first

    run(work())
    assert len(app.ends) == 2


def test_a_turn_is_not_lost_with_whoever_leaves_as_it_comes(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pools, "CONNECTIONS_MAX", 1)

    async def work() -> None:
        pool = Pool()
        first = await pool.link(app.way)
        gone, second = (asyncio.ensure_future(pool.link(app.way)) for _ in range(2))
        await asyncio.sleep(0)
        pool.give_back(app.way, first)
        gone.cancel()
        assert await second is not first

    run(work())
    assert len(app.ends) == 2


def test_an_app_that_cannot_be_reached_takes_no_place(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pools, "CONNECTIONS_MAX", 1)

    async def work() -> None:
        pool = Pool()
        app.refuses = True
        for _ in range(3):
            with pytest.raises(ConnectionRefusedError):
                await pool.link(app.way)
        app.refuses = False
        await pool.link(app.way)

    run(work())


def test_a_body_is_sent_no_faster_than_it_is_taken(app: App) -> None:
    async def work() -> None:
        link, asker = await Pool().link(app.way), Hears()
        link.ask(b"POST / HTTP/1.1\r\n\r\n", asker, only_head=False)
        link.send(b"x" * 4_000_000)
        assert asker.told == ["full"]
        while "drained" not in asker.told:
            app.ends[0].setblocking(False)
            with contextlib.suppress(BlockingIOError):
                app.ends[0].recv(1_000_000)
            await asyncio.sleep(0)
        link.send(b"x" * 4_000_000)
        app.ends[0].close()
        await asker.something.wait()
        assert isinstance(link.broken, Broken)
        link.send(b"x")

    run(work())


@pytest.mark.parametrize("make", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_an_answer_before_the_end_of_the_request_is_heard_though_the_app_has_gone(
    app: App, make: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    """It refuses an upload and closes: what is sent on breaks the connection before its answer was read."""

    async def work() -> None:
        link = await connected(await app.connect(), Link)
        asker = Hears()
        link.ask(b"POST / HTTP/1.1\r\nContent-Length: 99\r\n\r\n", asker, only_head=False)
        app.ends[0].sendall(REFUSAL)
        app.ends[0].close()
        # Without a turn of the loop in between, in which the answer would be read.
        link.send(b"x")
        async with asyncio.timeout(60):
            while link.broken is None:
                await asker.something.wait()
                asker.something.clear()
        assert (link.reader.status, link.reader.take(), link.reader.over) == (413, b"no", True)

    with asyncio.Runner(loop_factory=make) as runner:
        runner.run(work())


@pytest.mark.parametrize(
    "answer", [b"", REFUSAL[:20], REFUSAL[:-1], REFUSAL.replace(b"Content-Length: 2", b"X: y")]
)
def test_an_answer_that_was_cut_off_by_what_was_sent_is_none(app: App, answer: bytes) -> None:
    async def work() -> None:
        link = await connected(await app.connect(), Link)
        asker = Hears()
        link.ask(b"POST / HTTP/1.1\r\nContent-Length: 99\r\n\r\n", asker, only_head=False)
        app.ends[0].sendall(answer)
        app.ends[0].close()
        link.send(b"x")
        while link.broken is None:
            await asker.something.wait()
            asker.something.clear()
        assert not link.reader.over

    run(work())

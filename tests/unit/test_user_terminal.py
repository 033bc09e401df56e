"""Terminals held by a real helper process: bytes both ways, clients that come, go, lag and are replaced."""

import asyncio
import os
import signal
import termios
from collections.abc import Iterator
from pathlib import Path

import pytest

from launchyard.engine.channel import UserHelpers
from launchyard.engine.terminal import TYPED_AHEAD_BYTES, Attachment, Terminal, open_terminal
from launchyard.helper.terminals import RECENT_BYTES, WINDOW_BYTES
from launchyard.model.errors import Conflict, LaunchyardError
from tests.unit.helper_process import Helpers, until

RAW = "stty raw -echo; "
"""Bytes as they are: no line editing, no echo."""


@pytest.fixture
def started() -> Iterator[Helpers]:
    helpers = Helpers()
    yield helpers
    helpers.end()


async def running(terminal: Terminal, script: str) -> asyncio.subprocess.Process:
    """A job in the terminal, as the launcher starts one."""
    command = f"exec <{terminal.path} >{terminal.path} 2>&1; {script}"
    return await asyncio.create_subprocess_exec("setsid", "sh", "-c", command)


async def until_shown(client: Attachment, words: bytes) -> bytes:
    shown = b""
    while words not in shown:
        data = await client.read()
        assert data, f"the terminal ended after {shown[-200:]!r}"
        shown += data
    return shown


async def to_the_end(client: Attachment) -> bytes:
    shown = b""
    while data := await client.read():
        shown += data
    return shown


async def made(helpers: UserHelpers, log: Path | None = None) -> Terminal:
    if log is not None:
        log.write_bytes(b"")
    return await open_terminal(helpers, 0, rows=30, cols=90, log=None if log is None else str(log))


def test_terminal_carries_both_ways_and_into_the_log(started: Helpers, tmp_path: Path) -> None:
    async def work(helpers: UserHelpers) -> None:
        terminal = await made(helpers, tmp_path / "log")
        client = terminal.attach()
        job = await running(terminal, "stty size; read x; echo got $x; read y; stty size; exit 4")
        await client.write(b"words\n")
        assert b"30 90" in await until_shown(client, b"got words")
        client.resize(33, 101)
        await client.write(b"\n")
        await until_shown(client, b"33 101")
        assert await job.wait() == 4
        terminal.close()
        await to_the_end(client)
        assert b"got words" in (tmp_path / "log").read_bytes()

    started.with_helpers(work)


def test_client_that_takes_nothing_holds_a_bounded_part_and_every_byte_comes_in_the_end(
    started: Helpers, tmp_path: Path
) -> None:
    """F13."""
    size = 4_000_000

    async def work(helpers: UserHelpers) -> None:
        terminal = await made(helpers, tmp_path / "log")
        client = terminal.attach()
        job = await running(terminal, f"{RAW} head -c {size} /dev/zero")
        await until(lambda: (tmp_path / "log").stat().st_size >= WINDOW_BYTES)
        assert (tmp_path / "log").stat().st_size <= WINDOW_BYTES + 65536
        shown = await until_shown(client, bytes(size))
        await job.wait()
        terminal.close()
        assert len(shown + await to_the_end(client)) == size
        assert (tmp_path / "log").stat().st_size == size

    started.with_helpers(work)


def test_job_whose_client_left_goes_on_and_the_next_client_sees_the_latest_part(
    started: Helpers, tmp_path: Path
) -> None:
    async def work(helpers: UserHelpers) -> None:
        terminal = await made(helpers, tmp_path / "log")
        first = terminal.attach()
        script = f"{RAW} echo ready; read x; head -c 1000000 /dev/zero; echo last; read y"
        job = await running(terminal, script)
        await until_shown(first, b"ready")
        await first.write(b"go\n")
        first.detach()
        await until(lambda: (tmp_path / "log").read_bytes().endswith(b"last\n"))
        second = terminal.attach()
        shown = await until_shown(second, b"last\n")
        assert len(shown) == RECENT_BYTES
        await second.write(b"\n")
        await job.wait()
        terminal.close()
        assert await to_the_end(second) == b""

    started.with_helpers(work)


def test_newest_client_takes_the_terminal_over(started: Helpers) -> None:
    async def work(helpers: UserHelpers) -> None:
        terminal = await made(helpers)
        first, second = terminal.attach(), terminal.attach()
        job = await running(terminal, "echo hello; read x")
        with pytest.raises(Conflict, match="somebody else"):
            await to_the_end(first)
        assert await first.read() == b""
        await until_shown(second, b"hello")
        await second.write(b"\n")
        await job.wait()
        terminal.close()
        await to_the_end(second)

    started.with_helpers(work)


def test_job_that_reads_nothing_stops_only_who_types_to_it(started: Helpers, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"here")

    async def work(helpers: UserHelpers) -> None:
        terminal = await made(helpers)
        client = terminal.attach()
        job = await running(terminal, f"{RAW} echo ready; read x; exec cat >{tmp_path}/got")
        await until_shown(client, b"ready")

        async def paste() -> None:
            for _ in range(50):
                await client.write(b"z" * 9999 + b"\n")

        pasting = asyncio.ensure_future(paste())
        for _ in range(20):
            assert (await helpers.read(0, str(path), 0, 4)).data == b"here"
        assert client.unread_by_job <= TYPED_AHEAD_BYTES + 10_000
        await pasting
        await until(lambda: (tmp_path / "got").exists() and (tmp_path / "got").stat().st_size == 490_000)
        os.kill(job.pid, signal.SIGTERM)
        await job.wait()

    started.with_helpers(work)


def test_daemon_that_dies_costs_the_log_no_byte(started: Helpers, tmp_path: Path) -> None:
    """P5."""

    async def work(helpers: UserHelpers) -> None:
        terminal = await made(helpers, tmp_path / "log")
        terminal.attach()
        go = tmp_path / "go"
        script = f"{RAW} while [ ! -e {go} ]; do sleep 0.01; done; head -c 500000 /dev/zero; echo last"
        job = await running(terminal, script)
        await until(lambda: _raw(terminal.path))
        (await helpers.of(0)).close()
        go.touch()
        assert await job.wait() == 0
        await asyncio.to_thread(started.processes[0].wait, 30)
        assert (tmp_path / "log").read_bytes() == bytes(500_000) + b"last\n"

    started.with_helpers(work)


def _raw(path: str) -> bool:
    """Whether the job has set its terminal up."""
    fd = os.open(path, os.O_RDONLY | os.O_NOCTTY)
    try:
        return not termios.tcgetattr(fd)[3] & termios.ECHO
    finally:
        os.close(fd)


def test_step_that_ended_ends_its_terminal_whatever_it_left_behind(started: Helpers) -> None:
    async def work(helpers: UserHelpers) -> None:
        terminal = await made(helpers)
        client = terminal.attach()
        step = await running(terminal, "trap '' HUP; sleep 600 & echo $!; exit 3")
        assert await step.wait() == 3
        terminal.hang_up()
        left = int(await to_the_end(client))
        os.kill(left, signal.SIGKILL)

    started.with_helpers(work)


def test_helper_that_dies_ends_its_terminals_with_a_sentence(started: Helpers) -> None:
    async def work(helpers: UserHelpers) -> None:
        terminal = await made(helpers)
        client = terminal.attach()
        started.processes[0].kill()
        with pytest.raises(LaunchyardError, match="has ended"):
            await client.read()
        await client.write(b"nobody hears this")
        with pytest.raises(LaunchyardError, match="has ended"):
            await terminal.attach().read()

    started.with_helpers(work)

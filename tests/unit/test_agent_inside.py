"""The way into a job of another engine, whose command is the shell here: both ends are this machine."""

import asyncio
import contextlib
import os
import socket
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from launchyard.agent.frames import Broken
from launchyard.agent.inside import HELPER, READY, Pieces, piece
from launchyard.agent.outside import shell_argv
from launchyard.engine.channel import Channel, Request, UserHelpers
from launchyard.engine.reaching import Unreachable, reach_elsewhere
from launchyard.helper.ways import way
from launchyard.launcher.messages import Message
from launchyard.model.session import TcpTarget, UnixTarget
from tests.unit.helper_process import on_loop

HOME = os.environ.get("HOME", "/root")
Body = Callable[[Channel], Awaitable[None]]


def with_way(body: Body, argv: list[str], expected: str = "begun") -> None:
    async def inside() -> None:
        made = Channel(way().detach())
        environment = {"PATH": "/usr/bin:/bin", "HOME": HOME, "SLURM_JOB_ID": "7", "LANG": "C.UTF-8"}
        answer = await asked(made, {"t": "begin", "argv": argv, "environment": environment, "limit_s": 30})
        assert answer["t"] == expected, answer
        with contextlib.closing(made):
            await body(made)

    on_loop(inside())


async def asked(channel: Channel, order: Message) -> Message:
    with Request(channel, order) as request:
        request.over = True
        answer = await request.next_within(40)
    assert answer is not None
    return answer


class Through:
    """Channels through a way, as an engine gives them."""

    def __init__(self, made: Channel) -> None:
        self._made = made

    async def user_channel(self, uid: int, memory_mib: int | None = None, node: str | None = None) -> int:
        fd: int = (await asked(self._made, {"t": "open", "what": HELPER}))["fds"][0]
        return fd


def test_helper_at_the_far_end_reads_as_one_here_does(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(os.urandom(3_000_000) + b"\n\0end")

    async def body(made: Channel) -> None:
        helpers = UserHelpers(Through(made), node="there")
        part = await helpers.read(os.getuid(), str(path), 0, 10_000_000)
        assert part.data == path.read_bytes()
        helpers.close()

    with_way(body, shell_argv(sys.executable))


def test_what_listens_there_is_reached_and_nothing_beyond_that_machine(tmp_path: Path) -> None:
    path = str(tmp_path / "app.sock")
    server = socket.socket(socket.AF_UNIX)
    server.bind(path)
    server.listen()

    async def body(made: Channel) -> None:
        helpers = UserHelpers(Through(made), node="there")
        reached = await reach_elsewhere(helpers, os.getuid(), UnixTarget(path=path))
        accepted, _ = server.accept()
        accepted.sendall(b"moin")
        assert await asyncio.get_running_loop().sock_recv(reached, 4) == b"moin"
        with pytest.raises(Unreachable, match="port 1 cannot be reached"):
            await reach_elsewhere(helpers, os.getuid(), TcpTarget(port=1))
        for one in (reached, accepted):
            one.close()
        helpers.close()

    with server:
        with_way(body, shell_argv(sys.executable))


def test_command_beside_a_job_has_its_terminal_and_the_allocation_of_where_it_runs(tmp_path: Path) -> None:
    async def body(made: Channel) -> None:
        channel = Channel(await Through(made).user_channel(os.getuid()))
        terminal: list[Message] = []
        id = channel.enter(terminal.append)
        channel.send({"t": "terminal", "id": id, "rows": 24, "cols": 80, "log": None})
        while not terminal:
            await asyncio.sleep(0.01)
        said = tmp_path / "said"
        order: dict[str, Any] = {
            "t": "step",
            "argv": ["sh", "-c", f'echo "$MINE $SLURM_JOB_ID $(tty)" > {said}; exit 7'],
            "environment": {"PATH": "/usr/bin:/bin", "MINE": "é", "SLURM_JOB_ID": "another"},
            "directory": "/",
            "terminal": terminal[0]["path"],
        }
        ended = await asked(channel, order)
        assert ended["exit_code"] == 7
        assert said.read_text() == f"é 7 {terminal[0]['path']}\n"
        channel.close()

    with_way(body, shell_argv(sys.executable))


@pytest.mark.parametrize(
    ("script", "limit_s", "why"),
    [
        ("echo 'srun: error: Invalid job id specified' >&2; exit 1", 60, "Invalid job id specified"),
        ("cat > /dev/null; exit 0", 2, "says nothing"),
        ("head -c 200000 /dev/zero", 60, "says nothing"),
    ],
)
def test_way_that_does_not_come_about_says_why(script: str, limit_s: float, why: str) -> None:
    async def inside() -> None:
        made = Channel(way().detach())
        order = {"t": "begin", "argv": ["/bin/sh", "-c", script], "environment": {"PATH": "/usr/bin:/bin"}}
        answer = await asked(made, {**order, "limit_s": limit_s})
        assert answer["t"] == "error"
        assert why in answer["why"]
        made.close()

    on_loop(inside())


def test_far_end_that_says_what_is_no_frame_ends_the_way_and_nothing_else() -> None:
    """Threat 34: whatever a node sends reaches a process of its user's alone."""
    # Nothing follows the greeting until we have spoken.
    greeting = f"printf '%s\\n' '{READY.decode().strip()}'"
    script = f"{greeting}; sleep 1; head -c 100000 /dev/zero | tr '\\0' 'A'; sleep 30"

    async def body(made: Channel) -> None:
        answer = await asked(made, {"t": "open", "what": HELPER})
        if answer["t"] == "opened":
            channel = Channel(answer["fds"][0])
            assert (await asked(channel, {"t": "which", "names": []}))["t"] == "gone"
        else:
            assert answer["t"] == "gone"

    with_way(body, ["/bin/sh", "-c", script])


def test_pieces_come_apart_wherever_they_are_cut() -> None:
    whole = b"".join(piece(data) for data in (b"a\nb", b"", b"\n" * 5000))
    for step in (1, 2, 7, len(whole)):
        pieces = Pieces()
        found = b"".join(pieces.feed(whole[n : n + step]) for n in range(0, len(whole), step))
        assert found == b"a\nb" + b"\n" * 5000
    with pytest.raises(Broken):
        Pieces().feed(b"\xff\xff\xff\xff")

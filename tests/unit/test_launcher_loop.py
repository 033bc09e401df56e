"""The launcher's loop, turned by hand."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from launchyard.launcher import cgroups, short_tmp
from launchyard.launcher.launcher import Launcher
from launchyard.launcher.link import Link
from launchyard.launcher.marked import Marked
from launchyard.launcher.state import Settings
from launchyard.launcher.table import Launch


@pytest.fixture
def launcher(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Launcher]:
    """It leaves nothing outside of its directory, starts nothing and ends nothing."""
    monkeypatch.setattr(cgroups, "find", lambda *_, **__: None)
    monkeypatch.setattr(short_tmp, "DEEP", 1000)
    # It would find, and end, what tests of this process or beside it have started.
    monkeypatch.setattr(Marked, "_walk", lambda _: {})
    (tmp_path / "launcher").mkdir()
    ours, theirs = socket.socketpair()
    settings = Settings(str(tmp_path), os.getuid(), allow_root_jobs=True, switch=True)
    with theirs:
        yield Launcher(settings, Link(ours))
    ours.close()


def test_what_is_said_of_a_closed_descriptor_is_not_told_to_the_next_of_its_number(
    launcher: Launcher,
) -> None:
    """Both are ready in one look; the handler of the first closes the other, whose number is given anew."""
    heard: list[str] = []
    pipes = [os.pipe() for _ in range(2)]
    fresh: list[int] = []

    def replace(other: int) -> None:
        heard.append("first")
        launcher._unwatch(other)
        os.close(other)
        fresh.extend(os.pipe())
        assert fresh[0] == other
        launcher._watch(other, lambda: heard.append("next"))

    for (read, write), (other, _) in zip(pipes, reversed(pipes), strict=True):
        launcher._watch(read, lambda other=other: replace(other))  # type: ignore[misc]
        os.write(write, b"x")

    launcher._hear()
    assert heard == ["first"]

    os.write(fresh[1], b"x")
    for fd in [read for read, _ in pipes if read != fresh[0]]:
        launcher._unwatch(fd)
    launcher._hear()
    assert heard == ["first", "next"]


def test_a_launch_that_was_to_end_before_its_second_start_is_not_started_again(launcher: Launcher) -> None:
    """Its first child could not go on; the order to end it went to that one, which had ended."""
    launch = Launch("a", {"uid": os.getuid(), "job": 1, "spool_log": "x"})
    launcher._state.table.add(launch)
    launch.pid, launch.again, launch.kill_at = 1 << 30, {"t": "launch"}, 1e9
    launch.marks["again"] = True
    launcher._state.mains[launch.pid], launcher._state.children[launch.pid] = launch, "a"

    assert launcher._is_to_be_done_again(launch)

    assert launcher._orders.pending == {}
    assert launch.facts is not None
    assert launch.facts["error"] == "cancelled before it started"

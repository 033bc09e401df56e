"""Shells that outlive their clients, in a real helper: hung up when nobody comes, or the daemon goes."""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from launchyard.api.outputs import JobTerminals
from launchyard.api.shells import EACH_MAX, Shells
from launchyard.engine.channel import UserHelpers
from launchyard.engine.files import Who
from launchyard.model.errors import Conflict, NotFound
from tests.api_bench import T0, FakeUsers
from tests.unit.helper_process import Helpers, Here, until

# They hang up login shells at their very beginning: a profile that takes a lock may leave it behind then, and
# the next shells wait for it.
pytestmark = pytest.mark.slow

ME = os.getuid()


@pytest.fixture
def started() -> Iterator[Helpers]:
    helpers = Helpers()
    yield helpers
    helpers.end()


def shells_of(helpers: UserHelpers, keep_s: float) -> Shells:
    nothing: Any = None
    terminals = JobTerminals(Here(helpers, nothing), FakeUsers(), nothing)
    return Shells(terminals, host="here", keep_s=keep_s, clock=lambda: T0)


def shells_in(folder: Path) -> list[int]:
    """Processes whose working directory it is."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cwd").readlink() == folder:
                found.append(int(process.name))
        except OSError:
            continue
    return found


def test_shell_that_nobody_looks_at_is_hung_up(started: Helpers, tmp_path: Path) -> None:
    async def work(helpers: UserHelpers) -> None:
        shells = shells_of(helpers, keep_s=0.05)
        shell = await shells.in_folder(Who(uid=ME, roots=[str(tmp_path)]), str(tmp_path), 24, 80)
        await until(lambda: shells.of(ME) == [])
        with pytest.raises(NotFound, match="no such terminal"):
            shells.find(ME, shell.id)
        await until(lambda: shells_in(tmp_path) == [])

    started.with_helpers(work)


def test_shell_that_somebody_looks_at_stays(started: Helpers, tmp_path: Path) -> None:
    async def work(helpers: UserHelpers) -> None:
        shells = shells_of(helpers, keep_s=0.3)
        shell = await shells.in_folder(Who(uid=ME, roots=[str(tmp_path)]), str(tmp_path), 24, 80)
        looking = shells.attach(shell)
        assert shell.closes_at is None
        await looking.write(b"sleep 0.5; echo still-$((40+2))\n")
        shown = b""
        while b"still-42" not in shown:
            shown += await looking.read()
        assert shells.find(ME, shell.id) is shell
        await looking.close()
        await until(lambda: shells.of(ME) == [])

    started.with_helpers(work)


def test_shells_end_with_the_daemon_that_holds_them(started: Helpers, tmp_path: Path) -> None:
    async def work(helpers: UserHelpers) -> None:
        shells = shells_of(helpers, keep_s=600)
        await shells.in_folder(Who(uid=ME, roots=[str(tmp_path)]), str(tmp_path), 24, 80)
        await until(lambda: shells_in(tmp_path))
        (await helpers.of(ME)).close()
        await asyncio.to_thread(started.processes[0].wait, 30)
        await until(lambda: shells_in(tmp_path) == [])
        assert shells.of(ME) == []

    started.with_helpers(work)


def test_nobody_has_more_than_some(started: Helpers, tmp_path: Path) -> None:
    async def work(helpers: UserHelpers) -> None:
        shells = shells_of(helpers, keep_s=600)
        who = Who(uid=ME, roots=[str(tmp_path)])
        for _ in range(EACH_MAX):
            await shells.in_folder(who, str(tmp_path), 24, 80)
        with pytest.raises(Conflict, match="close some"):
            await shells.in_folder(who, str(tmp_path), 24, 80)

    started.with_helpers(work)

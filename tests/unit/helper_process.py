"""Real helper processes for tests, started as the launcher starts them."""

import asyncio
import os
import socket
import subprocess
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import uvloop

from launchyard.engine.channel import Channel, UserHelpers
from launchyard.engine.fake import FakeEngine
from launchyard.engine.places import Place
from launchyard.launcher.messages import package_argv
from launchyard.model.job import Job

LIMIT_S = 60.0


def on_loop(work: Coroutine[None, None, None]) -> None:
    """Run `work` on the loop that the daemon uses, which differs from the usual one in more than speed."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(asyncio.wait_for(work, LIMIT_S))


class Here:
    """`engine.places.Places` where all jobs are on this machine."""

    def __init__(self, helpers: UserHelpers, engine: Any = None) -> None:
        self.helpers = helpers
        self._engine = engine

    def of(self, job: Job) -> Place:
        return Place(self.helpers, self._engine, "/")

    def inside(self, job: Job) -> Place:
        return self.of(job)


class Helpers:
    """Starts helper processes; all are gone at the end of a test."""

    def __init__(self) -> None:
        self.processes: list[subprocess.Popen[bytes]] = []

    def channel(self, uid: int) -> int:
        """A socket to a new one, as `Engine.user_channel` gives it. Root alone can start one for others."""
        ours, theirs = socket.socketpair()
        command = ["/bin/bash", "-c", f'exec "$@" 3<&{theirs.fileno()}', "bash"]
        switch = os.geteuid() == 0 and uid != 0
        process = subprocess.Popen(
            [*command, *package_argv("launchyard.helper.main")],
            pass_fds=[theirs.fileno()],
            user=uid if switch else None,
            extra_groups=[] if switch else None,
        )
        theirs.close()
        self.processes.append(process)
        return ours.detach()

    async def have_been(self, count: int) -> None:
        """Wait until so many have been started in all."""
        await until(lambda: len(self.processes) >= count)

    def end(self) -> None:
        for process in self.processes:
            process.kill()
            process.wait()

    def with_channel(self, work: Callable[[Channel], Awaitable[None]], uid: int = 0) -> None:
        """Run `work` with a channel to a new helper."""

        async def run() -> None:
            channel = Channel(self.channel(uid))
            try:
                await work(channel)
            finally:
                channel.close()

        on_loop(run())

    def with_helpers(self, work: Callable[[UserHelpers], Awaitable[None]]) -> None:
        """Run `work` with helpers on demand."""

        async def run() -> None:
            helpers = UserHelpers(FakeEngine(channel=self.channel))
            try:
                await work(helpers)
            finally:
                helpers.close()

        on_loop(run())


async def until(condition: Callable[[], object]) -> None:
    """Wait for `condition`, for as long as a busy machine may need."""
    deadline = time.monotonic() + LIMIT_S / 2
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        await asyncio.sleep(0.005)

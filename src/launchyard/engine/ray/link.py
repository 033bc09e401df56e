"""One node's launcher, reached through its agent: a `LocalEngine` whose launcher is elsewhere."""

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path

from launchyard.engine.local import LocalEngine, Report
from launchyard.launcher import messages
from launchyard.model.node import Node

FAREWELL_S = 5.0
Dial = Callable[[], Awaitable[socket.socket]]


class NodeLink(LocalEngine):
    """Reports what its launcher reports. It tries to connect until it is dropped."""

    def __init__(self, node: Node, cpus: tuple[int, ...], dial: Dial) -> None:
        super().__init__(Path("/"), nodes=(node,), cpus=cpus)
        self._dial_node = dial
        self._parted: asyncio.Future[None] | None = None
        """Set once the launcher has hung up on us who take our leave."""

    def begin(self, report: Report) -> None:
        """Connect in the background."""
        self._loop = asyncio.get_running_loop()
        self._report = report
        self._connecting = asyncio.ensure_future(self._connect())

    @property
    def answers(self) -> bool:
        """Whether its launcher has said hello on the connection there is."""
        return self._answering

    @property
    def features(self) -> dict[str, str]:
        return dict(self._features)

    async def close(self) -> None:
        """As there: a launcher without jobs ends. Whoever carries that word ends with us, so we wait until it
        has come: the launcher hangs up when it has read all that we said."""
        if self._answering:
            self._report = lambda reports: None
            self._parted = asyncio.get_running_loop().create_future()
            self._send([messages.rest()])
            self._hang_up_when_said()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._parted, FAREWELL_S)
        await self.drop()

    async def drop(self) -> None:
        """Let go without a word: the node is gone, or its launcher is to stay."""
        self._report = lambda reports: None
        if self._connecting is not None:
            self._connecting.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._connecting
        self._disconnect()

    async def _dial(self) -> socket.socket:
        return await self._dial_node()

    # -- leave

    def _hang_up_when_said(self) -> None:
        if self._parted is not None and self._socket is not None and not self._out:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_WR)

    def _writable(self) -> None:
        super()._writable()
        self._hang_up_when_said()

    def _lost(self) -> None:
        if self._parted is None:
            super()._lost()
            return
        self._disconnect()
        if not self._parted.done():
            self._parted.set_result(None)

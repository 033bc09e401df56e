"""One node's launcher, reached through its agent: a `LocalEngine` whose launcher is elsewhere."""

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path

from launchyard.engine.local import LocalEngine, Report
from launchyard.model.node import Node

Dial = Callable[[], Awaitable[socket.socket]]


class NodeLink(LocalEngine):
    """Reports what its launcher reports. It tries to connect until it is dropped."""

    def __init__(self, node: Node, cpus: tuple[int, ...], dial: Dial) -> None:
        super().__init__(Path("/"), nodes=(node,), cpus=cpus)
        self._dial_node = dial

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

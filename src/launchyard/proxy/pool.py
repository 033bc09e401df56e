"""Connections to apps, kept open between requests; made as each app's way says."""

import asyncio
from collections import deque

from launchyard.proxy.link import Link, connected
from launchyard.proxy.way import Way

KEPT_OPEN_S = 2.0
"""Shorter than servers keep a quiet connection, so that none is used that is being closed."""
CONNECTIONS_MAX = 256
CONNECT_S = 20.0


class Pool:
    """All of them, by the key of their way. Made on the loop that uses it."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._apps: dict[str, _App] = {}
        self._sweeping: asyncio.TimerHandle | None = None

    def kept(self, way: Way) -> Link | None:
        """One that nobody else uses, if there is one already; to be given back."""
        app = self._apps.get(way.key)
        return None if app is None else app.quiet_link(self._loop.time())

    async def link(self, way: Way) -> Link:
        """The same, or a new one. Raises what connecting raises, and `TimeoutError`."""
        link = self.kept(way)
        if link is not None:
            return link
        app = self._apps.get(way.key)
        if app is None:
            app = self._apps[way.key] = _App()
        async with asyncio.timeout(CONNECT_S):
            return await self._new(way, app)

    def give_back(self, way: Way, link: Link) -> None:
        """Keep it for the next request, or close it if it is not fit for one."""
        app = self._apps[way.key]
        if not link.rest(self._loop.time()):
            link.close()
            app.lose()
        else:
            app.keep(link)
        self._sweep_later()

    def close(self) -> None:
        """Those that nobody uses; the others are closed when they are given back."""
        if self._sweeping is not None:
            self._sweeping.cancel()
        for app in self._apps.values():
            app.sweep(float("inf"))

    async def _new(self, way: Way, app: "_App") -> Link:
        while app.count >= CONNECTIONS_MAX:
            await app.turn()
            link = app.quiet_link(self._loop.time())
            if link is not None:
                return link
        app.count += 1
        try:
            sock = await way.connect()
            return await connected(sock, Link)
        except BaseException:
            app.lose()
            self._sweep_later()
            raise

    def _sweep_later(self) -> None:
        if self._sweeping is None:
            self._sweeping = self._loop.call_later(KEPT_OPEN_S, self._sweep)

    def _sweep(self) -> None:
        self._sweeping = None
        for key, app in list(self._apps.items()):
            app.sweep(self._loop.time())
            if app.is_left:
                del self._apps[key]
        if any(app.quiet for app in self._apps.values()):
            self._sweep_later()


class _App:
    """The connections to one app: those nobody uses, and how many there are in all."""

    def __init__(self) -> None:
        self.quiet: list[Link] = []
        self.count = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    def quiet_link(self, now: float) -> Link | None:
        """The one that was used last: it is the least likely to be closed just now."""
        while self.quiet:
            link = self.quiet.pop()
            if link.is_good(now - KEPT_OPEN_S):
                return link
            link.close()
            self.lose()
        return None

    def keep(self, link: Link) -> None:
        self.quiet.append(link)
        self._next()

    def lose(self) -> None:
        self.count -= 1
        self._next()

    async def turn(self) -> None:
        """Wait until there may be one to have."""
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._next()
            raise

    def sweep(self, now: float) -> None:
        quiet, self.quiet = self.quiet, []
        for link in quiet:
            if link.is_good(now - KEPT_OPEN_S):
                self.quiet.append(link)
            else:
                link.close()
                self.lose()

    @property
    def is_left(self) -> bool:
        """Whether nobody has one, and nobody waits for one."""
        return not (self.count or self._waiting)

    def _next(self) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return

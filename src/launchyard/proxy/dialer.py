"""The client of WebSockets to apps: aiohttp's, over connections that are made as each app's way says."""

from collections import OrderedDict
from typing import Any

import aiohttp
from aiohttp.client_proto import ResponseHandler
from yarl import URL

from launchyard.proxy.link import connected
from launchyard.proxy.pool import CONNECT_S, CONNECTIONS_MAX
from launchyard.proxy.way import Way

READ_AHEAD_BYTES = 256 * 1024
WAYS_MAX = 4096


class Dialer:
    """One for all apps. Made on the loop that uses it."""

    def __init__(self) -> None:
        self._connector = _Connector()
        self.client = aiohttp.ClientSession(
            connector=self._connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            timeout=aiohttp.ClientTimeout(total=None, connect=CONNECT_S),
            read_bufsize=READ_AHEAD_BYTES,
            skip_auto_headers=("accept", "accept-encoding", "user-agent", "content-type"),
            max_line_size=64 * 1024,
            max_field_size=64 * 1024,
        )

    def address(self, way: Way, raw_path: str, query: str) -> URL:
        """Where the app is asked, as this client knows it."""
        self._connector.remember(way)
        return URL.build(
            scheme="http", host=way.key, path=way.path(raw_path), query_string=query, encoded=True
        )

    async def close(self) -> None:
        await self.client.close()


class _Connector(aiohttp.BaseConnector):
    def __init__(self) -> None:
        super().__init__(force_close=True, limit=0, limit_per_host=CONNECTIONS_MAX)
        self._ways: OrderedDict[str, Way] = OrderedDict()

    def remember(self, way: Way) -> None:
        self._ways[way.key] = way
        while len(self._ways) > WAYS_MAX:
            self._ways.popitem(last=False)

    async def _create_connection(self, req: Any, traces: Any, timeout: Any) -> ResponseHandler:
        sock = await self._ways[req.url.host].connect()
        return await connected(sock, self._factory)

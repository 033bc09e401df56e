"""Connections to apps, kept open between requests; made as each app's way says."""

import asyncio
import socket
from collections import OrderedDict
from typing import Any

import aiohttp
from aiohttp.client_proto import ResponseHandler
from yarl import URL

from launchyard.proxy.way import Way

KEPT_OPEN_S = 2.0
"""Shorter than servers keep a quiet connection, so that none is used that is being closed."""
CONNECTIONS_MAX = 256
READ_AHEAD_BYTES = 256 * 1024
CONNECT_S = 20.0
WAYS_MAX = 4096


class Pool:
    """One client for all apps. Made on the loop that uses it."""

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
        super().__init__(keepalive_timeout=KEPT_OPEN_S, limit=0, limit_per_host=CONNECTIONS_MAX)
        self._ways: OrderedDict[str, Way] = OrderedDict()

    def remember(self, way: Way) -> None:
        self._ways[way.key] = way
        while len(self._ways) > WAYS_MAX:
            self._ways.popitem(last=False)

    async def _create_connection(self, req: Any, traces: Any, timeout: Any) -> ResponseHandler:
        sock = await self._ways[req.url.host].connect()
        loop = asyncio.get_running_loop()
        try:
            if sock.family == socket.AF_UNIX:
                _, protocol = await loop.create_unix_connection(self._factory, sock=sock)
            else:
                _, protocol = await loop.create_connection(self._factory, sock=sock)
        except BaseException:
            sock.close()
            raise
        return protocol
